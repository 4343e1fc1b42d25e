"""The look of figures. Needs Matplotlib: ``pip install "meta-envs[plots]"``."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meta_envs.files import write_atomically

# Okabe & Ito's colours, which are told apart with every kind of colour vision; the next style when they are used up.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
DATES = {"pdf": "CreationDate", "svg": "Date"}
"""Under which name a format holds the time at which it was written."""


def new_figure(width: float, height: float) -> Any:
    """An empty Matplotlib figure of that size in inches.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('Figures need Matplotlib: pip install "meta-envs[plots]".') from error
    return Figure(figsize=(width, height), layout="constrained")


def new_panels(titles: Sequence[str], width: float, height: float) -> tuple[Any, list[Any]]:
    """A figure with a tidy panel of that size in inches for each title, three in a row, and the axes of each."""
    columns = min(len(titles), 3)
    rows = -(-len(titles) // columns)
    figure = new_figure(width * columns, height * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes, title in zip(grid, titles, strict=False):
        tidy(axes, title)
    for axes in grid[len(titles) :]:
        axes.set_axis_off()
    return figure, grid[: len(titles)]


def check_format(path: Path) -> None:
    """Refuse a figure that could not be written, before anything is computed for it.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If it knows no format of that ending.
    """
    known = new_figure(1.0, 1.0).canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in known:
        raise ValueError(
            f"{path} is of no format that can be drawn: end its name in one of .{', .'.join(sorted(known))}."
        )


def tidy(axes: Any, title: str) -> None:
    """A title on the left, no frame, and a pale grid."""
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure at 150 dpi, all or nothing; the ending names the format, such as ``.png``, which is the default.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If Matplotlib knows no format of that ending.
    """
    place = Path(path)
    place = place if place.suffix else place.with_suffix(".png")
    content = io.BytesIO()
    form = place.suffix[1:].lower()
    # So that the same figure is the same file.
    undated = {name: None for name in [DATES.get(form)] if name}
    figure.savefig(content, dpi=150, format=form, metadata=undated)
    write_atomically(place, content.getvalue())
