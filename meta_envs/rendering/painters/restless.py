"""Restless arms: what the last pulls said about arm 1, at the end its true drift, and below it the history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from meta_envs.families.restless import RestlessBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.raster import paint_raster
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.text import write_summary
from meta_envs.rendering.theme import LEFT, RIGHT
from meta_envs.rendering.trace import Trace

TOP, BOTTOM = 96, 240
WINDOW = 10
"""Pulls of the moving average that is drawn."""


def paint_restless(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime with restless arms, (height, width, 3) uint8."""
    assert isinstance(family, RestlessBandit)
    canvas, summary = Canvas(), _summarise(family, trace)
    paint_header(canvas, summary)
    _paint_drift(canvas, family, trace, summary)
    paint_raster(canvas, summary, family.reward_values, BOTTOM + 14)
    return canvas.pixels


def write_restless(family: TaskFamily, trace: Trace) -> str:
    """The same as text; at the end with the first, the middle and the last of the true drift."""
    assert isinstance(family, RestlessBandit)
    return write_summary(_summarise(family, trace))


def _summarise(family: RestlessBandit, trace: Trace) -> Summary:
    summary = summarise(family, trace)
    if not trace.over:
        return summary
    drift = trace.task[1:]
    seen = dict.fromkeys((0, len(drift) // 2, len(drift) - 1))
    walk = " ... ".join(f"{drift[at]:.2f}" for at in seen)
    return replace(summary, task=f"sigma = {in_short(trace.task[0])}, p_1 = {walk}")


def _paint_drift(canvas: Canvas, family: RestlessBandit, trace: Trace, summary: Summary) -> None:
    slot, height = (RIGHT - LEFT) / family.horizon, BOTTOM - TOP
    canvas.box(LEFT, TOP, RIGHT - LEFT, height, theme.PANEL)
    for value in (0.0, 0.5, 1.0):
        y = BOTTOM - value * height
        canvas.box(LEFT, y, RIGHT - LEFT, 1, theme.LINE)
        canvas.text(in_short(value), LEFT - 10, y - 6, theme.LABEL, theme.FAINT, align="right")
    # A reward of arm 1 and none of arm 2 are the same evidence.
    for_first = (summary.actions == 0) == (summary.rewards == 1.0)
    sums = np.concatenate([[0], np.cumsum(for_first)])
    last = np.arange(1, len(sums))
    first = np.maximum(last - WINDOW, 0)
    shares = (sums[last] - sums[first]) / (last - first)
    _paint_line(canvas, slot, shares, theme.INK)
    legend = [(f"fraction of the last {WINDOW} pulls that spoke for arm 1", theme.INK)]
    if trace.over:
        _paint_line(canvas, slot, trace.task[1:], theme.TRUTH)
        legend.append(("true p of arm 1", theme.TRUTH))
    x = float(LEFT)
    for text, color in legend:
        canvas.box(x, TOP - 16, 14, 4, color)
        canvas.text(text, x + 20, TOP - 21, theme.LABEL, color)
        x += canvas.width(text, theme.LABEL) + 40


def _paint_line(canvas: Canvas, slot: float, values: Array, color: theme.Color) -> None:
    """Values (n,) in [0, 1] against the trial, as steps three pixels high, joined."""
    heights = np.rint(BOTTOM - values * (BOTTOM - TOP)).astype(int).tolist()
    for trial, y in enumerate(heights):
        x = LEFT + slot * trial
        canvas.box(x, y - 1, max(slot, 1.0), 3, color)
        before = heights[max(trial - 1, 0)]
        canvas.box(x - 1, min(y, before) - 1, 3, abs(y - before) + 3, color)
