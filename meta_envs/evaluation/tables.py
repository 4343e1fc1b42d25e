"""Scorecards and differences as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meta_envs.evaluation.cards import Difference, Scorecard, describe

if TYPE_CHECKING:
    from rich.table import Table


WIDTH = 78
"""Of tables for people, at least, so that what is said below them has room."""


def ruled_table(words: Sequence[str], numbers: Sequence[str], *, title: str = "", caption: str = "") -> Table:
    """An empty Rich table of 80 columns or more, with headings of columns of words and then of numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=title or None,
        caption=caption or None,
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
        error = f" ± {first.optimal_return_se:.2f}" if first.optimum_kind == "simulated" else ""
        optimum = f"Optimal return {first.optimal_return:.2f}{error} ({first.optimum_kind})"
        caption += f"\n{optimum}, random play {first.random_return:.2f}. Paid: rewards as drawn."
    made = ruled_table(
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
    """Differences in one environment for people, as a Rich table of 80 columns: one row a pair."""
    made = ruled_table(
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


def _plain(number: float | None) -> str:
    """Three digits, and no minus sign before zeros."""
    return "–" if number is None else f"{round(number, 3) + 0.0:.3f}"
