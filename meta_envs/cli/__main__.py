"""``python -m meta_envs.cli``: the command line where the program is not on the path."""

from meta_envs.cli import main

if __name__ == "__main__":
    main()
