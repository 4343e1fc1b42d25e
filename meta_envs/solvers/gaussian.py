"""The optimum of Gaussian arms: exact for a sure arm and one other, and where it is worth to learn at all.

Who pulls the sure arm learns nothing, and has as good a reason to pull it again with fewer pulls left: the best learner
pulls the other arm until its posterior mean falls below a border, and then stays with the sure one (Berry & Fristedt
1985, *Bandit problems*). Write ``v_n`` for the variance of the arm's posterior after ``n`` pulls, and ``d_n`` for the
standard deviation by which the next pull moves its mean, ``d_n^2 = v_n - v_(n+1)``. With mean ``m``, and pulls left,
the best return is ``max(0, C_n(m))``, and

    C_n(m) = m + E max(0, C_(n+1)(m + d_n Z)),    Z ~ N(0, 1),

which is increasing and convex, so that it has one root: the border. Above a mean that is ``REACH`` standard deviations
of all that is still to be learned, to stop is worth nothing, and ``C_n`` is the mean times the pulls left. Between the
two the expectation is a sum over Gauss-Legendre nodes on panels that are short beside ``d_n``. Values are needed at
these nodes alone, so that nothing is interpolated, and the kink of the maximum is an end of the range. The recursion
knows no prior mean: its first border is the prior mean from which on the best learner learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.errors import CannotServe
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.bandits import BeliefLearner, Thompson
from meta_envs.limits import require_seconds
from meta_envs.solvers.independent import simulate
from meta_envs.solvers.optimum import Optimum

REACH = 8.5
"""Standard deviations beyond which the mean is taken for sure: what is left out is below 1e-17 of one."""
PANEL = 3.0
"""Length of a panel, in standard deviations of the next move."""
LEGENDRE = np.polynomial.legendre.leggauss(12)
"""Gauss-Legendre nodes and weights of a panel."""
TOGETHER = 64
"""Posterior means whose values are computed together."""


@dataclass(frozen=True)
class Stopping:
    """The stopping problem of an arm beside a sure one that pays 0.

    Attributes:
        borders: Posterior means (num_trials,) up to which the sure arm is better, by pulls, all of them the arm's.
        nodes: Posterior means (n,) after the first pull.
        values: Best returns from there (n,), times the nodes' weights.
        end: Mean after the first pull from which on the arm is never left.
        move: Standard deviation of the first move of the mean.
    """

    borders: Array
    nodes: Array
    values: Array
    end: float
    move: float

    def value(self, prior_mean: float) -> float:
        """The best return of those who begin with a pull of the arm that is not sure."""
        return float(_continue(np.array([prior_mean]), self, self.move, len(self.borders) - 1)[0])


def solve_gaussian(family: GaussianBandit) -> Optimum:
    """The optimum: exact for a sure arm and one other, or one arm alone, else an upper bound."""
    random_value = family.num_trials * float(np.mean(np.where(family.unsure, family.prior_mean, 0.0)))
    if family.num_arms > 2 or (family.num_arms == 2 and not family.sure_arm):
        return _bound(family, random_value)
    value = max(0.0, learning_value(family)) if family.num_arms == 2 else random_value
    note = "a stopping problem, by backward induction over pulls and posterior mean with Gauss-Legendre quadrature"
    return Optimum(
        value=value,
        achieved=value,
        kind="exact",
        note=f"{note}, to 1e-9 of prior_sd * num_trials",
        random_value=random_value,
        player=partial(GaussianBayes, family),
    )


class GaussianBayes(BeliefLearner):
    """The best learner of a sure arm and one other: pulls the other as long as its posterior mean is above a border.

    It is the best also after actions that are not its own: borders depend on the pulls of the arm and on those left.

    Args:
        own: The family for whose prior it is the best.
    """

    name = "bayes"

    def __init__(self, own: GaussianBandit) -> None:
        self._own = own

    def check(self, family: TaskFamily) -> None:
        """Serves Gaussian bandits with the same arms, and lifetimes that are no longer."""
        own = self._own
        arms = isinstance(family, GaussianBandit) and (family.num_arms, family.sure_arm) == (own.num_arms, own.sure_arm)
        if not arms or family.horizon > own.horizon:
            raise CannotServe(
                f"This optimum is for {own.num_arms} Gaussian arms, sure_arm={own.sure_arm}, and {own.horizon} steps: "
                "solve a family with the same arms and as long lifetimes."
            )

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with its own prior."""
        self.check(family)
        super().begin(self._own, num, rng)
        self._pulls, self._border = np.full(num, -1), np.zeros(num)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        own = self._own
        if own.num_arms == 1:
            return np.zeros(self._num, np.intp)
        pulls, mean = self._state[:, 1].astype(np.intp), self._belief[:, 1]
        left = own.num_trials - int(np.sum(self._state[0, : own.num_arms]))
        # Borders rise while the sure arm is pulled: who is below one stays there.
        asks = (pulls != self._pulls) | (mean > self._border)
        for count in np.unique(pulls[asks]).tolist():
            problem = find_borders(own.prior_sd, own.noise_sd, count + left)
            self._border[asks & (pulls == count)] = problem.borders[count]
        self._pulls = pulls
        return (mean > self._border).astype(np.intp)


def _bound(family: GaussianBandit, random_value: float) -> Optimum:
    """The lower of two bounds, and what Thompson sampling achieves.

    The Lagrangian relaxation (Whittle 1988) with one price for all steps: any number of arms may be pulled, at a price
    of which one is paid back, and each arm is then a stopping problem beside a sure arm that pays the price.
    """
    from scipy.optimize import minimize_scalar

    oracle = family.num_trials * _best_mean(family)
    problem = find_borders(family.prior_sd, family.noise_sd, family.num_trials)
    unsure = int(np.count_nonzero(family.unsure))

    def relaxed(price: float) -> float:
        return family.num_trials * price + unsure * max(0.0, problem.value(family.prior_mean - price))

    width = 10.0 * family.prior_sd
    ends = family.prior_mean - width, family.prior_mean + width
    ends = (max(0.0, ends[0]), max(0.0, ends[1])) if family.sure_arm else ends
    price = minimize_scalar(relaxed, bounds=ends, method="bounded").x
    bounds = {"the oracle": oracle, "Lagrangian relaxation": min(relaxed(price), *map(relaxed, ends))}
    lowest = min(bounds, key=lambda name: bounds[name])
    achieved, error = simulate(family, Thompson, oracle, 2_000)
    other = ", ".join(f"{name} {value:.2f}" for name, value in bounds.items() if name != lowest)
    return Optimum(
        value=bounds[lowest],
        achieved=achieved,
        kind="bound",
        note=f"by {lowest} ({other}); {Thompson.name} was simulated, with a standard error of {error:.2g}",
        random_value=random_value,
        achieved_se=error,
        player=Thompson,
    )


def _best_mean(family: GaussianBandit) -> float:
    """``E[max mu]``, by the integral of the distribution function of the best arm."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    unsure = int(np.count_nonzero(family.unsure))
    least = -family.prior_mean / family.prior_sd if family.sure_arm and family.prior_sd > 0.0 else -np.inf
    low = float(np.clip(least, -40.0, 40.0))
    above = quad(lambda z: 1.0 - ndtr(z) ** unsure, low, 40.0, points=[0.0], epsabs=1e-12, limit=500)[0]
    best = family.prior_mean + family.prior_sd * (low + float(above))
    return max(best, 0.0) if family.sure_arm else best


def learning_value(family: GaussianBandit) -> float:
    """The best expected return of those who begin a lifetime with the arm that is not sure.

    The sure arm pays 0, so that it is worth to learn exactly where this is above 0. Lange & Sprekeler 2020 (arXiv
    2010.04466) ask when that is so.

    Args:
        family: A Gaussian bandit with a sure arm and one other.

    Raises:
        ValueError: If it has other arms.
    """
    fits = isinstance(family, GaussianBandit) and family.sure_arm and family.num_arms == 2
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
    from scipy.optimize import root_scalar

    noise = np.atleast_1d(np.asarray(noise_sd, np.float64))
    fits = noise.ndim == 1 and bool(np.all(np.isfinite(noise) & (noise >= 0.0)))
    require(fits, "noise_sd", noise_sd, "give numbers of at least 0")
    require(-np.inf < prior_mean < 0.0, "prior_mean", prior_mean, "give a number below 0")
    num_trials = require_whole("num_trials", num_trials, 2)

    def height(width: float, noise: float) -> float:
        return float(np.log(-find_borders(float(np.exp(width)), noise, num_trials).borders[0]))

    # In units of the prior's mean. The logarithm of the border is almost a line over that of the width.
    return -prior_mean * np.exp(
        [
            root_scalar(height, (sd,), method="secant", x0=start, x1=start + 0.1, xtol=1e-9).root
            for sd, start in zip((noise / -prior_mean).tolist(), 0.5 * np.log1p(noise / -prior_mean), strict=True)
        ]
    )


@lru_cache(maxsize=1024)
def find_borders(prior_sd: float, noise_sd: float, num_trials: int) -> Stopping:
    """Solve the stopping problem of an arm with these standard deviations of the prior and of a reward."""
    require_seconds(3e-4 * num_trials**1.5, f"The optimum of {num_trials} pulls of a Gaussian arm")
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
    after = Stopping(borders, np.empty(0), np.empty(0), 0.0, 0.0)
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
    """``C`` (n,): the best returns of a pull at posterior means (n,), moved by ``step``, with ``left`` to come."""
    from scipy.special import ndtr

    if left == 0:
        return mean.copy()
    if step == 0.0:
        return mean + left * np.maximum(mean, 0.0)
    beyond = np.clip((mean - after.end) / step, -99.0, 99.0)
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
    return float(brentq(worth, low, 0.0, xtol=1e-13 * spread, rtol=1e-13))


def _place_nodes(low: float, high: float, length: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on panels of this length at most."""
    places, weights = LEGENDRE
    edges = np.linspace(low, high, int(np.ceil((high - low) / length)) + 1)
    half = np.diff(edges)[:, None] / 2.0
    return (edges[:-1, None] + half * (1.0 + places)).ravel(), (half * weights).ravel()
