"""The optimum of Gaussian arms: exact for a sure arm and one other, and where it is worth to learn at all.

Who pulls the sure arm learns nothing, and has as good a reason to pull it again with fewer pulls left: the best learner
pulls the other arm until its posterior mean falls below a border, and then stays with the sure one (Berry & Fristedt
1985, *Bandit problems*, chapter 5). Write ``v_n`` for the variance of the arm's posterior after ``n`` pulls, ``d_n`` for
the standard deviation by which the next pull moves its mean, ``d_n^2 = v_n - v_(n+1)``. With ``r`` pulls left and mean
``m``, the best return is ``max(0, C(m))``, and

    C_n(m) = m + E max(0, C_(n+1)(m + d_n Z)),    Z ~ N(0, 1),

which is increasing and convex, so that it has one root: the border. Above a mean that is ``REACH`` standard deviations
of all that is still to be learned, stopping is worth nothing and ``C_n(m) = r m``. Between border and that mean the
expectation is a sum over Gauss-Legendre nodes on panels that are short beside ``d_n``; there is no interpolation, since
values are needed at these nodes alone, and the kink of the maximum is an end of the range. The recursion is in the
mean alone and knows no prior mean: its first border is the prior mean at which the best learner begins to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.intervals import standard_error
from meta_envs.learners.bandits import BeliefLearner, EpsilonGreedy, Thompson
from meta_envs.learners.learner import Learner
from meta_envs.learners.returns import record
from meta_envs.limits import require_seconds
from meta_envs.seeds import BANDIT_OPTIMA
from meta_envs.solvers.optimum import ERRORS, Optimum
from meta_envs.terminal.progress import track

REACH = 8.5
"""Standard deviations beyond which the mean is taken for sure: what is left out is below 1e-17 of one."""
PANEL = 3.0
"""Length of a panel, in standard deviations of the next move."""
NODES = 12
"""Gauss-Legendre nodes of a panel."""
TOGETHER = 64
"""Posterior means whose values are computed together."""
LIFETIMES = 4000
"""Lifetimes in which it is simulated what is achieved with many arms."""


@dataclass(frozen=True)
class Stopping:
    """The stopping problem of an arm beside a sure one that pays 0."""

    borders: Array
    """Posterior means (num_trials,) below which the sure arm is better, by pulls of the other arm and of no other."""
    nodes: Array
    """Posterior means after the first pull at which `values` stand."""
    values: Array
    """Best returns after the first pull, times the nodes' weights."""
    end: float
    """Mean after the first pull from which on the arm is never left."""
    move: float
    """Standard deviation of the first move of the mean."""

    def value(self, prior_mean: float) -> float:
        """The best return of those who begin with a pull of the arm that is not sure."""
        left = len(self.borders) - 1
        return float(_continue(np.array([prior_mean]), self, self.move, left)[0])


def solve_gaussian(family: GaussianBandit) -> Optimum:
    """The optimum: exact for a sure arm and one other, or one arm alone, else an upper bound."""
    unsure = int(np.count_nonzero(family.unsure))
    random_value = family.num_trials * family.prior_mean * unsure / family.num_arms
    if family.num_arms > 1 and unsure > 1:
        return _bound(family, random_value)
    if family.num_arms == 1:
        value, note = random_value, "there is one arm"
    else:
        value = max(0.0, learning_value(family))
        note = "a stopping problem, by backward induction with Gauss-Legendre quadrature, to 1e-9 of the value"
    return Optimum(
        value=value, achieved=value, kind="exact", note=note, random_value=random_value, player=GaussianBayes
    )


class GaussianBayes(BeliefLearner):
    """The best learner of a sure arm and one other: pulls the other as long as its posterior mean is above a border.

    It is the best also after actions that are not its own: borders depend on the pulls of the arm and on those left.
    """

    name = "bayes"

    def check(self, family: TaskFamily) -> None:
        """Serves Gaussian bandits with a sure arm and one other."""
        super().check(family)
        fits = isinstance(family, GaussianBandit) and family.sure_arm and family.num_arms == 2
        require(fits, "family", family, "give a Gaussian bandit with a sure arm and one other")

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        family = self._family
        assert isinstance(family, GaussianBandit)
        pulls = self._state[:, 1].astype(np.intp)
        left = family.num_trials - int(np.sum(self._state[0, : family.num_arms]))
        border = np.zeros(self._num)
        for count in np.unique(pulls).tolist():
            problem = find_borders(family.prior_sd, family.noise_sd, count + left)
            border[pulls == count] = problem.borders[count]
        return (self._belief[:, 1] > border).astype(np.intp)


def learning_value(family: GaussianBandit) -> float:
    """The best expected return of those who begin a lifetime with the arm that is not sure.

    The sure arm pays 0, so that it is worth to learn exactly where this is above 0. Lange & Sprekeler 2020 (arXiv
    2010.04466) ask when that is so.

    Args:
        family: A Gaussian bandit with a sure arm and one other.

    Raises:
        ValueError: If it has other arms.
    """
    fits = family.sure_arm and family.num_arms == 2
    require(fits, "family", family, "give a Gaussian bandit with a sure arm and one other")
    return find_borders(family.prior_sd, family.noise_sd, family.num_trials).value(family.prior_mean)


def learning_boundary(noise_sd: Any, *, prior_mean: float = -1.0, num_trials: int = 100) -> Array:
    """The exact border between learning and not learning: for every noise, how unsure the arm has to be.

    Where the prior's standard deviation is above it, the best learner begins with the arm that is not sure; below it,
    never pulls it. A sure arm pays 0.

    Args:
        noise_sd: Standard deviations of the reward (n,), not negative.
        prior_mean: Mean of the prior, below 0: else the arm is always pulled.
        num_trials: Pulls of a lifetime, at least 2: with one there is nothing to learn for.

    Returns:
        Standard deviations of the prior (n,) float64, to a relative 1e-9.

    Raises:
        ValueError: If a number makes no sense.
    """
    noise = np.atleast_1d(np.asarray(noise_sd, np.float64))
    require(noise.ndim == 1 and bool(np.all(np.isfinite(noise) & (noise >= 0.0))), "noise_sd", noise_sd, "give numbers of at least 0")
    require(-np.inf < prior_mean < 0.0, "prior_mean", prior_mean, "give a number below 0")
    num_trials = require_whole("num_trials", num_trials, 2)
    from scipy.optimize import brentq

    boundary = []
    for sd in (noise / -prior_mean).tolist():
        # The wider the prior, the farther the border from 0: it is -1 at one width.
        def gap(width: float, sd: float = sd) -> float:
            return float(find_borders(width, sd, num_trials).borders[0]) + 1.0

        low = high = 1.0
        while gap(low) < 0.0:
            low /= 2.0
        while gap(high) > 0.0:
            high *= 2.0
        boundary.append(brentq(gap, low, high, xtol=1e-12, rtol=1e-10) if low < high else low)
    return np.array(boundary) * -prior_mean


@lru_cache(maxsize=1024)
def find_borders(prior_sd: float, noise_sd: float, num_trials: int) -> Stopping:
    """Solve the stopping problem.

    Args:
        prior_sd: Standard deviation of the prior.
        noise_sd: Of a reward.
        num_trials: Pulls of a lifetime.
    """
    require_seconds(2e-6 * num_trials**2 + 4e-6 * float(num_trials) ** 2, f"The optimum of {num_trials} pulls")
    count = np.arange(num_trials + 1)
    # Variance after so many pulls, and by how much the next one lessens it; both without differences.
    noise, prior = noise_sd**2, prior_sd**2
    variance = np.full(num_trials + 1, prior)
    np.divide(prior * noise, noise + count * prior, out=variance, where=count * prior > 0.0)
    move = np.zeros(num_trials + 1)
    np.divide(variance, np.sqrt(variance + noise), out=move, where=variance + noise > 0.0)
    # All that is learned by the pulls from the next one to the last but one.
    to_come = np.sqrt(np.append(np.cumsum((move[: num_trials - 1] ** 2)[::-1])[::-1], [0.0, 0.0]))
    borders = np.zeros(num_trials)
    empty = np.empty(0)
    after = Stopping(borders, empty, empty, 0.0, 0.0)
    for pulls in reversed(range(num_trials)):
        left, step = num_trials - pulls, float(move[pulls])
        if to_come[pulls] == 0.0:
            continue
        borders[pulls] = border = _find_root(after, step, left - 1, float(to_come[pulls]))
        if pulls == 0:
            break
        end = REACH * float(to_come[pulls])
        nodes, weights = _place_nodes(border, end, PANEL * step)
        values = np.maximum(_continue(nodes, after, step, left - 1), 0.0)
        after = Stopping(borders, nodes, weights * values, end, step)
    return Stopping(borders, after.nodes, after.values, after.end, float(move[0]) if num_trials > 1 else 0.0)


def _continue(mean: Array, after: Stopping, step: float, left: int) -> Array:
    """``C`` (n,): the best returns of a pull at these posterior means (n,), with ``left`` pulls after it.

    Args:
        mean: Posterior means before the pull.
        after: Nodes and weighted values after it, and the mean from which on the return is ``left`` times the mean.
        step: Standard deviation by which the pull moves the mean.
        left: Pulls after it.
    """
    from scipy.special import ndtr

    if left == 0:
        return mean.copy()
    if step == 0.0:
        return mean + left * np.maximum(mean, 0.0)
    beyond = (mean - after.end) / step
    density = np.exp(-0.5 * beyond**2) / np.sqrt(2.0 * np.pi)
    value = mean + left * (mean * ndtr(beyond) + step * density)
    # Of the nodes, only those within reach of some means that are neighbours.
    for first in range(0, len(mean) if len(after.nodes) else 0, TOGETHER):
        some = slice(first, first + TOGETHER)
        ends = mean[some].min() - REACH * step, mean[some].max() + REACH * step
        near = slice(*np.searchsorted(after.nodes, ends))
        kernel = np.exp(-0.5 * ((after.nodes[near] - mean[some, None]) / step) ** 2)
        value[some] += np.sum(kernel * after.values[near], axis=-1) / (step * np.sqrt(2.0 * np.pi))
    return value


def _find_root(after: Stopping, step: float, left: int, spread: float) -> float:
    """The mean at which a pull is worth as much as the sure arm, at most 0."""
    from scipy.optimize import brentq

    def worth(mean: float) -> float:
        return float(_continue(np.array([mean]), after, step, left)[0])

    low = -spread
    while worth(low) > 0.0:
        low *= 2.0
    return float(brentq(worth, low, 0.0, xtol=1e-15 * spread, rtol=1e-14))


def _place_nodes(low: float, high: float, length: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on panels of this length at most."""
    places, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(low, high, int(np.ceil((high - low) / length)) + 1)
    half = np.diff(edges)[:, None] / 2.0
    return (edges[:-1, None] + half * (1.0 + places)).ravel(), (half * weights).ravel()
