"""Checks of an environment's interface: the family, the checkers of Gymnasium and SB3, specs, values, and the end."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from meta_envs.family import DiscreteFamily, TaskFamily
from meta_envs.registry import make_family
from meta_envs.testing.playing import difference, horizon, run_lifetime
from meta_envs.wrappers import PreviousActionReward

PLAIN = (bool, int, float, str, type(None))


def check_family(id: str, **keywords: Any) -> None:
    """The family works with its defaults, is frozen, hashable, equal to its like, and has plain fields."""
    family = make_family(id, **keywords)
    name = type(family).__name__
    try:
        type(family)()
    except TypeError as error:
        raise AssertionError(f"{name}() does not work ({error}): give every field of the family a default.") from error
    like = make_family(id, **keywords)
    assert family == like, f"{family} is unequal to its like: leave equality to the dataclass."
    assert hash(family) == hash(like), f"{family} has another hash than its like: leave hashing to the dataclass."
    again = pickle.loads(pickle.dumps(family))
    assert again == family, f"{family} is {again} after pickling: keep nothing in the family but its fields."
    for field in fields(family):
        value = getattr(family, field.name)
        parts = value if isinstance(value, tuple) else (value,)
        assert all(type(part) in PLAIN for part in parts), (
            f"{name}.{field.name} is {value!r}: fields are plain numbers, strings, or tuples of them; derive the rest."
        )
        try:
            setattr(family, field.name, value)
        except FrozenInstanceError:
            continue
        raise AssertionError(f"{name}.{field.name} can be set: make the family a frozen dataclass.")


@contextmanager
def _strictly() -> Iterator[None]:
    """Warnings are errors, errors are failures, and no window needs a screen."""
    driver = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"The checker was stopped by {type(error).__name__}: {error}") from error
    finally:
        del os.environ["SDL_VIDEODRIVER"]
        if driver is not None:
            os.environ["SDL_VIDEODRIVER"] = driver


def check_gymnasium(id: str, **keywords: Any) -> None:
    """Gymnasium's ``check_env`` passes, in every render mode, without a warning."""
    with _strictly():
        env = gym.make(id, **keywords)
        check_env(env.unwrapped)
        env.close()


def check_stable_baselines3(id: str, **keywords: Any) -> None:
    """SB3's ``check_env`` passes, alone and in every render mode without a window, without a warning."""
    if find_spec("stable_baselines3") is None:
        return
    from stable_baselines3.common.env_checker import check_env

    with _strictly():
        modes = gym.make(id, **keywords).metadata["render_modes"]
        for mode in [None, *modes]:
            if mode == "human":
                continue
            env = gym.make(id, render_mode=mode, **keywords)
            check_env(env, warn=True, skip_render_check=False)
            env.close()


def check_specs(id: str, **keywords: Any) -> None:
    """Specs survive JSON: what is made again from them, wrapped, single or vector, has the same lifetimes."""
    env = gym.make(id, **keywords)
    _check_spec(gym.spec(id), gym.make(id))
    _check_spec(env.spec, env)
    wrapped = PreviousActionReward(env, time=False)
    _check_spec(wrapped.spec, wrapped)
    venv = gym.make_vec(id, 3, autoreset_mode="NextStep", **keywords)
    again = gym.make_vec(_through_json(venv.spec))
    runs = []
    for each in (venv, again):
        each.action_space.seed(0)
        first = each.reset(seed=1)
        runs.append([first, *(each.step(each.action_space.sample()) for _ in range(min(25, horizon(venv) + 2)))])
    found = difference(runs[0], runs[1])
    assert not found, f"The vector environment that its spec's JSON makes differs, {found}: keep settings as keywords."


def _check_spec(spec: EnvSpec | None, env: gym.Env[Any, Any]) -> None:
    again = gym.make(_through_json(spec))
    found = difference(run_lifetime(again, seed=1, steps=25), run_lifetime(env, seed=1, steps=25))
    assert not found, f"The environment that its spec's JSON makes differs, {found}: keep settings as keywords."


def _through_json(spec: EnvSpec | None) -> EnvSpec:
    assert spec is not None, "There is no spec: make the environment by gymnasium.make."
    try:
        return EnvSpec.from_json(spec.to_json())
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{spec} is no JSON ({error}): give plain keywords, and strings to import.") from error


def check_values(id: str, **keywords: Any) -> None:
    """Observations lie in their space and dtype, rewards are floats in the declared range, flags are bools."""
    env = gym.make(id, **keywords)
    family = make_family(id, **keywords)
    for seed in range(4):
        (observation, _, _), *steps = run_lifetime(env, seed=seed, actions=seed)
        _check_observation(env.observation_space, observation)
        for observation, reward, terminated, truncated, info in steps:
            _check_observation(env.observation_space, observation)
            assert type(reward) is float, f"The reward {reward!r} is a {type(reward).__name__}: make it a Python float."
            _check_reward(family, reward)
            for flag in (terminated, truncated):
                assert type(flag) is bool, f"The flag {flag!r} is a {type(flag).__name__}: make it a Python bool."
            assert info == {}, f"step() gives the info {info}: leave it empty, wrappers add what a user asks for."
    venv = gym.make_vec(id, 3, **keywords)
    _check_observation(venv.observation_space, venv.reset(seed=0)[0])
    for _ in range(horizon(venv) + 2):
        observation, rewards, *flags, _ = venv.step(venv.action_space.sample())
        _check_observation(venv.observation_space, observation)
        for array, dtype in ((rewards, np.float64), *((flag, np.bool_) for flag in flags)):
            assert array.dtype == dtype, f"The vector environment gives {array.dtype}: make it {np.dtype(dtype)}."
            assert array.shape == (3,), f"Three copies give the shape {array.shape}: give one number a copy."
        for reward in rewards:
            _check_reward(family, reward)


def _check_observation(space: spaces.Space[Any], observation: Any) -> None:
    assert space.contains(observation), f"The observation {observation!r} is not in {space}: change one of the two."
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            _check_observation(part, observation[key])
    elif isinstance(space, spaces.Box):
        assert observation.dtype == space.dtype, f"Observations are {observation.dtype}: make them {space.dtype}."


def _check_reward(family: TaskFamily, reward: float) -> None:
    low, high = family.reward_range
    values = family.reward_values
    inside = low <= reward <= high and (values is None or reward in values)
    assert inside, f"The reward {reward} is not among {values or (low, high)}: correct reward_values or reward_range."


def check_ends(id: str, **keywords: Any) -> None:
    """A lifetime ends by ``terminated`` at its horizon, earlier only where the family says so, and then it is over."""
    env = gym.make(id, **keywords)
    family = make_family(id, **keywords)
    for seed in range(4):
        steps = run_lifetime(env, seed=seed, actions=seed)[1:]
        last: Any = env.unwrapped
        visible = None if isinstance(family, DiscreteFamily) else last.task[None]
        early = bool(family.terminated(visible, last.state[None])[0])
        for number, (_, _, terminated, truncated, _) in enumerate(steps, start=1):
            assert not truncated, f"Step {number} is truncated: the end is part of the problem, make it terminated."
            assert not terminated or early or number == family.horizon, (
                f"The lifetime ends at step {number} of {family.horizon}: let `terminated` or `horizon` say so."
            )
        assert steps[-1][2], f"The lifetime goes on after its {family.horizon} steps: signal its end as terminated."
        try:
            env.step(env.action_space.sample())
        except ResetNeeded:
            continue
        raise AssertionError("step() works after the end of a lifetime: raise gymnasium.error.ResetNeeded.")
