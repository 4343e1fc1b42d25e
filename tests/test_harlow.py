"""Harlow's task: its physics against a plain simulation of the published rules, search, images, fairness, pictures."""

import copy
import pickle
import time

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

import meta_envs
from meta_envs.families import harlow
from meta_envs.families.harlow import ANCHOR, CHOICE, FIRST_SIDE, FIXATION, HEADING, PHASE, TRIAL, VELOCITY, Harlow
from meta_envs.families.harlow_symbolic import HarlowSymbolic, identities
from meta_envs.families.worlds import images, panorama
from meta_envs.rendering import Trace, find_painter, theme

LEVEL = 1e-4
PIXELS, SYMBOLS = "MetaHarlow-v0", "MetaHarlow-Symbolic-v0"
IDS = (PIXELS, SYMBOLS)
LEFT, RIGHT, STAY = range(3)


def simulate(actions: list[int], right_pays: list[bool], momentum: float) -> tuple[list[float], list[float], list[int]]:
    """The published rules, one primitive step at a time: rewards and headings a decision, decisions that end trials."""
    heading = velocity = anchor = 0.0
    shown, held, waited, trial = "cross", 0, 0, 0
    rewards, headings, ends = [], [], []
    for number, action in enumerate(actions, start=1):
        paid = 0.0
        for _ in range(4):
            velocity = momentum * velocity + (1 - momentum) * 1.1 * {LEFT: -1, RIGHT: 1, STAY: 0}[action]
            heading = (heading + velocity + 180) % 360 - 180
            if shown == "cross":
                held = held + 1 if abs(heading) <= 3.5 else 0
                if held == 4:
                    paid, shown, anchor, held = paid + 0.2, "images", heading, 0
            elif shown == "images":
                for right, center in ((False, anchor - 16.25), (True, anchor + 16.25)):
                    if abs((center - heading + 180) % 360 - 180) <= 7 and shown == "images":
                        paid += 1.0 if right == right_pays[trial] else -1.0
                        shown, waited, trial = "nothing", 0, trial + 1
                        ends.append(number)
            else:
                waited += 1
                if waited == 10:
                    shown, held = "cross", 0
        rewards.append(paid)
        headings.append(heading)
        if trial == len(right_pays):
            break
    return rewards, headings, ends


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("lost", [0.0, 0.3, 0.8])
def test_physics_is_that_of_the_published_rules(momentum: float, lost: float) -> None:
    """Rewards, headings and the end are those of a plain simulation, for learners that are lost now and then."""
    rng = np.random.default_rng(1)
    for seed in range(4):
        env = gym.make(PIXELS, momentum=momentum, num_trials=5, resolution=36)
        env.reset(seed=seed)
        base = env.unwrapped
        sides = (base._lifetime.state()[FIRST_SIDE:] > 0).tolist()
        actions, rewards, headings = [], [], []
        over = False
        while not over:
            action = int(rng.integers(3)) if rng.random() < lost else int(base.best_action)
            _, reward, over, _, _ = env.step(action)
            actions.append(action)
            rewards.append(reward)
            headings.append(base._lifetime.state()[HEADING])
        expected = simulate(actions, sides, momentum)
        assert rewards == pytest.approx(expected[0])
        np.testing.assert_allclose((np.array(headings) - expected[1] + 180) % 360 - 180, 0.0, atol=1e-9)
        assert len(rewards) == (expected[2][4] if len(expected[2]) == 5 else 900)


@pytest.mark.parametrize("action", [LEFT, RIGHT])
def test_a_full_turn_comes_back_to_the_cross(action: int) -> None:
    """Turning on and on selects an image in every round, for the cross is held in passing; frames show where one is."""
    env = gym.make(PIXELS, num_trials=3, num_decisions=400, resolution=36)
    env.reset(seed=2)
    state = env.unwrapped._lifetime.state()
    rewards, headings, ends = simulate([action] * 400, (state[FIRST_SIDE:] > 0).tolist(), 0.5)
    assert len(ends) == 3
    assert ends[2] > 160
    for reward, heading in zip(rewards, headings, strict=True):
        seen, given, *_ = env.step(action)
        state = env.unwrapped._lifetime.state()
        assert given == pytest.approx(reward)
        assert -180 <= state[HEADING] <= 180
        assert abs((state[HEADING] - heading + 180) % 360 - 180) < 1e-9
        if state[PHASE] != CHOICE:
            cross = np.array([state[PHASE] == FIXATION])
            np.testing.assert_array_equal(seen, panorama.render_view(36, state[[HEADING]], cross)[0])


def test_a_turn_of_one_decision_adds_up_to_4_4_degrees() -> None:
    """By hand: 1.1 (0.5 + 0.75 + 0.875 + 0.9375) = 3.37 degrees at once, 4.4 when the view has come to rest."""
    env = gym.make(PIXELS, resolution=36)
    env.reset(seed=0)
    env.step(LEFT)
    assert env.unwrapped._lifetime.state()[HEADING] == pytest.approx(-1.1 * (0.5 + 0.75 + 0.875 + 0.9375))
    for _ in range(12):
        env.step(STAY)
    assert env.unwrapped._lifetime.state()[HEADING] == pytest.approx(-4.4)


def expand(family: Harlow, state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All successors of states, their rewards, and the states that they come from."""
    before = np.repeat(state, 3, axis=0)
    action = np.tile(np.arange(3), len(state))
    outcome = family.outcome(np.zeros((len(before), 2)), before, action, np.empty((len(before), 0)))
    return family.next_state(before, action, outcome), family.reward(before, action, outcome), before


@pytest.mark.parametrize("side", [0.0, 1.0])
def test_three_decisions_are_the_least_from_fixation_to_selection(side: float) -> None:
    """Of all states that 10 decisions can lead to, by all 3 ** 10 sequences.

    The decision in which the cross vanished counts where it left steps to turn in (the heading has moved on since).
    """
    family = Harlow(num_trials=2)
    state = np.zeros((1, FIRST_SIDE + 2))
    state[:, FIRST_SIDE:] = side
    fixated, first, second = [], None, None
    for decision in range(1, 11):
        state, _, before = expand(family, state)
        new = (state[:, PHASE] == CHOICE) & (before[:, PHASE] != CHOICE)
        fixated.append(state[new])
        state = np.unique(state, axis=0)
        first = first or (decision if (state[:, TRIAL] >= 1).any() else None)
        second = second or (decision if (state[:, TRIAL] >= 2).any() else None)
    # By hand: 4 steps of holding and 9 of turning; 10 of waiting, 4 and 9 more, in decisions of 4.
    assert (first, second) == (4, 10)
    seen = np.concatenate(fixated)
    assert (seen[:, VELOCITY] > 1).any()
    assert (seen[:, TRIAL] == 1).any()
    within = seen[:, ANCHOR] != seen[:, HEADING]
    # The first cross is held from the very first step on: no step of that decision is left over, later there is.
    for trial, begun, decisions in ((0, ~within, 2), (1, within, 1)):
        after = seen[begun & (seen[:, TRIAL] == trial)]
        for _ in range(decisions):
            after = expand(family, after)[0]
            assert (after[:, TRIAL] == trial).all()
        assert (expand(family, after)[0][:, TRIAL] == trial + 1).any()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_eight_steps_never_select_whatever_the_momentum(momentum: float) -> None:
    """From a cross that has just vanished, anywhere within its window and at any speed up to 1.1 degrees a step."""
    family = Harlow(num_trials=1, momentum=momentum)
    anchor, velocity = (grid.ravel() for grid in np.meshgrid(np.linspace(-3.5, 3.5, 15), np.linspace(-1.1, 1.1, 23)))
    state = np.zeros((len(anchor), FIRST_SIDE + 1))
    state[:, HEADING], state[:, ANCHOR], state[:, VELOCITY], state[:, PHASE] = anchor, anchor, velocity, CHOICE
    two = expand(family, expand(family, state)[0])[0]
    assert (two[:, TRIAL] == 0).all()
    assert (expand(family, two)[0][:, TRIAL] == 1).any()


@pytest.mark.parametrize("id", IDS)
def test_one_who_knows_the_task_gets_all_there_is(id: str) -> None:
    """10 x 1.2 in every lifetime; by hand, of 13 and nine times 23 primitive steps it takes 55 decisions at least."""
    small = {"resolution": 36} if id == PIXELS else {}
    venv = gym.make_vec(id, 20, autoreset_mode="Disabled", **small)
    venv.reset(seed=3)
    base = venv.unwrapped
    returns, alive, decisions = np.zeros(20), np.ones(20, dtype=bool), np.zeros(20)
    for _ in range(200):
        action = base.family.best_action(base.task, base._lifetimes.state())
        _, reward, over, _, _ = venv.step(action)
        returns[alive] += reward[alive]
        decisions += alive
        alive &= ~over
        if over.any():
            venv.reset(options={"reset_mask": over})
        if not alive.any():
            break
    assert returns == pytest.approx(np.full(20, 12.0))
    assert (decisions == 20).all() if id == SYMBOLS else (decisions.min() >= 55) and (decisions.max() < 100)


@pytest.mark.parametrize("id", IDS)
def test_a_wrong_choice_costs_one(id: str) -> None:
    """One who always takes the other image: 10 x (0.2 - 1); the lifetime ends with the tenth choice."""
    env = gym.make(id, **({"resolution": 36} if id == PIXELS else {}))
    env.reset(seed=1)
    family, lifetime = env.unwrapped.family, env.unwrapped._lifetime
    total, wrong, over = 0.0, 0, False
    while not over:
        state = lifetime.state()[None]
        choosing = state[0, PHASE] == CHOICE if id == PIXELS else bool(family.is_choice(state)[0])
        away = LEFT if family.right_pays(state)[0] else RIGHT
        _, reward, over, _, _ = env.step(away if choosing else int(env.unwrapped.best_action))
        total += reward
        wrong += reward == -1.0
        assert over == (wrong == 10)
    assert total == pytest.approx(10 * (0.2 - 1.0))


def test_doing_nothing_lasts_900_decisions() -> None:
    """The first cross is held, 0.2, and nothing is ever chosen: the end is that of 3600 primitive steps."""
    venv = gym.make_vec(PIXELS, 2, resolution=36)
    venv.reset(seed=0)
    paid, ends = [], []
    for _ in range(900):
        _, reward, over, truncated, _ = venv.step(np.full(2, STAY))
        paid.append(reward[0])
        ends.append(over.all())
        assert not truncated.any()
    assert paid == [0.2] + [0.0] * 899
    assert ends == [False] * 899 + [True]


def draw_lifetimes(id: str, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Tasks (num, 2) and sides (num, 10) of lifetimes."""
    family = meta_envs.make_family(id)
    chance = np.random.default_rng(11).random((num, family.num_chance))
    task = family.sample_task(chance[:, : family.num_task_chance])
    state = family.initial_state(task, chance[:, : family.num_task_chance])
    sides = []
    for trial in range(10):
        state[:, TRIAL if id == PIXELS else 0] = trial if id == PIXELS else 2 * trial + 1
        sides.append(family.right_pays(state))
    return task, np.stack(sides, axis=-1)


@pytest.mark.parametrize("id", IDS)
def test_images_are_drawn_evenly_and_never_twice(id: str) -> None:
    """20,000 lifetimes: each of 1000 is the rewarded one, and the other one, as often, and so is every distance."""
    task = draw_lifetimes(id, 20_000)[0].astype(int)
    for numbers in (task[:, 0], task[:, 1]):
        assert chisquare(np.bincount(numbers, minlength=1000)).pvalue > LEVEL
    away = np.bincount((task[:, 1] - task[:, 0]) % 1000, minlength=1000)
    assert away[0] == 0
    assert chisquare(away[1:]).pvalue > LEVEL


@pytest.mark.parametrize("id", IDS)
def test_sides_are_fair_and_independent(id: str) -> None:
    """20,000 lifetimes: every trial's side is fair, pairs of trials agree half the time, and images tell nothing."""
    task, sides = draw_lifetimes(id, 20_000)
    level = LEVEL / 100
    for trial in range(10):
        assert binomtest(int(sides[:, trial].sum()), len(sides)).pvalue > level
        for hint in (task[:, 0] > task[:, 1], task[:, 0] % 2 == 1, task[:, 0] >= 500):
            assert binomtest(int((sides[:, trial] == hint).sum()), len(sides)).pvalue > level
        for later in range(trial + 1, 10):
            assert binomtest(int((sides[:, trial] == sides[:, later]).sum()), len(sides)).pvalue > level
    patterns = sides[:, :8] @ (1 << np.arange(8))
    assert chisquare(np.bincount(patterns, minlength=256)).pvalue > LEVEL


@pytest.mark.parametrize("split", images.SPLITS)
@pytest.mark.parametrize("vector", [False, True])
def test_the_view_shows_the_two_images_of_the_split(split: str, vector: bool) -> None:
    """By hand: after a held cross, 34 x 34 images 21 pixels left and right of the centre, on the drawn sides."""
    env = gym.make_vec(PIXELS, 1, split=split) if vector else gym.make(PIXELS, split=split)
    shown = set()
    for seed in range(8):
        env.reset(seed=seed, options={"task": [12, 700]})
        seen = env.step(np.array([STAY]) if vector else STAY)[0]
        seen = seen[0] if vector else seen
        state = env.unwrapped._lifetimes.state()[0] if vector else env.unwrapped._lifetime.state()
        right = bool(state[FIRST_SIDE])
        for number, left in ((12, 46 if right else 4), (700, 4 if right else 46)):
            np.testing.assert_array_equal(
                seen[25:59, left : left + 34], images.load_images("generated", split, 34)[number]
            )
        shown.add(right)
    assert shown == {False, True}


def nearest(points: np.ndarray) -> float:
    """The least distance of any two rows."""
    lengths = np.sum(points**2, axis=-1)
    squares = lengths[:, None] + lengths - 2 * points @ points.T
    np.fill_diagonal(squares, np.inf)
    return float(np.sqrt(squares.min()))


@pytest.mark.parametrize("size", [34, 14])
def test_generated_images_are_unlike_each_other(size: int) -> None:
    """Any two of the 2000 differ by 25 grey levels or more (root mean square over pixels and colours)."""
    both = np.concatenate([images.load_images("generated", split, size) for split in images.SPLITS])
    assert both.shape == (2000, size, size, 3)
    flat = both.reshape(2000, -1).astype(np.float64)
    assert nearest(flat) / np.sqrt(flat.shape[1]) >= 25.0


def test_generated_images_differ_in_three_factors_of_five() -> None:
    """All pairs of the 2000, so that train and held-out images are never alike; every level is in both sets."""
    levels = np.concatenate([images.factors(split) for split in images.SPLITS])
    same = sum((levels[:, None, factor] == levels[None, :, factor]).astype(int) for factor in range(5))
    np.fill_diagonal(same, 0)
    assert same.max() == 2
    for split in images.SPLITS:
        for factor in images.factors(split).T:
            assert np.bincount(factor, minlength=13).min() > 50


def test_generated_images_are_cheap_and_always_the_same() -> None:
    """A thousand are made in less than a second, the same again, and only once."""
    first = images.load_images("generated", "train", 34)
    assert images.load_images("generated", "train", 34) is first
    images.load_images.cache_clear()
    start = time.process_time()
    again = images.load_images("generated", "train", 34)
    assert time.process_time() - start < 1.0
    np.testing.assert_array_equal(again, first)


def make_array(num: int, side: int = 20) -> np.ndarray:
    """Noise, unlike in every picture."""
    return np.random.default_rng(5).integers(256, size=(num, side, side, 3), dtype=np.uint8)


def test_a_folder_gives_its_pictures_in_the_order_of_names(tmp_path) -> None:
    """The first half, and the odd one, for training, the others held out; other files are left aside."""
    import pygame

    array = make_array(5)
    for name, picture in zip("badce", array, strict=True):
        pygame.image.save(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    folder = str(tmp_path)
    np.testing.assert_array_equal(images.load_images(folder, "train", 20), array[[1, 0, 3]])
    np.testing.assert_array_equal(images.load_images(folder, "test", 20), array[[2, 4]])
    assert [meta_envs.make_family(PIXELS, images=tmp_path, split=split).num_images for split in images.SPLITS] == [3, 2]
    env = gym.make(PIXELS, images=folder, split="test")
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.family == env.unwrapped.family
    assert {tuple(env.reset(seed=seed) and env.unwrapped.task) for seed in range(20)} == {(0.0, 1.0), (1.0, 0.0)}


def test_a_file_of_an_array_is_the_array(tmp_path) -> None:
    """``.npy``: the same images, and a spec that JSON takes."""
    array = make_array(6)
    np.save(tmp_path / "images.npy", array)
    env = gym.make(PIXELS, images=str(tmp_path / "images.npy"))
    env.spec.to_json()
    np.testing.assert_array_equal(env.unwrapped.family.pictures, Harlow(images=array).pictures)


def test_images_are_cut_to_the_middle_square_and_averaged() -> None:
    """By hand: 2 x 6 pixels; the middle square is [[10, 20], [30, 40]], which has the mean 25."""
    wide = np.zeros((4, 2, 6, 3), np.uint8)
    wide[:, :, 2:4] = np.array([[10, 20], [30, 40]])[:, :, None]
    value = images.as_images(wide)
    assert images.load_images(value, "train", 1).tolist() == [[[[25] * 3]]] * 2
    doubled = images.load_images(value, "test", 4)[0, :, :, 0]
    assert doubled.tolist() == [[10, 10, 20, 20]] * 2 + [[30, 30, 40, 40]] * 2


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_an_array_is_a_value(copier) -> None:
    """Families of like arrays are equal and hash alike, copies too; the given array is not looked at again."""
    array = make_array(8)
    family = Harlow(images=array)
    assert copier(family) == family == Harlow(images=array.copy())
    assert hash(copier(family)) == hash(family)
    kept = array.copy()
    array[0] = 0
    assert family == Harlow(images=kept) != Harlow(images=array)
    assert len(repr(family)) < 300


def test_an_array_goes_through_every_maker() -> None:
    """`gym.make`, native and synchronous vectors, pickling and copying: the same frames; only JSON cannot hold it."""
    array = make_array(8)
    small = {"images": array, "resolution": 36, "split": "test"}
    env, venv = gym.make(PIXELS, **small), gym.make_vec(PIXELS, 2, **small)
    sync = gym.make_vec(PIXELS, 2, vectorization_mode="sync", **small)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    for each in (env, *copies, venv, sync):
        each.reset(seed=4)
    seen = env.step(STAY)[0]
    for each in copies:
        np.testing.assert_array_equal(each.step(STAY)[0], seen)
    for each in (venv, sync, pickle.loads(pickle.dumps(venv))):
        each.reset(seed=4)
        np.testing.assert_array_equal(each.step(np.full(2, STAY))[0][0], seen)
    assert env.unwrapped.family == venv.unwrapped.family == meta_envs.make_family(PIXELS, **small)
    with pytest.raises(TypeError):
        env.spec.to_json()


@pytest.mark.parametrize("resolution", [36, 37, 64, 84])
def test_the_panorama_goes_round(resolution: int) -> None:
    """A full turn comes back, a column's turn shifts the view by a column, and every heading looks different."""
    columns = round(resolution * 360 / 65)
    heading = np.arange(columns) * 360.0 / columns
    for cross in (False, True):
        seen = panorama.render_view(resolution, heading, np.full(columns, cross))
        np.testing.assert_array_equal(panorama.render_view(resolution, heading - 360, np.full(columns, cross)), seen)
        np.testing.assert_array_equal(seen[1:, :, :-1], seen[:-1, :, 1:])
        assert len({view.tobytes() for view in seen}) == columns


@pytest.mark.parametrize("resolution", [36, 84])
def test_the_cross_stands_ahead_at_heading_0(resolution: int) -> None:
    """Red pixels: mirror images of themselves about the centre at heading 0, to the left of it after turning right."""
    ahead, turned = panorama.render_view(resolution, np.array([0.0, 10.0]), np.array([True, True]))
    red, moved = (np.all(seen == panorama.CROSS, axis=-1) for seen in (ahead, turned))
    assert red.any()
    np.testing.assert_array_equal(red, red[:, ::-1])
    np.testing.assert_array_equal(red, red[::-1])
    assert np.flatnonzero(moved.any(axis=0)).max() < resolution // 2


def test_pictures_are_cut_off_at_the_edges_of_the_view() -> None:
    """Against pasting into a wide canvas, for 400 bearings, also across the back."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(256, size=(7, 14, 14, 3), dtype=np.uint8)
    heading, bearing = rng.uniform(-180, 180, size=(2, 400))
    bearing[:300] = heading[:300] + rng.uniform(-50, 50, size=300)
    heading[200:300], bearing[200:300] = rng.uniform(170, 180, size=100), rng.uniform(-180, -170, size=100)
    number = rng.integers(7, size=400)
    pixels = np.zeros((400, 36, 36, 3), np.uint8)
    panorama.hang(pixels, np.arange(400), heading, bearing, pictures, number)
    columns = round(36 * 360 / 65)
    for copy_, seen in enumerate(pixels):
        away = round(bearing[copy_] * columns / 360) - round(heading[copy_] * columns / 360)
        around = np.zeros((36, columns, 3), np.uint8)
        around[11:25, (away + 18 - 7 + np.arange(14)) % columns] = pictures[number[copy_]]
        np.testing.assert_array_equal(seen, around[:, :36])


def test_symbols_show_the_phase_and_the_two_identities() -> None:
    """By hand: cross, then left and right; no-op fixates and chooses nothing; every trial has two decisions."""
    env = gym.make(SYMBOLS, split="test")
    known = identities("test")
    seen, _ = env.reset(seed=6, options={"task": [3, 4]})
    sides = set()
    for trial in range(10):
        assert seen.tolist() == [1.0] + [0.0] * 17
        assert env.unwrapped.family.elapsed(np.array([2 * trial, 2 * trial + 1])).tolist() == [trial / 10] * 2
        action = trial % 3
        seen, reward, over, _, _ = env.step(action)
        assert (reward, over) == (0.2 if action == STAY else 0.0, False)
        assert seen[:2].tolist() == [0.0, 1.0]
        right = np.array_equal(seen[10:], known[3])
        np.testing.assert_array_equal(seen[2:], np.concatenate([known[4], known[3]] if right else [known[3], known[4]]))
        sides.add(right)
        action = (trial + trial // 3) % 3
        seen, reward, over, _, _ = env.step(action)
        assert reward == (0.0 if action == STAY else 1.0 if (action == RIGHT) == right else -1.0)
        assert over == (trial == 9)
    assert sides == {False, True}


def test_identities_are_unlike_each_other() -> None:
    """Any two of the 2000, train and held-out ones together, are 0.2 or more apart; they lie in [-1, 1] evenly."""
    both = np.concatenate([identities(split) for split in images.SPLITS]).astype(np.float64)
    assert nearest(both) >= 0.2
    assert np.abs(both).max() <= 1.0
    assert chisquare(np.histogram(both, bins=20, range=(-1, 1))[0]).pvalue > LEVEL


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (dict(split="validation"), "split='validation'"),
        (dict(num_trials=0), "num_trials=0"),
        (dict(num_decisions=0), "num_decisions=0"),
        (dict(resolution=35), "resolution=35"),
        (dict(momentum=1.0), "momentum=1.0"),
        (dict(images="no such folder"), "images='no such folder'"),
        (dict(images=np.zeros((8, 3, 5, 5), np.uint8)), r"give an array \(N, H, W, 3\)"),
        (dict(images=np.zeros((8, 5, 5, 3))), "float64"),
        (dict(images=np.zeros((3, 5, 5, 3), np.uint8)), "at least 4"),
        (dict(images=7), "images=7"),
    ],
    ids=str,
)
def test_nonsense_is_refused(keywords: dict, message: str) -> None:
    """With the keyword, its value and the cure."""
    with pytest.raises(ValueError, match=message):
        gym.make(PIXELS, **keywords)


def test_more_trials_than_bits_are_refused() -> None:
    """The light version keeps sides in the bits of one number; 62 of them work."""
    assert HarlowSymbolic(num_trials=62).horizon == 124
    with pytest.raises(ValueError, match="num_trials=63"):
        HarlowSymbolic(num_trials=63)


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("task", [[0, 0], [0, 1000], [-1, 3], [0.5, 3]])
def test_tasks_are_two_distinct_images_of_the_set(id: str, task: list[float]) -> None:
    """Others cannot be given."""
    with pytest.raises(ValueError, match="outside the prior's support"):
        gym.make(id).reset(options={"task": task})


@pytest.mark.parametrize("id", IDS)
def test_pictures_and_texts_do_not_tell_which_image_pays(id: str) -> None:
    """Until something was chosen they are the same in the task and its mirror image; at the end they tell."""
    family = meta_envs.make_family(id)
    painter = find_painter(family)
    shown = []
    for pair, chance in (([12, 700], 0.2), ([700, 12], 0.8)):
        task = np.array([pair], float)
        states = [family.initial_state(task, np.full((1, family.num_task_chance), chance))]
        action = np.array([STAY])
        outcome = family.outcome(task, states[0], action, np.empty((1, 0)))
        states.append(family.next_state(states[0], action, outcome))
        trace = Trace(task[0], [state[0] for state in states], [STAY], [outcome[0]], [0.2])
        shown.append([painter.paint(family, trace), painter.write(family, trace)])
        trace.over = True
        assert np.all(painter.paint(family, trace) == theme.TRUTH, axis=-1).any()
    np.testing.assert_array_equal(shown[0][0], shown[1][0])
    assert shown[0][1] == shown[1][1]
    assert not np.all(shown[0][0] == theme.TRUTH, axis=-1).any()


@pytest.mark.parametrize("keywords", [dict(id=PIXELS, num_trials=100), dict(id=SYMBOLS, num_trials=62)], ids=str)
def test_pictures_have_room_for_many_trials(keywords: dict) -> None:
    """A lifetime of many trials can be drawn and written from beginning to end."""
    small = {"resolution": 37, "num_decisions": 60} if keywords["id"] == PIXELS else {}
    for mode in ("rgb_array", "ansi"):
        env = gym.make(render_mode=mode, **keywords, **small)
        env.reset(seed=0)
        over = False
        while not over:
            over = env.step(int(env.unwrapped.best_action))[2]
            shown = env.render()
        assert shown.shape == (400, 600, 3) if mode == "rgb_array" else max(map(len, shown.splitlines())) <= 80


def test_module_constants_are_the_papers() -> None:
    """Wang et al. 2016, section 3.2.2."""
    assert (harlow.ACTION_REPEAT, harlow.HOLD, harlow.INTERVAL_STEPS) == (4, 4, 10)
    assert (harlow.FIXATION_WINDOW, harlow.SELECTION_WINDOW, harlow.FIXATION_REWARD) == (3.5, 7.0, 0.2)
    assert panorama.picture_size(84) == 34
    assert harlow.TOP_SPEED == 4.4 / 4
