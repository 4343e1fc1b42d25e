"""What is not needed is not imported."""

import subprocess
import sys

import pytest

MADE = """
import sys, gymnasium as gym, numpy as np, meta_envs
env = gym.make("MetaBandit-Dependent-v0")
env.reset(seed=0)
env.step(1)
venv = gym.make_vec("MetaBandit-Dependent-v0", num_envs=3)
venv.reset(seed=0)
venv.step(np.zeros(3, int))
"""
OTHERS = ("families.restless", "families.maze", "families.worlds", "families.harlow", "rendering.painters.")


def run(code: str) -> str:
    """What Python code prints in a process of its own, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """The modules that a bandit has brought in."""
    return run(f"{MADE}\nprint(*sys.modules)").split()


@pytest.mark.parametrize("room", ["learners", "solvers", "evaluation", "training", "networks", "agents", "roster"])
def test_making_a_bandit_imports_no_other_room(room: str, imported: list[str]) -> None:
    """An environment needs families, lifetimes and the classes that face Gymnasium."""
    assert "meta_envs" in imported
    assert not [name for name in imported if name.startswith(f"meta_envs.{room}")]


@pytest.mark.parametrize("other", OTHERS)
def test_making_a_bandit_imports_no_other_family_and_no_painter(other: str, imported: list[str]) -> None:
    """A painter is imported when something is drawn, a family when it is made."""
    assert not [name for name in imported if name.startswith(f"meta_envs.{other}")]


def test_a_picture_imports_its_own_painter_alone() -> None:
    """The bandit's is the general one."""
    code = (
        f"{MADE}\nenv = gym.make('MetaBandit-Dependent-v0', render_mode='rgb_array')\nenv.reset(seed=0)\nenv.render()"
    )
    shown = "sorted(name for name in sys.modules if name.startswith('meta_envs.rendering.painters.'))"
    assert run(f"{code}\nprint({shown})") == "['meta_envs.rendering.painters.general']\n"
