"""Tables of trials: what learners, agents or people did, one row a step, as columns and as CSV."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from meta_envs.family import Array
from meta_envs.files import write_atomically

KEYS = ("learner", "seed", "lifetime")
"""Columns that tell lifetimes apart; only the last is needed."""
TIME = ("trial", "step", "stage")
"""Columns that order the rows of a lifetime, those that there are."""
MEANINGS = {
    "learner": "who acted",
    "lifetime": "a number for each lifetime, session or game",
    "trial": "the trial's number within its lifetime",
    "step": "the step's number within its lifetime",
    "action": "what was chosen, as a whole number",
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
MISSING = ("", "na", "nan", "n/a", "none", "null")
TRUTHS = {"true": 1, "false": 0}


@dataclass(frozen=True, eq=False)
class TrialTable:
    """Columns of equal length, one row a step or a trial. Made by `record_trials` or `read_csv`, or by hand.

    Args:
        columns: Arrays or lists (n,) by name: whole numbers, numbers with NaN where a value is missing, or strings.

    Raises:
        ValueError: If a column is not one-dimensional, or the lengths differ.
    """

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        """Make arrays of what was given."""
        columns = {name: np.asarray(column) for name, column in self.columns.items()}
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
            meaning = f" ({MEANINGS[name]})" if name in MEANINGS else ""
            if name not in self:
                raise ValueError(
                    f"{what} needs the column {name!r}{meaning}, and the table has only {', '.join(self.names)}."
                )
            column = self.columns[name]
            missing = int(np.sum(np.isnan(column))) if column.dtype.kind == "f" else 0
            if missing:
                raise ValueError(
                    f"{what} needs {name!r}{meaning} in every row, and {missing:,} of {len(self):,} rows lack it: "
                    f"leave them out, as in table.where(~numpy.isnan(table.columns[{name!r}]))."
                )

    def where(self, mask: Array) -> TrialTable:
        """The rows that a boolean array (n,) or row numbers select."""
        return TrialTable({name: column[mask] for name, column in self.columns.items()})

    def with_columns(self, **columns: Any) -> TrialTable:
        """The same rows with columns added or replaced."""
        return TrialTable({**self.columns, **columns})

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
            code = np.unique(code * len(values) + place, return_inverse=True)[1]
        return code

    def in_order(self) -> TrialTable:
        """The rows of every lifetime together, in the order of time."""
        times = [self.columns[name] for name in reversed(TIME) if name in self]
        order = np.lexsort([*times, self.lifetimes()])
        return self if np.array_equal(order, np.arange(len(self))) else self.where(order)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table, names in the first line, all or nothing; `read_csv` gives the same values to the last bit.

        Raises:
            OSError: If the file cannot be written.
        """
        write_atomically(Path(path), csv_parts([self]))


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
            writer.writerows(zip(*map(_to_texts, columns), strict=True))
            yield text.getvalue().encode()


def refuse_twins(table: TrialTable, what: str) -> None:
    """Refuse a table in order with two rows of one trial.

    Raises:
        ValueError: If there are.
    """
    lifetime, trial = table.lifetimes(), table["trial"]
    twins = np.flatnonzero((np.diff(lifetime) == 0) & (np.diff(trial) == 0))
    if len(twins):
        keys = ", ".join(f"{name} {table[name][twins[0]]}" for name in (*KEYS, "trial") if name in table)
        raise ValueError(
            f"{what} take one row a trial, and there are several for {keys}: give one stage of the trials, or tell "
            f"lifetimes apart by {', '.join(repr(name) for name in KEYS)}."
        )


def join(tables: Sequence[TrialTable]) -> TrialTable:
    """The rows of several tables, in order.

    Raises:
        ValueError: If there are none, or their columns differ.
    """
    if not tables or any(table.names != tables[0].names for table in tables):
        raise ValueError("Tables are joined if there are some and they have the same columns, in the same order.")
    return TrialTable({name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].names})


def read_csv(
    path: str | os.PathLike[str], *, rename: Mapping[str, str] | None = None, delimiter: str = ","
) -> TrialTable:
    """Read a table of trials, such as people's data.

    Args:
        path: A CSV file whose first line has the names of the columns.
        rename: Names for columns that are called otherwise, as in ``{"subject": "learner", "choice": "action"}``.
        delimiter: What stands between values.

    Returns:
        The table: columns of whole numbers, of numbers, NaN where a value is empty or NA, or of strings; TRUE and FALSE
        are 1 and 0.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no such table, or a column to rename is not there.
    """
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file, delimiter=delimiter) if line]
    if not lines:
        raise ValueError(f"{path} is empty: its first line must have the names of the columns.")
    names, rename = [name.strip() for name in lines[0]], rename or {}
    unknown = [name for name in rename if name not in names]
    if unknown:
        raise ValueError(f"{path} has no column {unknown[0]!r} to rename: it has {', '.join(names)}.")
    names = [rename.get(name, name) for name in names]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has several columns {twice[0]!r}: give each a name of its own.")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            raise ValueError(f"Row {number} of {path} has {len(line)} values for {len(names)} columns.")
    values = zip(*lines[1:], strict=True) if len(lines) > 1 else [()] * len(names)
    return TrialTable({name: _to_array(texts) for name, texts in zip(names, values, strict=True)})


def _to_array(texts: Sequence[str]) -> Array:
    """Whole numbers if all are, else numbers if all are or are missing, else strings (n,)."""
    converters = (
        lambda: np.array([int(text) for text in texts], np.int64),
        lambda: np.array([TRUTHS[text.strip().lower()] for text in texts], np.int64),
        lambda: np.array([float(text) for text in texts]),
        lambda: np.array([np.nan if text.strip().lower() in MISSING else float(text) for text in texts]),
    )
    for convert in converters:
        try:
            return convert()
        except (ValueError, KeyError, OverflowError):
            continue
    return np.array([text.strip() for text in texts])


def _to_texts(column: Array) -> list[str]:
    """Every value so that it can be read again exactly; 1 and 0 for True and False, nothing for NaN."""
    if column.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in column.astype(np.float64).tolist()]  # noqa: PLR0124
    return list(map(str, (column.astype(np.int64) if column.dtype.kind == "b" else column).tolist()))


def _show(value: Any) -> str:
    """A value for people."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.1f}"
    return str(value)
