"""Learners of mazes: they search for the goal place by place, and remember where it was, or do not."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.families.i_maze import GOALS
from meta_envs.families.i_maze_grid import IMazeGrid, build_maze
from meta_envs.families.maze import TOUCH, Maze
from meta_envs.families.random_maze import SIZES, RandomMaze
from meta_envs.families.worlds.mazes import find_route, list_places
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner


class Searcher(Learner):
    """Search: the nearest place where the goal may be, until it is found, and from then on straight to it.

    In the I-mazes these places are the alcoves, in random mazes all places where it has not been in this lifetime; it
    feels for the goal, and does not see it from afar. It needs the state and the layout of the maze, which an agent has
    to find out; where the goal is it is not told.
    """

    name = "searcher"
    needs = ("state", "layout")
    remembers = True
    """Whether it remembers where the goal was."""

    def check(self, family: TaskFamily) -> None:
        """Serves mazes."""
        if not isinstance(family, Maze | IMazeGrid):
            raise CannotServe(f"{self.name} serves mazes, and {type(family).__name__} is none.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        assert isinstance(family, Maze | IMazeGrid)
        self._ground = _Rooms(family) if isinstance(family, Maze) else _Cells(family)
        self._been = np.zeros((num, self._ground.num_places), dtype=bool)
        self._target = np.full(num, -1)

    def inform(self, known: dict[str, Array]) -> None:
        """Be told the states (num, S) and the layout (num, T)."""
        self._state, self._layout = state, layout = known["state"], known["layout"]
        self._been |= self._ground.at(state)
        arrived = self._been[np.arange(len(state)), self._target]
        lost = np.flatnonzero((self._target < 0) | arrived)
        if len(lost):
            lengths = self._ground.lengths(layout[lost], state[lost])
            self._target[lost] = np.argmin(np.where(self._been[lost], np.inf, lengths), axis=-1)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        return self._ground.go(self._layout, self._state, self._target)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Where the goal was found, it is the only place that is left; or all are again, if that is forgotten."""
        won = np.flatnonzero((outcome if outcome.ndim == 1 else outcome[:, -1]) == 1)
        if len(won):
            place = self._ground.entered(self._state[won], self._target[won])
            self._been[won] = self.remembers
            self._been[won, place] = False
            self._target[won] = -1


class Memoryless(Searcher):
    """Search anew for every visit, in the same order: the best that a feed-forward agent can do.

    Such an agent may follow a round trip from what it sees and feels, but cannot know where it was paid.
    """

    name = "memoryless"
    remembers = False


class _Rooms:
    """Finding one's way in mazes that are seen in the first person."""

    def __init__(self, family: Maze) -> None:
        self._family = family
        self._blocks = list_places(*SIZES[family.size][:2]) if isinstance(family, RandomMaze) else GOALS
        self.num_places = len(self._blocks)

    def _gaps(self, state: Array) -> Array:
        """Distances (B, K) as the crow flies."""
        gap = self._family.center(self._blocks) - state[:, None, :2]
        return np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2)

    def at(self, state: Array) -> Array:
        """Whether the body is at each place (B, K)."""
        return self._gaps(state) <= TOUCH

    def lengths(self, layout: Array, state: Array) -> Array:
        """How far each place is (B, K) in blocks; of places as far that first which is nearer to a crow."""
        mazes, blocks = self._family.find_maze(layout).tolist(), self._family.block(state[:, :2]).tolist()
        routes = [find_route(self._family.mazes, *pair) for pair in zip(mazes, blocks, strict=True)]
        return np.stack([route.length[self._blocks] for route in routes]) + 1e-3 * np.round(self._gaps(state), 6)

    def go(self, layout: Array, state: Array, place: Array) -> Array:
        """Actions (B,) toward places (B,)."""
        return self._family.steer(layout, state, self._blocks[place])

    def entered(self, state: Array, target: Array) -> Array:
        """Places (B,) at which the step after these states ended."""
        return np.argmin(self._gaps(state), axis=-1)


class _Cells:
    """Finding one's way in the I of cells."""

    num_places = 4

    def __init__(self, family: IMazeGrid) -> None:
        self._maze = build_maze(family.corridor, family.arm)
        self._steps, self._actions = find_moves(family.corridor, family.arm)

    def at(self, state: Array) -> Array:
        """Whether the agent is at each place (B, K)."""
        return state[:, :1] == self._maze.alcoves

    def lengths(self, layout: Array, state: Array) -> Array:
        """How far each place is (B, K) in moves."""
        return self._steps[:, state[:, 0], state[:, 1]].T

    def go(self, layout: Array, state: Array, place: Array) -> Array:
        """Actions (B,) toward places (B,)."""
        return self._actions[place, state[:, 0], state[:, 1]]

    def entered(self, state: Array, target: Array) -> Array:
        """Places (B,) at which the step after these states ended: an alcove is only entered as a target."""
        return target


@lru_cache(maxsize=16)
def find_moves(corridor: int, arm: int) -> tuple[Array, Array]:
    """Moves to the alcoves of the I of cells, and the first of them, both (4, C, 4) by alcove, cell and heading."""
    maze = build_maze(corridor, arm)
    heading = np.arange(4)
    steps = np.full((4, len(maze.cells), 4), np.inf)
    while True:
        ahead = steps[:, maze.ahead, heading]
        back = steps[:, np.roll(maze.ahead, -2, axis=1), heading]
        after = 1.0 + np.stack([ahead, np.roll(steps, 1, axis=2), np.roll(steps, -1, axis=2), back])
        better = np.min(after, axis=0)
        better[np.arange(4), maze.alcoves] = 0.0
        if np.array_equal(better, steps):
            return steps, np.argmin(after, axis=0)
        steps = better
