"""Columns by one rule, wherever they come from: whole numbers, numbers, truth values, what is missing, and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from meta_envs.family import Array

MISSING = (
    *("", "na", "n/a", "nan", "-nan", "none", "null", "<na>", "#na", "#n/a", "#n/a n/a"),
    *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
)
"""Texts for a missing value, in small letters: those of R and of pandas."""
TRUTHS = {"true": 1, "false": 0, "yes": 1, "no": 0}
"""Texts for truth values, in small letters."""
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
"""Numbers whose comma may as well stand between thousands."""


def as_column(values: Any) -> Array:
    """An array: of objects, such as None beside numbers, and of masked values what `parse` makes of their texts."""
    column = np.asarray(values)
    if np.ma.isMaskedArray(values):
        column = column.astype(object)
        column[np.ma.getmaskarray(values)] = None
    return parse([str(value) for value in column]) if column.dtype.kind == "O" and column.ndim == 1 else column


def parse(texts: Sequence[str]) -> Array:
    """Whole numbers if all texts are, else 1 and 0 for truth values, else numbers, else words (n,).

    With missing values among them, numbers and truth values are floats, with NaN. A decimal comma is one if a value of
    the column can be nothing else: 0,71 is, 1,250 may be more than a thousand. Numbers that would lose digits, such as
    long ones that tell people apart, stay words.
    """
    numbers = None
    # Python takes 1_2 for 12.
    if "_" not in "".join(texts):
        try:
            numbers = np.array(list(map(int, texts)), np.int64)
        except OverflowError:
            pass
        except ValueError:
            numbers = _to_floats(texts)
            numbers = _with_missing([text.strip() for text in texts]) if numbers is None else numbers
    return np.array([text.strip() for text in texts], dtype=np.str_) if numbers is None else numbers


def _to_floats(texts: Sequence[str]) -> Array | None:
    """Numbers, or None if some texts are none or would overflow."""
    try:
        numbers = np.array(list(map(float, texts)))
    except ValueError:
        return None
    overflown = any("inf" not in texts[place].lower() for place in np.flatnonzero(np.isinf(numbers)).tolist())
    return None if overflown else numbers


def _with_missing(texts: Sequence[str]) -> Array | None:
    """Truth values or numbers, with NaN where one is missing, or None if some texts are neither."""
    lacking = np.array([text.lower() in MISSING for text in texts], dtype=np.bool_)
    present = [text.lower() for text, lacks in zip(texts, lacking, strict=True) if not lacks]
    try:
        found = np.array([TRUTHS[text] for text in present], np.int64)
    except KeyError:
        numbers = _to_floats(_with_points(present))
        if numbers is None:
            return None
        found = numbers
    if not lacking.any():
        return found
    column = np.full(len(texts), np.nan)
    column[~lacking] = found
    return column


def _with_points(texts: Sequence[str]) -> Sequence[str]:
    """Texts with points in place of decimal commas, if that is what their commas are."""
    commas = [text for text in texts if "," in text]
    decimal = all(map(DECIMAL_COMMA.fullmatch, commas)) and not all(map(THOUSANDS.fullmatch, commas))
    return [text.replace(",", ".") for text in texts] if decimal and not any("." in text for text in texts) else texts


def as_numbers(column: Array) -> Array:
    """A column of texts as `parse` reads it; others as they are."""
    if column.dtype.kind != "U":
        return column
    values, place = np.unique(column, return_inverse=True)
    return parse(values.tolist())[place]


def as_floats(column: Array) -> Array:
    """The numbers of a column (n,), NaN where a value is none."""
    if column.dtype.kind != "U":
        return column.astype(np.float64) if column.dtype.kind in "biuf" else np.full(len(column), np.nan)
    values, place = np.unique(column, return_inverse=True)
    alone = [parse([value]) if "," not in value else np.array([value]) for value in values.tolist()]
    return np.array([each[0] if each.dtype.kind in "if" else np.nan for each in alone], np.float64)[place]


def is_missing(column: Array) -> Array:
    """Whether each value is missing (n,)."""
    column = as_numbers(column)
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind == "U":
        values, place = np.unique(column, return_inverse=True)
        return np.array([value.lower() in MISSING for value in values.tolist()], dtype=np.bool_)[place]
    return np.zeros(len(column), dtype=np.bool_)


def to_texts(column: Array) -> list[str]:
    """Every value so that it can be read again exactly; 1 and 0 for True and False, nothing for NaN."""
    if column.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in column.astype(np.float64).tolist()]  # noqa: PLR0124
    return list(map(str, (column.astype(np.int64) if column.dtype.kind == "b" else column).tolist()))
