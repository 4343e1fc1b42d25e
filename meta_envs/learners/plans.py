"""Policies as tables: a lifetime walks from node to node, with no belief computed on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.learner import Learner, need_discrete


class Plan(ABC):
    """A policy as tables. Read-only: where a lifetime stands is its player's to remember.

    Args:
        family: The family for whose prior the policy is.
    """

    name = "bayes"
    """What a learner that plays it is called."""

    def __init__(self, family: DiscreteFamily) -> None:
        self.family = family

    def check(self, family: DiscreteFamily) -> None:
        """Refuse families in which the plan makes no sense.

        Raises:
            CannotServe: If actions or outcomes are others, or lifetimes longer.
        """
        own = self.family
        if (family.num_actions, family.num_outcomes) != (own.num_actions, own.num_outcomes):
            raise CannotServe(
                f"This optimum is for {own.num_actions} actions and {own.num_outcomes} outcomes, and the family has "
                f"{family.num_actions} and {family.num_outcomes}: solve a family like it."
            )
        if family.horizon > own.horizon:
            raise CannotServe(
                f"This optimum is for {own.horizon} steps, and a lifetime has {family.horizon}: solve a longer family."
            )

    @abstractmethod
    def start(self, num: int) -> Array:
        """First nodes (num, ...)."""

    @abstractmethod
    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""

    @abstractmethod
    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Nodes (num, ...) after a step, whatever the action was."""


class Planner(Learner):
    """A learner that plays a plan, which `begin` chooses."""

    needs = ()
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
        self._plan, self.name = plan, plan.name

    def check(self, family: TaskFamily) -> None:
        """Refuse families in which the plan makes no sense."""
        self._plan.check(need_discrete(family, self.name))

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        self._start(num)
