"""Layers of wrapped environments: their family, and whether rewards are still the family's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
from gymnasium import wrappers

from meta_envs.family import TaskFamily
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


def keeps_rewards(env: Any) -> bool:
    """Whether the rewards of an environment, or of a family itself, are its family's: no wrapper changes them."""
    if isinstance(env, TaskFamily):
        return True
    changed = any(isinstance(layer, REWARD_WRAPPERS) for layer in layers(env))
    spec = env.spec
    unseen = isinstance(env.unwrapped, gym.vector.AsyncVectorEnv) and spec is not None
    return not changed and not (unseen and (spec.additional_wrappers or spec.kwargs.get("wrappers")))
