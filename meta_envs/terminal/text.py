"""Text that does no harm to a terminal and that its encoding has characters for."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Any, TextIO

NEAR = {
    **dict.fromkeys("–—−─━╌╍╴╸╶╺", "-"),
    **dict.fromkeys("•●∙", "*"),
    **dict.fromkeys("│┃╎╏║", "|"),
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
    harmless = "".join(
        _escape(each) if unicodedata.category(each) in CONTROL and each != "\n" else each for each in text
    )
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
