"""The window of render mode "human"."""

from __future__ import annotations

import os
from time import perf_counter, sleep

import gymnasium as gym

from meta_envs.family import Array


class Window:
    """A window that shows pictures at a steady pace. It opens with the first, and again if another program closed it.

    Once its user has closed it, it stays closed and the program goes on at full speed; `close` makes it forget that.
    pygame has one window a process, which the environments of a process share.

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
        self._open = False
        self.dismissed = False

    def show(self, picture: Array) -> None:
        """Wait until the last picture has been seen long enough, then show the next, (height, width, 3) uint8."""
        import pygame

        size = (picture.shape[1], picture.shape[0])
        screen = pygame.display.get_surface() if pygame.display.get_init() else None
        if screen is None or screen.get_size() != size:
            pygame.display.init()
            screen = pygame.display.set_mode(size)
            if pygame.display.get_driver() == "offscreen" and "SDL_VIDEODRIVER" not in os.environ:
                gym.logger.warn('There is no display to open a window on: use render_mode="rgb_array".')
        self._open = True
        pygame.display.set_caption(self._title)
        sleep(min(self._pause, max(0.0, self._due - perf_counter())))
        self._due = perf_counter() + self._pause
        screen.blit(pygame.image.frombuffer(picture.data, size, "RGB"), (0, 0))
        pygame.display.flip()
        # Keys and clicks are left in the queue, for a program in which a person plays.
        presses = (pygame.KEYDOWN, pygame.KEYUP, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP)
        if any(event.type in (pygame.QUIT, pygame.WINDOWCLOSE) for event in pygame.event.get(exclude=presses)):
            self.close()
            self.dismissed = True

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._open:
            import pygame

            pygame.display.quit()
        self._open = self.dismissed = False
