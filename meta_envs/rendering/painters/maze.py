"""Mazes in the first person: what is seen, beside a map with the trail, and when the goal was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from meta_envs.families.i_maze import IMaze
from meta_envs.families.maze import ACTIONS, POSE, Maze
from meta_envs.families.random_maze import RandomMaze
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.latency import DONE, paint_latencies, write_latencies
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.theme import Color
from meta_envs.rendering.trace import Trace

TOP, VIEW = 92, 228
"""Upper edge of the panels, and side of the view."""
MAP = 264
"""Left end of the map."""
WALL: Color = (120, 129, 143)
UNKNOWN: Color = theme.LINE


def paint_maze(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in a maze, (height, width, 3) uint8."""
    assert isinstance(family, Maze)
    canvas = Canvas()
    paint_header(canvas, _summarise(family, trace))
    _paint_view(canvas, family, trace)
    _paint_map(canvas, family, trace)
    paint_latencies(canvas, _finds(trace), len(trace.actions), family.horizon, trace.over, "step")
    return canvas.pixels


def write_maze(family: TaskFamily, trace: Trace) -> str:
    """The map as text, one character a block: ``#`` wall, ``o`` been there, ``+`` apple, ``G`` goal, space unknown."""
    assert isinstance(family, Maze)
    summary, known = _summarise(family, trace), _known(family, trace)
    layout = np.where(_free(family, trace), ".", "#")
    layout.flat[_visited(family, trace)] = "o"
    layout.flat[_apples(trace)] = "+"
    layout[~known] = " "
    if (goal := _goal(family, trace)) is not None:
        layout.flat[goal] = "G"
    state = trace.states[-1]
    layout.flat[family.block(state[None, :2])] = ">v<^"[round(float(state[2]) / (np.pi / 2)) % 4]
    total = in_short(float(summary.rewards.sum()))
    lines = [f"{summary.title}: {summary.progress}, reward {total}", summary.status]
    latencies = write_latencies(_finds(trace), trace.over, "step")
    return "\n".join([*lines, *("".join(row).rstrip() for row in layout), latencies]) + "\n"


def _summarise(family: Maze, trace: Trace) -> Summary:
    summary = summarise(family, trace)
    title = "I-maze" if isinstance(family, IMaze) else summary.title
    task = f"the goal was {family.tell(trace.task)}" if trace.over else ""
    return replace(summary, title=title, unit="step", names=ACTIONS, task=task)


def _free(family: Maze, trace: Trace) -> Array:
    """The layout of the maze (Y, X) bool."""
    return family.mazes.free[family.find_maze(trace.task[None])[0]] == 1


def _visited(family: Maze, trace: Trace) -> Array:
    return np.unique(family.block(np.stack(trace.states)[:, :2]))


def _known(family: Maze, trace: Trace) -> Array:
    """Blocks (Y, X) that may be shown: where mazes are drawn with the task, those next to where the body has been."""
    free = _free(family, trace)
    if trace.over or not (isinstance(family, RandomMaze) and family.layouts == "random"):
        return np.ones_like(free)
    been = np.zeros(np.add(free.shape, 2), bool)
    row, column = np.divmod(_visited(family, trace), free.shape[1])
    for down in range(3):
        for right in range(3):
            been[row + down, column + right] = True
    return been[1:-1, 1:-1]


def _finds(trace: Trace) -> list[int]:
    """Decisions at which the goal was reached, counted from 1."""
    return [number for number, outcome in enumerate(trace.outcomes, 1) if outcome[-1]]


def _apples(trace: Trace) -> Array:
    """Blocks in which apples are left."""
    apples = trace.states[-1][POSE:]
    return apples[apples >= 0].astype(np.intp)


def _goal(family: Maze, trace: Trace) -> int | None:
    """The goal's block, once it may be shown."""
    return int(family.find_goal(trace.task[None])[0]) if trace.over or _finds(trace) else None


def _paint_view(canvas: Canvas, family: Maze, trace: Trace) -> None:
    last = f": {ACTIONS[int(trace.actions[-1])]}" if trace.actions else ""
    seen = family.observe(trace.task[None], trace.states[-1][None])["image"][0]
    pixel = np.arange(VIEW) * family.resolution // VIEW
    canvas.text(f"view{last}", theme.MARGIN, TOP - 18, theme.LABEL, theme.FAINT)
    canvas.pixels[TOP : TOP + VIEW, theme.MARGIN : theme.MARGIN + VIEW] = seen[pixel][:, pixel]


def _paint_map(canvas: Canvas, family: Maze, trace: Trace) -> None:
    free, known = _free(family, trace), _known(family, trace)
    height, width = free.shape
    size = min((theme.RIGHT - MAP) / width, VIEW / height)
    visited = np.zeros(free.size, bool)
    visited[_visited(family, trace)] = True
    canvas.text("map", MAP, TOP - 18, theme.LABEL, theme.FAINT)
    for block, (row, column) in enumerate(np.ndindex(height, width)):
        color = DONE if visited[block] else theme.PANEL if free[row, column] else WALL
        canvas.box(MAP + column * size, TOP + row * size, size, size, color if known[row, column] else UNKNOWN)

    def on_map(place: Array) -> tuple[float, float]:
        return MAP + float(place[0]) * size, TOP + float(place[1]) * size

    since = _finds(trace)[-1] if _finds(trace) else 0
    for state in trace.states[since:]:
        x, y = on_map(state)
        canvas.box(x - 1.5, y - 1.5, 3, 3, theme.HIGH)
    for apple in _apples(trace):
        if known.flat[apple]:
            x, y = on_map(family.center(apple))
            reach = max(0.3 * size, 3.0)
            canvas.polygon([(x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach)], theme.LOW)
    if (goal := _goal(family, trace)) is not None:
        color = theme.TRUTH if trace.over else theme.HIGH
        _paint_star(canvas, *on_map(family.center(np.array(goal))), max(0.6 * size, 9.0), color)
    x, y, heading = trace.states[-1][:3].tolist()
    reach = max(0.45 * size, 7.0)
    angles = (heading, heading + 2.5, heading - 2.5)
    x, y = on_map(np.array([x, y]))
    canvas.polygon([(x + reach * np.cos(angle), y + reach * np.sin(angle)) for angle in angles], theme.INK)


def _paint_star(canvas: Canvas, x: float, y: float, radius: float, color: Color) -> None:
    angles = np.pi * np.arange(10) / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, 0.45, 1.0) * radius
    corners = zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)
    canvas.polygon([(float(across), float(down)) for across, down in corners], color)
