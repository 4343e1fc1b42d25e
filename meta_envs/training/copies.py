"""The state of an environment's copies as plain data, and back into others that were made alike."""

from __future__ import annotations

import copyreg
import functools
import types
from enum import Enum
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv

from meta_envs.family import TaskFamily

FUNCTIONS = (
    functools.partial,
    types.BuiltinFunctionType,
    types.FunctionType,
    types.MethodType,
    types.ModuleType,
    np.ufunc,
    type,
)
FIXED = (TaskFamily, Space, EnvSpec, Enum, slice, range, np.dtype, *FUNCTIONS)
"""What does not change while lifetimes go by, as also frozen dataclasses do not: copies that are made alike have it."""
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
"""Names of NumPy's bit generators."""


def state_of(thing: Any) -> Any:
    """All that can change in an object, such as a vector environment, in what it holds and so on, as plain data.

    Returns:
        A tuple of a kind and a content: ("value", a number, string or array), ("generator", the state of its bit
        generator), ("list", "set" or "dict", states), ("object", the states of its attributes by name) or ("fixed",
        None).

    Raises:
        TypeError: If it holds something of which this is not known, such as a process or an open file.
    """
    return _state_of(thing, set())


def _state_of(thing: Any, seen: set[int]) -> Any:
    kind: Any = type(thing)
    if isinstance(thing, FIXED) or getattr(getattr(kind, "__dataclass_params__", None), "frozen", False):
        return "fixed", None
    if thing is None or isinstance(thing, bool | int | float | str | np.ndarray | np.generic):
        return "value", thing
    if isinstance(thing, np.random.Generator):
        return "generator", thing.bit_generator.state
    if isinstance(thing, list | tuple | set):
        return "set" if isinstance(thing, set) else "list", [_state_of(each, seen) for each in thing]
    if isinstance(thing, dict):
        return "dict", {key: _state_of(each, seen) for key, each in thing.items()}
    if isinstance(thing, AsyncVectorEnv) or not _is_its_attributes(thing):
        raise TypeError(f"a {kind.__module__}.{kind.__qualname__}")
    if id(thing) in seen:
        return "fixed", None
    seen.add(id(thing))
    return "object", {name: _state_of(each, seen) for name, each in vars(thing).items()}


def _is_its_attributes(thing: Any) -> bool:
    """Whether they are all that there is to an object, by what it tells those who would copy it."""
    try:
        made, *_ = thing.__reduce_ex__(2)
    except Exception:
        return False
    return made is copyreg.__newobj__ and hasattr(thing, "__dict__")  # type: ignore[attr-defined]


def put_state(thing: Any, state: Any) -> Any:
    """Give an object the state of another one that was made alike.

    Args:
        thing: The object, begun: an environment was reset.
        state: What `state_of` gave.

    Returns:
        The object, or what takes its place in the one that holds it.

    Raises:
        ValueError: If the state is of something else.
    """
    kind, content = state
    if kind == "fixed" and thing is not None:
        return thing
    if kind == "value":
        return _put_value(thing, content)
    if kind == "generator" and content["bit_generator"] in GENERATORS:
        if not isinstance(thing, np.random.Generator):
            thing = np.random.Generator(getattr(np.random, content["bit_generator"])())
        thing.bit_generator.state = content
        return thing
    if kind == "set":
        return {put_state(None, each) for each in content}
    if kind == "list":
        before = list(thing) if isinstance(thing, list | tuple) else []
        after = [
            put_state(*pair) for pair in zip(before + [None] * (len(content) - len(before)), content, strict=False)
        ]
        return type(thing)(after) if type(thing) in (list, tuple) else after
    if kind == "dict":
        return {
            key: put_state(thing.get(key) if isinstance(thing, dict) else None, each) for key, each in content.items()
        }
    if kind == "object" and hasattr(thing, "__dict__") and not isinstance(thing, FIXED):
        for name, each in content.items():
            vars(thing)[name] = put_state(vars(thing).get(name), each)
        return thing
    raise ValueError(f"it holds the {kind!r} of another environment")


def _put_value(thing: Any, value: Any) -> Any:
    """In place, where there is one of the same form: another attribute may be the same array."""
    fits = isinstance(thing, np.ndarray) and isinstance(value, np.ndarray) and thing.flags.writeable
    if fits and (thing.shape, thing.dtype) == (value.shape, value.dtype):
        thing[...] = value
        return thing
    return value
