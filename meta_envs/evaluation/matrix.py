"""Normalised scores of several runs in several tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.evaluation.scores import assess
from meta_envs.family import Array, TaskFamily
from meta_envs.roster import Player, is_single, seat
from meta_envs.terminal.progress import track


def score_matrix(
    algorithms: Mapping[str, Sequence[Any]],
    ids: Sequence[str | TaskFamily],
    *,
    episodes: int = 10_000,
    seed: int = 1,
    **keywords: Any,
) -> dict[str, Array]:
    """Normalised scores by run and task, as `aggregate` takes them (and rliable).

    Run ``k`` of every algorithm is in the lifetimes of evaluation seed ``seed + k``, so that runs are independent, as
    a bootstrap takes them to be, and algorithms have common random numbers run by run. A rule that is given several
    times therefore has several runs.

    Args:
        algorithms: Runs by the name of the algorithm. A run is a learner, its name or a trained agent's path, or, where
            it has another for each task, a mapping of these by id.
        ids: The tasks: environments' ids, or families.
        episodes: Lifetimes of each run in each task, from 2 to 2**20.
        seed: Evaluation seed of the first run.
        **keywords: Values of the families' fields.

    Returns:
        Scores (runs, tasks) float64 by algorithm, the tasks in the order of ``ids``.

    Raises:
        ValueError: If nothing is given, a run has no learner for a task, a task has no score, or as `evaluate`.
    """
    require(len(ids) > 0 and not isinstance(ids, str), "ids", ids, "give a list of at least one id")
    require(len(algorithms) > 0, "algorithms", algorithms, "give at least one, as a list of runs by its name")
    for name, runs in algorithms.items():
        wrong = isinstance(runs, Mapping) or is_single(runs) or len(runs) == 0
        require(not wrong, name, runs, "give a list of at least one run")
    # All are there before the first is evaluated.
    players = {
        name: [[seat(_learner_of(run, id, f"Run {k} of {name!r}"), id)[0] for id in ids] for k, run in enumerate(runs)]
        for name, runs in algorithms.items()
    }
    scores = {name: np.empty((len(runs), len(ids))) for name, runs in algorithms.items()}
    most = max(map(len, algorithms.values()))
    for run, task in track(list(product(range(most), range(len(ids)))), f"{most} runs"):
        names = [name for name, runs in players.items() if run < len(runs)]
        learners = [players[name][run][task] for name in names]
        cards = assess(learners, ids[task], episodes=episodes, seed=seed + run, **keywords)[0]
        for name, card in zip(names, cards, strict=True):
            if card.score is None:
                raise ValueError(f"{card.id} cannot stand in a score matrix. {card.note}")
            scores[name][run, task] = card.score
    return scores


def _learner_of(run: Any, id: str | TaskFamily, who: str) -> Player:
    """What a run plays a task with."""
    if not isinstance(run, Mapping):
        return run
    if id not in run:
        raise ValueError(f"{who} has no learner for {id}: it has some for {', '.join(map(str, run))}.")
    return run[id]
