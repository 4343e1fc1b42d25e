"""The window of render mode "human"."""

from __future__ import annotations

import os
from time import perf_counter, sleep
from typing import TYPE_CHECKING

import gymnasium as gym

from meta_envs.family import Array

if TYPE_CHECKING:
    import pygame


class Window:
    """A window that shows pictures at a steady pace. It opens with the first, and again if another program closed it.

    Every one is a window of its own: closing it leaves all others open, other programs' too. Once its user has closed
    it, it stays closed and the program goes on at full speed; `close` makes it forget that.

    Args:
        title: Text of the title bar.
        fps: Pictures a second, at most.

    Attributes:
        dismissed: Whether its user has closed it.
    """

    def __init__(self, title: str, fps: int) -> None:
        self._title = title
        self._pause = 1.0 / fps
        self._due = 0.0
        self._window: pygame.Window | None = None
        self.dismissed = False

    def show(self, picture: Array) -> None:
        """Wait until the last picture has been seen long enough, then show the next, (height, width, 3) uint8."""
        import pygame

        size = (picture.shape[1], picture.shape[0])
        window = self._find(size)
        sleep(min(self._pause, max(0.0, self._due - perf_counter())))
        self._due = perf_counter() + self._pause
        window.get_surface().blit(pygame.image.frombuffer(picture.data, size, "RGB"), (0, 0))
        window.flip()
        # Keys and clicks are left in the queue, for a program in which a person plays.
        presses = (pygame.KEYDOWN, pygame.KEYUP, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP)
        for event in pygame.event.get(exclude=presses):
            other = getattr(event, "window", None) not in (None, window)
            if event.type == pygame.WINDOWCLOSE and other:
                pygame.event.post(event)
            elif event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                self.dismissed = True
        if self.dismissed:
            self._destroy()

    def _find(self, size: tuple[int, int]) -> pygame.Window:
        """The open window, or a new one."""
        import pygame

        if not pygame.display.get_init():
            # Never opened, or another program has called pygame.quit() since, which closes all windows.
            self._window = None
            pygame.display.init()
            if pygame.display.get_driver() == "offscreen" and "SDL_VIDEODRIVER" not in os.environ:
                gym.logger.warn('There is no display to open a window on: use render_mode="rgb_array".')
        if self._window is None:
            self._window = pygame.Window(self._title, size)
            pygame.register_quit(self._forget)
        if self._window.size != size:
            self._window.size = size
        return self._window

    def _forget(self) -> None:
        self._window = None

    def _destroy(self) -> None:
        import pygame

        if self._window is not None and pygame.display.get_init():
            self._window.destroy()
        self._window = None

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._window is not None:
            self._destroy()
        self.dismissed = False
