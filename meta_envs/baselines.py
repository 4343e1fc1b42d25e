"""The learners that need no training, by name: random play, the optimum, one that knows the task, and all rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.bandit_learners import (
    UCB,
    EpsilonGreedy,
    Gittins,
    OptimisticThompson,
    RescorlaWagner,
    Thompson,
    ThompsonIndependent,
    ThompsonWalk,
)
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner, PrivilegedLearner
from meta_envs.mdp_learners import BEB, PSRL, UCRL2, MDPEpsilonGreedy, OptimisticPSRL
from meta_envs.oracle import best_actions
from meta_envs.searchers import Memoryless, Searcher
from meta_envs.solver import Optimum, solve
from meta_envs.tables import find_rows, tabulate
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
            raise ValueError(
                f"bayes plays optimal policies, and of this {type(family).__name__} none is known, only a bound: use "
                f"{instead}. ({optimum.note})"
            )
        self._player = optimum.policy
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
