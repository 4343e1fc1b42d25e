"""Bad input is refused in one sentence with the value and the cure, and leaves the environment as it was."""

import copy
import re
from dataclasses import asdict, fields

import families
import gymnasium as gym
import numpy as np
import pytest
from families import COUNTED_IDS, FAMILIES, TWO_ARMED_IDS, idle, small
from gymnasium.error import Error, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode
from test_wrappers import expect_sentence

import meta_envs
from meta_envs import wrappers
from meta_envs.envs.single import MetaEnv
from meta_envs.envs.vector import MetaVectorEnv
from meta_envs.testing.playing import difference, go_on, tasks

IDS = meta_envs.ids()
DEPENDENT = "MetaBandit-Dependent-v0"
INDEPENDENT = "MetaBandit-Independent-v0"
NUM = 3
NAN = float("nan")

each_id = pytest.mark.parametrize("id", IDS)
each_counted = pytest.mark.parametrize("id", COUNTED_IDS)
each_two_armed = pytest.mark.parametrize("id", TWO_ARMED_IDS)


@pytest.fixture(params=["single", "wrapped", "vector", "wrapped vector"])
def begun(request, id):
    """An environment in mid-lifetime."""
    return begin(id, request.param)


def begin(id, kind="single"):
    """An environment in mid-lifetime, single or vector, with or without its history wrapper."""
    is_vector = kind.endswith("vector")
    env = gym.make_vec(id, NUM, **small(id)) if is_vector else gym.make(id, **small(id))
    if kind.startswith("wrapped"):
        env = (wrappers.vector if is_vector else wrappers).PreviousActionReward(env)
    env.reset(seed=0)
    for _ in range(3):
        over = env.step(idle(env))[2]
        if not is_vector and over:
            env.reset()
    return env


def continuation(env):
    """What comes next, for longer than a lifetime."""
    steps = env.unwrapped.family.horizon + 5
    if isinstance(env, gym.Env):
        return go_on(env, steps, 1)
    env.action_space.seed(1)
    disabled, lived = env.metadata["autoreset_mode"] is AutoresetMode.DISABLED, []
    if disabled:
        env.reset()
    for _ in range(steps):
        lived.append(copy.deepcopy(env.step(env.action_space.sample())))
        over = lived[-1][2]
        if disabled and over.any():
            lived.append(copy.deepcopy(env.reset(options={"reset_mask": over})))
    return [*lived, tasks(env)]


def assert_refused(env, call, error, *words):
    """``call(env)`` raises one sentence with these words and a cure; the environment goes on as its untouched copy."""
    untouched = copy.deepcopy(env)
    with pytest.raises(error) as caught:
        call(env)
    expect_sentence(str(caught.value), *words)
    assert not difference(continuation(env), continuation(untouched))


@pytest.mark.parametrize(
    "action",
    [2, -1, 10**30, 1.0, NAN, None, "left", [0], (), {}, np.array([0]), np.array(1.0), np.float32(1), np.zeros((1, 1))],
    ids=repr,
)
@pytest.mark.parametrize("kind", ["single", "wrapped"])
@each_two_armed
def test_actions_outside_the_space_are_refused(id, kind, action):
    """Out of range, of another type or shape, missing or not a number: no bandit with two arms takes it."""
    assert_refused(begin(id, kind), lambda env: env.step(action), InvalidAction, repr(action), "Discrete(2)")


@pytest.mark.parametrize(
    ("actions", "word"),
    [
        ([0, 1, 2], "2"),
        ([0, -1, 1], "-1"),
        ([0, 1], "[0, 1]"),
        ([0, 1, 0, 1], "[0, 1, 0, 1]"),
        (1, "1"),
        (None, "None"),
        ("left", "'left'"),
        ([0.0, 1.0, 0.0], "[0.0, 1.0, 0.0]"),
        ([0, NAN, 1], "nan"),
        ([0, None, 1], "None"),
        ([[0], [1], [0]], "[[0], [1], [0]]"),
        ([[0], [0, 1], [1]], "[[0], [0, 1], [1]]"),
        (np.array([0, 2**63, 1], np.uint64), str(2**63)),
        (np.array([True, False, True]), "True"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["vector", "wrapped vector"])
@each_two_armed
def test_vector_actions_outside_the_space_are_refused(id, kind, actions, word):
    """One action a copy, each a whole number in range: nothing else is taken."""
    assert_refused(begin(id, kind), lambda env: env.step(actions), InvalidAction, word, "Discrete(")


@pytest.mark.parametrize("kind", ["single", "wrapped", "vector", "wrapped vector"])
@each_counted
def test_actions_beyond_the_last_are_refused(id, kind):
    """Whatever the number of actions: the first that is too many is refused."""
    env = begin(id, kind)
    beyond = int(env.unwrapped.family.action_space.n)
    actions = [0, beyond, 0] if kind.endswith("vector") else beyond
    assert_refused(env, lambda env: env.step(actions), InvalidAction, str(beyond), "Discrete(")


@pytest.mark.parametrize("kind", ["single", "vector"])
@each_id
def test_tasks_that_no_prior_has_are_refused(id, kind):
    """Numbers far from everything, and one number too many."""
    env = begin(id, kind)
    for task in ([-77.0] * len(env.unwrapped.family.task_names), [0.5] * (len(env.unwrapped.family.task_names) + 1)):
        assert_refused(env, lambda env, task=task: env.reset(options={"task": task}), ValueError, str(task[0]))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
@each_counted
def test_whole_numbers_of_every_width_are_actions(id, dtype):
    """The dtype of whole numbers does not matter."""
    runs, other = [], min(1, int(FAMILIES[id].action_space.n) - 1)
    for kind in (np.int64, dtype):
        venv = begin(id, "vector")
        runs.append([venv.step(np.array([0, other, 0], kind)) for _ in range(5)])
    assert not difference(*runs)


@pytest.mark.parametrize(
    "action",
    [
        np.zeros(3, np.float32),
        np.zeros((1, 2), np.float32),
        np.full(2, 1.5, np.float32),
        np.full(2, NAN, np.float32),
        np.zeros(2, np.complex64),
    ],
    ids=repr,
)
def test_continuous_actions_outside_the_space_are_refused(action):
    """Actions in a Box have its shape and lie in it."""
    with families.registered():
        env = gym.make("ToyDrift-v0")
        env.reset(seed=0)
        venv = gym.make_vec("ToyDrift-v0", NUM)
        venv.reset(seed=0)
    assert_refused(env, lambda env: env.step(action), InvalidAction, repr(action), "Box(-1.0, 1.0, (2,), float32)")
    actions = np.stack([action] * NUM)
    assert_refused(venv, lambda env: env.step(actions), InvalidAction, repr(actions), "Box(-1.0, 1.0, (3, 2), float32)")


@each_id
def test_a_step_before_the_first_reset_is_refused(id):
    """There is no lifetime yet, and the sentence says how to begin one."""
    for env in (gym.make(id, **small(id)), gym.make_vec(id, NUM, **small(id))):
        with pytest.raises(ResetNeeded) as caught:
            env.step(idle(env))
        expect_sentence(str(caught.value), "call reset() first")


@each_id
def test_the_task_before_the_first_reset_is_refused(id):
    """There is no task yet."""
    for env in (gym.make(id, **small(id)), gym.make_vec(id, NUM, **small(id))):
        with pytest.raises(ResetNeeded) as caught:
            env.unwrapped.task  # noqa: B018
        expect_sentence(str(caught.value), "call reset() first")


@each_id
def test_a_step_after_the_end_is_refused(id):
    """A lifetime that is over stays over until reset."""
    env = gym.make(id, **small(id))
    env.reset(seed=0)
    for _ in range(env.unwrapped.family.horizon):
        if env.step(idle(env))[2]:
            break
    twin = copy.deepcopy(env)
    with pytest.raises(ResetNeeded) as caught:
        env.step(idle(env))
    expect_sentence(str(caught.value), "over", "call reset()")
    assert not difference(*([each.reset(), *go_on(each, 10, 1)] for each in (env, twin)))


@each_id
def test_a_step_of_copies_that_are_over_is_refused(id):
    """Without autoreset, the sentence names the copies that must be reset."""
    venv = gym.make_vec(id, NUM, autoreset_mode="Disabled", **small(id))
    venv.reset(seed=0)
    over = venv.step(idle(venv))[2]
    venv.reset(options={"reset_mask": np.array([False, True, False])})
    over[1] = False
    for _ in range(venv.family.horizon - 1):
        if not over.any():
            over = venv.step(idle(venv))[2]
    named = str(np.flatnonzero(over).tolist())
    assert_refused(venv, lambda env: env.step(idle(env)), ResetNeeded, named, "reset_mask")


@each_id
def test_unknown_options_are_refused(id, begun):
    """The sentence names the option, its value, and those that there are."""
    assert_refused(begun, lambda env: env.reset(options={"tusk": 0.5}), ValueError, "'tusk'", "0.5", "task")


@pytest.mark.parametrize(
    ("id", "task"),
    [
        *((id, [NAN, NAN]) for id in TWO_ARMED_IDS),
        *((id, [float("inf"), 0.0]) for id in TWO_ARMED_IDS),
        *((id, [-0.1, 1.1]) for id in TWO_ARMED_IDS),
        (INDEPENDENT, [0.5, 1.5]),
        (DEPENDENT, [0.5, 0.6]),
        (DEPENDENT, [0.5, 0.5 + 1e-6]),
        ("MetaBandit-DependentEasy-v0", [0.3, 0.7]),
        ("MetaBandit-DependentMedium-v0", [0.1, 0.9]),
        ("MetaBandit-DependentHard-v0", [0.5, 0.5]),
    ],
)
def test_tasks_outside_the_support_are_refused(id, task, begun):
    """Of the wrong sum, of a value that the prior does not have, or not a number."""
    names = ", ".join(FAMILIES[id].task_names)
    assert_refused(begun, lambda env: env.reset(options={"task": task}), ValueError, repr(task), "support", names)


@pytest.mark.parametrize(
    "task",
    ["easy", 0.5, [0.5], [0.5, 0.5, 0.5], [], [[0.5], [0.5, 0.5]], ["0.5", "0.5"], [None, None], {"p_1": 0.5}],
    ids=repr,
)
@each_two_armed
def test_tasks_that_are_no_tasks_are_refused(id, task, begun):
    """Of the wrong length or shape, a string, or empty."""
    wanted = f"2 numbers ({', '.join(FAMILIES[id].task_names)})"
    assert_refused(begun, lambda env: env.reset(options={"task": task}), ValueError, repr(task), wanted)


@pytest.mark.parametrize("task", [[[0.1, 0.9]] * 2, [[0.1, 0.9]] * 4, [[[0.1, 0.9]] * 3]], ids=repr)
def test_tasks_for_another_number_of_copies_are_refused(task):
    """One task for all copies, or one a copy."""
    assert_refused(
        begin("MetaBandit-DependentEasy-v0", "vector"),
        lambda env: env.reset(options={"task": task}),
        ValueError,
        repr(task),
    )


def test_one_task_outside_the_support_is_named():
    """Among the tasks of all copies, the sentence gives the one that is wrong."""
    task = [[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]]
    venv = begin("MetaBandit-DependentEasy-v0", "vector")
    assert_refused(venv, lambda env: env.reset(options={"task": task}), ValueError, "[0.2, 0.8]", "support")


@pytest.mark.parametrize(
    "mask",
    [
        [True, False, True],
        np.ones(2, bool),
        np.ones((NUM, 1), bool),
        np.ones(NUM, int),
        np.zeros(NUM, bool),
        "all",
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", ["vector", "wrapped vector"])
def test_masks_that_are_no_masks_are_refused(kind, mask):
    """A mask is a boolean array with one entry a copy, one of them True."""
    venv = begin(DEPENDENT, kind)
    assert_refused(
        venv, lambda env: env.reset(options={"reset_mask": mask}), ValueError, f"reset_mask={mask!r}", f"({NUM},)"
    )


def test_a_mask_before_the_first_reset_is_refused():
    """Copies that never began cannot be left as they are."""
    venv = gym.make_vec(DEPENDENT, NUM)
    with pytest.raises(ValueError, match="never began: reset all of them first"):
        venv.reset(options={"reset_mask": np.array([True, False, True])})


def test_single_environments_have_no_mask():
    """Only vector environments have copies to choose from."""
    env = begin(DEPENDENT)
    assert_refused(env, lambda env: env.reset(options={"reset_mask": np.ones(1, bool)}), ValueError, "'reset_mask'")


@pytest.mark.parametrize(
    ("seed", "word"),
    [([1, 2], "2 seeds"), ([1, 2, 3, 4], "4 seeds"), (2.5, "2.5"), ("one", "'one'"), ([1.5, 2, 3], "[1.5, 2, 3]")],
    ids=str,
)
def test_seeds_that_are_no_seeds_are_refused(seed, word):
    """One whole number, or one a copy."""
    assert_refused(begin(DEPENDENT, "vector"), lambda env: env.reset(seed=seed), ValueError, word)


@pytest.mark.parametrize("seed", [-1, [1, 2, -1]], ids=str)
@each_id
def test_negative_seeds_are_refused(id, seed):
    """As Gymnasium refuses them, with no copy seeded anew."""
    for env in (begin(id, "vector"), *([begin(id)] if seed == -1 else [])):
        untouched = copy.deepcopy(env)
        with pytest.raises(Error, match="greater or equal to zero, actual value: -1"):
            env.reset(seed=seed)
        assert not difference(continuation(env), continuation(untouched))


BAD_KEYWORDS = [
    *(
        (id, "num_trials", value)
        for id in IDS
        if "num_trials" in asdict(FAMILIES[id])
        for value in (0, -1, 2.5, True, "ten", None, NAN)
    ),
    *((INDEPENDENT, "num_arms", value) for value in (0, -2, 1.5, None)),
    *((INDEPENDENT, name, value) for name in ("alpha", "beta") for value in (0, -1.0, NAN, float("inf"), "flat", None)),
    *((DEPENDENT, "low", value) for value in (-0.1, 1.5, NAN, "low", None)),
    *((DEPENDENT, "high", value) for value in (1.1, 0.0, NAN, None)),
    *((DEPENDENT, "num_values", value) for value in (1, -1, 2.5, None)),
]


@pytest.mark.parametrize("make", [gym.make, gym.make_vec], ids=lambda make: make.__name__)
@pytest.mark.parametrize(("id", "name", "value"), BAD_KEYWORDS)
def test_keywords_that_make_no_sense_are_refused(id, name, value, make):
    """No arms, no trials, negative, fractional or missing numbers: the sentence gives keyword, value and cure."""
    with pytest.raises(ValueError, match=re.escape(f"{name}={value!r} is not possible: give ")) as caught:
        make(id, **{name: value})
    expect_sentence(str(caught.value))


@pytest.mark.parametrize("make", [gym.make, gym.make_vec, meta_envs.make_family], ids=lambda make: make.__name__)
@each_id
def test_unknown_keywords_are_refused(id, make):
    """The sentence gives the keyword, its value, and the keywords that there are."""
    known = ", ".join(field.name for field in fields(FAMILIES[id]))
    with pytest.raises(TypeError, match=rf"no keyword 'num_trails' \(given as 10\): it takes {known}"):
        make(id, num_trails=10)


@pytest.mark.parametrize("num_envs", [0, -1, 2.5, True, "3", None], ids=repr)
def test_impossible_numbers_of_copies_are_refused(num_envs):
    """At least one copy, and a whole number of them."""
    with pytest.raises(ValueError, match=f"num_envs={num_envs!r} is not possible") as caught:
        gym.make_vec(DEPENDENT, num_envs)
    expect_sentence(str(caught.value))


@pytest.mark.parametrize("mode", ["samestep", "Never", None, 1], ids=repr)
def test_unknown_autoreset_modes_are_refused(mode):
    """The sentence lists those that there are."""
    with pytest.raises(ValueError, match=f"autoreset_mode={mode!r} is not possible") as caught:
        gym.make_vec(DEPENDENT, NUM, autoreset_mode=mode)
    expect_sentence(str(caught.value), "NextStep", "SameStep", "Disabled")


@pytest.mark.parametrize("maker", [MetaEnv, MetaVectorEnv])
def test_unknown_render_modes_are_refused(maker):
    """The sentence lists those that there are."""
    with pytest.raises(ValueError, match="render_mode='rgb' is not possible") as caught:
        maker(meta_envs.make_family(DEPENDENT), render_mode="rgb")
    expect_sentence(str(caught.value), "rgb_array", "ansi")


@each_id
def test_rendering_without_a_mode_warns_and_changes_nothing(id, begun):
    """As Gymnasium's environments do, with the cure."""
    untouched = copy.deepcopy(begun)
    with pytest.warns(UserWarning, match='make the environment with render_mode="rgb_array"'):
        picture = begun.render()
    assert picture is None
    assert not difference(continuation(begun), continuation(untouched))


def test_rendering_before_the_first_reset_is_refused():
    """There is nothing to render yet."""
    for env in (gym.make(DEPENDENT, render_mode="rgb_array"), gym.make_vec(DEPENDENT, NUM, render_mode="rgb_array")):
        with pytest.raises(ResetNeeded) as caught:
            env.render()
        expect_sentence(str(caught.value), "call reset() first")


def test_foreign_environments_have_no_family():
    """The sentence says where to find those that have one."""
    with pytest.raises(ValueError, match=r"'CartPole-v1' is not a meta-environment: .* shows those that are") as caught:
        meta_envs.make_family("CartPole-v1")
    expect_sentence(str(caught.value))


def test_a_family_takes_no_keywords():
    """Keywords go with an id."""
    with pytest.raises(TypeError, match=r"'num_trials'.* go with an id"):
        meta_envs.make_family(meta_envs.make_family(DEPENDENT), num_trials=3)
