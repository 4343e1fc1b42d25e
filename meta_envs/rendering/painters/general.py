"""The general picture: actions as columns with what they have paid, and below them the history as a raster."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.raster import paint_raster, spacing
from meta_envs.rendering.summary import Summary, in_decimals, in_short, summarise
from meta_envs.rendering.theme import LEFT, RIGHT
from meta_envs.rendering.trace import Trace

NUMBERS = 75
"""Height at which the actions' numbers are centred."""
TOP, BOTTOM = 93, 196
ROW = 18
WIDEST_GAUGE = 84


def paint_table(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime of any family, (height, width, 3) uint8."""
    canvas, summary = Canvas(), summarise(family, trace)
    slot = (RIGHT - LEFT) / summary.num_actions
    centers = LEFT + slot * (np.arange(summary.num_actions) + 0.5)
    paint_header(canvas, summary)
    _paint_numbers(canvas, summary, centers, slot)
    _paint_gauges(canvas, summary, centers, min(WIDEST_GAUGE, slot - max(2.0, 0.25 * slot)))
    end = _paint_rows(canvas, summary, centers, slot)
    paint_raster(canvas, summary, family.reward_values, end + 10)
    return canvas.pixels


def _paint_numbers(canvas: Canvas, summary: Summary, centers: Array, slot: float) -> None:
    """The actions' numbers, as many as there is room for. The last action stands out; at the end, the best ones."""
    size, last = theme.LABEL, summary.actions[-1:].tolist()
    canvas.text(summary.noun, LEFT - 10, NUMBERS - 6, size, theme.FAINT, align="right")
    taken: list[tuple[float, float]] = []

    def place(action: int, half: float) -> float | None:
        """The centre of a label, unless another one is in its way."""
        x = min(float(centers[action]), RIGHT - half)
        if any(x + half >= left and x - half <= right for left, right in taken):
            return None
        taken.append((x - half, x + half))
        return x

    for action in dict.fromkeys([*last, *summary.best]):
        half = canvas.pill_width(str(action + 1), size) / 2
        if (x := place(action, half)) is not None:
            color = theme.TRUTH if action in summary.best else theme.INK
            canvas.pill(str(action + 1), x, NUMBERS, size, color, theme.PAPER)
            if action in last:
                _paint_badge(canvas, summary, x + half + 4, x + slot / 2)
    every = spacing(canvas.width(str(summary.num_actions), size) + 6, slot)
    for action in (0, *range(every - 1, summary.num_actions, every)):
        if (x := place(action, canvas.width(str(action + 1), size) / 2 + 2)) is not None:
            canvas.text(str(action + 1), x, NUMBERS - 6, size, theme.INK, align="center")


def _paint_badge(canvas: Canvas, summary: Summary, left: float, right: float) -> None:
    """What the last action paid, where there is room."""
    reward, level = summary.rewards[-1], float(summary.level(summary.rewards[-1]))
    text = ("+" if reward > 0 else "") + in_short(reward)
    width = canvas.pill_width(text, theme.LABEL)
    if left + width <= right:
        ink = theme.ink_on(level)
        canvas.pill(text, left + width / 2, NUMBERS, theme.LABEL, theme.level_color(level), ink)


def _paint_gauges(canvas: Canvas, summary: Summary, centers: Array, width: float) -> None:
    """Mean rewards as bars from 0; at the end the true means as lines, the best with a star."""
    height = BOTTOM - TOP
    zero = float(summary.level(0.0))
    for value, y in zip(summary.scale, (BOTTOM - 12, TOP - 1), strict=True):
        canvas.text(in_short(value), LEFT - 10, y, theme.LABEL, theme.FAINT, align="right")
    for action, x in enumerate(centers):
        canvas.box(x - width / 2, TOP, width, height, theme.PANEL)
        if summary.counts[action]:
            level = float(summary.level(summary.means[action]))
            upper, lower = BOTTOM - max(level, zero) * height, BOTTOM - min(level, zero) * height
            canvas.box(x - width / 2, min(upper, BOTTOM - 2), width, max(2.0, lower - upper), theme.HIGH)
    canvas.box(LEFT, BOTTOM - zero * height, RIGHT - LEFT, 1, theme.LINE)
    if len(summary.actions):
        x = centers[summary.actions[-1]]
        canvas.frame(x - width / 2 - 3, TOP - 3, width + 6, height + 6, theme.INK, line=2)
    if summary.true_means is not None:
        for action, (x, level) in enumerate(zip(centers, summary.level(summary.true_means), strict=True)):
            _paint_truth(canvas, x, BOTTOM - level * height, width, action in summary.best)


def _paint_truth(canvas: Canvas, x: float, y: float, width: float, best: bool) -> None:
    canvas.box(x - width / 2 - 2, y - 3, width + 4, 6, theme.PAPER)
    canvas.box(x - width / 2 - 2, y - 2, width + 4, 4, theme.TRUTH)
    if best:
        radius = min(11.0, max(8.0, width / 2))
        for reach, color in ((1.3 * radius, theme.PAPER), (radius, theme.TRUTH)):
            angles = np.pi * np.arange(10) / 5 - np.pi / 2
            radii = np.where(np.arange(10) % 2, 0.45, 1.0) * reach
            corners = zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)
            canvas.polygon([(float(across), float(down)) for across, down in corners], color)


def _paint_rows(canvas: Canvas, summary: Summary, centers: Array, slot: float) -> float:
    """The numbers below the gauges, where there is room for them; returns the height at which they end."""
    brief = slot < canvas.width("-0.00", theme.LABEL)
    hidden = ["?"] * summary.num_actions
    means = [in_decimals(mean) for mean in summary.means]
    truth = hidden if summary.true_means is None else [in_decimals(mean) for mean in summary.true_means]
    if brief:
        means, truth = [_shorten_mean(text) for text in means], [_shorten_mean(text) for text in truth]
    rows = [("mean", means, theme.INK), (summary.verb, [str(count) for count in summary.counts], theme.INK)]
    if summary.fixed:
        rows.append(("truth", truth, theme.TRUTH))
    if slot < canvas.width(".00", theme.LABEL) + 2:
        return BOTTOM + 4
    for line, (name, texts, color) in enumerate(rows):
        y = BOTTOM + 6 + ROW * line
        heading = color if color == theme.TRUTH else theme.FAINT
        canvas.text(name, LEFT - 10, y, theme.LABEL, heading, align="right")
        for x, text in zip(centers, texts, strict=True):
            canvas.text(text, x, y, theme.LABEL, color, align="center")
    return BOTTOM + 6 + ROW * len(rows)


def _shorten_mean(text: str) -> str:
    """Without what can be spared: ``0.50`` becomes ``.50``, ``1.00`` becomes ``1``."""
    return text[1:] if text.startswith("0.") else text.removesuffix(".00")
