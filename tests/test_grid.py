"""The maze of cells against a maze drawn by hand, searched by this file's own breadth-first search."""

from collections import deque
from functools import cache
from itertools import permutations

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import chisquare

import meta_envs
from meta_envs import testing
from meta_envs.families.i_maze_grid import IMazeGrid
from meta_envs.rendering.painters import find_painter

ID = "MetaNavigation-IMazeGrid-v0"
FORWARD, LEFT, RIGHT, BACK = range(4)
LEVEL = 1e-4
TINY = dict(corridor=1, arm=1, num_moves=12)

Pose = tuple[int, int, int, int]
"""Place, east and north, and the direction looked to, east and north."""
START: Pose = (0, 0, 0, 1)


class HandMaze:
    """The same maze from its description, in coordinates: open cells, four ends, and what moves do."""

    def __init__(self, corridor: int, arm: int) -> None:
        self.open = {(0, north) for north in range(-corridor, corridor + 1)}
        self.open |= {(east, side) for east in range(-arm, arm + 1) for side in (-corridor, corridor)}
        self.ends = [(-arm, corridor), (arm, corridor), (-arm, -corridor), (arm, -corridor)]

    def move(self, pose: Pose, action: int) -> Pose:
        """The pose after an action, were no goal anywhere."""
        x, y, east, north = pose
        if action == LEFT:
            return x, y, -north, east
        if action == RIGHT:
            return x, y, north, -east
        sign = 1 if action == FORWARD else -1
        place = (x + sign * east, y + sign * north)
        return (*place, east, north) if place in self.open else pose

    def distances(self, start: Pose) -> dict[Pose, int]:
        """Fewest moves from a pose to every pose."""
        found, queue = {start: 0}, deque([start])
        while queue:
            pose = queue.popleft()
            for action in range(4):
                after = self.move(pose, action)
                if after not in found:
                    found[after] = found[pose] + 1
                    queue.append(after)
        return found

    def best_search(self) -> tuple[float, list[int]]:
        """Fewest moves to the goal on average over all orders of the arms and ways to enter them, and one such list."""
        ways = cache(self.distances)

        def total(times: list[int]) -> int:
            """All times, where those to come begin at the last."""
            return sum(times) + (4 - len(times)) * times[-1]

        best = (np.inf, [0])
        for order in permutations(self.ends):
            fronts: dict[Pose, list[int]] = {START: []}
            for end in order:
                reached: dict[Pose, list[int]] = {}
                for pose, times in fronts.items():
                    for after, moves in ways(pose).items():
                        longer = [*times, (times[-1] if times else 0) + moves]
                        if after[:2] == end and (after not in reached or total(longer) < total(reached[after])):
                            reached[after] = longer
                fronts = reached
            best = min(best, *((sum(times) / 4, times) for times in fronts.values()))
        return best

    def best_return(self, num_moves: int) -> float:
        """Goals that the best learner finds on average, by going through all poses, moves and goals still possible."""

        @cache
        def value(pose: Pose, possible: frozenset[tuple[int, int]], left: int) -> float:
            if left == 0:
                return 0.0
            options = []
            for action in range(4):
                after = self.move(pose, action)
                place = after[:2]
                moved = place != pose[:2]
                if not (moved and place in possible):
                    options.append(value(after, possible, left - 1))
                    continue
                here = 1.0 / len(possible)
                found = 1.0 + value(START, frozenset([place]), left - 1)
                missed = value(after, possible - {place}, left - 1) if len(possible) > 1 else 0.0
                options.append(here * found + (1.0 - here) * missed)
            return max(options)

        return value(START, frozenset(self.ends), num_moves)


def play(env: gym.Env, actions: list[int]) -> list[float]:
    """Rewards of actions."""
    return [float(env.step(action)[1]) for action in actions]


def test_tiny_mazes_keep_the_contract():
    """With and without apples, and where functions are called in place of look-ups."""
    testing.check(ID, **TINY)
    testing.check(ID, corridor=1, arm=2, num_moves=9, num_apples=1, view=3)


def test_many_apples_are_not_listed_and_live_alike():
    """With more states than are listed, every observation and reward is that of the hand maze's poses."""
    family = meta_envs.make_family(ID, num_apples=6)
    assert family.states() is None
    testing.check_vector_same_step(ID, corridor=6, arm=1, num_apples=8, num_moves=40)


@pytest.mark.parametrize(("corridor", "arm"), [(1, 1), (2, 3), (9, 18)])
def test_moves_are_those_of_a_maze_drawn_by_hand(corridor, arm):
    """Random walks, and walks into all corners: places and headings agree with the hand maze after every move."""
    maze = HandMaze(corridor, arm)
    family = IMazeGrid(corridor=corridor, arm=arm)
    rng = np.random.default_rng(1)
    compass = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    assert set(map(tuple, family.maze.cells.tolist())) == maze.open
    for _ in range(20):
        state, pose = family.initial_state(None, np.zeros((1, 1))), START
        for _ in range(300):
            # Long straight ways, so that walks get far.
            action = int(rng.choice(4, p=[0.55, 0.15, 0.15, 0.15]))
            state, pose = family.next_state(state, np.array([action]), np.zeros(1, int)), maze.move(pose, action)
            assert (*family.maze.cells[state[0, 0]], *compass[state[0, 1]]) == pose


@pytest.mark.parametrize("goal", [1, 2, 3, 4])
def test_one_who_knows_the_goal_needs_28_moves(goal):
    """The shortest way from the centre, by breadth-first search, is 9 + 1 + 18 to each arm's end, and it is paid."""
    maze = HandMaze(9, 18)
    ways = maze.distances(START)
    shortest = min(moves for pose, moves in ways.items() if pose[:2] == maze.ends[goal - 1])
    assert shortest == 28
    env = gym.make(ID)
    env.reset(seed=0, options={"task": [goal]})
    way = {1: [FORWARD, LEFT], 2: [FORWARD, RIGHT], 3: [BACK, LEFT], 4: [BACK, RIGHT]}[goal]
    moves = [way[0]] * 9 + [way[1]] + [FORWARD] * 18
    assert play(env, moves) == [0.0] * 27 + [10.0]
    assert play(env, moves) == [0.0] * 27 + [10.0]


def test_best_first_to_later_latency_is_about_100_to_30():
    """Over all orders of the arms the best search takes 92 moves on average, later ways 28: near 2 + 2 x = 10 / 3."""
    average, moves = HandMaze(9, 18).best_search()
    assert moves == [28, 64, 120, 156]
    assert average == 92
    assert average / 28 == pytest.approx(10 / 3, rel=0.02)


@pytest.mark.parametrize(
    ("corridor", "arm", "num_moves"), [(1, 1, 5), (1, 1, 6), (1, 1, 12), (1, 2, 17), (2, 1, 20), (2, 4, 45)]
)
def test_the_solver_equals_brute_force(corridor, arm, num_moves):
    """Value of the generic solver, and of a recursion over the hand maze's poses and the goals still possible."""
    expected = 10 * HandMaze(corridor, arm).best_return(num_moves)
    solved = meta_envs.solve(ID, corridor=corridor, arm=arm, num_moves=num_moves)
    assert solved.value == pytest.approx(expected, abs=1e-9)


def test_the_optimum_at_full_size_by_hand():
    """Searched in 28, 64, 120 and 156 moves, then every 28: 7, 5, 3 and 2 goals in 200 moves."""
    goals = [1 + (200 - first) // 28 for first in (28, 64, 120, 156)]
    assert goals == [7, 5, 3, 2]
    optimum = meta_envs.solve(ID)
    assert optimum.value == pytest.approx(10 * sum(goals) / 4)
    # A random walk hardly ever comes that far.
    assert 0.0 < optimum.random_value < 0.01


def test_walls_stop_a_move():
    """At the junction, facing the crossbar's wall, forward changes nothing."""
    env = gym.make(ID, **TINY)
    env.reset(seed=0, options={"task": [1]})
    before = env.step(FORWARD)[0]
    after = env.step(FORWARD)[0]
    np.testing.assert_array_equal(before, after)
    # Still at the junction: left and forward is the goal.
    assert play(env, [LEFT, FORWARD]) == [0.0, 10.0]


def test_the_goal_pays_once_for_each_entry_and_puts_back_to_the_centre():
    """After the goal the view is the first one; ends without the goal pay nothing."""
    env = gym.make(ID, **TINY)
    first, _ = env.reset(seed=0, options={"task": [2]})
    assert play(env, [FORWARD, LEFT, FORWARD, BACK]) == [0.0] * 4
    observation, reward, *_ = env.step(BACK)
    assert reward == 10.0
    np.testing.assert_array_equal(observation, first)
    assert play(env, [FORWARD, RIGHT, FORWARD]) == [0.0, 0.0, 10.0]


def test_goals_are_drawn_alike():
    """10,000 lifetimes, chi-square."""
    venv = gym.make_vec(ID, 10_000, **TINY)
    venv.reset(seed=1)
    assert chisquare(np.bincount(venv.unwrapped.task[:, 0].astype(int), minlength=5)[1:]).pvalue > LEVEL


def test_views_are_the_hand_mazes():
    """At every place and heading, each of the 25 numbers says whether the hand maze is open there."""
    maze, family = HandMaze(3, 4), IMazeGrid(corridor=3, arm=4)
    compass = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    states = family.states()
    for state, seen in zip(states, family.observe(None, states), strict=True):
        (x, y), (east, north) = family.maze.cells[state[0]], compass[state[1]]
        expected = [
            (x + ahead * east + aside * north, y + ahead * north - aside * east) in maze.open
            for ahead in (2, 1, 0, -1, -2)
            for aside in (-2, -1, 0, 1, 2)
        ]
        assert seen.tolist() == expected


def test_apples_are_paid_once_and_seen_until_then():
    """Two apples in a corridor of 2 cells a side: one cell north and one south of the centre."""
    env = gym.make(ID, corridor=2, arm=3, num_apples=2)
    apples = env.reset(seed=0, options={"task": [1]})[0][25:].reshape(5, 5)
    assert np.argwhere(apples).tolist() == [[1, 2], [3, 2]]
    observation, reward, *_ = env.step(FORWARD)
    assert reward == 1.0
    assert np.argwhere(observation[25:].reshape(5, 5)).tolist() == [[4, 2]]
    assert play(env, [BACK, FORWARD, BACK, BACK, FORWARD, BACK]) == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert play(env, [FORWARD] * 4 + [LEFT] + [FORWARD] * 3)[-1] == 10.0
    # Not replaced after the goal; in the next lifetime they are back.
    assert play(env, [FORWARD, BACK, BACK]) == [0.0, 0.0, 0.0]
    assert env.reset()[0][25:].sum() == 2


@pytest.mark.parametrize("num_apples", [1, 3, 4, 18])
def test_every_apple_has_a_cell_of_its_own(num_apples):
    """A tour of the corridor collects all of them, and no more."""
    family = IMazeGrid(num_apples=num_apples)
    state = family.initial_state(None, np.zeros((1, 1)))
    paid = 0.0
    for action in [FORWARD] * 9 + [BACK] * 18:
        given = state, np.array([action]), np.zeros(1, int)
        paid += float(family.reward(*given)[0])
        state = family.next_state(*given)
    assert paid == num_apples
    assert state[0, 2] == 0


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (dict(view=4), "odd number"),
        (dict(num_apples=19), "room for 18 apples"),
        (dict(corridor=0), "at least 1"),
        (dict(goal_reward=np.inf), "finite number"),
    ],
    ids=str,
)
def test_nonsense_is_refused(keywords, words):
    """In one sentence that says what to give."""
    with pytest.raises(ValueError, match=words):
        gym.make(ID, **keywords)


def test_pictures_hide_the_goal_until_it_is_found():
    """Lifetimes with other goals look and read alike until one of the goals is found, or all is over."""
    for mode in ("rgb_array", "ansi"):
        envs = [gym.make(ID, render_mode=mode, **TINY) for _ in range(2)]
        for env, goal in zip(envs, (1, 4), strict=True):
            env.reset(seed=0, options={"task": [goal]})
        # First into the two ends at which neither has its goal.
        moves = [FORWARD, RIGHT, FORWARD, BACK, LEFT, BACK, BACK, LEFT, FORWARD, BACK, BACK, FORWARD]
        for number, move in enumerate(moves):
            shown = [env.render() for env in envs]
            alike = np.array_equal(shown[0], shown[1])
            # The eleventh move enters the fourth goal.
            assert alike == (number < 11)
            for env in envs:
                env.step(move)
        assert not np.array_equal(envs[0].render(), envs[1].render())


def test_the_map_of_a_wide_maze_falls_back_to_the_table():
    """Lines of text have at most 80 characters."""
    for arm in (39, 40):
        env = gym.make(ID, render_mode="ansi", arm=arm)
        env.reset(seed=0)
        assert max(map(len, env.render().splitlines())) <= 80
    assert find_painter(IMazeGrid()).fps == 10
