"""Figures 2a to 2e: regret of agents, rules and the optimum on two arms, and when an agent errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from meta_envs.family import Array
from meta_envs.figures.claims import Measured, Verdict, above, judge, measure, rising, within
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import curve, only_axes, style
from meta_envs.learners.bandits import UCB, ThompsonIndependent
from meta_envs.learners.gittins import Gittins
from meta_envs.learners.learner import Learner
from meta_envs.solvers.bayes import Bayes

PRIORS = {
    "independent": "MetaBandit-Independent-v0",
    "uniform": "MetaBandit-Dependent-v0",
    "easy": "MetaBandit-DependentEasy-v0",
    "medium": "MetaBandit-DependentMedium-v0",
    "hard": "MetaBandit-DependentHard-v0",
}
"""Environments by the name that the paper has for their prior."""
ROLES = {name: Role(name, id) for name, id in PRIORS.items()}
"""Agents by the prior that they are trained on."""
RULES = ("gittins", "thompson", "ucb")
"""The paper's, which take arms for independent."""
LABELS = {
    "gittins": "Gittins",
    "thompson": "Thompson",
    "ucb": "UCB",
    "rescorla_wagner": "Rescorla-Wagner",
    "bayes": "optimum",
}
LIFETIMES = 300
"""Lifetimes of the raster, as in the paper."""
FIRST, LAST = slice(0, 10), slice(50, 100)
"""Trials 1 to 10, in which an agent finds out, and trials 51 to 100."""
AFTER = slice(10, 100)
"""Trials 11 to 100: after a few pulls."""
ERROR = 1e-9
"""Regret of a pull that is above rounding."""
Plays = dict[tuple[str, str], Sequence[Learner]]
"""Players by learner and play."""


def play_with(stage: Stage, role: str, rules: Mapping[str, Learner]) -> Plays:
    """The agents of a role, in both plays, and rules beside them."""
    agents: Plays = {("agent", play): players for play, players in stage.plays(role).items()}
    return agents | {(name, DECLARED): [rule] for name, rule in rules.items()}


def show(measured: Mapping[str, Measured], digits: int = 2) -> str:
    """Numbers with their intervals, by name."""
    return ", ".join(f"{LABELS.get(name, name)} {number.show(digits)}" for name, number in measured.items())


def measure_regret(stage: Stage, figure: str, trained: str, tested: str) -> tuple[Data, list[Verdict]]:
    """Cumulative expected regret by trial, of agents that are trained on one prior and tested on one."""
    rules = dict(zip(RULES, (Gittins(), ThompsonIndependent(), UCB()), strict=True))
    players = play_with(stage, trained, {**rules, "bayes": Bayes()})
    regrets = {key: np.cumsum(lost, axis=1) for key, lost in stage.regrets(players, PRIORS[tested])[1].items()}
    curves = {key: [measure(lost[:, trial]) for trial in range(lost.shape[1])] for key, lost in regrets.items()}
    data = columns(
        ("learner", "play", "trial", "regret", "low", "high"),
        [
            (*key, trial, found.value, found.low, found.high)
            for key, by_trial in curves.items()
            for trial, found in enumerate(by_trial, 1)
        ],
    )
    final = {name: regrets[name, DECLARED][:, -1] for name in ("agent", *RULES)}
    ours = show({name: curves[name, DECLARED][-1] for name in (*final, "bayes")})
    if figure == "2a":
        order = {name: final[name] for name in ("gittins", "agent", "thompson", "ucb")}
        claim, paper, checks = "regret is ordered as published", "Gittins < agent < Thompson < UCB", rising(order)
    else:
        beaten = (measure(final[name] - final["agent"]) for name in RULES)
        checks = [above(f"{name} - agent", gap) for name, gap in zip(RULES, beaten, strict=True)]
        claim = f"trained on {trained} and tested on {tested} arms, the agent has less regret than all rules"
        paper = "agent < Gittins, Thompson, UCB"
    return data, [judge(figure, claim, checks, source="text", paper=paper, ours=ours)]


def draw_regret(place: Any, data: Data, *, title: str) -> None:
    """A curve for each learner."""
    axes = draw_curves(place, data, "regret", title)
    axes.set_ylabel("cumulative\nexpected regret")
    axes.set_xlim(0, 100)


def draw_curves(place: Any, data: Data, what: str, title: str) -> Any:
    """Axes with each learner's curve by trial, the optimum's a thin one, and with a legend below."""
    from matplotlib.patches import Patch

    axes = only_axes(place, title)
    for name in dict.fromkeys(data["learner"]):
        shown = where(data, learner=name, play=DECLARED)
        curve(axes, shown["trial"], shown[what], shown["low"], shown["high"], name, LABELS.get(name))
    lines = axes.get_lines()
    lines[-1].set_linewidth(0.7)
    axes.set_xlabel("trial")
    axes.set_ylim(0, None)
    band = Patch(color="0.8", label="95 % interval")
    tight = {"columnspacing": 1.0, "handlelength": 1.6, "handletextpad": 0.5}
    place.legend(handles=[*lines, band], loc="outside lower center", ncols=3, frameon=False, **tight)
    return axes


def measure_errors(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 2b: in which trials the worse arm is pulled."""
    players = play_with(stage, "medium", {"bayes": Bayes()})
    wrong = {key: lost > ERROR for key, lost in stage.regrets(players, PRIORS["medium"])[1].items()}
    better = {name: measure(1.0 - wrong[name, DECLARED][:, AFTER].mean(axis=1)) for name in ("agent", "bayes")}
    agent, claim = wrong["agent", DECLARED], partial(judge, "2b", source="text")
    first, last = (agent[:, trials].mean(axis=1) for trials in (FIRST, LAST))
    return _raster({key: found[0] for key, found in wrong.items()}), [
        claim(
            "sub-optimal pulls fade: there are fewer in trials 51 to 100 than in 1 to 10",
            [above("share in trials 1 to 10 - share in trials 51 to 100", measure(first - last))],
            paper="fewer",
            ours=f"a share of {measure(first).show(3)}, then of {measure(last).show(4)}",
        ),
        claim(
            "after a few pulls, the better arm is exploited all but always",
            [within("share of the better arm in trials 11 to 100", better["agent"], 1.0)],
            paper="all but always",
            ours=show(better, 4),
        ),
    ]


def _raster(wrong: Mapping[tuple[str, str], Array]) -> Data:
    """Sub-optimal pulls (trials, lifetimes), a row for each, in the first lifetimes."""
    parts = []
    for (learner, play), pulls in wrong.items():
        lifetime, trial = np.nonzero(pulls[:, :LIFETIMES].T)
        parts.append((np.full(len(trial), learner), np.full(len(trial), play), lifetime + 1, trial + 1))
    names = ("learner", "play", "lifetime", "trial")
    return {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}


def draw_raster(place: Any, data: Data) -> None:
    """A mark for every sub-optimal pull."""
    from matplotlib.colors import ListedColormap

    axes = only_axes(place, "trained on medium")
    shown = where(data, learner="agent", play=DECLARED)
    lifetimes = max(data["lifetime"], default=1)
    pulls = np.zeros((lifetimes, 100))
    pulls[shown["lifetime"] - 1, shown["trial"] - 1] = 1.0
    colours = ListedColormap(["white", style("agent")["color"]])
    axes.imshow(pulls, cmap=colours, vmin=0, vmax=1, aspect="auto", extent=(0.5, 100.5, lifetimes + 0.5, 0.5))
    axes.grid(False)
    axes.set_xlabel("trial (marked: sub-optimal pulls)")
    axes.set_ylabel("lifetime")


NOTES = (
    "The rules take arms for independent with p ~ U[0, 1], as in the paper. Which Gittins index it has, and which "
    "constant its UCB has on fixed arms, is not known to us. Here the index is that of a finite lifetime, and the "
    "constant is chi = 1, which the paper has for restless arms. The exact optimum is drawn beside."
)
FIGURES = (
    PaperFigure(
        name="2a",
        title="Independent arms: regret of agent, Gittins, Thompson and UCB",
        measure=partial(measure_regret, figure="2a", trained="independent", tested="independent"),
        draw=partial(draw_regret, title="independent arms"),
        roles=(ROLES["independent"],),
        episodes=3000,
        seconds=8,
        differs=NOTES,
    ),
    PaperFigure(
        name="2b",
        title="Dependent arms: sub-optimal pulls of one agent, trained and tested on medium",
        measure=measure_errors,
        draw=draw_raster,
        roles=(ROLES["medium"],),
        seconds=5,
        differs=(
            "The raster has one agent and 300 lifetimes, as in the paper. The claims are of all agents and lifetimes. "
            "How many pulls are a few, the paper does not say: here they are the first ten."
        ),
    ),
    *(
        PaperFigure(
            name=name,
            title=f"Dependent arms: regret of agents trained on {trained} and tested on {tested}",
            measure=partial(measure_regret, figure=name, trained=trained, tested=tested),
            draw=partial(draw_regret, title=short),
            roles=(ROLES[trained],),
            episodes=5000,
            seconds=10,
            differs=NOTES,
        )
        for name, trained, tested, short in (
            ("2c", "uniform", "uniform", "uniform arms"),
            ("2d", "medium", "easy", "from medium to easy"),
            ("2e", "medium", "hard", "from medium to hard"),
        )
    ),
)
