"""Try the wheel in dist/ as a user would: base dependencies only, in an empty environment, outside the checkout.

`make wheel` calls this. It needs nothing but Python, and runs on every platform.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent

# Run by the wheel's interpreter.
SMOKE = """
import sys

import meta_envs

HEAVY = {"matplotlib", "pygame", "rich", "sb3_contrib", "scipy", "stable_baselines3", "torch", "typer"}
assert not HEAVY & set(sys.modules), f"import meta_envs loads {sorted(HEAVY & set(sys.modules))}"

import gymnasium as gym
import meta_envs.wrappers

ID = "MetaBandit-Dependent-v0"

env = gym.make(ID, render_mode="rgb_array")
observation, info = env.reset(seed=0)
assert env.observation_space.contains(observation), observation
env.step(env.action_space.sample())
frame = env.render()
assert frame.dtype == "uint8" and frame.ndim == 3 and frame.shape[2] == 3, (frame.dtype, frame.shape)
assert frame.std() > 0, "the picture is blank"
env.close()

venv = gym.make_vec(ID, num_envs=3)
observations, infos = venv.reset(seed=0)
assert len(observations) == 3, observations.shape
venv.step(venv.action_space.sample())
venv.close()

from meta_envs import agents
for id in agents.ids():
    agents.read_card(agents.find(id))
    assert all(agents.find(f"{id}@{name}").is_file() for name in agents.variants(id))

OPTIONAL = {"matplotlib", "sb3_contrib", "stable_baselines3", "torch"}
assert not OPTIONAL & set(sys.modules), f"base use loads {sorted(OPTIONAL & set(sys.modules))}"
"""

SMOKE_STRING_ID = 'import gymnasium; gymnasium.make("meta_envs:MetaBandit-Dependent-v0").reset(seed=0)'


def check_contents(wheel: Path) -> None:
    """Compare the files in the wheel with those in the checkout."""
    with ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    top = {PurePosixPath(name).parts[0] for name in files}
    assert top == {"meta_envs"}, f"the wheel puts {sorted(top)} into site-packages, and should put meta_envs alone."
    assert "meta_envs/py.typed" in files, "the wheel lacks meta_envs/py.typed."

    sources = {path.relative_to(ROOT) for path in (ROOT / "meta_envs").rglob("*.py")}
    sources |= {"meta_envs" / path.relative_to(ROOT) for path in (ROOT / "wrappers").rglob("*.py")}
    sources |= {
        path.relative_to(ROOT) for path in (ROOT / "meta_envs" / "agents" / "shipped").rglob("*") if path.is_file()
    }
    missing = {path.as_posix() for path in sources} - files
    assert not missing, f"the wheel lacks {sorted(missing)}: list their packages and data in pyproject.toml."
    assert "meta_envs/wrappers/__init__.py" in files, "the wheel lacks meta_envs.wrappers."


def check_versions(wheel: Path) -> None:
    """Compare the versions in the wheel's name and in CITATION.cff."""
    version = wheel.name.split("-")[1]
    cited = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited == [version], f"CITATION.cff should say 'version: {version}', as pyproject.toml does."


def check_installed(wheel: Path) -> None:
    """Install the wheel with its base dependencies, and use it from an empty directory."""
    with tempfile.TemporaryDirectory(prefix="meta-envs-wheel-") as folder:
        scripts = Path(folder, "env", "Scripts" if os.name == "nt" else "bin")
        elsewhere = Path(folder, "elsewhere")
        elsewhere.mkdir()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

        def run(*command: str | Path) -> None:
            subprocess.run(command, cwd=elsewhere, env=environ, check=True)

        venv.create(Path(folder, "env"), with_pip=True)
        python = scripts / "python"
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "install", "-c", ROOT / "constraints.txt", wheel)
        run(*pip, "check")
        run(python, "-W", "error", "-c", SMOKE)
        run(python, "-W", "error", "-c", SMOKE_STRING_ID)
        run(scripts / "meta-envs", "--help")
        run(scripts / "meta-envs", "list")
        run(scripts / "meta-envs", "info", "MetaBandit-Dependent-v0")


def main() -> None:
    """Check the one wheel in dist/."""
    wheels = list((ROOT / "dist").glob("*.whl"))
    if len(wheels) != 1:
        raise SystemExit(f"dist/ holds {len(wheels)} wheels, and should hold one: run `make wheel`.")
    (wheel,) = wheels
    try:
        check_contents(wheel)
        check_versions(wheel)
        check_installed(wheel)
    except (AssertionError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{wheel.name}: {error}") from error
    print(f"{wheel.name} works with its base dependencies alone on Python {sys.version.split()[0]}.")


if __name__ == "__main__":
    main()
