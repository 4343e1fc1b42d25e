"""Standard errors and 95 % intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_GROUPS = 10_000
"""Lifetimes that a bootstrap draws from; more are put together in as many groups first, which changes nothing much."""
MOST_DRAWS = 1 << 21
"""Lifetimes drawn at a time."""
NORMAL = 1.959963984540054
"""The 97.5 % quantile of the standard normal."""
RESAMPLES = 2000
"""Bootstrap samples of a score."""
SINGULAR = 1e-8
"""Singular values so much smaller than the largest one are rounding."""
MANY = 100
"""Lifetimes from which on a slope can be fitted to them, and their mean be bootstrapped."""


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


def bootstrap_ratios(sums: Array, totals: Array) -> tuple[Array, Array]:
    """Ends of percentile intervals (m,) of ratios of sums over lifetimes (lifetimes, m), drawn anew; a fixed seed.

    NaN where fewer than two lifetimes have something to count: one of them says nothing about how they differ.
    """
    told = np.count_nonzero(totals, axis=0) > 1
    if not told.any():
        return np.full(told.shape, np.nan), np.full(told.shape, np.nan)
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
    ends = np.full((2, len(told)), np.nan)
    ends[:, told] = np.nanquantile(np.concatenate(ratios)[:, told], [0.025, 0.975], axis=0)
    return ends[0], ends[1]


def mean_interval(values: Array) -> tuple[float, float]:
    """A 95 % interval for the mean of values (n,): by bootstrap, of few values by Student's t, NaN of a single one."""
    if len(values) >= MANY:
        low, high = np.quantile(bootstrap_means(values), [0.025, 0.975])
        return float(low), float(high)
    from scipy.stats import t as student

    half = float(student.ppf(0.975, max(len(values) - 1, 1))) * standard_error(values)
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def widen(interval: tuple[float, float], middle: float, half: float) -> tuple[float, float]:
    """An interval around ``middle``, wider by an independent error whose own interval is ``half`` to either side."""
    low, high = interval
    return middle - float(np.hypot(middle - low, half)), middle + float(np.hypot(high - middle, half))


def bootstrap_means(values: Array) -> Array:
    """Means (RESAMPLES,) of values (n,) drawn anew with replacement, with a fixed seed.

    More than ``MOST_GROUPS`` values are averaged in that many groups first, and the groups drawn: with so many, the
    mean is distributed alike.
    """
    groups = np.arange(len(values)) * min(len(values), MOST_GROUPS) // len(values)
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    rng = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for sample in range(RESAMPLES):
        drawn = rng.integers(len(sums), size=len(sums))
        means[sample] = sums[drawn].sum() / sizes[drawn].sum()
    return means


def controlled_mean(values: Array, variates: Array) -> tuple[float, float]:
    """The mean of values (n,) by regression on control variates (n, m), whose means are 0, and its standard error.

    Variates that follow from the others, but for rounding, say nothing and are left out; the rest fits by its singular
    values, so that the result is as exact as the values are. Source: Lavenberg & Welch 1981, Management Science 27:322.
    """
    design = np.column_stack([np.ones(len(values)), variates])
    size = np.linalg.norm(design, axis=0)
    design /= np.where(size > 0.0, size, 1.0)
    left, spread, right = np.linalg.svd(design, full_matrices=False)
    kept = spread > SINGULAR * spread[0]
    inverse = right[kept].T / spread[kept]
    fit = inverse @ (left[:, kept].T @ values)
    residual = values - design @ fit
    variance = np.sum(residual**2) / (len(values) - np.count_nonzero(kept)) * np.sum(inverse[0] ** 2)
    rounding = len(values) ** 0.5 * np.finfo(np.float64).eps * np.max(np.abs(values))
    return float(fit[0] / size[0]), float(np.hypot(np.sqrt(variance) / size[0], rounding))


def standard_error(values: Array) -> float:
    """Of the mean of values (n,), NaN of a single one."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
