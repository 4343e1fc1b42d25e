"""Print constraints.txt with each core dependency at the lower bound that pyproject.toml gives it.

`make test CONSTRAINTS=oldest.txt` calls this, and runs the tests on the result.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the constraints, one a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = dict(requirement.split(">=") for requirement in project["dependencies"])
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name = re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        print(f"{name}=={oldest.pop(name)}" if name in oldest else line)
    if oldest:
        raise SystemExit(f"constraints.txt does not pin {', '.join(oldest)}: add what `pip freeze` prints for it.")


if __name__ == "__main__":
    main()
