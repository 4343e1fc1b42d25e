"""What learners do in lifetimes that no training sees: the same lifetimes with the same luck for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from gymnasium import spaces

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
    """What each learner does in the same lifetimes.

    Where a family lists its states, regret is the expected one of each step, ``V*(s) - Q*(s, a)`` of one who knows the
    task. Elsewhere, where the family tells the task-knowing optimum of a lifetime, it is that, in proportion to the
    time, less what the learner has collected.

    Args:
        learners: They live one after the other, each beginning anew.
        family: The family.
        lifetime_seeds: One seed a lifetime, as `MetaEnv.reset` takes it.
        stream: Seed of the learners' own random streams.

    Raises:
        ValueError: If a learner cannot serve the family.
    """
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
    """What a learner did in one block of ``B`` lifetimes, all (horizon, B)."""

    row: Array
    """Of ``family.states()``, where they are listed."""
    action: Array
    expected: Array
    """Mean rewards, where the states are not listed."""
    reward: Array
    alive: Array
    """Whether the lifetime was not over yet."""


def _live_through(learner: Learner, lifetimes: Lifetimes) -> _Life:
    family, num = lifetimes.family, lifetimes.num
    tables, num_actions = tabulate(family), _count_actions(family)
    if isinstance(learner, PrivilegedLearner):
        learner.reveal(lifetimes.task.copy())
    everyone, alive = np.arange(num), np.ones(num, dtype=bool)
    row = np.zeros(num, np.intp) if tables is None else find_rows(tables.states, lifetimes.state())
    shape = (family.horizon, num)
    life = _Life(*(np.zeros(shape, dtype) for dtype in (np.intp, np.intp, float, float, bool)))
    for step in range(family.horizon):
        if isinstance(learner, PrivilegedLearner):
            learner.see(lifetimes.state())
        action = np.asarray(learner.act(lifetimes.observe()))
        _check_actions(learner, action, num, num_actions)
        means = None if tables else family.expected_rewards(lifetimes.task, lifetimes.state())
        happened = lifetimes.step(action)
        life.row[step], life.action[step], life.reward[step], life.alive[step] = row, action, happened.reward, alive
        life.expected[step] = happened.reward if means is None else means[everyone, action]
        learner.learn(action, happened.outcome, happened.reward)
        if tables:
            row = tables.next_row.take((row * num_actions + action) * tables.num_outcomes + happened.outcome)
        alive = alive & ~happened.terminated
        if not alive.any():
            break
    return life


def _count_actions(family: TaskFamily) -> int:
    if not isinstance(family.action_space, spaces.Discrete):
        raise ValueError(f"{type(family).__name__} cannot be evaluated: its actions are not finitely many.")
    return int(family.action_space.n)


def _judge(lives: list[_Life], family: TaskFamily, task: Array) -> list[Record]:
    """Expected returns and regrets of lives in the tasks (B, T)."""
    if tabulate(family):
        # Where tasks are few, many lifetimes share one.
        kinds, which = np.unique(task, axis=0, return_inverse=True)
        means = task_laws(family, kinds)[1]
        expected = [life.alive * means[which.ravel(), life.row, life.action] for life in lives]
        gaps = _find_gaps(lives, family, kinds, which.ravel())
    else:
        expected = [life.alive * life.expected for life in lives]
        optimum = family.task_optimum(task)
        share = np.diff(family.elapsed(np.arange(family.horizon + 1)))[:, None]
        gaps = [] if optimum is None else [share * optimum - collected for collected in expected]
    records = []
    for number, life in enumerate(lives):
        regret = np.cumsum(gaps[number], axis=0) if gaps else None
        records.append(
            Record(
                np.sum(expected[number], axis=0),
                np.sum(life.alive * life.reward, axis=0),
                None if regret is None else np.sum(regret, axis=1),
                None if regret is None else np.sum(regret**2, axis=1),
            )
        )
    return records


def _find_gaps(lives: list[_Life], family: TaskFamily, kinds: Array, which: Array) -> list[Array]:
    """What each step of each life (horizon, B) loses against one who knows the task, ``kinds[which]`` (B, T).

    One pass backward through the lifetime, so that no table of all its steps is held.
    """
    gaps = [np.empty(life.row.shape) for life in lives]
    steps = reversed(range(family.horizon))
    for step, (rows, values) in zip(steps, task_action_values(family, kinds), strict=True):
        best = np.max(values, axis=-1)
        for life, gap in zip(lives, gaps, strict=True):
            # Of lifetimes that are over the row is none of these, and their gap is 0.
            row = np.minimum(np.searchsorted(rows, life.row[step]), len(rows) - 1)
            action = life.action[step]
            gap[step] = life.alive[step] * (best[which, row] - values[which, row, action])
    return gaps


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
