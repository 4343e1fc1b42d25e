"""What painters draw on: an array of pixels, with pygame's brushes. No display is needed, and nothing outlives a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from meta_envs.family import Array
from meta_envs.rendering.theme import PAPER, SIZE, Color

if TYPE_CHECKING:
    import pygame

Align = Literal["left", "center", "right"]


class Canvas:
    """One blank picture.

    Attributes:
        pixels: (height, width, 3) uint8, C-contiguous: the picture itself, which brushes write into.
    """

    def __init__(self) -> None:
        import pygame

        # Fonts are loaded anew for every picture: other programs may call pygame.quit(), after which old ones are unusable.
        pygame.font.init()
        self._fonts: dict[int, pygame.font.Font] = {}
        self._pygame = pygame
        self.pixels: Array = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
        self._surface = pygame.image.frombuffer(self.pixels, SIZE, "RGB")
        self._surface.fill(PAPER)

    def box(self, x: float, y: float, width: float, height: float, color: Color, *, radius: int = 0) -> None:
        """Fill a rectangle with its upper left corner at (x, y)."""
        area = (round(x), round(y), round(width), round(height))
        if radius:
            self._pygame.draw.rect(self._surface, color, area, border_radius=radius)
        else:
            self._surface.fill(color, area)

    def frame(self, x: float, y: float, width: float, height: float, color: Color, *, line: int, radius: int = 0) -> None:
        """Outline a rectangle; the line lies inside it."""
        area = (round(x), round(y), round(width), round(height))
        self._pygame.draw.rect(self._surface, color, area, line, border_radius=radius)

    def polygon(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        """Fill a polygon with smooth edges."""
        self._pygame.draw.polygon(self._surface, color, points)
        self._pygame.draw.aalines(self._surface, color, True, points)

    def text(self, text: str, x: float, y: float, size: int, color: Color, *, align: Align = "left") -> None:
        """Write one line whose upper edge is at y, and whose left end, centre or right end is at x."""
        image = self._font(size).render(text, True, color)
        shift = {"left": 0.0, "center": image.get_width() / 2, "right": image.get_width()}[align]
        self._surface.blit(image, (round(x - shift), round(y)))

    def width(self, text: str, size: int) -> int:
        """Pixels that a text takes from its left to its right end."""
        return self._font(size).size(text)[0]

    def shorten(self, text: str, size: int, room: float) -> str:
        """The text, or as much of it as fits into ``room`` pixels."""
        if self.width(text, size) <= room:
            return text
        while text and self.width(text + "...", size) > room:
            text = text[:-1]
        return text + "..."

    def _font(self, size: int) -> pygame.font.Font:
        if size not in self._fonts:
            self._fonts[size] = self._pygame.font.Font(None, size)
        return self._fonts[size]
