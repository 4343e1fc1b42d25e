"""What a figure of the paper is: who plays in it, what is measured, how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from meta_envs.agents.plays import PLAYS, PolicyLearner
from meta_envs.family import Array, TaskFamily
from meta_envs.figures.claims import Verdict
from meta_envs.figures.look import COLUMN, HEIGHT
from meta_envs.learners.learner import Learner
from meta_envs.learners.rollout import Rollout, roll_out
from meta_envs.registry import make_family
from meta_envs.seeds import evaluation_seeds

DECLARED, OTHER = "declared", "other"
"""How an agent plays, greedy or sampled: as its card says, or the other way."""
Key = TypeVar("Key", bound=Hashable)
Data = dict[str, Array]
"""What is drawn: columns (n,) by name, one row a number; ``pandas.DataFrame`` takes it as it is."""


def columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Data:
    """Columns by name, of rows."""
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def where(data: Data, **wanted: Any) -> Data:
    """The rows that have these values."""
    kept = np.logical_and.reduce([data[name] == value for name, value in wanted.items()])
    return {name: column[kept] for name, column in data.items()}


@dataclass(frozen=True)
class Role:
    """A trained agent that a figure needs: of several seeds as many as are shipped, or were trained."""

    name: str
    """What the figure calls it, such as "agent"."""
    id: str
    """The environment that it is trained on."""
    variant: str = ""
    """Of the shipped agents, such as "no-reward"; none: the environment's own, of all seeds that are shipped."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of its training, where they are not the preset's."""
    keywords: dict[str, Any] = field(default_factory=dict)
    """Of the environment, in training."""
    snapshots: int = 0
    """Moments of one training at which its weights are kept: these play, in place of the agent at its end."""
    kept: bool = False
    """Whether they are too large, or too many, to be shipped: where none is trained or given, nobody plays the role,
    and numbers that the figure gave before, and that are shipped, stand in (`meta_envs.figures.kept`)."""


@dataclass(frozen=True)
class Stage:
    """Where a figure is measured: so many unseen lifetimes, and who plays each role."""

    episodes: int
    seed: int
    """Of the evaluation."""
    cast: dict[str, list[Learner]]
    """The agents of every role."""

    def plays(self, role: str) -> dict[str, list[Learner]]:
        """Who plays a role, in the play that each agent declares, and in the other one, which only data files show."""
        players = self.cast[role]
        other = [copy(player) for player in players]
        for player in other:
            if isinstance(player, PolicyLearner):
                player.play = PLAYS[1 - PLAYS.index(player.play)]
        several = any(isinstance(player, PolicyLearner) for player in players)
        return {DECLARED: players, **({OTHER: other} if several else {})}

    def live(self, learners: Sequence[Learner], id: str | TaskFamily, **keywords: Any) -> tuple[Array, list[Rollout]]:
        """Tasks (lifetimes, T), and whole rollouts of learners, in arrays (horizon, lifetimes), as `roll_out` has them.

        All learners live the same lifetimes.
        """
        family, seeds = make_family(id, **keywords), evaluation_seeds(self.episodes, self.seed)
        blocks = list(roll_out(list(learners), family, seeds, self.seed, whole=True))
        joined = [_join([block.rollouts[place] for block in blocks]) for place in range(len(learners))]
        return np.concatenate([block.task for block in blocks]), joined

    def regrets(
        self, players: Mapping[Key, Sequence[Learner]], id: str | TaskFamily, **keywords: Any
    ) -> tuple[Array, dict[Key, Array]]:
        """Tasks (lifetimes, T), and expected regret (learners, horizon, lifetimes) of every step, by the players' keys.

        All learners live the same lifetimes, in a family that lists its states.
        """
        family, seeds = make_family(id, **keywords), evaluation_seeds(self.episodes, self.seed)
        everyone = [player for several in players.values() for player in several]
        tasks: list[Array] = []
        parts: list[list[Array]] = []
        for block in roll_out(everyone, family, seeds, self.seed):
            tasks.append(block.task)
            parts.append([rollout.alive * rollout.regret for rollout in block.rollouts if rollout.regret is not None])
        lost = iter([np.concatenate(steps, axis=1) for steps in zip(*parts, strict=True)])
        return np.concatenate(tasks), {key: np.stack([next(lost) for _ in own]) for key, own in players.items()}


def _join(parts: list[Rollout]) -> Rollout:
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name, column in vars(parts[0]).items()
        if column is not None
    }
    return Rollout(**columns)


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """A figure, or a panel of one."""

    name: str
    """As in the paper, such as "5c"."""
    title: str
    """What it shows, in a line."""
    measure: Callable[[Stage], tuple[Data, list[Verdict]]]
    """What is drawn, and the verdicts on what is claimed of it."""
    draw: Callable[[Any, Data], None]
    """Draws it into a Matplotlib figure or a part of one."""
    roles: tuple[Role, ...] = ()
    episodes: int = 2000
    """Lifetimes, where nothing else is asked for."""
    seconds: float = 10.0
    """About how long it takes on two cores."""
    width: float = COLUMN
    height: float = HEIGHT
    """Inches."""
    differs: str = ""
    """What differs from the paper, and why; in a page's words."""


@dataclass(frozen=True)
class Sheet:
    """Several figures as one, arranged as in the paper."""

    name: str
    title: str
    seconds: float
    """About how long it takes on two cores; panels share lifetimes."""
    rows: tuple[tuple[str, ...], ...]
    """Names of figures."""
