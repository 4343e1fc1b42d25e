"""Tables for people, of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import rich.table
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from meta_envs.terminal.text import show

WIDTH = 78
"""Of tables, at least, so that what is said below them has room."""
NAME = 32
"""Columns that a word may take before it is broken."""


class Table:
    """Rows below headings; where the terminal is too narrow for them, one cell below the other.

    Rich shows it: ``Screen().print(table)``, or any console of Rich's.

    Args:
        words: Headings of columns of words, the first of which names a row.
        numbers: Headings of the columns after them, which are never broken.
        title: Stands above.
        caption: Stands below.
    """

    def __init__(self, words: Sequence[str], numbers: Sequence[str], *, title: str = "", caption: str = "") -> None:
        self.words, self.numbers = tuple(words), tuple(numbers)
        self.title, self.caption = title, caption
        self.rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row: a cell for each heading."""
        self.rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """What Rich writes."""

        def text(cell: str, style: str = "") -> Text:
            return Text(show(cell, console.encoding), style, overflow="fold")

        headings = [text(each) for each in (*self.words, *self.numbers)]
        rows = [[text(cell) for cell in row] for row in self.rows]
        title, caption = text(self.title, "bold"), text(self.caption, "dim italic")
        widths = self._share(options.max_width, [headings, *rows])
        if widths is None:
            yield from self._stack(title, caption, headings, rows)
            return
        table = rich.table.Table(
            title=title if self.title else None,
            caption=caption if self.caption else None,
            box=box.SIMPLE_HEAD,
            min_width=min(WIDTH, options.max_width),
            caption_justify="left",
            show_edge=False,
        )
        for place, (heading, width) in enumerate(zip(headings, widths, strict=True)):
            table.add_column(heading, justify="left" if place < len(self.words) else "right", width=width)
        for row in rows:
            table.add_row(*row)
        yield table

    def _stack(self, title: Text, caption: Text, headings: list[Text], rows: list[list[Text]]) -> Iterator[Any]:
        """The cells of each row one below the other."""
        if title:
            yield title
        for place, (name, *cells) in enumerate(rows):
            if place:
                yield ""
            yield name
            parts = rich.table.Table.grid(padding=(0, 2))
            for heading, cell in zip(headings[1:], cells, strict=True):
                parts.add_row("", heading, cell)
            yield parts
        if caption:
            yield ""
            yield caption

    def _share(self, width: int, rows: Sequence[Sequence[Text]]) -> list[int] | None:
        """Widths of the columns, or None where numbers, or words that are not very long, would be broken."""
        columns = [[cell.plain for cell in column] for column in zip(*rows, strict=True)]
        whole = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
        shared = whole.copy()
        for place in range(len(self.words)):
            shared[place] = min(
                NAME, max((cell_len(word) for cell in columns[place] for word in cell.split()), default=0)
            )
        spare = width - sum(shared) - 3 * len(columns) + 1
        if spare < 0:
            return None
        for place, most in enumerate(whole):
            more = min(spare, most - shared[place])
            shared[place], spare = shared[place] + more, spare - more
        return shared
