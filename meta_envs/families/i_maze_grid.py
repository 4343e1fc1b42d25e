"""One-shot navigation in an I-shaped maze of cells: the light version of experiment 7 of the paper."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.family import Array, FiniteTaskFamily

FORWARD, TURN_LEFT, TURN_RIGHT, BACKWARD = range(4)
HEADINGS = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])
"""Steps (east, north) to the north, east, south and west: heading 0 to 3, clockwise."""
GOALS = ("north-west", "north-east", "south-west", "south-east")
MAX_STATES = 1500
"""States that are listed, so that steps are look-ups; with more apples there are more, and functions are called."""

MAX_APPLES = 62
"""As many as a whole number has bits for them."""


class Maze(NamedTuple):
    """An I of C cells. Cell 0 is its centre, where lifetimes begin."""

    cells: Array
    """(C, 2) places of the cells, east and north of the centre"""
    ahead: Array
    """(C, 4) the cell that a move to the north, east, south or west leads to: the same one at a wall"""
    alcoves: Array
    """(4,) the cells at the ends of the arms, in the order of `GOALS`"""


@lru_cache(maxsize=16)
def build_maze(corridor: int, arm: int) -> Maze:
    """The maze whose corridor has so many cells on each side of its centre, and whose arms are so long."""
    along = [(0, north) for north in range(-corridor, corridor + 1) if north != 0]
    across = [(east, north) for north in (corridor, -corridor) for east in range(-arm, arm + 1) if east != 0]
    places = [(0, 0), *along, *across]
    number = {place: cell for cell, place in enumerate(places)}
    ahead = [
        [number.get((east + step_east, north + step_north), cell) for step_east, step_north in HEADINGS.tolist()]
        for cell, (east, north) in enumerate(places)
    ]
    alcoves = [number[east, north] for north in (corridor, -corridor) for east in (-arm, arm)]
    return Maze(np.array(places), np.array(ahead), np.array(alcoves))


@lru_cache(maxsize=16)
def find_windows(corridor: int, arm: int, view: int) -> Array:
    """What is around an agent (C, 4, view, view): the cell at each place of its view by cell and heading, -1 for walls.

    The agent is in the middle, facing the first row; columns go from its left to its right.
    """
    maze, half = build_maze(corridor, arm), view // 2
    size = np.max(np.abs(maze.cells)) + half
    layout = np.full((2 * size + 1, 2 * size + 1), -1)
    layout[tuple((maze.cells + size).T)] = np.arange(len(maze.cells))
    place = np.arange(view) - half
    windows = []
    for heading in range(4):
        to_front, to_right = HEADINGS[heading], HEADINGS[(heading + 1) % 4]
        offset = -place[:, None, None] * to_front + place[None, :, None] * to_right
        places = maze.cells[:, None, None, :] + offset + size
        windows.append(layout[places[..., 0], places[..., 1]])
    return np.stack(windows, axis=1)


@lru_cache(maxsize=16)
def place_apples(corridor: int, arm: int, num_apples: int) -> Array:
    """Number of the apple in each cell (C + 1,), -1 for none, the last for walls.

    The first and every other apple lies north of the centre, the others south of it, evenly spread.
    """
    apple = np.full(len(build_maze(corridor, arm).cells) + 1, -1)
    number = {tuple(place): cell for cell, place in enumerate(build_maze(corridor, arm).cells.tolist())}
    for side, toward in enumerate((1, -1)):
        count = (num_apples + 1 - side) // 2
        for index in range(count):
            distance = int(np.ceil((index + 0.5) * corridor / count))
            apple[number[0, toward * distance]] = 2 * index + side
    return apple


@dataclass(frozen=True, kw_only=True)
class IMazeGrid(FiniteTaskFamily):
    """A maze of cells in the form of an I: the goal is at the end of one of four arms, and one visit finds it for good.

    ## Description
    A central corridor runs from south to north and ends in a crossbar on either side: four arms. At the end of one arm
    is the goal, in all of a lifetime the same. It is seen from nowhere: only entering its cell finds it, pays, and
    puts the agent back to where the lifetime began. So the arms are searched once, and from then on the way is known.
    All cells of the corridor give the same observations, and so do the four arms: a memory must hold where the agent
    is.

    ## Task prior
    The goal is at the end of each of the four arms with the same probability [paper: drawn per episode]. The task is
    `(goal,)`, shape `(1,)`: 1 north-west, 2 north-east, 3 south-west, 4 south-east, and may be fixed by
    `reset(options={"task": [3]})`.

    ## Action Space
    `Discrete(4)`: 0 one cell forward, 1 turn left by 90 degrees, 2 turn right by 90 degrees, 3 one cell backward
    without turning [ours: four of the paper's eight actions; strafing has little use between walls]. A move against a
    wall changes nothing, and takes its time [ours].

    ## Observation Space
    `Box(0, 1, (25,), float32)`: the cells around the agent, 1 where they are open, 0 for walls, as rows of a square of
    `view` times `view` cells with the agent in its middle; the first row is the farthest one ahead, and rows go from
    left to right [ours]. The goal is not in it [paper: not visible from outside its alcove; ours: the alcove is the
    arm's last cell]. With apples, as many numbers more: 1 where one lies. The wrapper `PreviousActionReward` adds the
    previous action, the previous reward and the time.

    ## Rewards
    `goal_reward` for entering the goal's cell [paper: 10]; `apple_reward` for entering an apple's [paper: 1]; else 0.

    ## Starting State
    The centre of the corridor, facing north, in the beginning and after every goal [paper: in the central corridor;
    ours: always this place and heading, so that nothing but the goal is random and the optimum can be computed]. Apples
    lie in the corridor, as many north as south of the centre and evenly spread, and are not replaced within a lifetime
    [paper: apples in the corridor; ours: how many, where, and that they are not replaced].

    ## Episode End
    `terminated` after `num_moves` moves, turns among them [ours: 200; paper: a fixed clock]; never truncated [ours: the
    end is part of the problem].

    ## Optimum
    Exact, by dynamic programming over the goals that are still possible:
    `meta_envs.solve("MetaNavigation-IMazeGrid-v0")`. The oracle needs `corridor + 1 + arm` moves, 28, to any goal: the
    way to the southern arms is gone backward. The best search takes 28, 64, 120 or 156 moves, 92
    on average: first goals to later ones are as 92 : 28 [paper: about 100 : 30]. That is worth 42.5, and the learner
    `searcher` does it. A feed-forward agent cannot know where it was paid: `memoryless` searches for every goal as for
    the first, and has 30. Uniformly random play finds one goal in 9,000 lifetimes (the optimum's `random_value`). View
    and moves are alike in mazes of all sizes, so that learning may begin in a smaller one.

    ## Arguments
    - `corridor=9`: cells of the corridor on each side of its centre, the junction included [ours], at least 1.
    - `arm=18`: cells of each arm, its alcove included [ours: twice as long as half the corridor, so that the best
      possible first : later is near `2 + 2 * 2 / 3 = 10 / 3`], at least 1.
    - `num_moves=200`: moves of a lifetime [ours], at least 1.
    - `view=5`: cells of a side of the view [ours], an odd number of at least 3.
    - `num_apples=0`: apples [ours: with them the optimum is a tour], at most `2 * corridor`. Up to two, steps are
      look-ups (for the default size); with more they are slower.
    - `goal_reward=10.0`: reward of the goal [paper: 10].
    - `apple_reward=1.0`: reward of an apple [paper: 1].

    ## Fidelity
    After section 3.2.3 of the paper and the I-maze of Mirowski et al. 2016: layout fixed over lifetimes, goal drawn per
    lifetime at the end of one of four arms, +10 and back to the central corridor, a fixed clock. [ours]: cells in place
    of a first-person view, the moves, all sizes, no velocity in the observation, and what is marked above. The
    first-person version is `MetaNavigation-IMaze-v0`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.3; Mirowski et al. 2016,
    *Learning to navigate in complex environments*, arXiv 1611.03673.

    ## Version History
    - v0: first version.
    """

    corridor: int = 9
    arm: int = 18
    num_moves: int = 200
    view: int = 5
    num_apples: int = 0
    goal_reward: float = 10.0
    apple_reward: float = 1.0

    task_names: ClassVar[tuple[str, ...]] = ("goal",)

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"corridor": 1, "arm": 1, "num_moves": 1, "view": 3, "num_apples": 0})
        require_numbers(self, "goal_reward", "apple_reward")
        require(self.view % 2 == 1, "view", self.view, "give an odd number, so that there is a middle")
        most = min(2 * self.corridor, MAX_APPLES)
        cure = f"the corridor has room for {most} apples" if most < MAX_APPLES else f"give at most {most} apples"
        require(self.num_apples <= most, "num_apples", self.num_apples, cure)

    @property
    def horizon(self) -> int:
        return self.num_moves

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(4)

    @property
    def observation_space(self) -> spaces.Box:
        layers = 2 if self.num_apples else 1
        return spaces.Box(0.0, 1.0, (layers * self.view**2,), np.float32)

    @property
    def shared_bytes(self) -> int:
        """The plan of the maze with a margin, and what is around an agent in every cell."""
        side = 2 * max(self.corridor, self.arm) + self.view
        return 8 * side**2 + 150 * (1 + 2 * self.corridor + 4 * self.arm) * self.view**2

    @property
    def num_outcomes(self) -> int:
        """1 where the goal's cell is entered, else 0."""
        return 2

    @property
    def reward_values(self) -> tuple[float, ...]:
        apples = {self.apple_reward} if self.num_apples else set()
        return tuple(sorted({0.0, self.goal_reward} | apples))

    @property
    def maze(self) -> Maze:
        """The maze of the family's sizes."""
        return build_maze(self.corridor, self.arm)

    def tasks(self) -> tuple[Array, Array]:
        return np.arange(1.0, 5.0)[:, None], np.full(4, 0.25)

    def states(self) -> Array | None:
        """Cells, headings, and apples that are left, as the bits of one number (N, 3)."""
        shape = (len(self.maze.cells), 4, 2**self.num_apples)
        return np.indices(shape).reshape(3, -1).T.copy() if prod(shape) <= MAX_STATES else None

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.tile([0, 0, 2**self.num_apples - 1], (len(chance), 1))

    def _entered(self, state: Array, action: Array) -> Array:
        """Cells after a move (B,)."""
        toward = (state[:, 1] + np.where(action == BACKWARD, 2, 0)) % 4
        stays = (action == TURN_LEFT) | (action == TURN_RIGHT)
        return np.where(stays, state[:, 0], self.maze.ahead[state[:, 0], toward])

    def _eaten(self, state: Array, cell: Array) -> Array:
        """Bits of the apples that lie in cells (B,), 0 where there is none."""
        apple = place_apples(self.corridor, self.arm, self.num_apples)[cell]
        return np.where(apple >= 0, state[:, 2] & (1 << np.maximum(apple, 0)), 0)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        goal = self.maze.alcoves[np.rint(task[:, 0]).astype(np.intp) - 1]
        found = (self._entered(state, action) == goal) & (state[:, 0] != goal)
        return np.stack([~found, found], axis=-1).astype(np.float64)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        cell = self._entered(state, action)
        turn = (action == TURN_RIGHT).astype(np.intp) - (action == TURN_LEFT)
        left = state[:, 2] - self._eaten(state, cell)
        found = outcome == 1
        return np.stack([np.where(found, 0, cell), np.where(found, 0, (state[:, 1] + turn) % 4), left], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        eaten = self._eaten(state, self._entered(state, action)) > 0
        return np.where(outcome == 1, self.goal_reward, np.where(eaten, self.apple_reward, 0.0))

    def observe(self, task: Any, state: Array) -> Array:
        window = find_windows(self.corridor, self.arm, self.view)[state[:, 0], state[:, 1]].reshape(len(state), -1)
        layers = [window >= 0]
        if self.num_apples:
            apple = place_apples(self.corridor, self.arm, self.num_apples)[window]
            layers.append((apple >= 0) & ((state[:, 2:] >> np.maximum(apple, 0)) & 1 == 1))
        return np.concatenate(layers, axis=-1).astype(np.float32)
