"""Two dependent Bernoulli arms, p_2 = 1 - p_1: experiment 2 of the paper."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.families.bernoulli import BernoulliBandit
from meta_envs.family import Array, cumulative

MOST_VALUES = 10_000
"""Values of p_1: so many can hardly be told from the uniform density."""


@dataclass(frozen=True, kw_only=True)
class DependentBandit(BernoulliBandit):
    """Two arms whose pay-off probabilities add up to 1: p_2 = 1 - p_1.

    ## Description
    Every lifetime is one bandit with two arms whose hidden probabilities add up to 1, so that every pull, of either
    arm, says as much about the one as about the other. A learner that has understood this structure beats all that
    treat the arms as independent.

    ## Task prior
    With `num_values=0`, `p_1 ~ U[low, high]`; else `p_1` is one of `num_values` equally spaced and equally probable
    values from `low` to `high`. `p_2 = 1 - p_1` always. The task is `(p_1, p_2)`, shape `(2,)`, and may be fixed by
    `reset(options={"task": [0.75, 0.25]})`. The registered levels [paper]:

    | id | p_1 |
    |---|---|
    | `MetaBandit-Dependent-v0` | U[0, 1] |
    | `MetaBandit-DependentEasy-v0` | 0.1 or 0.9 |
    | `MetaBandit-DependentMedium-v0` | 0.25 or 0.75 |
    | `MetaBandit-DependentHard-v0` | 0.4 or 0.6 |

    ## Action Space
    `Discrete(2)`: the arm to pull; action 0 pulls arm 1, action 1 pulls arm 2.

    ## Observation Space
    `Box(0, 1, (1,), float32)`, constantly 0: a bandit shows nothing [ours: Gymnasium needs an observation]. The wrapper
    `PreviousActionReward` adds what the paper's network sees: the previous action one-hot, the previous reward, and the
    time `t / num_trials`.

    ## Rewards
    1 with probability `p_i` of the pulled arm, else 0 [paper].

    ## Starting State
    None: only the task is drawn.

    ## Episode End
    `terminated` after `num_trials` pulls [paper: 100]; never truncated [ours: the end is part of the problem].

    ## Optimum
    A rewarded pull of arm 1 and an unrewarded pull of arm 2 are the same evidence, so the belief is two counts and the
    optimum needs no exploration beyond them; exact, by dynamic programming:
    `meta_envs.solve("MetaBandit-Dependent-v0")`, and so for the other levels.

    ## Arguments
    - `num_trials=100`: pulls of a lifetime [paper: 100], at least 1.
    - `low=0.0`, `high=1.0`: ends of the range of `p_1`, `0 <= low < high <= 1`.
    - `num_values=0`: values of `p_1`; 0 is the uniform density, else from 2 to 10,000.

    ## Fidelity
    As in the paper, section 3.1.2: the four priors above, 100 pulls. [ours]: the constant observation, the time scaled
    to [0, 1], the previous action and reward all zeros at the first step, the end signalled as `terminated`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.1.2, Fig 2b-f.

    ## Version History
    - v0: first version.
    """

    low: float = 0.0
    high: float = 1.0
    num_values: int = 0

    task_names: ClassVar[tuple[str, ...]] = ("p_1", "p_2")

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_trials": 1, "num_values": 0})
        require_numbers(self, "low", "high")
        require(self.num_values != 1, "num_values", 1, "give 0 for a uniform prior or at least 2 values")
        cure = f"give 0 for a uniform prior or at most {MOST_VALUES} values"
        require(self.num_values <= MOST_VALUES, "num_values", self.num_values, cure)
        require(0.0 <= self.low <= 1.0, "low", self.low, "give a probability from 0 to 1")
        require(self.low < self.high <= 1.0, "high", self.high, f"give a probability above low={self.low!r}, at most 1")

    @property
    def arms(self) -> int:
        """Two."""
        return 2

    @property
    def num_task_chance(self) -> int:
        """One uniform for p_1."""
        return 1

    def sample_task(self, chance: Array) -> Array:
        """Both means (B, 2)."""
        if self.num_values:
            first = self._values[np.floor(chance[:, 0] * self.num_values).astype(np.intp)]
        else:
            first = self.low + (self.high - self.low) * chance[:, 0]
        return _both(first)

    def in_support(self, task: Array) -> Array:
        """Whether the means add up to 1 and the first is in the prior's support, to 1e-9."""
        first = task[:, 0]
        inside = (first >= self.low - 1e-9) & (first <= self.high + 1e-9)
        if self.num_values:
            inside = np.any(np.abs(first[:, None] - self._values) <= 1e-9, axis=-1)
        return inside & (np.abs(np.sum(task, axis=-1) - 1.0) <= 1e-9)

    @cached_property
    def _values(self) -> Array:
        return np.linspace(self.low, self.high, self.num_values)

    @cached_property
    def _quadrature(self) -> tuple[Array, Array]:
        """Values of p_1 and their weights, with which the posterior predictive of every history is exact.

        The likelihood of a history is a polynomial in p_1 of degree at most ``num_trials``, so Gauss-Legendre
        quadrature replaces the uniform density without any error but rounding.
        """
        if self.num_values:
            return self._values, np.full(self.num_values, 1.0 / self.num_values)
        nodes, weights = np.polynomial.legendre.leggauss(self.num_trials // 2 + 2)
        return self.low + (self.high - self.low) * (nodes + 1.0) / 2.0, weights / 2.0

    def initial_belief(self) -> Array:
        """No evidence for either arm (1, 2)."""
        return np.zeros((1, 2), np.int64)

    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """Pieces of evidence that arm 1, and that arm 2, is the better one (B, 2)."""
        for_first = action != outcome
        return belief + np.stack([for_first, ~for_first], axis=-1)

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Failure and success probabilities of the pulled arm under the posterior of p_1 (B, 2)."""
        from scipy.special import xlogy

        if (self.low, self.high, self.num_values) == (0.0, 1.0, 0):
            return self.outcome_probs((belief + 1.0) / np.sum(belief + 1.0, axis=-1, keepdims=True), state, action)
        values, weights = self._quadrature
        log_posterior = np.log(weights) + xlogy(belief[:, :1], values) + xlogy(belief[:, 1:], 1.0 - values)
        posterior = np.exp(log_posterior - np.max(log_posterior, axis=-1, keepdims=True))
        posterior /= np.sum(posterior, axis=-1, keepdims=True)
        means = np.stack([np.sum(posterior * values, axis=-1), np.sum(posterior * (1.0 - values), axis=-1)], axis=-1)
        return self.outcome_probs(means, state, action)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """Both means (B, 2), with p_1 drawn from its posterior."""
        from scipy.special import betainc, betaincinv, xlogy

        if self.num_values:
            log_posterior = xlogy(belief[:, :1], self._values) + xlogy(belief[:, 1:], 1.0 - self._values)
            posterior = np.exp(log_posterior - np.max(log_posterior, axis=-1, keepdims=True))
            posterior /= np.sum(posterior, axis=-1, keepdims=True)
            return _both(self._values[np.sum(rng.random((len(belief), 1)) >= cumulative(posterior), axis=-1)])
        alpha, beta = 1 + belief[:, 0], 1 + belief[:, 1]
        if (self.low, self.high) == (0.0, 1.0):
            return _both(rng.beta(alpha, beta))
        # A truncated Beta by inverse CDF, exact in the lower tail only: intervals in the upper one are mirrored.
        mirrored = alpha < self.low * (alpha + beta)
        alpha, beta = np.where(mirrored, beta, alpha), np.where(mirrored, alpha, beta)
        low, high = np.where(mirrored, 1.0 - self.high, self.low), np.where(mirrored, 1.0 - self.low, self.high)
        below, above = betainc(alpha, beta, low), betainc(alpha, beta, high)
        first = np.clip(betaincinv(alpha, beta, below + rng.random(len(belief)) * (above - below)), low, high)
        first = np.where(mirrored, 1.0 - first, first)
        return _both(first)


def _both(first: Array) -> Array:
    """Means of both arms (B, 2)."""
    means = np.empty((len(first), 2))
    means[:, 0] = first
    means[:, 1] = 1.0 - first
    return means
