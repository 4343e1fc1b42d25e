"""Evaluation: learners live the same unseen lifetimes with the same luck, and each gets a scorecard."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from zlib import crc32

import numpy as np

from meta_envs.family import Array, DiscreteFamily, TaskFamily, require
from meta_envs.learners import Bayes, Learner, PrivilegedLearner, make_learner
from meta_envs.lifetimes import Lifetimes, live
from meta_envs.luck import Streams
from meta_envs.registry import make_family
from meta_envs.solver import Optimum, solve, task_action_values, task_laws
from meta_envs.tables import find_rows, tabulate

if TYPE_CHECKING:
    from rich.table import Table

FIRST_SEED = 1 << 32
"""Evaluation seeds begin here; training seeds are below."""
MAX_EPISODES = 1 << 20
"""Lifetimes of one evaluation seed."""
BLOCK = 1000
"""Lifetimes lived side by side. A learner has one random stream a block, so that another size is other chance for it."""
RESAMPLES = 2000
"""Bootstrap samples of a score."""


@dataclass(frozen=True)
class Scorecard:
    """What one learner achieved in ``episodes`` unseen lifetimes.

    Returns are of a whole lifetime. Standard errors are over lifetimes. ``return_mean`` is of *expected* return, the sum of
    the true means of what was chosen, and with little variance: the optimal learner lives the same lifetimes with the same
    luck, its mean is known exactly, and so ``return_mean = achieved - mean(optimal learner's - learner's)``, where
    ``achieved`` is the computed value of the optimal learner (a control variate; ``return_se`` is that of the difference,
    and so 0 for the optimal learner itself). ``score`` is the same in units in which random play is 0 and the optimum 1:
    ``(return_mean - random_return) / (optimal_return - random_return)``.
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
    regret_mean: float
    """Expected return of one who knows the task, from the same states on, minus the learner's; the last of the curve."""
    regret_se: float
    score: float | None
    """None where there is no optimum to compare with; ``note`` says why."""
    score_low: float | None
    """Ends of a 95 % bootstrap interval over lifetimes."""
    score_high: float | None
    optimal_return: float | None
    optimum_kind: str | None
    """ "exact", or "bound" where ``optimal_return`` is an upper bound."""
    random_return: float | None
    """Of uniformly random play, exact."""
    regret_curve: list[float]
    """Cumulative expected regret after every step (horizon)."""
    regret_curve_se: list[float]
    keywords: dict[str, Any] = field(default_factory=dict)
    """Values of the family's fields, where they are not those of the id."""
    note: str = ""

    def to_json(self) -> str:
        """All fields, as JSON."""
        return json.dumps(asdict(self), indent=2, allow_nan=False)

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
        target = Path(path)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        partial.write_text(self.to_json() + "\n", encoding="utf-8")
        partial.replace(target)


@dataclass(frozen=True)
class Record:
    """What a learner did in ``n`` lifetimes."""

    expected: Array
    """Sums of the true means of what was chosen (n,)."""
    realised: Array
    """Sums of the rewards that were paid (n,)."""
    regret: Array
    """Cumulative expected regret after every step: sums over the lifetimes (horizon,)."""
    squares: Array
    """Sums of its squares (horizon,)."""

    def __add__(self, other: Record) -> Record:
        """Of both sets of lifetimes."""
        return Record(
            np.concatenate([self.expected, other.expected]),
            np.concatenate([self.realised, other.realised]),
            self.regret + other.regret,
            self.squares + other.squares,
        )


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
        learners: A learner, its name as `make_learner` takes it, or several of these.
        id: An environment's id, or a family with finitely many outcomes and few states.
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
    family = make_family(id, **keywords)
    single = isinstance(learners, str | Learner)
    named = [learners] if isinstance(learners, str | Learner) else list(learners)
    players = [make_learner(learner) if isinstance(learner, str) else learner for learner in named]
    try:
        optimum, note = solve(family), ""
    except ValueError as error:
        optimum, note = None, f"No score: {error}"
    # The optimal learner goes first and is taken off again below.
    records = play([Bayes(optimum), *players] if optimum else players, family, int(episodes), int(seed))
    best = records.pop(0) if optimum else None
    if isinstance(id, TaskFamily):
        place, keywords = type(id).__name__, asdict(id)
    else:
        place = id.rpartition(":")[2]
    facts = {"id": place, "episodes": int(episodes), "seed": int(seed), "keywords": keywords}
    cards = [
        Scorecard(learner=player.name, **facts, **_summarise(record, best, optimum, note))
        for player, record in zip(players, records, strict=True)
    ]
    return cards[0] if single else cards


def play(learners: Sequence[Learner], family: TaskFamily, episodes: int, seed: int) -> list[Record]:
    """What each learner does in the same lifetimes, those of `evaluate`.

    Raises:
        ValueError: If the family does not list its states, or a learner cannot serve it.
    """
    if tabulate(family) is None:
        raise ValueError(f"{type(family).__name__} cannot be evaluated: it needs few states, listed by states().")
    totals: list[Record] = []
    for number, start in enumerate(range(0, episodes, BLOCK)):
        size = min(BLOCK, episodes - start)
        streams = Streams(size, family.num_chance, ahead=1)
        first = FIRST_SEED + seed * MAX_EPISODES + start
        streams.seed(range(size), range(first, first + size))
        chance = streams.draw(np.arange(size))
        lifetimes = live(family, size)
        lifetimes.begin(np.arange(size), chance)
        _, means = task_laws(family, lifetimes.task)
        values = task_action_values(family, lifetimes.task)
        gaps = np.max(values, axis=-1, keepdims=True) - values
        records = []
        for learner in learners:
            lifetimes.begin(np.arange(size), chance)
            learner.begin(family, size, np.random.default_rng([seed, crc32(learner.name.encode()), number]))
            records.append(_live_through(learner, lifetimes, means, gaps))
        totals = [total + record for total, record in zip(totals, records, strict=True)] if totals else records
    return totals


def _live_through(learner: Learner, lifetimes: Lifetimes, means: Array, gaps: Array) -> Record:
    """One block of lifetimes: true means of the rewards (B, N, A), regret of each step (horizon, B, N, A)."""
    family, num = lifetimes.family, lifetimes.num
    tables = tabulate(family)
    assert tables is not None
    if isinstance(learner, PrivilegedLearner):
        learner.reveal(lifetimes.task.copy())
    everyone, row = np.arange(num), find_rows(tables.states, lifetimes.state())
    expected, realised, regret = np.zeros(num), np.zeros(num), np.zeros(num)
    curve, squares = np.empty(family.horizon), np.empty(family.horizon)
    alive = np.ones(num, dtype=bool)
    for step in range(family.horizon):
        action = np.asarray(learner.act(lifetimes.observe()))
        if action.shape != (num,) or action.dtype.kind not in "iu" or not 0 <= action.min() <= action.max() < tables.num_actions:
            raise ValueError(
                f"The learner {learner.name!r} gave no actions: give {num} whole numbers from 0 to {tables.num_actions - 1}."
            )
        happened = lifetimes.step(action)
        expected += alive * means[everyone, row, action]
        realised += alive * happened.reward
        regret += alive * gaps[step, everyone, row, action]
        curve[step], squares[step] = np.sum(regret), np.sum(regret**2)
        learner.learn(action, happened.outcome, happened.reward)
        row = tables.next_row.take((row * tables.num_actions + action) * tables.num_outcomes + happened.outcome)
        alive &= ~happened.terminated
    return Record(expected, realised, curve, squares)


def _summarise(record: Record, best: Record | None, optimum: Optimum | None, note: str) -> dict[str, Any]:
    """The numbers of a card."""
    num = len(record.expected)
    curve = record.regret / num
    curve_se = np.sqrt(np.maximum(record.squares / num - curve**2, 0.0) / (num - 1))
    # Shortfall against the optimal learner; where there is none, the return itself with its sign turned.
    shortfall = -record.expected if best is None else best.expected - record.expected
    mean = (optimum.achieved if optimum else 0.0) - float(np.mean(shortfall))
    summary: dict[str, Any] = {
        "return_mean": mean,
        "return_se": _standard_error(shortfall),
        "realised_return_mean": float(np.mean(record.realised)),
        "realised_return_se": _standard_error(record.realised),
        "regret_mean": float(curve[-1]),
        "regret_se": float(curve_se[-1]),
        "score": None,
        "score_low": None,
        "score_high": None,
        "optimal_return": optimum.value if optimum else None,
        "optimum_kind": optimum.kind if optimum else None,
        "random_return": optimum.random_value if optimum else None,
        "regret_curve": curve.tolist(),
        "regret_curve_se": curve_se.tolist(),
        "note": note,
    }
    if optimum is None:
        return summary
    unit = optimum.value - optimum.random_value
    if unit <= 1e-9:
        return {**summary, "note": "No score: random play is optimal already."}
    low, high = np.quantile(bootstrap_means(shortfall), [0.025, 0.975])
    lost = optimum.random_value - optimum.achieved
    return {
        **summary,
        "score": (mean - optimum.random_value) / unit,
        "score_low": float((-high - lost) / unit),
        "score_high": float((-low - lost) / unit),
        "note": "" if optimum.kind == "exact" else f"The optimum is an upper bound: {optimum.note}.",
    }


def bootstrap_means(values: Array) -> Array:
    """Means (RESAMPLES,) of values (n,) drawn anew with replacement, with a fixed seed.

    More than 10,000 values are averaged in that many groups first, and the groups drawn: with so many the distribution of
    the mean is the same.
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


def table(cards: Sequence[Scorecard]) -> Table:
    """Scorecards for people, as a Rich table: one row a learner, as ordered."""
    from rich.table import Table

    first = cards[0]
    made = Table(title=f"{first.id}, {first.episodes:,} unseen lifetimes, evaluation seed {first.seed}")
    made.add_column("learner")
    for heading in ("expected regret", "score (95 % interval)", "expected return", "realised return"):
        made.add_column(heading, justify="right")
    for card in cards:
        score = "–" if card.score is None else f"{card.score:.3f} ({card.score_low:.3f}, {card.score_high:.3f})"
        made.add_row(
            card.learner,
            f"{card.regret_mean:.2f} ± {card.regret_se:.2f}",
            score,
            f"{card.return_mean:.2f} ± {card.return_se:.2f}",
            f"{card.realised_return_mean:.2f} ± {card.realised_return_se:.2f}",
        )
    return made
