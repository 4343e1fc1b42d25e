"""Statistics of behaviour by trial: regret, P(best arm), accuracy and stay probabilities, with intervals."""

from __future__ import annotations

import numpy as np

from meta_envs.arguments import require
from meta_envs.behaviour.estimates import Estimates, average, proportions
from meta_envs.behaviour.trials import TIME, TrialTable, refuse_twins
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
    table = table.ready("Regret by trial", "trial", "regret")
    refuse_twins(table, "Regrets by trial", *(name for name in TIME if name in table))
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
        table = table.ready("P(best arm) by trial", "stage")
        table = table.where(table["stage"] == stage)
    return _by_trial(table, "P(best arm) by trial", "optimal")


def accuracy_by_trial(table: TrialTable) -> Estimates:
    """Proportion of correct choices in every trial, as Harlow's task is reported.

    Args:
        table: With ``lifetime``, ``trial`` and ``correct``; of recorded steps `choices_of_images` makes one.
    """
    return _by_trial(table, "Accuracy by trial", "correct")


def _by_trial(table: TrialTable, what: str, name: str) -> Estimates:
    table = table.ready(what, "trial", name)
    trials, trial = np.unique(table["trial"], return_inverse=True)
    return proportions(table[name], trial, table.lifetimes(), trials)


def choices_of_images(table: TrialTable, *, reward: float = 1.0, penalty: float = -1.0) -> TrialTable:
    """The choices of Harlow's task, a row each, with ``correct``: whether the rewarded image was chosen.

    Where trials have stages, as in symbols, the second stage is the choice, and a trial in which none was made counts,
    as one that is not correct. Else, as in pixels, a choice is a step at which an image paid, and ``trial`` counts
    them: there a trial lasts until one is chosen.

    Args:
        table: Recorded steps, with ``lifetime``, ``step`` and ``reward``, and ``trial`` and ``stage`` where there are.
        reward: What the rewarded image pays.
        penalty: What the other one pays; neither may be what anything else pays.
    """
    what = "Choices of images"
    if "stage" in table:
        table = table.ready(what, "trial", "stage", "reward")
        chosen = table.where(table["stage"] == 2)
        refuse_twins(chosen, what, "trial")
    else:
        table = table.ready(what, "step", "reward")
        refuse_twins(table, what, "step")
        chosen = table.where(np.isclose(table["reward"], reward) | np.isclose(table["reward"], penalty))
        lifetime = chosen.lifetimes()
        chosen = chosen.with_columns(trial=np.arange(len(chosen)) - np.searchsorted(lifetime, lifetime) + 1)
    return chosen.with_columns(correct=np.isclose(chosen["reward"], reward).astype(np.int64))


def two_step_trials(table: TrialTable) -> TrialTable:
    """A two-step task's trials, one row each: the first stage's rows, with the trial's ``reward`` and ``common``.

    The common transition is that of the first action to S2 and of the second to S3.

    Args:
        table: Recorded steps, with ``lifetime``, ``trial``, ``stage``, ``action``, ``outcome`` and ``reward``.

    Raises:
        ValueError: If a column is missing, or trials have other than two stages.
    """
    table = table.ready("A two-step task's trials", "trial", "stage", "action", "outcome", "reward")
    refuse_twins(table, "A two-step task's trials", "trial", "stage")
    first, second = (np.flatnonzero(table["stage"] == stage) for stage in (1, 2))
    paired = len(table) == 2 * len(first) == 2 * len(second) and np.array_equal(second, first + 1)
    if not paired or np.any(table["trial"][first] != table["trial"][second]):
        raise ValueError(
            "A two-step task has a row for stage 1 and one for stage 2 in every trial, and this has not: leave out "
            "both rows of a trial that was missed."
        )
    trials = table.where(first)
    if np.any(trials["action"] > 1):
        raise ValueError(
            f"A two-step task's first actions are 0, whose common way leads to S2, and 1, and these are "
            f"{np.unique(trials['action'])[:5].tolist()}: count them from 0."
        )
    common = (trials["action"] == trials["outcome"]).astype(np.int64)
    return trials.with_columns(reward=table["reward"][first + 1], common=common)


def consecutive(table: TrialTable, lags: int = 1) -> Array:
    """Rows (n,) of a table in order, one a trial, whose ``lags`` preceding trials are in the table too."""
    refuse_twins(table, "Transitions between trials", "trial")
    lifetime, trial = table.lifetimes(), table["trial"]
    now = np.arange(lags, len(table))
    before = now - lags
    return now[(lifetime[now] == lifetime[before]) & (trial[now] - trial[before] == lags)]


def stay_probabilities(table: TrialTable, *, trials: str = "all") -> Estimates:
    """P(stay): how often the first-stage choice is repeated, by the last trial's reward and transition.

    Intervals over lifetimes: by bootstrap where trials are pooled, of one transition a lifetime Wilson's; of a single
    lifetime there is none.

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
    table = table.ready("Stay probabilities", "trial", "action", "reward", "common")
    choices = np.unique(table["action"])
    if len(choices) > 2:
        raise ValueError(
            f"Stay probabilities are of two choices, and these are {choices[:9].tolist()}: leave out what is no choice."
        )
    now = consecutive(table)
    if trials == "first":
        now = now[table["trial"][now - 1] == np.min(table["trial"], initial=np.iinfo(np.int64).max)]
    before, action = table.where(now - 1), table["action"]
    cell = 2 * (before["reward"] <= 0) + (1 - before["common"])
    return proportions(action[now] == action[now - 1], cell, before.lifetimes(), CELLS)
