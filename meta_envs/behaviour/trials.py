"""Tables of trials: what learners, agents or people did, one row a step, as columns and as CSV."""

from __future__ import annotations

import csv
import io
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from meta_envs.behaviour.columns import as_column, as_floats, as_numbers, is_missing, to_texts
from meta_envs.family import Array
from meta_envs.files import write_with_seal_beside

KEYS = ("learner", "seed", "lifetime")
"""Columns that tell lifetimes apart; only the last is needed."""
TIME = ("trial", "step", "stage")
"""Columns that order the rows of a lifetime, those that there are."""
TRUTHS = ("common", "outcome", "correct", "optimal", "goal")
"""Columns of 0 and 1."""
MEANINGS = {
    "learner": "who acted",
    "lifetime": "a number for each lifetime, session or game",
    "trial": "the trial's number within its lifetime",
    "step": "the step's number within its lifetime",
    "action": "what was chosen, as a whole number; a negative one stands for a missed trial",
    "reward": "what was paid",
    "common": "1 after a common transition, 0 after a rare one",
    "outcome": "where the first stage led: 0 for S2, 1 for S3",
    "stage": "1 or 2, the stage of the trial",
    "correct": "1 for the rewarded image, 0 for the other; choices_of_images finds it in recorded steps",
    "optimal": "1 where the action was the best one, else 0",
    "regret": "expected reward lost by the action",
    "goal": "1 where the goal was reached, else 0; goal_reward= finds it by the reward",
}
"""What the columns that functions of this package read have in them."""
PART = 1 << 16
"""Rows that become text at once."""


@dataclass(frozen=True, eq=False)
class TrialTable:
    """Columns of equal length, one row a step or a trial. Made by `record_trials` or `read_csv`, or by hand.

    Args:
        columns: Arrays or lists (n,) by name: whole numbers, numbers with NaN where a value is missing, or strings.
            Lists with None or pandas' NA among the values are read as `read_csv` reads columns.
        source: The file that the table is from, which refusals name; empty if it is from none.

    Raises:
        ValueError: If a column is not one-dimensional, or the lengths differ.
    """

    columns: Mapping[str, Array]
    source: str = ""

    def __post_init__(self) -> None:
        """Make arrays of what was given."""
        columns = {name: as_column(column) for name, column in self.columns.items()}
        lengths = {name: column.shape for name, column in columns.items()}
        if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
            raise ValueError(f"Columns of a table are one-dimensional and of one length, and these are not: {lengths}.")
        object.__setattr__(self, "columns", columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Array:
        self.need("This", name)
        return self.columns[name]

    def __str__(self) -> str:
        shown = [[name, *(_show(value) for value in self.columns[name][:20].tolist())] for name in self.names]
        widths = [max(map(len, column)) for column in shown]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in zip(*shown, strict=True)]
        return "\n".join([*lines, f"... {len(self):,} rows" if len(self) > 20 else ""]).rstrip("\n")

    def need(self, what: str, *names: str) -> None:
        """Refuse to go on without columns.

        Args:
            what: Who needs them; begins the sentence.
            *names: Columns that must be there, without missing values.

        Raises:
            ValueError: If one is not there or has missing values, in one sentence.
        """
        for name in names:
            if name not in self:
                raise ValueError(
                    f"{what} needs the column {name!r}{_meaning(name)}, and the table has only {', '.join(self.names)}."
                )
            column = self.columns[name]
            if column.dtype.kind == "f":
                self._refuse_lacking(what, name, np.isnan(column))

    def _refuse_lacking(self, what: str, name: str, lacking: Array) -> None:
        """Refuse rows that lack a value (n,)."""
        if lacking.any():
            raise ValueError(
                f"{what} needs {name!r}{_meaning(name)} in every row, and {int(lacking.sum()):,} of {len(self):,} rows "
                f"lack it: leave them out, as in table.complete({name!r})."
            )

    def complete(self, *names: str) -> TrialTable:
        """The rows that lack nothing in these columns; a negative ``action`` stands for a missed trial, and lacks too.

        Raises:
            ValueError: If a column is not there.
        """
        lacking = np.zeros(len(self), dtype=np.bool_)
        for name in names:
            if name not in self:
                self.need("This", name)
            lacking |= _is_lacking(name, self.columns[name])
        return self.where(~lacking)

    def ready(self, what: str, *names: str) -> TrialTable:
        """The rows in order, with columns as analyses read them: whatever these were made of, by one rule for each.

        Choices are whole numbers of at least 0; ``common``, ``outcome``, ``correct``, ``optimal`` and ``goal`` are 0 or
        1; all others are finite numbers.

        Args:
            what: Who needs them; begins the sentence of a refusal.
            *names: Columns that must be there, beside ``lifetime``.

        Raises:
            ValueError: If one is not there, lacks values or has others than these, in one sentence.
        """
        self.need(what, "lifetime", *names)
        return self.with_columns(**{name: self._read(what, name) for name in names}).in_order()

    def _read(self, what: str, name: str) -> Array:
        """A column as analyses read it (n,)."""
        column = as_numbers(self.columns[name])
        self._refuse_lacking(what, name, _is_lacking(name, column))
        numbers = as_floats(column)
        if name == "action":
            good, needs = numbers == np.floor(numbers), "choices counted from 0 or 1, as whole numbers,"
            cure = "give each choice a number, and leave out rows without one"
        elif name in TRUTHS:
            good, needs, cure = (numbers == 0) | (numbers == 1), "0 or 1", "write 0 and 1, or TRUE and FALSE"
        else:
            good, needs, cure = (
                np.isfinite(numbers),
                "finite numbers",
                "write numbers with decimal points, or leave it out",
            )
        bad = np.flatnonzero(~good | np.isinf(numbers))
        if len(bad):
            row = f"row {bad[0] + 1}" + (f" of the table from {self.source}" if self.source else "")
            raise ValueError(
                f"{what} needs {needs} in the column {name!r}{_meaning(name)}, and {row} has "
                f"{self.columns[name][bad[0]].item()!r}: {cure}."
            )
        return numbers if column.dtype.kind == "f" and name not in ("action", *TRUTHS) else numbers.astype(np.int64)

    def where(self, mask: Array) -> TrialTable:
        """The rows that a boolean array (n,) or row numbers select."""
        return TrialTable({name: column[mask] for name, column in self.columns.items()}, self.source)

    def with_columns(self, **columns: Any) -> TrialTable:
        """The same rows with columns added or replaced."""
        return TrialTable({**self.columns, **columns}, self.source)

    def split(self, name: str) -> dict[Any, TrialTable]:
        """A table for each value of a column, such as ``"learner"``, in the order in which the values first come."""
        values, first = np.unique(self[name], return_index=True)
        return {value: self.where(self[name] == value) for value in values[np.argsort(first)].tolist()}

    def lifetimes(self) -> Array:
        """The lifetime of every row (n,), counted from 0: rows alike in learner, seed and lifetime share one."""
        self.need("Every analysis", "lifetime")
        code = np.zeros(len(self), np.intp)
        for name in filter(self.__contains__, KEYS):
            values, place = np.unique(self.columns[name], return_inverse=True)
            self._refuse_lacking("Every analysis", name, is_missing(values)[place])
            code = np.unique(code * len(values) + place, return_inverse=True)[1]
        return code

    def in_order(self) -> TrialTable:
        """The rows of every lifetime together, in the order of time."""
        times = [as_numbers(self.columns[name]) for name in reversed(TIME) if name in self]
        order = np.lexsort([*times, self.lifetimes()])
        return self if np.array_equal(order, np.arange(len(self))) else self.where(order)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table, names in the first line, all or nothing; `read_csv` gives the same values to the last bit.

        The SHA-256 of the file goes into another one beside it, ``<name>.sha256``, and `read_csv` compares it.

        Raises:
            OSError: If the file cannot be written.
        """
        write_with_seal_beside(Path(path), csv_parts([self]))


def csv_parts(tables: Iterable[TrialTable]) -> Iterator[bytes]:
    """The CSV file of tables with the same columns, one after the other, in parts: as text, tables are large."""
    names: tuple[str, ...] = ()
    for table in tables:
        for start in range(0, max(len(table), 1), PART):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            if not names:
                names = table.names
                writer.writerow(names)
            columns = [table.columns[name][start : start + PART] for name in names]
            writer.writerows(zip(*map(to_texts, columns), strict=True))
            yield text.getvalue().encode()


def refuse_twins(table: TrialTable, what: str, *times: str) -> None:
    """Refuse a table in order with two rows of one time, such as of one trial.

    Args:
        table: The table.
        what: Who refuses; begins the sentence.
        *times: Columns that tell the times of a lifetime apart.

    Raises:
        ValueError: If there are.
    """
    alike = np.diff(table.lifetimes()) == 0
    for name in times:
        alike &= np.diff(as_numbers(table[name])) == 0
    twins = np.flatnonzero(alike)
    if len(twins):
        keys = ", ".join(f"{name} {table[name][twins[0]]}" for name in (*KEYS, *times) if name in table)
        raise ValueError(
            f"{what} take one row a {times[-1]}, and there are several for {keys}: give one stage of the trials, or "
            f"tell lifetimes apart by {', '.join(repr(name) for name in KEYS)}."
        )


def warn_of_pooling(table: TrialTable, what: str) -> None:
    """Say where lifetimes are fitted as one that are of several learners, or of who knows whom."""
    if "learner" in table:
        num, cure = len(np.unique(table["learner"])), "table.split('learner') gives each their own"
        several = f"{num} learners"
    else:
        num, cure = len(np.unique(table.lifetimes())), "if several people lived them, say who in a column 'learner'"
        several = f"{num} lifetimes of nobody knows whom"
    if num > 1:
        warnings.warn(f"{what} fit {several} as one: {cure}.", UserWarning, stacklevel=3)


def join(tables: Sequence[TrialTable]) -> TrialTable:
    """The rows of several tables, in order.

    Raises:
        ValueError: If there are none, or their columns differ.
    """
    if not tables or any(table.names != tables[0].names for table in tables):
        raise ValueError("Tables are joined if there are some and they have the same columns, in the same order.")
    return TrialTable({name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].names})


def _meaning(name: str) -> str:
    """What a column has in it, in brackets."""
    return f" ({MEANINGS[name]})" if name in MEANINGS else ""


def _is_lacking(name: str, column: Array) -> Array:
    """Which rows have no value (n,): the one place that says what a missed trial is."""
    lacking = is_missing(column)
    numbers = as_numbers(column)
    return lacking | (numbers < 0) if name == "action" and numbers.dtype.kind in "if" else lacking


def _show(value: Any) -> str:
    """A value for people."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.1f}"
    return str(value)
