"""Living: learners in lifetimes that no training sees, the same lifetimes with the same luck for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner, PrivilegedLearner
from meta_envs.lifetimes.chance import Streams
from meta_envs.lifetimes.many import Lifetimes, live
from meta_envs.lifetimes.oracle import task_action_values, task_laws
from meta_envs.lifetimes.tables import find_rows, tabulate

BLOCK = 1000
"""Lifetimes lived side by side. A learner has one random stream a block, so another size is other chance for it."""

Life = dict[str, Array]
"""What a learner did in ``B`` lifetimes, columns (horizon, B, ...) by name with an entry a step: ``action``, ``reward``
and ``alive``, whether the lifetime was not over yet; where states are listed the ``row`` of ``family.states()`` and
``regret``, what the choice lost of the expected return to one who knows the task; where the family knows it
``expected``, the mean reward of what was chosen. A whole life has ``outcome``, where states are not listed ``state``,
and where the family says so ``best_action`` too."""


class Block(NamedTuple):
    """Some of the lifetimes, as every learner lived them."""

    start: int
    """Place of the first among all lifetimes."""
    task: Array
    """(B, T)"""
    lives: list[Life]
    """One a learner."""


def live_blocks(
    learners: Sequence[Learner], family: TaskFamily, lifetime_seeds: range, stream: int, *, whole: bool = False
) -> Iterator[Block]:
    """Let learners live the same lifetimes, a block after the other.

    Args:
        learners: They live one after the other, each beginning anew.
        family: The family.
        lifetime_seeds: One seed a lifetime, as `MetaEnv.reset` takes it.
        stream: Seed of the learners' own random streams.
        whole: Whether all columns of a life are kept.

    Raises:
        ValueError: If a learner cannot serve the family, or gives something else than actions.
    """
    for number, start in enumerate(range(0, len(lifetime_seeds), BLOCK)):
        seeds = lifetime_seeds[start : start + BLOCK]
        everyone = np.arange(len(seeds))
        streams = Streams(len(seeds), family.num_chance, ahead=1)
        streams.seed(range(len(seeds)), seeds)
        chance = streams.draw(everyone)
        lifetimes = live(family, len(seeds))
        lifetimes.begin(everyone, chance)
        lives = []
        for learner in learners:
            lifetimes.begin(everyone, chance)
            learner.check(family)
            learner.begin(family, len(seeds), np.random.default_rng([stream, crc32(learner.name.encode()), number]))
            lives.append(_live_through(learner, lifetimes, whole))
        if tabulate(family) is not None:
            _judge(lives, family, lifetimes.task, whole)
        yield Block(start, lifetimes.task, lives)


def _live_through(learner: Learner, lifetimes: Lifetimes, whole: bool) -> Life:
    """Live until all lifetimes are over; the steps after that are zeros."""
    family, task, tables = lifetimes.family, lifetimes.task, tabulate(lifetimes.family)
    everyone, alive = np.arange(lifetimes.num), np.ones(lifetimes.num, dtype=bool)
    if isinstance(learner, PrivilegedLearner):
        learner.reveal(task.copy())
    row = np.zeros(lifetimes.num, np.intp) if tables is None else find_rows(tables.states, lifetimes.state())
    life: Life = {}
    for step in range(family.horizon):
        if isinstance(learner, PrivilegedLearner):
            learner.see(lifetimes.state())
        action = np.asarray(learner.act(lifetimes.observe() if learner.looks else None))
        _check_actions(learner, action, family, lifetimes.num)
        columns: dict[str, Array | None] = {"action": action, "alive": alive, "row": None if tables is None else row}
        if tables is None:
            # What families that list their states get all at once afterwards.
            state = lifetimes.state()
            # Where chance does not pay, what is paid is the mean, and trying every action would only cost time.
            means = family.expected_rewards(task, state) if family.chance_pays else None
            columns["expected"] = None if means is None else means[everyone, action]
            if whole:
                columns |= {"state": state, "best_action": family.best_action(task, state)}
        happened = lifetimes.step(action)
        columns["reward"] = happened.reward
        if tables is None and not family.chance_pays:
            columns["expected"] = happened.reward
        if whole:
            columns["outcome"] = happened.outcome
        for name, values in columns.items():
            if values is not None:
                if name not in life:
                    life[name] = np.zeros((family.horizon, *values.shape), values.dtype)
                life[name][step] = values
        learner.learn(action, happened.outcome, happened.reward)
        if tables is not None:
            row = tables.next_row.take((row * tables.num_actions + action) * tables.num_outcomes + happened.outcome)
        alive = alive & ~happened.terminated
        if not alive.any():
            break
    return life


def _judge(lives: list[Life], family: TaskFamily, task: Array, whole: bool) -> None:
    """Write down what the choices were worth in the tasks (B, T) of a family that lists its states.

    One pass backward through the lifetime, so that no table of all its steps is held.
    """
    # Where tasks are few, many lifetimes share one.
    kinds, which = np.unique(task, axis=0, return_inverse=True)
    which = which.ravel()
    laws = task_laws(family, kinds)
    for life in lives:
        life["expected"] = laws[1][which, life["row"], life["action"]]
        life["regret"] = np.empty(life["row"].shape)
        if whole:
            life["best_action"] = np.empty(life["row"].shape, np.intp)
    steps = reversed(range(family.horizon))
    for step, (rows, values) in zip(steps, task_action_values(family, kinds, laws), strict=True):
        best = np.max(values, axis=-1)
        lowest = np.argmax(values >= best[..., None] - 1e-12, axis=-1) if whole else None
        for life in lives:
            # Of lifetimes that are over the row may be none of these; their steps do not count.
            row = np.minimum(np.searchsorted(rows, life["row"][step]), len(rows) - 1)
            life["regret"][step] = best[which, row] - values[which, row, life["action"][step]]
            if lowest is not None:
                life["best_action"][step] = lowest[which, row]


def _check_actions(learner: Learner, action: Array, family: TaskFamily, num: int) -> None:
    space, given = family.action_space, f"{action.dtype} of shape {action.shape}"
    good, wanted = action.shape == (num, *(space.shape or ())), f"{num} actions of {space}"
    if isinstance(space, spaces.Discrete):
        good, wanted = good and action.dtype.kind in "iu", f"{num} whole numbers from 0 to {space.n - 1}"
        if good and np.any(wrong := (action < 0) | (action >= space.n)):
            good, given = False, f"action {action[wrong][0]}"
    if not good:
        raise ValueError(f"The learner {learner.name!r} gave {given}: give {wanted}.")
