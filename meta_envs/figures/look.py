"""The look of the paper's figures: one colour a learner everywhere, letters that can be read in a journal's column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from meta_envs.family import Array
from meta_envs.plots import COLOURS, tidy

COLUMN = 3.5
"""Inches, the width of a journal's column; two of them with the space between are 7.2."""
GAP = 0.2
HEIGHT = 2.6
LETTERS: Any = {
    "font.size": 7,
    "axes.titlesize": 8,
    "legend.fontsize": 6.5,
    "lines.linewidth": 1.3,
    "axes.linewidth": 0.6,
}
"""Matplotlib's settings."""
AGENT, ORACLE = COLOURS[0], "#6B6B6B"
LEARNERS: dict[str, tuple[str, str]] = {
    "agent": (AGENT, "-"),
    "bayes": (COLOURS[6], "-"),
    "gittins": (COLOURS[4], "-"),
    "thompson": (COLOURS[1], "--"),
    "ucb": (COLOURS[2], "-."),
    "rescorla_wagner": (COLOURS[3], (0, (3, 1, 1, 1))),  # type: ignore[dict-item]
    "feed-forward": ("#8C510A", ":"),
    "reward withheld": (COLOURS[5], ":"),
    "model-free": ("#762A83", "--"),
    "model-based": ("#1B7837", "-."),
    "untrained": (ORACLE, ":"),
    "random": (ORACLE, ":"),
}
"""Colour and line of each learner, in all figures; colour-blind-safe, and told apart in grey by the lines."""


def style(learner: str) -> dict[str, Any]:
    """Matplotlib's keywords of a learner's curve; what a name has behind a colon or a comma changes nothing."""
    for ending in (":", ","):
        learner = learner.partition(ending)[0]
    colour, line = LEARNERS.get(learner, (ORACLE, "-"))
    return {"color": colour, "linestyle": line}


@contextmanager
def journal() -> Iterator[None]:
    """Matplotlib's settings for the time of drawing."""
    import matplotlib as mpl

    with mpl.rc_context(LETTERS):
        yield


def curve(axes: Any, at: Array, mean: Array, low: Array, high: Array, learner: str, label: str | None = None) -> None:
    """A curve with its band."""
    look = style(learner)
    axes.plot(at, mean, label=label or learner, **look)
    axes.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0)


def only_axes(place: Any, title: str) -> Any:
    """Tidy axes that fill a figure or a part of one."""
    axes = place.subplots()
    tidy(axes, title)
    return axes


def legend_below(place: Any, grid: Iterable[Any], ncols: int) -> None:
    """One legend of several axes, below them; a label that they share stands there once."""
    marks = {label: mark for axes in grid for mark, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    place.legend(marks.values(), marks, loc="outside lower center", ncols=ncols, frameon=False)
