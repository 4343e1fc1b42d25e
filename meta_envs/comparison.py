"""Differences between learners that have lived the same lifetimes with the same luck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from meta_envs.evaluation import assess
from meta_envs.family import TaskFamily, require
from meta_envs.learners import Learner
from meta_envs.records import Record, standard_error
from meta_envs.scorecards import Scorecard, describe, ruled_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Difference:
    """By how much one learner is better than another, in expected return of a whole lifetime.

    In every lifetime both meet the same task and the same luck, so that the two returns rise and fall together, and
    their difference scatters less than it would with luck of its own for each. It is also the difference of the
    learners' regrets, with the sign reversed. Plain, without the control variate of `Scorecard.return_mean`.
    """

    id: str
    learner: str
    other: str
    episodes: int
    seed: int
    difference: float
    """Mean of ``learner`` minus that of ``other``."""
    se: float
    """Standard error, paired: of the differences in single lifetimes."""
    se_unpaired: float
    """Standard error that the same lifetimes would give if each learner had lived others."""
    variance_saved: float | None
    """``1 - (se / se_unpaired)**2``; below 0 where one is lucky when the other is not, None where nothing scatters."""
    keywords: dict[str, Any] = field(default_factory=dict)
    """As of `Scorecard`."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def compare(
    learners: Sequence[str | Learner], id: str | TaskFamily, *, episodes: int = 10_000, seed: int = 1, **keywords: Any
) -> list[Difference]:
    """Let learners live the lifetimes of `meta_envs.evaluate`, and compare every pair of them.

    Args:
        learners: At least two, as `evaluate` takes them.
        id: An environment's id, or a family with finitely many actions.
        episodes: Lifetimes, from 2 to 2**20.
        seed: Evaluation seed, at least 0.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Returns:
        A difference for each pair: of the first learner from all others, then of the second from those after it.

    Raises:
        ValueError: If there are fewer than two learners, or as `evaluate`.
    """
    few = isinstance(learners, str | Learner) or len(learners) < 2
    require(not few, "learners", learners, "give at least two to compare")
    return find_differences(*assess(learners, id, episodes=episodes, seed=seed, **keywords))


def find_differences(cards: Sequence[Scorecard], records: Sequence[Record]) -> list[Difference]:
    """Differences of every pair of learners, of their scorecards and what they did in the same lifetimes."""
    return [_differ(*pair) for pair in combinations(zip(cards, records, strict=True), 2)]


def _differ(one: tuple[Scorecard, Record], two: tuple[Scorecard, Record]) -> Difference:
    (card, lived), (other, lived_too) = one, two
    paired = standard_error(lived.expected - lived_too.expected)
    unpaired = float(np.hypot(standard_error(lived.expected), standard_error(lived_too.expected)))
    return Difference(
        id=card.id,
        learner=card.learner,
        other=other.learner,
        episodes=card.episodes,
        seed=card.seed,
        difference=float(np.mean(lived.expected - lived_too.expected)),
        se=paired,
        se_unpaired=unpaired,
        variance_saved=1.0 - (paired / unpaired) ** 2 if unpaired > 0.0 else None,
        keywords=card.keywords,
    )


def table(differences: Sequence[Difference]) -> Table:
    """Differences in one environment for people, as a Rich table of 80 columns: one row a pair."""
    made = ruled_table(
        f"{describe(differences[0])}: differences on the same luck",
        "Expected return of the first minus that of the second, ± standard error; what\n"
        "the error would be with luck of its own for each; the share of variance saved.",
        ["first", "second"],
        ["difference", "unpaired", "saved"],
    )
    for pair in differences:
        saved = "–" if pair.variance_saved is None else f"{round(100 * pair.variance_saved, 1) + 0.0:.1f} %"
        made.add_row(
            pair.learner, pair.other, f"{pair.difference:+.2f} ± {pair.se:.2f}", f"± {pair.se_unpaired:.2f}", saved
        )
    return made
