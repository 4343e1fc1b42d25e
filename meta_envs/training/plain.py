"""Values as JSON and named arrays: what a checkpoint holds, so that reading one executes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as th

from meta_envs.family import Array


class Writer:
    """Takes values apart.

    Attributes:
        arrays: Those that were found, by name; one that stands in two places, once.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._names: dict[Any, str] = {}

    def take(self, value: Any) -> Any:
        """What JSON can hold of a value, with the names of its arrays.

        Args:
            value: None, numbers, strings, arrays, NumPy's scalars, tensors, and lists, tuples and dictionaries of
                these.

        Raises:
            TypeError: If it is anything else.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, th.Tensor):
            return {"tensor": self._name(value.detach().cpu().numpy())}
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
            return {"array" if isinstance(value, np.ndarray) else "scalar": self._name(np.asarray(value))}
        if isinstance(value, list):
            return [self.take(each) for each in value]
        if isinstance(value, tuple):
            return {"tuple": [self.take(each) for each in value]}
        if isinstance(value, dict):
            return {"dict": [[self.take(key), self.take(each)] for key, each in value.items()]}
        raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__}")

    def _name(self, array: Array) -> str:
        place = array.ctypes.data, array.shape, array.strides, array.dtype.str
        name = self._names.setdefault(place, str(len(self._names)))
        self.arrays[name] = array
        return name


class Reader:
    """Puts values together again.

    Args:
        arrays: Those of the `Writer`, by name.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self._tensors: dict[str, th.Tensor] = {}

    def give(self, taken: Any) -> Any:
        """The value, of what `Writer.take` gave.

        Raises:
            ValueError: If that is anything else.
        """
        if taken is None or isinstance(taken, bool | int | float | str):
            return taken
        if isinstance(taken, list):
            return [self.give(each) for each in taken]
        match [*taken.items()] if isinstance(taken, dict) else []:
            case [("tensor", str(name))] if name in self._arrays:
                return self._tensors.setdefault(name, th.from_numpy(self._arrays[name]))
            case [("array", str(name))] if name in self._arrays:
                return self._arrays[name]
            case [("scalar", str(name))] if name in self._arrays:
                return self._arrays[name][()]
            case [("tuple", list(parts))]:
                return tuple(self.give(each) for each in parts)
            case [("dict", list(pairs))]:
                return {self.give(key): self.give(value) for key, value in pairs}
        raise ValueError(f"it holds {str(taken)[:40]!r}, which no checkpoint does")
