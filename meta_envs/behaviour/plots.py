"""Figures of behaviour. Needs Matplotlib: ``pip install "meta-envs[plots]"``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import product

import numpy as np

from meta_envs.behaviour.estimates import Estimates
from meta_envs.behaviour.statistics import CELLS
from meta_envs.plots import COLOURS, STYLES, new_figure, save_figure, tidy

COMMON, RARE = COLOURS[0], COLOURS[4]


def stay_figure(stays: Mapping[str, Estimates], path: str | os.PathLike[str]) -> None:
    """Bars of stay probabilities by reward and transition, with their intervals, a panel each; at 150 dpi.

    Args:
        stays: What `stay_probabilities` gives, by title.
        path: Where to write; the ending names the format, such as ``.png``.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is nothing to draw, or something else than stay probabilities.
    """
    if not stays or any(not np.array_equal(stay.at, CELLS) for stay in stays.values()):
        raise ValueError("There are no stay probabilities to draw: give what stay_probabilities returns, by title.")
    figure = new_figure(2.9 * len(stays) + 0.8, 3.6)
    grid = figure.subplots(1, len(stays), sharey=True, squeeze=False)[0]
    for axes, (title, stay) in zip(grid, stays.items(), strict=True):
        places = np.array([0.0, 0.8, 2.0, 2.8])
        axes.bar(places, stay.mean, 0.7, color=[COMMON, RARE, COMMON, RARE])
        around = np.maximum([stay.mean - stay.low, stay.high - stay.mean], 0.0)
        axes.errorbar(places, stay.mean, around, fmt="none", ecolor="0.25", capsize=3, linewidth=1.2)
        for place, mean, high in zip(places, stay.mean, stay.high, strict=True):
            text = "–" if np.isnan(mean) else f"{mean:.2f}"
            axes.text(place, np.nanmax([high, mean, 0.0]) + 0.02, text, horizontalalignment="center", fontsize="small")
        axes.set_xticks([0.4, 2.4], ["rewarded", "unrewarded"])
        axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
        axes.set_ylim(0.0, 1.12)
        tidy(axes, title)
    grid[0].set_ylabel("P(stay)")
    handles = [grid[0].patches[0], grid[0].patches[1]]
    figure.legend(handles, ["common transition", "rare transition"], loc="outside lower center", ncols=2, frameon=False)
    save_figure(figure, path)


def curve_figure(
    curves: Mapping[str, Estimates],
    path: str | os.PathLike[str],
    *,
    ylabel: str,
    xlabel: str = "trial",
    chance: float | None = None,
    title: str = "",
) -> None:
    """Curves by trial or visit with bands of their 95 % intervals, such as accuracy or P(best arm); at 150 dpi.

    Args:
        curves: Estimates whose ``at`` are numbers, by label.
        path: Where to write; the ending names the format, such as ``.png``.
        ylabel: What is shown.
        xlabel: Over what.
        chance: Where to draw a line for chance, if anywhere.
        title: Of the figure.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is nothing to draw.
    """
    if not curves or any(curve.at.dtype.kind not in "iuf" or len(curve.at) == 0 for curve in curves.values()):
        raise ValueError("There are no curves to draw: give estimates by trial or visit, by label.")
    figure = new_figure(7.5, 4.5)
    axes = figure.subplots()
    if chance is not None:
        axes.axhline(chance, color="0.6", linewidth=1, linestyle=(0, (4, 4)), label="chance")
    for (label, curve), (style, colour) in zip(curves.items(), product(STYLES, COLOURS), strict=False):
        marker = "o" if len(curve.at) <= 20 else ""
        axes.plot(curve.at, curve.mean, style, color=colour, marker=marker, markersize=4, linewidth=1.8, label=label)
        axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
    if max(len(curve.at) for curve in curves.values()) <= 20:
        axes.set_xticks(np.unique(np.concatenate([curve.at for curve in curves.values()])))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    tidy(axes, title)
    save_figure(figure, path)
