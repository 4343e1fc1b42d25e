"""How a training run shows that it goes on."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """A bar with how well the agent does and the time left; plain lines where there is no terminal.

    The bar is there inside a ``with``, which leaves the terminal as it was.

    Args:
        steps: Steps of the whole run.
        title: What is being trained.
    """

    def __init__(self, steps: int, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        self._steps, self._title = steps, title
        console = Console(file=sys.stderr)
        self._bar = None
        self._next_line, self._began = 0.0, time.monotonic()
        self._first: int | None = None
        if console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None, table_column=Column(ratio=1)),
                TaskProgressColumn(),
                TextColumn("{task.fields[shown]}"),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=console,
                expand=True,
            )
            self._task = self._bar.add_task(title, total=steps, shown="return ...")

    def __enter__(self) -> Progress:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        """Stop it."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, value: float | None, held_out: tuple[float, float] | None, scored: bool) -> None:
        """Show the steps done and the newest mean return of a lifetime.

        And the 95 % interval of that of held-out lifetimes, or rather of their score: they are few.
        """
        shown = "return ..." if value is None else f"return {value:.2f}"
        if held_out is not None:
            low, high = held_out
            shown += f", score {low:.2f} to {high:.2f}" if scored else f", held out {low:.2f} to {high:.2f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, shown=shown)
            return
        self._first = done if self._first is None else self._first
        if done / self._steps >= self._next_line:
            spent = time.monotonic() - self._began
            line = f"{self._title}: {done:,} of {self._steps:,} steps, {shown}"
            if done > self._first:
                line += f", {spent * (self._steps - done) / (done - self._first):.0f} s left"
            print(line, file=sys.stderr, flush=True)
            self._next_line = done / self._steps + 0.1
