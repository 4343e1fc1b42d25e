"""What people read: shown whole and harmless whatever the terminal's width and encoding, and whatever names hold."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TextIO

import rich.table
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.markdown import Markdown, TableElement
from rich.segment import Segment
from rich.text import Text

WIDTH = 78
"""Of tables, at least, so that what is said below them has room."""
NAME = 24
"""Columns that a name may take before it is broken."""
NEAR = {
    **dict.fromkeys("–—−‐‑─━╌╍╴╸╶╺", "-"),
    **dict.fromkeys("•●∙", "*"),
    **dict.fromkeys("│┃╎╏║", "|"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    "±": "+-",
    "×": "x",
    "·": ".",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "→": "->",
    "↑": "^",
    "\xa0": " ",
}
"""What stands for characters that an encoding lacks, beside frames, blocks and the dots of a spinner."""
CONTROL = ("Cc", "Cf", "Zl", "Zp")
"""Unicode's categories of what changes how other text is shown."""


def show(text: str, encoding: str = "utf-8") -> str:
    """A text with control characters as Python writes them, and with near ones for characters that an encoding lacks.

    Lines stay lines. An escape sequence can then do nothing to a terminal.
    """
    harmless = "".join(_escape(each) if unicodedata.category(each) in CONTROL and each != "\n" else each for each in text)
    return harmless.encode(encoding, HANDLER).decode(encoding)


def adapt(stream: TextIO | Any) -> None:
    """Have a stream write near characters for those that its encoding lacks, in place of an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=HANDLER)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _near(character: str) -> str:
    if character in NEAR:
        return NEAR[character]
    for first, last, stands in (("─", "╿", "+"), ("▀", "▟", "#"), ("⠀", "⣿", "*")):
        if first <= character <= last:
            return stands
    return _escape(character)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_near, error.object[error.start : error.end])), error.end


HANDLER = "meta_envs.near"
codecs.register_error(HANDLER, _replace)


class Screen(Console):
    """Rich's console without markup: text is shown as it is.

    Args:
        stderr: Write to standard error instead of standard output.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr)
        adapt(self.file)

    def render_str(self, text: str, *, style: Any = "", **_: Any) -> Text:  # type: ignore[override]
        """Text from a string, before it is laid out."""
        return Text(show(text, self.encoding), style)

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What is written; whatever came in by another way is harmless too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(show(segment.text, self.encoding), segment.style)

    def say(self, *sentences: str) -> None:
        """Write sentences, each on a line of its own however long it is."""
        for sentence in sentences:
            self.print(sentence, soft_wrap=True)


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


class _PageTable(TableElement):
    """A table of Markdown, shown as all others are."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """What Rich writes."""
        assert self.header is not None and self.header.row is not None and self.body is not None
        table = Table([cell.content.plain for cell in self.header.row.cells], [])
        for row in self.body.rows:
            table.add_row(*(cell.content.plain for cell in row.cells))
        yield table


class Page(Markdown):
    """Markdown on a terminal."""

    elements: ClassVar = {**Markdown.elements, "table_open": _PageTable}

    def __init__(self, text: str) -> None:
        super().__init__(show(text))
