"""Policies over nodes, which stand for beliefs: a lifetime goes from node to node as actions and outcomes say."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.learner import Learner, need_discrete


class TabularPolicy(ABC):
    """A policy over nodes, mostly as tables. It is read-only: the learner that plays it keeps the node.

    Args:
        family: The family for whose prior the policy is.
    """

    name = "bayes"
    """What a learner that plays it is called."""

    def __init__(self, family: DiscreteFamily) -> None:
        self.family = family

    def check(self, family: DiscreteFamily) -> None:
        """Refuse families that the policy does not fit.

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

    def values(self, step: int, node: Array) -> Array | None:
        """Expected returns of the rest of the lifetime (num, A), by each action and optimal play after it.

        None where the policy is not known to be optimal, or only its actions are known.
        """
        return None


class PolicyLearner(Learner):
    """A learner that plays a policy, which `begin` chooses."""

    needs = ()
    _policy: TabularPolicy

    def _start(self, num: int) -> None:
        self._step, self._node = 0, self._policy.start(num)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._policy.action(self._step, self._node)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Follow the belief."""
        self._node = self._policy.follow(self._step, self._node, action, outcome)
        self._step += 1


class PolicyPlayer(PolicyLearner):
    """Plays a given policy."""

    def __init__(self, policy: TabularPolicy) -> None:
        self._policy, self.name = policy, policy.name

    def check(self, family: TaskFamily) -> None:
        """Refuse families that the policy does not fit."""
        self._policy.check(need_discrete(family, self.name))

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        self._start(num)
