"""Evaluation: learners live the same unseen lifetimes with the same luck, and each gets a scorecard."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from meta_envs.family import Array, TaskFamily, require
from meta_envs.files import write_atomically
from meta_envs.learners import Learner, make_learner
from meta_envs.records import Record, record
from meta_envs.registry import make_family
from meta_envs.solver import Optimum, solve

if TYPE_CHECKING:
    from rich.table import Table

FIRST_SEED = 1 << 32
"""Evaluation seeds begin here; training seeds are below."""
MAX_EPISODES = 1 << 20
"""Lifetimes of one evaluation seed."""
RESAMPLES = 2000
"""Bootstrap samples of a score."""
MANY = 100
"""Lifetimes from which on a slope can be fitted to them, and their mean be bootstrapped."""


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
    """Of uniformly random play, exact."""
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


@overload
def evaluate(
    learners: str | Learner, id: str | TaskFamily, *, episodes: int = ..., seed: int = ..., **keywords: Any
) -> Scorecard: ...
@overload
def evaluate(
    learners: Sequence[str | Learner], id: str | TaskFamily, *, episodes: int = ..., seed: int = ..., **keywords: Any
) -> list[Scorecard]: ...
def evaluate(
    learners: str | Learner | Sequence[str | Learner],
    id: str | TaskFamily,
    *,
    episodes: int = 10_000,
    seed: int = 1,
    **keywords: Any,
) -> Scorecard | list[Scorecard]:
    """Let learners live unseen lifetimes, all of them the same with the same luck.

    Lifetime ``i`` is that of ``reset(seed=2**32 + seed * 2**20 + i)``, whatever the number of lifetimes.

    Args:
        learners: A learner, its name or a trained agent's path as `make_learner` takes it, or several of these.
        id: An environment's id, or a family with finitely many actions.
        episodes: Lifetimes, from 2 to 2**20.
        seed: Evaluation seed, at least 0; apart from all training seeds.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Returns:
        A scorecard; of several learners a list of them.

    Raises:
        ValueError: If an argument makes no sense, or a learner cannot serve the family.
    """
    for name, value, least, most in (("episodes", episodes, 2, MAX_EPISODES), ("seed", seed, 0, 2**31)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        require(whole and least <= value <= most, name, value, f"give a whole number from {least} to {most}")
    require(not isinstance(learners, Sequence) or len(learners) > 0, "learners", learners, "give at least one")
    family = make_family(id, **keywords)
    single = isinstance(learners, str | Learner)
    named = [learners] if isinstance(learners, str | Learner) else list(learners)
    players = [make_learner(learner) if isinstance(learner, str) else learner for learner in named]
    try:
        optimum, note = solve(family), ""
    except ValueError as error:
        optimum, note = None, f"No score: {error}"
    # The optimal learner goes first and is taken off again below.
    first = FIRST_SEED + int(seed) * MAX_EPISODES
    seeds = range(first, first + int(episodes))
    # A policy without tables was simulated itself, and tells no more of the luck than these lifetimes do.
    paired = optimum if optimum is not None and (optimum.plan or optimum.kind == "exact") else None
    records = record([paired.policy, *players] if paired else players, family, seeds, int(seed))
    best = records.pop(0) if paired else None
    if isinstance(id, TaskFamily):
        place, keywords = type(id).__name__, asdict(id)
    else:
        place = id.rpartition(":")[2]
    facts: dict[str, Any] = {"id": place, "episodes": int(episodes), "seed": int(seed), "keywords": keywords}
    cards = [
        Scorecard(learner=name, **facts, **_summarise(lived, best, optimum, note))
        for name, lived in zip(_tell_apart([player.name for player in players]), records, strict=True)
    ]
    return cards[0] if single else cards


def _tell_apart(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number."""
    earlier = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} #{count + 1}" if count else name for name, count in zip(names, earlier, strict=True)]


def _summarise(lived: Record, best: Record | None, optimum: Optimum | None, note: str) -> dict[str, Any]:
    """The numbers of a card."""
    curve, curve_se = _regret_curve(lived)
    returns = lived.expected if best is None or optimum is None else _without_luck(lived, best, optimum)
    mean = float(np.mean(returns))
    summary: dict[str, Any] = {
        "return_mean": mean,
        "return_se": _standard_error(returns),
        "realised_return_mean": float(np.mean(lived.realised)),
        "realised_return_se": _standard_error(lived.realised),
        "regret_mean": curve[-1] if curve else None,
        "regret_se": curve_se[-1] if curve_se else None,
        "score": None,
        "score_low": None,
        "score_high": None,
        "optimal_return": optimum.value if optimum else None,
        "optimum_kind": optimum.kind if optimum else None,
        "random_return": optimum.random_value if optimum else None,
        "regret_curve": curve,
        "regret_curve_se": curve_se,
        "note": note,
    }
    if optimum is None:
        return summary
    unit = optimum.value - optimum.random_value
    if unit <= 1e-9:
        return {**summary, "note": "No score: random play is optimal already."}
    low, high = _interval(returns)
    return {
        **summary,
        "score": (mean - optimum.random_value) / unit,
        "score_low": (float(low) - optimum.random_value) / unit,
        "score_high": (float(high) - optimum.random_value) / unit,
        "note": "" if optimum.kind == "exact" else f"The optimum is an upper bound: {optimum.note}.",
    }


def _regret_curve(lived: Record) -> tuple[list[float], list[float]] | tuple[None, None]:
    """Means and standard errors (horizon)."""
    if lived.regret is None or lived.squares is None:
        return None, None
    num = len(lived.expected)
    curve = lived.regret / num
    spread = np.maximum(lived.squares / num - curve**2, 0.0)
    return curve.tolist(), np.sqrt(spread / (num - 1)).tolist()


def _without_luck(lived: Record, best: Record, optimum: Optimum) -> Array:
    """Expected returns (n,) less what the optimal learner's say about the luck of the draw.

    Few lifetimes do not tell the slope of the one on the other: it is 1 then, the plain paired difference.
    """
    deviation = best.expected - np.mean(best.expected)
    spread = np.sum(deviation**2)
    slope = 1.0
    if len(deviation) >= MANY and spread > 0.0:
        slope = np.sum(deviation * (lived.expected - np.mean(lived.expected))) / spread
    return lived.expected - slope * (best.expected - optimum.achieved)


def _interval(values: Array) -> tuple[float, float]:
    """A 95 % interval for the mean of values (n,): by bootstrap, of few values by Student's t."""
    if len(values) >= MANY:
        low, high = np.quantile(bootstrap_means(values), [0.025, 0.975])
        return float(low), float(high)
    from scipy.stats import t as student

    half = float(student.ppf(0.975, len(values) - 1)) * _standard_error(values)
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def bootstrap_means(values: Array) -> Array:
    """Means (RESAMPLES,) of values (n,) drawn anew with replacement, with a fixed seed.

    More than 10,000 values are averaged in that many groups first, and the groups drawn: with so many, the mean is
    distributed alike.
    """
    groups = np.arange(len(values)) * min(len(values), 10_000) // len(values)
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    rng = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for sample in range(RESAMPLES):
        drawn = rng.integers(len(sums), size=len(sums))
        means[sample] = sums[drawn].sum() / sizes[drawn].sum()
    return means


def _standard_error(values: Array) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def describe(card: Scorecard) -> str:
    """The card's environment with its keywords, for headings."""
    return ", ".join([card.id, *(f"{key}={value}" for key, value in card.keywords.items())])


def table(cards: Sequence[Scorecard]) -> Table:
    """Scorecards of one environment for people, as a Rich table of 80 columns: one row a learner, as ordered."""
    from rich import box
    from rich.table import Table

    first = cards[0]
    caption = "Regret and return are expected, ± standard error; score with 95 % interval."
    if first.optimal_return is not None:
        optimum = f"Optimal return {first.optimal_return:.2f} ({first.optimum_kind})"
        caption += f"\n{optimum}, random play {first.random_return:.2f}. Paid: rewards with their luck."
    made = Table(
        title=f"{describe(first)}: {first.episodes:,} unseen lifetimes, seed {first.seed}",
        caption="\n".join(filter(None, (caption, first.note))),
        box=box.SIMPLE_HEAD,
        title_style="bold",
        caption_justify="left",
        show_edge=False,
    )
    made.add_column("learner", overflow="fold")
    for heading in ("regret", "score", "return", "paid"):
        made.add_column(heading, justify="right", no_wrap=True)
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
