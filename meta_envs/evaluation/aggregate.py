"""Scores of several training runs, summed up.

Source: Agarwal et al. 2021, *Deep reinforcement learning at the edge of the statistical precipice*, arXiv 2108.13264.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.evaluation.matrix import score_matrix
from meta_envs.family import Array, TaskFamily
from meta_envs.roster import Player, is_single

CUT = 0.25
"""Of the scores, at either end, that an interquartile mean leaves out."""
THRESHOLDS = tuple(np.linspace(0.0, 1.0, 101).round(2).tolist())


@dataclass(frozen=True)
class Aggregate:
    """Normalised scores of several runs in one or several tasks, summed up.

    Intervals are 95 % intervals over runs, None of a single run: percentiles of a stratified bootstrap, which draws as
    many runs anew, of each task by itself (Agarwal et al. 2021, section 4.1).
    """

    runs: int
    tasks: int
    iqm: float
    """Interquartile mean: of the middle half of all scores (section 4.3)."""
    iqm_low: float | None
    iqm_high: float | None
    median: float
    """Of all scores. (rliable's median is that of the tasks' means, which of one task is the mean.)"""
    median_low: float | None
    median_high: float | None
    profile: list[float] = field(repr=False)
    """Performance profile: fraction of scores above each threshold (section 4.2, run-score distribution)."""
    profile_low: list[float] | None = field(repr=False)
    """Of each threshold by itself."""
    profile_high: list[float] | None = field(repr=False)
    thresholds: list[float] = field(repr=False)
    scores: list[list[float]] = field(repr=False)
    """(runs, tasks)"""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def aggregate(
    scores: Any, *, thresholds: Sequence[float] = THRESHOLDS, resamples: int = 2000, seed: int = 0
) -> Aggregate:
    """Sum scores of runs up: interquartile mean, median, performance profile, and their intervals.

    Args:
        scores: Normalised scores (runs, tasks), or of one task (runs,), as `score_matrix` gives them.
        thresholds: Scores at which the profile is taken.
        resamples: Bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the scores are none, or an argument makes no sense.
    """
    from scipy.stats import trim_mean

    matrix = np.asarray(scores, np.float64)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    require(matrix.ndim == 2 and matrix.size > 0, "scores", scores, "give an array (runs, tasks)")
    require(bool(np.isfinite(matrix).all()), "scores", scores, "give finite numbers")
    levels = np.asarray(thresholds, np.float64)
    require(levels.ndim == 1 and levels.size > 0, "thresholds", thresholds, "give a list of scores")
    require_whole("resamples", resamples, 100)
    runs, tasks = matrix.shape

    def sum_up(sample: Array) -> Array:
        """IQM, median and profile of samples (n, runs * tasks), side by side."""
        above = [np.mean(sample > level, axis=-1) for level in levels]
        return np.stack([trim_mean(sample, CUT, axis=-1), np.median(sample, axis=-1), *above])

    found = sum_up(matrix.reshape(1, -1))[:, 0].tolist()
    low: list[Any] = [None] * len(found)
    high, note = low, "One run has no interval over runs: train more seeds."
    if runs > 1:
        drawn = np.random.default_rng(seed).integers(runs, size=(resamples, runs, tasks))
        samples = np.take_along_axis(matrix[None], drawn, axis=1).reshape(resamples, -1)
        low, high = np.quantile(sum_up(samples), [0.025, 0.975], axis=-1).tolist()
        note = ""
    return Aggregate(
        runs=runs,
        tasks=tasks,
        iqm=found[0],
        iqm_low=low[0],
        iqm_high=high[0],
        median=found[1],
        median_low=low[1],
        median_high=high[1],
        profile=found[2:],
        profile_low=low[2:] if runs > 1 else None,
        profile_high=high[2:] if runs > 1 else None,
        thresholds=levels.tolist(),
        scores=matrix.tolist(),
        note=note,
    )


def evaluate_seeds(
    runs: Sequence[Player],
    ids: str | TaskFamily | Sequence[str | TaskFamily],
    *,
    episodes: int = 10_000,
    seed: int = 1,
    **keywords: Any,
) -> Aggregate:
    """Evaluate runs of one training that differ in their seed, and sum their scores up.

    Run ``k`` is evaluated in the lifetimes of evaluation seed ``seed + k``, see `score_matrix`.

    Args:
        runs: Directories of runs, agents, models of Stable-Baselines3, or other learners; one a seed.
        ids: An environment's id, or a family, or several of these.
        episodes: Lifetimes of each run in each, from 2 to 2**20.
        seed: Evaluation seed of the first run.
        **keywords: Values of the family's fields.

    Raises:
        ValueError: As `score_matrix`.
    """
    require(not is_single(runs) and len(runs) > 0, "runs", runs, "give a list of at least one run")
    places = [ids] if isinstance(ids, str | TaskFamily) else list(ids)
    scores = score_matrix({"runs": runs}, places, episodes=episodes, seed=seed, **keywords)
    return aggregate(scores["runs"])
