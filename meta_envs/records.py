"""What learners do in lifetimes that no training sees: the same lifetimes with the same luck for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner, PrivilegedLearner
from meta_envs.lifetimes import Lifetimes, live
from meta_envs.luck import Streams
from meta_envs.oracle import task_action_values, task_laws
from meta_envs.tables import find_rows, tabulate

BLOCK = 1000
"""Lifetimes lived side by side. A learner has one random stream a block, so another size is other chance for it."""


@dataclass(frozen=True)
class Record:
    """What a learner did in ``n`` lifetimes."""

    expected: Array
    """Sums of the true means of what was chosen (n,)."""
    realised: Array
    """Sums of the rewards that were paid (n,)."""
    regret: Array
    """Cumulative expected regret after every step: sums over the lifetimes (horizon,)."""
    squares: Array
    """Sums of its squares (horizon,)."""

    def __add__(self, other: Record) -> Record:
        """Of both sets of lifetimes."""
        return Record(
            np.concatenate([self.expected, other.expected]),
            np.concatenate([self.realised, other.realised]),
            self.regret + other.regret,
            self.squares + other.squares,
        )


def record(learners: Sequence[Learner], family: TaskFamily, lifetime_seeds: range, stream: int) -> list[Record]:
    """What each learner does in the same lifetimes.

    Args:
        learners: They live one after the other, each beginning anew.
        family: A family that lists its states.
        lifetime_seeds: One seed a lifetime, as `MetaEnv.reset` takes it.
        stream: Seed of the learners' own random streams.

    Raises:
        ValueError: If the family does not list its states, or a learner cannot serve it.
    """
    if tabulate(family) is None:
        raise ValueError(f"{type(family).__name__} cannot be evaluated: it needs few states, listed by states().")
    totals: list[Record] = []
    for number, start in enumerate(range(0, len(lifetime_seeds), BLOCK)):
        seeds = lifetime_seeds[start : start + BLOCK]
        size = len(seeds)
        streams = Streams(size, family.num_chance, ahead=1)
        streams.seed(range(size), seeds)
        chance = streams.draw(np.arange(size))
        lifetimes = live(family, size)
        lifetimes.begin(np.arange(size), chance)
        lives = []
        for learner in learners:
            lifetimes.begin(np.arange(size), chance)
            learner.begin(family, size, np.random.default_rng([stream, crc32(learner.name.encode()), number]))
            lives.append(_live_through(learner, lifetimes))
        records = _judge(lives, family, lifetimes.task)
        totals = [total + block for total, block in zip(totals, records, strict=True)] if totals else records
    return totals


@dataclass(frozen=True)
class _Life:
    """What a learner did in one block of ``B`` lifetimes: rows of ``family.states()``, all (horizon, B)."""

    row: Array
    action: Array
    reward: Array
    alive: Array
    """Whether the lifetime was not over yet."""


def _live_through(learner: Learner, lifetimes: Lifetimes) -> _Life:
    family, num = lifetimes.family, lifetimes.num
    tables = tabulate(family)
    assert tables is not None
    if isinstance(learner, PrivilegedLearner):
        learner.reveal(lifetimes.task.copy())
    row, alive = find_rows(tables.states, lifetimes.state()), np.ones(num, dtype=bool)
    shape = (family.horizon, num)
    life = _Life(np.empty(shape, np.intp), np.empty(shape, np.intp), np.empty(shape), np.empty(shape, bool))
    for step in range(family.horizon):
        action = np.asarray(learner.act(lifetimes.observe()))
        _check_actions(learner, action, num, tables.num_actions)
        happened = lifetimes.step(action)
        life.row[step], life.action[step], life.reward[step], life.alive[step] = row, action, happened.reward, alive
        learner.learn(action, happened.outcome, happened.reward)
        row = tables.next_row.take((row * tables.num_actions + action) * tables.num_outcomes + happened.outcome)
        alive = alive & ~happened.terminated
    return life


def _judge(lives: list[_Life], family: TaskFamily, task: Array) -> list[Record]:
    """Expected returns and regrets of lives in the tasks (B, T), in one pass backward through the lifetime."""
    everyone = np.arange(len(task))
    means = task_laws(family, task)[1]
    gaps = [np.empty(life.row.shape) for life in lives]
    for step, values in zip(reversed(range(family.horizon)), task_action_values(family, task), strict=True):
        best = np.max(values, axis=-1)
        for life, gap in zip(lives, gaps, strict=True):
            row, action = life.row[step], life.action[step]
            gap[step] = life.alive[step] * (best[everyone, row] - values[everyone, row, action])
    records = []
    for life, gap in zip(lives, gaps, strict=True):
        regret = np.cumsum(gap, axis=0)
        expected = np.sum(life.alive * means[everyone, life.row, life.action], axis=0)
        realised = np.sum(life.alive * life.reward, axis=0)
        records.append(Record(expected, realised, np.sum(regret, axis=1), np.sum(regret**2, axis=1)))
    return records


def _check_actions(learner: Learner, action: Array, num: int, num_actions: int) -> None:
    given = f"{action.dtype} of shape {action.shape}"
    if action.shape == (num,) and action.dtype.kind in "iu":
        wrong = action[(action < 0) | (action >= num_actions)]
        if len(wrong) == 0:
            return
        given = f"action {wrong[0]}"
    raise ValueError(
        f"The learner {learner.name!r} gave {given}: give {num} whole numbers from 0 to {num_actions - 1}."
    )
