"""The protocol of learners: anything that acts in the tasks of a family, many lifetimes at once.

Rules, the optimum and trained agents are learners alike. ``num`` lifetimes are lived side by side, and all arrays have
them as their first axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.family import Array, DiscreteFamily, TaskFamily


class Learner(ABC):
    """Something that lives in ``num`` lifetimes at once: a trained agent, or a rule of `meta_envs.roster`.

    The caller lives the lifetimes, the learner only answers: ``begin`` once, then for every step ``act`` and ``learn``.
    All that a learner may know comes in by these three: the family (its prior is public, the task is not), the
    observation, what it did, and what came of it. Previous action, previous reward and time are the learner's own to
    remember. Lifetimes that end before the horizon are asked on like all others; the answers for them are not used.

    Attributes:
        name: What scorecards, tables and figures call it.
        looks: Whether it looks at observations: one that says False is given None, and none are drawn for it.
    """

    name: str = "learner"
    looks: bool = True

    def check(self, family: TaskFamily) -> None:  # noqa: B027
        """Refuse families in which it cannot live; by default none. Nothing is begun.

        Raises:
            meta_envs.CannotServe: If it cannot serve the family, saying why.
        """

    @abstractmethod
    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Forget everything and begin ``num`` new lifetimes.

        Args:
            family: The prior over tasks and their mechanics.
            num: Lifetimes to live side by side.
            rng: The learner's own random stream, apart from the lifetimes' luck.

        Raises:
            meta_envs.CannotServe: As of `check`.
        """

    @abstractmethod
    def act(self, observation: Any) -> Array:
        """Actions (num,) for the current observations (num, ...), as the family's spaces have them."""

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:  # noqa: B027
        """Take in a step: the actions (num,), their outcomes (num,) and rewards (num,) float64.

        The outcome is what the family's mechanics made of the step: of a bandit whether it paid, elsewhere also where
        it led. A learner that has only eyes, such as a trained agent, leaves it aside.
        """


class PrivilegedLearner(Learner):
    """A learner that is told the hidden tasks: a yardstick, no learner proper."""

    @abstractmethod
    def reveal(self, task: Array) -> None:
        """Be told the hidden tasks (num, T), after ``begin`` and before the first ``act``."""

    def see(self, state: Array) -> None:
        """Be told the states (num, S), before every ``act``: what an eye would have to find out of mazes and images."""


def pick_best(values: Array, rng: np.random.Generator) -> Array:
    """The highest of the actions' values (B, A), ties broken at random."""
    near = values >= np.max(values, axis=-1, keepdims=True) - 1e-12
    return np.argmax(near * rng.random(values.shape), axis=-1)


def need_discrete(family: TaskFamily, name: str) -> DiscreteFamily:
    """The family, for a learner of that name.

    Raises:
        CannotServe: If its actions and outcomes are not finitely many.
    """
    if not isinstance(family, DiscreteFamily):
        raise CannotServe(f"{name} serves families with discrete actions, and {type(family).__name__} is none.")
    return family
