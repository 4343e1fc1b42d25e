"""Upper bound of the Bayes-optimal return in first-person mazes, from shortest ways and the best order of search.

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
that was done before: however clever, no learner makes more visits in the time left than a process whose visits take
``h``, and its mean number is found step by step from the first visit (`count_visits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from meta_envs.families.i_maze import MIDDLE, REACH, IMaze
from meta_envs.families.maze import REPEAT, SPEED, TOUCH, Maze
from meta_envs.families.random_maze import SIZES, RandomMaze
from meta_envs.families.worlds.mazes import list_places
from meta_envs.family import Array
from meta_envs.intervals import standard_error
from meta_envs.learners.basic import Random
from meta_envs.learners.mazes import Searcher
from meta_envs.learners.returns import record
from meta_envs.limits import require_seconds, tell_sizes
from meta_envs.seeds import MAZE_OPTIMA
from meta_envs.solvers.optimum import ERRORS, Optimum

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


def solve_i_maze(family: IMaze) -> Optimum:
    """The bound of the I-maze: the best order of search at the greatest speed, all apples, and then visit upon visit.

    That an alcove is empty shows only from its block, so that those before the goal's must have been entered by their
    mouths; which order of them is the best depends on where the lifetime begins. A way by more corners than the string
    bends at is longer by more than is won there.
    """
    _require_time(family)
    rows = MIDDLE[1] + REACH * np.linspace(-1.0, 1.0, CELLS + 1)
    # Of each interval of places the end that is nearer to the northern alcoves, and to the southern.
    ends = [_leave(rows[:-1]), _leave(2.0 * MIDDLE[1] - rows[1:])]
    visit = _count_decisions(ends[0][1])
    probs = np.bincount(visit, minlength=family.horizon + 1) / CELLS
    visits = count_visits(probs[None], family.horizon)[0]
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


def _count_decisions(length: Array, speed: float = SPEED) -> Array:
    """Least decisions (...) intp for ways of these lengths from rest."""
    return np.ceil((length / speed + 1.0) / REPEAT - 1e-9).astype(np.intp)


def count_visits(probs: Array, horizon: int) -> Array:
    """Mean numbers of visits (B, horizon + 1) in so many decisions, one after the other.

    Args:
        probs: Probabilities (B, n) that one takes 0, 1, 2, ... decisions; 0 for none.
        horizon: The most decisions.
    """
    visits = np.zeros((len(probs), horizon + 1))
    for time in range(1, horizon + 1):
        most = min(time, probs.shape[1] - 1)
        before = visits[:, time - most : time][:, ::-1]
        visits[:, time] = np.sum(probs[:, 1 : most + 1] * (1.0 + before), axis=-1)
    return visits


def solve_random_maze(family: RandomMaze) -> Optimum:
    """The bound of random mazes: the oracle, told layout and goal from the beginning, at the greatest speed.

    What the search costs is left out, because goals are seen from afar. Each block that is crossed straight on takes 1,
    each that is turned in a quarter of the circle round its inner corner, and all of it is gone as if pushed.
    """
    _require_time(family)
    if family.layouts == "fixed":
        task = np.stack([np.zeros(family.num_places), np.arange(family.num_places)], axis=-1)
    else:
        chance = np.random.default_rng(MAZE_OPTIMA.first).random((TASKS, family.num_task_chance))
        task = family.sample_task(chance)
    length = find_ways(family, task) - TOUCH
    away = np.arange(family.num_places) != task[:, 1:]
    visit = np.where(away, _count_decisions(length, FASTEST), 0)
    probs = np.zeros((len(task), visit.max() + 1))
    np.add.at(probs, (np.arange(len(task))[:, None], visit), away / (family.num_places - 1))
    visits = count_visits(probs, family.horizon)[:, -1]
    error = 0.0 if family.layouts == "fixed" else standard_error(visits)
    return _make(
        family, float(np.mean(visits)), error, "the oracle, which knows layout and goal, at the greatest speed"
    )


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


def _require_time(family: Maze) -> None:
    """Refuse lifetimes that are too long for two of them to be simulated, and for visits to be counted."""
    require_seconds(2e-3 * family.horizon + 1e-9 * family.horizon**2, f"The optimum of {tell_sizes(family)}")


def _make(family: Maze, visits: float, error: float, bound: str) -> Optimum:
    num = int(np.clip(DECISIONS // family.horizon, 2, LIFETIMES))
    records = record([Searcher(), Random()], family, MAZE_OPTIMA.lifetimes(num), 0)
    achieved, random = (each.realised for each in records)
    goal, apple = max(family.goal_reward, 0.0), max(family.apple_reward, 0.0)
    visits += ERRORS * error
    margin = f" (and {ERRORS:g} standard errors of a mean over {TASKS} tasks)" if error else ""
    told = ", told the layout," if isinstance(family, RandomMaze) and family.layouts == "random" else ""
    return Optimum(
        value=goal * visits + apple * family.num_apples,
        achieved=float(np.mean(achieved)),
        kind="bound",
        note=f"{bound}{margin}: at most {visits:.2f} visits, and all apples; searcher{told} has "
        f"{np.mean(achieved):.2f} in {num} lifetimes, with a standard error of {standard_error(achieved):.2f}, and "
        f"random play {np.mean(random):.2f}, with one of {standard_error(random):.2f}",
        random_value=float(np.mean(random)),
        value_se=goal * error,
        achieved_se=standard_error(achieved),
        random_se=standard_error(random),
        player=Searcher,
    )
