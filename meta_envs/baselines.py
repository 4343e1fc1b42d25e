"""The learners that need no training: random play, bandit rules, the exact optimum, and one that knows the task."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from meta_envs.family import Array, DiscreteFamily, TaskFamily, require
from meta_envs.learners import Learner, PrivilegedLearner
from meta_envs.oracle import best_actions
from meta_envs.solver import Optimum, first_state, merge, solve
from meta_envs.tables import Tables, find_rows, tabulate


class Random(Learner):
    """Plays every action with the same probability."""

    name = "random"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; serves every family with discrete actions."""
        self._num, self._rng = num, rng
        self._num_actions = _discrete(family, self.name).num_actions

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._rng.integers(self._num_actions, size=self._num)


class Oracle(PrivilegedLearner):
    """Knows the task and plays it perfectly: what is left of regret is nil. Serves families with few states."""

    name = "oracle"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; the tasks come by `reveal`."""
        self._family, self._step = _discrete(family, self.name), 0
        self._tables = _tables(family, self.name)
        self._row = np.repeat(find_rows(self._tables.states, first_state(self._family)), num)
        self._everyone = np.arange(num)

    def reveal(self, task: Array) -> None:
        """Be told the hidden tasks (num, T)."""
        self._actions = best_actions(self._family, task)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._actions[self._step, self._everyone, self._row].astype(np.intp)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the state."""
        tables = self._tables
        self._row = tables.next_row.take((self._row * tables.num_actions + action) * tables.num_outcomes + outcome)
        self._step += 1


class Bayes(Learner):
    """Plays the policy that `meta_envs.solve` computes: no learner has a higher expected return under that prior.

    Args:
        optimum: Of another family with the same actions and outcomes and at least as long lifetimes, to see how the
            optimum for one prior does under another; None solves the family itself. Once the other prior gives what has
            happened probability 0, action 0 is played to the end.
    """

    name = "bayes"

    def __init__(self, optimum: Optimum | None = None) -> None:
        self._optimum = optimum

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; refuses where there is no exact optimum, as `solve` says."""
        self._plan = (self._optimum or solve(family)).plan
        self._plan.check(_discrete(family, self.name))
        self._step, self._node = 0, self._plan.start(num)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._plan.action(self._step, self._node)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the belief."""
        self._node = self._plan.follow(self._step, self._node, action, outcome)
        self._step += 1


class BeliefLearner(Learner):
    """A learner that holds the exact posterior under the family's own prior."""

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        self._family, self._num, self._rng = _discrete(family, self.name), num, rng
        self._belief = np.repeat(self._family.initial_belief(), num, axis=0)
        self._state = np.repeat(first_state(self._family), num, axis=0)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Update the posterior."""
        self._belief = self._family.update_belief(self._belief, self._state, action, outcome)
        self._state = self._family.next_state(self._state, action, outcome)


class Thompson(BeliefLearner):
    """Thompson sampling with the family's own prior: plays the best action of a task drawn from the posterior.

    Serves bandits. Source: Thompson 1933; baseline of the paper, section 3.1.
    """

    name = "thompson"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        _bandit(family, self.name)
        super().begin(family, num, rng)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        family, state = self._family, self._state
        task = family.sample_posterior(self._belief, self._rng)
        actions = [np.full(self._num, action) for action in range(family.num_actions)]
        means = [family.expected_reward(family.outcome_probs(task, state, action), state, action) for action in actions]
        return _best(np.stack(means, axis=-1), self._rng)


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
        family = self._family
        # Many lifetimes share a belief, and a prediction costs more than finding out.
        first, place = merge(self._belief, self._state)
        belief, state = self._belief[first], self._state[first]
        actions = [np.full(len(first), action) for action in range(family.num_actions)]
        means = [family.expected_reward(family.predict(belief, state, action), state, action) for action in actions]
        action = _best(np.stack(means, axis=-1)[place], self._rng)
        if self._epsilon == 0.0:
            return action
        explores = self._rng.random(self._num) < self._epsilon
        return np.where(explores, self._rng.integers(family.num_actions, size=self._num), action)


class CountingLearner(Learner):
    """A learner for bandits that keeps the pulls and the summed rewards of every arm, and nothing else."""

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
    count = len(_tables(family, name).states)
    if count != 1:
        raise ValueError(f"{name} serves bandits, and {type(family).__name__} is none: it has {count} states, not one.")
    return _discrete(family, name)


LEARNERS: dict[str, Callable[..., Learner]] = {
    "random": Random,
    "oracle": Oracle,
    "bayes": Bayes,
    "thompson": Thompson,
    "thompson_independent": ThompsonIndependent,
    "ucb": UCB,
    "ucb1": partial(UCB, chi=2.0),
    "greedy": partial(EpsilonGreedy, epsilon=0.0),
    "epsilon_greedy": EpsilonGreedy,
}
"""All learners that need no training, by name."""
