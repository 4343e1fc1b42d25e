"""The learners that need no training: random play, bandit rules, the exact optimum, and one that knows the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, DiscreteFamily, TaskFamily, require
from meta_envs.gittins import MAX_GAMMA, IndexPlan
from meta_envs.learners import Learner, PrivilegedLearner
from meta_envs.maze_optimum import Memoryless, Searcher
from meta_envs.mdp_learners import BEB, PSRL, UCRL2, MDPEpsilonGreedy, OptimisticPSRL
from meta_envs.oracle import best_actions
from meta_envs.plans import Plan
from meta_envs.solver import Optimum, first_state, merge, solve
from meta_envs.tables import Tables, find_rows, tabulate
from meta_envs.two_step_learners import Hybrid


class Random(Learner):
    """Plays every action with the same probability."""

    name = "random"
    looks = False

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; serves every family with finitely many actions."""
        self._num, self._rng = num, rng
        if not isinstance(family.action_space, spaces.Discrete):
            raise ValueError(f"random serves finitely many actions, and {type(family).__name__} has others.")
        self._num_actions = int(family.action_space.n)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._rng.integers(self._num_actions, size=self._num)


class Oracle(PrivilegedLearner):
    """Knows the task and plays it perfectly: what is left of regret is nil. Serves families that tell what is best."""

    name = "oracle"
    looks = False

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; the tasks come by `reveal`."""
        self._family, self._tables, self._step = family, tabulate(family), 0
        if self._tables is None and type(family).best_action is TaskFamily.best_action:
            raise ValueError(
                f"oracle serves families that list their states or tell the best action, and {type(family).__name__} "
                f"does neither."
            )

    def reveal(self, task: Array) -> None:
        """Be told the hidden tasks (num, T)."""
        self._task = task
        if self._tables is not None:
            kinds, which = np.unique(task, axis=0, return_inverse=True)
            self._actions, self._which = best_actions(self._family, kinds), which.ravel()

    def see(self, state: Array) -> None:
        """Be told the states (num, S)."""
        self._state = state

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        if self._tables is not None:
            row = find_rows(self._tables.states, self._state)
            return self._actions[self._step, self._which, row].astype(np.intp)
        best = self._family.best_action(self._task, self._state)
        assert best is not None
        return best

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Count the steps."""
        self._step += 1


class Planner(Learner):
    """A learner that plays a plan, which `begin` chooses."""

    looks = False
    _plan: Plan

    def _start(self, num: int) -> None:
        self._step, self._node = 0, self._plan.start(num)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._plan.action(self._step, self._node)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the belief."""
        self._node = self._plan.follow(self._step, self._node, action, outcome)
        self._step += 1


class PlanPlayer(Planner):
    """Plays a given plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; refuses families in which the plan makes no sense."""
        self._plan.check(_discrete(family, "bayes"))
        self._start(num)


class Bayes(PrivilegedLearner):
    """Plays the policy that `meta_envs.solve` computes: no learner has a higher expected return under that prior.

    Where observations are images it is told the state, where an agent has to look; of the task it uses nothing.

    Args:
        optimum: Of another family with the same actions and outcomes and at least as long lifetimes, to see how the
            optimum for one prior does under another; None solves the family itself. Once the other prior gives what has
            happened probability 0, action 0 is played to the end.
    """

    name = "bayes"

    def __init__(self, optimum: Optimum | None = None) -> None:
        self._optimum = optimum

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; refuses where no optimal policy is known, as `solve` says."""
        optimum = self._optimum or solve(family)
        if self._optimum is None and (instead := optimum.policy.name) != Bayes.name:
            raise ValueError(f"bayes plays optimal policies, and here is none, {optimum.note}: use {instead}.")
        self._player = optimum.policy if optimum.plan is None else PlanPlayer(optimum.plan)
        self._player.begin(family, num, rng)
        self.looks = self._player.looks

    def reveal(self, task: Array) -> None:
        """Pass it on to a policy that wants to be told."""
        if isinstance(self._player, PrivilegedLearner):
            self._player.reveal(task)

    def see(self, state: Array) -> None:
        """Pass it on to a policy that wants to be told."""
        if isinstance(self._player, PrivilegedLearner):
            self._player.see(state)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        return self._player.act(observation)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the belief."""
        self._player.learn(action, outcome, reward)


class Gittins(Planner):
    """Plays the arm with the highest Gittins index, computed for this prior and lifetime; of several the first.

    Arms are taken for independent, with the family's Beta prior where it has one, else p ~ U[0, 1]. The finite-horizon
    index looks ahead to the end of the lifetime; the discounted one is optimal for discounted rewards without an end.
    Source: `meta_envs.gittins`; baseline of the paper, section 3.1.

    Args:
        gamma: Discount of the index, above 0 and up to 0.995; None for the finite-horizon index.
    """

    name = "gittins"

    def __init__(self, *, gamma: float | None = None) -> None:
        require(gamma is None or 0.0 < gamma <= MAX_GAMMA, "gamma", gamma, f"give a discount up to {MAX_GAMMA}")
        self._gamma = gamma

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with no pulls."""
        self._plan = IndexPlan(family, self._gamma)
        self._start(num)


class BeliefLearner(Learner):
    """A learner that holds the exact posterior under the family's own prior."""

    looks = False

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        self._family, self._num, self._rng = _discrete(family, self.name), num, rng
        self._belief = np.repeat(self._family.initial_belief(), num, axis=0)
        self._state = np.repeat(first_state(self._family), num, axis=0)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Update the posterior."""
        self._belief = self._family.update_belief(self._belief, self._state, action, outcome)
        self._state = self._family.next_state(self._state, action, outcome)

    def _predict(self) -> Array:
        """Posterior means (num, A) of the actions' next rewards."""
        family = self._family
        # Many lifetimes share a belief, and a prediction costs more than finding out.
        first, place = merge(self._belief, self._state)
        belief, state = self._belief[first], self._state[first]
        actions = [np.full(len(first), action) for action in range(family.num_actions)]
        means = [family.expected_reward(family.predict(belief, state, action), state, action) for action in actions]
        return np.stack(means, axis=-1)[place]


class PosteriorSampler(BeliefLearner):
    """A learner for bandits that draws tasks from the posterior."""

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        _bandit(family, self.name)
        super().begin(family, num, rng)

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
        return _best(self._sample(), self._rng)


class ThompsonWalk(Thompson):
    """Thompson sampling on restless arms that takes all walks for ones of the same step size: the paper's baseline.

    Serves restless bandits. Source: section 3.1.4 of the paper, which does not print the step size.

    Args:
        sigma: The step size, at least 0.001.
    """

    name = "thompson_walk"

    def __init__(self, *, sigma: float = 0.1) -> None:
        require(0.001 <= sigma < np.inf, "sigma", sigma, "give a step size of at least 0.001")
        self._sigma = sigma

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior of that step size alone."""
        from meta_envs.families.restless import RestlessBandit

        if not isinstance(family, RestlessBandit):
            raise ValueError(f"thompson_walk serves restless bandits, and {type(family).__name__} is none.")
        alone = replace(family, volatility="low", sigma_low=self._sigma, sigma_high=2.0 * self._sigma)
        super().begin(alone, num, rng)


class OptimisticThompson(PosteriorSampler):
    """Thompson sampling that never thinks less of an action than its posterior mean.

    Serves bandits. Source: May, Korda, Lee & Leslie 2012, *Optimistic Bayesian sampling in contextual-bandit problems*.
    """

    name = "optimistic_thompson"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return _best(np.maximum(self._sample(), self._predict()), self._rng)


class EpsilonGreedy(BeliefLearner):
    """Plays for the next reward alone, by its posterior mean under the family's prior, and sometimes at random.

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
        action = _best(self._predict(), self._rng)
        if self._epsilon == 0.0:
            return action
        explores = self._rng.random(self._num) < self._epsilon
        return np.where(explores, self._rng.integers(self._family.num_actions, size=self._num), action)


class CountingLearner(Learner):
    """A learner for bandits that keeps the pulls and the summed rewards of every arm, and nothing else."""

    looks = False

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with no pulls."""
        bandit = _bandit(family, self.name)
        self._rng, self._step = rng, 0
        self._pulls = np.zeros((num, bandit.num_actions))
        self._rewards = np.zeros((num, bandit.num_actions))
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

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with Beta(1, 1) for every arm."""
        if family.reward_values != (0.0, 1.0):
            raise ValueError(
                f"thompson_independent serves bandits that pay 0 or 1, and {type(family).__name__} has rewards "
                f"{family.reward_values}: use thompson, which takes the family's own prior."
            )
        super().begin(family, num, rng)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return _best(self._rng.beta(1 + self._rewards, 1 + self._pulls - self._rewards), self._rng)


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
        return _best(np.where(self._pulls == 0, np.inf, self._rewards / pulls + bonus), self._rng)


class RescorlaWagner(Learner):
    """Values that follow the rewards: ``Q += alpha (reward - Q)`` of the pulled arm, and softmax of ``beta Q``.

    Values begin at 0.5, halfway between the rewards of Bernoulli arms; the arm that is not pulled keeps its value.
    Source: Rescorla & Wagner 1972; the paper's baseline for restless arms, section 3.1.4, with alpha = 0.5;
    beta = 10 is the best with it there, as `docs/calibration.md` finds.

    Args:
        alpha: Learning rate, in [0, 1].
        beta: Inverse temperature, at least 0.
    """

    name = "rescorla_wagner"
    looks = False

    def __init__(self, *, alpha: float = 0.5, beta: float = 10.0) -> None:
        require(0.0 <= alpha <= 1.0, "alpha", alpha, "give a learning rate from 0 to 1")
        require(0.0 <= beta < np.inf, "beta", beta, "give a number of at least 0")
        self._alpha, self._beta = alpha, beta

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with 0.5 for every arm."""
        bandit = _bandit(family, self.name)
        self._rng, self._everyone = rng, np.arange(num)
        self._values = np.full((num, bandit.num_actions), 0.5)

    def act(self, observation: Array) -> Array:
        """Actions (num,): the highest after Gumbel noise, which is a draw from the softmax."""
        return np.argmax(self._beta * self._values + self._rng.gumbel(size=self._values.shape), axis=-1)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Move the pulled arm's value."""
        place = self._everyone, action
        self._values[place] += self._alpha * (reward - self._values[place])


def _best(values: Array, rng: np.random.Generator) -> Array:
    """The highest of the actions' values (B, A), ties broken at random."""
    near = values >= np.max(values, axis=-1, keepdims=True) - 1e-12
    return np.argmax(near * rng.random(values.shape), axis=-1)


def _discrete(family: TaskFamily, name: str) -> DiscreteFamily:
    if not isinstance(family, DiscreteFamily):
        raise ValueError(f"{name} serves families with discrete actions, and {type(family).__name__} is none.")
    return family


def _tables(family: TaskFamily, name: str) -> Tables:
    tables = tabulate(family)
    if tables is None:
        raise ValueError(f"{name} serves families that list their states, and {type(family).__name__} does not.")
    return tables


def _bandit(family: TaskFamily, name: str) -> DiscreteFamily:
    """Refuse all but bandits, restless ones too: what is done changes neither what comes next nor what is seen."""
    tables = _tables(family, name)
    count = len(tables.states)
    following = tables.next_row.reshape(count, -1)
    same_sight = isinstance(tables.observation, np.ndarray) and np.all(tables.observation == tables.observation[:1])
    if not same_sight or np.any(following != following[:, :1]):
        raise ValueError(
            f"{name} serves bandits, and {type(family).__name__} is none: it has {count} states, which actions reach "
            "or observations tell apart."
        )
    return _discrete(family, name)


LEARNERS: dict[str, Callable[..., Learner]] = {
    "random": Random,
    "oracle": Oracle,
    "bayes": Bayes,
    "thompson": Thompson,
    "thompson_independent": ThompsonIndependent,
    "thompson_walk": ThompsonWalk,
    "optimistic_thompson": OptimisticThompson,
    "gittins": Gittins,
    "ucb": UCB,
    "ucb1": partial(UCB, chi=2.0),
    "rescorla_wagner": RescorlaWagner,
    "model_free": partial(Hybrid, weight=0.0),
    "model_based": partial(Hybrid, weight=1.0),
    "hybrid": Hybrid,
    "greedy": partial(EpsilonGreedy, epsilon=0.0),
    "epsilon_greedy": EpsilonGreedy,
    "psrl": PSRL,
    "optimistic_psrl": OptimisticPSRL,
    "ucrl2": UCRL2,
    "beb": BEB,
    "mdp_greedy": partial(MDPEpsilonGreedy, epsilon=0.0),
    "mdp_epsilon_greedy": MDPEpsilonGreedy,
    "searcher": Searcher,
    "memoryless": Memoryless,
}
"""All learners that need no training, by name."""
