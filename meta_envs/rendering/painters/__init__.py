"""Painters by family: the one place where a family gets a picture of its own.

Painters and families are named by their places, so that making a bandit imports no maze.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gymnasium.envs.registration import load_env_creator

from meta_envs.family import Array, TaskFamily
from meta_envs.rendering.trace import Trace

Picture = Callable[[TaskFamily, Trace], Array]
Text = Callable[[TaskFamily, Trace], str]
_HERE, _FAMILIES = "meta_envs.rendering.painters", "meta_envs.families"


@dataclass(frozen=True)
class Painter:
    """How to show a lifetime.

    Attributes:
        picture: Makes a fresh picture, (height, width, 3) uint8, of a family's lifetime: a function, or its place
            ``"module:function"``, which is imported when something is drawn.
        text: Makes the text, in the same way.
        fps: Pictures a second in a window.
    """

    picture: Picture | str = f"{_HERE}.general:paint_table"
    text: Text | str = "meta_envs.rendering.text:write_table"
    fps: int = 4

    def paint(self, family: TaskFamily, trace: Trace) -> Array:
        """The picture."""
        made: Any = load_env_creator(self.picture) if isinstance(self.picture, str) else self.picture
        return made(family, trace)

    def write(self, family: TaskFamily, trace: Trace) -> str:
        """The text."""
        made: Any = load_env_creator(self.text) if isinstance(self.text, str) else self.text
        return str(made(family, trace))


PAINTERS: dict[str, Painter] = {
    "meta_envs.family:TaskFamily": Painter(),
    f"{_FAMILIES}.harlow:Harlow": Painter(f"{_HERE}.harlow:paint_harlow", f"{_HERE}.harlow:write_harlow", fps=15),
    f"{_FAMILIES}.harlow_symbolic:HarlowSymbolic": Painter(
        f"{_HERE}.harlow_symbolic:paint_symbolic", f"{_HERE}.harlow_symbolic:write_symbolic"
    ),
    f"{_FAMILIES}.i_maze_grid:IMazeGrid": Painter(
        f"{_HERE}.i_maze_grid:paint_grid", f"{_HERE}.i_maze_grid:write_grid", fps=10
    ),
    f"{_FAMILIES}.maze:Maze": Painter(f"{_HERE}.maze:paint_maze", f"{_HERE}.maze:write_maze", fps=15),
    f"{_FAMILIES}.restless:RestlessBandit": Painter(
        f"{_HERE}.restless:paint_restless", f"{_HERE}.restless:write_restless"
    ),
    f"{_FAMILIES}.tabular:TabularMDP": Painter(f"{_HERE}.tabular:paint_mdp", f"{_HERE}.tabular:write_mdp"),
    f"{_FAMILIES}.two_step:TwoStage": Painter(f"{_HERE}.two_step:paint_two_step", f"{_HERE}.two_step:write_two_step"),
}
"""Painters by ``"module:Class"`` of families, and of all that derive from them; others get the general one."""


def find_painter(family: TaskFamily) -> Painter:
    """The painter of the family's nearest ancestor that has one."""
    places = (f"{kind.__module__}:{kind.__qualname__}" for kind in type(family).__mro__)
    return next(PAINTERS[place] for place in places if place in PAINTERS)
