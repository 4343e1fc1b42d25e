"""The first-person mazes: layouts, physics, views, and what they are worth, by hand and by brute force."""

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from scipy import ndimage, stats

import meta_envs
from meta_envs.families.i_maze import IMaze
from meta_envs.families.maze import ACTIONS
from meta_envs.families.random_maze import RandomMaze
from meta_envs.families.worlds import mazes, raycast

FAMILIES = [
    IMaze(resolution=36),
    RandomMaze(resolution=36),
    RandomMaze(resolution=36, size="large"),
    RandomMaze(resolution=36, layouts="random"),
    RandomMaze(resolution=36, size="tiny"),
]
ALCOVES = {1: (1.5, 1.5), 2: (11.5, 1.5), 3: (1.5, 9.5), 4: (11.5, 9.5)}
"""Places of the four goals in the I."""
RADIUS, SPEED = 0.2, 0.3
"""Of the body in blocks, and its top speed in blocks a decision, as the docstrings say."""


def born(family, num, seed=0):
    """Tasks and first states of ``num`` lifetimes."""
    share = np.random.default_rng(seed).random((num, family.num_task_chance))
    task = family.sample_task(share)
    return task, family.initial_state(task, share)


def act(family, task, state, action, chance=None):
    """Next states and rewards of one decision, all copies taking the same action or each its own."""
    action = np.broadcast_to(np.asarray(action, np.intp), len(state))
    outcome = family.outcome(task, state, action, np.full((len(state), 2), 0.5) if chance is None else chance)
    return family.next_state(state, action, outcome), family.reward(state, action, outcome)


def posed(family, x, y, degrees=0.0, task=None):
    """A state at rest at a place."""
    task, state = born(family, 1) if task is None else (np.array([task]), born(family, 1)[1])
    state[:, :6] = [x, y, np.deg2rad(degrees), 0, 0, 0]
    return task, state


# Layouts


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (5, 10), (9, 15)])
@pytest.mark.parametrize("split", mazes.SETS)
def test_every_place_of_every_random_maze_can_be_reached(rows, columns, split):
    """Of all 1000 mazes of each set: free blocks hang together, all places are free, the border is wall, no halls."""
    stack = mazes.random_mazes(rows, columns, split)
    assert stack.free.shape == (1000, 2 * rows + 1, 2 * columns + 1)
    for free in stack.free:
        assert ndimage.label(free)[1] == 1
        assert free[1::2, 1::2].all()
        assert not free[[0, -1]].any()
        assert not free[:, [0, -1]].any()
        assert not (free[:-1, :-1] & free[1:, :-1] & free[:-1, 1:] & free[1:, 1:]).any()


def test_train_and_test_mazes_are_all_different():
    """No maze is in both sets, or twice in one."""
    for rows, columns in ((5, 10), (9, 15)):
        layouts = [free.tobytes() for split in mazes.SETS for free in mazes.random_mazes(rows, columns, split).free]
        assert len(set(layouts)) == 2000


def test_random_mazes_have_loops():
    """The corridors of most mazes are more than a tree: more links between blocks than blocks less one."""
    free = mazes.random_mazes(5, 10, "train").free.astype(int)
    links = (free[:, 1:] & free[:, :-1]).sum((1, 2)) + (free[:, :, 1:] & free[:, :, :-1]).sum((1, 2))
    loops = links - (free.sum((1, 2)) - 1)
    # 85 links between 50 places, 49 of a tree, and a tenth of the other 36.
    assert abs(loops.mean() - 3.6) < 4 * np.sqrt(36 * 0.1 * 0.9 / 1000)


def test_mazes_are_the_same_in_every_process():
    """A maze is made from its number alone, whatever was made before."""
    code = "import hashlib; from meta_envs.families.worlds import mazes; m = mazes.random_mazes(5, 10, 'test', 7)\n"
    code += "print(hashlib.sha256(m.free[6].tobytes() + m.texture[6].tobytes()).hexdigest())"
    fresh = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout for _ in range(2)]
    whole = mazes.random_mazes(5, 10, "test")
    few = mazes.random_mazes(5, 10, "test", 7)
    assert fresh[0] == fresh[1]
    np.testing.assert_array_equal(whole.free[:7], few.free)
    np.testing.assert_array_equal(whole.texture[:7], few.texture)


def relaxed(free, goal):
    """Blocks to go to a flat index, by relaxation until nothing changes."""
    length = np.full(free.shape, np.inf)
    length.flat[goal] = 0
    while True:
        padded = np.pad(length, 1, constant_values=np.inf)
        around = np.minimum.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
        better = np.where(free, np.minimum(length, around + 1), np.inf)
        if np.array_equal(better, length):
            return length
        length = better


def test_shortest_ways_are_those_of_brute_force():
    """In the I and in random mazes, and following them takes a block off the way at each step."""
    for family in FAMILIES:
        task, _ = born(family, 5)
        for maze, goal in zip(family.find_maze(task).tolist(), family.find_goal(task).tolist(), strict=True):
            route = mazes.find_route(family.mazes, maze, goal)
            free = family.mazes.free[maze] == 1
            np.testing.assert_array_equal(route.length.reshape(free.shape), relaxed(free, goal))
            blocks = np.flatnonzero(free)
            steps = route.length[blocks] - route.length[route.following[blocks]]
            assert sorted(set(steps.tolist())) == [0.0, 1.0]
            assert np.count_nonzero(steps == 0) == 1


def test_every_goal_of_the_i_is_nine_blocks_from_its_middle():
    """Three to the end of the corridor and six through the arm, twice as many, to each of the four alcoves."""
    family = IMaze()
    middle = family.block(np.array([[6.5, 5.5]]))[0]
    ends = family.block(np.array([[6.5, 2.5], [6.5, 8.5]]))
    for goal, place in ALCOVES.items():
        block = family.find_goal(np.array([[float(goal)]]))
        np.testing.assert_array_equal(family.center(block)[0], place)
        length = relaxed(i_layout(), int(block[0]))
        assert length.flat[middle] == 9
        assert min(length.flat[ends]) == 6


def i_layout():
    """Where one can walk in the I."""
    return mazes.i_maze().free[0] == 1


# Physics


def test_speeds_are_those_of_the_docstring():
    """From rest, a decision covers 3.0625 / 4 of the way it drives for, and coasting covers the rest of it."""
    family = IMaze(num_apples=0)
    ways = {"forward": (0, -1), "backward": (0, 1), "left": (-1, 0), "right": (1, 0)}
    for action, way in ways.items():
        task, state = posed(family, 3.5 if way[0] else 6.5, 2.5 if way[0] else 5.5, -90)
        begin = state[0, :2].copy()
        state, _ = act(family, task, state, ACTIONS.index(action))
        np.testing.assert_allclose(state[0, :2] - begin, np.array(way) * SPEED * 3.0625 / 4, atol=1e-12)
        np.testing.assert_allclose(state[0, :2] + state[0, 3:5] - begin, np.array(way) * SPEED, atol=1e-12)
    for action, sign in (("turn left", -1), ("turn right", 1)):
        task, state = posed(family, 6.5, 5.5, 90)
        state, _ = act(family, task, state, ACTIONS.index(action))
        assert np.rad2deg(state[0, 2]) == pytest.approx(90 + sign * 20 * 3.0625 / 4)
        assert np.rad2deg(state[0, 2] + state[0, 5]) == pytest.approx(90 + sign * 20)
        assert state[0, :2].tolist() == [6.5, 5.5]


def test_velocity_is_seen_as_fractions_of_the_top_speeds():
    """After many decisions of one action, 1 or -1 in its own place and 0 elsewhere."""
    family = IMaze(num_apples=0, resolution=36)
    told = {0: (0, 1.0), 1: (0, -1.0), 2: (1, -1.0), 3: (1, 1.0), 4: (4, -1.0), 5: (4, 1.0)}
    for action, (place, value) in told.items():
        task, state = posed(family, 9.5, 2.5, {0: 180, 1: 0, 2: -90, 3: 90}.get(action, 0))
        for _ in range(12):
            state, _ = act(family, task, state, action)
        expected = np.zeros(6, np.float32)
        expected[place] = value
        np.testing.assert_allclose(family.observe(task, state)["velocity"][0], expected, atol=1e-6)


def test_bodies_slide_along_walls_and_stop_before_them():
    """Pushed at 30 degrees against a wall, a body goes along it with the cosine of its speed; head-on it rests."""
    family = IMaze(num_apples=0)
    task, state = posed(family, 9.5, 2.5, 180 + 30)
    for _ in range(15):
        before, (state, _) = state, act(family, task, state, 0)
    assert state[0, 1] == pytest.approx(2 + RADIUS)
    assert before[0, 0] - state[0, 0] == pytest.approx(SPEED * np.cos(np.deg2rad(30)))
    task, state = posed(family, 6.5, 3.5, -90)
    for _ in range(15):
        state, _ = act(family, task, state, 0)
    np.testing.assert_allclose(state[0, :2], [6.5, 2 + RADIUS])
    np.testing.assert_allclose(state[0, 3:5], 0, atol=1e-12)


def gap_to_walls(free, place):
    """Distance from a place to the nearest wall block, over all blocks."""
    rows, columns = np.nonzero(free == 0)
    across = np.maximum(np.maximum(columns - place[0], place[0] - columns - 1), 0)
    down = np.maximum(np.maximum(rows - place[1], place[1] - rows - 1), 0)
    return np.hypot(across, down).min()


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_no_body_ever_enters_a_wall(family):
    """In 64 x 300 decisions of random play in runs, all bodies keep their radius from all walls."""
    rng = np.random.default_rng(1)
    task, state = born(family, 64)
    layouts, action = family.mazes.free[family.find_maze(task)], rng.integers(8, size=64)
    walls = 0
    for _ in range(300):
        action = np.where(rng.random(64) < 0.3, rng.integers(8, size=64), action)
        state, _ = act(family, task, state, action, rng.random((64, 2)))
        gaps = [gap_to_walls(free, place) for free, place in zip(layouts, state[:, :2], strict=True)]
        assert min(gaps) > RADIUS - 1e-9
        walls += np.count_nonzero(np.array(gaps) < RADIUS + 1e-6)
    assert walls > 1000


def test_goal_pays_and_puts_back_and_apples_pay_once():
    """The goal pays 10 every time and leads into the corridor; an apple pays 1 and is gone for the lifetime."""
    family = IMaze()
    task, state = posed(family, 1.5, 2.1, -90, task=[1.0])
    state, reward = act(family, task, state, 0, np.array([[1.0, 0.25]]))
    assert reward[0] == 10
    np.testing.assert_allclose(state[0, :6], [6.5, 6.5, np.pi / 2, 0, 0, 0])
    paid = [act(family, task, state, 5)[1][0]]
    state, _ = act(family, task, state, 5)
    for _ in range(5):
        state, reward = act(family, task, state, 5)
        paid.append(reward[0])
    assert paid == [1.0, 0, 0, 0, 0, 0]
    other, state = posed(family, 1.5, 2.1, -90, task=[2.0])
    assert act(family, other, state, 0)[1][0] == 0


def test_rewards_are_as_given():
    """Keywords of the rewards reach the rewards, and those that cannot come are not listed."""
    family = IMaze(goal_reward=4, apple_reward=-0.5)
    assert family.reward_values == (-0.5, 0.0, 4.0)
    assert IMaze(num_apples=0).reward_values == (0.0, 10.0)
    task, state = posed(family, 1.5, 2.1, -90, task=[1.0])
    assert act(family, task, state, 0)[1][0] == 4
    task, state = posed(family, 6.5, 5.5, 0)
    assert act(family, task, state, 5)[1][0] == -0.5


# Priors


def test_places_of_goal_apples_and_start_are_uniform_and_distinct():
    """Over 20,000 lifetimes each of the 50 places is as often the goal, an apple's, and the start."""
    family = RandomMaze()
    task, state = born(family, 20_000)
    goal = family.find_goal(task)
    start, apples = family.block(state[:, :2]), state[:, 6:].astype(int)
    assert (start != goal).all()
    assert (apples != goal[:, None]).all()
    assert all(len(set(row)) == 5 for row in apples.tolist())
    for blocks in (goal, start, apples.ravel()):
        counts = np.unique(blocks, return_counts=True)[1]
        assert len(counts) == 50
        assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.kstest(state[:, 2] / (2 * np.pi), "uniform").pvalue > 1e-4


def test_sets_of_mazes_are_chosen_alike_by_every_maker():
    """Keywords work through ``make`` and ``make_vec`` alike, and the test set shows other mazes."""
    keywords = dict(layouts="random", split="test", resolution=36, num_decisions=3)
    task = {"task": [3, 7]}
    env = gym.make("MetaNavigation-RandomMaze-v0", **keywords)
    venv = gym.make_vec("MetaNavigation-RandomMaze-v0", 2, **keywords)
    train = gym.make("MetaNavigation-RandomMaze-v0", **{**keywords, "split": "train"})
    images = [each.reset(seed=0, options=task)[0]["image"] for each in (env, train)]
    np.testing.assert_array_equal(images[0], venv.reset(seed=0, options=task)[0]["image"][0])
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize(
    "keywords",
    [
        dict(size="huge"),
        dict(layouts="other"),
        dict(size="tiny", layouts="random"),
        dict(num_apples=11, size="tiny"),
        dict(split="test"),
        dict(split="validation", layouts="random"),
        dict(num_apples=49),
        dict(num_apples=-1),
        dict(resolution=35),
        dict(num_decisions=-1),
        dict(goal_reward=np.nan),
    ],
    ids=str,
)
def test_nonsense_is_refused(keywords):
    """In one sentence that names the keyword."""
    with pytest.raises(ValueError, match=next(iter(keywords))):
        RandomMaze(**keywords)


def test_lifetimes_are_as_long_as_published():
    """3600 and 10,800 primitive steps, four a decision."""
    assert [RandomMaze(size=size).horizon * 4 for size in ("small", "large")] == [3600, 10_800]
    assert RandomMaze(num_decisions=5).horizon == 5


# Knowing and searching


def search(family, seed, knowing):
    """Decisions to the goal (64,): straight to it, or by arms, both of the nearer end first."""
    rng = np.random.default_rng(seed)
    task, state = born(family, 64, seed)
    north = state[:, 1] < 5.5
    tour = np.where(north[:, None], [1, 2, 4, 3], [3, 4, 2, 1])
    if knowing:
        tour = np.repeat(task.astype(int), 4, axis=1)
    visits, taken = np.zeros(64, int), np.zeros(64)
    for step in range(1, 300):
        goal = tour[np.arange(64), visits][:, None].astype(float)
        action = family.steer(task, state, family.find_goal(goal))
        state, reward = act(family, task, state, action, rng.random((64, 2)))
        taken[(reward == 10) & (taken == 0)] = step
        if taken.all():
            return taken
        there = np.hypot(*(state[:, :2] - family.center(family.find_goal(goal))).T) <= 0.4
        visits = np.minimum(visits + there, 3)
    raise AssertionError("a goal was not found")


def test_the_best_first_to_later_latency_is_as_published():
    """A steersman who searches in the best order finds the goal in about 100 decisions, and again in about 30."""
    family = IMaze(num_apples=0)
    first, later = (np.concatenate([search(family, seed, knowing) for seed in range(4)]) for knowing in (False, True))
    assert 25 <= later.mean() <= 30
    assert 92 <= first.mean() <= 100
    assert 3.1 < first.mean() / later.mean() < 3.5
    # By hand, along the middle of the corridors: 8.6 blocks, and with the nearer end first 27.9. The steersman keeps to
    # the middle but for the corners; how much less any other could need is in tests/test_maze_optimum.py.
    assert 8.2 / SPEED <= later.mean() < 8.6 / SPEED + 2
    assert 27.0 / SPEED <= first.mean() < 27.9 / SPEED + 6


def test_best_actions_lead_to_the_goal_nearly_at_top_speed():
    """In random mazes, in at most a fifth more decisions than the shortest way takes, and 5 to turn."""
    family = RandomMaze(layouts="random", num_apples=0)
    task, state = born(family, 48)
    pairs = zip(family.find_maze(task).tolist(), family.find_goal(task).tolist(), strict=True)
    starts = family.block(state[:, :2])
    ways = [relaxed(family.mazes.free[maze] == 1, goal).flat[start] for (maze, goal), start in zip(pairs, starts)]  # noqa: B905
    taken = np.zeros(48)
    for step in range(1, 400):
        state, reward = act(family, task, state, family.best_action(task, state))
        taken[(reward > 0) & (taken == 0)] = step
        if taken.all():
            break
    assert taken.all()
    assert (taken <= 1.2 * np.array(ways) / SPEED + 5).all()


# Views


def viewed(maze, eye, spots=(), resolution=84, index=0):
    """One view of a maze from (x, y, degrees), with the goal and apples at places, or None for no goal."""
    places = np.array([[(-9.0, -9.0) if spot is None else spot for spot in (spots or [None])]])
    shown = np.array([[spot is not None for spot in (spots or [None])]])
    eyes = np.array([[eye[0], eye[1], np.deg2rad(eye[2])]])
    return raycast.render(maze, np.array([index]), eyes, places, shown, resolution)[0]


def walled(layout, texture=0):
    """A maze of a layout, all of one texture."""
    free = np.array([[block == "." for block in row] for row in layout.split()], np.uint8)[None]
    return mazes.stack(free, np.full(free.shape, texture, np.intp))


def walls_seen(layout, eye, resolution=84):
    """Which pixels show walls: those that change where the walls' paint does."""
    return (viewed(walled(layout, 0), eye, (), resolution) != viewed(walled(layout, 1), eye, (), resolution)).any(
        axis=-1
    )


HALL = "#########\n#.......#\n#########"


@pytest.mark.parametrize(("distance", "height"), [(0.5, 84), (0.75, 56), (1.0, 42), (1.5, 28), (3.0, 14), (6.0, 8)])
def test_walls_are_as_high_as_geometry_says(distance, height):
    """Seen under 90 degrees, 84 pixels are 2 blocks at a distance of 1, so a wall of 1 has 42 / distance pixels."""
    seen = walls_seen(HALL, (8 - distance, 1.5, 0))
    column = np.flatnonzero(seen[:, 42])
    assert abs(len(column) - height) <= (0 if 42 % distance == 0 and height % 2 == 0 and height != 8 else 1)
    # The eye is at half the height: as much is above as below.
    assert column[0] + column[-1] == 83


def test_a_corner_is_seen_where_geometry_says():
    """A corner 1.95 ahead and .5 to the right is at 42 * (1 + .5 / 1.95) = 52.8: right of the middle of column 52."""
    layout = "#######\n#.....#\n#####.#\n#####.#\n#######"
    heights = walls_seen(layout, (3.05, 1.5, 0)).sum(axis=0)
    # Left of it shows the end wall, 42 / 2.95 = 14.2 pixels high, right of it the corridor's side, from 21.5 on nearer.
    assert heights[52] == 14
    assert heights[53] >= 20
    assert (np.diff(heights[53:]) >= 0).all()


def test_an_apple_is_seen_where_geometry_says():
    """Two ahead and .5 right: centred on column 52.5, .16 * 42 / 2 = 3.4 pixels to either side, below the horizon."""
    layout = "######\n#....#\n#....#\n######"
    # Mazes have no halls, but eyes do not mind them.
    free = viewed(walled(layout), (1.5, 1.7, 0), [None, None])
    with_apple = viewed(walled(layout), (1.5, 1.7, 0), [None, (3.5, 2.2)])
    rows, columns = np.nonzero((free != with_apple).any(axis=-1))
    assert (columns.min(), columns.max()) == (49, 55)
    # Its centre is .3 high, .2 below the eye: 4.2 pixels below the horizon at 41.5.
    assert 41.5 + 4.2 - 3.4 - 1 <= rows.min() < rows.max() <= 41.5 + 4.2 + 3.4 + 1


def march(free, x, y, angle):
    """Distance at which a ray meets a wall, from one crossing of the grid to the next."""
    across, down = np.cos(angle), np.sin(angle)
    column, row = int(x), int(y)
    while True:
        to_column = ((column + (across > 0)) - x) / across
        to_row = ((row + (down > 0)) - y) / down
        if to_column < to_row:
            column += 1 if across > 0 else -1
        else:
            row += 1 if down > 0 else -1
        if not free[row, column]:
            return min(to_column, to_row), row, column


def test_every_column_shows_the_wall_that_its_ray_meets():
    """In random mazes from random poses, depth is that of a ray marched through the grid, in all 84 columns."""
    family = RandomMaze(layouts="random", size="large")
    rng = np.random.default_rng(3)
    task, state = born(family, 60)
    state[:, :2] += rng.uniform(-0.3, 0.3, (60, 2))
    maze, heading = family.find_maze(task), state[:, 2]
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    right = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    _, depth = raycast.cast(family.mazes, maze, state[:, :2], ahead, right, 84)
    for copy in range(60):
        for column in range(84):
            tilt = np.arctan((column - 41.5) / 42)
            distance, _, _ = march(family.mazes.free[maze[copy]], *state[copy, :2], heading[copy] + tilt)
            assert depth[copy, column] == pytest.approx(distance * np.cos(tilt), rel=1e-9)


def test_walls_hide_what_is_behind_them_and_nothing_else():
    """A goal behind a wall changes no pixel, one before it does, and one that peeps out is cut off at its edge."""
    layout = "#######\n#.....#\n#####.#\n#####.#\n#######"
    maze, eye = walled(layout), (3.0, 1.5, 0)
    empty = viewed(maze, eye)
    np.testing.assert_array_equal(empty, viewed(maze, eye, [(5.5, 3.5)]))
    assert (empty != viewed(maze, eye, [(4.5, 1.5)])).any()
    # Without walls its columns would be 42 + 42 * (.5 +- .25) / 2.3, 46.6 to 55.7; the corner is at 52.5.
    changed = np.flatnonzero((empty != viewed(maze, eye, [(5.3, 2.0)])).any(axis=(0, 2)))
    assert changed[0] in (46, 47)
    assert changed[-1] in (51, 52)


def test_nearer_things_hide_farther_ones():
    """Whatever the order in which they are given, and a thing behind the eye is not seen."""
    maze, eye = walled(HALL), (1.5, 1.5, 0)
    both = [viewed(maze, eye, [None, *spots]) for spots in ([(3.0, 1.5), (4.0, 1.6)], [(4.0, 1.6), (3.0, 1.5)])]
    np.testing.assert_array_equal(*both)
    near = viewed(maze, eye, [None, (3.0, 1.5)])
    assert (both[0] != near).any()
    painted = (near != viewed(maze, eye)).any(axis=-1)
    np.testing.assert_array_equal(both[0][painted], near[painted])
    np.testing.assert_array_equal(viewed(maze, (4.0, 1.5, 0), [(3.0, 1.5)]), viewed(maze, (4.0, 1.5, 0)))


def test_the_goal_of_the_i_is_not_seen_from_outside_its_alcove():
    """From 300 poses outside all alcoves views are the same for all four goals; inside, the goal is seen."""
    family = IMaze(num_apples=2)
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(i_layout())
    inside = np.array(
        [place for place in zip(columns, rows, strict=True) if place not in [(1, 1), (11, 1), (1, 9), (11, 9)]]
    )
    state = np.repeat(posed(family, 6.5, 5.5)[1], 300, axis=0)
    state[:, :2] = inside[rng.integers(len(inside), size=300)] + rng.uniform(RADIUS, 1 - RADIUS, (300, 2))
    # Many of them right at an alcove's mouth, looking in.
    state[:60, :3] = np.stack(
        [rng.uniform(1.2, 1.8, 60), rng.uniform(2.0, 2.4, 60), rng.uniform(-2.5, -0.6, 60)], axis=1
    )
    state[60:, 2] = rng.uniform(0, 2 * np.pi, 240)
    views = [family.observe(np.full((300, 1), goal), state)["image"] for goal in (1.0, 2.0, 3.0, 4.0)]
    for view in views[1:]:
        np.testing.assert_array_equal(view, views[0])
    task, state = posed(family, 1.5, 1.95, -90, task=[1.0])
    assert (family.observe(task, state)["image"] != family.observe(task + 1, state)["image"]).any()


@pytest.mark.parametrize("resolution", [36, 37, 50, 84, 87])
def test_views_have_any_size_and_do_not_depend_on_the_batch(resolution):
    """Odd sizes work, and one copy sees to the last bit what it sees among many."""
    family = RandomMaze(resolution=resolution, layouts="random")
    task, state = born(family, 9)
    together = family.observe(task, state)["image"]
    assert together.shape == (9, resolution, resolution, 3)
    for copy in range(9):
        alone = family.observe(task[copy : copy + 1], state[copy : copy + 1])["image"][0]
        np.testing.assert_array_equal(alone, together[copy])


def test_places_look_different():
    """From the 50 places of a maze, facing the four ways, hardly two views are the same."""
    family = RandomMaze(num_apples=0)
    task, state = born(family, 200)
    places = family.center(np.array([(2 * row + 1) * 21 + 2 * column + 1 for row in range(5) for column in range(10)]))
    state[:, :2] = np.repeat(places, 4, axis=0)
    state[:, 2] = np.tile(np.deg2rad([10, 100, 190, 280]), 50)
    task[:] = [0, 0]
    views = family.observe(task, state)["image"].reshape(200, -1)
    assert len(np.unique(views, axis=0)) > 150


# Pictures


def test_pictures_hide_the_goal_until_it_is_found():
    """With the same chance, pictures and texts of all four goals are the same until one is found, then they tell it."""
    shown = []
    for goal in (1, 2, 3, 4):
        picture, text = (
            gym.make("MetaNavigation-IMaze-v0", render_mode=mode, num_decisions=8) for mode in ("rgb_array", "ansi")
        )
        for env in (picture, text):
            env.reset(seed=1, options={"task": [goal]})
        before = picture.render(), text.render()
        for _ in range(8):
            for env in (picture, text):
                env.step(0)
        shown.append((before, (picture.render(), text.render())))
        assert before[0].shape == (400, 600, 3)
    for (picture, text), (last, told) in shown[1:]:
        np.testing.assert_array_equal(picture, shown[0][0][0])
        assert text == shown[0][0][1]
        assert (last != shown[0][1][0]).any()
        assert told != shown[0][1][1]


def test_the_map_of_a_drawn_maze_shows_only_what_was_seen_from_near():
    """Where mazes are drawn with the task, text and picture tell the layout once the lifetime is over, not before."""
    env = gym.make("MetaNavigation-RandomMaze-v0", render_mode="ansi", layouts="random", num_decisions=1, resolution=36)
    env.reset(seed=0)
    begin = env.render()
    env.step(0)
    end = env.render()
    assert begin.count("#") + begin.count(".") <= 9
    assert end.count("#") > 21 * 11 / 3
    assert meta_envs.make_family("MetaNavigation-RandomMaze-v0").horizon == 900
