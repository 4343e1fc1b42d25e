"""What an agent sees and does, as its card has it."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, TaskFamily
from meta_envs.wrappers.history import History

IMAGE = 3
"""Dimensions: height, width, channels."""
MOST = 1 << 22
"""Numbers of an observation, at most; an image of 1024 x 1024 has 3 << 20."""
INTERFACE = ("num_actions", "inputs", "observation_low", "observation_high", "reward_values")
"""Of an agent and a family, alike where the one can act in the other."""


def history_of(family: TaskFamily, inputs: dict[str, Any]) -> History:
    """What stands beside a family's observations, by the switches of `PreviousActionReward`."""
    return History(family, family.observation_space, family.action_space, **inputs, horizon=None, reward_values=None)


def describe_interface(family: TaskFamily, inputs: dict[str, Any]) -> dict[str, Any]:
    """What must be alike for an agent to act.

    Returns:
        A JSON-able table: ``num_actions``; ``inputs``, name and width of each part of the flat input, in order, or name
        and shape of each where they are a Dict; ``observation_low`` and ``observation_high``, the bounds of the
        observation's numbers in the same order, null where there is none (images go from 0 to 255); and
        ``reward_values``, where the previous reward is shown one-hot, else null.

    Raises:
        ValueError: If the observations are neither flat nor uint8 images with their channels last nor a Dict of these,
            or the actions not counted from 0.
    """
    history, actions = history_of(family, inputs), family.action_space
    past, shown = history._slices, history.space
    parts: dict[str, Any] = dict(shown.spaces) if isinstance(shown, spaces.Dict) else {"observation": shown}
    fits = all(isinstance(part, spaces.Box) and (len(part.shape) == 1 or _is_image(part)) for part in parts.values())
    if not (fits and isinstance(actions, spaces.Discrete) and actions.start == 0):
        raise ValueError(
            "Agents take observations that are flat, uint8 images with their channels last, or a Dict of these, and "
            f"discrete actions counted from 0, and {family!r} has {shown} and {actions}."
        )
    sizes: list[list[Any]] = [[name, list(part.shape)] for name, part in parts.items()]
    observed = [part for name, part in parts.items() if name not in past and not _is_image(part)]
    width = None
    if history.flat:
        sizes = [["observation", 0], *([name, place.stop - place.start] for name, place in past.items())]
        sizes[0][1] = width = parts["observation"].shape[0] - sum(size for _, size in sizes)
    one_hot = inputs["reward"] and inputs["reward_encoding"] == "one_hot"
    return {
        "num_actions": int(actions.n),
        "inputs": sizes,
        "observation_low": _bounds([part.low[:width] for part in observed]),
        "observation_high": _bounds([part.high[:width] for part in observed]),
        "reward_values": [float(value) for value in family.reward_values or ()] if one_hot else None,
    }


def _is_image(space: spaces.Space[Any]) -> bool:
    if not (isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) == IMAGE):
        return False
    # Channels are fewest, as Stable-Baselines3 has it; where they come first, it leaves them there.
    return space.shape[0] > min(space.shape)


def _bounds(parts: list[Array]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for part in parts for value in part]


def space_of(inputs: list[list[Any]]) -> spaces.Space[Any]:
    """What the policy sees, as Stable-Baselines3 shows it: one Box, or a Dict with images channels first.

    Raises:
        ValueError: If it is of more than `MOST` numbers.
    """
    total = sum(size if isinstance(size, int) else prod(size) for _, size in inputs)
    if not 0 < total <= MOST:
        raise ValueError(f"its inputs are {total:,} numbers, and may be {MOST:,}")
    if all(isinstance(width, int) for _, width in inputs):
        return spaces.Box(-np.inf, np.inf, (sum(width for _, width in inputs),))
    parts: dict[str, spaces.Space[Any]] = {}
    for name, shape in inputs:
        if len(shape) == IMAGE:
            height, width, channels = shape
            parts[name] = spaces.Box(0, 255, (channels, height, width), np.uint8)
        else:
            parts[name] = spaces.Box(-np.inf, np.inf, shape)
    return spaces.Dict(parts)
