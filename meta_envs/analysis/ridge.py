"""Ridge regression, cross-validated over lifetimes: the rows of one are never on both sides of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.behaviour.estimates import Estimates
from meta_envs.family import Array
from meta_envs.intervals import bootstrap_ratios

PENALTIES = 10.0 ** np.arange(-8, 2)
"""A row, for features of standard deviation 1."""
FLAT = 1e-9
"""Standard deviations below this, next to the size of the mean, are rounding: such numbers are constant."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows of features x (F,) and targets y (D,): all that a linear regression needs to know of them."""

    count: float
    x: Array
    y: Array
    xx: Array
    xy: Array
    yy: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> Sums:
        """Of rows (n, F) and (n, D)."""
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, np.sum(y**2, axis=0))

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(mine + others for mine, others in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(mine - others for mine, others in zip(vars(self).values(), vars(other).values(), strict=True)))

    def fit(self, penalties: Array) -> list[tuple[Array, Array]]:
        """Weights (F, D) and intercepts (D,) for each penalty; the intercept is not penalised."""
        mean_x, mean_y = self.x / self.count, self.y / self.count
        spread = np.sqrt(np.maximum(np.diag(self.xx) / self.count - mean_x**2, 0.0))
        scale = np.where(spread > FLAT * (1.0 + np.abs(mean_x)), spread, np.inf)
        gram = (self.xx / self.count - np.outer(mean_x, mean_x)) / np.outer(scale, scale)
        cross = (self.xy / self.count - np.outer(mean_x, mean_y)) / scale[:, None]
        sizes, axes = np.linalg.eigh(gram)
        turned = axes.T @ cross
        found = []
        for penalty in penalties:
            weights = axes @ (turned / (np.maximum(sizes, 0.0) + penalty)[:, None]) / scale[:, None]
            found.append((weights, mean_y - mean_x @ weights))
        return found

    def errors(self, weights: Array, intercept: Array) -> Array:
        """Summed squared errors (D,) of a linear prediction."""
        squared = np.sum(weights * (self.xx @ weights), axis=0) + self.count * intercept**2
        mixed = np.sum(weights * self.xy, axis=0) + intercept * self.y - intercept * (self.x @ weights)
        return np.maximum(self.yy - 2.0 * mixed + squared, 0.0)


def predict_held_out(x: Array, y: Array, lifetime: Array, folds: int = 5) -> Array:
    """Predictions (n, D) of each lifetime's targets by a regression on the other folds' lifetimes.

    The penalty is chosen within these, by cross-validation as well.

    Args:
        x: Features (n, F).
        y: Targets (n, D).
        lifetime: The lifetime of every row (n,), from 0.
        folds: Parts that the lifetimes are split into, at least 3 and at most as many as lifetimes.

    Raises:
        ValueError: If there are not so many.
    """
    fold = split(lifetime, folds)
    center = np.mean(x, axis=0)  # so that sums of squares lose no digits
    x = x - center
    parts = [Sums.of(x[fold == part], y[fold == part]) for part in range(folds)]
    total = sum(parts[1:], parts[0])
    scale = np.var(y, axis=0)
    scale = np.where(scale > 0.0, scale, np.inf)
    predicted = np.empty(y.shape)
    for held, own in enumerate(parts):
        rest = total - own
        lost = np.zeros(len(PENALTIES))
        for inner, other in enumerate(parts):
            if inner != held:
                fitted = (rest - other).fit(PENALTIES)
                lost += [np.sum(other.errors(*model) / scale) for model in fitted]
        ((weights, intercept),) = rest.fit(PENALTIES[[np.argmin(lost)]])
        predicted[fold == held] = x[fold == held] @ weights + intercept
    return predicted


def split(lifetime: Array, folds: int) -> Array:
    """The fold of every row (n,): lifetimes go to the folds in turn.

    Raises:
        ValueError: If there are fewer lifetimes than folds.
    """
    folds = require_whole("folds", folds, 3)
    num = int(np.max(lifetime)) + 1
    require(num >= folds, "folds", folds, f"give at most as many as lifetimes, of which there are {num}")
    return lifetime % folds


def widen_features(x: Array, units: int) -> Array:
    """Features (n, F + units): beside the given ones, scaled, a hidden layer of tanh units with random weights.

    A ridge regression on these is a small network of which only the last layer is fitted (Schmidt, Kraaijveld & Duin
    1992; Huang, Zhu & Siew 2006): its fit is exact, fast, and the same every time.
    """
    spread = np.std(x, axis=0)
    x = (x - np.mean(x, axis=0)) / np.where(spread > FLAT, spread, np.inf)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(x.shape[1], units)) / np.sqrt(max(x.shape[1], 1))
    return np.concatenate([x, np.tanh(x @ weights * 1.5 + rng.normal(size=units))], axis=-1)


def errors_by_lifetime(y: Array, predicted: Array, lifetime: Array, num: int) -> tuple[Array, Array]:
    """Squared errors and squared distances from the mean, summed over each of ``num`` lifetimes (num, D + 1).

    The last column is all targets together, each in units of its variance; constant ones are left out of it, and have
    no distances.
    """
    variance = np.var(y, axis=0)
    varies = variance > (FLAT * (1.0 + np.abs(np.mean(y, axis=0)))) ** 2
    tables = []
    for squares in ((y - predicted) ** 2, (y - np.mean(y, axis=0)) ** 2):
        sums = np.stack([np.bincount(lifetime, column, num) for column in squares.T], axis=-1)
        sums = np.where(varies, sums, 0.0)
        together = np.sum(sums / np.where(varies, variance, np.inf), axis=-1, keepdims=True)
        tables.append(np.concatenate([sums, together], axis=-1))
    return tables[0], tables[1]


def share(above: Array, below: Array, names: tuple[str, ...], *, less: float = 0.0, sign: float = 1.0) -> Estimates:
    """Ratios of sums over lifetimes ``less + sign * above / below`` (m,), with 95 % intervals by bootstrap."""
    with np.errstate(invalid="ignore"):
        mean = less + sign * above.sum(axis=0) / below.sum(axis=0)
    ends = np.sort([less + sign * end for end in bootstrap_ratios(above, below)], axis=0)
    return Estimates(np.array(names), mean, ends[0], ends[1], np.full(len(names), len(above)))
