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


@dataclass(frozen=True)
class Record:
    """Returns and regret of a learner in ``n`` lifetimes."""

    expected: Array
    """Sums of the true means of what was chosen (n,); of what was paid, where the family knows no means."""
    realised: Array
    """Sums of the rewards that were paid (n,)."""
    regret: Array | None
    """Cumulative regret after every step: sums over the lifetimes (horizon,). None where no optimum is known."""
    squares: Array | None
    """Sums of its squares (horizon,)."""

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
    Elsewhere, where the family tells the oracle's return of a lifetime, it is that, in proportion to the time, less
    what the learner has collected.

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
        lost = rollout.alive * rollout.regret
    else:
        optimum = family.task_optimum(task)
        part = np.diff(family.elapsed(np.arange(family.horizon + 1)))[:, None]
        lost = None if optimum is None else part * optimum - expected
    regret = None if lost is None else np.cumsum(lost, axis=0)
    return Record(
        np.sum(expected, axis=0),
        np.sum(rollout.alive * rollout.reward, axis=0),
        None if regret is None else np.sum(regret, axis=1),
        None if regret is None else np.sum(regret**2, axis=1),
    )
