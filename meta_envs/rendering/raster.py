"""The history of a lifetime: actions and rewards by step."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.summary import Summary, in_short
from meta_envs.rendering.theme import LEFT, RIGHT

BOTTOM = 366
LEGEND = 19
"""Height of the line above the raster."""
WIDEST_MARK = 20
MARK = 23
"""Width of a mark in the legend, with the gaps around it."""
LOWEST_MARK = 0.4
"""Height of the lowest reward's mark, as a fraction of the highest's."""
EMPTY = 256


def paint_raster(canvas: Canvas, summary: Summary, values: tuple[float, ...] | None, top: float) -> None:
    """Draw the steps so far, from ``top`` down: a lane an action, and a higher mark for a higher reward.

    Args:
        canvas: The picture.
        summary: The lifetime up to now.
        values: The family's distinct rewards, None where they are not finitely many.
        top: Height at which the legend begins.
    """
    first = round(top) + LEGEND
    canvas.text("history", LEFT - 10, round(top), theme.LABEL, theme.FAINT, align="right")
    paint_rewards(canvas, summary, values, round(top), LEFT)
    slot = (BOTTOM - first) / summary.num_actions
    every = spacing(14, slot)
    for action in (0, *range(every - 1, summary.num_actions, every)):
        y = min(max(first + slot * (action + 0.5) - 7, first - 1), BOTTOM - 12)
        canvas.text(str(action + 1), LEFT - 10, y, theme.LABEL, theme.INK, align="right")
    _paint_marks(canvas, summary, first)
    _paint_axis(canvas, summary)


def spacing(room: float, slot: float) -> int:
    """How many slots apart labels stand that need ``room`` pixels each: 1, 5, 10, 50, and so on."""
    step = 1
    while step * slot < room:
        step *= 2 if str(step)[0] == "5" else 5
    return step


def paint_rewards(canvas: Canvas, summary: Summary, values: tuple[float, ...] | None, y: float, left: float) -> None:
    """Write what rewards look like, right-aligned: all of them if there is room, else the lowest and the highest.

    Args:
        canvas: The picture.
        summary: The lifetime up to now.
        values: The family's distinct rewards, None where they are not finitely many.
        y: Upper edge of the line.
        left: Where room begins.
    """
    room = RIGHT - left - canvas.width("reward", theme.LABEL)
    shown = [in_short(value) for value in values or ()]
    fits = shown and sum(canvas.width(text, theme.LABEL) + MARK for text in shown) <= room
    x = float(RIGHT)
    for value in reversed((values or ()) if fits else summary.scale):
        text, level = in_short(value), float(summary.level(value))
        canvas.text(text, x, y, theme.LABEL, theme.INK, align="right")
        x -= canvas.width(text, theme.LABEL) + 13
        height = 12 * (LOWEST_MARK + (1 - LOWEST_MARK) * level)
        canvas.box(x, y + 12 - height, 9, height, theme.level_color(level))
        x -= MARK - 13
    canvas.text("reward", x + 1, y, theme.LABEL, theme.FAINT, align="right")


def _paint_marks(canvas: Canvas, summary: Summary, first: int) -> None:
    """Paint all marks at once, pixel by pixel, which takes as long for one step as for thousands."""
    width, height = RIGHT - LEFT, BOTTOM - first
    # Where there are more steps or actions than pixels, neighbours share them, and a mark is their mean.
    bins, rows = min(summary.horizon, width), min(summary.num_actions, height)
    codes = _grid(summary, rows, bins)
    lanes = first + np.arange(rows + 1) * height // rows
    gap = min(2, int(np.diff(lanes).min()) // 4)
    tall = int(np.diff(lanes).min()) - gap
    lowest = LOWEST_MARK if tall >= 4 else 1.0
    reach = np.rint(np.maximum(1.0, tall * np.linspace(lowest, 1.0, 256)))
    heights = np.append(reach, 0.0)[codes]

    edges = np.arange(bins + 1) * width // bins
    place = np.searchsorted(edges, np.arange(width), side="right") - 1
    room = np.diff(edges)[place]
    mark = np.minimum(WIDEST_MARK, np.where(room >= 4, room - 1, room))
    offset = np.arange(width) - edges[place] - (room - mark) // 2
    place[(offset < 0) | (offset >= mark)] = bins

    down = np.arange(first, BOTTOM)
    lane = np.searchsorted(lanes, down, side="right") - 1
    altitude = lanes[lane + 1] - gap - down
    area = canvas.pixels[first:BOTTOM, LEFT:RIGHT]
    area[altitude > 0] = theme.PANEL
    inked = (altitude[:, None] <= heights[lane][:, place]) & (altitude[:, None] > 0)
    area[inked] = theme.LEVELS[codes[lane][:, place][inked]]


def _grid(summary: Summary, rows: int, bins: int) -> Array:
    """Levels of all marks (rows, bins + 1) as rows of `theme.LEVELS`, or EMPTY, as the last column is everywhere."""
    lane = summary.actions * rows // summary.num_actions
    keys = lane * bins + np.arange(len(lane)) * bins // summary.horizon
    steps = np.bincount(keys, minlength=rows * bins)
    sums = np.bincount(keys, weights=summary.level(summary.rewards), minlength=rows * bins)
    levels = np.rint(255 * sums / np.maximum(steps, 1)).astype(np.intp)
    codes = np.full((rows, bins + 1), EMPTY)
    codes[:, :-1] = np.where(steps > 0, levels, EMPTY).reshape(rows, bins)
    if 3 * bins > 2 * (RIGHT - LEFT):
        # Single pixels are hard to see: a mark also takes the next column where its lane is free.
        free = codes[:, 1:-1] == EMPTY
        codes[:, 1:-1] = np.where(free, codes[:, :-2], codes[:, 1:-1])
    return codes


def _paint_axis(canvas: Canvas, summary: Summary) -> None:
    name = "trial" if summary.num_trials == summary.horizon else "step"
    canvas.text(name, LEFT - 10, BOTTOM + 6, theme.LABEL, theme.FAINT, align="right")
    slot = (RIGHT - LEFT) / summary.horizon
    every = spacing(canvas.width(str(summary.horizon), theme.LABEL) + 18, slot)
    for step in {1, *range(every, summary.horizon + 1, every)}:
        x = LEFT + slot * (step - 0.5)
        canvas.box(x - 0.5, BOTTOM, 1, 4, theme.FAINT)
        half = canvas.width(str(step), theme.LABEL) / 2
        canvas.text(str(step), min(x, RIGHT - half), BOTTOM + 6, theme.LABEL, theme.INK, align="center")
