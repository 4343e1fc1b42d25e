"""Scorecards and differences as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from meta_envs.evaluation.aggregate import Aggregate
from meta_envs.evaluation.cards import Difference, Scorecard, describe

if TYPE_CHECKING:
    from meta_envs.terminal import Table


def table(cards: Sequence[Scorecard]) -> Table:
    """Scorecards of one environment for people, one row a learner, as ordered; Rich shows it."""
    from meta_envs.terminal import Table

    first = cards[0]
    caption = "Expected regret ± standard error, score with 95 % interval, expected return."
    if first.optimal_return is not None:
        error = f" ± {first.optimal_return_se:.2f}" if first.optimum_kind == "simulated" else ""
        optimum = f"Optimal return {first.optimal_return:.2f}{error} ({first.optimum_kind})"
        caption += f"\n{optimum}, random play {first.random_return:.2f}. Paid: rewards as drawn."
    made = Table(
        ["learner"],
        ["regret", "score", "return", "paid"],
        title=f"{describe(first)}: {first.episodes:,} unseen lifetimes, seed {first.seed}",
        caption="\n".join(filter(None, (caption, first.note))),
    )
    for card in cards:
        score = (
            "–" if card.score is None else f"{_plain(card.score)} ({_plain(card.score_low)}, {_plain(card.score_high)})"
        )
        regret = "–" if card.regret_mean is None else f"{card.regret_mean:.2f} ± {card.regret_se:.2f}"
        made.add_row(card.learner, regret, score, f"{card.return_mean:.2f}", f"{card.realised_return_mean:.2f}")
    return made


def differences_table(differences: Sequence[Difference]) -> Table:
    """Differences in one environment for people, one row a pair; Rich shows it."""
    from meta_envs.terminal import Table

    made = Table(
        ["first", "second"],
        ["difference", "unpaired", "saved"],
        title=f"{describe(differences[0])}: differences on common random numbers",
        caption="Expected return of the first minus that of the second, ± standard error; the\n"
        "error on independent chance; the fraction of variance that pairing saves.",
    )
    for pair in differences:
        saved = "–" if pair.variance_saved is None else f"{round(100 * pair.variance_saved, 1) + 0.0:.1f} %"
        made.add_row(
            pair.learner, pair.other, f"{pair.difference:+.2f} ± {pair.se:.2f}", f"± {pair.se_unpaired:.2f}", saved
        )
    return made


def aggregates_table(found: Mapping[str, Aggregate], *, episodes: int, seed: int) -> Table:
    """What runs of several seeds come to, by the name of the environment; Rich shows it."""
    from meta_envs.terminal import Table

    notes = dict.fromkeys(each.note for each in found.values())
    made = Table(
        ["scores of"],
        ["runs", "IQM", "median", "lowest", "highest"],
        title=f"Training seeds: {episodes:,} unseen lifetimes of each run, from seed {seed} on",
        caption="\n".join(
            filter(None, ("IQM: mean of the middle half. Both with a 95 % interval over runs, by bootstrap.", *notes))
        ),
    )
    for name, each in found.items():
        scores = [score for row in each.scores for score in row]
        made.add_row(
            name,
            str(each.runs),
            _with_interval(each.iqm, each.iqm_low, each.iqm_high),
            _with_interval(each.median, each.median_low, each.median_high),
            _plain(min(scores)),
            _plain(max(scores)),
        )
    return made


def _with_interval(value: float, low: float | None, high: float | None) -> str:
    return _plain(value) if low is None else f"{_plain(value)} ({_plain(low)}, {_plain(high)})"


def _plain(number: float | None) -> str:
    """Three digits, and no minus sign before zeros."""
    return "–" if number is None else f"{round(number, 3) + 0.0:.3f}"
