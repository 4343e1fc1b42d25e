"""Learners and solvers from outside, by their place, as environments are."""

import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import gymnasium as gym
import pytest
from typer.testing import CliRunner

import meta_envs
from meta_envs import Unsolvable
from meta_envs.cli import app

OUTSIDE = '''
"""A family, its solver, and a learner, none of which the package knows."""

from dataclasses import dataclass

import numpy as np

import meta_envs
from meta_envs.families import DependentBandit
from meta_envs.learners import Learner


class Stayer(Learner):
    """Pulls one arm for ever."""

    needs = ()

    def __init__(self, *, arm: float = 0) -> None:
        self._arm = int(arm)

    def begin(self, family, num, rng):
        self._num = num

    def act(self, observation):
        return np.full(self._num, self._arm)


@dataclass(frozen=True, kw_only=True)
class Solved(DependentBandit):
    """Dependent arms whose optimum somebody has worked out."""

    solver = "outside_rules:solve_by_hand"


@dataclass(frozen=True, kw_only=True)
class Derived(Solved):
    """One derived from it."""


@dataclass(frozen=True, kw_only=True)
class Open(DependentBandit):
    """Its solver gives up."""

    solver = "outside_rules:give_up"


@dataclass(frozen=True, kw_only=True)
class Wrong(DependentBandit):
    """Its solver gives a number."""

    solver = "outside_rules:number"


def solve_by_hand(family):
    return meta_envs.Optimum(value=42.0, achieved=40.0, kind="bound", note="by hand", random_value=5.0, player=Stayer)


def give_up(family):
    raise meta_envs.Unsolvable("Nobody has solved this.")


def number(family):
    return 42.0


def nothing():
    return None


meta_envs.register("MetaOutside-Solved-v0", "outside_rules:Solved", num_trials=10)
'''


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module is on the path, and its environment registered, for the time of a test."""
    (tmp_path / "outside_rules.py").write_text(OUTSIDE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with patch.dict(gym.registry):
        yield
    sys.modules.pop("outside_rules", None)


def test_a_learner_is_found_by_its_place() -> None:
    """With its constants behind a colon, beside the package's own, and called as it was typed."""
    places = ["outside_rules:Stayer", "outside_rules:Stayer:arm=1", "random"]
    first, second, random = meta_envs.evaluate(places, "MetaBandit-Dependent-v0", episodes=20)
    assert [card.learner for card in (first, second, random)] == places
    assert first.regret_mean + second.regret_mean == pytest.approx(2 * random.regret_mean, rel=0.1)
    assert first.regret_mean != second.regret_mean


def test_the_command_line_takes_it(tmp_path: Path) -> None:
    """`meta-envs evaluate ID --agent module:Class`, the id from outside too."""
    command = ["evaluate", "outside_rules:MetaOutside-Solved-v0", "--agent", "outside_rules:Stayer", "--episodes", "5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "outside_rules:Stayer" in result.output
    assert "Optimal return 42.00 (bound)" in result.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("outside_ruls:Stayer", "no learner 'outside_ruls:Stayer', since there is no module 'outside_ruls'"),
        ("outside_rules:Stayr", "The module 'outside_rules' has no learner 'Stayr': did you mean Stayer"),
        (
            "outside_rules:nothing",
            "'outside_rules:nothing' makes a NoneType: derive it from meta_envs.learners.Learner",
        ),
        ("outside_rules:Stayer:leg=1", "The learner 'outside_rules:Stayer' has no constant 'leg': it takes arm"),
        ("outside_rules:Stayer:arm=x", "give a number, as in arm=1"),
    ],
)
def test_a_wrong_place_gets_a_sentence(name: str, message: str) -> None:
    """What is wrong, the value, and the cure."""
    with pytest.raises(ValueError, match=message):
        meta_envs.make_learner(name)


def test_a_family_brings_its_solver() -> None:
    """What it gives is the optimum, whose policy is played; a derived class may pay otherwise, and is solved anew."""
    optimum = meta_envs.solve("outside_rules:MetaOutside-Solved-v0")
    assert (optimum.value, optimum.achieved, optimum.kind, optimum.note) == (42.0, 40.0, "bound", "by hand")
    card = meta_envs.evaluate(optimum.policy, "MetaOutside-Solved-v0", episodes=10)
    assert card.score == pytest.approx((card.return_mean - 5.0) / 37.0)
    module = sys.modules["outside_rules"]
    assert (
        meta_envs.solve(module.Derived(num_trials=10)).value
        == meta_envs.solve("MetaBandit-Dependent-v0", num_trials=10).value
    )


def test_a_solver_from_outside_may_give_up_but_not_give_nonsense() -> None:
    """`Unsolvable` is a note on the card; what is no optimum is refused with the solver's place."""
    meta_envs.make_learner("outside_rules:Stayer")
    module = sys.modules["outside_rules"]
    with pytest.raises(Unsolvable, match="Nobody has solved this"):
        meta_envs.solve(module.Open())
    assert meta_envs.evaluate("random", module.Open(), episodes=2).note == "No score: Nobody has solved this."
    with pytest.raises(
        TypeError, match=r"The solver outside_rules:number of Wrong gave a float: give a meta_envs\.Optimum"
    ):
        meta_envs.solve(module.Wrong())
