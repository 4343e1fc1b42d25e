"""Limits of memory and time: what would take more than is allowed is refused before anything of it is made."""

from __future__ import annotations

import os
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np

from meta_envs.arguments import in_a_line, is_whole
from meta_envs.errors import TooLarge

GIBIBYTES, MINUTES = "META_ENVS_MAX_GIB", "META_ENVS_MAX_MINUTES"
"""Environment variables that set the limits."""
DEFAULTS = {GIBIBYTES: 4.0, MINUTES: 20.0}

UNIFORM = 40
"""Bytes of a uniform of a lifetime: drawn, by step, and as a number of Python's."""
STEP = 32
"""Bytes of a step of the lifetime where it is shown."""
NAME = 160
"""Bytes of a number of a task with its name; there are about as many of them as uniforms that draw it."""
ENTRY = 130
"""Bytes of an entry of a law's tables, a state, an action and an outcome, while they are made."""
COPY = 2048
"""Bytes of a copy's random generator."""
SHOWN = 8
"""Observations that a copy takes: the bounds of their space, and those that are handed out."""


def read_limit(variable: str) -> float:
    """A limit in its unit, as the environment variable sets it.

    Raises:
        ValueError: If that is no positive number.
    """
    text = os.environ.get(variable, "")
    try:
        limit = float(text) if text else DEFAULTS[variable]
    except ValueError:
        limit = 0.0
    if not limit > 0.0:
        raise ValueError(f"{variable}={text!r} is not possible: give a positive number, or leave it unset.")
    return limit


def require_bytes(need: float, what: str) -> None:
    """Refuse what takes more memory than ``META_ENVS_MAX_GIB``, 4 GiB by default.

    Raises:
        meta_envs.errors.TooLarge: With what it is, what it needs, and the cure.
    """
    limit = read_limit(GIBIBYTES)
    if need > limit * 2**30:
        raise TooLarge(
            f"{what} needs about {_write(need, 2**30)} GiB of memory, and {limit:g} GiB are allowed: give smaller "
            f"numbers, or allow more by the environment variable {GIBIBYTES}."
        )


def require_seconds(need: float, what: str) -> None:
    """Refuse what takes longer than ``META_ENVS_MAX_MINUTES``, 20 minutes by default.

    Raises:
        meta_envs.errors.TooLarge: With what it is, what it needs, and the cure.
    """
    limit = read_limit(MINUTES)
    if need > limit * 60:
        raise TooLarge(
            f"{what} takes about {_write(need, 60)} minutes, and {limit:g} are allowed: give smaller numbers, or allow "
            f"more by the environment variable {MINUTES}."
        )


def _write(need: float, unit: int) -> str:
    """A need in a unit: ``5.3``, ``12,000``, or ``1e+09``."""
    number = min(need, 10**60) / unit
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}" if number < 1e6 else f"{number:.0e}"


def require_room(family: Any, num: int = 1) -> None:
    """Refuse lifetimes side by side that do not fit into memory, by the sizes that a family declares.

    Args:
        family: A task family of any kind.
        num: Lifetimes.

    Raises:
        meta_envs.errors.TooLarge: With the family's numbers, what they need, and the cure.
    """
    what = tell_sizes(family, num)
    entries = getattr(family, "num_outcomes", 0) * getattr(family, "num_actions", 0)
    shared = family.shared_bytes + NAME * family.num_task_chance + STEP * family.horizon + ENTRY * entries
    each = UNIFORM * family.num_chance + COPY
    require_bytes(shared + num * each, what)
    if num > 1:
        # Only now: a space holds its bounds.
        require_bytes(shared + num * (each + SHOWN * _count_bytes(family.observation_space)), what)


def tell_sizes(family: Any, num: int = 1) -> str:
    """A family and its whole numbers that are not the usual ones, such as ``IndependentBandit with num_arms=20``."""
    told = {} if num == 1 else {"num_envs": num}
    for field in fields(family) if is_dataclass(family) else ():
        value = getattr(family, field.name)
        if is_whole(value) and (field.default is MISSING or value != field.default):
            told[field.name] = value
    sizes = ", ".join(f"{name}={in_a_line(value)}" for name, value in told.items())
    return f"{type(family).__name__} with {sizes}" if told else type(family).__name__


def _count_bytes(space: Any) -> int:
    """Bytes of one element of a space."""
    if (parts := getattr(space, "spaces", None)) is not None:
        return sum(_count_bytes(part) for part in (parts.values() if hasattr(parts, "values") else parts))
    shape = space.shape or ()
    return int(np.prod(shape, dtype=object)) * (space.dtype.itemsize if space.dtype is not None else 8)
