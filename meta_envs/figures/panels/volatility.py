"""Figures 4c to 4f: Rescorla-Wagner models fitted to choices in restless bandits of low and of high volatility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from meta_envs.behaviour import RescorlaWagnerFit, TrialTable, add_blocks, fit_rescorla_wagner, join, record_trials
from meta_envs.behaviour.rescorla_wagner import MODELS
from meta_envs.family import Array
from meta_envs.figures.claims import Check, Measured, Verdict, above, judge, measure, published
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Stage, columns, where
from meta_envs.figures.look import ORACLE, only_axes, style
from meta_envs.figures.panels.restless import AGENT, VOLATILITIES, WHOLE
from meta_envs.learners.bandits import RescorlaWagner
from meta_envs.learners.learner import Learner

RATE = 0.5
"""The learning rate of the Rescorla-Wagner learner [paper]."""
BLOCK = 10
"""Lifetimes of a block [paper]."""
FREE, COMMON = ("ab", "abe"), ("b", "be")
"""Models with a learning rate for each block, and with one for all."""
Player = tuple[str, str, Sequence[Learner]]
"""Name, play, and who they are."""


def fit(learner: Learner, stage: Stage, model: str) -> RescorlaWagnerFit:
    """A model fitted to a learner's blocks; several panels show the same fits."""
    return _fit(learner, getattr(learner, "play", ""), stage.episodes, stage.seed, model)


@lru_cache(maxsize=128)
def _fit(learner: Learner, play: str, episodes: int, seed: int, model: str) -> RescorlaWagnerFit:
    return fit_rescorla_wagner(_blocks(learner, episodes, seed), model)


def _blocks(learner: Learner, episodes: int, seed: int) -> TrialTable:
    """Blocks of one volatility, first those of low volatility, then as many of high volatility in the same walks.

    With fewer than 20 lifetimes there are two smaller blocks of each.
    """
    tables = [record_trials(learner, id, episodes=episodes, seed=seed) for id in VOLATILITIES.values()]
    later = tables[1].with_columns(lifetime=tables[1]["lifetime"] + episodes)
    return add_blocks(join([tables[0], later]), size=min(BLOCK, episodes // 2), by="task_sigma")


def _by_volatility(values: Array) -> Array:
    """One value a block, as (2, blocks)."""
    return values.reshape(len(VOLATILITIES), -1)


def _over_blocks(values: Array, stage: Stage) -> Measured:
    """The mean of (agents, blocks), with an interval over blocks, which have the same walks in both volatilities."""
    return replace(measure(values), lifetimes=stage.episodes)


def _players(stage: Stage, role: str, rules: Sequence[Learner]) -> list[Player]:
    if rules:
        return [(role, DECLARED, rules)]
    return [(role, play, agents) for play, agents in stage.plays(role).items()]


def bic_of_blocks(fitted: RescorlaWagnerFit) -> Array:
    """What each block adds to a model's BIC (blocks,)."""
    penalty = fitted.num_parameters * np.log(fitted.num_choices.sum()) / len(fitted.blocks)
    return np.asarray(penalty - 2 * fitted.log_likelihood)


def measure_models(stage: Stage, figure: str, rules: Sequence[Learner] = ()) -> tuple[Data, list[Verdict]]:
    """Figures 4c and 4d: how well the models fit, of agents or of given rules, relative to the model ``b``."""
    who = "rescorla_wagner" if rules else "agent"
    rows, found = [], {}
    for name, play, players in _players(stage, who, rules):
        bic = {
            model: np.stack([_by_volatility(bic_of_blocks(fit(player, stage, model))) for player in players])
            for model in MODELS
        }
        gains = {model: _over_blocks((bic[model] - bic["b"]).mean(axis=1), stage) for model in MODELS}
        rows += [(name, play, model, gain.value, gain.low, gain.high) for model, gain in gains.items()]
        if play == DECLARED:
            found = bic

    def compare(common: str, free: str) -> Check:
        return above(f"BIC({common}) - BIC({free}) a block", _over_blocks((found[common] - found[free]).mean(1), stage))

    def no_gain(common: str, free: str) -> Check:
        return above(f"BIC({free}) - BIC({common}) a block", _over_blocks((found[free] - found[common]).mean(1), stage))

    total = {model: float(bic.sum(axis=(1, 2)).mean()) for model, bic in found.items()}
    shown = ", ".join(f"{model} {value:,.0f}" for model, value in sorted(total.items(), key=lambda each: each[1]))
    if rules:
        claim, paper = "for Rescorla-Wagner a learning rate for each block is no gain", "no gain"
        checks = [no_gain("b", "ab"), no_gain("be", "abe")]
    else:
        claim, paper = "the agent's choices are better described with a learning rate for each block", "lower BIC"
        checks = [compare(common, free) for common in COMMON for free in FREE]
    verdict = judge(figure, claim, checks, source="text", paper=paper, ours=f"BIC: {shown}")
    return columns(("learner", "play", "model", "bic", "low", "high"), rows), [verdict]


def draw_models(place: Any, data: Data, *, title: str) -> None:
    """A bar a model."""
    axes = only_axes(place, title)
    shown = where(data, play=DECLARED)
    error = np.maximum([shown["bic"] - shown["low"], shown["high"] - shown["bic"]], 0.0)
    own = style(str(shown["learner"][0]))["color"]
    for models, colour, label in ((FREE, own, "alpha by block"), (COMMON, ORACLE, "one alpha")):
        at = np.flatnonzero(np.isin(shown["model"], models))
        axes.bar(at, shown["bic"][at], 0.6, yerr=error[:, at], color=colour, label=label, error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(shown["model"])), shown["model"])
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_xlabel("free by block")
    axes.set_ylabel("BIC relative to b, a block")
    place.legend(loc="outside lower center", ncols=2, frameon=False, title="lines: 95 % interval over blocks")


def measure_rates(stage: Stage, figure: str, rules: Sequence[Learner] = ()) -> tuple[Data, list[Verdict]]:
    """Figures 4e and 4f: the learning rates of the model ``ab``, by volatility."""
    who = "rescorla_wagner" if rules else "agent"
    rows, found, known = [], np.empty(0), np.empty(0)
    for name, play, players in _players(stage, who, rules):
        fits = [fit(player, stage, "ab") for player in players]
        rates = np.stack([_by_volatility(each.estimates["alpha"]) for each in fits])
        sure = np.stack([_by_volatility(each.identified("alpha")) for each in fits])
        for kind, volatility in enumerate(VOLATILITIES):
            mean = _over_blocks(rates[:, kind], stage)
            rows += [
                (
                    *(name, play, volatility, agent + 1, block + 1, rate, int(sure[agent, kind, block])),
                    *(mean.value, mean.low, mean.high),
                )
                for (agent, block), rate in np.ndenumerate(rates[:, kind])
            ]
        if play == DECLARED:
            found, known = rates, sure
    low, high = (_over_blocks(found[:, kind], stage) for kind in range(2))
    ours = f"low {low.show()}, high {high.show()}"
    claim = partial(judge, figure, source="text", ours=ours)
    if rules:
        checks = [published("alpha, low volatility", low, RATE), published("alpha, high volatility", high, RATE)]
        verdict = claim("Rescorla-Wagner's learning rate is the same in both volatilities", checks, paper="about 0.5")
    else:
        # Of choices that do not depend on rewards any learning rate fits as well, and none may be compared.
        told = replace(measure(known.reshape(len(known), -1)), lifetimes=stage.episodes)
        checks = [
            above("alpha(high) - alpha(low)", _over_blocks(found[:, 1] - found[:, 0], stage)),
            above("blocks whose alpha can be identified", told, 0.5),
        ]
        verdict = claim("the agent learns faster where volatility is high", checks, paper="alpha(high) > alpha(low)")
    names = ("learner", "play", "volatility", "agent", "block", "alpha", "identified", "mean", "low", "high")
    return columns(names, rows), [verdict]


def draw_rates(place: Any, data: Data, *, title: str) -> None:
    """A dot a block, and the mean."""
    axes = only_axes(place, title)
    shown = where(data, play=DECLARED)
    for at, volatility in enumerate(VOLATILITIES):
        mine = where(shown, volatility=volatility)
        spread = np.linspace(-0.25, 0.25, len(mine["alpha"]))
        colour = style(str(mine["learner"][0]))["color"]
        axes.scatter(at + spread, mine["alpha"], 6, color=colour, alpha=0.5, linewidth=0, label="a block" if at else "")
        mean, low, high = (mine[name][0] for name in ("mean", "low", "high"))
        label = "mean, 95 % interval" if at else ""
        axes.errorbar(at, mean, [[mean - low], [high - mean]], fmt="_", color="black", markersize=24, label=label)
    axes.set_xticks(range(2), [f"{name} volatility" for name in VOLATILITIES])
    axes.set_xlim(-0.6, 1.6)
    axes.set_ylim(0.0, 1.05)
    axes.set_ylabel("fitted learning rate alpha")
    axes.legend(frameon=False, loc="lower right")


BLOCKS = (
    "Blocks of low and of high volatility are ten lifetimes each, in the same walks but for their step size. The paper "
    "does not say how epsilon is treated where it is not free; here it is 0 then."
)
FIGURES = (
    PaperFigure(
        name="4c",
        title="Restless bandit: models of the agent's choices",
        measure=partial(measure_models, figure="4c"),
        draw=partial(draw_models, title="Agent"),
        roles=(AGENT,),
        episodes=100,
        seconds=15,
        width=2.2,
        differs=BLOCKS,
    ),
    PaperFigure(
        name="4d",
        title="Restless bandit: models of a Rescorla-Wagner learner's choices",
        measure=partial(measure_models, figure="4d", rules=(RescorlaWagner(alpha=RATE),)),
        draw=partial(draw_models, title="Rescorla-Wagner"),
        episodes=100,
        seconds=4,
        width=2.2,
        differs=BLOCKS,
    ),
    PaperFigure(
        name="4e",
        title="Restless bandit: the agent's fitted learning rate by volatility",
        measure=partial(measure_rates, figure="4e"),
        draw=partial(draw_rates, title="Agent"),
        roles=(AGENT,),
        episodes=100,
        seconds=2,
        width=WHOLE / 2,
        differs=BLOCKS,
    ),
    PaperFigure(
        name="4f",
        title="Restless bandit: a Rescorla-Wagner learner's fitted learning rate by volatility",
        measure=partial(measure_rates, figure="4f", rules=(RescorlaWagner(alpha=RATE),)),
        draw=partial(draw_rates, title="Rescorla-Wagner"),
        episodes=100,
        seconds=1,
        width=WHOLE / 2,
        differs=BLOCKS,
    ),
)
