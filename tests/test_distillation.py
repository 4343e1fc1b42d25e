"""The example that distils the optimum into a network."""

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

import meta_envs
from meta_envs.learners import roll_out
from meta_envs.solvers import Bayes

pytest.importorskip("sb3_contrib")

EXAMPLE = run_path(str(Path(__file__).parents[1] / "examples" / "distil_the_optimum.py"))


def test_the_pupil_is_told_what_the_optimum_does_on_its_own_history() -> None:
    """Of two independent arms the optimum stays after a first win and shifts after a first loss."""
    family = meta_envs.make_family("MetaBandit-Independent-v0", num_trials=8)
    pupil = EXAMPLE["Pupil"](EXAMPLE["make_agent"]("MetaBandit-Independent-v0", 4, 1), Bayes())
    (block,) = roll_out([pupil], family, range(200), 0)
    rollout = block.rollouts[0]
    assert [len(pupil.seen), len(pupil.told)] == [8, 8]
    assert len(np.unique(rollout.action[0])) == 2
    stays = pupil.told[1] == rollout.action[0]
    np.testing.assert_array_equal(stays, rollout.reward[0] == 1.0)
    previous = pupil.seen[1].numpy()[:, 1:4]
    np.testing.assert_array_equal(previous[:, :2].argmax(1), rollout.action[0])
    np.testing.assert_array_equal(previous[:, 2], rollout.reward[0])


def test_it_writes_an_agent(tmp_path: Path) -> None:
    """Of the units that were asked for, which plays, and whose distilled weights are not those it began with."""
    path, id = tmp_path / "runs" / "distilled.safetensors", "MetaBandit-DependentEasy-v0"
    EXAMPLE["main"](id, 6, 2, 4, 1, 2, path)
    agent, before = meta_envs.load_agent(path), EXAMPLE["make_agent"](id, 6, 1)
    assert agent.card.network["lstm_hidden_size"] == 6
    moved = [
        not (one == other).all()
        for one, other in zip(agent.policy.parameters(), before.policy.parameters(), strict=True)
    ]
    assert sum(moved) == len(moved) - 2  # all but the value's weight and bias
