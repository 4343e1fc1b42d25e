"""Tables of trials from CSV files: their encoding, what stands between values, and lines that do not fit."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from meta_envs.arguments import require
from meta_envs.behaviour.columns import parse
from meta_envs.behaviour.trials import TrialTable
from meta_envs.files import require_seal_beside

MARKS = {
    # The mark of UTF-16 begins that of UTF-32.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by the mark with which a file begins."""
DELIMITERS = (",", ";", "\t")


def read_csv(
    path: str | os.PathLike[str],
    *,
    rename: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> TrialTable:
    """Read a table of trials, such as people's data.

    Args:
        path: A CSV file whose first line has the names of the columns.
        rename: Names for columns that are called otherwise, as in ``{"subject": "learner", "choice": "action"}``.
        delimiter: What stands between values; by default the first of comma, semicolon and tab that parts the names.
        encoding: Of the file's text, such as ``"cp1252"``; by default UTF-8, or as the mark at its beginning says.

    Returns:
        The table: columns of whole numbers, of numbers, or of strings. TRUE and FALSE, and yes and no, are 1 and 0;
        empty fields, NA and the like are missing values, NaN. Numbers may have decimal commas, where they can be
        nothing else. Its ``source`` is the path.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no such table, a column to rename is not there, or this package wrote the file and it was
            changed since.
    """
    require(delimiter is None or len(delimiter) == 1, "delimiter", delimiter, "give one character")
    content = Path(path).read_bytes()
    require_seal_beside(Path(path), content)
    text = _decode(content, path, encoding)
    lines = _split(text, path, delimiter)
    if not lines:
        raise ValueError(f"{path} is empty: its first line must have the names of the columns.")
    names, rename = [name.strip() for name in lines[0][1]], rename or {}
    unknown = [name for name in rename if name not in names]
    if unknown:
        raise ValueError(f"{path} has no column {unknown[0]!r} to rename: it has {', '.join(names)}.")
    names = [rename.get(name, name) for name in names]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has several columns {twice[0]!r}: give each a name of its own.")
    for number, line in lines[1:]:
        if len(line) != len(names):
            raise ValueError(
                f"Row {number} of {path} has {len(line)} values for {len(names)} columns: leave missing "
                "values empty, and write decimal points, or semicolons between numbers with decimal commas."
            )
    values = zip(*(line for _, line in lines[1:]), strict=True) if len(lines) > 1 else [()] * len(names)
    return TrialTable({name: parse(texts) for name, texts in zip(names, values, strict=True)}, str(path))


def _decode(content: bytes, path: str | os.PathLike[str], encoding: str | None) -> str:
    """The text of a file."""
    marked = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding or marked)
    except LookupError:
        raise ValueError(f"encoding={encoding!r} is not possible: give one that Python knows, as 'cp1252'.") from None
    except UnicodeError as error:
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        raise ValueError(
            f"{path} is not in {encoding or marked.removesuffix('-sig').upper()}, as its line {line} shows: save it "
            "as UTF-8, or name its encoding, as in read_csv(path, encoding='cp1252')."
        ) from None
    if "\0" in text:
        raise ValueError(
            f"{path} is no text in {encoding or 'UTF-8'}, as its line {text[: text.index(chr(0))].count(chr(10)) + 1} "
            "shows: save the table as CSV, or name the encoding, as in read_csv(path, encoding='utf-16-le')."
        )
    return text


def _split(text: str, path: str | os.PathLike[str], delimiter: str | None) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, as values, with their numbers in the file, from 1."""
    if delimiter is None:
        first = next((line for line in text.splitlines() if line), "")
        delimiter = next((each for each in DELIMITERS if len(next(csv.reader([first], delimiter=each), [])) > 1), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, line) for line in reader if line]
    except csv.Error as error:
        raise ValueError(
            f"Row {reader.line_num} of {path} cannot be read ({error}): see whether each quotation mark has its other."
        ) from None
