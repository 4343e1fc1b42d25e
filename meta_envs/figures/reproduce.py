"""Making figures: one of them, or all."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from meta_envs.arguments import require, require_whole, suggest
from meta_envs.figures.cast import Given, describe, find_shipped, give, load_shipped, train_cast
from meta_envs.figures.catalogue import FIGURES, SHEETS
from meta_envs.figures.figure import PaperFigure, Stage
from meta_envs.figures.kept import digest_of
from meta_envs.figures.reproduction import Reproduction
from meta_envs.learners.learner import Learner
from meta_envs.plots import new_figure
from meta_envs.seeds import EVALUATION
from meta_envs.version import __version__

SEED = 2016
"""Of the evaluation, by default: lifetimes by which nothing was trained or chosen."""


def names() -> list[str]:
    """Everything that can be made: figures with panels first, then those panels and figures by themselves."""
    return [*SHEETS, *FIGURES]


def whole() -> list[str]:
    """What makes up the whole paper: figures with panels, and figures that are no panel of another."""
    inside = {panel: sheet.name for sheet in SHEETS.values() for row in sheet.rows for panel in row}
    return list(dict.fromkeys(inside.get(name, name) for name in FIGURES))


def panels_of(name: str) -> list[PaperFigure]:
    """The panels of a figure, or the figure itself.

    Raises:
        ValueError: If there is none of that name.
    """
    if name in SHEETS:
        return [FIGURES[panel] for row in SHEETS[name].rows for panel in row]
    if name not in FIGURES:
        raise ValueError(f"There is no figure {name!r}: {suggest(name, names(), '`meta-envs reproduce` lists all.')}")
    return [FIGURES[name]]


def title_of(name: str) -> str:
    """What a figure shows, in a line."""
    return SHEETS[name].title if name in SHEETS else panels_of(name)[0].title


def is_shipped(name: str) -> bool:
    """Whether all agents of a figure are shipped, so that it needs no training."""
    return all(role.kept or find_shipped(role) for panel in panels_of(name) for role in panel.roles)


def seconds_of(name: str) -> float:
    """About how long a figure takes on two cores with shipped agents."""
    return SHEETS[name].seconds if name in SHEETS else panels_of(name)[0].seconds


class Production:
    """A figure with who plays in it: what it will be made of is known before it is made.

    Args:
        name: Of a figure.
        episodes: Unseen lifetimes; by default each figure's own number.
        seed: Of the evaluation.
        agent: Players in place of the agents, as `cast.Given` has them.
        train: Whether to train the agents.
        seeds: Training seeds of each agent that is trained.
        directory: Where their runs are.
    """

    def __init__(
        self,
        name: str,
        *,
        episodes: int | None = None,
        seed: int = SEED,
        agent: Given = None,
        train: bool = False,
        seeds: int = 1,
        directory: str | Path = "runs/figures",
    ) -> None:
        self.panels = panels_of(name)
        self.name = name
        if episodes is not None:
            require_whole("episodes", episodes, 2, EVALUATION.size)
        require_whole("seed", seed, 0, EVALUATION.last_seed)
        require_whole("seeds", seeds, 1, 1000)
        require(seeds == 1 or train, "seeds", seeds, "give train=True too (--train), since it is of what is trained")
        new_figure(1.0, 1.0)  # before anything is computed, say so if Matplotlib is missing
        self.title = title_of(name)
        self._episodes, self._seed = episodes, seed
        roles = {role.name: role for panel in self.panels for role in panel.roles}
        given = give(name, list(roles.values()), agent)
        self._cast = {
            role.name: given.get(role.name)
            or (train_cast(role, seeds, Path(directory)) if train else load_shipped(role))
            for role in roles.values()
        }
        self.settings: dict[str, Any] = {
            "episodes": {panel.name: self._episodes_of(panel) for panel in self.panels},
            "seed": seed,
            "versions": _versions(),
            "kept numbers": {
                panel.name: digest_of(panel.name) for panel in self.panels if any(r.kept for r in panel.roles)
            },
            "agents": describe(self._cast),
        }

    def _episodes_of(self, panel: PaperFigure) -> int:
        return self._episodes or panel.episodes

    def make(self, tell: Callable[[PaperFigure], object] = lambda panel: None) -> Reproduction:
        """Measure and judge; the drawing is made when it is asked for.

        Args:
            tell: Is told each panel that is measured.
        """
        found = dict(self._measure(tell))
        data = {panel: columns for panel, (_, columns, _) in found.items()}
        rows = SHEETS[self.name].rows if self.name in SHEETS else ((self.name,),)
        return Reproduction(
            name=self.name,
            title=self.title,
            data=data if self.name in SHEETS else data[self.name],
            verdicts=[verdict for _, _, verdicts in found.values() for verdict in verdicts],
            settings=self.settings,
            panels={panel: (spec, columns) for panel, (spec, columns, _) in found.items()},
            rows=rows,
        )

    def _measure(self, tell: Callable[[PaperFigure], object]) -> Iterator[tuple[str, Any]]:
        for panel in self.panels:
            cast: dict[str, list[Learner]] = {role.name: self._cast[role.name] for role in panel.roles}
            yield panel.name, (panel, *panel.measure(Stage(self._episodes_of(panel), self._seed, cast)))
            tell(panel)


def _versions() -> dict[str, str]:
    """Of this package, and of the libraries whose numbers and pictures these are."""
    told = {"meta-envs": __version__, "Python": platform.python_version()}
    for name in ("numpy", "torch", "matplotlib", "gymnasium"):
        with suppress(PackageNotFoundError):
            told[name] = version(name)
    return told


def reproduce(name: str, **options: Any) -> Reproduction:
    """Make a figure of Wang et al. 2016: measure, judge what the paper claims of it, and draw.

    Args:
        name: As in the paper, such as "5c"; "2" is 2a to 2f as one. `names` lists all.
        **options: ``episodes``, unseen lifetimes, by default each figure's own number; ``seed`` of the evaluation;
            ``agent``, players in place of the figure's agents, such as a file, "bayes" or a table of them by role;
            ``train=True`` to train the agents in place of playing shipped ones, of ``seeds`` training seeds each, in
            ``directory``, where a rerun finds them.

    Returns:
        Data, verdicts and Matplotlib's figure; its ``save`` writes files.

    Raises:
        ValueError: If there is no such figure, an option makes no sense, no agent is shipped for it, or a given agent
            is of another task.
        ImportError: If Matplotlib or torch is missing.
    """
    return Production(name, **options).make()
