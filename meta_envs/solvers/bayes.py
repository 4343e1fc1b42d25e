"""The Bayes-optimal learner, which plays the policy that `meta_envs.solve` computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.errors import CannotServe, Unsolvable
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner
from meta_envs.solvers.dispatch import solve
from meta_envs.solvers.optimum import Optimum


class Bayes(Learner):
    """The optimal policy that `meta_envs.solve` computes: no learner has a higher expected return under that prior.

    Where observations are images it needs the state, which an agent has to find out.

    Args:
        optimum: Of another family with the same actions and outcomes and at least as long lifetimes, to see how the
            optimum for one prior does under another; None solves the family itself. Once the other prior gives what has
            happened probability 0, action 0 is played to the end.
    """

    name = "bayes"
    needs: tuple[str, ...] = ()

    def __init__(self, optimum: Optimum | None = None) -> None:
        self._optimum = optimum

    def check(self, family: TaskFamily) -> None:
        """Refuse families of which no optimal policy is known, as `solve` says."""
        self._find_policy(family).check(family)

    def _find_policy(self, family: TaskFamily) -> Learner:
        if self._optimum is not None:
            return self._optimum.policy
        try:
            optimum = solve(family)
        except Unsolvable as error:
            raise CannotServe(str(error)) from error
        if (instead := optimum.policy.name) != Bayes.name:
            raise CannotServe(
                f"bayes plays optimal policies, and of this {type(family).__name__} none is known, only a bound: use "
                f"{instead}. ({optimum.note})"
            )
        return optimum.policy

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self._player = self._find_policy(family)
        self._player.begin(family, num, rng)
        self.needs = self._player.needs

    def inform(self, known: dict[str, Array]) -> None:
        """Pass it on."""
        self._player.inform(known)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        return self._player.act(observation)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the belief."""
        self._player.learn(action, outcome, reward)
