"""What an action is: one rule for one copy and for many, with the history wrapper and without."""

import families
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from test_bad_input import NUM, assert_refused, begin

from meta_envs.testing.playing import difference

th = pytest.importorskip("torch")

KINDS = ["single", "wrapped", "vector", "wrapped vector"]
COUNTED, DRIFT = "MetaBandit-Dependent-v0", "ToyDrift-v0"


def step(id, kind, action):
    """A step in mid-lifetime."""
    return [*begin(id, kind).step(action)]


def many(action):
    """The same action for every copy."""
    return th.stack([action] * NUM) if isinstance(action, th.Tensor) else np.stack([action] * NUM)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", [np.int64(1), np.uint8(1), np.array(1), th.tensor(1), th.tensor(1, dtype=th.int8)])
def test_whole_numbers_are_actions(kind, action):
    """Of Python, NumPy and torch, and arrays of no dimension: all are the action 1."""
    plain, given = (1, action) if "vector" not in kind else ([1] * NUM, many(action))
    assert not difference(step(COUNTED, kind, plain), step(COUNTED, kind, given))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "action",
    [
        True,
        np.True_,
        1.0,
        "1",
        b"1",
        1j,
        [1],
        np.array([1]),
        np.array([[1]]),
        np.array(1, object),
        th.tensor([1]),
        th.tensor(1.0),
        th.tensor(True),
        th.tensor([1.0], requires_grad=True),
        th.tensor(1.0, requires_grad=True),
    ],
    ids=repr,
)
def test_all_else_is_none(kind, action):
    """Truth values, real numbers, text, and arrays of one number: a sentence, and the environment goes on."""
    given = many(action) if "vector" in kind else action
    assert_refused(begin(COUNTED, kind), lambda env: env.step(given), InvalidAction, repr(given), "Discrete(")


@pytest.mark.parametrize("many_copies", [False, True])
@pytest.mark.parametrize(
    "action", [np.array([0.5, -1.0]), [0.5, -1.0], th.tensor([0.5, -1.0]), th.tensor([0.5, -1.0], dtype=th.float16)]
)
def test_real_numbers_of_every_width_are_actions(many_copies, action):
    """In the shape of the Box, whatever their dtype."""
    with families.registered():
        runs = []
        for each in (np.array([0.5, -1.0], np.float32), action):
            env = gym.make_vec(DRIFT, NUM) if many_copies else gym.make(DRIFT)
            env.reset(seed=0)
            runs.append([*env.step(many(each) if many_copies else each)])
    assert not difference(*runs)


@pytest.mark.parametrize("many_copies", [False, True])
@pytest.mark.parametrize(
    "action",
    [
        th.tensor([0.5, 0.5], requires_grad=True),
        np.array([True, False]),
        np.array(["0.5", "0.5"]),
        np.array([0.5, 1.5]),
        np.array([0.5, np.nan]),
        np.array([0.5, 1e300]),
        np.array([0.5]),
    ],
    ids=repr,
)
def test_what_lies_in_no_box_is_none(many_copies, action):
    """Gradients, truth values, text, numbers outside of it, and other shapes."""
    with families.registered():
        env = gym.make_vec(DRIFT, NUM) if many_copies else gym.make(DRIFT)
        env.reset(seed=0)
    given = many(action) if many_copies else action
    assert_refused(env, lambda env: env.step(given), InvalidAction, "Box(-1.0, 1.0, (")
