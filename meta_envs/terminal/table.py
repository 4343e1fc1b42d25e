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
NAME = 24
"""Columns that a name may take before it is broken."""


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
        if self._least_width([headings, *rows]) > options.max_width:
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
        for place, heading in enumerate(headings):
            number = place >= len(self.words)
            table.add_column(heading, overflow="fold", justify="right" if number else "left", no_wrap=number)
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

    def _least_width(self, rows: Sequence[Sequence[Text]]) -> int:
        """Columns below which a number, or a word that is no longer than most names, would be broken."""
        widths = []
        for place, column in enumerate(zip(*rows, strict=True)):
            if place < len(self.words):
                longest = max((cell_len(word) for cell in column for word in cell.plain.split()), default=0)
                widths.append(min(NAME, longest))
            else:
                widths.append(max(cell.cell_len for cell in column))
        return sum(widths) + 3 * len(widths) - 1
