"""Painters by family: the one place where a family gets a picture of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta_envs.families.harlow import Harlow
from meta_envs.families.harlow_symbolic import HarlowSymbolic
from meta_envs.families.i_maze_grid import IMazeGrid
from meta_envs.families.maze import Maze
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.tabular import TabularMDP
from meta_envs.families.two_step import TwoStage
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering.painters.general import paint_table
from meta_envs.rendering.painters.harlow import paint_harlow, write_harlow
from meta_envs.rendering.painters.harlow_symbolic import paint_symbolic, write_symbolic
from meta_envs.rendering.painters.i_maze_grid import paint_grid, write_grid
from meta_envs.rendering.painters.maze import paint_maze, write_maze
from meta_envs.rendering.painters.restless import paint_restless, write_restless
from meta_envs.rendering.painters.tabular import paint_mdp, write_mdp
from meta_envs.rendering.painters.two_step import paint_two_step, write_two_step
from meta_envs.rendering.text import write_table
from meta_envs.rendering.trace import Trace


@dataclass(frozen=True)
class Painter:
    """How to show a lifetime.

    Attributes:
        picture: Makes a fresh picture, (height, width, 3) uint8, of a family's lifetime.
        text: Makes the text.
        fps: Pictures a second in a window.
    """

    picture: Callable[[TaskFamily, Trace], Array] = paint_table
    text: Callable[[TaskFamily, Trace], str] = write_table
    fps: int = 4


PAINTERS: dict[type, Painter] = {
    TaskFamily: Painter(),
    Harlow: Painter(paint_harlow, write_harlow, fps=15),
    HarlowSymbolic: Painter(paint_symbolic, write_symbolic),
    IMazeGrid: Painter(paint_grid, write_grid, fps=10),
    Maze: Painter(paint_maze, write_maze, fps=15),
    RestlessBandit: Painter(paint_restless, write_restless),
    TabularMDP: Painter(paint_mdp, write_mdp),
    TwoStage: Painter(paint_two_step, write_two_step),
}
"""Painters of families and of all that derive from them; whatever has no painter of its own gets the general one."""


def find_painter(family: TaskFamily) -> Painter:
    """The painter of the family's nearest ancestor that has one."""
    return next(PAINTERS[kind] for kind in type(family).__mro__ if kind in PAINTERS)
