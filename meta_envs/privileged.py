"""What a learner is never shown: the best action and the mean rewards in its task, and the ideal learner's belief."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.oracle import best_actions
from meta_envs.tables import find_rows, tabulate

CHUNK = 1 << 22
"""Entries of the tasks' laws that are looked at together."""


class Advice:
    """What one who knows the tasks would say in ``num`` lifetimes side by side, computed when it is asked for.

    Args:
        family: The task family.
        num: Lifetimes.
    """

    def __init__(self, family: TaskFamily, num: int) -> None:
        self._family = family
        self._num = num
        self._task: Array | None = None
        self._plan = np.empty((0, num, 0), np.uint8)

    def best_action(self, task: Array, state: Array, steps: Array, alive: Array) -> Array | None:
        """The best actions (num,), lowest of equals, 0 where a lifetime is over; None where nobody knows.

        Args:
            task: Hidden tasks (num, T).
            state: States (num, S).
            steps: Steps lived so far (num,).
            alive: Which lifetimes go on (num,) bool.
        """
        index = np.flatnonzero(alive)
        best = np.zeros(self._num, np.intp)
        if len(index) == 0:
            return best
        said = self._family.best_action(task[index], state[index])
        if said is None:
            tables = tabulate(self._family)
            if tables is None:
                return None
            # The plans of all lifetimes: a lifetime that ended without being asked for costs nothing.
            self._follow_plans(task, index)
            said = self._plan[steps[index], index, find_rows(tables.states, state[index])]
        best[index] = said
        return best

    def _follow_plans(self, task: Array, index: Array) -> None:
        tables = tabulate(self._family)
        assert tables is not None
        if self._task is None:
            self._task = np.full_like(task, np.nan)
            kind = np.min_scalar_type(tables.num_actions)
            self._plan = np.zeros((self._family.horizon, self._num, len(tables.states)), kind)
        new = index[np.any(self._task[index] != task[index], axis=-1)]
        size = max(1, CHUNK // len(tables.next_row))
        for some in (new[start : start + size] for start in range(0, len(new), size)):
            self._plan[:, some] = best_actions(self._family, task[some])
        self._task[new] = task[new]

    def expected_rewards(self, task: Array, state: Array, alive: Array) -> Array | None:
        """Mean rewards of the next step (num, A) float64, 0 where a lifetime is over; None where nobody knows."""
        index = np.flatnonzero(alive)
        if len(index) == 0:
            return np.zeros((self._num, int(getattr(self._family.action_space, "n", 0))))
        said = self._family.expected_rewards(task[index], state[index])
        if said is None:
            return None
        expected = np.zeros((self._num, *said.shape[1:]))
        expected[index] = said
        return expected


class Belief:
    """The belief of the ideal learner in ``num`` lifetimes side by side, followed from step to step.

    Attributes:
        now: The beliefs (num, D); of a lifetime that is over its last one.
        ended: The last beliefs of the lifetimes before (num, D), where ``ended_known`` (num,) bool.
        known: Which lifetimes have been followed from their beginning (num,) bool.
    """

    def __init__(self, family: TaskFamily, num: int, prior: Array) -> None:
        self._family = family
        self._prior = prior
        self.now = np.repeat(prior, num, axis=0)
        self.ended = self.now.copy()
        self.known, self.ended_known = np.zeros(num, dtype=bool), np.zeros(num, dtype=bool)
        self._state = np.empty((num, 0))

    def begin(self, index: Array, state: Array) -> None:
        """Lifetimes ``index`` (b,) have begun; the states of all are (num, S)."""
        self.ended[index], self.ended_known[index] = self.now[index], self.known[index]
        self.now[index] = self._prior
        self.known[index] = True
        self._state = state.copy()

    def follow(self, action: Array, outcome: Array, state: Array) -> None:
        """A step was lived: actions (num,), outcomes (num, ...), and the states after it (num, S)."""
        index = np.flatnonzero(self.known)
        if len(index) > 0 and isinstance(self._family, DiscreteFamily):
            event = self._state[index], np.asarray(action)[index], outcome[index]
            self.now[index] = self._family.update_belief(self.now[index], *event)
        elif len(index) > 0:
            self.now[index] = self._family.read_belief(state[index])
        self._state = state.copy()


def follow_belief(family: TaskFamily, num: int) -> Belief | None:
    """The ideal learner's belief, or None where nobody knows it."""
    prior = first_belief(family)
    return None if prior is None else Belief(family, num, prior)


def first_belief(family: TaskFamily) -> Array | None:
    """The ideal learner's belief when a lifetime begins (1, D), or None where nobody knows it."""
    if isinstance(family, DiscreteFamily):
        return family.initial_belief()
    chance = np.full((1, family.num_task_chance), 0.5)
    return family.read_belief(family.initial_state(family.sample_task(chance), chance))
