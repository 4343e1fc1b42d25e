"""Rollouts of learners, all of them in the same lifetimes on common random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner, sees_outcomes, select_known
from meta_envs.lifetimes.chance import Streams
from meta_envs.lifetimes.many import Lifetimes, make_lifetimes
from meta_envs.lifetimes.oracle import task_action_values, task_laws
from meta_envs.lifetimes.tables import find_rows, tabulate
from meta_envs.limits import require_bytes, require_room
from meta_envs.terminal.progress import Progress

BLOCK = 1000
"""Lifetimes run side by side. A learner has one random stream a block, so another size is other chance for it."""
STEP = 100
"""Bytes of a step of a rollout, with what is computed of it; more where states are kept too."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """Steps of a learner in ``B`` lifetimes: arrays (horizon, B, ...) with an entry a step, zeros once all are over."""

    action: Array
    reward: Array
    alive: Array
    """Whether the lifetime was not over yet."""
    expected: Array | None = None
    """Mean reward of what was chosen, where the family knows it."""
    regret: Array | None = None
    """What the choice lost of the oracle's expected return, where states are listed."""
    trial: Array | None = None
    """Trials that were over before, where the state counts them (`TaskFamily.trial_counter`)."""
    row: Array | None = None
    """Of ``family.states()``, where states are listed."""
    outcome: Array | None = None
    """Only of a whole rollout, as are all that follow."""
    state: Array | None = None
    """Where states are not listed."""
    best_action: Array | None = None
    """The oracle's, the lowest of equals, where the family says so."""


class Block(NamedTuple):
    """Rollouts of every learner in some of the lifetimes."""

    start: int
    """Place of the first among all lifetimes."""
    task: Array
    """(B, T)"""
    rollouts: list[Rollout]
    """One a learner."""


def roll_out(
    learners: Sequence[Learner], family: TaskFamily, lifetime_seeds: range, stream: int, *, whole: bool = False
) -> Iterator[Block]:
    """Roll learners out in the same lifetimes, a block after the other.

    Args:
        learners: They run one after the other, each beginning anew. Each has a random stream of its own, which depends
            on its place among them and on nothing else.
        family: The family.
        lifetime_seeds: One seed a lifetime, as `MetaEnv.reset` takes it.
        stream: Seed of the learners' own random streams.
        whole: Whether all columns of a rollout are kept.

    Raises:
        meta_envs.CannotServe: If a learner cannot serve the family.
        ValueError: If it gives something else than actions.
    """
    for learner in learners:
        learner.check(family)
    starts = range(0, len(lifetime_seeds), BLOCK)
    total = len(starts) * len(learners) * family.horizon
    with Progress(f"{len(lifetime_seeds):,} lifetimes", total) as progress:
        for number, start in enumerate(starts):
            seeds = lifetime_seeds[start : start + BLOCK]
            everyone = np.arange(len(seeds))
            require_steps(family, len(seeds))
            streams = Streams(len(seeds), family.num_chance, ahead=1)
            streams.seed(range(len(seeds)), seeds)
            chance = streams.draw(everyone)
            lifetimes = make_lifetimes(family, len(seeds))
            rollouts = []
            for place, learner in enumerate(learners):
                lifetimes.begin(everyone, chance)
                if whole and tabulate(family) is None:
                    require_steps(family, len(seeds), lifetimes.state().shape[1])
                learner.begin(family, len(seeds), np.random.default_rng([stream, place, number]))
                rollouts.append(_roll_out_one(learner, lifetimes, whole, progress))
                progress.update((number * len(learners) + place + 1) * family.horizon)
            if tabulate(family) is not None:
                rollouts = _judge(rollouts, family, lifetimes.task, whole)
            yield Block(start, lifetimes.task, rollouts)


def require_steps(family: TaskFamily, num: int, state_size: int = 0) -> None:
    """Refuse rollouts whose steps do not fit into memory.

    Args:
        family: The family.
        num: Lifetimes.
        state_size: Numbers of a state, where states are kept.

    Raises:
        meta_envs.errors.TooLarge: With what they need, and the cure.
    """
    side_by_side = min(num, BLOCK)
    require_room(family, side_by_side)
    need = (STEP + 8 * state_size) * family.horizon * side_by_side
    require_bytes(need, f"A rollout of {side_by_side} lifetimes, {family.horizon} steps each,")


def _roll_out_one(learner: Learner, lifetimes: Lifetimes, whole: bool, progress: Progress) -> Rollout:
    """Until all lifetimes are over; the steps after that are zeros."""
    family, task, tables = lifetimes.family, lifetimes.task, tabulate(lifetimes.family)
    everyone, alive = np.arange(lifetimes.num), np.ones(lifetimes.num, dtype=bool)
    informed = any(need != "observation" for need in learner.needs)
    row = np.zeros(lifetimes.num, np.intp) if tables is None else find_rows(tables.states, lifetimes.state())
    kept: dict[str, Array] = {}
    for step in range(family.horizon):
        if informed:
            learner.inform(select_known(learner, family, task, lifetimes.state()))
        action = np.asarray(learner.act(lifetimes.observe() if "observation" in learner.needs else None))
        _check_actions(learner, action, family, lifetimes.num)
        columns: dict[str, Array | None] = {"action": action, "alive": alive, "row": None if tables is None else row}
        if family.trial_counter is not None:
            columns["trial"] = lifetimes.state()[:, family.trial_counter[0]].astype(np.intp)
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
                if name not in kept:
                    kept[name] = np.zeros((family.horizon, *values.shape), values.dtype)
                kept[name][step] = values
        learner.learn(action, happened.outcome if sees_outcomes(learner, family) else None, happened.reward)
        if tables is not None:
            row = tables.next_row.take((row * tables.num_actions + action) * tables.num_outcomes + happened.outcome)
        progress.advance(note=learner.name)
        alive = alive & ~happened.terminated
        if not alive.any():
            break
    return Rollout(**kept)


def _judge(rollouts: list[Rollout], family: TaskFamily, task: Array, whole: bool) -> list[Rollout]:
    """With what the choices were worth in the tasks (B, T) of a family that lists its states.

    One pass backward through the lifetime, so that no table of all its steps is held.
    """
    # Where tasks are few, many lifetimes share one.
    kinds, which = np.unique(task, axis=0, return_inverse=True)
    which = which.ravel()
    laws = task_laws(family, kinds)
    rows_of = [rollout.row for rollout in rollouts if rollout.row is not None]
    regrets = [np.empty(row.shape) for row in rows_of]
    bests = [np.empty(row.shape if whole else 0, np.intp) for row in rows_of]
    steps = reversed(range(family.horizon))
    for step, (rows, values) in zip(steps, task_action_values(family, kinds, laws), strict=True):
        best = np.max(values, axis=-1)
        lowest = np.argmax(values >= best[..., None] - 1e-12, axis=-1) if whole else None
        for rollout, all_rows, regret, best_action in zip(rollouts, rows_of, regrets, bests, strict=True):
            # Of lifetimes that are over the row may be none of these; their steps do not count.
            row = np.minimum(np.searchsorted(rows, all_rows[step]), len(rows) - 1)
            regret[step] = best[which, row] - values[which, row, rollout.action[step]]
            if lowest is not None:
                best_action[step] = lowest[which, row]
    return [
        replace(
            rollout,
            expected=laws[1][which, row, rollout.action],
            regret=regret,
            best_action=best_action if whole else None,
        )
        for rollout, row, regret, best_action in zip(rollouts, rows_of, regrets, bests, strict=True)
    ]


def _check_actions(learner: Learner, action: Array, family: TaskFamily, num: int) -> None:
    space, given = family.action_space, f"{action.dtype} of shape {action.shape}"
    good, wanted = action.shape == (num, *(space.shape or ())), f"{num} actions of {space}"
    if isinstance(space, spaces.Discrete):
        good, wanted = good and action.dtype.kind in "iu", f"{num} whole numbers from 0 to {space.n - 1}"
        if good and np.any(wrong := (action < 0) | (action >= space.n)):
            good, given = False, f"action {action[wrong][0]}"
    if not good:
        raise ValueError(f"The learner {learner.name!r} gave {given}: give {wanted}.")
