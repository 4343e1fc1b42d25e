"""How a terminal shows that something goes on: how far it is, and how long it will take."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, TypeVar

Item = TypeVar("Item")
DELAY = 2.0
"""Seconds that pass before anything is shown: what is done sooner needs no bar."""
_COLUMNS = ("description", "fields[note]", "fields[left]")
_LOCK = threading.Lock()
_display: Any = None  # Rich's, of all bars there are: a terminal has place for one.


class Progress:
    """A bar with percentage and time left on standard error, for as long as a ``with`` lasts; on terminals alone.

    Bars inside one another, or of several threads, stand one below the other. Nothing stays on the terminal.

    Args:
        title: What goes on, in a few words.
        total: Steps of it, in any unit in which all take about equally long.
        done: Steps that were done before.
        delay: Seconds before the bar is shown.
    """

    def __init__(self, title: str, total: float, *, done: float = 0.0, delay: float = DELAY) -> None:
        self._title, self._total, self._first, self._delay = title, total, done, delay
        self._done, self._note = done, ""
        self._began = time.monotonic()
        self._task: Any = None  # in the display, once it is shown

    def __enter__(self) -> Progress:
        """Begin to count the time."""
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: Any) -> None:
        """Take the bar away."""
        global _display  # noqa: PLW0603
        with _LOCK:
            if self._task is not None:
                _display.remove_task(self._task)
                if not _display.tasks:
                    _display.stop()
                    _display = None
            self._task = None

    def advance(self, steps: float = 1.0, note: str | None = None) -> None:
        """Say that steps are done, and in a few words how things stand."""
        self.update(self._done + steps, note)

    def update(self, done: float, note: str | None = None) -> None:
        """Say how many steps are done in all, and in a few words how things stand."""
        self._done, self._note = done, self._note if note is None else note
        spent = time.monotonic() - self._began
        if self._task is None and (spent < self._delay or not has_terminal()):
            return
        left = ""
        if done > self._first:
            left = f"{timedelta(seconds=round(spent * (self._total - done) / (done - self._first)))} left"
        with _LOCK:
            if self._task is None:
                self._task = _find_display().add_task(self._title, total=self._total, note="", left="")
            _display.update(self._task, completed=done, note=self._note, left=left)


def track(items: Collection[Item], title: str, *, delay: float = DELAY) -> Iterator[Item]:
    """The items, one after the other, with a bar for how many of them are done."""
    with Progress(title, len(items), delay=delay) as progress:
        for item in items:
            yield item
            progress.advance()


def has_terminal() -> bool:
    """Whether standard error is a terminal; there may be none at all."""
    return bool(getattr(sys.stderr, "isatty", bool)())


def _find_display() -> Any:
    """The display that is there, or a new one."""
    global _display  # noqa: PLW0603
    if _display is None:
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn
        from rich.progress import Progress as Display

        from meta_envs.terminal.screen import Screen

        title, note, left = (TextColumn(f"{{task.{name}}}", markup=False) for name in _COLUMNS)
        console = Screen(stderr=True)
        _display = Display(title, BarColumn(), TaskProgressColumn(), note, left, console=console, transient=True)
        _display.start()
    return _display
