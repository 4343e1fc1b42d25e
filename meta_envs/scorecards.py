"""Scorecards: what an evaluation found of one learner, as numbers, as JSON, and as a table for people."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta_envs.files import write_atomically

if TYPE_CHECKING:
    from rich.table import Table

    from meta_envs.comparison import Difference

WIDTH = 78
"""Of tables for people, at least, so that what is said below them has room."""


@dataclass(frozen=True)
class Scorecard:
    """What one learner achieved in ``episodes`` unseen lifetimes.

    Returns are of a whole lifetime, standard errors over lifetimes. ``return_mean`` is of *expected* return, the sum of
    the true means of what was chosen. Where the optimum is known it also takes out the luck of the draw, as a control
    variate: the optimal learner lives the same lifetimes with the same luck, and how far its mean ``m`` falls from its
    computed value ``v`` tells how lucky they were, so that ``return_mean = mean - c (m - v)``, with ``c`` the least
    squares slope of the learner's returns on the optimal learner's. ``return_se`` is that of what is left; it is 0 for
    the optimal learner itself, whose value needs no sample. ``score`` is ``return_mean`` in units in which random play
    is 0 and the optimum 1: ``(return_mean - random_return) / (optimal_return - random_return)``.
    """

    id: str
    """The environment, or the class of a family that was given without one."""
    learner: str
    episodes: int
    seed: int
    return_mean: float
    return_se: float
    realised_return_mean: float
    """Of the rewards that were paid, plain."""
    realised_return_se: float
    regret_mean: float | None
    """Expected return of one who knows the task minus that of the learner; the last of ``regret_curve``. None where the
    family does not tell what one who knows the task can expect."""
    regret_se: float | None
    score: float | None
    """None where there is no optimum to compare with; ``note`` says why."""
    score_low: float | None
    """Ends of a 95 % interval over lifetimes: by bootstrap, of fewer than 100 by Student's t."""
    score_high: float | None
    optimal_return: float | None
    optimum_kind: str | None
    """ "exact", or "bound" where ``optimal_return`` is an upper bound."""
    random_return: float | None
    """Of uniformly random play, exact but where the optimum's note says that it was simulated."""
    regret_curve: list[float] | None = field(repr=False)
    """Cumulative expected regret after every step (horizon)."""
    regret_curve_se: list[float] | None = field(repr=False)
    keywords: dict[str, Any] = field(default_factory=dict)
    """Values of the family's fields, where they are not those of the id."""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)

    def to_json(self) -> str:
        """All fields, as JSON."""
        return _to_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Scorecard:
        """The card that `to_json` wrote.

        Raises:
            ValueError: If the text is none.
        """
        data = json.loads(text)
        names = [entry.name for entry in fields(cls)]
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            raise ValueError(f"This is no scorecard: it needs exactly the keys {', '.join(names)}.")
        return cls(**data)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON to a file, all or nothing."""
        write_atomically(Path(path), (self.to_json() + "\n").encode())


def save_cards(cards: Sequence[Scorecard], path: str | os.PathLike[str]) -> None:
    """Write several scorecards to a file as a JSON list, all or nothing."""
    write_atomically(Path(path), (_to_json([card.to_dict() for card in cards]) + "\n").encode())


def load_cards(path: str | os.PathLike[str]) -> list[Scorecard]:
    """The scorecards that `save_cards` wrote.

    Raises:
        ValueError: If the file holds none.
    """
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Scorecard.from_json(json.dumps(card)) for card in (data if isinstance(data, list) else [data])]


def _to_json(content: Any) -> str:
    # A family's field may be a NumPy number.
    return json.dumps(content, indent=2, allow_nan=False, default=lambda number: number.item())


def describe(card: Scorecard | Difference) -> str:
    """The environment with its keywords, for headings."""
    return ", ".join([card.id, *(f"{key}={value}" for key, value in card.keywords.items())])


def ruled_table(title: str, caption: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty Rich table of 80 columns, with headings of columns of words and then of numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=title,
        caption=caption,
        box=box.SIMPLE_HEAD,
        min_width=WIDTH,
        title_style="bold",
        caption_justify="left",
        show_edge=False,
    )
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def table(cards: Sequence[Scorecard]) -> Table:
    """Scorecards of one environment for people, as a Rich table of 80 columns: one row a learner, as ordered."""
    first = cards[0]
    caption = "Regret and return are expected, ± standard error; score with 95 % interval."
    if first.optimal_return is not None:
        optimum = f"Optimal return {first.optimal_return:.2f} ({first.optimum_kind})"
        caption += f"\n{optimum}, random play {first.random_return:.2f}. Paid: rewards as drawn."
    made = ruled_table(
        f"{describe(first)}: {first.episodes:,} unseen lifetimes, seed {first.seed}",
        "\n".join(filter(None, (caption, first.note))),
        ["learner"],
        ["regret", "score", "return", "paid"],
    )
    for card in cards:
        score = (
            "–" if card.score is None else f"{_plain(card.score)} ({_plain(card.score_low)}, {_plain(card.score_high)})"
        )
        regret = "–" if card.regret_mean is None else f"{card.regret_mean:.2f} ± {card.regret_se:.2f}"
        made.add_row(card.learner, regret, score, f"{card.return_mean:.2f}", f"{card.realised_return_mean:.2f}")
    return made


def _plain(number: float | None) -> str:
    """Three digits, and no minus sign before zeros."""
    return "–" if number is None else f"{round(number, 3) + 0.0:.3f}"
