"""Mistakes in code are told as what they are; only refusals that are meant become notes and sentences."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import pytest

import meta_envs
from meta_envs import LEARNERS, CannotServe, Unsolvable, cli
from meta_envs.families import DependentBandit, IndependentBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Random

PLUG_IN = """
import numpy as np
from meta_envs.families import DependentBandit
from meta_envs.family import require

class PlugIn(DependentBandit):
    def predict(self, belief, state, action):
        return super().predict(belief, state, action) + np.zeros(3)

class Refusing(DependentBandit):
    def __post_init__(self):
        require(self.num_trials != 7, "num_trials", self.num_trials, "give another number than 7")
"""


class Unlike(DependentBandit):
    """Adds arrays of unlike shape: a mistake, for which NumPy raises a ValueError."""

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Posterior predictive probabilities, had the shapes fitted."""
        return super().predict(belief, state, action) + np.zeros(3)


class Clumsy(Random):
    """Has a mistake in ``begin``, also a ValueError."""

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin, had the shapes fitted."""
        super().begin(family, num, rng)
        self.counts = np.zeros(num) + np.zeros(num + 1)


def test_a_mistake_in_a_family_is_no_note() -> None:
    """Neither `solve` nor `evaluate` takes it for a family that cannot be solved."""
    for call in (meta_envs.solve, lambda family: meta_envs.evaluate("random", family, episodes=10)):
        with pytest.raises(ValueError, match="could not be broadcast") as caught:
            call(Unlike(num_trials=5))
        assert not isinstance(caught.value, Unsolvable | CannotServe)


def test_a_family_that_cannot_be_solved_is_a_note() -> None:
    """What is meant stays: the card has no score, and says why."""
    family = IndependentBandit(num_arms=3, num_trials=1000)
    with pytest.raises(Unsolvable, match="give it fewer trials"):
        meta_envs.solve(family)
    card = meta_envs.evaluate("random", family, episodes=2)
    assert card.score is None
    assert "give it fewer trials" in card.note


def test_a_mistake_in_a_learner_is_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serving` asks a learner and begins nothing, and a rollout shows the mistake."""
    monkeypatch.setitem(LEARNERS, "clumsy", Clumsy)
    assert meta_envs.serving(["random", "clumsy", "psrl"], "MetaBandit-Dependent-v0") == ["random", "clumsy"]
    with pytest.raises(ValueError, match="could not be broadcast"):
        meta_envs.evaluate("clumsy", "MetaBandit-Dependent-v0", episodes=10)


QUICK: dict[str, dict[str, Any]] = {
    "MetaBandit-Independent-v0": {"num_trials": 5},
    "MetaBandit-Restless-v0": {"num_trials": 5},
    "MetaTwoStep-Switching-v0": {"num_trials": 5},
    "MetaHarlow-v0": {"resolution": 36, "num_trials": 2, "num_decisions": 40},
    "MetaHarlow-Symbolic-v0": {"num_trials": 2},
    "MetaNavigation-IMaze-v0": {"resolution": 36, "num_decisions": 10},
    "MetaNavigation-IMazeGrid-v0": {"num_moves": 5},
    "MetaNavigation-RandomMaze-v0": {"resolution": 36, "size": "tiny", "num_decisions": 10},
    "MetaMDP-Tabular-v0": {"num_episodes": 2, "num_states": 3},
}
"""An environment of every kind, with keywords for which its optimum is quick to have."""


@pytest.mark.parametrize("id", QUICK)
def test_learners_say_whom_they_serve_without_beginning(id: str) -> None:
    """`check` refuses exactly what `begin` refuses, with the same sentence, whoever the learner is."""
    family, refused = meta_envs.make_family(id, **QUICK[id]), 0
    for name in LEARNERS:
        learner, said = meta_envs.make_learner(name), []
        for call in (learner.check, partial(learner.begin, num=1, rng=np.random.default_rng(0))):
            try:
                call(family)
            except CannotServe as error:
                said.append(str(error))
        assert len(said) in (0, 2), name
        assert len(set(said)) <= 1, said
        refused += bool(said)
    assert 0 < refused < len(LEARNERS)


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module with families from outside, beside which one stands."""
    path = tmp_path / "plug_in_families.py"
    ids = [f'meta_envs.register("MetaPlugIn-{name}-v0", "plug_in_families:{name}")' for name in ("PlugIn", "Refusing")]
    path.write_text("\n".join([PLUG_IN, "import meta_envs", *ids]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "plug_in_families", raising=False)
    with patch.dict(gym.registry):
        yield path


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command line says of an error, with exit status 2."""
    monkeypatch.setattr(sys, "argv", ["meta-envs", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    return capsys.readouterr().err


def test_the_command_line_tells_where_a_plug_in_went_wrong(
    plug_in: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake of a family from outside keeps its file and line, and so does its refusal; `--traceback` shows all."""
    told = call(monkeypatch, capsys, "evaluate", "plug_in_families:MetaPlugIn-PlugIn-v0", "--episodes", "5")
    line = PLUG_IN.splitlines().index("        return super().predict(belief, state, action) + np.zeros(3)") + 1
    assert "could not be broadcast" in told
    assert f"in {plug_in}, line {line}: return super().predict" in told
    assert "--traceback" in told
    told = call(monkeypatch, capsys, "evaluate", "MetaPlugIn-Refusing-v0", "--env", "num_trials=7")
    assert "num_trials=7 is not possible: give another number than 7." in told
    assert f"in {plug_in}, line" in told
    told = call(monkeypatch, capsys, "--traceback", "evaluate", "MetaPlugIn-PlugIn-v0", "--episodes", "5")
    assert told.startswith("Traceback")
    assert "solve_generic" in told
    assert "could not be broadcast" in told.splitlines()[-1]


def test_a_refusal_of_the_package_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file and a line, which say nothing to whoever typed it."""
    told = call(monkeypatch, capsys, "evaluate", "MetaBandit-Dependent-v0", "--env", "num_trials=-1")
    assert told == "Error: num_trials=-1 is not possible: give a whole number of at least 1.\n"
