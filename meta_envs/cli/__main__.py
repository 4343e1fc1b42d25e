"""``python -m meta_envs.cli``: the command line where the program is not on the path."""

from meta_envs.cli import main

main()
