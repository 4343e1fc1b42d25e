"""Searchers of mazes, and the bounds of what can be had there, by hand, by brute force and against the physics."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import meta_envs
from meta_envs.families.i_maze import IMaze
from meta_envs.families.i_maze_grid import IMazeGrid
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.random_maze import RandomMaze
from meta_envs.families.worlds.mazes import list_places
from meta_envs.family import TaskFamily
from meta_envs.learners import select_known
from meta_envs.lifetimes.many import make_lifetimes
from meta_envs.roster import make_learner, serving
from meta_envs.solvers import mazes

Array = NDArray[np.float64]
TOP = 0.075
"""Blocks of a primitive step in a corridor."""


def play(name: str, family: TaskFamily, num: int, task: Array | None = None, seed: int = 0) -> tuple[Array, Array]:
    """Rewards and actions (horizon, num) of a learner, all with the same chance for the same seed."""
    rng = np.random.default_rng(seed)
    learner, lifetimes = make_learner(name), make_lifetimes(family, num)
    lifetimes.begin(np.arange(num), rng.random((num, family.num_chance)), task)
    learner.begin(family, num, rng)
    rewards, actions = np.empty((2, family.horizon, num))
    for step in range(family.horizon):
        learner.inform(select_known(learner, family, lifetimes.task, lifetimes.state()))
        action = learner.act(None)
        outcome, rewards[step], _ = lifetimes.step(action)
        actions[step] = action
        learner.learn(action, outcome, rewards[step])
    return rewards, actions


def latencies(rewards: Array) -> tuple[float, float]:
    """Mean steps to the first goal and to each later one, over lifetimes in which each goal was found at least."""
    visits = [np.flatnonzero(each == 10) for each in rewards.T]
    later = np.concatenate([np.diff(visit) for visit in visits])
    return float(np.mean([visit[0] + 1 for visit in visits if len(visit)])), float(np.mean(later))


# Learners


def test_searcher_of_cells_is_the_exact_optimum() -> None:
    """By hand 28, 64, 120 or 156 moves, then 28 each: 7, 5, 3 and 2 goals in 200, and the solver says the same."""
    family = IMazeGrid()
    tasks = np.array([[1.0], [2.0], [3.0], [4.0]])
    rewards, _ = play("searcher", family, 4, tasks)
    assert sorted(np.sum(rewards, axis=0).tolist(), reverse=True) == [70, 50, 30, 20]
    assert np.mean(np.sum(rewards, axis=0)) == pytest.approx(meta_envs.solve(family).value) == 42.5
    for corridor, arm in ((1, 1), (2, 3)):
        small = IMazeGrid(corridor=corridor, arm=arm, num_moves=30)
        earned = np.sum(play("searcher", small, 4, tasks)[0]) / 4
        assert earned == pytest.approx(meta_envs.solve(small).value)


def test_memoryless_searches_again_and_again() -> None:
    """In cells by hand 28, 64, 120 or 156 moves for every goal alike: 7, 3, 1 and 1 of them in 200."""
    rewards, _ = play("memoryless", IMazeGrid(), 4, np.array([[1.0], [2.0], [3.0], [4.0]]))
    assert sorted(np.sum(rewards, axis=0).tolist(), reverse=True) == [70, 30, 10, 10]


@pytest.mark.parametrize("family", [IMaze(num_decisions=200), RandomMaze(num_decisions=200)], ids=str)
@pytest.mark.parametrize("name", ["searcher", "memoryless"])
def test_searchers_do_not_know_the_goal(name: str, family: IMaze | RandomMaze) -> None:
    """With the same chance and other goals all do the same until the first of them is found."""
    first = 1.0 if isinstance(family, IMaze) else 0.0
    goals = [0, 1, 2, 3] if isinstance(family, IMaze) else [3, 17, 31, 44]
    runs = []
    for goal in goals:
        task = np.full((1, 1), first + goal) if isinstance(family, IMaze) else np.array([[0.0, goal]])
        rng = np.random.default_rng(1)
        chance = rng.random((1, family.num_chance))
        learner, lifetimes = make_learner(name), make_lifetimes(family, 1)
        lifetimes.begin(np.zeros(1, int), chance, task)
        # The same place for all of them, which is none of the goals.
        state = lifetimes.state()
        state[0, :2] = (6.5, 5.2) if isinstance(family, IMaze) else family.center(list_places(5, 10)[[25]])[0]
        learner.begin(family, 1, rng)
        done: list[int] = []
        reward = np.zeros(1)
        while reward[0] != 10 and len(done) < family.horizon:
            learner.inform(select_known(learner, family, task, lifetimes.state()))
            action = learner.act(None)
            outcome, reward, _ = lifetimes.step(action)
            learner.learn(action, outcome, reward)
            done.append(int(action[0]))
        runs.append(done)
    for one in runs:
        for other in runs:
            common = min(len(one), len(other))
            assert one[:common] == other[:common]
    assert len({len(done) for done in runs}) > 1


@pytest.mark.parametrize(
    ("family", "num"), [(IMaze(num_decisions=400), 60), (RandomMaze(num_decisions=600), 40)], ids=str
)
def test_order_of_learners_on_common_random_numbers(family: TaskFamily, num: int) -> None:
    """Oracle > searcher > memoryless > random, each by over 3 standard errors; but the memoryless is as fast at first.

    To the first goal both searchers go the same ways, and later ones take the memoryless as long.
    """
    rewards = {name: play(name, family, num)[0] for name in ("oracle", "searcher", "memoryless", "random")}
    earned = [np.sum(each, axis=0) for each in rewards.values()]
    for better, worse in pairwise(earned):
        gain = better - worse
        assert np.mean(gain) > 3 * np.std(gain) / np.sqrt(num)
    first, later = latencies(rewards["searcher"])
    assert latencies(rewards["memoryless"])[0] == first
    assert first > 2 * later


def test_latencies_are_as_published() -> None:
    """About 93 decisions to the first goal of the I-maze, 29 to later ones; no drop where nothing is kept in mind.

    The paper has about 100 and 30. Every alcove is the goal's as often as the others.
    """
    family = IMaze(num_decisions=250)
    tasks = np.repeat([1.0, 2.0, 3.0, 4.0], 12)[:, None]
    first, later = latencies(play("searcher", family, 48, tasks)[0])
    assert 85 < first < 101
    assert 27 < later < 31
    # As long a lifetime as the longest search, so that all of them count.
    rewards, _ = play("memoryless", IMaze(num_decisions=700), 48, tasks)
    second = [np.diff(np.flatnonzero(each == 10))[0] for each in rewards.T]
    assert 75 < np.mean(second) < 110


def test_searchers_serve_mazes_alone() -> None:
    """All three mazes, told in one sentence that others are not; and what is found while passing by is not lost."""
    for id in ("MetaNavigation-IMaze-v0", "MetaNavigation-IMazeGrid-v0", "MetaNavigation-RandomMaze-v0"):
        assert serving(["searcher", "memoryless"], id) == ["searcher", "memoryless"]
    with pytest.raises(ValueError, match="memoryless serves mazes, and IndependentBandit is none"):
        make_learner("memoryless").begin(IndependentBandit(), 1, np.random.default_rng(0))


# Physics


def test_no_step_is_longer_than_a_push_round_a_corner() -> None:
    """Bodies driven at full speed into a corner from everywhere around it: longer than in a corridor, hardly so."""
    family, rng = IMaze(num_apples=0), np.random.default_rng(0)
    num = 60_000
    angle, way = rng.uniform(0, 2 * np.pi, (2, num))
    pose = np.zeros((num, 6))
    away = rng.uniform(0.2, 0.5, num)
    pose[:, :2] = np.stack([6 + away * np.cos(angle), 3 + away * np.sin(angle)], axis=-1)
    pose[:, 2] = rng.uniform(0, 2 * np.pi, num)
    pose[:, 3:5] = TOP * np.stack([np.cos(way), np.sin(way)], axis=-1)
    # Not in the wall, whose blocks are south-west of that corner, nor too near to its sides.
    x, y = pose[:, 0], pose[:, 1]
    pose = pose[((y < 2.8) & (y > 2.2)) | ((x > 6.2) & (x < 6.8))]
    longest = 0.0
    for action in range(8):
        now = pose
        for _ in range(2):
            now = family.move(np.ones((len(pose), 1)), now, np.full(len(pose), action))
            longest = max(longest, float(np.hypot(now[:, 3], now[:, 4]).max()))
    assert 1.005 * TOP < longest <= mazes.FASTEST == pytest.approx(0.0781, abs=1e-4)


def fastest(row: float, degrees: float, width: int = 800) -> int:
    """Decisions in which the north-western goal can be touched from rest, by search among very many bodies at once."""
    family = IMaze(num_apples=0)
    goal = family.center(family.find_goal(np.ones((1, 1))))[0]
    corners = np.array([[6.0, 3.0], [2.0, 2.0]])
    pose = np.array([[6.5, row, np.deg2rad(degrees), 0, 0, 0]])
    for decision in range(1, 60):
        each = np.repeat(pose, 8, axis=0)
        pose = family.move(np.ones((len(each), 1)), each, np.tile(np.arange(8), len(pose)))
        if np.hypot(*(pose[:, :2] - goal).T).min() <= 0.4:
            return decision
        # What is left of the way, round the corners' points, from where the body would come to rest.
        place = pose[:, :2] + pose[:, 3:5]
        turn = corners + 0.2 * np.array([[0.7, -0.7], [-0.7, 0.7]])
        legs = np.hypot(*(turn[0] - turn[1])), np.hypot(*(turn[1] - goal))
        left = np.hypot(*(place - turn[0]).T) + sum(legs)
        left = np.where(place[:, 1] < 3, np.hypot(*(place - turn[1]).T) + legs[1], left)
        left = np.where(place[:, 1] < 2, np.hypot(*(place - goal).T), left)
        kinds = np.round(np.concatenate([pose[:, :2] / 0.02, pose[:, 2:3] / np.deg2rad(5)], axis=-1)).astype(int)
        order = np.argsort(left)
        kept = np.sort(np.unique(kinds[order], axis=0, return_index=True)[1])[:width]
        pose = pose[order[kept]]
    raise AssertionError("the goal was not found")


@pytest.mark.parametrize("row", [4.6, 5.5, 6.4])
def test_no_body_is_faster_than_the_bound_and_some_are_nearly_as_fast(row: float) -> None:
    """The fastest of very many ways takes no less decisions than the bound, and at a good heading at most 1 more."""
    least = int(mazes._count_decisions(mazes._leave(np.array([row]))[1])[0])
    found = [fastest(row, degrees) for degrees in (-97, 180)]
    assert least <= min(found) <= least + 1


def wayfinder() -> tuple[Array, coo_array]:
    """Places of the I-maze on a fine lattice, a body's radius off all walls, and the straight ways between them."""
    free = np.array(IMaze().mazes.free[0]) == 1
    rows, columns = np.nonzero(~free)

    def gap(x: Array, y: Array) -> Array:
        across = np.maximum(np.maximum(columns - x[:, None], x[:, None] - columns - 1), 0)
        down = np.maximum(np.maximum(rows - y[:, None], y[:, None] - rows - 1), 0)
        return np.hypot(across, down).min(axis=1)

    x, y = (grid.ravel() / 10 for grid in np.meshgrid(np.arange(130), np.arange(110)))
    keep = free[y.astype(int), x.astype(int)] & (gap(x, y) >= 0.2 - 1e-9)
    x, y = x[keep], y[keep]
    number = {(round(10 * a), round(10 * b)): index for index, (a, b) in enumerate(zip(x, y, strict=True))}
    steps = [(a, b) for a in range(-9, 10) for b in range(-9, 10) if np.gcd(a, b) == 1]
    parts = []
    for a, b in steps:
        pairs = [(index, number.get((p + a, q + b), -1)) for (p, q), index in number.items()]
        begin, end = np.array([pair for pair in pairs if pair[1] >= 0]).T
        middle = np.min(
            [gap(x[begin] + share * a / 10, y[begin] + share * b / 10) for share in (0.2, 0.35, 0.5, 0.65, 0.8)], axis=0
        )
        clear = middle >= 0.196
        parts.append((begin[clear], end[clear], np.full(clear.sum(), np.hypot(a, b) / 10)))
    begin, end, length = (np.concatenate(part) for part in zip(*parts, strict=True))
    return np.stack([x, y], axis=-1), coo_array((length, (begin, end)), shape=(len(x), len(x)))


def test_strings_are_the_shortest_ways_of_brute_force() -> None:
    """From the corridor and between alcoves no way over a lattice is shorter, and the shortest ones are hardly longer.

    A lattice that lies in .8 of the north-western mouth stands for the whole of it.
    """
    place, ways = wayfinder()
    mouths = [(1.5, 2.0), (11.5, 2.0), (1.5, 9.0), (11.5, 9.0)]
    goals = [(1.5, 1.5), (11.5, 1.5), (1.5, 9.5), (11.5, 9.5)]

    def near(spot: tuple[float, float], x: float, y: float) -> NDArray[np.intp]:
        gap = np.abs(place - spot)
        return np.flatnonzero((gap[:, 0] <= x + 1e-9) & (gap[:, 1] <= y + 1e-9))

    def shortest(begin: NDArray[np.intp], end: NDArray[np.intp]) -> float:
        return float(dijkstra(ways, indices=begin, min_only=True)[end].min())

    cases = []
    for row in (4.5, 5.5, 6.5):
        told = mazes._leave(np.array([row]))
        start = near((6.5, row), 0.01, 0.01)
        cases += [(start, near(mouths[0], 0.3, 0.01), told[0], 2), (start, near(goals[0], 0.01, 0.01), told[1], 2)]
    for other in (1, 2, 3):
        told = mazes._cross(0, other)
        start = near(mouths[0], 0.3, 0.01)
        cases += [(start, near(mouths[other], 0.3, 0.01), told[0], 2 if other == 1 else 4)]
        cases += [(start, near(goals[other], 0.01, 0.01), told[1], 2 if other == 1 else 4)]
    for number, (begin, end, told, corners) in enumerate(cases):
        found = shortest(begin, end) - (0.4 if number % 2 else 0.0)
        least = float(np.ravel(told)[0])
        assert least <= found <= least * 1.01 + corners * 0.05


def test_a_string_round_a_quarter_by_hand() -> None:
    """3 along x, a quarter of a circle of radius .5, 4 along y; and the same mirrored."""
    told = mazes.measure_string([(-3 - 0.5j, 0.0), (0.0 + 0j, 0.5), (0.5 + 4j, 0.0)])
    assert told == pytest.approx(7 + np.pi / 4 - mazes.GAIN)
    told = mazes.measure_string([(-3 + 0.5j, 0.0), (0.0 + 0j, -0.5), (0.5 - 4j, 0.0)])
    assert told == pytest.approx(7 + np.pi / 4 - mazes.GAIN)


# Bounds


def test_visits_are_counted_as_by_enumeration() -> None:
    """Of visits that take 2 or 3 decisions with probabilities .3 and .7, over all their orders in 9 decisions."""

    def enumerate_visits(left: int) -> float:
        return sum(p * (1 + enumerate_visits(left - n)) for n, p in ((2, 0.3), (3, 0.7)) if n <= left)

    told = mazes.count_visits(np.array([[0.0, 0.0, 0.3, 0.7]]), 9)[0]
    np.testing.assert_allclose(told, [enumerate_visits(left) for left in range(10)])


def test_least_ways_in_random_mazes_are_those_of_brute_force() -> None:
    """Dijkstra over blocks and the sides on which they are left, with 1 for straight on and .308 for a turn."""
    family = RandomMaze(layouts="random")
    task = np.array([[3.0, 17.0], [400.0, 0.0], [999.0, 49.0]])
    told = mazes.find_ways(family, task)
    width, sides = 21, np.array([1, 21, -1, -21])
    for row, (maze, goal) in enumerate(task.astype(int)):
        free = family.mazes.free[maze].ravel() == 1
        links = []
        for block in np.flatnonzero(free):
            for side in range(4):
                following = block + sides[side]
                if free[following]:
                    links += [
                        (4 * block + side, 4 * following + turn, 1.0 if turn == side else 0.196 * np.pi / 2)
                        for turn in range(4)
                        if turn != (side + 2) % 4
                    ]
        begin, end, length = (np.array(part) for part in zip(*links, strict=True))
        graph = coo_array((length, (begin, end)), shape=(4 * 11 * width, 4 * 11 * width))
        places = list_places(5, 10)
        far = dijkstra(graph, indices=[4 * block + side for block in places for side in range(4)])
        # From the middle of a block to its side and from the goal's side to its middle 1/2 each, between them blocks.
        enter = [4 * (places[goal] - sides[side]) + side for side in range(4) if free[places[goal] - sides[side]]]
        brute = 1.0 + far[:, enter].min(axis=1).reshape(-1, 4).min(axis=1)
        others = np.arange(50) != goal
        np.testing.assert_allclose(told[row, others], brute[others])


def test_one_who_knows_the_goal_never_is_faster_than_the_bound() -> None:
    """In 200 visits of random mazes and of the I-maze each takes as many decisions as the least, or more."""
    for family in (RandomMaze(layouts="random", num_apples=0), IMaze(num_apples=0)):
        rng = np.random.default_rng(2)
        share = rng.random((200, family.num_task_chance))
        task = family.sample_task(share)
        state = family.initial_state(task, share)
        if isinstance(family, RandomMaze):
            place = np.searchsorted(list_places(5, 10), family.block(state[:, :2]))
            length = mazes.find_ways(family, task)[np.arange(200), place] - 0.4
            least = np.ceil((length / mazes.FASTEST + 1) / 4)
        else:
            row = np.where(task[:, 0] <= 2, state[:, 1], 11 - state[:, 1])
            least = mazes._count_decisions(mazes._leave(row)[1])
        taken = np.zeros(200)
        for decision in range(1, 400):
            outcome = family.outcome(task, state, family.best_action(task, state), rng.random((200, 2)))
            taken[(outcome[:, -1] == 1) & (taken == 0)] = decision
            state = family.next_state(state, np.zeros(200), outcome)
            if taken.all():
                break
        assert np.all(taken >= least)
        assert np.all(least >= 0.5 * taken)


def test_bounds_lie_above_what_is_achieved() -> None:
    """Bound > searcher > random play, by far; the policy is the searcher, and nobody calls it optimal."""
    for family, share in ((IMaze(num_decisions=200), 0.7), (RandomMaze(num_decisions=200), 0.3)):
        optimum = meta_envs.solve(family)
        assert optimum.kind == "bound"
        assert optimum.policy.name == "searcher"
        assert optimum.value > optimum.achieved > optimum.random_value + 5
        assert optimum.achieved > share * optimum.value
        with pytest.raises(ValueError, match="use searcher"):
            make_learner("bayes").begin(family, 1, np.random.default_rng(0))


def test_bound_of_the_i_maze_by_hand() -> None:
    """Too short for any visit there are the apples; with time for one visit it is the chance of the nearer alcove.

    From the middle the nearest alcove takes 25 decisions and the next one over 50, so that of 4 in 28 one is found.
    """
    assert meta_envs.solve(IMaze(num_decisions=20)).value == 5
    assert meta_envs.solve(IMaze(num_decisions=20, apple_reward=-1)).value == 0
    assert meta_envs.solve(IMaze(num_decisions=28, num_apples=0)).value == pytest.approx(10 / 4)
    assert meta_envs.solve(IMaze(num_decisions=28, num_apples=0, goal_reward=-1)).value == 0


def test_scorecards_have_scores_below_one() -> None:
    """An evaluation finds the bound, and its score is that of the searcher on the way from random play to it."""
    card = meta_envs.evaluate("searcher", "MetaNavigation-IMaze-v0", episodes=20, num_decisions=200)
    assert card.optimum_kind == "bound"
    assert card.score is not None
    assert 0.5 < card.score < 1
