"""One lifetime, for the single environment: the numbers of `meta_envs.lifetimes.many`, to the last bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from typing import Any

import numpy as np

from meta_envs.family import Array, DiscreteFamily, Observation, TaskFamily
from meta_envs.lifetimes.many import PlainLifetimes, pick, take
from meta_envs.lifetimes.tables import Tables, find_rows, law_thresholds, tabulate


class Lifetime(ABC):
    """One lifetime, for the single environment. Use `make_lifetime` to make the form that fits the family.

    Attributes:
        task: The hidden task (T,), None before the first birth.
        outcome: Outcome of the newest step.
    """

    task: Array | None = None
    outcome: Any = None

    @abstractmethod
    def begin(self, chance: Array, task: Array | None = None) -> None:
        """Begin with uniforms (num_chance,), in the given task (T,) if any."""

    @abstractmethod
    def step(self, action: Any) -> tuple[float, bool]:
        """Reward, and whether the lifetime is over."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps taken so far."""

    @abstractmethod
    def state(self) -> Array:
        """The state (S,), a new array."""

    @abstractmethod
    def observe(self) -> Observation:
        """The observation, a new array."""


class PlainLifetime(Lifetime):
    """One lifetime of any family: a batch of one."""

    def __init__(self, family: TaskFamily) -> None:
        self._lifetimes = PlainLifetimes(family, 1)

    def begin(self, chance: Array, task: Array | None = None) -> None:
        """Begin with uniforms (num_chance,), in the given task (T,) if any."""
        self._lifetimes.begin(np.array([0]), chance[None], None if task is None else task[None])
        self.task = self._lifetimes.task[0]

    def step(self, action: Any) -> tuple[float, bool]:
        """Reward, and whether the lifetime is over."""
        outcome, reward, terminated = self._lifetimes.step(np.asarray(action)[None])
        self.outcome = outcome[0]
        return float(reward[0]), bool(terminated[0])

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return int(self._lifetimes.steps[0])

    def state(self) -> Array:
        """The state (S,), a new array."""
        return self._lifetimes.state()[0].copy()

    def observe(self) -> Observation:
        """The observation, a new array."""
        return pick(self._lifetimes.observe(), 0)


class TabulatedLifetime(Lifetime):
    """One lifetime of a tabulated family in plain Python numbers, which are faster one at a time than arrays."""

    def __init__(self, family: DiscreteFamily, tables: Tables) -> None:
        self._family = family
        self._tables = tables
        self._horizon = family.horizon
        self._num_actions = tables.num_actions
        self._num_outcomes = tables.num_outcomes
        self._next_row = tables.next_row.tolist()
        self._reward = tables.reward.tolist()
        self._terminal = None if tables.terminal is None else tables.terminal.tolist()
        self._steps = 0
        self._row = 0
        self._law: list[float] = []
        self._step_chance: list[float] = []

    def begin(self, chance: Array, task: Array | None = None) -> None:
        """Begin with uniforms (num_chance,), in the given task (T,) if any."""
        task_chance = chance[None, : self._family.num_task_chance]
        self.task = self._family.sample_task(task_chance)[0] if task is None else task
        self._law = law_thresholds(self._family, self._tables, self.task[None])[0].tolist()
        self._step_chance = chance[self._family.num_task_chance :].tolist()
        self._row = int(find_rows(self._tables.states, self._family.initial_state(None, task_chance))[0])
        self._steps = 0

    def step(self, action: int) -> tuple[float, bool]:
        """Reward, and whether the lifetime is over."""
        steps = self._steps
        pair = self._row * self._num_actions + action
        low = pair * (self._num_outcomes - 1)
        outcome = bisect_right(self._law, self._step_chance[steps], low, low + self._num_outcomes - 1) - low
        place = pair * self._num_outcomes + outcome
        self.outcome = outcome
        self._row = row = self._next_row[place]
        self._steps = steps = steps + 1
        return self._reward[place], steps == self._horizon or (self._terminal is not None and self._terminal[row])

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return self._steps

    def state(self) -> Array:
        """The state (S,), a new array."""
        return self._tables.states[self._row].copy()

    def observe(self) -> Observation:
        """The observation, a new array."""
        observation = self._tables.observation
        return observation[self._row].copy() if isinstance(observation, np.ndarray) else take(observation, self._row)


def make_lifetime(family: TaskFamily) -> Lifetime:
    """One lifetime of a family, in the fastest form that it has."""
    tables = tabulate(family)
    if tables is None:
        return PlainLifetime(family)
    assert isinstance(family, DiscreteFamily)
    return TabulatedLifetime(family, tables)
