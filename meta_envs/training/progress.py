"""How a training run shows that it goes on."""

from __future__ import annotations

import sys
import time
from typing import Any

from meta_envs.terminal.progress import Progress as Bar
from meta_envs.terminal.progress import has_terminal


class Progress:
    """A bar with how well the agent does and the time left; plain lines where there is no terminal.

    The bar is there inside a ``with``; its last state stays as a line.

    Args:
        title: What is being trained.
        steps: Steps of the whole run.
        done: Steps that were done before.
    """

    def __init__(self, title: str, steps: int, done: int) -> None:
        self._title, self._steps, self._first = title, steps, done
        self._done, self._shown = done, "return ..."
        self._began, self._next_line = time.monotonic(), 0.0
        self._bar = Bar(title, steps, done=done, delay=0.0) if has_terminal() else None

    def __enter__(self) -> Progress:
        """Show the bar."""
        if self._bar is not None:
            self._bar.update(self._done, self._shown)
        return self

    def __exit__(self, *_: Any) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.__exit__()
            self._print("")

    def update(self, done: int, value: float | None, held_out: tuple[float, float] | None, scored: bool) -> None:
        """Show the steps done and the newest mean return of a lifetime.

        And the 95 % interval of that of held-out lifetimes, or rather of their score: they are few.
        """
        shown = "return ..." if value is None else f"return {value:.2f}"
        if held_out is not None:
            low, high = held_out
            shown += f", score {low:.2f} to {high:.2f}" if scored else f", held out {low:.2f} to {high:.2f}"
        self._done, self._shown = done, shown
        if self._bar is not None:
            self._bar.update(done, shown)
        elif done / self._steps >= self._next_line:
            spent = time.monotonic() - self._began
            self._print(f", {spent * (self._steps - done) / max(done - self._first, 1):.0f} s left")
            self._next_line = done / self._steps + 0.1

    def _print(self, left: str) -> None:
        line = f"{self._title}: {self._done:,} of {self._steps:,} steps, {self._shown}{left}"
        print(line, file=sys.stderr, flush=True)
