"""Independent Bernoulli arms: experiment 1 of the paper, and the k-armed bandits of RL^2."""

from dataclasses import dataclass

import numpy as np

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.families.bernoulli import BernoulliBandit
from meta_envs.family import Array


@dataclass(frozen=True, kw_only=True)
class IndependentBandit(BernoulliBandit):
    """Arms whose pay-offs say nothing about each other.

    ## Description
    Every lifetime is one bandit with fresh, hidden arm probabilities. A learner that pulls an arm finds out whether
    this pull paid, and nothing else; it has `num_trials` pulls to find the better arm and to use it.

    ## Task prior
    `p_i ~ Beta(alpha, beta)`, independently for every arm [paper: two arms, U[0, 1], which is Beta(1, 1)]. The task is
    the vector of the arms' means `(p_1, ..., p_num_arms)`, shape `(num_arms,)`, and may be fixed by
    `reset(options={"task": [0.2, 0.7]})`.

    ## Action Space
    `Discrete(num_arms)`: the arm to pull; action 0 pulls arm 1. With the default keyword, `Discrete(2)`.

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
    Bayes-optimal expected return by dynamic programming over the arms' success and failure counts, exact:
    `meta_envs.solve("MetaBandit-Independent-v0")`.

    ## Arguments
    - `num_arms=2`: number of arms [paper: 2], at least 1.
    - `num_trials=100`: pulls of a lifetime [paper: 100], at least 1.
    - `alpha=1.0`, `beta=1.0`: Beta prior of every arm [paper: 1, 1], positive.

    ## Fidelity
    As in the paper, section 3.1.1: two arms, U[0, 1], 100 pulls. [ours]: the constant observation, the time scaled to
    [0, 1], the previous action and reward all zeros at the first step, the end signalled as `terminated`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.1.1, Fig 2a. For k arms: Duan et
    al. 2016, *RL^2*, arXiv 1611.02779, section 4.1.

    ## Version History
    - v0: first version.
    """

    num_arms: int = 2
    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_arms": 1, "num_trials": 1})
        require_numbers(self, "alpha", "beta")
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            require(value > 0, name, value, "give a positive number, such as 1.0 for a uniform prior")

    @property
    def arms(self) -> int:
        """Number of arms."""
        return self.num_arms

    @property
    def task_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The arms' means."""
        return tuple(f"p_{arm + 1}" for arm in range(self.num_arms))

    @property
    def num_task_chance(self) -> int:
        """One uniform an arm."""
        return self.num_arms

    def sample_task(self, chance: Array) -> Array:
        """Arms' means (B, num_arms) by the inverse CDF of Beta(alpha, beta)."""
        if self.alpha == self.beta == 1.0:
            return chance.copy()
        from scipy.special import betaincinv

        return np.asarray(betaincinv(self.alpha, self.beta, chance))

    def in_support(self, task: Array) -> Array:
        """All means in [0, 1]."""
        return np.all((task >= 0.0) & (task <= 1.0), axis=-1)

    def initial_belief(self) -> Array:
        """No successes and no failures of any arm (1, 2 num_arms)."""
        return np.zeros((1, 2 * self.num_arms), np.int64)

    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """Successes, then failures, of every arm (B, 2 num_arms)."""
        counts = belief.copy()
        counts[np.arange(len(counts)), action + self.num_arms * (1 - outcome)] += 1
        return counts

    def _parameters(self, belief: Array) -> tuple[Array, Array]:
        return self.alpha + belief[:, : self.num_arms], self.beta + belief[:, self.num_arms :]

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Failure and success probabilities of the pulled arm under its Beta posterior (B, 2)."""
        alpha, beta = self._parameters(belief)
        return self.outcome_probs(alpha / (alpha + beta), state, action)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """Arms' means (B, num_arms) drawn from their Beta posteriors."""
        return rng.beta(*self._parameters(belief))
