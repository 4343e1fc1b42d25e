"""The top of every picture: the family, what happened last, the trial and the reward so far."""

from __future__ import annotations

from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.summary import Summary, in_short


def paint_header(canvas: Canvas, summary: Summary) -> None:
    """Write the two lines; what does not fit is shortened on the left."""
    last = theme.TRUTH if summary.over else theme.FAINT
    reward = f"reward {in_short(float(summary.rewards.sum()))}"
    lines = [
        (summary.title, theme.INK, summary.progress, theme.TITLE, 12),
        (summary.status, last, reward, theme.BODY, 38),
    ]
    for left, color, right, size, y in lines:
        canvas.text(right, theme.RIGHT, y, size, theme.INK, align="right")
        room = theme.RIGHT - theme.MARGIN - canvas.width(right, size) - 20
        canvas.text(canvas.shorten(left, size, room), theme.MARGIN, y, size, color)
