"""The optimum of independent Bernoulli arms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from math import comb, lgamma, log

import numpy as np

from meta_envs.errors import Unsolvable
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, DiscreteFamily
from meta_envs.intervals import standard_error
from meta_envs.learners.basic import Oracle
from meta_envs.learners.gittins import MAX_TRIALS, IndexPolicy
from meta_envs.learners.learner import Learner
from meta_envs.learners.policies import PolicyPlayer, TabularPolicy
from meta_envs.learners.returns import record
from meta_envs.limits import require_bytes, tell_sizes
from meta_envs.seeds import BANDIT_OPTIMA
from meta_envs.solvers.bounds import lagrangian_bound, oracle_bound
from meta_envs.solvers.dynamic import TIE, most_beliefs, solve_generic
from meta_envs.solvers.information import SAMPLE_WORK, relaxed_mean
from meta_envs.solvers.optimum import ERRORS, Optimum
from meta_envs.terminal.progress import Progress

MAX_COUNTS = 1 << 28
"""Beliefs of the longest lifetimes with two independent arms that are solved: a byte each, and some seconds."""
SIMULATION = 1 << 26
"""Arms times pulls times lifetimes of the simulation; 2,000 to 20,000 lifetimes."""


class TwoArmPolicy(TabularPolicy):
    """A policy over the counts of two independent arms.

    Args:
        family: The family for whose prior the policy is.
        second: For each step whether to play the second arm, over (n1, s1, s2) in order, bool.
    """

    def __init__(self, family: DiscreteFamily, second: list[Array]) -> None:
        super().__init__(family)
        self._second = second
        self._offset = []
        for step in range(family.horizon):
            pulls = np.arange(step + 1)
            sizes = (pulls + 1) * (step - pulls + 1)
            self._offset.append(np.cumsum(sizes) - sizes)

    def start(self, num: int) -> Array:
        """No pulls: n1, s1, s2 (num, 3)."""
        return np.zeros((num, 3), np.intp)

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        return self._second[step].take(self._place(step, node)).astype(np.intp)

    def values(self, step: int, node: Array) -> Array:
        """Action values (num, 2), which are computed when they are first asked for."""
        return self._values[step][self._place(step, node)]

    @cached_property
    def _values(self) -> list[Array]:
        require_bytes(20 * comb(self.family.horizon + 3, 4), f"The action values of {tell_sizes(self.family)}")
        assert isinstance(self.family, IndependentBandit)
        return [
            np.concatenate([np.stack(pair, axis=-1).reshape(-1, 2) for pair in step])
            for step in _value_arms(self.family)
        ][::-1]

    def _place(self, step: int, node: Array) -> Array:
        pulls, first, second = node.T
        return self._offset[step].take(pulls) + first * (step - pulls + 1) + second

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Counts (num, 3) after a step."""
        first = action == 0
        return node + np.stack([first, first * outcome, ~first * outcome], axis=-1)


def solve_two_arms(family: IndependentBandit) -> Optimum:
    """Exact optimum of two independent arms: values over the pulls of the first arm and both arms' successes."""
    horizon, alpha, beta = family.num_trials, family.alpha, family.beta
    second: list[Array] = []
    for step in _value_arms(family):
        second.append(np.concatenate([(later > first + TIE).ravel() for first, later in step]))
        value = float(np.max(step[0]))
    return Optimum(
        value=value,
        achieved=value,
        kind="exact",
        note=f"dynamic programming over {comb(horizon + 3, 4):,} counts of successes and failures",
        random_value=horizon * alpha / (alpha + beta),
        table=TwoArmPolicy(family, second[::-1]),
    )


def _value_arms(family: IndependentBandit) -> Iterator[list[tuple[Array, Array]]]:
    """For each step, the last one first, values of both arms (s1, s2) for each number n1 of pulls of the first arm.

    A step back is a few array operations for each n1, over its successes s1 and the other arm's s2, of which there are
    ``step - n1`` pulls.
    """
    horizon, alpha, beta = family.num_trials, family.alpha, family.beta
    values = [np.zeros((pulls + 1, horizon - pulls + 1)) for pulls in range(horizon + 1)]
    means = [(alpha + np.arange(pulls + 1)) / (alpha + beta + pulls) for pulls in range(horizon)]
    with Progress("Solving two independent arms", comb(horizon + 3, 4)) as progress:
        for step in reversed(range(horizon)):
            found = []
            for pulls in range(step + 1):
                mean, other, now = means[pulls][:, None], means[step - pulls], values[pulls]
                on_first = mean * (1.0 + values[pulls + 1][1:]) + (1.0 - mean) * values[pulls + 1][:-1]
                on_second = other * (1.0 + now[:, 1:]) + (1.0 - other) * now[:, :-1]
                found.append((on_first, on_second))
                values[pulls] = np.maximum(on_first, on_second)
            yield found
            progress.advance(comb(step + 3, 3))


def solve_independent(family: IndependentBandit) -> Optimum:
    """The optimum, exact, by a recursion of its own for two arms; where beliefs are too many, a bound.

    Raises:
        Unsolvable: If lifetimes are too long even for bounds.
    """
    # Ways to share up to num_trials - 1 pulls out among the arms' successes and failures.
    pulls, counts = family.num_trials - 1, 2 * family.num_arms
    digits = (lgamma(pulls + counts + 1) - lgamma(pulls + 1) - lgamma(counts + 1)) / log(10)
    most = MAX_COUNTS if family.num_arms == 2 else most_beliefs(family)
    # The number itself may have millions of digits.
    if digits > 18 or comb(pulls + counts, counts) > most:
        number = f"10^{int(digits)}" if digits > 18 else f"{comb(pulls + counts, counts):,}"
        return solve_by_bounds(family, f"has {number} beliefs, more than the {most:,} that are gone through")
    return solve_two_arms(family) if family.num_arms == 2 else solve_generic(family)


def solve_by_bounds(family: IndependentBandit, finding: str) -> Optimum:
    """The lowest of the upper bounds, and what the finite-horizon Gittins policy achieves.

    Args:
        family: Independent arms.
        finding: Why there is no exact optimum, for the note.

    Raises:
        Unsolvable: If lifetimes are too long.
    """
    if family.num_trials > MAX_TRIALS:
        raise Unsolvable(
            f"{type(family).__name__} {finding}, and its bounds are computed up to {MAX_TRIALS} trials: give it fewer "
            f"trials, or compare learners by their regret, which needs no optimum."
        )
    bounds = {"the oracle": oracle_bound(family), "Lagrangian relaxation": lagrangian_bound(family)}
    error = 0.0
    if family.num_arms * family.num_trials**2 <= SAMPLE_WORK:
        mean, error = relaxed_mean(family)
        bounds["information relaxation"] = mean + ERRORS * error
    lowest = min(bounds, key=lambda name: bounds[name])
    policy = IndexPolicy(family)
    achieved, spread = simulate(family, partial(PolicyPlayer, policy), bounds["the oracle"])
    others = ", ".join(f"{name} {value:.2f}" for name, value in bounds.items() if name != lowest)
    drawn = lowest == "information relaxation"
    sampled = ", three standard errors above its mean" if drawn else ""
    return Optimum(
        value=bounds[lowest],
        achieved=achieved,
        kind="bound",
        note=(
            f"by {lowest}{sampled} ({others}); the finite-horizon Gittins policy was simulated, ± {spread:.2g}; "
            f"{type(family).__name__} {finding}"
        ),
        random_value=family.num_trials * family.alpha / (family.alpha + family.beta),
        value_se=error if drawn else 0.0,
        achieved_se=spread,
        table=policy,
    )


def simulate(
    family: IndependentBandit | GaussianBandit, player: Callable[[], Learner], knowing: float, most: int = 20_000
) -> tuple[float, float]:
    """Expected return of a learner and its standard error: the oracle's, ``knowing``, less the mean regret."""
    num = int(np.clip(SIMULATION // (family.num_arms * family.num_trials), 2_000, most))
    own, best = record([player(), Oracle()], family, BANDIT_OPTIMA.lifetimes(num), 0)
    missed = best.expected - own.expected
    return knowing - float(np.mean(missed)), standard_error(missed)
