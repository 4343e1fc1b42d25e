"""The canvas of painters: an array of pixels, with pygame's brushes. No display is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from meta_envs.family import Array
from meta_envs.rendering.theme import PAPER, SIZE, Color

if TYPE_CHECKING:
    import pygame

FINE = 4
"""How much larger than it is shown a text is made."""
Align = Literal["left", "center", "right"]


class Canvas:
    """One blank picture.

    Args:
        size: Width and height in pixels.
        paper: Its colour.

    Attributes:
        pixels: (height, width, 3) uint8, C-contiguous: the picture itself, which brushes write into.
    """

    def __init__(self, size: tuple[int, int] = SIZE, paper: Color = PAPER) -> None:
        import pygame

        self.pixels: Array = np.empty((size[1], size[0], 3), np.uint8)
        self._draw = pygame.draw
        self._surface = pygame.image.frombuffer(self.pixels.data, size, "RGB")
        self._surface.fill(paper)

    def box(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        """Fill a rectangle with its upper left corner at (x, y)."""
        self._surface.fill(color, _snap(x, y, width, height))

    def frame(self, x: float, y: float, width: float, height: float, color: Color, *, line: int) -> None:
        """Outline a rectangle; the line lies inside it."""
        self._draw.rect(self._surface, color, _snap(x, y, width, height), line)

    def polygon(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        """Fill a polygon with smooth edges: it is made larger and then scaled."""
        import pygame

        corners = np.array(points, float)
        left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
        width, height = (np.ceil(corners.max(axis=0)).astype(int) + 1 - [left, top]).tolist()
        large = pygame.Surface((FINE * width, FINE * height), pygame.SRCALPHA)
        large.fill((*color, 0))
        self._draw.polygon(large, color, (FINE * (corners - [left, top] + 0.5)).tolist())
        self._surface.blit(pygame.transform.smoothscale(large, (width, height)), (left, top))

    def pill(self, text: str, x: float, y: float, size: int, color: Color, ink: Color) -> None:
        """Write a short text on a lozenge of a colour, centred at (x, y)."""
        image = _write(text, size, ink)
        radius, half = image.get_height() // 2 + 1, self.pill_width(text, size) // 2
        x, y = round(x), round(y)
        for center in (x - half + radius, x + half - radius):
            self._draw.aacircle(self._surface, color, (center, y), radius)
        self.box(x - half + radius, y - radius, 2 * (half - radius), 2 * radius + 1, color)
        self._surface.blit(image, (x - image.get_width() // 2, y - image.get_height() // 2 + 1))

    def pill_width(self, text: str, size: int) -> int:
        """Pixels from the left to the right end of a lozenge."""
        image = _write(text, size, PAPER)
        return max(image.get_width() + 12, image.get_height() + 4)

    def text(self, text: str, x: float, y: float, size: int, color: Color, *, align: Align = "left") -> None:
        """Write one line whose upper edge is at y, and whose left end, centre or right end is at x."""
        image = _write(text, size, color)
        shift = {"left": 0.0, "center": image.get_width() / 2, "right": image.get_width()}[align]
        self._surface.blit(image, (round(x - shift), round(y)))

    def width(self, text: str, size: int) -> int:
        """Pixels that a text takes from its left to its right end."""
        return _write(text, size, PAPER).get_width()

    def shorten(self, text: str, size: int, room: float) -> str:
        """The text, or as much of it as fits into ``room`` pixels."""
        if self.width(text, size) <= room:
            return text
        while text and self.width(text + "...", size) > room:
            text = text[:-1]
        return text + "..."


def _snap(x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
    """A rectangle in whole pixels: its edges are rounded, half up, so that nested rectangles keep even margins."""
    left, top, right, bottom = (math.floor(edge + 0.5) for edge in (x, y, x + width, y + height))
    return left, top, right - left, bottom - top


@lru_cache(maxsize=4096)
def _write(text: str, size: int, color: Color) -> pygame.Surface:
    """A line of text, made larger and then scaled: letters of small fonts are put on whole pixels, with uneven gaps."""
    import pygame

    try:
        large = _load_font(FINE * size).render(text, True, color)
    except pygame.error:
        # Another program has called pygame.quit() since, as Gymnasium's own environments do when they are closed.
        _load_font.cache_clear()
        large = _load_font(FINE * size).render(text, True, color)
    width, height = (max(1, round(side / FINE)) for side in large.get_size())
    return pygame.transform.smoothscale(large, (width, height))


@lru_cache(maxsize=16)
def _load_font(size: int) -> pygame.font.Font:
    import pygame

    pygame.font.init()
    return pygame.font.Font(None, size)
