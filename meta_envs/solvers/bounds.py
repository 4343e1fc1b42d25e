"""Upper bounds of the Bayes-optimal return of independent Bernoulli arms, where there are too many beliefs to count.

Three bounds, of which the lowest is taken. Write ``T`` for the pulls of a lifetime, ``k`` for the arms, ``(m, s)`` for
an arm's pulls and successes, ``p(m, s) = (alpha + s) / (alpha + beta + m)`` for its posterior mean, ``V`` for the
optimum.

**Oracle.** The oracle, which knows the task, has ``T E[max p_i]``.

**Lagrangian relaxation** (Whittle 1988; Hawkins 2003). Let any number of arms be pulled at step ``t``, and charge a
price ``c_t`` a pull, of which one is paid back. A policy that pulls one arm a step has the same return as before, so
for *any* prices

    V <= sum_t c_t + k W(c),

``W(c)`` the best return of *one* arm that may be pulled or left at every step, which is a recursion over ``(t, m, s)``:
weak duality. The right side is convex in the prices; its gradient at ``t`` is one minus the expected number of pulls.
It is minimised with ``max(0, x)`` smoothed from above, and then computed without smoothing. Where the search ends makes
the bound better or worse, but it always is one. It is close where arms are many, and loose where they are few, since
pulling one arm a step *in the mean* allows two good arms at once.

**Information relaxation** (Brown, Smith & Sun 2010): see `meta_envs.solvers.information`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array
from meta_envs.terminal.progress import Progress

SMOOTHING = (1e-1, 1e-2, 1e-3, 1e-4)
"""Widths of the smoothed maximum, one after the other."""


def oracle_bound(family: IndependentBandit) -> float:
    """``T E[max p_i]``, by the integral of the distribution function of the best arm."""
    from scipy.integrate import quad
    from scipy.special import betainc

    below = quad(lambda p: betainc(family.alpha, family.beta, p) ** family.num_arms, 0.0, 1.0, epsabs=1e-12, limit=500)
    return family.num_trials * (1.0 - float(below[0]))


def lagrangian_bound(family: IndependentBandit) -> float:
    """The Lagrangian relaxation, with prices found by L-BFGS."""
    means = posterior_means(family)
    prices = find_prices(family, means)
    return float(np.sum(prices)) + family.num_arms * value_at_prices(prices, means, 0.0)[0]


def find_prices(family: IndependentBandit, means: Array) -> Array:
    """Prices (T,) of a pull at every step that make the Lagrangian relaxation low.

    Long lifetimes begin with the prices of shorter ones, and with less smoothing.
    """
    horizon, num_arms = family.num_trials, family.num_arms
    searches: tuple[float, ...] = SMOOTHING
    prices = np.full(horizon, 0.5)
    if horizon > 100:
        shorter = IndependentBandit(num_trials=horizon // 4, num_arms=num_arms, alpha=family.alpha, beta=family.beta)
        at = np.linspace(0.0, 1.0, horizon // 4)
        prices = np.interp(np.linspace(0.0, 1.0, horizon), at, find_prices(shorter, posterior_means(shorter)))
        searches = SMOOTHING[1:3]
    for smoothing in searches:

        def relaxed(prices: Array, smoothing: float = smoothing) -> tuple[float, Array]:
            value, pulls = value_at_prices(prices, means, smoothing)
            return float(np.sum(prices)) + num_arms * value, 1.0 - num_arms * pulls

        prices = minimise(relaxed, prices, [(0.0, 1.0)] * horizon, int(np.clip((1 << 29) // horizon**3, 20, 150)))
    return prices


def value_at_prices(prices: Array, means: Array, smoothing: float) -> tuple[float, Array]:
    """``W``: the best return of one arm at these prices (T,), and its expected pulls at every step (T,).

    Args:
        prices: Of a pull at each step.
        means: Posterior means over pulls and successes (T, T).
        smoothing: Half the width in which ``max(0, x)`` is a parabola; 0 for none, and no pulls are given then.
    """
    horizon = len(prices)
    value = np.zeros((horizon + 1, horizon + 1))
    chosen: list[Array] = []
    for step in reversed(range(horizon)):
        stay, failed = value[:-1, :-1], value[1:, :-1]
        gain = value[1:, 1:] - failed
        gain *= means[: step + 1, : step + 1]
        gain += failed
        gain += means[: step + 1, : step + 1] - prices[step]
        gain -= stay
        if smoothing:
            bend = np.clip(gain + smoothing, 0.0, 2.0 * smoothing)
            chosen.append((bend / (2.0 * smoothing)).astype(np.float32))
            gain = np.maximum(gain - smoothing, 0.0) + bend**2 / (4.0 * smoothing)
        else:
            np.maximum(gain, 0.0, out=gain)
        value = gain + stay
    pulls = np.zeros(horizon)
    reached = np.ones((1, 1))
    for step in range(horizon if smoothing else 0):
        pulled = reached * chosen.pop()
        pulls[step] = np.sum(pulled)
        paid = pulled * means[: step + 1, : step + 1]
        following = np.zeros((step + 2, step + 2))
        following[:-1, :-1] = reached - pulled
        following[1:, 1:] += paid
        following[1:, :-1] += pulled - paid
        reached = following
    return float(value[0, 0]), pulls


def posterior_means(family: IndependentBandit) -> Array:
    """Posterior means over pulls and successes (T, T); those of more successes than pulls stand for nothing."""
    count = np.arange(family.num_trials)
    return np.minimum((family.alpha + count) / (family.alpha + family.beta + count[:, None]), 1.0)


def minimise(
    function: Callable[[Array], tuple[float, Array]],
    start: Array,
    limits: list[tuple[float, float]],
    evaluations: int,
) -> Array:
    """The best point that L-BFGS comes by: at kinks its last one may not be."""
    from scipy.optimize import minimize

    best: list[tuple[float, Array]] = []

    def watched(point: Array) -> tuple[float, Array]:
        value, gradient = function(point)
        progress.advance()
        if not best or value < best[0][0]:
            best[:] = [(value, point.copy())]
        return value, gradient

    options = {"maxfun": evaluations, "maxcor": 30, "ftol": 1e-9}
    with Progress("Searching for a low bound, at most", evaluations) as progress:
        minimize(watched, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    return best[0][1]
