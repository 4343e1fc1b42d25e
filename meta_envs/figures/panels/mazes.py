"""Figure 7: one-shot navigation in the I-maze, in the first person and on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from meta_envs.behaviour import TrialTable, record_trials
from meta_envs.family import Array
from meta_envs.figures.claims import Verdict
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import legend_below, style
from meta_envs.learners.learner import Learner
from meta_envs.plots import tidy
from meta_envs.registry import make_family

GOAL = 10.0
"""Reward of the goal [paper]."""


@dataclass(frozen=True)
class World:
    """A maze, with the agents that live there."""

    name: str
    id: str
    fewer: int = 1
    """By how much fewer lifetimes are measured than on the grid."""
    hidden: dict[str, int] = field(default_factory=dict)
    """Size of the network without a memory, where it is not the preset's."""

    def lifetimes(self, stage: Stage) -> int:
        """How many are measured."""
        return max(2, stage.episodes // self.fewer)

    @property
    def roles(self) -> dict[str, Role]:
        """By what the figure calls them."""
        without = {"memory": "feedforward", **self.hidden}
        place = "" if self.name == "first person" else f", {self.name}"
        return {
            "agent": Role(f"agent{place}", self.id),
            "feed-forward": Role(f"feed-forward{place}", self.id, "feedforward", without),
        }


MAZE = World("first person", "MetaNavigation-IMaze-v0", 10, {"hidden_size": 128})
GRID = World("grid", "MetaNavigation-IMazeGrid-v0")
WORLDS = (MAZE, GRID)


class Lived(NamedTuple):
    """What a learner did: a row a decision, lifetime by lifetime."""

    table: TrialTable
    returns: Array
    """(lifetimes,)"""


def live(learner: Learner, world: World, stage: Stage) -> Lived:
    """Lifetimes of a learner; several panels show the same ones."""
    return _live(learner, getattr(learner, "play", ""), world.id, world.lifetimes(stage), stage.seed)


@lru_cache(maxsize=32)
def _live(learner: Learner, play: str, id: str, episodes: int, seed: int) -> Lived:
    table = record_trials(learner, id, episodes=episodes, seed=seed)
    table = TrialTable({name: table[name] for name in ("lifetime", "step", "reward")})
    return Lived(table, np.bincount(table["lifetime"], table["reward"], episodes))


def plays_of(stage: Stage, world: World, role: Role) -> Iterator[tuple[str, list[Lived]]]:
    """Lifetimes of a role's agents by play; in the first person, where they take long, only of their declared one."""
    for play, players in stage.plays(role.name).items():
        if world is GRID or play == DECLARED:
            yield play, [live(player, world, stage) for player in players]


def measure_map(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 7a: the blocks where one can walk, the alcoves among them, and what the body sees at the beginning."""
    family: Any = make_family(MAZE.id)
    task, (life,) = replace(stage, episodes=1).live([stage.cast["agent"][0]], MAZE.id)
    assert life.state is not None
    view = family.observe(task, life.state[:1, 0])["image"][0]
    rows: list[tuple[Any, ...]] = [
        ("map", x, y, *(3 * [255 * int(free)])) for (y, x), free in np.ndenumerate(family.mazes.free[0])
    ]
    rows += [("view", x, y, *view[y, x].tolist()) for y, x in np.ndindex(view.shape[:2])]
    return columns(("part", "x", "y", "red", "green", "blue"), rows), []


def _picture(data: Data, part: str) -> Array:
    """Of its pixels (height, width, 3) uint8."""
    shown = where(data, part=part)
    picture = np.zeros((shown["y"].max() + 1, shown["x"].max() + 1, 3), np.uint8)
    picture[shown["y"], shown["x"]] = np.stack([shown[name] for name in ("red", "green", "blue")], axis=-1)
    return picture


def draw_map(place: Any, data: Data) -> None:
    """The maze from above, and the view."""
    for axes, part, title in zip(place.subplots(1, 2), ("map", "view"), ("the maze", "a view"), strict=True):
        tidy(axes, title)
        axes.imshow(_picture(data, part), interpolation="nearest")
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("13 x 11 blocks; white: free" if part == "map" else "at the beginning")


def measure_ways(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 7b: where the first agent goes in a lifetime: until the first find, and from each find to the next."""
    rows = []
    for play, agents in stage.plays("agent").items():
        _, (life,) = replace(stage, episodes=1).live(agents[:1], MAZE.id)
        found = np.isclose(life.reward[:, 0], GOAL)
        search = np.asarray(np.cumsum(found) - found + 1)
        assert life.state is not None
        pose = life.state[:, 0, :3]
        rows += [
            (play, int(number), step + 1, *pose[step].tolist(), int(found[step])) for step, number in enumerate(search)
        ]
    return columns(("play", "search", "decision", "x", "y", "heading", "goal"), rows), []


def draw_ways(place: Any, data: Data) -> None:
    """The first search and a later one, side by side on the map."""
    shown = where(data, play=DECLARED)
    free = make_family(MAZE.id).mazes.free[0]  # type: ignore[attr-defined]
    last = int(shown["search"].max())
    later = min(3, last - 1) if last > 2 else last
    for axes, search in zip(place.subplots(1, 2), (1, later), strict=True):
        mine = where(shown, search=search)
        tidy(axes, f"search {search}: {len(mine['x'])} decisions")
        axes.imshow(free, cmap="Greys_r", vmin=-2, vmax=1, extent=(0, free.shape[1], free.shape[0], 0))
        axes.plot(mine["x"], mine["y"], **style("agent"))
        axes.plot(mine["x"][:1], mine["y"][:1], "o", color="black", markersize=4, label="begin")
        axes.plot(mine["x"][-1:], mine["y"][-1:], "*", color=style("rescorla_wagner")["color"], label="end")
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
    legend_below(place, [axes], 2)


AGENTS = tuple(role for world in WORLDS for role in world.roles.values())
FIGURES = (
    PaperFigure(
        name="7a",
        title="I-maze: the maze from above, and a view",
        measure=measure_map,
        draw=draw_map,
        roles=AGENTS[:1],
        seconds=3,
        differs="The paper's maze is of DeepMind Lab, and no length of it was published.",
    ),
    PaperFigure(
        name="7b",
        title="I-maze: a first search and a later one",
        measure=measure_ways,
        draw=draw_ways,
        roles=AGENTS[:1],
        seconds=4,
        differs="The lifetime is the first one of the evaluation.",
    ),
)
