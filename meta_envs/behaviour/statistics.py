"""Statistics of behaviour: regret, P(best arm), stay probabilities, accuracy and latency, with intervals."""

from __future__ import annotations

import numpy as np

from meta_envs.arguments import require
from meta_envs.behaviour.estimates import Estimates, average, proportions
from meta_envs.behaviour.trials import TrialTable, refuse_twins
from meta_envs.family import Array

CELLS = np.array(["rewarded common", "rewarded rare", "unrewarded common", "unrewarded rare"])
"""Order of the stay probabilities."""


def regret_by_trial(table: TrialTable, *, cumulative: bool = True) -> Estimates:
    """Mean expected regret of every trial, or of all up to it, with Student's t intervals over lifetimes.

    A lifetime that ended loses nothing more.

    Args:
        table: With ``lifetime``, ``trial`` and ``regret``.
        cumulative: Whether to add up.
    """
    table.need("Regret by trial", "lifetime", "trial", "regret")
    lifetime = table.lifetimes()
    trials, trial = np.unique(table["trial"], return_inverse=True)
    shape = (int(np.max(lifetime, initial=-1)) + 1, len(trials))
    regret = np.bincount(lifetime * len(trials) + trial, table["regret"], shape[0] * shape[1]).reshape(shape)
    values = np.cumsum(regret, axis=1) if cumulative else regret
    return average(values.ravel(), np.tile(np.arange(len(trials)), shape[0]), trials)


def best_arm_by_trial(table: TrialTable, *, stage: int | None = None) -> Estimates:
    """Proportion of best actions in every trial: P(best arm).

    Args:
        table: With ``lifetime``, ``trial`` and ``optimal``.
        stage: Only actions of this stage; of a two-step task 1, since the second stage's make no difference.
    """
    if stage is not None:
        table = table.where(table["stage"] == stage)
    return _by_trial(table, "P(best arm) by trial", "optimal")


def accuracy_by_trial(table: TrialTable) -> Estimates:
    """Proportion of correct choices in every trial, as Harlow's task is reported.

    Args:
        table: With ``lifetime``, ``trial`` and ``correct``; of recorded steps `choices_of_images` makes one.
    """
    return _by_trial(table, "Accuracy by trial", "correct")


def _by_trial(table: TrialTable, what: str, name: str) -> Estimates:
    table.need(what, "lifetime", "trial", name)
    trials, trial = np.unique(table["trial"], return_inverse=True)
    return proportions(_truth(table, what, name), trial, table.lifetimes(), trials)


def choices_of_images(table: TrialTable, *, reward: float = 1.0, penalty: float = -1.0) -> TrialTable:
    """The steps of Harlow's task at which an image was chosen, with ``correct``, and ``trial`` counted by choices.

    Args:
        table: Recorded steps, with ``lifetime``, ``step`` and ``reward``.
        reward: What the rewarded image pays.
        penalty: What the other one pays; neither may be what anything else pays.
    """
    table.need("Choices of images", "lifetime", "step", "reward")
    table = table.in_order()
    paid = table["reward"]
    chosen = table.where(np.isclose(paid, reward) | np.isclose(paid, penalty))
    lifetime = chosen.lifetimes()
    trial = np.arange(len(chosen)) - np.searchsorted(lifetime, lifetime) + 1
    return chosen.with_columns(trial=trial, correct=np.isclose(chosen["reward"], reward).astype(np.int64))


def latency_by_visit(table: TrialTable, *, goal_reward: float | None = None) -> Estimates:
    """Mean steps to the goal by visit, with Student's t intervals: from the start, then from goal to goal.

    Only lifetimes that came so far count; later visits are therefore those of quick lifetimes, as ``count`` shows.

    Args:
        table: With ``lifetime``, ``step`` (from 1) and ``goal``.
        goal_reward: Steps with exactly this reward have reached the goal, in place of ``goal``.
    """
    if goal_reward is not None:
        table.need("Latency by visit", "reward")
        table = table.with_columns(goal=np.isclose(table["reward"], goal_reward).astype(np.int64))
    table.need("Latency by visit", "lifetime", "step", "goal")
    table = table.in_order()
    reached = table.where(_truth(table, "Latency by visit", "goal"))
    lifetime, step = reached.lifetimes(), reached["step"]
    visit = np.arange(len(reached)) - np.searchsorted(lifetime, lifetime)
    latency = np.where(visit == 0, step, np.diff(step, prepend=0))
    return average(latency, visit, np.arange(1, np.max(visit, initial=-1) + 2))


def two_step_trials(table: TrialTable) -> TrialTable:
    """A two-step task's trials, one row each: the first stage's rows, with the trial's ``reward`` and ``common``.

    The common transition is that of the first action to S2 and of the second to S3.

    Args:
        table: Recorded steps, with ``lifetime``, ``trial``, ``stage``, ``action``, ``outcome`` and ``reward``.

    Raises:
        ValueError: If a column is missing, or trials have other than two stages.
    """
    table.need("A two-step task's trials", "lifetime", "trial", "stage", "action", "outcome", "reward")
    table = table.in_order()
    first = np.flatnonzero(table["stage"] == 1)
    stages = np.append(np.diff(first), len(table) - first[-1]) if len(first) else np.zeros(0)
    if len(table) != 2 * len(first) or np.any(stages != 2):
        raise ValueError("A two-step task has a row for stage 1 and one for stage 2 in every trial, and this has not.")
    trials = table.where(first)
    common = (trials["action"] == trials["outcome"]).astype(np.int64)
    return trials.with_columns(reward=table["reward"][first + 1], common=common)


def consecutive(table: TrialTable, lags: int = 1) -> Array:
    """Rows (n,) of a table in order, one a trial, whose ``lags`` preceding trials are in the table too."""
    refuse_twins(table, "Transitions between trials")
    lifetime, trial = table.lifetimes(), table["trial"]
    now = np.arange(lags, len(table))
    before = now - lags
    return now[(lifetime[now] == lifetime[before]) & (trial[now] - trial[before] == lags)]


def stay_probabilities(table: TrialTable, *, trials: str = "all") -> Estimates:
    """P(stay): how often the first-stage choice is repeated, by the last trial's reward and transition.

    Intervals over lifetimes: by bootstrap where trials are pooled, of one transition a lifetime Wilson's.

    Args:
        table: Steps of a two-step task as recorded, or one row a trial with ``lifetime``, ``trial``, ``action``,
            ``reward`` (more than 0 or not) and ``common``. Trials that are missing are jumped over.
        trials: ``"all"`` pools all transitions between trials; ``"first"`` takes that of the first trial to the second
            alone.

    Returns:
        Four estimates, in the order of `CELLS`.
    """
    require(trials in ("all", "first"), "trials", trials, 'give "all" or "first"')
    if "common" not in table:
        table.need("Stay probabilities of trials", "stage" if "outcome" in table else "common")
        table = two_step_trials(table)
    table.need("Stay probabilities", "lifetime", "trial", "action", "reward", "common")
    table = table.in_order()
    now = consecutive(table)
    if trials == "first":
        now = now[table["trial"][now - 1] == np.min(table["trial"], initial=np.iinfo(np.int64).max)]
    before, action = table.where(now - 1), table["action"]
    rewarded, common = before["reward"] > 0, _truth(before, "Stay probabilities", "common")
    cell = 2 * ~rewarded + ~common
    return proportions(action[now] == action[now - 1], cell, before.lifetimes(), CELLS)


def _truth(table: TrialTable, what: str, name: str) -> Array:
    """A column of 0 and 1 as booleans (n,)."""
    column = table[name]
    if column.dtype.kind not in "biuf" or not np.all((column == 0) | (column == 1)):
        raise ValueError(f"{what} needs 0 or 1 in the column {name!r}, and it has other values.")
    return column.astype(bool)
