"""Harlow's task in symbols: identities as tiles and in numbers, and which was chosen on which side in which trial."""

from __future__ import annotations

import numpy as np

from meta_envs.families.harlow_symbolic import HarlowSymbolic, identities
from meta_envs.families.worlds.panorama import CROSS
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.painters.harlow import (
    BELOW,
    SIDES,
    Choice,
    enlarge,
    find_sides,
    have_been_shown,
    list_choices,
    paint_choices,
    paint_view,
    paste,
    summarise_choices,
    tell_paid,
    write_choices,
)
from meta_envs.rendering.text import BLOCKS
from meta_envs.rendering.trace import Trace

LINE = 40
"""Height of an identity's row."""


def paint_symbolic(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in symbols, (height, width, 3) uint8."""
    assert isinstance(family, HarlowSymbolic)
    canvas, choices, state = Canvas(), list_choices(family, trace), trace.states[-1][None]
    paint_header(canvas, summarise_choices(family, trace, choices))
    tiles = _draw_identities(family.split)
    screen = np.full((84, 84, 3), theme.PANEL, np.uint8)
    if family.is_choice(state)[0]:
        for number, left in zip(find_sides(family, trace), (6, 46), strict=True):
            screen[26:58, left : left + 32] = enlarge(tiles[number], 32)
    elif not trace.over:
        screen[36:48, 40:44] = screen[40:44, 36:48] = CROSS
    paint_view(canvas, screen, trace, (*SIDES, "no-op"))
    paint_choices(canvas, family, choices, tiles)
    _paint_identities(canvas, family, trace, choices, tiles)
    return canvas.pixels


def write_symbolic(family: TaskFamily, trace: Trace) -> str:
    """The lifetime in symbols as text; higher blocks are larger numbers of an identity."""
    assert isinstance(family, HarlowSymbolic)
    if not family.is_choice(trace.states[-1][None])[0]:
        return write_choices(family, trace, ["" if trace.over else "cross"])
    known = identities(family.split)
    return write_choices(
        family,
        trace,
        [
            f"{side:>5}: identity {number:<3} "
            + "".join(BLOCKS[level] for level in np.rint((known[number] + 1) / 2 * (len(BLOCKS) - 1)).astype(int))
            for side, number in zip(SIDES, find_sides(family, trace), strict=True)
        ],
    )


def _draw_identities(split: str) -> Array:
    """Identities as tiles of eight colours (N, 4, 2, 3) uint8."""
    levels = np.rint(255 * (identities(split).astype(np.float64) + 1) / 2).astype(np.intp)
    return theme.LEVELS[levels].reshape(-1, 4, 2, 3)


def _paint_identities(
    canvas: Canvas, family: HarlowSymbolic, trace: Trace, choices: list[Choice], tiles: Array
) -> None:
    """The two identities in numbers, once they were seen."""
    canvas.text("identities", theme.MARGIN, BELOW - 18, theme.LABEL, theme.FAINT)
    if not have_been_shown(family, trace):
        canvas.text("not shown yet", theme.MARGIN, BELOW + 8, theme.LABEL, theme.INK)
        return
    slot, left = 48, theme.MARGIN + 46
    for row, number in enumerate(sorted(trace.task.astype(int).tolist())):
        y = BELOW + row * (LINE + 6)
        paste(canvas, enlarge(tiles[number], LINE - 4), theme.MARGIN, y + 2)
        for place, value in enumerate(identities(family.split)[number].tolist()):
            level = (value + 1) / 2
            canvas.box(left + place * slot, y, slot - 3, LINE, theme.level_color(level))
            ink = theme.ink_on(level)
            x = left + (place + 0.5) * slot - 1.5
            canvas.text(f"{round(value, 1) + 0.0:+.1f}", x, y + LINE / 2 - 6, theme.LABEL, ink, align="center")
        if trace.over and number == trace.task[0]:
            canvas.frame(theme.MARGIN - 3, y - 1, LINE + 2, LINE + 2, theme.TRUTH, line=3)
        tell_paid(canvas, trace, choices, number, left + 8 * slot + 10, y + LINE / 2 - 6)
