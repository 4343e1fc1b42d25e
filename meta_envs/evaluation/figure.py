"""Figures of scorecards. Needs Matplotlib: ``pip install "meta-envs[plots]"``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from meta_envs.evaluation.aggregate import Aggregate
from meta_envs.evaluation.cards import Scorecard, describe
from meta_envs.plots import COLOURS, STYLES, new_panels, save_figure

CROP = 2.5
"""A curve that ends this many times as high as the next would press all others flat: it leaves the picture instead."""


def regret_figure(cards: Sequence[Scorecard], path: str | os.PathLike[str] | None = None) -> tuple[Any, list[Any]]:
    """Cumulative expected regret against trial or step, a curve a learner, with bands of 1.96 standard errors.

    At 150 dpi. Cards whose curves go over something else, as ``curve_unit`` says, have panels of their own.

    Args:
        cards: Scorecards; those of each environment get a panel of their own.
        path: Where to write; the ending names the format, such as ``.png``. None writes nothing.

    Returns:
        Matplotlib's figure and its axes, one a panel, to restyle and to save with `Figure.savefig`.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there are no cards, or one has no regret.
    """
    if not cards:
        raise ValueError("There are no scorecards to draw: give at least one.")
    for card in cards:
        if card.regret_curve is None:
            raise ValueError(f"There is no regret to draw in {card.id}: it does not tell what can be expected there.")
    panels: dict[tuple[str, str], list[Scorecard]] = {}
    for card in cards:
        panels.setdefault((describe(card), card.curve_unit), []).append(card)
    # One learner has one style in all panels.
    styles = dict(zip(dict.fromkeys(card.learner for card in cards), product(STYLES, COLOURS), strict=False))
    figure, grid = new_panels([title for title, _ in panels], 7.5, 4.5)
    for axes, group in zip(grid, panels.values(), strict=True):
        _draw(axes, group, styles)
    if path is not None:
        save_figure(figure, path)
    return figure, grid


def profile_figure(
    groups: Mapping[str, Mapping[str, Aggregate]], path: str | os.PathLike[str] | None = None
) -> tuple[Any, list[Any]]:
    """Performance profiles: the fraction of runs above every score, with bands of 95 % at each score by itself.

    Args:
        groups: By the title of a panel, what `aggregate` gives by the name of its curve.
        path: Where to write, as of `regret_figure`.

    Returns:
        Matplotlib's figure and its axes, one a panel.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is nothing to draw.
    """
    if not groups or not all(groups.values()):
        raise ValueError("There are no profiles to draw: give at least one, as {title: {name: aggregate}}.")
    names = dict.fromkeys(name for group in groups.values() for name in group)
    styles = dict(zip(names, product(STYLES, COLOURS), strict=False))
    figure, grid = new_panels(list(groups), 5.5, 4.0)
    for axes, group in zip(grid, groups.values(), strict=True):
        for name, found in group.items():
            style, colour = styles[name]
            label = f"{name} ({found.runs} run{'s' if found.runs > 1 else ''})"
            axes.plot(found.thresholds, found.profile, style, color=colour, linewidth=1.8, label=label)
            if found.profile_low is not None and found.profile_high is not None:
                around = (found.profile_low, found.profile_high)
                axes.fill_between(found.thresholds, *around, color=colour, alpha=0.2, linewidth=0)
        axes.set_xlabel("score")
        axes.set_ylabel("fraction of runs above it")
        axes.set_ylim(-0.02, 1.02)
        axes.legend(frameon=False)
    if path is not None:
        save_figure(figure, path)
    return figure, grid


def _draw(axes: Any, cards: Sequence[Scorecard], styles: dict[str, tuple[str, str]]) -> None:
    """One panel."""
    curves = [(np.array([0.0, *(card.regret_curve or ())]), card.regret_curve_se or []) for card in cards]
    finals = [float(curve[-1]) for curve, _ in curves]
    ends = sorted(finals)
    cropped = len(ends) > 1 and ends[-1] > CROP * ends[-2] > 0.0
    top = 1.25 * ends[-2] if cropped else max(1.1 * ends[-1], 1e-3)
    heights = _spread([min(final, top) for final in finals], 0.055 * top)
    for card, (curve, error), final, height in zip(cards, curves, finals, heights, strict=True):
        style, colour = styles[card.learner]
        half = 1.96 * np.array([0.0, *error])
        trials = np.arange(len(curve))
        axes.plot(trials, curve, style, color=colour, linewidth=1.8)
        axes.fill_between(trials, curve - half, curve + half, color=colour, alpha=0.2, linewidth=0)
        axes.annotate(
            f"{card.learner}  {final:.2f}{' ↑' if final > top else ''}",
            xy=(trials[-1], height),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            verticalalignment="center",
            annotation_clip=False,
        )
    axes.set_xlabel(cards[0].curve_unit)
    axes.set_ylabel("cumulative expected regret")
    axes.set_xlim(0, max(len(curve) for curve, _ in curves) - 1)
    axes.set_ylim(min(0.0, *(float(np.min(curve)) for curve, _ in curves)), top)


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights moved up as little as it takes to lie at least ``gap`` apart, in the order given."""
    moved = list(heights)
    lowest = -np.inf
    for index in np.argsort(heights):
        lowest = max(moved[index], lowest + gap)
        moved[index] = float(lowest)
    return moved
