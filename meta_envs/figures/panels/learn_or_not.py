"""Beyond the paper: where the best learner learns, and where it should not (Lange & Sprekeler, arXiv 2010.04466)."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.families import GaussianBandit
from meta_envs.figures.claims import Verdict, above, below, judge, measure
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import only_axes
from meta_envs.solvers import learning_boundary, learning_value

ID = "MetaBandit-Gaussian-v0"
NOISES, PRIORS = (0.1, 1.0, 3.0), (0.4, 0.55, 0.8, 1.1)
"""Standard deviations of the rewards, and of the prior of the arm that is not sure."""
BORDER, DOTS = "border", "agents"


def _name(noise: float, prior: float) -> str:
    """Hundredths, since names of shipped agents have no point."""
    return f"noise-{100 * noise:.0f}-prior-{100 * prior:.0f}"


def measure_dots(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Whether agents begin with the arm that is not sure, beside the exact border."""
    noises = np.geomspace(0.05, 5.0, 9)
    rows = [(BORDER, "", noise, prior, np.nan) for noise, prior in zip(noises, learning_boundary(noises), strict=True)]
    checks, right = [], 0
    for noise in NOISES:
        for prior in PRIORS:
            keywords = {"noise_sd": noise, "prior_sd": prior}
            for play, agents in stage.plays(_name(noise, prior)).items():
                _, lives = stage.live(agents, ID, **keywords)
                pulled = measure(np.stack([life.action[0] == 1 for life in lives]).astype(np.float64))
                rows.append((DOTS, play, noise, prior, pulled.value))
                if play == DECLARED:
                    learns = learning_value(GaussianBandit(**keywords)) > 0.0
                    side = above if learns else below
                    checks.append(side(f"noise {noise:g}, prior {prior:g}: share that begins to learn", pulled, 0.5))
                    right += checks[-1].verdict == "holds"
    verdict = judge(
        "learn-or-not",
        "agents learn where the best learner does, and only there",
        checks,
        source="Lange & Sprekeler 2020",
        paper="dots on the same side as the border",
        ours=f"{right} of {len(checks)} agents",
    )
    return columns(("what", "play", "noise", "prior", "pulled_first"), rows), [verdict]


def draw_dots(place: Any, data: Data) -> None:
    """The border, and dots that are the fuller the more often an agent begins to learn."""
    axes = only_axes(place, "")
    border, dots = where(data, what=BORDER), where(data, what=DOTS, play=DECLARED)
    axes.plot(border["noise"], border["prior"], color="black", label="exact border")
    drawn = axes.scatter(
        dots["noise"], dots["prior"], c=dots["pulled_first"], vmin=0.0, vmax=1.0, cmap="Blues", edgecolors="black",
        s=45, zorder=3, label="agents",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("noise of a reward, standard deviation")
    axes.set_ylabel("prior of the unsure arm, standard deviation")
    axes.text(0.06, 1.25, "to learn is best", fontsize=6.5)
    axes.text(0.9, 0.3, "not to learn is best", fontsize=6.5)
    axes.set_ylim(0.25, 1.35)
    axes.legend(frameon=False, loc="upper right")
    axes.figure.colorbar(drawn, ax=axes, label="share that begins with the unsure arm")


ROLES = tuple(
    Role(_name(noise, prior), ID, _name(noise, prior), {}, {"noise_sd": noise, "prior_sd": prior})
    for noise in NOISES
    for prior in PRIORS
)
FIGURES = (
    PaperFigure(
        name="learn-or-not",
        title="Where the best learner learns, and where it should not: a sure arm and a Gaussian one",
        measure=measure_dots,
        draw=draw_dots,
        roles=ROLES,
        episodes=1000,
        seconds=25,
        differs="The border is exact; the paper's is found by training. Mean of the unsure arm -1, 100 pulls. Each "
        "agent is trained with the preset, the first part of it where the unsure arm has mean 0. Those on the wrong "
        "side give up the unsure arm although it would pay to try it: probably since trying gains nothing before a "
        "policy knows how to use what it finds. Tried were 60,000 steps from a weak agent, with 7 of 12 on the "
        "right side, and five times that, which changed none near the border.",
    ),
)
