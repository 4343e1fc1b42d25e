"""Numbers that stand in for agents that are too large, or too many, to be shipped: as the figures gave them.

They are columns of a figure's data, those rows whose ``role`` is of a kept role, in ``data/NAME.csv``. Whoever gives or
trains the agents measures anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np

from meta_envs.behaviour.columns import parse, to_texts
from meta_envs.figures.figure import Data
from meta_envs.files import reading, write_atomically

FOLDER = Path(__file__).parent / "data"


def read_kept(figure: str, role: str) -> Data:
    """The kept rows of a role, no columns where none are kept.

    Raises:
        ValueError: If the file is not whole.
    """
    file = FOLDER / f"{figure}.csv"
    if not file.is_file():
        return {}
    with reading(file, "has no whole numbers of a figure", "install meta-envs again"):
        names, *rows = csv.reader(io.StringIO(file.read_text()))
        data = {name: parse(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
        return {name: column[data["role"] == role] for name, column in data.items()}


def digest_of(figure: str) -> str | None:
    """SHA-256 of the figure's kept numbers; None where there are none."""
    file = FOLDER / f"{figure}.csv"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def keep(figure: str, data: Data, roles: list[str], folder: Path = FOLDER) -> Path:
    """Write a figure's rows of roles to where `read_kept` finds them, for the maintainers, who ship them.

    Args:
        figure: Its name.
        data: Of its `Reproduction`, with the column ``role``.
        roles: Names of kept roles.
        folder: Where the file goes.

    Returns:
        The file.

    Raises:
        OSError: If it cannot be written.
    """
    kept = np.isin(data["role"], roles)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(data)
    writer.writerows(zip(*(to_texts(column[kept]) for column in data.values()), strict=True))
    file = folder / f"{figure}.csv"
    folder.mkdir(exist_ok=True)
    write_atomically(file, text.getvalue().encode())
    return file
