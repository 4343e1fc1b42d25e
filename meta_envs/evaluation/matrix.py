"""Normalised scores of several runs in several tasks, as rliable takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.evaluation.scores import assess
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner


def score_matrix(
    algorithms: Mapping[str, Sequence[Any]],
    ids: Sequence[str | TaskFamily],
    *,
    episodes: int = 10_000,
    seed: int = 1,
) -> dict[str, Array]:
    """Normalised scores by run and task, as rliable takes them.

    Run ``k`` of every algorithm is in the lifetimes of evaluation seed ``seed + k``, so that runs are independent, as
    rliable's bootstrap takes them to be, and algorithms have common random numbers run by run. A rule that is given
    several times therefore has several runs.

    Args:
        algorithms: Runs by the name of the algorithm. A run is a learner, its name or a trained agent's path, or, where
            it has another for each task, a mapping of these by id.
        ids: The tasks: environments' ids, or families.
        episodes: Lifetimes of each run in each task, from 2 to 2**20.
        seed: Evaluation seed of the first run.

    Returns:
        Scores (runs, tasks) float64 by algorithm, the tasks in the order of ``ids``.

    Raises:
        ValueError: If nothing is given, a run has no learner for a task, a task has no score, or as `evaluate`.
    """
    require(len(ids) > 0 and not isinstance(ids, str), "ids", ids, "give a list of at least one id")
    require(len(algorithms) > 0, "algorithms", algorithms, "give at least one, as a list of runs by its name")
    for name, runs in algorithms.items():
        wrong = isinstance(runs, str | Learner | Mapping) or len(runs) == 0
        require(not wrong, name, runs, "give a list of at least one run")
    scores = {name: np.empty((len(runs), len(ids))) for name, runs in algorithms.items()}
    for run in range(max(map(len, algorithms.values()))):
        names = [name for name, runs in algorithms.items() if run < len(runs)]
        for task, id in enumerate(ids):
            learners = [_learner_of(algorithms[name][run], id, f"Run {run} of {name!r}") for name in names]
            cards = assess(learners, id, episodes=episodes, seed=seed + run)[0]
            for name, card in zip(names, cards, strict=True):
                if card.score is None:
                    raise ValueError(f"{card.id} cannot stand in a score matrix. {card.note}")
                scores[name][run, task] = card.score
    return scores


def _learner_of(run: Any, id: str | TaskFamily, who: str) -> str | Learner:
    """What a run plays a task with."""
    if not isinstance(run, Mapping):
        return run
    if id not in run:
        raise ValueError(f"{who} has no learner for {id}: it has some for {', '.join(map(str, run))}.")
    return run[id]
