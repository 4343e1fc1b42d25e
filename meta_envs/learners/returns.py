"""Returns of learners in their rollouts, and their regret against the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner
from meta_envs.learners.rollout import Rollout, roll_out
from meta_envs.lifetimes.tables import tabulate
from meta_envs.lifetimes.trials import count_trials, has_long_trials, number_trials


@dataclass(frozen=True)
class Record:
    """Returns and regret of a learner in ``n`` lifetimes."""

    expected: Array
    """Sums of the true means of what was chosen (n,); of what was paid, where the family knows no means."""
    realised: Array
    """Sums of the rewards that were paid (n,)."""
    regret: Array | None
    """Cumulative regret after every trial, or step where there are no trials: sums over the lifetimes (trials,). None
    where no optimum is known."""
    squares: Array | None
    """Sums of its squares (trials,)."""

    def __add__(self, other: Record) -> Record:
        """Of both sets of lifetimes."""
        return Record(
            np.concatenate([self.expected, other.expected]),
            np.concatenate([self.realised, other.realised]),
            None if self.regret is None or other.regret is None else self.regret + other.regret,
            None if self.squares is None or other.squares is None else self.squares + other.squares,
        )


def record(learners: Sequence[Learner], family: TaskFamily, lifetime_seeds: range, stream: int) -> list[Record]:
    """Returns and regret of each learner in the same lifetimes.

    Where a family lists its states, regret is the expected one of each step, ``V*(s) - Q*(s, a)`` of the oracle.
    Elsewhere, where the family tells the oracle's return of a lifetime, it is that, an equal part for every trial, less
    what the learner has collected; a trial that a lifetime does not come to is lost as a whole. Where there are no
    trials the parts are those of the steps that the lifetime lasts, so that what is over keeps its regret.

    Args:
        learners: They run one after the other, each beginning anew.
        family: The family.
        lifetime_seeds: One seed a lifetime, as `MetaEnv.reset` takes it.
        stream: Seed of the learners' own random streams.

    Raises:
        ValueError: If a learner cannot serve the family, or the family has not finitely many actions.
    """
    if not isinstance(family.action_space, spaces.Discrete):
        raise ValueError(f"{type(family).__name__} cannot be evaluated: its actions are not finitely many.")
    totals: list[Record] = []
    for block in roll_out(learners, family, lifetime_seeds, stream):
        records = [_sum_up(rollout, family, block.task) for rollout in block.rollouts]
        totals = [total + new for total, new in zip(totals, records, strict=True)] if totals else records
    return totals


def has_regret(family: TaskFamily) -> bool:
    """Whether a family tells what can be expected of the oracle."""
    if tabulate(family) is not None:
        return True
    task = family.sample_task(np.full((1, family.num_task_chance), 0.5))
    return family.task_optimum(task) is not None


def _sum_up(rollout: Rollout, family: TaskFamily, task: Array) -> Record:
    """The record of a rollout in the tasks (B, T)."""
    expected = rollout.alive * (rollout.reward if rollout.expected is None else rollout.expected)
    lost: Array | None
    if rollout.regret is not None:
        lost = _by_trial(rollout, family, rollout.alive * rollout.regret)
    elif (optimum := family.task_optimum(task)) is not None:
        lost = _share_out(rollout, family) * optimum - _by_trial(rollout, family, expected)
    else:
        lost = None
    regret = None if lost is None else np.cumsum(lost, axis=0)
    return Record(
        np.sum(expected, axis=0),
        np.sum(rollout.alive * rollout.reward, axis=0),
        None if regret is None else np.sum(regret, axis=1),
        None if regret is None else np.sum(regret**2, axis=1),
    )


def _by_trial(rollout: Rollout, family: TaskFamily, values: Array) -> Array:
    """Sums (trials, B) of the steps' values (horizon, B)."""
    if rollout.trial is None:
        trial = number_trials(family)[0]
        return np.add.reduceat(values, np.flatnonzero(np.diff(trial, prepend=0))) if has_long_trials(family) else values
    sums = np.zeros((count_trials(family), values.shape[1]))
    np.add.at(sums, (np.minimum(rollout.trial, len(sums) - 1), np.arange(values.shape[1])), values)
    return sums


def _share_out(rollout: Rollout, family: TaskFamily) -> Array:
    """Parts (trials, B or 1) of the oracle's return that belong to the trials; they add up to 1."""
    if has_long_trials(family):
        return np.full((count_trials(family), 1), 1.0 / count_trials(family))
    return rollout.alive / np.sum(rollout.alive, axis=0)
