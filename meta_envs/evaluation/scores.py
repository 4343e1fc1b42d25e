"""Evaluation: learners run in the same unseen lifetimes on common random numbers, and each gets a scorecard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, overload

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.errors import Unsolvable
from meta_envs.evaluation.cards import Scorecard
from meta_envs.family import Array, TaskFamily
from meta_envs.intervals import MANY, NORMAL, mean_interval, standard_error, widen
from meta_envs.learners.returns import Record, record
from meta_envs.learners.rollout import require_steps
from meta_envs.lifetimes.trials import name_unit
from meta_envs.registry import make_family
from meta_envs.roster import Player, is_single, seat
from meta_envs.seeds import EVALUATION, evaluation_seeds
from meta_envs.solvers.dispatch import solve
from meta_envs.solvers.optimum import ERRORS, Optimum


@overload
def evaluate(
    learners: Player, id: str | TaskFamily, *, episodes: int = ..., seed: int = ..., **keywords: Any
) -> Scorecard: ...


@overload
def evaluate(
    learners: Sequence[Player], id: str | TaskFamily, *, episodes: int = ..., seed: int = ..., **keywords: Any
) -> list[Scorecard]: ...


def evaluate(
    learners: Player | Sequence[Player],
    id: str | TaskFamily,
    *,
    episodes: int = 10_000,
    seed: int = 1,
    **keywords: Any,
) -> Scorecard | list[Scorecard]:
    """Run learners in unseen lifetimes, the same for all of them, on common random numbers.

    Lifetime ``i`` is that of ``reset(seed=2**32 + seed * 2**20 + i)``, whatever the number of lifetimes.

    Args:
        learners: A learner, its name or a trained agent's path as `make_learner` takes it, a model of
            Stable-Baselines3 or another policy as `meta_envs.agents.OutsidePolicy` takes it, or several of these.
        id: An environment's id, or a family with finitely many actions.
        episodes: Lifetimes, from 2 to 2**20.
        seed: Evaluation seed, from 0 to 2**31; apart from all training seeds.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Returns:
        A scorecard; of several learners a list of them.

    Raises:
        ValueError: If an argument makes no sense, or a learner cannot serve the family.
    """
    cards = assess(learners, id, episodes=episodes, seed=seed, **keywords)[0]
    return cards[0] if is_single(learners) else cards


def assess(
    learners: Player | Sequence[Player], id: str | TaskFamily, *, episodes: int, seed: int, **keywords: Any
) -> tuple[list[Scorecard], list[Record]]:
    """Scorecards as of `evaluate`, and the record of each learner, with the same lifetimes in the same order.

    Raises:
        ValueError: As `evaluate`.
    """
    require_whole("episodes", episodes, 2, EVALUATION.size)
    seeds = evaluation_seeds(episodes, seed)
    family = make_family(id, **keywords)
    require_steps(family, len(seeds))
    players = seat(learners, id)
    require(len(players) > 0, "learners", learners, "give at least one")
    for player in players:
        player.check(family)  # before the optimum, which may take long
    try:
        optimum, note = solve(family), ""
    except Unsolvable as error:
        optimum, note = None, f"No score: {error}"
    # The optimal learner goes last, so that it takes no other's place, and is taken off again below.
    # The value of a policy without tables was simulated, so that it is no control variate.
    paired = optimum if optimum is not None and (optimum.table or optimum.kind == "exact") else None
    records = record([*players, paired.policy] if paired else players, family, seeds, int(seed))
    best = records.pop() if paired else None
    if isinstance(id, TaskFamily):
        place, keywords = type(id).__name__, asdict(id)
    else:
        place = id.rpartition(":")[2]
    facts: dict[str, Any] = {"id": place, "episodes": int(episodes), "seed": int(seed), "keywords": keywords}
    facts["curve_unit"] = name_unit(family)
    cards = [
        Scorecard(learner=name, **facts, **_summarise(own, best, optimum, note))
        for name, own in zip(_tell_apart([player.name for player in players]), records, strict=True)
    ]
    return cards, records


def _tell_apart(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number."""
    earlier = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} #{count + 1}" if count else name for name, count in zip(names, earlier, strict=True)]


def _summarise(own: Record, best: Record | None, optimum: Optimum | None, note: str) -> dict[str, Any]:
    """The numbers of a card."""
    curve, curve_se = _regret_curve(own)
    slope, returns = (0.0, own.expected) if best is None or optimum is None else _reduce_variance(own, best, optimum)
    mean = float(np.mean(returns))
    summary: dict[str, Any] = {
        "return_mean": mean,
        "return_se": float(np.hypot(standard_error(returns), slope * optimum.achieved_se if optimum else 0.0)),
        "realised_return_mean": float(np.mean(own.realised)),
        "realised_return_se": standard_error(own.realised),
        "regret_mean": curve[-1] if curve else None,
        "regret_se": curve_se[-1] if curve_se else None,
        "score": None,
        "score_low": None,
        "score_high": None,
        "optimal_return": optimum.value if optimum else None,
        "optimal_return_se": optimum.value_se if optimum else None,
        "optimum_kind": optimum.kind if optimum else None,
        "random_return": optimum.random_value if optimum else None,
        "random_return_se": optimum.random_se if optimum else None,
        "regret_curve": curve,
        "regret_curve_se": curve_se,
        "note": note,
    }
    if optimum is None:
        return summary
    if (unit := optimum.unit) is None:
        simulated = optimum.value_se > 0.0 or optimum.random_se > 0.0
        within = f", to within {ERRORS:g} standard errors of what was simulated" if simulated else ""
        return {**summary, "note": f"No score: random play is optimal already{within}."}
    score = (mean - optimum.random_value) / unit
    low, high = widen(mean_interval(returns), mean, NORMAL * unit * _scale_error(score, slope, optimum))
    what = {"exact": "", "simulated": "The optimum is simulated", "bound": "The optimum is an upper bound"}[
        optimum.kind
    ]
    return {
        **summary,
        "score": score,
        "score_low": (low - optimum.random_value) / unit,
        "score_high": (high - optimum.random_value) / unit,
        "note": what and f"{what}: {optimum.note}.",
    }


def _scale_error(score: float, slope: float, optimum: Optimum) -> float:
    """Standard error of a score for the errors of what it was computed from, beside that of the lifetimes.

    By the delta method. With ``v`` the simulated value, ``r`` random play's and ``u`` their distance, the score
    ``(mean - c (m - v) - r) / u`` has the slope ``(c - score) / u`` in ``v``, and ``(score - 1) / u`` in ``r``. A bound
    is a number of its own, which does not move with ``v``: there the slope is ``c / u``.
    """
    assert optimum.unit is not None
    of_value = slope * optimum.achieved_se - (score * optimum.value_se if optimum.kind == "simulated" else 0.0)
    return float(np.hypot(of_value, (score - 1.0) * optimum.random_se)) / optimum.unit


def _regret_curve(own: Record) -> tuple[list[float], list[float]] | tuple[None, None]:
    """Means and standard errors (horizon)."""
    if own.regret is None or own.squares is None:
        return None, None
    num = len(own.expected)
    curve = own.regret / num
    spread = np.maximum(own.squares / num - curve**2, 0.0)
    return curve.tolist(), np.sqrt(spread / (num - 1)).tolist()


def _reduce_variance(own: Record, best: Record, optimum: Optimum) -> tuple[float, Array]:
    """Expected returns (n,) with the optimal learner's as a control variate, and their slope on these.

    Few lifetimes do not tell the slope of the one on the other: nothing is taken out then, but of the optimal learner's
    own, whose value is known.
    """
    deviation = best.expected - np.mean(best.expected)
    spread = np.sum(deviation**2)
    slope = float(np.array_equal(own.expected, best.expected))
    if len(deviation) >= MANY and spread > 0.0:
        slope = float(np.sum(deviation * (own.expected - np.mean(own.expected))) / spread)
    return slope, own.expected - slope * (best.expected - optimum.achieved)
