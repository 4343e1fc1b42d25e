"""Watching a network while it plays: what it gave at every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner


class Watched(Learner):
    """A learner that plays as another one does, and keeps what the other one's network gave.

    Of a learner without a network all is NaN.

    Args:
        learner: Who plays.

    Attributes:
        probs: Of every step, probabilities of the actions (num, A).
        values: Of every step, values (num,).
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.name, self.needs = learner.name, learner.needs

    def check(self, family: TaskFamily) -> None:
        """As the other one."""
        self._learner.check(family)

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Forget what was kept of the last lifetimes."""
        self._learner.begin(family, num, rng)
        self._num, self._actions = num, getattr(family.action_space, "n", 1)
        self.probs: list[Array] = []
        self.values: list[Array] = []

    def inform(self, known: dict[str, Array]) -> None:
        """Pass on."""
        self._learner.inform(known)

    def act(self, observation: Any) -> Array:
        """The other one's actions (num,)."""
        action = self._learner.act(observation)
        self.probs.append(getattr(self._learner, "probs", np.full((self._num, self._actions), np.nan)))
        self.values.append(getattr(self._learner, "values", np.full(self._num, np.nan)))
        return action

    def learn(self, action: Array, outcome: Any, reward: Array) -> None:
        """Pass on."""
        self._learner.learn(action, outcome, reward)
