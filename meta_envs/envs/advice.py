"""Privileged information from the hidden task: the oracle's actions, and the mean rewards of all actions."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.lifetimes.oracle import best_actions
from meta_envs.lifetimes.tables import find_rows, tabulate
from meta_envs.limits import require_bytes, tell_sizes

CHUNK = 1 << 22
"""Entries of the tasks' laws that are tabulated together."""


class Advice:
    """The oracle's advice in ``num`` lifetimes side by side, computed when it is asked for.

    Args:
        family: The task family.
        num: Lifetimes.
    """

    def __init__(self, family: TaskFamily, num: int) -> None:
        self._family = family
        self._num = num
        self._task: Array | None = None
        self._best = np.empty((0, num, 0), np.uint8)

    def best_action(self, task: Array, state: Array, steps: Array, alive: Array) -> Array | None:
        """The oracle's actions (num,), lowest of equals, 0 where a lifetime is over; None where they are not known.

        Args:
            task: Hidden tasks (num, T).
            state: States (num, S).
            steps: Steps taken so far (num,).
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
            # Best actions of all lifetimes: one that ended without being asked for costs nothing.
            self._solve_new(task, index)
            said = self._best[steps[index], index, find_rows(tables.states, state[index])]
        best[index] = said
        return best

    def _solve_new(self, task: Array, index: Array) -> None:
        tables = tabulate(self._family)
        assert tables is not None
        if self._task is None:
            self._task = np.full_like(task, np.nan)
            kind = np.min_scalar_type(tables.num_actions)
            need = 2 * kind.itemsize * self._family.horizon * self._num * len(tables.states)
            require_bytes(need, f"Advice for all steps of {tell_sizes(self._family, self._num)}")
            self._best = np.zeros((self._family.horizon, self._num, len(tables.states)), kind)
        new = index[np.any(self._task[index] != task[index], axis=-1)]
        size = max(1, CHUNK // len(tables.next_row))
        for some in (new[start : start + size] for start in range(0, len(new), size)):
            self._best[:, some] = best_actions(self._family, task[some])
        self._task[new] = task[new]

    def expected_rewards(self, task: Array, state: Array, alive: Array) -> Array | None:
        """Mean rewards of the next step (num, A) float64, 0 where a lifetime is over; None where unknown."""
        index = np.flatnonzero(alive)
        if len(index) == 0:
            return np.zeros((self._num, int(getattr(self._family.action_space, "n", 0))))
        said = self._family.expected_rewards(task[index], state[index])
        if said is None:
            return None
        expected = np.zeros((self._num, *said.shape[1:]))
        expected[index] = said
        return expected
