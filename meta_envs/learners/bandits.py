"""Learners of bandits: they keep a posterior, or counts, or values of the arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from gymnasium.spaces import Discrete

from meta_envs.arguments import require
from meta_envs.errors import CannotServe, Unsolvable
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.learner import Learner, explore, need_discrete, pick_best
from meta_envs.lifetimes.beliefs import first_belief, first_state, merge
from meta_envs.lifetimes.tables import is_bandit, tabulate


class BeliefLearner(Learner):
    """A learner that holds the exact posterior under the family's own prior."""

    needs = ()

    def check(self, family: TaskFamily) -> None:
        """Serves Gaussian bandits, and discrete families whose lifetimes begin in one known state."""
        try:
            first_state(need_beliefs(family, self.name))
        except Unsolvable as error:
            raise CannotServe(f"{self.name} follows a belief from the first state on. {error}") from error

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        self.check(family)
        self._family, self._num, self._rng = need_beliefs(family, self.name), num, rng
        self._state = np.repeat(first_state(self._family), num, axis=0)
        prior = first_belief(self._family)
        assert prior is not None
        self._belief = np.repeat(prior, num, axis=0)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Update the posterior."""
        family = self._family
        if isinstance(family, GaussianBandit):
            self._state = family.next_state(self._state, action, reward)
            self._belief = family.read_belief(self._state)
            return
        self._belief = family.update_belief(self._belief, self._state, action, outcome)
        self._state = family.next_state(self._state, action, outcome)

    def _predict(self) -> Array:
        """Posterior means (num, A) of the actions' next rewards."""
        family = self._family
        if isinstance(family, GaussianBandit):
            return self._belief[:, : family.num_arms]
        # Many lifetimes share a belief, and a prediction costs more than finding out.
        first, place = merge(self._belief, self._state)
        belief, state = self._belief[first], self._state[first]
        actions = [np.full(len(first), action) for action in range(family.num_actions)]
        means = [family.expected_reward(family.predict(belief, state, action), state, action) for action in actions]
        return np.stack(means, axis=-1)[place]


class PosteriorSampler(BeliefLearner):
    """A learner for bandits that draws tasks from the posterior."""

    def check(self, family: TaskFamily) -> None:
        """Serves bandits."""
        need_bandit(family, self.name)
        super().check(family)

    def _sample(self) -> Array:
        """Mean rewards (num, A) of the actions in one task drawn from each posterior."""
        return self._family.expected_rewards(self._family.sample_posterior(self._belief, self._rng), self._state)


class Thompson(PosteriorSampler):
    """Thompson sampling with the family's own prior: plays the best action of a task drawn from the posterior.

    Serves bandits. Source: Thompson 1933; baseline of the paper, section 3.1.
    """

    name = "thompson"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return pick_best(self._sample(), self._rng)


class ThompsonWalk(Thompson):
    """Thompson sampling on restless arms that assumes one step size for all walks: the paper's baseline.

    Serves restless bandits. Source: section 3.1.4 of the paper, which does not print the step size; 0.03 is the best on
    a grid, by the rule of `docs/calibration.md`.

    Args:
        sigma: The step size, at least 0.001.
    """

    name = "thompson_walk"

    def __init__(self, *, sigma: float = 0.03) -> None:
        require(0.001 <= sigma < np.inf, "sigma", sigma, "give a step size of at least 0.001")
        self._sigma = sigma

    def check(self, family: TaskFamily) -> None:
        """Serves restless bandits."""
        if not isinstance(family, RestlessBandit):
            raise CannotServe(f"{self.name} serves restless bandits, and {type(family).__name__} is none.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior of that step size alone."""
        self.check(family)
        assert isinstance(family, RestlessBandit)
        alone = replace(family, volatility="low", sigma_low=self._sigma, sigma_high=2.0 * self._sigma)
        super().begin(alone, num, rng)


class OptimisticThompson(PosteriorSampler):
    """Optimistic Thompson sampling: a draw below an action's posterior mean is raised to it.

    Serves bandits. Source: May, Korda, Lee & Leslie 2012, *Optimistic Bayesian sampling in contextual-bandit problems*.
    """

    name = "optimistic_thompson"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return pick_best(np.maximum(self._sample(), self._predict()), self._rng)


class EpsilonGreedy(BeliefLearner):
    """Epsilon-greedy by the posterior mean of the next reward, under the family's own prior.

    Where every action tells as much as any other, as with dependent arms, no exploration is the optimum (`greedy`).

    Args:
        epsilon: Probability of a random action, in [0, 1].
    """

    name = "epsilon_greedy"

    def __init__(self, *, epsilon: float = 0.1) -> None:
        require(0.0 <= epsilon <= 1.0, "epsilon", epsilon, "give a probability from 0 to 1")
        self._epsilon = epsilon

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        action = pick_best(self._predict(), self._rng)
        return explore(action, self._epsilon, count_actions(self._family), self._rng)


class CountingLearner(Learner):
    """A learner for bandits that keeps the pulls and the summed rewards of every arm, and nothing else."""

    needs = ()

    def check(self, family: TaskFamily) -> None:
        """Serves bandits."""
        need_bandit(family, self.name)

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with no pulls."""
        self.check(family)
        self._rng, self._step = rng, 0
        self._pulls = np.zeros((num, count_actions(family)))
        self._rewards = np.zeros_like(self._pulls)
        self._everyone = np.arange(num)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Count."""
        self._pulls[self._everyone, action] += 1
        self._rewards[self._everyone, action] += reward
        self._step += 1


class ThompsonIndependent(CountingLearner):
    """Thompson sampling that takes all arms for independent with p ~ U[0, 1], whatever they are: the paper's baseline.

    Serves bandits that pay 0 or 1. Source: section 3.1 of the paper.
    """

    name = "thompson_independent"

    def check(self, family: TaskFamily) -> None:
        """Serves bandits that pay 0 or 1."""
        if family.reward_values != (0.0, 1.0):
            raise CannotServe(
                f"{self.name} serves bandits that pay 0 or 1, and {type(family).__name__} has rewards "
                f"{family.reward_values}: use thompson, which takes the family's own prior."
            )
        super().check(family)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return pick_best(self._rng.beta(1 + self._rewards, 1 + self._pulls - self._rewards), self._rng)


class UCB(CountingLearner):
    """Upper confidence bounds: each arm once, then the highest mean reward plus ``sqrt(chi ln(n) / n_i)``.

    ``n`` is the number of pulls so far, ``n_i`` of the arm. Source: Auer, Cesa-Bianchi & Fischer 2002, whose UCB1 has
    chi = 2; the paper's baseline, which it reports with chi = 1 for restless arms.

    Args:
        chi: Width of the bounds, at least 0.
    """

    name = "ucb"

    def __init__(self, *, chi: float = 1.0) -> None:
        require(0.0 <= chi < np.inf, "chi", chi, "give a number of at least 0")
        self._chi = chi
        self.name = "ucb" if chi == 1.0 else f"ucb:chi={chi:g}"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        pulls = np.maximum(self._pulls, 1)
        bonus = np.sqrt(self._chi * np.log(max(self._step, 1)) / pulls)
        return pick_best(np.where(self._pulls == 0, np.inf, self._rewards / pulls + bonus), self._rng)


class RescorlaWagner(Learner):
    """Rescorla-Wagner learning: ``Q += alpha (reward - Q)`` of the pulled arm, and softmax of ``beta Q``.

    Values begin at 0.5, halfway between the rewards of Bernoulli arms; the arm that is not pulled keeps its value.
    Source: Rescorla & Wagner 1972; the paper's baseline for restless arms, section 3.1.4, with alpha = 0.5;
    beta = 10 is the best with it there, as `docs/calibration.md` finds.

    Args:
        alpha: Learning rate, in [0, 1].
        beta: Inverse temperature, at least 0.
    """

    name = "rescorla_wagner"
    needs = ()

    def __init__(self, *, alpha: float = 0.5, beta: float = 10.0) -> None:
        require(0.0 <= alpha <= 1.0, "alpha", alpha, "give a learning rate from 0 to 1")
        require(0.0 <= beta < np.inf, "beta", beta, "give a number of at least 0")
        self._alpha, self._beta = alpha, beta

    def check(self, family: TaskFamily) -> None:
        """Serves bandits."""
        need_bandit(family, self.name)

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with 0.5 for every arm."""
        self.check(family)
        self._rng, self._everyone = rng, np.arange(num)
        self._values = np.full((num, count_actions(family)), 0.5)

    def act(self, observation: Array) -> Array:
        """Actions (num,): the highest after Gumbel noise, which is a draw from the softmax."""
        return np.argmax(self._beta * self._values + self._rng.gumbel(size=self._values.shape), axis=-1)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Move the pulled arm's value."""
        place = self._everyone, action
        self._values[place] += self._alpha * (reward - self._values[place])


def need_beliefs(family: TaskFamily, name: str) -> DiscreteFamily | GaussianBandit:
    """The family, for a learner of that name that follows a belief.

    Raises:
        CannotServe: If none is known.
    """
    return family if isinstance(family, GaussianBandit) else need_discrete(family, name)


def need_bandit(family: TaskFamily, name: str) -> None:
    """Refuse what is no bandit, for a learner of that name that serves them, restless ones too.

    Raises:
        CannotServe: If it is none.
    """
    if is_bandit(family):
        return
    tables = tabulate(family)
    if tables is None:
        raise CannotServe(f"{name} serves families that list their states, and {type(family).__name__} does not.")
    raise CannotServe(
        f"{name} serves bandits, and {type(family).__name__} is none: it has {len(tables.states)} states, which "
        "actions reach or observations tell apart."
    )


def count_actions(family: TaskFamily) -> int:
    """Actions of a family in which they are counted."""
    assert isinstance(family.action_space, Discrete)
    return int(family.action_space.n)
