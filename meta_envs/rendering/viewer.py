"""Viewers: traces in the render modes of Gymnasium."""

from __future__ import annotations

from typing import Any

from meta_envs.family import TaskFamily
from meta_envs.rendering.painters import find_painter
from meta_envs.rendering.summary import in_words
from meta_envs.rendering.trace import Trace
from meta_envs.rendering.window import Window


class Viewer:
    """Shows lifetimes of one family. Copies, also unpickled ones, begin without a window.

    Args:
        family: The task family.
        fps: Pictures a second in a window; by default as its painter says.
    """

    def __init__(self, family: TaskFamily, fps: int | None = None) -> None:
        self._family = family
        self._painter = find_painter(family)
        self._fps = fps or self._painter.fps
        self._window = Window(in_words(type(family).__name__), self._fps)

    def __reduce__(self) -> tuple[type[Viewer], tuple[TaskFamily, int]]:
        return Viewer, (self._family, self._fps)

    def show(self, trace: Trace, mode: str | None) -> Any:
        """Show a lifetime as it stands. The hidden task appears only once the lifetime is over.

        Args:
            trace: The lifetime.
            mode: "rgb_array", "human" or "ansi".

        Returns:
            A new C-contiguous array (height, width, 3) uint8, None after showing it in a window, or the text.
        """
        if mode == "ansi":
            return self._painter.write(self._family, trace)
        if mode == "rgb_array":
            return self._painter.paint(self._family, trace)
        if not self._window.dismissed:
            self._window.show(self._painter.paint(self._family, trace))
        return None

    def close(self) -> None:
        """Close the window, if it is open."""
        self._window.close()
