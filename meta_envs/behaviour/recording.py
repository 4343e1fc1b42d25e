"""Recording: learners live the lifetimes of an evaluation, and every step of theirs is written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from gymnasium import spaces

from meta_envs.behaviour.trials import TrialTable, join
from meta_envs.evaluation import FIRST_SEED, MAX_EPISODES
from meta_envs.family import Array, TaskFamily, require
from meta_envs.learners import Learner, PrivilegedLearner, make_learner
from meta_envs.lifetimes import Lifetimes, live
from meta_envs.luck import Streams
from meta_envs.oracle import task_action_values, task_laws
from meta_envs.records import BLOCK
from meta_envs.registry import make_family
from meta_envs.tables import find_rows, tabulate

MOST_NUMBERS = 8
"""Numbers of a task, a state or an outcome that get columns of their own; longer ones are left out."""


def record_trials(
    learners: str | Learner | Sequence[str | Learner],
    id: str | TaskFamily,
    *,
    episodes: int = 1000,
    seed: int = 1,
    **keywords: Any,
) -> TrialTable:
    """Let learners live the lifetimes that `meta_envs.evaluate` gives them, and write every step down.

    Lifetime ``i`` is that of ``reset(seed=2**32 + seed * 2**20 + i)``, and the learners' own chance is that of
    `evaluate` too: what the table holds is what the scorecard with the same seed counts.

    Args:
        learners: A learner, its name or a trained agent's path as `make_learner` takes it, or several of these.
        id: An environment's id, or a family.
        episodes: Lifetimes of each learner, from 1 to 2**20.
        seed: Evaluation seed, at least 0.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Returns:
        A table with one row a step, learner by learner, lifetime by lifetime. Its columns, of which a family has those
        that it has:

        - ``learner``, ``seed`` (of the reset), ``lifetime`` (``i``, from 0), ``trial`` and ``step`` (both from 1),
          ``stage`` (the step within its trial, from 1);
        - ``state`` before the step, ``action``, ``outcome``, ``reward``; of several numbers ``state_1``, ``state_2``
          and so on, of more than 8 none;
        - ``expected``, the true mean of the reward of what was chosen; ``regret``, what the choice loses of the
          expected return; ``best_action``, the lowest of the best actions; ``optimal``, 1 if the action is a best one;
        - ``task_`` and its name for every number of the hidden task. Of longer tasks those that are one a trial are
          given as they are in this trial, such as ``task_p_1`` for ``p_1(t)``; others are left out if they are more
          than 8. The seed gives the whole task again.

    Raises:
        ValueError: If an argument makes no sense, two learners have one name, or a learner cannot serve the family.
    """
    for name, value, least, most in (("episodes", episodes, 1, MAX_EPISODES), ("seed", seed, 0, 2**31)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        require(whole and least <= value <= most, name, value, f"give a whole number from {least} to {most}")
    family = make_family(id, **keywords)
    named = [learners] if isinstance(learners, str | Learner) else list(learners)
    players = [make_learner(learner) if isinstance(learner, str) else learner for learner in named]
    names = [player.name for player in players]
    require(len(players) > 0, "learners", learners, "give at least one")
    require(len(set(names)) == len(names), "learners", names, "give each learner a name of its own")
    parts: dict[str, list[TrialTable]] = {name: [] for name in names}
    for number, start in enumerate(range(0, int(episodes), BLOCK)):
        index = np.arange(start, min(start + BLOCK, int(episodes)))
        seeds = FIRST_SEED + int(seed) * MAX_EPISODES + index
        streams = Streams(len(index), family.num_chance, ahead=1)
        streams.seed(range(len(index)), seeds.tolist())
        chance = streams.draw(np.arange(len(index)))
        lifetimes = live(family, len(index))
        for player in players:
            lifetimes.begin(np.arange(len(index)), chance)
            rng = np.random.default_rng([int(seed), crc32(player.name.encode()), number])
            player.begin(family, len(index), rng)
            parts[player.name].append(_make_table(player.name, index, seeds, lifetimes.task, _live(player, lifetimes)))
    return join([table for tables in parts.values() for table in tables])


@dataclass
class _Life:
    """What a learner did in ``B`` lifetimes: an entry a step."""

    family: TaskFamily
    state: list[Array] = field(default_factory=list)
    action: list[Array] = field(default_factory=list)
    outcome: list[Array] = field(default_factory=list)
    reward: list[Array] = field(default_factory=list)
    alive: list[Array] = field(default_factory=list)
    best_action: list[Array] = field(default_factory=list)
    expected: list[Array] = field(default_factory=list)


def _live(learner: Learner, lifetimes: Lifetimes) -> _Life:
    """Live to the horizon."""
    family, everyone = lifetimes.family, np.arange(lifetimes.num)
    listed = tabulate(family) is not None
    if isinstance(learner, PrivilegedLearner):
        learner.reveal(lifetimes.task.copy())
    life, alive = _Life(family), np.ones(lifetimes.num, dtype=bool)
    for _ in range(family.horizon):
        state = lifetimes.state().copy()
        if isinstance(learner, PrivilegedLearner):
            learner.see(state)
        action = np.asarray(learner.act(lifetimes.observe()))
        _check_actions(learner, action, lifetimes)
        if not listed:
            # What families with few states get all at once afterwards.
            best = family.best_action(lifetimes.task, state)
            means = family.expected_rewards(lifetimes.task, state)
            if best is not None:
                life.best_action.append(best)
            if means is not None:
                life.expected.append(means[everyone, action])
        happened = lifetimes.step(action)
        life.state.append(state)
        life.action.append(action)
        life.outcome.append(happened.outcome)
        life.reward.append(happened.reward)
        life.alive.append(alive)
        learner.learn(action, happened.outcome, happened.reward)
        alive = alive & ~happened.terminated
    return life


def _check_actions(learner: Learner, action: Array, lifetimes: Lifetimes) -> None:
    space, shape = lifetimes.family.action_space, (lifetimes.num, *(lifetimes.family.action_space.shape or ()))
    good = action.shape == shape
    if good and isinstance(space, spaces.Discrete):
        good = action.dtype.kind in "iu" and bool(np.all((action >= 0) & (action < space.n)))
    if not good:
        raise ValueError(
            f"The learner {learner.name!r} gave {action.dtype} of shape {action.shape}: give actions of {space}, "
            f"one for each of {lifetimes.num} lifetimes."
        )


def _make_table(name: str, index: Array, seeds: Array, task: Array, life: _Life) -> TrialTable:
    """A table of the steps before the lifetimes ended, one lifetime after the other."""
    family = life.family
    trial, stage = number_trials(family)
    alive = np.stack(life.alive, axis=1)
    shape = alive.shape
    columns: dict[str, Array] = {
        "learner": np.full(shape, name),
        "seed": np.broadcast_to(seeds[:, None], shape),
        "lifetime": np.broadcast_to(index[:, None], shape),
        "trial": np.broadcast_to(trial, shape),
        "step": np.broadcast_to(np.arange(1, family.horizon + 1), shape),
    }
    if np.any(stage > 1):
        columns["stage"] = np.broadcast_to(stage, shape)
    tables = tabulate(family)
    if tables is None or len(tables.states) > 1:
        columns |= _number("state", np.stack(life.state, axis=1))
    columns |= _number("action", np.stack(life.action, axis=1))
    columns |= _number("outcome", np.stack(life.outcome, axis=1))
    columns["reward"] = np.stack(life.reward, axis=1)
    columns |= _judge(life, task)
    for title, place in name_task_columns(family).items():
        columns[title] = np.broadcast_to(task[:, place] if place.shape else task[:, place, None], shape)
    return TrialTable({title: column[alive] for title, column in columns.items()})


def _judge(life: _Life, task: Array) -> dict[str, Array]:
    """What the choices were worth, columns (B, horizon), as far as the family says."""
    family = life.family
    tables = tabulate(family)
    judged: dict[str, Array] = {}
    if tables is None:
        if life.expected:
            judged["expected"] = np.stack(life.expected, axis=1)
        if life.best_action:
            judged["best_action"] = np.stack(life.best_action, axis=1)
            judged["optimal"] = (judged["best_action"] == np.stack(life.action, axis=1)).astype(np.int64)
        return judged
    # Where tasks are few, many lifetimes share one.
    kinds, which = np.unique(task, axis=0, return_inverse=True)
    which, everyone = which.ravel(), np.arange(len(task))
    means = task_laws(family, kinds)[1]
    expected, regret, best_action = [], [], []
    steps = reversed(range(family.horizon))
    for step, (rows, values) in zip(steps, task_action_values(family, kinds), strict=True):
        row, action = find_rows(tables.states, life.state[step]), life.action[step]
        # Of lifetimes that are over the row is none of these; they leave the table later.
        here = values[which, np.minimum(np.searchsorted(rows, row), len(rows) - 1)]
        best = np.max(here, axis=-1)
        expected.append(means[which, row, action])
        regret.append(best - here[everyone, action])
        best_action.append(np.argmax(here >= best[:, None] - 1e-12, axis=-1))
    judged["expected"], judged["regret"], judged["best_action"] = (
        np.stack(column[::-1], axis=1) for column in (expected, regret, best_action)
    )
    judged["optimal"] = (judged["regret"] <= 1e-12).astype(np.int64)
    return judged


def number_trials(family: TaskFamily) -> tuple[Array, Array]:
    """Trial of every step of a lifetime and the step's place in it (horizon,), both from 1, by the family's time."""
    trial = np.unique(family.elapsed(np.arange(family.horizon)), return_inverse=True)[1] + 1
    first = np.searchsorted(trial, trial)
    return trial, np.arange(family.horizon) - first + 1


def name_task_columns(family: TaskFamily) -> dict[str, Array]:
    """Columns for the hidden task: which of its numbers each has, one for all steps () or one a step (horizon,)."""
    names = family.task_names
    whole = {f"task_{name}": np.array(place) for place, name in enumerate(names)}
    if len(names) <= MOST_NUMBERS:
        return whole
    trial, _ = number_trials(family)
    arms = family.action_space.n if isinstance(family.action_space, spaces.Discrete) else -1
    # p_1(0), p_1(1), ... by the trial, or better_1, better_2, ..., unless there is one for each arm.
    series: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found = re.fullmatch(r"(.+)\(\d+\)|([^\d]+?)_?\d+", name)
        if found:
            series.setdefault(found[1] or found[2], []).append(place)
    moving = {base: places for base, places in series.items() if len(places) == trial[-1] != arms}
    varying = {place for places in moving.values() for place in places}
    fixed = {name: place for name, place in whole.items() if int(place) not in varying}
    now = {f"task_{base}": np.array(places)[trial - 1] for base, places in moving.items()}
    return (fixed if len(fixed) <= MOST_NUMBERS else {}) | now


def _number(name: str, values: Array) -> dict[str, Array]:
    """Columns of numbers (B, horizon) or (B, horizon, n): none if there are more than a few."""
    if values.ndim == 2 or values.shape[2:] == (1,):
        return {name: values.reshape(values.shape[:2])}
    flat = values.reshape(*values.shape[:2], -1)
    if flat.shape[-1] > MOST_NUMBERS:
        return {}
    return {f"{name}_{number + 1}": flat[..., number] for number in range(flat.shape[-1])}
