"""Beyond the paper: is the Bayes-optimal learner in the memory of agents?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from meta_envs.analysis import Agreement, Trace, agreement, decode_belief, simulate_machine, trace
from meta_envs.behaviour import Estimates
from meta_envs.figures.claims import Check, Measured, Verdict, above, below, combine, judge, pool_estimates, within
from meta_envs.figures.figure import Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import ORACLE, curve, legend_below, style
from meta_envs.plots import tidy

TASKS = {
    "dependent arms": "MetaBandit-Dependent-v0",
    "independent arms": "MetaBandit-Independent-v0",
    "two-step task": "MetaTwoStep-v0",
}
MOMENTS, MOMENTS_OF = "during training", "MetaBandit-Dependent-v0"
AGREES, DIVERGES = "agreement", "divergence of P(a)"
"""Share of choices that are the optimum's; and the mean of -log P(what the optimum would do), in nats."""
ENDS = {"trained": "agent", "untrained": "untrained"}
"""What is compared, and whose look it has."""
MIKULIK = "Mikulik et al. 2020"
Row = tuple[Any, ...]


def _traces(stage: Stage, role: str, id: str) -> list[Trace]:
    return [trace(agent, id, episodes=stage.episodes, seed=stage.seed) for agent in stage.cast[role]]


def _steps(found: Trace) -> int:
    """Of the training behind an agent."""
    card: Any = getattr(found.learner, "card", None)
    return int(card.steps or 0) if card else 0


def _last(estimates: Sequence[Estimates], lifetimes: int) -> Measured:
    """Of all statistics together, over agents."""
    return pool_estimates(estimates, lifetimes)[-1]


def measure_belief(stage: Stage) -> tuple[Data, list[Verdict]]:
    """The posterior's statistics, decoded from the hidden state of trained and untrained networks."""
    rows: list[Row] = []
    verdicts = []
    for task, id in TASKS.items():
        decodings = [decode_belief(each) for each in _traces(stage, task, id)]
        pooled = {
            end: pool_estimates([getattr(each, end) for each in decodings], stage.episodes)
            for end in (*ENDS, "difference")
        }
        names = [str(name) for name in decodings[0].trained.at]
        rows += [
            (task, end, name, -1, number.value, number.low, number.high)
            for end in ENDS
            for name, number in zip(names, pooled[end], strict=True)
        ]
        verdicts.append(
            judge(
                "belief",
                f"the belief is in the memory: {task}",
                [above("R^2 of the trained - of the untrained", pooled["difference"][-1])],
                source=MIKULIK,
                paper="trained above untrained",
                ours=f"R^2 {pooled['trained'][-1].show(3)} against {pooled['untrained'][-1].show(3)}",
            )
        )
    for moment in _traces(stage, MOMENTS, MOMENTS_OF):
        found = decode_belief(moment)
        for end in ENDS:
            number = _last([getattr(found, end)], stage.episodes)
            rows.append((MOMENTS, end, "all", _steps(moment), number.value, number.low, number.high))
    return columns(("task", "network", "statistic", "steps", "r2", "low", "high"), rows), verdicts


def measure_agreement(stage: Stage) -> tuple[Data, list[Verdict]]:
    """How often agent and Bayes-optimal learner choose alike on the same history, by trial and by training."""
    rows: list[Row] = []
    overall: dict[str, Measured] = {}
    for task, id in TASKS.items():
        found = [agreement(each) for each in _traces(stage, task, id)]
        (overall[task],) = pool_estimates([each.overall for each in found], stage.episodes)
        # Trials in which the optimum has no preference are left out, of each agent its own.
        trials = sorted(set.intersection(*(set(each.by_trial.at.tolist()) for each in found)))
        curves = pool_estimates([_at(each.by_trial, trials) for each in found], stage.episodes)
        rows += [(task, AGREES, at, -1, c.value, c.low, c.high) for at, c in zip(trials, curves, strict=True)]
        rows += _diverge(task, found, -1, stage)
    moments = []
    for each in _traces(stage, MOMENTS, MOMENTS_OF):
        one = agreement(each)
        (number,) = pool_estimates([one.overall], stage.episodes)
        moments.append(number)
        rows.append((MOMENTS, AGREES, -1, _steps(each), number.value, number.low, number.high))
        rows += _diverge(MOMENTS, [one], _steps(each), stage)
    rise = combine([moments[-1], moments[0]], (1, -1))
    claim = partial(judge, "agreement", source=MIKULIK)
    verdicts = [
        claim(
            "agreement rises with training: dependent arms",
            [above("at the end - at the beginning", rise)],
            paper="rises",
            ours=f"{moments[0].show()} to {moments[-1].show(3)}",
        )
    ]
    verdicts += [
        claim(
            f"agents choose like the optimum: {task}",
            [within("agreement, ties left out", number, 1.0)],
            paper="towards 1 where the optimum is unique",
            ours=number.show(3),
        )
        for task, number in overall.items()
    ]
    return columns(("task", "what", "trial", "steps", "value", "low", "high"), rows), verdicts


def _diverge(task: str, found: Sequence[Agreement], steps: int, stage: Stage) -> list[Row]:
    """The divergence of the agents' P(a) from the optimum's; nothing of learners without probabilities."""
    known = [each.divergence for each in found if each.divergence is not None]
    return (
        [(task, DIVERGES, -1, steps, c.value, c.low, c.high) for c in pool_estimates(known, stage.episodes)]
        if known
        else []
    )


def _at(estimates: Estimates, places: Sequence[Any]) -> Estimates:
    """Those at some of the places."""
    kept = np.isin(estimates.at, list(places))
    parts = (estimates.at, estimates.mean, estimates.low, estimates.high, estimates.count)
    return Estimates(*(part[kept] for part in parts))


WAYS = {"network run from beliefs": "memory_from_belief", "optimum run from memories": "belief_from_memory"}


def measure_machines(stage: Stage) -> tuple[Data, list[Verdict]]:
    """State machine simulation, both ways, of trained and untrained networks."""
    simulations = [simulate_machine(each) for each in _traces(stage, "dependent arms", TASKS["dependent arms"])]
    rows: list[Row] = []
    verdicts = []
    for way, field in WAYS.items():
        trained, untrained, differences = (
            pool_estimates([getattr(each, kind + field) for each in simulations], stage.episodes)
            for kind in ("", "untrained_", "difference_")
        )
        places = [str(place) for place in getattr(simulations[0], field).at]
        checks: list[Check] = []
        for place, one, other, gap in zip(places, trained, untrained, differences, strict=True):
            rows += [(way, end, place, n.value, n.low, n.high) for end, n in zip(ENDS, (one, other), strict=True)]
            checks.append(below(f"trained - untrained, {place}", gap))
        verdicts.append(
            judge(
                "machines",
                f"dissimilarity, {way}",
                checks,
                source=f"{MIKULIK}; Kuo et al. 2025",
                paper="trained below untrained",
                ours="; ".join(
                    f"{place} {one.value:.3f} against {other.value:.3f}"
                    for place, one, other in zip(places, trained, untrained, strict=True)
                ),
            )
        )
    return columns(("way", "network", "at", "dissimilarity", "low", "high"), rows), verdicts


def draw_belief(place: Any, data: Data) -> None:
    """R^2 by training, and at its end by task."""
    left, right = place.subplots(1, 2, sharey=True)
    tidy(left, MOMENTS)
    tidy(right, "at the end")
    for end, look in ENDS.items():
        found = where(data, task=MOMENTS, network=end)
        curve(left, found["steps"] / 1000, found["r2"], found["low"], found["high"], look, end)
    _draw_bars(right, where(data, statistic="all", steps=-1), "task", "r2")
    left.set_xlabel("training, thousand steps")
    left.set_ylabel("$R^2$ of the belief, held-out lifetimes")
    left.set_ylim(top=1.03)
    left.legend(frameon=False, loc="lower right")


def _draw_bars(axes: Any, data: Data, across: str, height: str) -> None:
    """Trained beside untrained, with 95 % intervals."""
    names = list(dict.fromkeys(data[across]))
    for place, (end, look) in enumerate(ENDS.items()):
        found = where(data, network=end)
        error = np.abs(np.stack([found["low"], found["high"]]) - found[height])
        at, colour = np.arange(len(names)) + 0.4 * place, style(look)["color"]
        axes.bar(at, found[height], 0.38, yerr=error, color=colour, label=end, error_kw={"linewidth": 0.8})
    axes.set_xticks(np.arange(len(names)) + 0.2, [name.replace(" ", "\n", 1) for name in names], fontsize=5.5)


def draw_agreement(place: Any, data: Data) -> None:
    """Agreement by training, and at its end by trial."""
    left, right = place.subplots(1, 2, sharey=True)
    tidy(left, MOMENTS)
    tidy(right, "at the end")
    found = where(data, task=MOMENTS, what=AGREES)
    curve(
        left, found["steps"] / 1000, found["value"], found["low"], found["high"], "agent", "agreement: dependent arms"
    )
    other = left.twinx()
    found = where(data, task=MOMENTS, what=DIVERGES)
    other.plot(found["steps"] / 1000, found["value"], color=ORACLE, linestyle="--", label="divergence of P(a)")
    other.set_ylim(bottom=0.0)
    other.set_ylabel("divergence (nats)")
    for task, line, mark in zip(TASKS, ("-", "--", ":"), ("", "", "."), strict=True):
        found = where(data, task=task, what=AGREES)
        curve(right, found["trial"], found["value"], found["low"], found["high"], "agent", f"agreement: {task}")
        right.lines[-1].set(linestyle=line, marker=mark, markersize=4)
    left.set_xlabel("training, thousand steps")
    right.set_xlabel("trial")
    left.set_ylabel("agreement with the optimum")
    left.set_ylim(top=1.02)
    legend_below(place, (left, other, right), 2)


def draw_machines(place: Any, data: Data) -> None:
    """Dissimilarities, a panel a way."""
    grid = place.subplots(1, 2, sharey=True)
    for axes, way in zip(grid, WAYS, strict=True):
        tidy(axes, way.replace(" from", "\nfrom"))
        _draw_bars(axes, where(data, way=way), "at", "dissimilarity")
    grid[0].set_ylabel("dissimilarity (1: no better than the mean)")
    grid[0].legend(frameon=False)


ROLES = tuple(Role(task, id) for task, id in TASKS.items())
DURING = Role(MOMENTS, MOMENTS_OF, snapshots=8)
FIGURES = (
    PaperFigure(
        name="belief",
        title="Is the belief in the memory? The posterior, decoded from the hidden state",
        measure=measure_belief,
        draw=draw_belief,
        roles=(*ROLES, DURING),
        episodes=300,
        seconds=30,
        differs="Left: dependent arms. Decoding is a ridge regression that is fitted on other lifetimes. The untrained "
        "network has the same size and sees the same lifetimes.",
    ),
    PaperFigure(
        name="agreement",
        title="Do agents choose as the Bayes-optimal learner would, on the same history?",
        measure=measure_agreement,
        draw=draw_agreement,
        roles=(*ROLES, DURING),
        episodes=1000,
        seconds=30,
        differs="Left: dependent arms. Steps in which the optimum has no preference are left out. Choices of the "
        "agents of independent arms differ from the optimum's where two arms are nearly equal, which costs "
        "hardly anything: their scores are .986 to .993. Tried were learning from regret with a discount that "
        "grows (these agents), and distillation of the optimum into the same network (92 %): see the page on "
        "what decides learning.",
    ),
    PaperFigure(
        name="machines",
        title="State machine simulation: can one be run as the other?",
        measure=measure_machines,
        draw=draw_machines,
        roles=ROLES[:1],
        episodes=300,
        seconds=30,
        differs="Dependent arms. The first state is mapped, one step is then taken by the other machine. The papers "
        "compare the outputs of mapped states.",
    ),
)
