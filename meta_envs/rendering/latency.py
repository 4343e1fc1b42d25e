"""Latencies, the steps to each visit of a goal, as text and as a bar."""

from __future__ import annotations

from itertools import pairwise

from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.raster import spacing
from meta_envs.rendering.theme import Color

BAR = (352, 366)
"""Upper and lower edge of the bar."""
DONE: Color = (196, 214, 233)
MOST = 9
"""Latencies that are written out."""


def write_latencies(finds: list[int], over: bool, name: str) -> str:
    """Steps from each start to the goal, the first few; ``finds`` are the steps at which it was found, from 1."""
    waits = [str(after - before) for before, after in pairwise([0, *finds])]
    if not waits:
        return "goal not found" if over else "goal not found yet"
    return f"{name}s to the goal: {', '.join(waits[:MOST])}{', ...' if len(waits) > MOST else ''}"


def paint_latencies(canvas: Canvas, finds: list[int], steps: int, horizon: int, over: bool, name: str) -> None:
    """The latencies above a bar of the lifetime's steps, with a mark at each goal."""
    upper, lower = BAR
    slot = (theme.RIGHT - theme.LEFT) / horizon
    canvas.text(write_latencies(finds, over, name), theme.LEFT, upper - 20, theme.LABEL, theme.INK)
    canvas.text("goals", theme.LEFT - 10, upper, theme.LABEL, theme.FAINT, align="right")
    canvas.box(theme.LEFT, upper, theme.RIGHT - theme.LEFT, lower - upper, theme.PANEL)
    canvas.box(theme.LEFT, upper, slot * steps, lower - upper, DONE)
    for step in finds:
        canvas.box(theme.LEFT + slot * (step - 0.5) - 2, upper, 4, lower - upper, theme.HIGH)
    canvas.text(name, theme.LEFT - 10, lower + 6, theme.LABEL, theme.FAINT, align="right")
    every = spacing(canvas.width(str(horizon), theme.LABEL) + 18, slot)
    for step in {1, *range(every, horizon + 1, every)}:
        x = theme.LEFT + slot * (step - 0.5)
        canvas.box(x - 0.5, lower, 1, 4, theme.FAINT)
        half = canvas.width(str(step), theme.LABEL) / 2
        canvas.text(str(step), min(x, theme.RIGHT - half), lower + 6, theme.LABEL, theme.INK, align="center")
