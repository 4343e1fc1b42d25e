"""Information relaxation: an upper bound for independent Bernoulli arms (Brown, Smith & Sun 2010).

Let each arm's pay-offs be drawn beforehand, in the order of its pulls. In the mean, a policy's return stays the same
if a pull pays ``p(m, s)`` instead of what was drawn, and if the surprise ``E h(next) - h(next)`` is added, for any
function ``h(m, s)``: it is 0 in the mean, whatever has happened before. What a lifetime then pays depends on nothing
but how often each arm was pulled: it is ``sum_i S_i(n_i)``. A clairvoyant, who sees all draws and then chooses the
numbers of pulls, does at least as well as any policy:

    V <= E max { sum_i S_i(n_i) : n_1 + ... + n_k = T }.

With ``h = 0`` this is IRS.V-Zero of Min, Maglaras & Moallemi 2019, which is at most the oracle's. Here ``h`` is a
weighted sum of the values of stopping problems, ``D(m, s) = max(0, p - c + E D(next))`` for several prices ``c`` and
numbers of pulls. With one of them alone and weight 1, a pull is worth ``p + E D(next) - D(next) <= c + D - D(next)``,
so that ``sum_i S_i(n_i) <= T c + k D(0, 0)``: the Lagrangian relaxation at a constant price, or better. The weights are
found on some samples (the maximum is convex in them), and the mean is taken over others, with control variates whose
means are known. The bound is that mean plus three standard errors.
"""

from __future__ import annotations

import numpy as np

from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array
from meta_envs.intervals import controlled_mean
from meta_envs.solvers.bounds import minimise, oracle_bound, posterior_means
from meta_envs.terminal.progress import track

QUANTILES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
"""Of the prior of an arm: prices of the stopping problems."""
SAMPLE_WORK = 1 << 25
"""Comparisons that one search for the best numbers of pulls in all samples takes; fewest samples are ``FEWEST``."""
FEWEST = 50
WIDEST = 10.0
"""Weights are between minus this and this: with one arm there is no maximum, and nothing else would hold them."""
LEAST_MEASURED = 1000
"""Samples over which the mean is taken."""


def relaxed_mean(family: IndependentBandit) -> tuple[float, float]:
    """Mean of the information relaxation, and its standard error."""
    horizon, rng, surprises = family.num_trials, np.random.default_rng(0), _surprises(family)
    size = int(np.clip(2 * SAMPLE_WORK // (family.num_arms * horizon**2), FEWEST, 2_000))
    paid, bonus, _ = _draw(family, surprises, size, rng)
    samples, arms = np.arange(size)[:, None], np.arange(family.num_arms)

    def relaxed(weights: Array) -> tuple[float, Array]:
        value, counts = share_out(paid + np.tensordot(weights, bonus, 1))
        return float(np.mean(value)), np.mean(np.sum(bonus[:, samples, arms, counts], axis=-1), axis=-1)

    weights = minimise(relaxed, np.full(len(bonus), 0.5 / len(bonus)), [(-WIDEST, WIDEST)] * len(bonus), 40)
    best = oracle_bound(family)
    values, variates = [], []
    for _ in track(range(max(5, LEAST_MEASURED // size)), "Measuring the bound"):
        paid, bonus, task = _draw(family, surprises, size, rng)
        values.append(share_out(paid + np.tensordot(weights, bonus, 1))[0])
        known = (
            horizon * np.max(task, axis=-1) - best,
            np.mean(task, axis=-1) - family.alpha / (family.alpha + family.beta),
        )
        variates.append(np.column_stack([*known, *np.sum(bonus[..., -1], axis=-1)]))
    return controlled_mean(np.concatenate(values), np.concatenate(variates))


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


def _surprises(family: IndependentBandit) -> Array:
    """``E h(next) - h(next)`` of each stopping problem (J, T * T * 2) over pulls, successes and what is paid."""
    from scipy.special import betaincinv

    horizon, means = family.num_trials, posterior_means(family)
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
    np.cumsum(posterior_means(family).take(place), axis=-1, out=means[..., 1:])
    place = 2 * place + paid
    for surprise, total in zip(surprises, bonus, strict=True):
        np.cumsum(surprise.take(place), axis=-1, out=total[..., 1:])
    return means, bonus, task
