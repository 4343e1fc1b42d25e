"""Means and proportions with 95 % intervals over lifetimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meta_envs.family import Array
from meta_envs.intervals import bootstrap_ratios, wilson


@dataclass(frozen=True, eq=False)
class Estimates:
    """Means with 95 % intervals: NaN where there is nothing to average, intervals also where there is one lifetime."""

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
            f"{place!s:<{width}}  {_show(mean, low, high)}  n = {count:,}" for place, mean, low, high, count in rows
        )


def _show(mean: float, low: float, high: float) -> str:
    """A mean and its interval, or why there is none."""
    if np.isnan(mean):
        return "–"
    return f"{mean:.3f} ({low:.3f}, {high:.3f})" if low <= high else f"{mean:.3f} (one lifetime: no interval)"


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
    lifetime hang together, and it is by bootstrap over whole lifetimes; where these are alike, such as all hits, which
    leaves a bootstrap nothing to vary, it is Wilson's with the lifetimes counted once each. Of a single lifetime there
    is none.

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
    with np.errstate(invalid="ignore"):
        mean = hit / count
    low, high = wilson(mean * np.where(single, count, groups), np.where(single, count, groups))
    if not single.all():
        lows, highs = bootstrap_ratios(sums, totals)
        pooled = ~single & (lows < highs)
        low, high = np.where(pooled, lows, low), np.where(pooled, highs, high)
    low[groups < 2], high[groups < 2] = np.nan, np.nan
    return Estimates(places, mean, low, high, count)


def ratios(sums: Array, totals: Array, places: Array) -> Estimates:
    """Ratios of sums over lifetimes (lifetimes, m), with 95 % intervals by bootstrap over lifetimes.

    Args:
        sums: What is summed above the line (lifetimes, m).
        totals: What is summed below it (lifetimes, m).
        places: What the ratios are called (m,).
    """
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=0) / totals.sum(axis=0)
    return Estimates(places, mean, *bootstrap_ratios(sums, totals), np.count_nonzero(totals, axis=0))
