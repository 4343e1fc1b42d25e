"""Parameters, taken if they make sense and else refused in one sentence."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any

import numpy as np

LONGEST = 200
"""Letters of a value that a refusal shows."""


def to_plain(value: Any) -> Any:
    """A value without enums, and with Python's numbers and lists in place of NumPy's, as JSON takes it.

    Arrays of more than two axes stay as they are: they are sets of images, too large for JSON.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [to_plain(each) for each in value]
    if isinstance(value, np.ndarray) and value.ndim > 2:
        return value
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def require(condition: bool, name: str, value: object, cure: str) -> None:
    """Refuse a parameter in one sentence.

    Raises:
        ValueError: Unless ``condition`` holds.
    """
    if not condition:
        raise ValueError(f"{name}={in_a_line(value)} is not possible: {cure}.")


def in_a_line(value: object, most: int = LONGEST) -> str:
    """What Python shows of a value, in one line of so many letters at most."""
    try:
        shown = " ".join(repr(value).split())
    except ValueError:
        # Python writes no whole number of more than some thousand digits.
        shown = f"a {type(value).__name__} too long to write"
    return shown if len(shown) <= most else f"{shown[:most]}..."


def suggest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """The cure of a wrong name: the known ones that are near it or hold it.

    Where there are none, it is ``otherwise``, or by default a list of all.
    """
    like = {each.casefold(): each for each in known}
    within = [fold for fold in like if len(name) > 2 and name.casefold() in fold]
    near = dict.fromkeys([*difflib.get_close_matches(name.casefold(), like, n=3), *within])
    if near:
        return f"did you mean {' or '.join(like[fold] for fold in near)}?"
    return otherwise or f"it is one of {', '.join(known)}."


LARGEST = 1e30
"""The largest size of a number: sums over lifetimes and their squares are numbers too, in single precision as well."""


def require_numbers(family: object, *names: str) -> None:
    """Refuse fields that are not finite numbers, or whose size is above `LARGEST`.

    Raises:
        ValueError: With the field, its value and the cure.
    """
    for name in names:
        value = getattr(family, name)
        small = is_number(value) and bool(-LARGEST <= value <= LARGEST)
        require(small, name, value, f"give a finite number from {-LARGEST} to {LARGEST}")


def is_number(value: object) -> bool:
    """Whether it is a finite real number of Python's or NumPy's, and no truth value."""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        return False
    # Whole numbers may be larger than any real one that a computer has.
    return bool(-sys.float_info.max <= value <= sys.float_info.max)


def require_one_of(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse a word that is not among those known.

    Raises:
        ValueError: With the field, its value and the words.
    """
    known = tuple(known)
    require(isinstance(value, str) and value in known, name, value, f"give one of {', '.join(known)}")


def is_whole(value: object, least: float = -np.inf, most: float = np.inf) -> bool:
    """Whether it is a whole number of Python's or NumPy's, and no truth value, from ``least`` to ``most``."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(least <= value <= most)


def require_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number as Python's own.

    Raises:
        ValueError: If it is none, or not from ``least`` to ``most``.
    """
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    require(is_whole(value, least, np.inf if most is None else most), name, value, f"give a whole number {bounds}")
    require(is_whole(value, -sys.maxsize, sys.maxsize), name, value, "give one of at most 18 digits")
    return int(value)  # type: ignore[call-overload]


def require_integers(family: object, minimum: dict[str, int]) -> None:
    """Refuse fields that are not whole numbers of at least the given size.

    Raises:
        ValueError: With the field, its value and the cure.
    """
    for name, least in minimum.items():
        require_whole(name, getattr(family, name), least)
