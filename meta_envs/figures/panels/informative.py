"""Figure 3: eleven arms, of which the last one tells which pays."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from meta_envs.figures.claims import Verdict, above, judge, measure, rising
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns
from meta_envs.figures.panels.bandits import draw_curves, play_with, show
from meta_envs.learners.bandits import UCB, Thompson
from meta_envs.solvers.bayes import Bayes

ID = "MetaBandit-Informative-v0"
TELLER = 10
"""The action that pulls arm 11."""
OFTEN = 0.95
"""Share of lifetimes that is claimed."""


def measure_informative(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Reward by trial, and what the agent pulls."""
    players = play_with(stage, "agent", {"thompson": Thompson(), "ucb": UCB(), "bayes": Bayes()})
    rewards, actions = {}, {}
    for key, own in players.items():
        task, lives = stage.live(own, ID)
        rewards[key] = np.stack([life.reward for life in lives])
        actions[key] = np.stack([life.action for life in lives])
    rows = []
    for key, paid in rewards.items():
        for trial in range(paid.shape[1]):
            found = measure(paid[:, trial])
            rows.append((*key, trial + 1, found.value, found.low, found.high))
    target, pulled = task[:, 0] - 1.0, actions["agent", DECLARED]
    asked = measure(pulled[:, 0] == TELLER)
    taken = measure((pulled[:, 1:] == target).all(axis=1))
    returns = {name: rewards[name, DECLARED].sum(axis=1) for name in ("ucb", "thompson", "agent", "bayes")}
    ours = show({name: measure(paid) for name, paid in returns.items()})
    order = {name: returns[name] for name in ("ucb", "thompson", "agent")}
    claim = partial(judge, "3", source="text")
    return columns(("learner", "play", "trial", "reward", "low", "high"), rows), [
        claim(
            "arm 11 is pulled first",
            [above("share of lifetimes", asked, OFTEN)],
            paper="in at least 95 % of lifetimes",
            ours=asked.show(4),
        ),
        claim(
            "and then the target to the end",
            [above("share of lifetimes", taken, OFTEN)],
            paper="in at least 95 % of lifetimes",
            ours=taken.show(4),
        ),
        claim("return is ordered as published", rising(order), paper="agent > Thompson > UCB", ours=ours),
    ]


def draw_rewards(place: Any, data: Data) -> None:
    """Mean reward of each learner by trial."""
    axes = draw_curves(place, data, "reward", "eleven arms, the last one tells")
    for line in axes.get_lines():
        line.set(marker="o", markersize=3)
    axes.get_lines()[0].set(linewidth=3, markersize=5)  # what agent and optimum have in common
    axes.set_ylabel("reward")
    axes.set_xticks(range(1, 6))


FIGURES = (
    PaperFigure(
        name="3",
        title="Eleven arms, of which the last tells which pays: reward of agent, Thompson, UCB and optimum",
        measure=measure_informative,
        draw=draw_rewards,
        roles=(Role("agent", ID),),
        episodes=5000,
        seconds=5,
        differs=(
            "Thompson sampling has the true prior, as in the paper. UCB pulls five arms once each, whatever its "
            "constant. The exact optimum is drawn beside."
        ),
    ),
)
