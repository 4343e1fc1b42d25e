"""Task families that are no bandits, for what bandits cannot show: several states, three outcomes, an early end."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, FiniteTaskFamily


@dataclass(frozen=True, kw_only=True)
class TwoRooms(FiniteTaskFamily):
    """Two rooms and a way out. Outcome 0: nothing; 1: paid 1 and to the other room; 2: paid 2 and out.

    A task is how often the two actions move, and how often they let one out; the second action cannot let one out of
    the first room, so that some branches are impossible.
    """

    length: int = 4

    task_names: ClassVar[tuple[str, ...]] = ("move", "out")

    @property
    def horizon(self) -> int:
        return self.length

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (3,), np.float32)

    @property
    def num_outcomes(self) -> int:
        return 3

    def states(self) -> Array | None:
        return np.array([[0], [1], [2]])

    def tasks(self) -> tuple[Array, Array]:
        return np.array([[0.9, 0.1], [0.2, 0.3], [0.5, 0.0]]), np.array([0.5, 0.3, 0.2])

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 1), np.int64)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        second = action == 1
        move = np.where(second, 0.5 * (1.0 - task[:, 0]), 0.5 * task[:, 0])
        out = np.where(second & (state[:, 0] == 0), 0.0, task[:, 1] + 0.2 * second)
        return np.stack([1.0 - move - out, move, out], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        room = state[:, 0]
        moved = np.where((outcome == 1) & (room < 2), 1 - room, room)
        return np.where(outcome == 2, 2, moved)[:, None]

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        # Outside one would be paid too, if anyone asked: nobody may.
        return outcome.astype(np.float64)

    def observe(self, task: Any, state: Array) -> Array:
        return np.eye(3, dtype=np.float32)[state[:, 0]]

    def terminated(self, task: Any, state: Array) -> Array:
        return state[:, 0] == 2


@dataclass(frozen=True, kw_only=True)
class UnlistedRooms(TwoRooms):
    """The same rooms without a list of them."""

    def states(self) -> Array | None:
        return None


@dataclass(frozen=True, kw_only=True)
class RandomRoom(TwoRooms):
    """The same rooms, entered at random."""

    @property
    def num_task_chance(self) -> int:
        return 2

    def initial_state(self, task: Any, chance: Array) -> Array:
        return (chance[:, 1:] >= 0.5).astype(np.int64)
