"""Recording: rollouts of learners in the lifetimes of an evaluation, written down step by step."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_whole
from meta_envs.behaviour.trials import TrialTable, csv_parts, join
from meta_envs.family import Array, TaskFamily
from meta_envs.files import write_with_seal_beside
from meta_envs.learners.learner import Learner
from meta_envs.learners.rollout import Rollout, roll_out
from meta_envs.lifetimes.tables import tabulate
from meta_envs.lifetimes.trials import number_trials
from meta_envs.registry import make_family
from meta_envs.roster import Player, seat
from meta_envs.seeds import EVALUATION, evaluation_seeds

MOST_NUMBERS = 8
"""Numbers of a task, a state or an outcome that get columns of their own; longer ones are left out."""


def record_trials(
    learners: Player | Sequence[Player],
    id: str | TaskFamily,
    *,
    episodes: int = 1000,
    seed: int = 1,
    **keywords: Any,
) -> TrialTable:
    """Roll learners out in the lifetimes of `meta_envs.evaluate`, and write every step down.

    Lifetime ``i`` is that of ``reset(seed=2**32 + seed * 2**20 + i)``, and the learners' own chance is that of
    `evaluate` too: what the table holds is what the scorecard with the same seed counts.

    Args:
        learners: A learner, its name or a trained agent's path as `make_learner` takes it, or several of these.
        id: An environment's id, or a family.
        episodes: Lifetimes of each learner, from 1 to 2**20.
        seed: Evaluation seed, from 0 to 2**31.
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
    players, family = _check(learners, id, episodes, seed, keywords)
    tables = sorted(_tables(players, family, int(episodes), int(seed)), key=lambda made: made[0])
    return join([table for _, table in tables])


def write_trials(
    learners: Player | Sequence[Player],
    id: str | TaskFamily,
    path: str | os.PathLike[str],
    *,
    episodes: int = 1000,
    seed: int = 1,
    **keywords: Any,
) -> None:
    """Write the rows of `record_trials` to a CSV file, all or nothing, without holding them: there may be millions.

    All learners run a thousand lifetimes and then the next; the rows are in that order.

    Args:
        learners: As `record_trials` takes them, and so are the others.
        id: An environment's id, or a family.
        path: The file.
        episodes: Lifetimes of each learner.
        seed: Evaluation seed.
        **keywords: Values of the family's fields.

    Raises:
        OSError: If the file cannot be written.
        ValueError: As `record_trials`.
    """
    players, family = _check(learners, id, episodes, seed, keywords)
    tables = _tables(players, family, int(episodes), int(seed))
    write_with_seal_beside(Path(path), csv_parts(table for _, table in tables))


def _check(
    learners: Player | Sequence[Player],
    id: str | TaskFamily,
    episodes: int,
    seed: int,
    keywords: dict[str, Any],
) -> tuple[list[Learner], TaskFamily]:
    require_whole("episodes", episodes, 1, EVALUATION.size)
    require_whole("seed", seed, 0, EVALUATION.last_seed)
    players = seat(learners, id)
    names = [player.name for player in players]
    require(len(players) > 0, "learners", learners, "give at least one")
    require(len(set(names)) == len(names), "learners", names, "give each learner a name of its own")
    return players, make_family(id, **keywords)


def _tables(players: list[Learner], family: TaskFamily, episodes: int, seed: int) -> Iterator[tuple[int, TrialTable]]:
    """A table of every learner for each block of lifetimes, with the learner's place."""
    seeds = evaluation_seeds(episodes, seed)
    for block in roll_out(players, family, seeds, seed, whole=True):
        for place, (player, rollout) in enumerate(zip(players, block.rollouts, strict=True)):
            index = block.start + np.arange(len(block.task))
            yield place, _make_table(player.name, index, seeds.start + index, family, block.task, rollout)


def _make_table(name: str, index: Array, seeds: Array, family: TaskFamily, task: Array, rollout: Rollout) -> TrialTable:
    """A table of the steps before the lifetimes ended, one lifetime after the other."""
    kept = {
        field.name: np.swapaxes(values, 0, 1)
        for field in fields(rollout)
        if (values := getattr(rollout, field.name)) is not None
    }
    trial, stage = number_trials(family)
    shape = kept["alive"].shape
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
    if tables is None:
        columns |= _number("state", kept["state"])
    elif len(tables.states) > 1:
        columns |= _number("state", tables.states[kept["row"]])
    columns |= _number("action", kept["action"])
    columns |= _number("outcome", kept["outcome"])
    columns |= {column: kept[column] for column in ("reward", "expected", "regret", "best_action") if column in kept}
    if "regret" in kept:
        columns["optimal"] = (kept["regret"] <= 1e-12).astype(np.int64)
    elif "best_action" in kept:
        columns["optimal"] = (kept["best_action"] == kept["action"]).astype(np.int64)
    for title, place in name_task_columns(family).items():
        columns[title] = np.broadcast_to(task[:, place] if place.shape else task[:, place, None], shape)
    return TrialTable({title: column[kept["alive"]] for title, column in columns.items()})


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
