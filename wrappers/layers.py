"""Layers of wrapped environments: their family, how long lifetimes are, and what is still the family's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import wrappers

from meta_envs.family import Array, TaskFamily
from meta_envs.registry import build_family

NOT_OF_THE_FAMILY = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "render_mode", "autoreset_mode")
REWARD_WRAPPERS = (
    gym.RewardWrapper,
    wrappers.NormalizeReward,
    gym.vector.VectorRewardWrapper,
    wrappers.vector.NormalizeReward,
)


def family_of(env: Any) -> TaskFamily | None:
    """The task family that an environment, single or vector, wrapped or not, is a copy of; None for foreign ones."""
    if isinstance(env, TaskFamily):
        return env
    base = env.unwrapped
    if isinstance(base, gym.vector.SyncVectorEnv):
        base = base.envs[0].unwrapped
    family = getattr(base, "family", None)
    if family is None and env.spec is not None and "family" in env.spec.kwargs:
        # Copies in other processes: only the spec is here.
        keywords = {name: value for name, value in env.spec.kwargs.items() if name not in NOT_OF_THE_FAMILY}
        family = build_family(**keywords)
    return family if isinstance(family, TaskFamily) else None


def layers(env: Any) -> Iterator[Any]:
    """An environment, single or vector, and all that it wraps, outermost first, but not copies in other processes."""
    while env is not env.unwrapped:
        yield env
        env = env.env
    yield env
    if isinstance(env, gym.vector.SyncVectorEnv):
        for copy in env.envs:
            yield from layers(copy)


def elapsed_times(env: Any) -> Array | None:
    """Fractions of a lifetime that are over after 0, 1, ... steps (horizon + 1,) float64; None where unknown.

    A wrapper that makes lifetimes longer, such as `MultiEpisode`, says so by an attribute of this name.
    """
    family = family_of(env)
    if not isinstance(env, TaskFamily):
        longer = [layer.elapsed_times for layer in layers(env) if hasattr(layer, "elapsed_times")]
        base, spec = env.unwrapped, env.spec
        if isinstance(base, gym.vector.AsyncVectorEnv) and base.call("has_wrapper_attr", "elapsed_times")[0]:
            # Copies in other processes.
            longer += base.get_attr("elapsed_times")[:1]
        if longer:
            return longer[0]
        if family is None and spec is not None and spec.max_episode_steps is not None:
            return np.arange(spec.max_episode_steps + 1) / spec.max_episode_steps
    return None if family is None else family.elapsed(np.arange(family.horizon + 1))


def refuses_actions(env: Any) -> bool:
    """Whether an environment refuses what is no action itself: it is of this package through and through."""
    return all(type(layer).__module__.startswith("meta_envs.") for layer in layers(env))


def keeps_rewards(env: Any) -> bool:
    """Whether the rewards of an environment, or of a family itself, are its family's: no wrapper changes them.

    Those of other packages that have a ``step`` of their own may.
    """
    if isinstance(env, TaskFamily):
        return True
    changed = any(
        isinstance(layer, REWARD_WRAPPERS)
        or type(layer).step.__module__.split(".")[0] not in ("gymnasium", "meta_envs")
        for layer in layers(env)
        if layer is not layer.unwrapped
    )
    spec = env.spec
    unseen = isinstance(env.unwrapped, gym.vector.AsyncVectorEnv) and spec is not None
    return not changed and not (unseen and (spec.additional_wrappers or spec.kwargs.get("wrappers")))
