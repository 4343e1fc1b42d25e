"""Numbers written beside observations: one flat Box where the observations are flat, else a Dict."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array


class Extended:
    """Observations with named parts beside them; the same functions serve one copy and many.

    Flat observations give one flat float32 Box, the parts last; all others give a Dict with the parts' names beside a
    Dict's own keys, beside ``image`` for a Box of three dimensions, or else beside ``observation``. What is written is
    ``W`` numbers: zeros where a flat observation goes, and then the parts.

    Args:
        observed: The observation space of one copy.
        parts: Names of the parts and their spaces, flat Boxes, in order.
        switches: Of parts that can be left out, how.

    Attributes:
        space: Of the extended observations, one copy.
        width: ``W``.
        places: Where the parts stand among the ``W`` numbers.
        flat: Whether observation and parts are one flat Box.

    Raises:
        ValueError: If the observation space cannot be extended.
    """

    def __init__(
        self, observed: spaces.Space[Any], parts: dict[str, spaces.Box], switches: dict[str, str] | None = None
    ) -> None:
        check_extensible(observed)
        self._observed = observed
        self.flat = isinstance(observed, spaces.Discrete) or (
            isinstance(observed, spaces.Box) and len(observed.shape) <= 1
        )
        # Rows of one copy, and of many, need no new shape where those of the space are rows.
        self._rows = isinstance(observed, spaces.Box) and len(observed.shape) == 1
        self._key = "image" if len(observed.shape or ()) == 3 else "observation"
        self.num_observed = self.width = spaces.flatdim(observed) if self.flat else 0
        self.places: dict[str, slice] = {}
        for name, part in parts.items():
            self.places[name] = slice(self.width, self.width + part.shape[0])
            self.width += part.shape[0]
        self.space = self._extend(parts, switches or {})

    def _extend(self, parts: dict[str, spaces.Box], switches: dict[str, str]) -> spaces.Space[Any]:
        if self.flat:
            observed = spaces.flatten_space(self._observed)
            assert isinstance(observed, spaces.Box)
            boxes = [observed, *parts.values()]
            return spaces.Box(
                np.concatenate([box.low for box in boxes]).astype(np.float32),
                np.concatenate([box.high for box in boxes]).astype(np.float32),
            )
        own = self._observed.spaces if isinstance(self._observed, spaces.Dict) else {self._key: self._observed}
        for name in parts:
            if name in own:
                without = f", or give {switches[name]}" if name in switches else ""
                raise ValueError(f"The observations have the key {name!r} already: rename it{without}.")
        return spaces.Dict({**own, **parts})

    def beside(self, observation: Any, written: Array) -> Any:
        """Observations (..., ) with what is written (..., W) beside them, a new array or a new Dict."""
        if not self.flat:
            shown = observation if isinstance(observation, dict) else {self._key: observation}
            return {**shown, **{name: written[..., place].copy() for name, place in self.places.items()}}
        written = written.copy()
        if self._rows:
            written[..., : self.num_observed] = observation
        elif isinstance(self._observed, spaces.Discrete):
            first = int(self._observed.start)
            written[..., : self.num_observed] = np.eye(self.num_observed)[np.asarray(observation) - first]
        else:
            written[..., : self.num_observed] = np.reshape(observation, (*written.shape[:-1], self.num_observed))
        return written


def check_extensible(space: spaces.Space[Any]) -> None:
    """Refuse observation spaces that nothing can be written beside.

    Raises:
        ValueError: If it is no Box, Dict or Discrete.
    """
    if not isinstance(space, spaces.Box | spaces.Dict | spaces.Discrete):
        raise ValueError(f"The observation space {space} cannot be extended: flatten it (FlattenObservation).")
