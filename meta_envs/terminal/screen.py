"""Where text and tables are written: a console that shows names as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions
from rich.markdown import Markdown, TableElement
from rich.segment import Segment
from rich.text import Text

from meta_envs.terminal.table import Table
from meta_envs.terminal.text import adapt, show


class Screen(Console):
    """Rich's console without markup: text is shown as it is.

    Args:
        stderr: Write to standard error instead of standard output.
        width: Columns; by default those of the terminal.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width)
        adapt(self.file)

    def render_str(self, text: str, *, style: Any = "", **_: Any) -> Text:
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


class _PageTable(TableElement):
    """A table of Markdown, shown as all others are."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """What Rich writes."""
        assert self.header is not None
        assert self.header.row is not None
        assert self.body is not None
        table = Table([cell.content.plain for cell in self.header.row.cells], [])
        for row in self.body.rows:
            table.add_row(*(cell.content.plain for cell in row.cells))
        yield table


class Page(Markdown):
    """Markdown, such as an environment's docstring.

    Args:
        text: The Markdown.
    """

    elements: ClassVar = {**Markdown.elements, "table_open": _PageTable}

    def __init__(self, text: str) -> None:
        super().__init__(show(text))
