"""The general picture: actions as columns with what they have paid, and below them the history as a raster over steps."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.trace import Trace

LEFT = theme.MARGIN + theme.GUTTER
RIGHT = theme.SIZE[0] - theme.MARGIN
COLUMNS_TOP, COLUMNS_BOTTOM = 68, 254
RASTER_TOP, RASTER_BOTTOM = 284, 366
ROW = 18
WIDEST_GAUGE = 84
WIDEST_MARK = 20
SHORTEST_MARK = 0.4
"""Height of the lowest reward's mark in the raster, as a share of the highest's."""


def paint_table(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime of any family, (height, width, 3) uint8."""
    canvas, summary = Canvas(), summarise(family, trace)
    paint_header(canvas, summary)
    _paint_columns(canvas, summary)
    _paint_legend(canvas, family.reward_values, summary)
    _paint_raster(canvas, summary)
    return canvas.pixels


def paint_header(canvas: Canvas, summary: Summary) -> None:
    """Write what every picture has at its top: the family, what happened last, the trial and the reward so far."""
    corner = [
        (f"trial {summary.trial} / {summary.num_trials}", 12, theme.TITLE, theme.INK),
        (f"reward {in_short(float(summary.rewards.sum()))}", 38, theme.BODY, theme.INK),
    ]
    for text, y, size, color in corner:
        canvas.text(text, RIGHT, y, size, color, align="right")
    words = [
        (summary.title, 12, theme.TITLE, theme.INK),
        (summary.status, 38, theme.BODY, theme.TRUTH if summary.over else theme.FAINT),
    ]
    for (taken, _, taken_size, _), (text, y, size, color) in zip(corner, words, strict=True):
        room = RIGHT - theme.MARGIN - canvas.width(taken, taken_size) - 20
        canvas.text(canvas.shorten(text, size, room), theme.MARGIN, y, size, color)


def _paint_columns(canvas: Canvas, summary: Summary) -> None:
    count = summary.num_actions
    slot = (RIGHT - LEFT) / count
    centers = LEFT + slot * (np.arange(count) + 0.5)
    rows = [("mean", [in_short(mean, 2) if n else "-" for mean, n in zip(summary.means, summary.counts, strict=True)])]
    rows.append(("times", [str(n) for n in summary.counts]))
    if summary.bandit:
        truth = summary.true_means
        rows.append(("truth", ["?"] * count if truth is None else [in_short(mean, 2) for mean in truth]))
    rows = [row for row in rows if max(canvas.width(text, theme.LABEL) for text in row[1]) < slot - 2]
    bottom = COLUMNS_BOTTOM - ROW * len(rows)
    _paint_numbers(canvas, summary, centers, slot)
    _paint_gauges(canvas, summary, centers, slot, COLUMNS_TOP + ROW + 6, bottom - 4)
    for line, (name, texts) in enumerate(rows):
        y = bottom + ROW * line
        color = theme.TRUTH if name == "truth" else theme.INK
        canvas.text(name, LEFT - 10, y, theme.LABEL, theme.TRUTH if name == "truth" else theme.FAINT, align="right")
        for x, text in zip(centers, texts, strict=True):
            canvas.text(text, x, y, theme.LABEL, color, align="center")


def _paint_numbers(canvas: Canvas, summary: Summary, centers: Array, slot: float) -> None:
    canvas.text(summary.noun, LEFT - 10, COLUMNS_TOP + 1, theme.LABEL, theme.FAINT, align="right")
    every = _spacing(canvas.width(str(summary.num_actions), theme.LABEL) + 6, slot)
    last = summary.actions[-1] if len(summary.actions) else -1
    for action, x in enumerate(centers):
        if action != last and (action == 0 or (action + 1) % every == 0) and (every == 1 or abs(action - last) >= every / 2):
            canvas.text(str(action + 1), x, COLUMNS_TOP + 1, theme.LABEL, theme.INK, align="center")
    if last >= 0:
        number = str(last + 1)
        width = canvas.width(number, theme.LABEL) + 12
        x = min(centers[last], RIGHT - width / 2)
        canvas.box(x - width / 2, COLUMNS_TOP - 2, width, ROW, theme.INK, radius=5)
        canvas.text(number, x, COLUMNS_TOP + 1, theme.LABEL, theme.PAPER, align="center")


def _paint_gauges(canvas: Canvas, summary: Summary, centers: Array, slot: float, top: float, bottom: float) -> None:
    width = min(WIDEST_GAUGE, slot - max(2, 0.25 * slot))
    height = bottom - top
    zero, *_ = summary.level(np.zeros(1))
    for value, level in zip(summary.scale, (0.0, 1.0), strict=True):
        y = bottom - level * height
        canvas.text(in_short(value), LEFT - 10, y - (12 if level == 0 else 2), theme.LABEL, theme.FAINT, align="right")
    for action, x in enumerate(centers):
        canvas.box(x - width / 2, top, width, height, theme.PANEL)
        if summary.counts[action]:
            level = float(summary.level(summary.means[action]))
            high, low = max(level, zero), min(level, zero)
            canvas.box(x - width / 2, bottom - high * height, width, max(2.0, (high - low) * height), theme.HIGH)
    canvas.box(LEFT, bottom - zero * height, RIGHT - LEFT, 1, theme.LINE)
    if len(summary.actions):
        x = centers[summary.actions[-1]]
        canvas.frame(x - width / 2 - 3, top - 3, width + 6, height + 6, theme.INK, line=2)
        _paint_reward(canvas, summary, x, width, top)
    if summary.true_means is not None:
        for action, (x, level) in enumerate(zip(centers, summary.level(summary.true_means), strict=True)):
            _paint_truth(canvas, x, bottom - level * height, width, action in summary.best)


def _paint_reward(canvas: Canvas, summary: Summary, x: float, width: float, top: float) -> None:
    """What the last action paid, as a badge inside its gauge where there is room."""
    reward = summary.rewards[-1]
    text, level = in_short(reward), float(summary.level(reward))
    room = canvas.width(text, theme.BODY) + 14
    if room <= width:
        canvas.box(x - room / 2, top + 4, room, 22, theme.PAPER, radius=6)
        canvas.box(x - room / 2 + 1, top + 5, room - 2, 20, theme.level_color(level), radius=6)
        canvas.text(text, x, top + 8, theme.BODY, theme.PAPER if level > 0.5 else theme.INK, align="center")


def _paint_truth(canvas: Canvas, x: float, y: float, width: float, best: bool) -> None:
    canvas.box(x - width / 2 - 2, y - 3, width + 4, 6, theme.PAPER)
    canvas.box(x - width / 2 - 2, y - 2, width + 4, 4, theme.TRUTH)
    if best:
        angles = np.pi * np.arange(10) / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2, 0.45, 1.0) * min(11.0, max(5.0, width / 2))
        canvas.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(radii * 1.3, angles, strict=True)], theme.PAPER)
        canvas.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)], theme.TRUTH)


def _paint_legend(canvas: Canvas, values: tuple[float, ...] | None, summary: Summary) -> None:
    shown = values if values is not None and len(values) <= 4 else summary.scale
    x, y = float(RIGHT), RASTER_TOP - 19
    for value in reversed(shown):
        text, level = in_short(value), float(summary.level(np.float64(value)))
        x -= canvas.width(text, theme.LABEL)
        canvas.text(text, x, y, theme.LABEL, theme.INK)
        height = 13 * (SHORTEST_MARK + (1 - SHORTEST_MARK) * level)
        canvas.box(x - 13, y + 13 - height, 9, height, theme.level_color(level))
        x -= 26
    canvas.text("reward", x + 6, y, theme.LABEL, theme.FAINT, align="right")
    canvas.text("history", LEFT - 10, y, theme.LABEL, theme.FAINT, align="right")


def _paint_raster(canvas: Canvas, summary: Summary) -> None:
    rows, width, height = summary.num_actions, RIGHT - LEFT, RASTER_BOTTOM - RASTER_TOP
    bins = min(summary.horizon, width)
    edges = LEFT + np.arange(bins + 1) * width // bins
    lanes = RASTER_TOP + np.arange(rows + 1) * height // rows
    every = _spacing(15, height / rows)
    gap = 2 if height / rows >= 8 else 1 if height / rows >= 3 else 0
    for row, (top, bottom) in enumerate(zip(lanes[:-1], lanes[1:], strict=True)):
        canvas.box(LEFT, top, width, bottom - top - gap, theme.PANEL)
        if row == 0 or (row + 1) % every == 0:
            canvas.text(str(row + 1), LEFT - 10, (top + bottom) / 2 - 7, theme.LABEL, theme.INK, align="right")
    # Where a lifetime has more steps than the picture has pixels, a mark is the mean of its steps.
    keys = summary.actions * bins + np.arange(len(summary.actions)) * bins // summary.horizon
    counts = np.bincount(keys, minlength=rows * bins)
    sums = np.bincount(keys, weights=summary.level(summary.rewards), minlength=rows * bins)
    for key in np.flatnonzero(counts).tolist():
        row, place = divmod(key, bins)
        level = float(sums[key] / counts[key])
        room, tall = edges[place + 1] - edges[place], lanes[row + 1] - lanes[row] - gap
        mark = min(WIDEST_MARK, room - 1 if room >= 4 else room)
        size = max(1, tall * (SHORTEST_MARK + (1 - SHORTEST_MARK) * level))
        canvas.box(edges[place] + (room - mark) / 2, lanes[row] + tall - size, mark, size, theme.level_color(level))
    _paint_axis(canvas, summary, edges, bins)


def _paint_axis(canvas: Canvas, summary: Summary, edges: Array, bins: int) -> None:
    name = "trial" if summary.num_trials == summary.horizon else "step"
    canvas.text(name, LEFT - 10, RASTER_BOTTOM + 6, theme.LABEL, theme.FAINT, align="right")
    every = _spacing(70, (RIGHT - LEFT) / summary.horizon)
    for step in {1, *range(every, summary.horizon + 1, every)}:
        place = (step - 1) * bins // summary.horizon
        x = (edges[place] + edges[place + 1]) / 2
        canvas.box(x, RASTER_BOTTOM, 1, 4, theme.FAINT)
        half = canvas.width(str(step), theme.LABEL) / 2
        canvas.text(str(step), min(x, RIGHT - half), RASTER_BOTTOM + 6, theme.LABEL, theme.INK, align="center")


def _spacing(room: float, slot: float) -> int:
    """How many slots apart labels stand that need ``room`` pixels each: 1, 2, 5, 10, 20, 50, and so on."""
    needed = room / slot
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= needed:
                return step * power
        power *= 10
