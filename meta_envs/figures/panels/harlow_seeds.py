"""Figure 6e: the final performance of every seed in Harlow's task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from meta_envs.family import Array
from meta_envs.figures.cast import digest
from meta_envs.figures.claims import HOLDS, OPEN, READING, Measured, Verdict, judge, measure, published
from meta_envs.figures.figure import Data, PaperFigure, Role, Stage, where
from meta_envs.figures.look import ORACLE, only_axes
from meta_envs.figures.panels.harlow import FINAL, LOOKS, PIXELS, SYMBOLS, choose, count, steps_of, with_kept
from meta_envs.intervals import wilson

CEILING = 1.0 - READING
"""Of P(rewarded image) in trials 2 and later; the optimum's is 1."""
PAPER = {"one LSTM": 0.26, "two LSTMs": 0.43}
"""Share of 100 seeds at ceiling."""
SEEDS = {
    ("symbols", "one LSTM"): Role("one LSTM, symbols", SYMBOLS, "one-lstm", {"memory": "lstm"}, kept=True),
    ("symbols", "two LSTMs"): Role(
        "two LSTMs, symbols", SYMBOLS, "two-lstms", {"memory": "stacked", "hidden_size": (48, 48)}, kept=True
    ),
    ("pixels", "one LSTM"): Role(
        "one LSTM, pixels", PIXELS, "one-lstm", {"memory": "lstm", "hidden_size": 64}, kept=True
    ),
    ("pixels", "two LSTMs"): Role("two LSTMs, pixels", PIXELS, "two-lstms", kept=True),
}


def measure_seeds(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 6e: the final performance of every seed that was trained."""
    rows = []
    for (task, memory), role in SEEDS.items():
        for player in stage.cast[role.name]:
            lived = choose(player, role.id, count(stage, FINAL[task]), stage.seed)
            found = measure(lived.later)
            card = getattr(player, "card", None)
            weights = digest(player) if card is not None else ""
            shown = (found.value, found.low, found.high, found.lifetimes, weights)
            rows.append((role.name, task, memory, getattr(card, "seed", 0), steps_of(player), *shown))
    names = ("role", "task", "memory", "seed", "steps", "correct", "low", "high", "lifetimes", "weights")
    data = with_kept("6e", names, rows, list(SEEDS.values()))
    return data, [
        _judge_seeds(task, memory, where(data, role=role.name)["correct"]) for (task, memory), role in SEEDS.items()
    ]


def _share(good: int, num: int) -> tuple[float, float]:
    """A 95 % interval of a share; of nothing all is possible."""
    if num == 0:
        return 0.0, 1.0
    low, high = wilson(np.array([good]), np.array([num]))
    return float(low[0]), float(high[0])


def _judge_seeds(task: str, memory: str, correct: Array) -> Verdict:
    """Whether as many seeds come to the ceiling as in the paper; of so few that none could contradict it, nothing."""
    good, num = int(np.sum(correct >= CEILING)), len(correct)
    (_, none), (low, high), (every, _) = (_share(count, num) for count in (0, good, num))
    value = good / num if num else np.nan
    share = Measured(value, low, high, num, num, max(high - value, value - low))
    check = published("share of seeds at ceiling", share, PAPER[memory])
    if check.verdict == HOLDS and (none >= PAPER[memory] or every <= PAPER[memory]):
        check = replace(check, verdict=OPEN)
    return judge(
        "6e",
        f"{task}, {memory}: share of seeds at ceiling",
        [check],
        source="text",
        paper=f"{PAPER[memory]:.0%} of 100 seeds, in pixels",
        ours=f"{good} of {num} seeds: {share.show()}" if num else "no seed was trained",
    )


def draw_seeds(place: Any, data: Data) -> None:
    """All seeds, sorted, those of each network and task beside one another."""
    axes = only_axes(place, "All seeds, sorted")
    titles = []
    shown = {key: mine for key, role in SEEDS.items() if len((mine := where(data, role=role.name))["role"])}
    for group, ((task, memory), mine) in enumerate(shown.items()):
        order = np.argsort(-mine["correct"], kind="stable")
        correct, low, high = (mine[name][order] for name in ("correct", "low", "high"))
        titles.append(f"{task}\n{memory}\nn = {len(correct)}")
        at = group + np.linspace(-0.35, 0.35, len(correct)) if len(correct) > 1 else np.full(len(correct), group)
        error = np.maximum([correct - low, high - correct], 0.0)
        axes.errorbar(at, correct, error, color=LOOKS[task]["color"], fmt=".", linewidth=0.8)
    axes.axhline(CEILING, color="black", linestyle="--", linewidth=0.8)
    axes.axhline(0.5, color=ORACLE, linestyle=":", linewidth=0.8)
    axes.set_xticks(range(len(titles)), titles, fontsize=5.5)
    axes.set_xlim(-0.5, len(titles) - 0.5)
    axes.set_ylim(0.0, 1.04)
    axes.set_ylabel("P(rewarded image)\nin trials 2 to 10")


FIGURES = (
    PaperFigure(
        name="6e",
        title="Harlow's task: final performance of all seeds",
        measure=measure_seeds,
        draw=draw_seeds,
        roles=tuple(SEEDS.values()),
        episodes=10_000,
        seconds=1,
        width=2.1,
        differs="The scores of all seeds that were trained ship with the package; --train trains anew. At ceiling are "
        "seeds whose P(rewarded image) in trials 2 and later is within .02 of the optimum's. The settings of the "
        "training are not the paper's, and seeds are fewer, so that the shares need not agree. In pixels four seeds "
        "come to .974 to .981, and one did not learn in the same two million steps; one LSTM was not tried "
        "there, for the time that it takes.",
    ),
)
