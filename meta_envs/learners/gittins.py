"""Gittins indices of Bernoulli arms with Beta priors, computed by calibration against arms that pay a known rate.

The index of an arm is the price ``c`` of a pull at which the best stopping rule for pulling the arm just breaks even.
With ``D(m, s)`` the value of the right to go on after ``s`` successes in ``m`` pulls, and
``p = (alpha + s) / (alpha + beta + m)``,

    Q(m, s) = p - c + gamma (p D(m + 1, s + 1) + (1 - p) D(m + 1, s)),    D = max(Q, 0),

``Q`` falls in ``c``, and the index is its root. ``D`` is computed at all rates of a grid at once, exactly; between two
neighbours of the grid the root is interpolated, and since ``Q`` is convex, it is never below the true one.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log

import numpy as np

from meta_envs.arguments import require
from meta_envs.errors import CannotServe
from meta_envs.families.bernoulli import BernoulliBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.policies import PolicyLearner, TabularPolicy
from meta_envs.limits import require_bytes, require_seconds
from meta_envs.terminal.progress import track

WORK = 1 << 30
"""States times rates of one table: some seconds."""
MAX_TRIALS = 600
"""Longest lifetimes with finite-horizon indices: their number is the cube of that over 6, at four bytes."""
CHUNK = 1 << 18
"""States times rates that are gone through at once: they fit into a processor's cache."""
TRUNCATION = 1e-5
"""Largest error of a discounted index from looking ahead only so far."""
MAX_GAMMA = 0.995
"""Discounts nearer to 1 look thousands of pulls ahead."""


class Gittins(PolicyLearner):
    """Gittins index policy: plays the arm with the highest index for this prior and lifetime, the first of equals.

    Arms are taken for independent, with the family's Beta prior where it has one, else p ~ U[0, 1]. The finite-horizon
    index looks ahead to the end of the lifetime; the discounted one is optimal for discounted rewards without an end.
    Source: this module; baseline of the paper, section 3.1.

    Args:
        gamma: Discount of the index, above 0 and up to 0.995; None for the finite-horizon index.
    """

    name = "gittins"

    def __init__(self, *, gamma: float | None = None) -> None:
        require(gamma is None or 0.0 < gamma <= MAX_GAMMA, "gamma", gamma, f"give a discount up to {MAX_GAMMA}")
        self._gamma = gamma

    def check(self, family: TaskFamily) -> None:
        """Serves Bernoulli arms, in lifetimes for which the indices can be computed."""
        if not isinstance(family, BernoulliBandit):
            raise CannotServe(
                f"gittins serves bandits whose arms pay 0 or 1 with fixed probabilities, and {type(family).__name__} "
                f"is none."
            )
        if self._gamma is None and family.horizon > MAX_TRIALS:
            raise CannotServe(
                f"num_trials={family.horizon} needs {_tetrahedral(family.horizon):,} Gittins indices: give at most "
                f"{MAX_TRIALS} trials, or a discount, as in gittins:gamma=0.99."
            )

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with no pulls."""
        self.check(family)
        assert isinstance(family, BernoulliBandit)
        self._policy = IndexPolicy(family, self._gamma)
        self._start(num)


class IndexPolicy(TabularPolicy):
    """The policy that pulls an arm with the highest index, the first of several. A node counts pulls, then successes.

    Args:
        family: Bernoulli arms, which are taken for independent: with the Beta prior of `IndependentBandit`, of other
            families with p ~ U[0, 1], as the paper takes them.
        gamma: Discount of the index in (0, 1); None for the finite-horizon index, which looks ahead to the end of the
            lifetime and no further.
    """

    name = "gittins"
    family: BernoulliBandit

    def __init__(self, family: BernoulliBandit, gamma: float | None = None) -> None:
        super().__init__(family)
        alpha, beta = (family.alpha, family.beta) if isinstance(family, IndependentBandit) else (1.0, 1.0)
        horizon, self._finite = family.horizon, gamma is None
        if gamma is None:
            self._table = finite_horizon_indices(horizon, alpha, beta)
        else:
            self._table = discounted_indices(horizon, gamma, alpha, beta)
        pulls = np.arange(horizon)
        sizes = (pulls + 1) * (horizon - pulls if self._finite else 1)
        self._offset = np.cumsum(sizes) - sizes

    def indices(self, step: int, node: Array) -> Array:
        """Indices of all arms (num, arms)."""
        pulls, successes = node[:, : self.family.arms], node[:, self.family.arms :]
        place = self._offset.take(pulls) + successes
        if self._finite:
            place += (self.family.horizon - step - 1) * (pulls + 1)
        return self._table.take(place)

    def start(self, num: int) -> Array:
        """No pulls and no successes (num, 2 arms)."""
        return np.zeros((num, 2 * self.family.arms), np.intp)

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        return np.argmax(self.indices(step, node), axis=-1)

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Counts (num, 2 arms) after a step."""
        node, everyone = node.copy(), np.arange(len(node))
        node[everyone, action] += 1
        node[everyone, self.family.arms + action] += outcome
        return node


@lru_cache(maxsize=8)
def finite_horizon_indices(horizon: int, alpha: float = 1.0, beta: float = 1.0) -> Array:
    """Indices of an arm that can be pulled ``r`` times more: the highest mean pay-off rate of a stopping rule for it.

    Source: Bradt, Johnson & Karlin 1956; Kaufmann 2018, *On Bayesian index policies for sequential resource
    allocation* (FH-Gittins).

    Returns:
        Over pulls ``m < horizon``, ``r = 1 .. horizon - m`` and successes ``s = 0 .. m``, flat and in this order,
        float32, read-only. The grid has up to 2048 rates, 96 for 500 pulls.
    """
    table = [np.zeros((horizon - pulls, pulls + 1), np.float32) for pulls in range(horizon)]
    for rates in track(_rates(_tetrahedral(horizon), (horizon + 1) ** 2 // 4), "Computing Gittins indices"):
        after = np.zeros((len(rates), 1, horizon + 1), np.float32)
        for pulls in reversed(range(horizon)):
            value = _go_on(after, pulls, alpha, beta, rates)
            _find_roots(value, rates, table[pulls])
            after = np.zeros((len(rates), horizon - pulls + 1, pulls + 1), np.float32)
            np.maximum(value, 0.0, out=after[:, 1:])
    return _flat(table)


@lru_cache(maxsize=8)
def discounted_indices(horizon: int, gamma: float, alpha: float = 1.0, beta: float = 1.0) -> Array:
    """Indices of an arm that can be pulled for ever, when a pay-off counts ``gamma`` times that of the pull before.

    Looking ahead ends after ``L`` pulls, from where on the arm is taken to pay its mean for certain. The truth lies
    between that and knowing ``p`` from there on, which is worth at most ``1 / (2 (1 - gamma))`` more and weighs
    ``gamma ** L``; as a pull costs the rate at least once, the index is less than ``TRUNCATION`` too low by that.

    Source: Gittins 1979, whose tables this reproduces to their four digits.

    Returns:
        Over pulls ``m < horizon`` and successes ``s = 0 .. m``, flat and in this order, float32, read-only.

    Raises:
        ValueError: If gamma is not between 0 and ``MAX_GAMMA``.
    """
    require(0.0 < gamma <= MAX_GAMMA, "gamma", gamma, f"give a discount above 0 and up to {MAX_GAMMA}")
    last = horizon + max(0, ceil(log(2.0 * TRUNCATION * (1.0 - gamma)) / log(gamma)))
    require_bytes(4 * horizon**2, f"The discounted Gittins index of {horizon} trials")
    require_seconds(2e-7 * last**2, f"The discounted Gittins index of {horizon} trials")
    table = [np.zeros((1, pulls + 1), np.float32) for pulls in range(horizon)]
    means = (alpha + np.arange(last + 1)) / (alpha + beta + last)
    for rates in track(_rates(last * (last + 1) // 2, last), "Computing Gittins indices"):
        after = (np.maximum(means - rates, 0.0) / (1.0 - gamma)).astype(np.float32)
        for pulls in reversed(range(last)):
            value = _go_on(gamma * after, pulls, alpha, beta, rates)
            if pulls < horizon:
                _find_roots(value, rates, table[pulls])
            after = np.maximum(value, 0.0)
    return _flat(table)


def _tetrahedral(count: int) -> int:
    """Numbers ``m >= 0``, ``r >= 1`` and ``0 <= s <= m`` with ``m + r <= count``."""
    return count * (count + 1) * (count + 2) // 6


def _rates(states: int, widest: int) -> list[Array]:
    """The grid of rates (R, 1, 1), float32, in chunks that share their ends; denser where arms differ less.

    Args:
        states: All that are gone through.
        widest: The most of them at once.
    """
    size, step = int(np.clip(WORK // states, 96, 2048)), int(np.clip(CHUNK // widest, 4, 256))
    grid = (np.sin(np.linspace(0.0, np.pi / 2, size + 1)) ** 2).astype(np.float32)[:, None, None]
    return [grid[start : start + step + 1] for start in range(0, size, step)]


def _go_on(after: Array, pulls: int, alpha: float, beta: float, rates: Array) -> Array:
    """``Q`` (R, ..., pulls + 1) from the values (R, ..., pulls + 2) after one pull more."""
    mean = ((alpha + np.arange(pulls + 1)) / (alpha + beta + pulls)).astype(after.dtype)
    value = after[..., 1:] - after[..., :-1]
    value *= mean
    value += after[..., :-1]
    value += mean - rates
    return value


def _find_roots(value: Array, rates: Array, table: Array) -> None:
    """Enter the rates at which values (R, r, s) come to zero between two neighbours of the grid into a table (r, s)."""
    above = value > 0.0
    found = np.flatnonzero(above[:-1] & ~above[1:])
    values, flat = value.reshape(-1), rates.reshape(-1)
    upper, lower = values[found], values[found + table.size]
    rate, place = np.divmod(found, table.size)
    table.reshape(-1)[place] = flat[rate] + (flat[rate + 1] - flat[rate]) * (upper / (upper - lower))


def _flat(table: list[Array]) -> Array:
    flat = np.concatenate([part.ravel() for part in table])
    flat.flags.writeable = False
    return flat
