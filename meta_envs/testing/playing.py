"""Rollouts of environments under random actions, kept whole and compared to the last bit."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv

from meta_envs.family import Array

Env = gym.Env[Any, Any]
Venv = VectorEnv[Any, Any, Any]


def difference(first: Any, second: Any, place: str = "") -> str:
    """Where and how two results differ, types, dtypes and last bits included; empty if they do not."""
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return f"{place}: the keys {list(first)} and {list(second)}"
        pairs = [(f"{place}[{key!r}]", first[key], second[key]) for key in first]
    elif type(first) is not type(second):
        return f"{place}: {first!r} ({type(first).__name__}) and {second!r} ({type(second).__name__})"
    elif isinstance(first, tuple | list) or (isinstance(first, np.ndarray) and first.dtype == object):
        if len(first) != len(second):
            return f"{place}: {len(first)} and {len(second)} entries"
        pairs = [(f"{place}[{index}]", *pair) for index, pair in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, np.ndarray):
        alike = (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
        return "" if alike else f"{place}: {first!r} and {second!r}"
    else:
        return "" if first == second else f"{place}: {first!r} and {second!r}"
    return next(filter(None, (difference(one, other, where) for where, one, other in pairs)), "")


def arrays(data: Any) -> Iterator[Array]:
    """All arrays of numbers in nested results."""
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, tuple | list) or (isinstance(data, np.ndarray) and data.dtype == object):
        for each in data:
            yield from arrays(each)
    elif isinstance(data, np.ndarray):
        yield data


def begin(env: Env, **reset: Any) -> list[Any]:
    """What ``reset`` gives, and the task, kept as they are now."""
    return copy.deepcopy([*env.reset(**reset), env.unwrapped.task])  # type: ignore[attr-defined]


def act(env: Env, action: Any) -> list[Any]:
    """What ``step`` gives, kept as it is now."""
    return copy.deepcopy([*env.step(action)])


def run_lifetime(env: Env, *, steps: int | None = None, actions: int = 0, **reset: Any) -> list[Any]:
    """One lifetime from ``reset`` to its end, or to so many steps, under random actions of the seed ``actions``."""
    env.action_space.seed(actions)
    results = [begin(env, **reset)]
    for _ in range(horizon(env) if steps is None else min(steps, horizon(env))):
        results.append(act(env, env.action_space.sample()))
        if results[-1][2] or results[-1][3]:
            break
    return results


def go_on(env: Env, steps: int, actions: int) -> list[Any]:
    """So many steps from wherever the environment is, beginning new lifetimes where old ones end."""
    env.action_space.seed(actions)
    results = []
    for _ in range(steps):
        results.append(act(env, env.action_space.sample()))
        if results[-1][2] or results[-1][3]:
            results.append(begin(env))
    return results


def horizon(env: Any) -> int:
    """Steps of a lifetime of an environment, single or vector."""
    base = env.unwrapped
    if isinstance(base, SyncVectorEnv):
        base = base.envs[0].unwrapped
    return int(base.family.horizon)


def tasks(venv: Venv) -> Array:
    """Hidden tasks (num_envs, T) of a vector environment, native or synchronous."""
    base: Any = venv.unwrapped
    return np.stack(base.get_attr("task")) if isinstance(base, SyncVectorEnv) else base.task


def make_sync(id: str, num_envs: int, mode: str, wrappers: Any = None, **keywords: Any) -> Venv:
    """Gymnasium's vector environment over single environments."""
    return gym.make_vec(
        id,
        num_envs,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        wrappers=wrappers,
        **keywords,
    )
