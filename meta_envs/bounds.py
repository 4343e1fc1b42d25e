"""Upper bounds of the Bayes-optimal return of independent Bernoulli arms, where there are too many beliefs to count.

Three bounds, of which the lowest is taken. Write ``T`` for the pulls of a lifetime, ``k`` for the arms, ``(m, s)`` for
an arm's pulls and successes, ``p(m, s) = (alpha + s) / (alpha + beta + m)`` for its posterior mean, ``V`` for the
optimum.

**Oracle.** One who knows the task has ``T E[max p_i]``.

**Lagrangian relaxation** (Whittle 1988; Hawkins 2003). Let any number of arms be pulled at step ``t``, and charge a
price ``c_t`` a pull, of which one is paid back. A policy that pulls one arm a step has the same return as before, so
for *any* prices

    V <= sum_t c_t + k W(c),

``W(c)`` the best return of *one* arm that may be pulled or left at every step, which is a recursion over ``(t, m, s)``:
weak duality. The right side is convex in the prices; its gradient at ``t`` is one minus the expected number of pulls.
It is minimised with ``max(0, x)`` smoothed from above, and then computed without smoothing. Where the search ends makes
the bound better or worse, but it always is one. It is close where arms are many, and loose where they are few, since
pulling one arm a step *in the mean* allows two good arms at once.

**Information relaxation** (Brown, Smith & Sun 2010). Let each arm's pay-offs be drawn beforehand, in the order of its
pulls. In the mean, a policy's return stays the same if a pull pays ``p(m, s)`` instead of what was drawn, and if the
surprise ``E h(next) - h(next)`` is added, for any function ``h(m, s)``: it is 0 in the mean, whatever has happened
before. What a lifetime then pays depends on nothing but how often each arm was pulled: it is ``sum_i S_i(n_i)``. One
who sees all that was drawn, and chooses the numbers, does at least as well as any policy:

    V <= E max { sum_i S_i(n_i) : n_1 + ... + n_k = T }.

With ``h = 0`` this is IRS.V-Zero of Min, Maglaras & Moallemi 2019, which is at most the oracle's. Here ``h`` is a
weighted sum of the values of stopping problems, ``D(m, s) = max(0, p - c + E D(next))`` for several prices ``c`` and
numbers of pulls. With one of them alone and weight 1, a pull is worth ``p + E D(next) - D(next) <= c + D - D(next)``,
so that ``sum_i S_i(n_i) <= T c + k D(0, 0)``: the Lagrangian relaxation at a constant price, or better. The weights are
found on some samples (the maximum is convex in them), and the mean is taken over others, with control variates whose
means are known. The bound is that mean plus three standard errors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array
from meta_envs.gittins import MAX_TRIALS, IndexPlan
from meta_envs.plans import PlanPlayer
from meta_envs.solver import Optimum

SMOOTHING = (1e-1, 1e-2, 1e-3, 1e-4)
"""Widths of the smoothed maximum, one after the other."""
QUANTILES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
"""Of the prior of an arm: prices of the stopping problems."""
SAMPLE_WORK = 1 << 25
"""Comparisons that one search for the best numbers of pulls in all samples takes; fewest samples are ``FEWEST``."""
FEWEST = 50
LEAST_MEASURED = 1000
"""Samples over which the mean is taken."""
SIMULATION = 1 << 26
"""Arms times pulls times lifetimes of the simulation; 2,000 to 20,000 lifetimes."""
FIRST_SEED = 1 << 60
"""Of the lifetimes that are simulated, which no training and no evaluation sees."""


def solve_by_bounds(family: IndependentBandit, finding: str) -> Optimum:
    """The lowest of the upper bounds, and what the finite-horizon Gittins policy achieves.

    Args:
        family: Independent arms.
        finding: Why there is no exact optimum, for the note.

    Raises:
        ValueError: If lifetimes are too long.
    """
    if family.num_trials > MAX_TRIALS:
        raise ValueError(
            f"{type(family).__name__} {finding}, and its bounds are computed up to {MAX_TRIALS} trials: give it fewer "
            f"trials, or compare learners by their regret, which needs no optimum."
        )
    bounds = {"the oracle": oracle_bound(family), "Lagrangian relaxation": lagrangian_bound(family)}
    if family.num_arms * family.num_trials**2 <= SAMPLE_WORK:
        mean, error = relaxed_mean(family)
        bounds["information relaxation"] = mean + 3.0 * error
    lowest = min(bounds, key=lambda name: bounds[name])
    plan = IndexPlan(family)
    achieved, spread = simulate(family, plan, bounds["the oracle"])
    others = ", ".join(f"{name} {value:.2f}" for name, value in bounds.items() if name != lowest)
    sampled = ", three standard errors above its mean" if lowest == "information relaxation" else ""
    return Optimum(
        value=bounds[lowest],
        achieved=achieved,
        kind="bound",
        note=(
            f"by {lowest}{sampled} ({others}); the finite-horizon Gittins policy was simulated, ± {spread:.2g}; "
            f"{type(family).__name__} {finding}"
        ),
        random_value=family.num_trials * family.alpha / (family.alpha + family.beta),
        plan=plan,
    )


def simulate(family: IndependentBandit, plan: IndexPlan, knowing: float) -> tuple[float, float]:
    """Expected return of a plan and its standard error: ``knowing``, the oracle's, less the mean of what is missed."""
    from meta_envs.baselines import Oracle
    from meta_envs.records import record

    num = int(np.clip(SIMULATION // (family.num_arms * family.num_trials), 2_000, 20_000))
    lived, best = record([PlanPlayer(plan), Oracle()], family, range(FIRST_SEED, FIRST_SEED + num), 0)
    missed = best.expected - lived.expected
    return knowing - float(np.mean(missed)), float(np.std(missed, ddof=1) / np.sqrt(num))


def oracle_bound(family: IndependentBandit) -> float:
    """``T E[max p_i]``, by the integral of the distribution function of the best arm."""
    from scipy.integrate import quad
    from scipy.special import betainc

    below = quad(lambda p: betainc(family.alpha, family.beta, p) ** family.num_arms, 0.0, 1.0, epsabs=1e-12, limit=500)
    return family.num_trials * (1.0 - float(below[0]))


def lagrangian_bound(family: IndependentBandit) -> float:
    """The Lagrangian relaxation, with prices found by L-BFGS."""
    means = _means(family)
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
        prices = np.interp(np.linspace(0.0, 1.0, horizon), at, find_prices(shorter, _means(shorter)))
        searches = SMOOTHING[1:3]
    for smoothing in searches:

        def relaxed(prices: Array, smoothing: float = smoothing) -> tuple[float, Array]:
            value, pulls = value_at_prices(prices, means, smoothing)
            return float(np.sum(prices)) + num_arms * value, 1.0 - num_arms * pulls

        prices = _minimise(relaxed, prices, [(0.0, 1.0)] * horizon, int(np.clip((1 << 29) // horizon**3, 20, 150)))
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


def relaxed_mean(family: IndependentBandit) -> tuple[float, float]:
    """Mean of the information relaxation, and its standard error."""
    horizon, rng, surprises = family.num_trials, np.random.default_rng(0), _surprises(family)
    size = int(np.clip(2 * SAMPLE_WORK // (family.num_arms * horizon**2), FEWEST, 2_000))
    paid, bonus, _ = _draw(family, surprises, size, rng)
    samples, arms = np.arange(size)[:, None], np.arange(family.num_arms)

    def relaxed(weights: Array) -> tuple[float, Array]:
        value, counts = share_out(paid + np.tensordot(weights, bonus, 1))
        return float(np.mean(value)), np.mean(np.sum(bonus[:, samples, arms, counts], axis=-1), axis=-1)

    weights = _minimise(relaxed, np.full(len(bonus), 0.5 / len(bonus)), None, 40)
    best = oracle_bound(family)
    values, variates = [], []
    for _ in range(max(5, LEAST_MEASURED // size)):
        paid, bonus, task = _draw(family, surprises, size, rng)
        values.append(share_out(paid + np.tensordot(weights, bonus, 1))[0])
        known = (
            horizon * np.max(task, axis=-1) - best,
            np.mean(task, axis=-1) - family.alpha / (family.alpha + family.beta),
        )
        variates.append(np.column_stack([*known, *np.sum(bonus[..., -1], axis=-1)]))
    value, variate = np.concatenate(values), np.concatenate(variates)
    design = np.column_stack([np.ones(len(value)), variate])
    fit = np.linalg.lstsq(design, value, rcond=None)[0]
    residual = value - design @ fit
    return float(fit[0]), float(np.sqrt(np.sum(residual**2) / (len(value) - design.shape[1]) / len(value)))


def share_out(paid: Array) -> tuple[Array, Array]:
    """The best numbers of pulls of each arm, ``T`` in all.

    Args:
        paid: What each number of pulls ``0 .. T`` of an arm pays (B, k, T + 1).

    Returns:
        What they pay together (B,), and the numbers (B, k).
    """
    size, num_arms, numbers = paid.shape
    best, choices = paid[:, 0], []
    for arm in range(1, num_arms):
        joint, choice = best + paid[:, arm, :1], np.zeros((size, numbers), np.int16)
        for count in range(1, numbers):
            other = best[:, :-count] + paid[:, arm, count, None]
            choice[:, count:][other > joint[:, count:]] = count
            np.maximum(joint[:, count:], other, out=joint[:, count:])
        best = joint
        choices.append(choice)
    left, everyone = np.full(size, numbers - 1), np.arange(size)
    counts = np.zeros((size, num_arms), np.intp)
    for arm in reversed(range(1, num_arms)):
        counts[:, arm] = choices[arm - 1][everyone, left]
        left = left - counts[:, arm]
    counts[:, 0] = left
    return best[:, -1], counts


def _means(family: IndependentBandit) -> Array:
    """Posterior means over pulls and successes (T, T); those of more successes than pulls stand for nothing."""
    count = np.arange(family.num_trials)
    return np.minimum((family.alpha + count) / (family.alpha + family.beta + count[:, None]), 1.0)


def _surprises(family: IndependentBandit) -> Array:
    """``E h(next) - h(next)`` of each stopping problem (J, T * T * 2) over pulls, successes and what is paid."""
    from scipy.special import betaincinv

    horizon, means = family.num_trials, _means(family)
    tables = []
    for price in betaincinv(family.alpha, family.beta, QUANTILES):
        for last in (horizon, (horizon + 1) // 2):
            table, after = np.zeros((horizon, horizon, 2)), np.zeros(horizon + 1)
            for pulls in reversed(range(last)):
                mean = means[pulls, : pulls + 1]
                expected = mean * after[1 : pulls + 2] + (1.0 - mean) * after[: pulls + 1]
                table[pulls, : pulls + 1, 0] = expected - after[: pulls + 1]
                table[pulls, : pulls + 1, 1] = expected - after[1 : pulls + 2]
                after = np.maximum(mean - price + expected, 0.0)
            tables.append(table.ravel())
    return np.array(tables)


def _draw(
    family: IndependentBandit, surprises: Array, size: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Samples: sums of posterior means (B, k, T + 1) and of surprises (J, B, k, T + 1) by pulls, and tasks (B, k)."""
    horizon = family.num_trials
    task = rng.beta(family.alpha, family.beta, (size, family.num_arms))
    paid = rng.random((*task.shape, horizon)) < task[..., None]
    place = np.arange(horizon) * horizon + np.cumsum(paid, axis=-1) - paid
    means, bonus = np.zeros((*task.shape, horizon + 1)), np.zeros((len(surprises), *task.shape, horizon + 1))
    np.cumsum(_means(family).take(place), axis=-1, out=means[..., 1:])
    place = 2 * place + paid
    for surprise, total in zip(surprises, bonus, strict=True):
        np.cumsum(surprise.take(place), axis=-1, out=total[..., 1:])
    return means, bonus, task


def _minimise(
    function: Callable[[Array], tuple[float, Array]],
    start: Array,
    limits: list[tuple[float, float]] | None,
    evaluations: int,
) -> Array:
    """The best point that L-BFGS comes by: at kinks its last one may not be."""
    from scipy.optimize import minimize

    best: list[tuple[float, Array]] = []

    def watched(point: Array) -> tuple[float, Array]:
        value, gradient = function(point)
        if not best or value < best[0][0]:
            best[:] = [(value, point.copy())]
        return value, gradient

    options = {"maxfun": evaluations, "maxcor": 30, "ftol": 1e-9}
    minimize(watched, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    return best[0][1]
