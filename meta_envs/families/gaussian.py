"""Gaussian arms, one of them sure: the bandit of "Learning not to learn"."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.families.tabular import to_normal
from meta_envs.family import Array, TaskFamily


@dataclass(frozen=True, kw_only=True)
class GaussianBandit(TaskFamily):
    """A sure arm that pays 0, and another that mostly pays less: whether to find out is the question.

    ## Description
    Arm 1 always pays 0. What the other arm pays on average is hidden, and in most lifetimes it is less. To find out
    costs about 1, and is worth it only if enough is left of the lifetime to use what was found. Where the arm is too
    seldom good, or its rewards too noisy, the best learner does not learn: it stays with the sure arm from the first
    pull on. `meta_envs.solvers.learning_boundary` gives the exact border between the two.

    ## Task prior
    The means of the arms that are not sure are `N(prior_mean, prior_sd)`, independently [src]. The task is the vector
    of all means `(mu_1, ..., mu_num_arms)`, shape `(num_arms,)`; that of a sure arm is 0. It may be fixed by
    `reset(options={"task": [0.0, 0.7]})`.

    ## Action Space
    `Discrete(num_arms)`: the arm to pull; action 0 pulls arm 1. With the default keyword, `Discrete(2)`.

    ## Observation Space
    `Box(0, 1, (1,), float32)`, constantly 0: a bandit shows nothing [ours: Gymnasium needs an observation]. The wrapper
    `PreviousActionReward` adds the previous action one-hot, the previous reward, and the time `t / num_trials`.

    ## Rewards
    `N(mu, noise_sd)` with the mean of the pulled arm [src]: unbounded. The sure arm pays 0 without noise [src].

    ## Starting State
    No pulls. The state is what a lifetime has shown: the pulls of every arm, then what they have paid in all, shape `(2
    num_arms,)`. The belief of the ideal learner follows from it: means, then standard deviations of the posteriors of
    the arms' means, `read_belief`.

    ## Episode End
    `terminated` after `num_trials` pulls [src: 100]; never truncated [ours: the end is part of the problem].

    ## Optimum
    With a sure arm and one other it is a stopping problem: who prefers the sure arm once learns nothing more, and stays
    there. It is exact, by backward induction over pulls and posterior mean with Gauss-Legendre quadrature. With more
    arms there is an upper bound, the lower of the oracle's expected return `num_trials E[max mu]` and a Lagrangian
    relaxation, and Thompson sampling as what is achieved. Random play loses 50, so that scores of learners that avoid
    the other arm are near 1 and say little: compare regrets.

    ## Arguments
    - `num_arms=2`: arms, the sure one included [src: 2], at least 1.
    - `prior_mean=-1.0`: mean of the prior of the other arms' means [src: -1].
    - `prior_sd=1.0`: its standard deviation [src: 1 is one value of a sweep], not negative.
    - `noise_sd=0.1`: standard deviation of a reward around its mean [src: .1 is one value of a sweep], not negative.
    - `sure_arm=True`: whether arm 1 is sure and pays 0 [src]; else all arms are alike.
    - `num_trials=100`: pulls of a lifetime [src: 100], at least 1.

    ## Fidelity
    *[src]* is the paper below. [ours]: the sure arm is arm 1, the prior is the same for all other arms, the constant
    observation, the time scaled to [0, 1], the previous action and reward all zeros at the first step, the end
    signalled as `terminated`.

    ## References
    Lange & Sprekeler 2020, *Learning not to learn: nature versus nurture in silico*, arXiv 2010.04466.

    ## Version History
    - v0: first version.
    """

    num_arms: int = 2
    prior_mean: float = -1.0
    prior_sd: float = 1.0
    noise_sd: float = 0.1
    sure_arm: bool = True
    num_trials: int = 100

    bandit: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_arms": 1, "num_trials": 1})
        require_numbers(self, "prior_mean", "prior_sd", "noise_sd")
        for name in ("prior_sd", "noise_sd"):
            value = getattr(self, name)
            require(value >= 0.0, name, value, "give a standard deviation of at least 0")
        require(isinstance(self.sure_arm, bool), "sure_arm", self.sure_arm, "give True or False")

    @property
    def task_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The arms' means."""
        return tuple(f"mu_{arm + 1}" for arm in range(self.num_arms))

    @property
    def horizon(self) -> int:
        return self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(self.num_arms)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    @property
    def num_task_chance(self) -> int:
        """One uniform an arm, also where it is sure."""
        return self.num_arms

    @property
    def unsure(self) -> Array:
        """Which arms are not sure (num_arms,) bool."""
        return np.arange(self.num_arms) >= int(self.sure_arm)

    def sample_task(self, chance: Array) -> Array:
        return np.where(self.unsure, self.prior_mean + self.prior_sd * to_normal(chance), 0.0)

    def in_support(self, task: Array) -> Array:
        """Whether the sure arm's mean is 0, and where the prior has no width, the others' are its mean, to 1e-9."""
        fixed = ~self.unsure | (self.prior_sd == 0.0)
        middle = np.where(self.unsure, self.prior_mean, 0.0)
        return np.all(np.isfinite(task) & (~fixed | (np.abs(task - middle) <= 1e-9)), axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 2 * self.num_arms))

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        mean = task[np.arange(len(task)), action]
        return np.where(self.unsure[action], mean + self.noise_sd * to_normal(chance[:, 0]), mean)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        pulled = np.arange(self.num_arms) == action[:, None]
        return state + np.concatenate([pulled, np.where(pulled, outcome[:, None], 0.0)], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome

    def observe(self, task: Any, state: Array) -> Array:
        return np.zeros((len(state), 1), np.float32)

    def best_action(self, task: Array, state: Array) -> Array:
        return np.argmax(task, axis=-1)

    def expected_rewards(self, task: Array, state: Array) -> Array:
        return task.copy()

    def task_optimum(self, task: Array) -> Array:
        return self.num_trials * np.max(task, axis=-1)

    def read_belief(self, state: Array) -> Array:
        """Means and standard deviations of the posteriors of the arms' means (B, 2 num_arms): conjugate and exact."""
        pulls, totals = state[:, : self.num_arms], state[:, self.num_arms :]
        # What a pull says counts by the prior's variance, what the prior says by the noise's.
        said, known = pulls * self.prior_sd**2, np.full(pulls.shape, self.noise_sd**2)
        weight = np.divide(said, said + known, out=np.zeros_like(said), where=said > 0.0)
        left = np.divide(known, said + known, out=np.ones_like(said), where=said > 0.0)
        average = np.divide(totals, pulls, out=np.zeros_like(totals), where=pulls > 0.0)
        mean = self.prior_mean + weight * (average - self.prior_mean)
        spread = self.prior_sd * np.sqrt(left)
        return np.concatenate([np.where(self.unsure, part, 0.0) for part in (mean, spread)], axis=-1)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """One task drawn from each belief (B, num_arms)."""
        mean, spread = belief[:, : self.num_arms], belief[:, self.num_arms :]
        return mean + spread * rng.standard_normal(mean.shape)
