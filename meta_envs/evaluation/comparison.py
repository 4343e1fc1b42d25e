"""Differences between learners in the same lifetimes, on common random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.evaluation.cards import Difference, Scorecard
from meta_envs.evaluation.scores import assess
from meta_envs.family import TaskFamily
from meta_envs.intervals import standard_error
from meta_envs.learners.returns import Record
from meta_envs.roster import Player, is_single


def compare(
    learners: Sequence[Player], id: str | TaskFamily, *, episodes: int = 10_000, seed: int = 1, **keywords: Any
) -> list[Difference]:
    """Run learners in the lifetimes of `meta_envs.evaluate`, and compare every pair of them.

    Args:
        learners: At least two, as `evaluate` takes them.
        id: An environment's id, or a family with finitely many actions.
        episodes: Lifetimes, from 2 to 2**20.
        seed: Evaluation seed, from 0 to 2**31.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Returns:
        A difference for each pair: of the first learner from all others, then of the second from those after it.

    Raises:
        ValueError: If there are fewer than two learners, or as `evaluate`.
    """
    few = is_single(learners) or len(learners) < 2
    require(not few, "learners", learners, "give at least two to compare")
    return find_differences(*assess(learners, id, episodes=episodes, seed=seed, **keywords))


def find_differences(cards: Sequence[Scorecard], records: Sequence[Record]) -> list[Difference]:
    """Differences of every pair of learners, from their scorecards and records in the same lifetimes."""
    return [_differ(*pair) for pair in combinations(zip(cards, records, strict=True), 2)]


def _differ(one: tuple[Scorecard, Record], two: tuple[Scorecard, Record]) -> Difference:
    (card, first), (other, second) = one, two
    paired = standard_error(first.expected - second.expected)
    unpaired = float(np.hypot(standard_error(first.expected), standard_error(second.expected)))
    return Difference(
        id=card.id,
        learner=card.learner,
        other=other.learner,
        episodes=card.episodes,
        seed=card.seed,
        difference=float(np.mean(first.expected - second.expected)),
        se=paired,
        se_unpaired=unpaired,
        variance_saved=1.0 - (paired / unpaired) ** 2 if unpaired > 0.0 else None,
        keywords=card.keywords,
    )
