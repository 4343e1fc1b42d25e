"""Lifetimes: many of them side by side, with all their chance given at the beginning.

A family whose states are few is played by look-ups: the law of a new lifetime's task is tabulated once, its chance is
not, and a step is a comparison of ``chance[t]`` with a threshold. All other families call their functions at each step.
Both give the same numbers to the last bit, and so do one copy (`meta_envs.lifetimes.one`) and many.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from meta_envs.family import Array, DiscreteFamily, Observation, TaskFamily
from meta_envs.lifetimes.tables import Tables, find_rows, law_thresholds, tabulate
from meta_envs.limits import require_bytes, require_room, tell_sizes

EVERYONE = slice(None)
LAWS = 3
"""Laws that a copy takes: that of its lifetime, and while they are made."""


class Step(NamedTuple):
    """Outcomes, rewards and ends of one step of ``B`` lifetimes."""

    outcome: Array
    """(B,) or (B, O)"""
    reward: Array
    """(B,) float64"""
    terminated: Array
    """(B,) bool"""


class Lifetimes(ABC):
    """``num`` lifetimes of one family side by side. Use `make_lifetimes` to make the form that fits the family.

    Attributes:
        task: The hidden tasks (num, T).
        steps: Steps taken so far (num,).
    """

    def __init__(self, family: TaskFamily, num: int) -> None:
        self.family = family
        self.num = num
        self.task = np.zeros((num, len(family.task_names)))
        self._horizon = family.horizon
        self._steps = np.zeros(num, np.intp)
        # Steps taken by all alike, where nobody is ahead: then nothing has to be counted for each.
        self._clock: int | None = 0
        self._everyone = np.arange(num)
        self._step_chance = np.empty((family.horizon, num, family.num_step_chance))

    @property
    def steps(self) -> Array:
        """Steps taken so far (num,), not to be changed."""
        return self._steps if self._clock is None else np.full(self.num, self._clock)

    def begin(self, index: Array, chance: Array, task: Array | None = None) -> None:
        """Begin the lifetimes ``index`` (b,) with uniforms (b, num_chance), in the given tasks (b, T) if any."""
        task_chance = chance[:, : self.family.num_task_chance]
        if task is None:
            task = self.family.sample_task(task_chance)
        self.task[index] = task
        self._steps = self.steps
        self._steps[index] = 0
        self._clock = None if self._steps.any() else 0
        shape = (len(index), self.family.horizon, self.family.num_step_chance)
        self._step_chance[:, index] = chance[:, self.family.num_task_chance :].reshape(shape).swapaxes(0, 1)
        self._enter(index, task, task_chance)

    def step(self, action: Array) -> Step:
        """Take one step: actions (num,) or (num, ...). Lifetimes that are over must have begun anew before."""
        outcome, reward = self._transition(action)
        if self._clock is None:
            self._steps += 1
            over = self._steps >= self._horizon
        else:
            self._clock += 1
            over = (np.ones if self._clock == self._horizon else np.zeros)(self.num, bool)
        ended = self._ended()
        return Step(outcome, reward, over if ended is None else over | ended)

    def _chance(self) -> Array:
        """The uniforms (num, num_step_chance) of the step that comes."""
        last = self._horizon - 1
        if self._clock is not None:
            return self._step_chance[min(self._clock, last)]
        return self._step_chance[np.minimum(self._steps, last), self._everyone]

    @abstractmethod
    def state(self) -> Array:
        """The states (num, S)."""

    @abstractmethod
    def observe(self, index: Array | slice = EVERYONE) -> Observation:
        """Observations (b, ...) of the lifetimes ``index`` (b,), new arrays."""

    @abstractmethod
    def _enter(self, index: Array, task: Array, task_chance: Array) -> None:
        """Take new lifetimes in."""

    @abstractmethod
    def _transition(self, action: Array) -> tuple[Array, Array]:
        """Outcomes and rewards, with the states moved on."""

    @abstractmethod
    def _ended(self) -> Array | None:
        """Which lifetimes have ended before the horizon (num,), or None if none can."""


class PlainLifetimes(Lifetimes):
    """Lifetimes of any family: its functions are called at every step."""

    def __init__(self, family: TaskFamily, num: int) -> None:
        super().__init__(family, num)
        self._state: Array | None = None
        self._visible = None if isinstance(family, DiscreteFamily) else self.task

    def state(self) -> Array:
        """The states (num, S)."""
        assert self._state is not None
        return self._state

    def observe(self, index: Array | slice = EVERYONE) -> Observation:
        """Observations (b, ...) of the lifetimes ``index`` (b,), new arrays."""
        return self.family.observe(None if self._visible is None else self._visible[index], self.state()[index])

    def _enter(self, index: Array, task: Array, task_chance: Array) -> None:
        newborn = self.family.initial_state(None if self._visible is None else task, task_chance)
        if self._state is None:
            self._state = np.zeros((self.num, *newborn.shape[1:]), newborn.dtype)
        self._state[index] = newborn

    def _transition(self, action: Array) -> tuple[Array, Array]:
        state = self.state()
        outcome = self.family.outcome(self.task, state, action, self._chance())
        reward = self.family.reward(state, action, outcome)
        self._state = self.family.next_state(state, action, outcome)
        return outcome, reward

    def _ended(self) -> Array | None:
        return self.family.terminated(self._visible, self.state())


class TabulatedLifetimes(Lifetimes):
    """Lifetimes of a discrete family with few states: a step is a comparison and look-ups."""

    def __init__(self, family: DiscreteFamily, num: int, tables: Tables) -> None:
        super().__init__(family, num)
        self._family = family
        self._tables = tables
        # One law (num, N * A) a threshold; where there is one outcome alone, it stands below a threshold too.
        self._law, *self._laws = np.full((max(tables.num_outcomes - 1, 1), num, len(tables.pair_action)), np.inf)
        self._offset = self._everyone * len(tables.pair_action)
        self._row = np.zeros(num, np.intp)
        self._moves = len(tables.states) > 1
        # One for each, because NumPy takes twice as long to multiply few numbers by one.
        self._num_actions, self._num_outcomes = np.full(num, tables.num_actions), np.full(num, tables.num_outcomes)

    def state(self) -> Array:
        """The states (num, S)."""
        return self._tables.states[self._row]

    def observe(self, index: Array | slice = EVERYONE) -> Observation:
        """Observations (b, ...) of the lifetimes ``index`` (b,), new arrays."""
        return take(self._tables.observation, self._row[index])

    def _enter(self, index: Array, task: Array, task_chance: Array) -> None:
        thresholds = law_thresholds(self._family, self._tables, task)
        for number, law in zip(range(self._tables.num_outcomes - 1), (self._law, *self._laws), strict=False):
            law[index] = thresholds[:, number :: self._tables.num_outcomes - 1]
        if self._moves:
            self._row[index] = find_rows(self._tables.states, self.family.initial_state(None, task_chance))

    def _transition(self, action: Array) -> tuple[Array, Array]:
        chance = self._chance()[:, 0]
        pair = self._row * self._num_actions + action if self._moves else action
        place = self._offset + pair
        outcome = (chance >= self._law.take(place)).astype(np.intp)
        for law in self._laws:
            outcome += chance >= law.take(place)
        place = pair * self._num_outcomes + outcome
        if self._moves:
            self._row = self._tables.next_row.take(place)
        return outcome, self._tables.reward.take(place)

    def _ended(self) -> Array | None:
        terminal = self._tables.terminal
        return None if terminal is None else terminal.take(self._row)


def pick(observation: Observation, copy: int) -> Observation:
    """One copy's observation, as a view."""
    if isinstance(observation, dict):
        return {key: part[copy] for key, part in observation.items()}
    return observation[copy]


def take(observation: Observation, index: Array | int) -> Observation:
    """The observations of some copies, or of one, in new arrays."""
    if isinstance(observation, dict):
        return {key: part.take(index, 0) for key, part in observation.items()}
    return observation.take(index, 0)


def put(observation: Observation, index: Array, part: Observation) -> None:
    """Write the observations of some copies (b, ...) into those of all."""
    if isinstance(observation, dict):
        assert isinstance(part, dict)
        for key, whole in observation.items():
            whole[index] = part[key]
    else:
        observation[index] = part


def make_lifetimes(family: TaskFamily, num: int) -> Lifetimes:
    """``num`` lifetimes of a family, in the fastest form that it has."""
    require_room(family, num)
    tables = tabulate(family)
    if tables is None:
        return PlainLifetimes(family, num)
    assert isinstance(family, DiscreteFamily)
    law = 8 * len(tables.states) * tables.num_actions * (tables.num_outcomes - 1)
    require_bytes(LAWS * num * law, f"The law of {tell_sizes(family, num)}")
    return TabulatedLifetimes(family, num, tables)
