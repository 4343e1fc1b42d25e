"""Figures of what agents have learned. Needs Matplotlib: ``pip install "meta-envs[plots]"``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from meta_envs.analysis.choices import Agreement
from meta_envs.analysis.decoding import Decoding
from meta_envs.analysis.machines import AT, Simulation
from meta_envs.analysis.recording import Trace
from meta_envs.analysis.units import Units
from meta_envs.arguments import require_whole
from meta_envs.behaviour import Estimates
from meta_envs.plots import COLOURS, STYLES, new_figure, new_panels, tidy

TRAINED, UNTRAINED, OPTIMUM = COLOURS[0], COLOURS[4], COLOURS[2]


def decoding_figure(decodings: Mapping[Any, Decoding]) -> Any:
    """R^2 of each statistic, trained beside untrained, with 95 % intervals: bars, or curves over training.

    Args:
        decodings: What `decode_belief` gives, by title, a panel each; or by steps of training, if all keys are numbers.

    Returns:
        A Matplotlib figure.
    """
    _require(decodings, "decodings", "decode_belief")
    if len(decodings) > 1 and all(isinstance(key, int | float) for key in decodings):
        return _decoding_curves(decodings)
    figure, grid = new_panels([str(title) for title in decodings], 3.4, 3.2)
    for axes, each in zip(grid, decodings.values(), strict=True):
        _bars(axes, {"trained": each.trained, "untrained": each.untrained})
        axes.set_ylim(min(0.0, float(np.nanmin(each.untrained.low, initial=0.0))), 1.05)
        axes.set_ylabel("$R^2$ of the belief")
    return _with_legend(figure, grid[0])


def _decoding_curves(decodings: Mapping[Any, Decoding]) -> Any:
    figure = new_figure(4.6, 3.2)
    axes = figure.subplots()
    steps = sorted(decodings)
    for name, colour in (("trained", TRAINED), ("untrained", UNTRAINED)):
        found = [getattr(decodings[step], name) for step in steps]
        mean, low, high = (np.array([getattr(each, end)[-1] for each in found]) for end in ("mean", "low", "high"))
        axes.plot(steps, mean, color=colour, marker="o", markersize=4, label=name)
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_xlabel("training, environment steps")
    axes.locator_params(axis="x", nbins=4)
    axes.set_ylabel("$R^2$ of the belief, all statistics")
    tidy(axes, "")
    return _with_legend(figure, axes)


def agreement_figure(agreements: Mapping[str, Agreement]) -> Any:
    """Share of choices that are the optimum's by trial, with bands of 95 % intervals, a curve for each label.

    Args:
        agreements: What `agreement` gives, by label.

    Returns:
        A Matplotlib figure.
    """
    _require(agreements, "agreements", "agreement")
    figure = new_figure(4.6, 3.2)
    axes = figure.subplots()
    for (label, each), (style, colour) in zip(agreements.items(), product(STYLES, COLOURS), strict=False):
        curve = each.by_trial
        axes.plot(curve.at, curve.mean, style, color=colour, label=f"{label}, {each.overall.mean[0]:.3f} in all")
        axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
    axes.set_ylim(top=1.02)
    axes.set_xlabel("trial")
    axes.set_ylabel("as the optimum")
    tidy(axes, "")
    return _with_legend(figure, axes, 1)


def simulation_figure(simulation: Simulation) -> Any:
    """Dissimilarities both ways, trained beside untrained, with 95 % intervals.

    Args:
        simulation: What `simulate_machine` gives.

    Returns:
        A Matplotlib figure.
    """
    ways = {
        "network from beliefs": (simulation.memory_from_belief, simulation.untrained_memory_from_belief),
        "optimum from memories": (simulation.belief_from_memory, simulation.untrained_belief_from_memory),
    }
    figure, grid = new_panels(list(ways), 3.4, 3.2)
    for axes, (trained, untrained) in zip(grid, ways.values(), strict=True):
        _bars(axes, {"trained": trained, "untrained": untrained})
        axes.set_xticks(range(len(AT)), ["state,\nmapped", "state,\none step on", "output"])
        axes.set_ylim(bottom=0.0)
    grid[0].set_ylabel("dissimilarity")
    return _with_legend(figure, grid[0])


def unit_figure(units: Units) -> Any:
    """Standardised coefficients of every unit, a panel each regressor, units sorted; those not significant in grey.

    Args:
        units: What `unit_regressions` gives.

    Returns:
        A Matplotlib figure.
    """
    figure, grid = new_panels(list(units.names), 2.4, 2.6)
    for place, axes in enumerate(grid):
        varying = np.flatnonzero(~np.isnan(units.weights[:, place]))
        order = varying[np.argsort(units.weights[varying, place])]
        shown = np.arange(len(order))
        colours = np.where(units.significant[order, place], TRAINED, "0.75")
        ends = units.low[order, place], units.high[order, place]
        axes.vlines(shown, *ends, colors=colours, linewidth=1.2)
        axes.scatter(shown, units.weights[order, place], c=colours, s=8)
        axes.axhline(0.0, color="0.4", linewidth=0.8)
        axes.set_xlabel("unit, sorted")
    grid[0].set_ylabel("coefficient, SD a SD")
    return figure


def trace_figure(trace: Trace, lifetime: int = 0) -> Any:
    """One lifetime: belief, P(action), value and reward-prediction error over its steps, of those that there are.

    Args:
        trace: What `trace` gives.
        lifetime: Which one, from 0.

    Returns:
        A Matplotlib figure.
    """
    number = require_whole("lifetime", lifetime, 0, int(trace.lifetime[-1]))
    rows = np.flatnonzero(trace.lifetime == number)
    panels: dict[str, dict[str, Any]] = {
        "belief": {} if trace.belief is None else dict(zip(trace.belief_names, trace.belief[rows].T, strict=True)),
        "P(action)": {}
        if trace.probs is None
        else {f"action {place}": column for place, column in enumerate(trace.probs[rows].T)},
        "value": {} if trace.value is None else {"agent's": trace.value[rows]},
        "reward-prediction error": {} if trace.delta is None else {"agent's": trace.delta[rows]},
    }
    panels = {title: lines for title, lines in panels.items() if lines}
    _require(panels, "trace", "trace of an agent")
    figure = new_figure(6.0, 1.7 * len(panels))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, lines) in zip(grid, panels.items(), strict=True):
        for (label, line), (style, colour) in zip(lines.items(), product(STYLES, COLOURS), strict=False):
            axes.plot(trace.table["step"][rows], line, style, color=colour, linewidth=1.4, label=label)
        if len(lines) > 1:
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
        tidy(axes, title)
    grid[-1].set_xlabel("step")
    return figure


def _bars(axes: Any, sets: Mapping[str, Estimates]) -> None:
    """Bars side by side with their intervals, a colour for each set."""
    width = 0.8 / len(sets)
    for place, ((label, each), colour) in enumerate(zip(sets.items(), (TRAINED, UNTRAINED), strict=False)):
        at = np.arange(len(each.at)) + (place - (len(sets) - 1) / 2) * width
        axes.bar(at, each.mean, width, color=colour, label=label)
        around = np.maximum([each.mean - each.low, each.high - each.mean], 0.0)
        axes.errorbar(at, each.mean, around, fmt="none", ecolor="0.25", capsize=2, linewidth=1)
    axes.set_xticks(range(len(each.at)), [str(name) for name in each.at], rotation=30 if len(each.at) > 3 else 0)


def _with_legend(figure: Any, axes: Any, columns: int = 2) -> Any:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _require(given: Any, what: str, maker: str) -> None:
    if not given:
        raise ValueError(f"There are no {what} to draw: give what {maker} returns, by label.")
