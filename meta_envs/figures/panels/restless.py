"""Figure 4: restless bandits of low and high volatility."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from meta_envs.analysis import trace
from meta_envs.figures.claims import Verdict, above, judge, measure
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import COLUMN, GAP, legend_below, style
from meta_envs.figures.panels.bandits import draw_regret, play_with, show
from meta_envs.learners.bandits import UCB, RescorlaWagner, ThompsonWalk
from meta_envs.learners.learner import Learner
from meta_envs.plots import tidy
from meta_envs.solvers.bayes import Bayes

ID = "MetaBandit-Restless-v0"
VOLATILITIES = {"low": "MetaBandit-RestlessLow-v0", "high": "MetaBandit-RestlessHigh-v0"}
"""The same walks but for their step size, of each volatility alone."""
AGENT = Role("agent", ID)
WHOLE = 2 * COLUMN + GAP
"""Inches, the width of a page."""


def measure_examples(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 4a: the first lifetime of each volatility, as the first agent lives it."""
    rows = []
    for play, agents in stage.plays("agent").items():
        for volatility, id in VOLATILITIES.items():
            found = trace(agents[0], id, episodes=1, seed=stage.seed)
            first = np.full(len(found), np.nan) if found.probs is None else found.probs[:, 0]
            lived = (found.table[name] for name in ("trial", "task_p_1", "action", "reward"))
            rows += [
                (play, volatility, int(trial), p, int(action) + 1, reward, prob)
                for trial, p, action, reward, prob in zip(*lived, first, strict=True)
            ]
    return columns(("play", "volatility", "trial", "p_1", "arm", "reward", "agent_p_1"), rows), []


def draw_examples(place: Any, data: Data) -> None:
    """The walk of arm 1, the agent's probability to choose it, and its choices above and below."""
    for axes, volatility in zip(place.subplots(1, 2, sharey=True), VOLATILITIES, strict=True):
        tidy(axes, f"{volatility} volatility")
        shown = where(data, play=DECLARED, volatility=volatility)
        axes.plot(shown["trial"], shown["p_1"], color="black", label="pay-off of arm 1, $p_1(t)$")
        axes.plot(shown["trial"], shown["agent_p_1"], **style("agent"), label="agent's P(arm 1)")
        height = np.where(shown["arm"] == 1, 1.1, -0.1)
        for paid, label in ((1.0, "rewarded choice"), (0.0, "unrewarded choice")):
            picked = shown["reward"] == paid
            look = {"color": style("agent")["color"] if paid else "none", "edgecolor": style("agent")["color"]}
            axes.scatter(shown["trial"][picked], height[picked], 5, label=label, linewidth=0.5, **look)
        axes.set_yticks([-0.1, 0.0, 0.5, 1.0, 1.1], ["arm 2", "0", "0.5", "1", "arm 1"])
        axes.set_xlabel("trial")
    axes.figure.axes[0].set_ylabel("probability")
    legend_below(place, [axes], 4)


def measure_regret(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 4b: cumulative expected regret, on mixed volatilities."""
    rules: dict[str, Learner] = {"ucb": UCB(chi=1.0), "thompson": ThompsonWalk(), "rescorla_wagner": RescorlaWagner()}
    players = play_with(stage, "agent", {**rules, "bayes": Bayes()})
    curves = {key: np.cumsum(lost, axis=1) for key, lost in stage.regrets(players, ID)[1].items()}
    rows = []
    for key, regret in curves.items():
        for trial in range(regret.shape[1]):
            found = measure(regret[:, trial])
            rows.append((*key, trial + 1, found.value, found.low, found.high))
    final = {name: regret[:, -1] for (name, play), regret in curves.items() if play == DECLARED}
    below = [above(f"{name} - agent", measure(final[name] - final["agent"])) for name in rules]
    verdict = judge(
        "4b",
        "the agent's regret is below that of UCB, Thompson sampling and Rescorla-Wagner",
        below,
        source="text",
        paper="below all three",
        ours=show({name: measure(regret) for name, regret in final.items()}),
    )
    return columns(("learner", "play", "trial", "regret", "low", "high"), rows), [verdict]


FIGURES = (
    PaperFigure(
        name="4a",
        title="Restless bandit: lifetimes of low and high volatility",
        measure=measure_examples,
        draw=draw_examples,
        roles=(AGENT,),
        episodes=2,
        seconds=2,
        width=WHOLE,
        height=2.2,
        differs="The lifetimes are the first ones of the evaluation. The paper prints no step sizes of the walks.",
    ),
    PaperFigure(
        name="4b",
        title="Restless bandit: regret of the agent and of three rules",
        measure=measure_regret,
        draw=partial(draw_regret, title="regret"),
        roles=(AGENT,),
        seconds=8,
        width=2.8,
        differs="The optimum is drawn, too; it is not in the paper. Thompson sampling assumes one step size, the best.",
    ),
)
