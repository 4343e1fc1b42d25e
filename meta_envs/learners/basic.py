"""Random play, and the oracle, which knows the task."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.errors import CannotServe
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner
from meta_envs.lifetimes.oracle import best_actions
from meta_envs.lifetimes.tables import find_rows, tabulate


class Random(Learner):
    """Uniformly random play."""

    name = "random"
    needs = ()

    def check(self, family: TaskFamily) -> None:
        """Serves every family with finitely many actions."""
        if not isinstance(family.action_space, spaces.Discrete):
            raise CannotServe(f"random serves finitely many actions, and {type(family).__name__} has others.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        self._num, self._rng = num, rng
        self._num_actions = int(family.action_space.n)  # type: ignore[attr-defined]

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return self._rng.integers(self._num_actions, size=self._num)


class Oracle(Learner):
    """The oracle: knows the task and plays it optimally, without regret. Serves families that tell what is best."""

    name = "oracle"
    needs = ("state", "task")

    def check(self, family: TaskFamily) -> None:
        """Serves families that list their states or tell the best action."""
        if tabulate(family) is not None:
            return
        chance = np.full((1, family.num_task_chance), 0.5)
        task = family.sample_task(chance)
        if family.best_action(task, family.initial_state(task, chance)) is None:
            raise CannotServe(
                f"oracle serves families that list their states or tell the best action, and {type(family).__name__} "
                f"does neither."
            )

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        self._family, self._tables, self._step = family, tabulate(family), 0
        self._task: Array | None = None

    def inform(self, known: dict[str, Array]) -> None:
        """Be told the hidden tasks (num, T) and the states (num, S)."""
        self._state = known["state"]
        if self._task is None:
            self._task = known["task"]
            if self._tables is not None:
                kinds, which = np.unique(self._task, axis=0, return_inverse=True)
                self._actions, self._which = best_actions(self._family, kinds), which.ravel()

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        if self._tables is not None:
            row = find_rows(self._tables.states, self._state)
            return self._actions[self._step, self._which, row].astype(np.intp)
        assert self._task is not None
        best = self._family.best_action(self._task, self._state)
        assert best is not None
        return best

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Count the steps."""
        self._step += 1
