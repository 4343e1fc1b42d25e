"""Regret curves go over what a task counts, also where lifetimes are of unlike length."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from families import UnlistedRooms

import meta_envs
from meta_envs import evaluate
from meta_envs.envs.single import MetaEnv
from meta_envs.evaluation.figure import regret_figure
from meta_envs.families.harlow import TRIAL, Harlow
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner

SEED = 2**32 + 2**20


class Turner(Learner):
    """Turns left for all of some lifetimes, and plays the others as the oracle does: these end early."""

    name = "turner"
    needs = ("state", "task")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        self._family = family

    def inform(self, known: dict[str, Array]) -> None:
        self._known = known

    def act(self, observation: Any) -> Array:
        best = self._family.best_action(self._known["task"], self._known["state"])
        return np.where(self._known["task"][:, 0] % 2 == 0, 0, best)


def test_pixels_are_counted_by_trial_and_trials_that_are_not_reached_are_lost():
    """By hand, step by step: what a trial's steps paid is taken from its share; the clock ends some lifetimes early."""
    family = Harlow(num_trials=3, num_decisions=40, resolution=36)
    card = evaluate(Turner(), family, episodes=30)
    env, curves, ends = MetaEnv(family), [], []
    for lifetime in range(30):
        env.reset(seed=SEED + lifetime)
        paid, over = np.zeros(3), False
        while not over:
            state = env._lifetime.state()
            action = 0 if env.task[0] % 2 == 0 else int(family.best_action(env.task[None], state[None])[0])
            trial = int(state[TRIAL])
            _, reward, over, _, _ = env.step(action)
            paid[trial] += reward
        curves.append(np.cumsum(1.2 - paid))
        ends.append(int(env._lifetime.state()[TRIAL]))
    assert len(set(ends)) > 1
    assert card.curve_unit == "trial"
    assert card.regret_curve == pytest.approx(np.mean(curves, axis=0).tolist())
    assert card.regret_curve_se == pytest.approx((np.std(curves, axis=0, ddof=1) / np.sqrt(30)).tolist())
    assert card.regret_mean == card.regret_curve[-1]


@pytest.mark.parametrize("id", ["MetaHarlow-v0", "MetaHarlow-Symbolic-v0"])
def test_in_harlows_task_the_optimum_loses_the_guess_alone(id):
    """Its curve is 1 after the first trial, in the mean, and level from there on; the oracle's is 0 throughout."""
    keywords = {"resolution": 36, "num_trials": 4, "num_decisions": 60} if id == "MetaHarlow-v0" else {}
    best, oracle = evaluate(["bayes", "oracle"], id, episodes=400, **keywords)
    assert best.regret_curve == pytest.approx([best.regret_mean] * len(best.regret_curve))
    assert best.regret_mean == pytest.approx(1.0, abs=4 * best.regret_se)
    assert oracle.regret_curve == pytest.approx([0.0] * len(best.regret_curve))


@pytest.mark.parametrize(
    ("id", "keywords", "unit", "points"),
    [
        ("MetaBandit-Independent-v0", {"num_trials": 7}, "trial", 7),
        ("MetaBandit-Restless-v0", {"num_trials": 7}, "trial", 7),
        ("MetaTwoStep-v0", {"num_trials": 7}, "trial", 7),
        ("MetaTwoStep-Switching-v0", {"num_trials": 7}, "trial", 7),
        ("MetaHarlow-Symbolic-v0", {"num_trials": 7}, "trial", 7),
        ("MetaHarlow-v0", {"num_trials": 7, "resolution": 36, "num_decisions": 84}, "trial", 7),
        ("MetaNavigation-IMazeGrid-v0", {"corridor": 3, "arm": 2, "num_moves": 24}, "step", 24),
        ("MetaMDP-Tabular-v0", {"num_episodes": 2, "episode_length": 4}, "step", 8),
    ],
)
def test_curves_go_over_what_is_counted(tmp_path, monkeypatch, id, keywords, unit, points):
    """Trials where there are trials, of one step or of many; and the axis of the figure says so."""
    card = evaluate("random", id, episodes=10, **keywords)
    assert (card.curve_unit, len(card.regret_curve), len(card.regret_curve_se)) == (unit, points, points)
    labels = []
    from matplotlib.axes import Axes

    monkeypatch.setattr(Axes, "set_xlabel", lambda axes, label: labels.append((label, axes.get_xlim())))
    regret_figure([card], tmp_path / "figure.png")
    assert [label for label, _ in labels] == [unit]


@dataclass(frozen=True, kw_only=True)
class ToldRooms(UnlistedRooms):
    """Rooms that are not listed, and say what the oracle has: lifetimes end when one is let out."""

    def task_optimum(self, task: Array) -> Array:
        return np.full(len(task), 3.0)


def test_what_is_over_keeps_its_regret():
    """Where steps are counted, the oracle's return is spread over those that a lifetime lasts: then nothing changes."""
    family = ToldRooms(length=8)
    table = meta_envs.behaviour.record_trials("random", family, episodes=60)
    curves = []
    for rows in table.split("lifetime").values():
        lasts = len(rows)
        curve = 3.0 * np.arange(1, lasts + 1) / lasts - np.cumsum(rows["expected"])
        curves.append(np.append(curve, np.full(8 - lasts, curve[-1])))
    assert len({len(rows) for rows in table.split("lifetime").values()}) > 2
    card = evaluate("random", family, episodes=60)
    assert card.curve_unit == "step"
    assert card.regret_curve == pytest.approx(np.mean(curves, axis=0).tolist())
