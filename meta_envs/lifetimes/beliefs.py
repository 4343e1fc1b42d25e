"""Beliefs of the ideal learner in lifetimes, and merging of equal ones."""

from __future__ import annotations

import numpy as np

from meta_envs.errors import Unsolvable
from meta_envs.family import Array, DiscreteFamily, TaskFamily


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
        """Update after a step: actions (num,), outcomes (num, ...), and the states after it (num, S)."""
        index = np.flatnonzero(self.known)
        if len(index) > 0 and isinstance(self._family, DiscreteFamily):
            event = self._state[index], np.asarray(action)[index], outcome[index]
            self.now[index] = self._family.update_belief(self.now[index], *event)
        elif len(index) > 0:
            self.now[index] = self._family.read_belief(state[index])
        self._state = state.copy()


def follow_belief(family: TaskFamily, num: int) -> Belief | None:
    """The ideal learner's belief, or None where it is not known."""
    prior = first_belief(family)
    return None if prior is None else Belief(family, num, prior)


def first_belief(family: TaskFamily) -> Array | None:
    """The ideal learner's belief when a lifetime begins (1, D), or None where it is not known."""
    if isinstance(family, DiscreteFamily):
        return family.initial_belief()
    chance = np.full((1, family.num_task_chance), 0.5)
    return family.read_belief(family.initial_state(family.sample_task(chance), chance))


def merge(belief: Array, state: Array) -> tuple[Array, Array]:
    """Find equal pairs of belief (B, D) and state (B, S), real numbers to 12 decimals.

    Returns:
        Indices (M,) of the first of each kind, and for each pair the place (B,) of its kind among them.
    """
    key, span = np.zeros(len(belief), np.int64), 1
    for column in (*belief.T, *state.T):
        code = np.unique(np.round(column, 12), return_inverse=True)[1] if column.dtype.kind == "f" else column
        code = code.astype(np.int64) - (code.min() if len(code) else 0)
        width = int(code.max(initial=0)) + 1
        if span * width >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1]
            span = int(key.max()) + 1
        if span * width >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1]
            width = int(code.max()) + 1
        key, span = key * width + code, span * width
    return np.unique(key, return_index=True, return_inverse=True)[1:]


def first_state(family: TaskFamily) -> Array:
    """The state (1, S) in which every lifetime begins.

    Raises:
        Unsolvable: If lifetimes begin in different states.
    """
    size = family.num_task_chance
    chance = np.concatenate(
        [np.zeros((1, size)), np.random.default_rng(0).random((254, size)), np.ones((1, size)) - 2**-53]
    )
    task = None if isinstance(family, DiscreteFamily) else family.sample_task(chance)
    states = family.initial_state(task, chance)
    if np.any(states != states[:1]):
        raise Unsolvable(
            f"{type(family).__name__} begins in a random state, and beliefs are followed from one known state: let its "
            f"first step draw the state as an outcome."
        )
    return states[:1]
