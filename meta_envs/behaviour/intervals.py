"""Means and proportions with 95 % intervals over lifetimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meta_envs.evaluation import RESAMPLES
from meta_envs.family import Array

MOST_GROUPS = 10_000
"""Lifetimes that a bootstrap draws from; more are put together in as many groups first, which changes nothing much."""
MOST_DRAWS = 1 << 21
"""Lifetimes drawn at a time."""
NORMAL = 1.959963984540054
"""The 97.5 % quantile of the standard normal."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """Means with 95 % intervals, NaN where there is nothing to average."""

    at: Array
    """What each is of (n,): a trial's number, or a name."""
    mean: Array
    """(n,)"""
    low: Array
    """(n,)"""
    high: Array
    """(n,)"""
    count: Array
    """Observations behind each (n,)."""

    def __str__(self) -> str:
        width = max((len(str(place)) for place in self.at), default=0)
        rows = zip(self.at, self.mean, self.low, self.high, self.count, strict=True)
        return "\n".join(
            f"{place!s:<{width}}  {mean:.3f} ({low:.3f}, {high:.3f})  n = {count:,}"
            for place, mean, low, high, count in rows
        )


def average(values: Array, at: Array, places: Array) -> Estimates:
    """Means of values (n,) at each place, with Student's t intervals: one value a lifetime and place.

    Args:
        values: Numbers (n,).
        at: The place of each (n,), from 0.
        places: What the places are called (m,).
    """
    from scipy.stats import t as student

    size = len(places)
    count = np.bincount(at, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(at, values, size) / count
        spread = np.bincount(at, (values - mean[at]) ** 2, size)
        error = np.sqrt(spread / (count - 1) / count)
        half = student.ppf(0.975, np.maximum(count - 1, 1)) * error
    half = np.where(count > 1, half, np.nan)
    return Estimates(places, mean, mean - half, mean + half, count)


def proportions(hits: Array, at: Array, lifetime: Array, places: Array) -> Estimates:
    """Proportions of hits at each place, with 95 % intervals over lifetimes.

    Where no lifetime has more than one observation at a place, the interval is Wilson's. Else observations of one
    lifetime hang together, and it is by bootstrap over whole lifetimes; where all of them or none are hits, which
    leaves a bootstrap nothing to vary, it is Wilson's with the lifetimes counted once each.

    Args:
        hits: Whether each observation is a hit (n,).
        at: Its place (n,), from 0.
        lifetime: Its lifetime (n,), from 0.
        places: What the places are called (m,).
    """
    num, size = int(np.max(lifetime, initial=-1)) + 1, len(places)
    totals = np.bincount(lifetime * size + at, minlength=num * size).reshape(num, size)
    sums = np.bincount(lifetime * size + at, hits, num * size).reshape(num, size)
    hit, count, groups = sums.sum(axis=0), totals.sum(axis=0), np.count_nonzero(totals, axis=0)
    single = groups == count
    even = (hit == 0) | (hit == count)
    with np.errstate(invalid="ignore"):
        mean = hit / count
    low, high = wilson(mean * np.where(single, count, groups), np.where(single, count, groups))
    pooled = ~single & ~even
    if pooled.any():
        low[pooled], high[pooled] = _bootstrap(sums[:, pooled], totals[:, pooled])
    return Estimates(places, mean, low, high, count)


def wilson(hits: Array, count: Array) -> tuple[Array, Array]:
    """Ends of Wilson's 95 % intervals for proportions of independent observations, NaN where there are none.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22:209.

    Args:
        hits: Observations that are hits (n,).
        count: All observations (n,).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, wide = hits / count, NORMAL**2 / count
        middle = (mean + wide / 2) / (1 + wide)
        half = np.sqrt(mean * (1 - mean) * wide + wide**2 / 4) / (1 + wide)
    # The ends are 0 and 1 exactly where no observation, or every one, is a hit.
    low = np.where(hits == 0, np.where(count > 0, 0.0, np.nan), middle - half)
    high = np.where(hits == count, np.where(count > 0, 1.0, np.nan), middle + half)
    return low, high


def _bootstrap(sums: Array, totals: Array) -> tuple[Array, Array]:
    """Ends of percentile intervals (m,) of ratios of sums over lifetimes (lifetimes, m), drawn anew; a fixed seed."""
    if len(sums) > MOST_GROUPS:
        group = np.arange(len(sums)) * MOST_GROUPS // len(sums)
        starts = np.searchsorted(group, np.arange(MOST_GROUPS))
        sums, totals = np.add.reduceat(sums, starts), np.add.reduceat(totals, starts)
    rng, num = np.random.default_rng(0), len(sums)
    rows = max(1, MOST_DRAWS // num)
    ratios = []
    for start in range(0, RESAMPLES, rows):
        drawn = rng.integers(num, size=(min(rows, RESAMPLES - start), num))
        cells = drawn + np.arange(len(drawn))[:, None] * num
        weights = np.bincount(cells.ravel(), minlength=cells.size).reshape(cells.shape)
        with np.errstate(invalid="ignore"):
            ratios.append((weights @ sums) / (weights @ totals))
    low, high = np.nanquantile(np.concatenate(ratios), [0.025, 0.975], axis=0)
    return low, high
