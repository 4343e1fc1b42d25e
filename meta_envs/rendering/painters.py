"""Which family is drawn how: the one place where a family gets a picture of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta_envs.family import Array, TaskFamily
from meta_envs.rendering.table import paint_table
from meta_envs.rendering.text import write_table
from meta_envs.rendering.trace import Trace


@dataclass(frozen=True)
class Painter:
    """How to show a lifetime.

    Attributes:
        picture: Makes a fresh picture, (height, width, 3) uint8, of a family's lifetime.
        text: Makes the text.
        fps: Pictures a second in a window.
    """

    picture: Callable[[TaskFamily, Trace], Array] = paint_table
    text: Callable[[TaskFamily, Trace], str] = write_table
    fps: int = 4


PAINTERS: dict[type, Painter] = {TaskFamily: Painter()}
"""Painters of families and of all that derive from them; whatever has no painter of its own gets the general one."""


def find_painter(family: TaskFamily) -> Painter:
    """The painter of the family's nearest ancestor that has one."""
    return next(PAINTERS[kind] for kind in type(family).__mro__ if kind in PAINTERS)
