"""Searchers of mazes, and a bound of the Bayes-optimal return in them, from shortest ways and the best order of search.

How fast a body can be follows from `meta_envs.families.maze`. A primitive step drives it half of the last step's way
and half of ``SPEED`` on, so that from rest it covers ``SPEED`` times the steps but one, as long as no wall moves it.
Walls only stop it, but for the corners that it is pushed out from: by an angle t around a corner the push makes a step
longer by 1 / cos(t / 2) at most. A driven step of .0766 blocks at a distance of .2 is an angle of at most 22.5 degrees,
and so a step is longer by at most ``PUSH = 1.02``, of which the next steps inherit half and half again. Near a corner,
within .28 blocks of it, the way is at most .7 long, of which no more than ``GAIN = .03`` is won in this way. Between
steps the body is drawn a straight line, which comes no nearer to a corner than ``NEAR = .196`` blocks, a step being
less than .0781 long. The way is thus at least that of a string of this distance from all corners, pulled tight.

Goals are reached when a decision ends, so that the decisions of a visit are a whole number. Let ``h`` be its least one,
by the shortest way from where the body was put. What it is put to is drawn anew for every visit and independent of all
that was done before: however clever, nobody makes more visits in the time that is left than a process whose visits take
``h``, and its mean number is found step by step from the first visit (`count_visits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from meta_envs.families.i_maze import GOALS, MIDDLE, REACH, IMaze
from meta_envs.families.i_maze_grid import IMazeGrid, build_maze
from meta_envs.families.maze import REPEAT, SPEED, TOUCH, Maze
from meta_envs.families.random_maze import SIZES, RandomMaze
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import PrivilegedLearner
from meta_envs.mazes import find_route, list_places
from meta_envs.records import record
from meta_envs.solver import Optimum

PUSH = 1.02
"""By how much a push round a corner may lengthen a step."""
GAIN = 0.03
"""Blocks that pushes round one corner may save."""
NEAR = 0.196
"""Blocks from a corner to the line between two places of a body of radius ``RADIUS``, at least."""
FASTEST = SPEED * PUSH / (2.0 - PUSH)
"""Blocks of a primitive step, at most, if all of them were pushed round corners."""
CELLS = 1000
"""Intervals of the places where a visit of the I-maze begins."""
LIFETIMES, DECISIONS = 200, 180_000
"""Simulated at most for what is achieved, and for random play, always the same ones."""
TASKS = 400
"""Drawn for the bound where mazes are drawn."""
ERRORS = 3.0
"""Standard errors by which the bound lies above the mean over the tasks that are drawn."""
FIRST_SEED = (1 << 60) + (1 << 41)
"""Of the lifetimes that are simulated, which no training and no evaluation sees."""


class Searcher(PrivilegedLearner):
    """Goes to the nearest place where the goal may be, until it is found, and from then on straight to it.

    In the I-mazes these places are the alcoves, in random mazes all places where it has not been in this lifetime; it
    feels for the goal, and does not see it from afar. It is told the state, where an agent has to look, and the plan of
    the maze, which is drawn with the task where ``layouts="random"``; of the task it uses nothing else.
    """

    name = "searcher"
    looks = False
    remembers = True
    """Whether it keeps in mind where the goal was."""

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin; serves mazes."""
        if not isinstance(family, Maze | IMazeGrid):
            raise ValueError(f"{self.name} serves mazes, and {type(family).__name__} is none.")
        self._ground = _Rooms(family) if isinstance(family, Maze) else _Cells(family)
        self._hidden = family.task_names.index("goal")
        self._been = np.zeros((num, self._ground.num_places), dtype=bool)
        self._target = np.full(num, -1)

    def reveal(self, task: Array) -> None:
        """Be told the hidden tasks (num, T); goals are struck out."""
        self._plan = task.copy()
        self._plan[:, self._hidden] = 1.0

    def see(self, state: Array) -> None:
        """Be told the states (num, S)."""
        self._state = state.copy()
        self._been |= self._ground.at(state)
        arrived = self._been[np.arange(len(state)), self._target]
        lost = np.flatnonzero((self._target < 0) | arrived)
        if len(lost):
            lengths = self._ground.lengths(self._plan[lost], state[lost])
            self._target[lost] = np.argmin(np.where(self._been[lost], np.inf, lengths), axis=-1)

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        return self._ground.go(self._plan, self._state, self._target)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Where the goal was found, it is the only place that is left; or all are again, if that is forgotten."""
        won = np.flatnonzero((outcome if outcome.ndim == 1 else outcome[:, -1]) == 1)
        if len(won):
            place = self._ground.entered(self._state[won], self._target[won])
            self._been[won] = self.remembers
            self._been[won, place] = False
            self._target[won] = -1


class Memoryless(Searcher):
    """Searches anew for every visit, in the same order: the best that a feed-forward agent can do.

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

    def lengths(self, plan: Array, state: Array) -> Array:
        """How far each place is (B, K) in blocks; of places as far that first which is nearer to a crow."""
        mazes, blocks = self._family.find_maze(plan).tolist(), self._family.block(state[:, :2]).tolist()
        routes = [find_route(self._family.mazes, *pair) for pair in zip(mazes, blocks, strict=True)]
        return np.stack([route.length[self._blocks] for route in routes]) + 1e-3 * np.round(self._gaps(state), 6)

    def go(self, plan: Array, state: Array, place: Array) -> Array:
        """Actions (B,) toward places (B,)."""
        return self._family.steer(plan, state, self._blocks[place])

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

    def lengths(self, plan: Array, state: Array) -> Array:
        """How far each place is (B, K) in moves."""
        return self._steps[:, state[:, 0], state[:, 1]].T

    def go(self, plan: Array, state: Array, place: Array) -> Array:
        """Actions (B,) toward places (B,)."""
        return self._actions[place, state[:, 0], state[:, 1]]

    def entered(self, state: Array, target: Array) -> Array:
        """Places (B,) at which the step after these states ended: nobody enters an alcove by the way."""
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


def solve_i_maze(family: IMaze) -> Optimum:
    """The bound of the I-maze: the best order of search at the greatest speed, all apples, and then visit upon visit.

    That an alcove is empty shows only from its block, so that those before the goal's must have been entered by their
    mouths; which order of them is the best depends on where the lifetime begins. A way by more corners than the string
    bends at is longer by more than is won there.
    """
    rows = MIDDLE[1] + REACH * np.linspace(-1.0, 1.0, CELLS + 1)
    # Of each interval of places the end that is nearer to the northern alcoves, and to the southern.
    ends = [_leave(rows[:-1]), _leave(2.0 * MIDDLE[1] - rows[1:])]
    visit = _count_decisions(ends[0][1])
    share = np.bincount(visit, minlength=family.horizon + 1) / CELLS
    visits = count_visits(share[None], family.horizon)[0]
    best = np.zeros(CELLS)
    for order in permutations(range(4)):
        found = np.zeros(CELLS)
        length = np.zeros(CELLS)
        for place, alcove in enumerate(order):
            there = ends[alcove // 2] if place == 0 else _cross(order[place - 1], alcove)
            left = family.horizon - _count_decisions(length + there[1])
            found += np.where(left >= 0, 1.0 + visits[np.maximum(left, 0)], 0.0) / 4.0
            length = length + there[0]
        best = np.maximum(best, found)
    return _make(family, float(np.mean(best)), 0.0, "the best order of search and shortest ways at the greatest speed")


def _leave(row: Array) -> tuple[Any, Any]:
    """Least ways from places in these rows of the corridor to the north-western mouth, and to touch the goal there."""
    way = [(MIDDLE[0] + 1j * row, 0.0), (6 + 3j, -NEAR), (2 + 2j, NEAR)]
    return measure_string([*way, (2 - NEAR + 2j, 0.0)]), measure_string([*way, (1.5 + 1.5j, 0.0)]) - TOUCH


def _cross(alcove: int, other: int) -> tuple[Any, Any]:
    """Least ways from an alcove's mouth to another one's, and to touch the goal in that."""
    begin = [(2 - NEAR + 2j, 0.0), (2 + 2j, -NEAR)]
    same_end, same_side = alcove // 2 == other // 2, alcove % 2 == other % 2
    if same_end:
        way, mouth, goal = [(11 + 2j, -NEAR)], 11 + NEAR + 2j, 11.5 + 1.5j
    elif same_side:
        way, mouth, goal = [(6 + 3j, NEAR), (6 + 8j, NEAR), (2 + 9j, -NEAR)], 2 - NEAR + 9j, 1.5 + 9.5j
    else:
        way, mouth, goal = [(6 + 3j, NEAR), (7 + 8j, -NEAR), (11 + 9j, NEAR)], 11 + NEAR + 9j, 11.5 + 9.5j
    return tuple(measure_string([*begin, *way, (end, 0.0)]) - less for end, less in ((mouth, 0.0), (goal, TOUCH)))


def measure_string(circles: Sequence[tuple[Any, float]]) -> Any:
    """Length of a string pulled tight past circles, less what may be gained at them.

    Args:
        circles: Centres x + iy and radii, of the first and the last one 0. Radii are positive where the string turns
            from x toward y, else negative.
    """
    length, toward = 0.0, None
    for (begin, first), (end, second) in pairwise(circles):
        span, change = np.abs(end - begin), second - first
        heading = np.angle(end - begin) - np.arcsin(np.clip(change / span, -1.0, 1.0))
        if toward is not None:
            turn = np.mod(heading - toward + np.pi, 2.0 * np.pi) - np.pi
            length = length + first * turn - GAIN
        length, toward = length + np.sqrt(np.maximum(span * span - change * change, 0.0)), heading
    return length


def _count_decisions(length: Array) -> Array:
    """Least decisions (...) intp for ways of these lengths from rest."""
    return np.ceil((length / SPEED + 1.0) / REPEAT - 1e-9).astype(np.intp)


def count_visits(share: Array, horizon: int) -> Array:
    """Mean numbers of visits (B, horizon + 1) in so many decisions, one after the other.

    Args:
        share: Probabilities (B, n) that one takes 0, 1, 2, ... decisions; 0 for none.
        horizon: The most decisions.
    """
    visits = np.zeros((len(share), horizon + 1))
    for time in range(1, horizon + 1):
        most = min(time, share.shape[1] - 1)
        before = visits[:, time - most : time][:, ::-1]
        visits[:, time] = np.sum(share[:, 1 : most + 1] * (1.0 + before), axis=-1)
    return visits


def solve_random_maze(family: RandomMaze) -> Optimum:
    """The bound of random mazes: one who knows the plan and the goal from the beginning, at the greatest speed.

    What the search costs is left out, because goals are seen from afar. Each block that is crossed straight on takes 1,
    each that is turned in a quarter of the circle round its inner corner, and all of it is gone as if pushed.
    """
    if family.layouts == "fixed":
        task = np.stack([np.zeros(family.num_places), np.arange(family.num_places)], axis=-1)
    else:
        chance = np.random.default_rng(FIRST_SEED).random((TASKS, family.num_task_chance))
        task = family.sample_task(chance)
    length = find_ways(family, task) - TOUCH
    away = np.arange(family.num_places) != task[:, 1:]
    visit = np.where(away, np.ceil((length / FASTEST + 1.0) / REPEAT - 1e-9), 0.0).astype(np.intp)
    share = np.zeros((len(task), visit.max() + 1))
    np.add.at(share, (np.arange(len(task))[:, None], visit), away / (family.num_places - 1))
    visits = count_visits(share, family.horizon)[:, -1]
    error = 0.0 if family.layouts == "fixed" else ERRORS * float(np.std(visits, ddof=1) / np.sqrt(len(visits)))
    return _make(family, float(np.mean(visits)), error, "one who knows plan and goal, at the greatest speed")


def find_ways(family: RandomMaze, task: Array) -> Array:
    """Least ways (B, P) from the middle of every place to that of the goal in tasks (B, T), in blocks.

    They are found from the goal on, for each place by the side on which it is left.
    """
    mazes, places = family.mazes, list_places(*SIZES[family.size][:2])
    width = mazes.free.shape[2]
    steps = np.array([1, width, -1, -width])
    open_ = mazes.free.reshape(len(mazes.free), -1)[family.find_maze(task)][:, places[:, None] + steps] == 1
    number = np.zeros(mazes.free[0].size, np.intp)
    number[places] = np.arange(len(places))
    inside = np.isin(places[:, None] + 2 * steps, places) & np.any(open_, axis=0)
    follows = np.where(inside, number[np.where(inside, places[:, None] + 2 * steps, places[0])], 0)
    turn = np.where(np.arange(4)[:, None] == np.arange(4), 1.0, NEAR * np.pi / 2.0)
    turn[np.arange(4), (np.arange(4) + 2) % 4] = np.inf
    goal = task[:, 1].astype(np.intp)
    ways = np.full(open_.shape, np.inf)
    while True:
        entered = np.stack([np.min(ways + turn[side], axis=-1) for side in range(4)], axis=-1)
        entered[np.arange(len(task)), goal] = 0.5
        better = np.where(open_, 1.0 + entered[:, follows, np.arange(4)], np.inf)
        if np.array_equal(better, ways):
            return 0.5 + np.min(ways, axis=-1)
        ways = better


def _make(family: Maze, visits: float, error: float, bound: str) -> Optimum:
    from meta_envs.baselines import Random

    num = int(np.clip(DECISIONS // family.horizon, 2, LIFETIMES))
    lived = record([Searcher(), Random()], family, range(FIRST_SEED, FIRST_SEED + num), 0)
    achieved, random = (each.realised for each in lived)
    goal, apple = max(family.goal_reward, 0.0), max(family.apple_reward, 0.0)
    margin = f" (and {ERRORS:g} standard errors of a mean over {TASKS} tasks)" if error else ""
    told = ", told the plan," if isinstance(family, RandomMaze) and family.layouts == "random" else ""
    return Optimum(
        value=goal * (visits + error) + apple * family.num_apples,
        achieved=float(np.mean(achieved)),
        kind="bound",
        note=f"{bound}{margin}: at most {visits + error:.2f} visits, and all apples; searcher{told} has "
        f"{np.mean(achieved):.2f} in {num} lifetimes, with a standard error of {_error(achieved):.2f}, and "
        f"random play {np.mean(random):.2f}, with one of {_error(random):.2f}",
        random_value=float(np.mean(random)),
        player=Searcher,
    )


def _error(values: Array) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
