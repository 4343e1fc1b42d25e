"""Latencies: steps to a goal, by visit and from the first to later ones, where the end of lifetimes cuts visits off."""

from __future__ import annotations

import numpy as np

from meta_envs.arguments import require_whole
from meta_envs.behaviour.estimates import Estimates, average, ratios
from meta_envs.behaviour.trials import TrialTable, refuse_twins
from meta_envs.family import Array

FIRST_TO_LATER = np.array(["first", "later", "first : later"])
"""What `first_to_later_latency` estimates, in order."""


def latency_by_visit(table: TrialTable, *, goal_reward: float | None = None, visits: int = 1) -> Estimates:
    """Mean steps to the goal by visit, with Student's t intervals: from the start, then from goal to goal.

    Only lifetimes that came so far count. Later visits are therefore those of quick lifetimes, as ``count`` shows, and
    are quick where nothing was learned, too. To compare visits, take the same lifetimes for all of them by ``visits``,
    or their ratio by `first_to_later_latency`.

    Args:
        table: With ``lifetime``, ``step`` (from 1) and ``goal``.
        goal_reward: Steps with exactly this reward have reached the goal, in place of ``goal``.
        visits: Only lifetimes with at least so many visits count, and only their first so many, if it is 2 or more.

    Raises:
        ValueError: If a column is missing, or an argument makes no sense.
    """
    require_whole("visits", visits, 1)
    lifetime, visit, latency = _visits(table, goal_reward)
    if visits > 1:
        kept = (np.bincount(lifetime)[lifetime] >= visits) & (visit < visits)
        visit, latency = visit[kept], latency[kept]
    return average(latency, visit, np.arange(1, np.max(visit, initial=-1) + 2))


def first_to_later_latency(table: TrialTable, *, goal_reward: float | None = None, visits: int = 2) -> Estimates:
    """Mean steps to the first visit, to the later ones, and their ratio, in lifetimes with at least ``visits`` visits.

    The end of a lifetime cuts its last visit off, so that slow visits are missing from the mean of each visit, the more
    the later it is. But of a learner that never gets quicker, the visits of a lifetime that were completed are
    exchangeable, given how many there were and however lifetimes differ: first and later visits of the *same* lifetimes
    are then equal in the mean, and the ratio is 1. Where something was learned the ratio is, if anything, too low,
    because the lifetimes with the slowest first visits are left out; the fewer these are the less.

    Source: Wang & Chang 1999, Nonparametric estimation of a recurrent survival function, Journal of the American
    Statistical Association 94:146, section 2: the completed recurrence times of a subject are identically distributed
    given their number.

    Args:
        table: With ``lifetime``, ``step`` (from 1) and ``goal``.
        goal_reward: Steps with exactly this reward have reached the goal, in place of ``goal``.
        visits: Visits that are compared, the first with the mean of all others up to this one, at least 2.

    Returns:
        Three estimates, in the order of `FIRST_TO_LATER`, with intervals by bootstrap over lifetimes. ``count`` is the
        number of lifetimes.

    Raises:
        ValueError: If a column is missing, or an argument makes no sense.
    """
    require_whole("visits", visits, 2)
    lifetime, visit, latency = _visits(table, goal_reward)
    kept = (np.bincount(lifetime)[lifetime] >= visits) & (visit < visits)
    latencies = latency[kept].reshape(-1, visits).astype(np.float64)
    first, later = latencies[:, 0], latencies[:, 1:].mean(axis=1)
    ones = np.ones_like(first)
    return ratios(np.stack([first, later, first], axis=1), np.stack([ones, ones, later], axis=1), FIRST_TO_LATER)


def _visits(table: TrialTable, goal_reward: float | None) -> tuple[Array, Array, Array]:
    """Lifetime, number from 0 and latency of every visit (n,), lifetime by lifetime."""
    if goal_reward is not None:
        table = table.ready("Latency by visit", "reward")
        table = table.with_columns(goal=np.isclose(table["reward"], goal_reward).astype(np.int64))
    table = table.ready("Latency by visit", "step", "goal")
    refuse_twins(table, "Latencies", "step")
    reached = table.where(table["goal"] == 1)
    lifetime, step = reached.lifetimes(), reached["step"]
    visit = np.arange(len(reached)) - np.searchsorted(lifetime, lifetime)
    return lifetime, visit, np.where(visit == 0, step, np.diff(step, prepend=0))
