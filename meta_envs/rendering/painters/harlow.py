"""Harlow's task: the view, the choices by trial and side, and the panorama."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from meta_envs.families.harlow import (
    ANCHOR,
    CHOICE,
    COUNT,
    ECCENTRICITY,
    FIXATION,
    HEADING,
    HOLD,
    INTERVAL_STEPS,
    PHASE,
    TRIAL,
    VELOCITY,
    Harlow,
    pictured,
    wrap,
)
from meta_envs.families.harlow_symbolic import HarlowSymbolic
from meta_envs.families.worlds.panorama import scenery, to_columns
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.raster import spacing
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.text import WIDTH
from meta_envs.rendering.trace import Trace

TOP, VIEW = 92, 168
"""Upper edge of the panels, and side of the view."""
CHOICES = 262
"""Left end of the choices."""
ROW = 42
"""Height of the choices on one side."""
BELOW = 298
"""Upper edge of the panel at the bottom."""
STRIP = 74
"""Height of the panorama."""
SIDES = ("left", "right")
TURNS = ("turned left", "turned right", "no-op")


@dataclass(frozen=True)
class Choice:
    """How a trial ended: on which side, with which image, and what it paid. None for no side and no image."""

    right: bool | None
    number: int | None
    reward: float


def paint_harlow(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in the panorama, (height, width, 3) uint8."""
    assert isinstance(family, Harlow)
    canvas, choices = Canvas(), list_choices(family, trace)
    paint_header(canvas, summarise_choices(family, trace, choices))
    paint_view(canvas, family.observe(trace.task[None], trace.states[-1][None])[0], trace, TURNS)
    paint_choices(canvas, family, choices, family.pictures)
    _paint_pair(canvas, family, trace, choices)
    _paint_panorama(canvas, family, trace)
    return canvas.pixels


def write_harlow(family: TaskFamily, trace: Trace) -> str:
    """The lifetime in the panorama as text."""
    assert isinstance(family, Harlow)
    state = trace.states[-1]
    heading, velocity = state[HEADING], state[VELOCITY]
    if state[PHASE] == FIXATION:
        shown = f"cross {_bearing(wrap(-heading))}, held for {state[COUNT]:.0f} of {HOLD} steps"
    elif state[PHASE] == CHOICE:
        places = (state[ANCHOR] + side * ECCENTRICITY - heading for side in (-1, 1))
        pairs = zip(find_sides(family, trace), places, strict=True)
        shown = ", ".join(f"image {number} {_bearing(wrap(place))}" for number, place in pairs)
    else:
        shown = f"between trials, {state[COUNT]:.0f} of {INTERVAL_STEPS} steps"
    pose = f"heading {heading:+.1f} degrees, turning by {velocity:+.2f} a step"
    return write_choices(family, trace, [pose, shown])


def write_choices(family: Harlow | HarlowSymbolic, trace: Trace, shown: list[str]) -> str:
    """The header, what is shown, and the choices of both sides as text."""
    choices = list_choices(family, trace)
    summary = summarise_choices(family, trace, choices)
    total = in_short(float(summary.rewards.sum()))
    recent = choices[-(WIDTH - 8) :]
    lines = [f"{summary.title}: {summary.progress}, reward {total}", summary.status, *shown]
    for right, side in enumerate(SIDES):
        marks = ("·" if choice.right != bool(right) else "+" if choice.reward > 0 else "-" for choice in recent)
        lines.append(f"{side:>7} {''.join(marks)}".rstrip())
    return "\n".join(line[:WIDTH] for line in lines) + "\n"


def _bearing(angle: Array | float) -> str:
    if np.abs(angle) < 0.05:
        return "straight ahead"
    return f"{np.abs(angle):.1f} degrees to the {'right' if angle > 0 else 'left'}"


def summarise_choices(family: Harlow | HarlowSymbolic, trace: Trace, choices: list[Choice]) -> Summary:
    """What the trace says, with the trials counted by choices."""
    thing = "image" if isinstance(family, Harlow) else "identity"
    return replace(
        summarise(family, trace),
        title="Harlow's task" + ("" if isinstance(family, Harlow) else " in symbols"),
        trial=len(choices),
        num_trials=family.num_trials,
        names=("left", "right", "no-op"),
        task=f"{thing} {trace.task[0]:.0f} paid" if trace.over else "",
    )


def list_choices(family: Harlow | HarlowSymbolic, trace: Trace) -> list[Choice]:
    """The trials that are over."""
    choices = []
    for before, after, reward in zip(trace.states, trace.states[1:], trace.rewards, strict=False):
        if _count_trials(family, after) > _count_trials(family, before):
            pays = bool(family.right_pays(before[None])[0])
            right = pays == (reward > 0) if reward else None
            number = None if right is None else int(trace.task[0 if reward > 0 else 1])
            choices.append(Choice(right, number, reward))
    return choices


def _count_trials(family: Harlow | HarlowSymbolic, state: Array) -> int:
    return int(state[TRIAL]) if isinstance(family, Harlow) else int(state[0]) // 2


def find_sides(family: Harlow | HarlowSymbolic, trace: Trace) -> tuple[int, int]:
    """Numbers of the left and of the right image of the present trial."""
    left, right = pictured(trace.task[None], family.right_pays(trace.states[-1][None]))
    return int(left[0]), int(right[0])


def have_been_shown(family: Harlow | HarlowSymbolic, trace: Trace) -> bool:
    """Whether the two images were seen yet."""
    if isinstance(family, Harlow):
        return any(state[PHASE] == CHOICE for state in trace.states)
    return len(trace.states) > 1


def enlarge(image: Array, height: int, width: int | None = None) -> Array:
    """An image in another size, pixel by pixel."""
    rows = np.arange(height) * image.shape[0] // height
    columns = np.arange(width or height) * image.shape[1] // (width or height)
    return image[rows][:, columns]


def paste(canvas: Canvas, image: Array, x: float, y: float) -> None:
    """Put an image on the canvas, its upper left corner at (x, y)."""
    left, top = round(x), round(y)
    canvas.pixels[top : top + image.shape[0], left : left + image.shape[1]] = image


def paint_view(canvas: Canvas, seen: Array, trace: Trace, done: tuple[str, ...]) -> None:
    """What is seen now, enlarged."""
    last = f": {done[int(trace.actions[-1])]}" if trace.actions else ""
    canvas.text(f"view{last}", theme.MARGIN, TOP - 18, theme.LABEL, theme.FAINT)
    paste(canvas, enlarge(seen, VIEW), theme.MARGIN, TOP)
    canvas.frame(theme.MARGIN - 1, TOP - 1, VIEW + 2, VIEW + 2, theme.FAINT, line=1)


def paint_choices(canvas: Canvas, family: Harlow | HarlowSymbolic, choices: list[Choice], tiles: Array) -> None:
    """One column a trial: the image on its side, with a long blue line below it if it paid, else a short amber one."""
    slot = (theme.RIGHT - CHOICES) / family.num_trials
    side = int(min(30, ROW - 12, max(slot - 2, 1)))
    canvas.text("chosen", CHOICES, TOP - 18, theme.LABEL, theme.FAINT)
    for row, name in enumerate(SIDES):
        y = TOP + row * ROW
        canvas.text(name, CHOICES - 10, y + ROW / 2 - 9, theme.LABEL, theme.FAINT, align="right")
        canvas.box(CHOICES, y, theme.RIGHT - CHOICES, ROW - 3, theme.PANEL)
    for trial, choice in enumerate(choices):
        x = CHOICES + slot * (trial + 0.5)
        if choice.right is None or choice.number is None:
            canvas.box(x - 2, TOP + ROW - 3, 4, 3, theme.FAINT)
            continue
        y = TOP + choice.right * ROW
        paste(canvas, enlarge(tiles[choice.number], side), x - side / 2, y + 1)
        mark = side if choice.reward > 0 else max(2.0, 0.4 * side)
        canvas.box(x - mark / 2, y + side + 2, mark, 6, theme.HIGH if choice.reward > 0 else theme.LOW)
    bottom = TOP + 2 * ROW - 3
    canvas.text("trial", CHOICES - 10, bottom + 6, theme.LABEL, theme.FAINT, align="right")
    every = spacing(canvas.width(str(family.num_trials), theme.LABEL) + 6, slot)
    for trial in range(every, family.num_trials + 1, every):
        x = CHOICES + slot * (trial - 0.5)
        half = canvas.width(str(trial), theme.LABEL) / 2
        canvas.text(str(trial), min(x, theme.RIGHT - half), bottom + 6, theme.LABEL, theme.INK, align="center")


def tell_paid(canvas: Canvas, trace: Trace, choices: list[Choice], number: int, x: float, y: float) -> None:
    """What an image has paid so far; at the end, whether it was the rewarded one."""
    paid = [choice.reward for choice in choices if choice.number == number]
    text = f"paid {in_short(sum(paid))}" if paid else "not chosen"
    color = theme.INK
    if trace.over and number == trace.task[0]:
        text, color = "rewarded", theme.TRUTH
    canvas.text(text, x, y, theme.LABEL, color)


def _paint_pair(canvas: Canvas, family: Harlow, trace: Trace, choices: list[Choice]) -> None:
    """The two images, once they were seen."""
    y, side = TOP + VIEW - 34, 34
    canvas.text("images", CHOICES - 10, y + 10, theme.LABEL, theme.FAINT, align="right")
    for place, number in enumerate(sorted(trace.task.astype(int).tolist())):
        x = CHOICES + place * 150
        if have_been_shown(family, trace):
            paste(canvas, enlarge(family.pictures[number], side), x, y)
            if trace.over and number == trace.task[0]:
                canvas.frame(x - 3, y - 3, side + 6, side + 6, theme.TRUTH, line=3)
            tell_paid(canvas, trace, choices, number, x + side + 10, y + 10)
        else:
            canvas.box(x, y, side, side, theme.PANEL)
            canvas.text("?", x + side / 2, y + 10, theme.LABEL, theme.FAINT, align="center")


def _paint_panorama(canvas: Canvas, family: Harlow, trace: Trace) -> None:
    """All 360 degrees, heading 0 in the middle, darker where they are out of view."""
    state, resolution, size = trace.states[-1], family.resolution, family.pictures.shape[1]
    strip = scenery(resolution)[int(state[PHASE] == FIXATION)].copy()
    columns = strip.shape[1]
    if state[PHASE] == CHOICE:
        top = resolution // 2 - size // 2
        for number, side in zip(find_sides(family, trace), (-1, 1), strict=True):
            middle = to_columns(state[ANCHOR] + side * ECCENTRICITY, resolution)
            strip[top : top + size, (middle - size // 2 + np.arange(size)) % columns] = family.pictures[number]
    first = to_columns(state[HEADING], resolution) - resolution // 2
    inside = np.zeros(columns, dtype=bool)
    inside[(first + np.arange(resolution)) % columns] = True
    strip[:, ~inside] = strip[:, ~inside] // 2 + 40
    width = theme.RIGHT - theme.MARGIN
    shown = round(columns * STRIP / width)
    top = (resolution - shown) // 2
    middle_first = np.roll(strip[top : top + shown], columns // 2, axis=1)
    canvas.text("panorama", theme.MARGIN, BELOW - 18, theme.LABEL, theme.FAINT)
    paste(canvas, enlarge(middle_first, STRIP, width), theme.MARGIN, BELOW)
    edges = np.flatnonzero(np.diff(np.roll(inside, columns // 2).astype(int)))
    for edge in edges.tolist():
        canvas.box(theme.MARGIN + (edge + 1) * width / columns - 1.5, BELOW - 3, 3, STRIP + 6, theme.INK)
    for angle in (-180, -90, 0, 90, 180):
        x = theme.MARGIN + (angle + 180) / 360 * width
        half = canvas.width(str(angle), theme.LABEL) / 2
        place = min(max(x, theme.MARGIN + half), theme.RIGHT - half)
        canvas.text(str(angle), place, BELOW + STRIP + 7, theme.LABEL, theme.INK, align="center")
