"""The maze of cells: a map with the trail, beside it what the agent sees, and when the goal was found."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from meta_envs.families.i_maze_grid import GOALS, HEADINGS, IMazeGrid, find_windows, place_apples
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.latency import DONE, paint_latencies, write_latencies
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.text import WIDTH, write_table
from meta_envs.rendering.theme import Color
from meta_envs.rendering.trace import Trace

TOP, MAP_BOTTOM = 92, 306
MAP_RIGHT, VIEW_LEFT = 408, 430


def paint_grid(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in a maze of cells, (height, width, 3) uint8."""
    assert isinstance(family, IMazeGrid)
    canvas, summary = Canvas(), _summarise(family, trace)
    paint_header(canvas, summary)
    _paint_map(canvas, family, trace)
    _paint_view(canvas, family, trace)
    paint_latencies(canvas, _finds(trace), len(trace.actions), family.horizon, trace.over, "move")
    return canvas.pixels


def write_grid(family: TaskFamily, trace: Trace) -> str:
    """The map as text, one character a cell."""
    assert isinstance(family, IMazeGrid)
    if 2 * family.arm + 1 > WIDTH:
        return write_table(family, trace)
    summary, maze = _summarise(family, trace), family.maze
    marks = dict.fromkeys(range(len(maze.cells)), ".") | dict.fromkeys(_visited(trace), "o")
    marks |= dict.fromkeys(_apples(family, trace), "+") | _alcoves(family, trace)
    cell, heading = (int(number) for number in trace.states[-1][:2])
    marks[cell] = "^>v<"[heading]
    layout = np.full((2 * family.corridor + 1, 2 * family.arm + 1), " ")
    for place, (east, north) in enumerate(maze.cells.tolist()):
        layout[family.corridor - north, family.arm + east] = marks[place]
    total = in_short(float(summary.rewards.sum()))
    lines = [f"{summary.title}: {summary.progress}, reward {total}", summary.status]
    return (
        "\n".join(
            [*lines, *("".join(row).rstrip() for row in layout), write_latencies(_finds(trace), trace.over, "move")]
        )
        + "\n"
    )


def _summarise(family: IMazeGrid, trace: Trace) -> Summary:
    return replace(
        summarise(family, trace),
        title="I-maze, seen from above",
        unit="move",
        names=("forward", "turn left", "turn right", "backward"),
        task=f"the goal was in the {GOALS[round(trace.task[0]) - 1]}" if trace.over else "",
    )


def _visited(trace: Trace) -> list[int]:
    return sorted({int(state[0]) for state in trace.states})


def _finds(trace: Trace) -> list[int]:
    """Moves at which the goal was found, counted from 1."""
    return [move for move, outcome in enumerate(trace.outcomes, 1) if outcome == 1]


def _alcoves(family: IMazeGrid, trace: Trace) -> dict[int, str]:
    """What is known of each arm's end: ``?`` nothing, ``x`` that it is empty, ``G`` that the goal is there."""
    visited = set(_visited(trace))
    known = {int(cell): "x" if cell in visited else "?" for cell in family.maze.alcoves}
    if trace.over or _finds(trace):
        known[int(family.maze.alcoves[round(trace.task[0]) - 1])] = "G"
    return known


def _apples(family: IMazeGrid, trace: Trace) -> list[int]:
    """Cells in which apples are left."""
    apple = place_apples(family.corridor, family.arm, family.num_apples)
    return [int(cell) for cell in np.flatnonzero(apple >= 0) if int(trace.states[-1][2]) >> int(apple[cell]) & 1]


def _paint_map(canvas: Canvas, family: IMazeGrid, trace: Trace) -> None:
    columns, rows = 2 * family.arm + 3, 2 * family.corridor + 3
    size = min((MAP_RIGHT - theme.MARGIN) / columns, (MAP_BOTTOM - TOP) / rows)
    canvas.text("map", theme.MARGIN, TOP - 18, theme.LABEL, theme.FAINT)
    canvas.box(theme.MARGIN, TOP, columns * size, rows * size, theme.LINE)
    east, north = family.maze.cells.T
    centers = [
        (theme.MARGIN + (x + family.arm + 1.5) * size, TOP + (family.corridor + 1.5 - y) * size)
        for x, y in zip(east.tolist(), north.tolist(), strict=True)
    ]
    visited = set(_visited(trace))
    for cell, (x, y) in enumerate(centers):
        canvas.box(x - size / 2, y - size / 2, size, size, DONE if cell in visited else theme.PAPER)
    since = _finds(trace)[-1] if _finds(trace) else 0
    for before, after in pairwise(int(state[0]) for state in trace.states[since:]):
        (left, right), (upper, lower) = (sorted(ends) for ends in zip(centers[before], centers[after], strict=True))
        canvas.box(left - 1.5, upper - 1.5, right - left + 3, lower - upper + 3, theme.HIGH)
    for cell in _apples(family, trace):
        _paint_apple(canvas, *centers[cell], size)
    for cell, mark in _alcoves(family, trace).items():
        x, y = centers[cell]
        if mark == "G":
            _paint_goal(canvas, x, y, max(0.5 * size, 12.0), theme.TRUTH if trace.over else theme.HIGH)
        else:
            canvas.text(mark, x, y - 7, theme.LABEL, theme.INK, align="center")
    cell, heading = (int(number) for number in trace.states[-1][:2])
    _paint_agent(canvas, *centers[cell], max(0.4 * size, 8.0), heading)
    canvas.text("? not entered   x empty", theme.MARGIN, MAP_BOTTOM + 6, theme.LABEL, theme.FAINT)


def _paint_view(canvas: Canvas, family: IMazeGrid, trace: Trace) -> None:
    """What the agent sees, ahead of it upward."""
    cell, heading = (int(number) for number in trace.states[-1][:2])
    window = find_windows(family.corridor, family.arm, family.view)[cell, heading]
    size = (theme.RIGHT - VIEW_LEFT) / family.view
    canvas.text("view", VIEW_LEFT, TOP - 18, theme.LABEL, theme.FAINT)
    canvas.box(VIEW_LEFT, TOP, family.view * size, family.view * size, theme.LINE)
    apples = _apples(family, trace)
    for (row, column), seen in np.ndenumerate(window):
        if seen >= 0:
            x, y = VIEW_LEFT + (column + 0.5) * size, TOP + (row + 0.5) * size
            canvas.box(x - size / 2 + 0.5, y - size / 2 + 0.5, size - 1, size - 1, theme.PAPER)
            if int(seen) in apples:
                _paint_apple(canvas, x, y, size)
    canvas.frame(VIEW_LEFT, TOP, family.view * size, family.view * size, theme.FAINT, line=1)
    middle = family.view * size / 2
    _paint_agent(canvas, VIEW_LEFT + middle, TOP + middle, 0.36 * size, 0)


def _paint_agent(canvas: Canvas, x: float, y: float, reach: float, heading: int) -> None:
    """A triangle that points to where the agent looks."""
    (right, up), (side, rise) = HEADINGS[heading].tolist(), HEADINGS[(heading + 1) % 4].tolist()
    corners = [(1.0, 0.0), (-0.8, 0.8), (-0.8, -0.8)]
    points = [
        (x + reach * (ahead * right + aside * side), y - reach * (ahead * up + aside * rise))
        for ahead, aside in corners
    ]
    canvas.polygon(points, theme.INK)


def _paint_apple(canvas: Canvas, x: float, y: float, size: float) -> None:
    reach = max(0.3 * size, 3.0)
    canvas.polygon([(x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach)], theme.LOW)


def _paint_goal(canvas: Canvas, x: float, y: float, radius: float, color: Color) -> None:
    angles = np.pi * np.arange(10) / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, 0.45, 1.0) * radius
    corners = zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)
    canvas.polygon([(float(across), float(down)) for across, down in corners], color)
