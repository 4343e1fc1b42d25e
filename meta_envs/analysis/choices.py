"""Does the agent choose as the Bayes-optimal learner would have, on the same history?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meta_envs.analysis.recording import Trace
from meta_envs.behaviour import Estimates
from meta_envs.behaviour.estimates import average, proportions, ratios
from meta_envs.family import Array

TIE = 1e-9
"""Actions whose values differ by no more are equally good."""
LEAST = 1e-12
"""Probabilities are at least this where their logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike agent and optimum choose, with 95 % intervals over lifetimes. Steps without a choice do not count."""

    overall: Estimates
    """Share of steps in which the action taken is an optimal one."""
    by_trial: Estimates
    """The same by trial."""
    divergence: Estimates | None
    """Mean of ``-log P(optimal actions)`` in nats: the divergence of the agent's probabilities from the nearest optimal
    policy. None of learners without probabilities."""
    loss: Estimates | None
    """What the action taken loses of the expected return by the belief, summed over a lifetime."""
    counted: float
    """Share of steps that count: those in which not all actions are equally good."""

    def __str__(self) -> str:
        parts = {"agreement": self.overall, "divergence": self.divergence, "loss a lifetime": self.loss}
        lines = [f"{name:<16}{part}" for name, part in parts.items() if part is not None]
        return "\n".join([*lines, f"{'steps counted':<16}{self.counted:.3f}"])


def agreement(trace: Trace, *, tie: float = TIE) -> Agreement:
    """How often an agent and the Bayes-optimal learner choose alike on the agent's history.

    An action agrees if its value is within ``tie`` of the best. Steps in which all actions are equally good are left
    out. Where only the optimum's action is known, not its values, every step counts and only that action agrees.

    Args:
        trace: Of an agent or any other learner.
        tie: Difference of values, in units of reward, up to which actions are equally good.

    Raises:
        ValueError: If no optimum is known, or no step counts.
    """
    best = trace.need("Agreements", "best_action")
    action, everyone = trace.table["action"], np.arange(len(trace))
    optimal = best[:, None] == np.arange(int(trace.family.action_space.n))  # type: ignore[attr-defined]
    loss = None
    if trace.action_values is not None:
        behind = np.max(trace.action_values, axis=-1, keepdims=True) - trace.action_values
        optimal = behind <= tie
        lost = np.bincount(trace.lifetime, behind[everyone, action])
        loss = average(lost, np.zeros(len(lost), np.intp), np.array(["all"]))
    counts = ~np.all(optimal, axis=-1)
    if not counts.any():
        raise ValueError(
            f"In these lifetimes of {type(trace.family).__name__} all actions are equally good in every step, to "
            f"{tie:g}: take more lifetimes, or another task."
        )
    lifetime, hits = trace.lifetime[counts], optimal[everyone, action][counts]
    trials, place = np.unique(trace.table["trial"][counts], return_inverse=True)
    divergence = None
    if trace.probs is not None:
        surprise = -np.log(np.maximum(np.sum(trace.probs * optimal, axis=-1)[counts], LEAST))
        divergence = _mean(surprise, lifetime)
    return Agreement(
        overall=proportions(hits, np.zeros(len(hits), np.intp), lifetime, np.array(["all"])),
        by_trial=proportions(hits, place, lifetime, trials),
        divergence=divergence,
        loss=loss,
        counted=float(np.mean(counts)),
    )


def exploration(trace: Trace, *, near: float = np.inf, tie: float = TIE) -> Estimates:
    """Directed exploration: how often agent and optimum take an action that is expected to pay less at once.

    Steps in which all actions are expected to pay the same, and those in which the optimum has no preference, do not
    count.

    Args:
        trace: Of an agent or any other learner.
        near: Take only steps in which the best two posterior means differ by no more than this.
        tie: Difference up to which actions are equally good.

    Returns:
        Shares of steps, of "agent" and "optimum", with 95 % intervals over lifetimes.

    Raises:
        ValueError: If no belief or no optimum is known, or no step counts.
    """
    means, best = trace.need("Explorations", "means"), trace.need("Explorations", "best_action")
    behind = np.max(means, axis=-1, keepdims=True) - means
    gap = np.sort(behind, axis=-1)[:, 1] if means.shape[1] > 1 else np.zeros(len(means))
    counts = (np.max(behind, axis=-1) > tie) & (gap <= near)
    if trace.action_values is not None:
        counts &= np.ptp(trace.action_values, axis=-1) > tie
    if not counts.any():
        raise ValueError(
            f"In these lifetimes of {type(trace.family).__name__} there is no step in which actions are expected to "
            f"pay differently at once, and the optimum prefers one: take a bandit, or a larger near= than {near:g}."
        )
    lower = behind[np.arange(len(trace))[:, None], np.stack([trace.table["action"], best], axis=-1)] > tie
    hits, lifetime = lower[counts].T.ravel(), np.tile(trace.lifetime[counts], 2)
    return proportions(hits, np.repeat([0, 1], counts.sum()), lifetime, np.array(["agent", "optimum"]))


@dataclass(frozen=True, eq=False)
class Symmetry:
    """Whether it matters what an action is called: over a symmetric prior it does not to the optimum."""

    first: Estimates
    """Share of lifetimes that begin with each action."""
    regret: Estimates | None
    """Regret of a lifetime by which action is the best one in its first step; None where regret is not known."""


def symmetry(trace: Trace) -> Symmetry:
    """Which action lifetimes begin with, and how much is lost by which action is the best one.

    Args:
        trace: Of an agent or any other learner.

    Raises:
        ValueError: If the family does not say which action is the best.
    """
    table, num = trace.table, int(trace.family.action_space.n)  # type: ignore[attr-defined]
    table.need("The symmetry", "best_action")
    first = np.flatnonzero(table["step"] == 1)
    names = np.array([f"action {action}" for action in range(num)])
    begun = (table["action"][first][:, None] == np.arange(num)).ravel()
    places = np.tile(np.arange(num), len(first))
    regret = None
    if "regret" in table:
        lost = np.bincount(trace.lifetime, table["regret"])
        regret = average(lost, table["best_action"][first], names)
    return Symmetry(proportions(begun, places, np.repeat(np.arange(len(first)), num), names), regret)


def _mean(values: Array, lifetime: Array) -> Estimates:
    """The mean of values (n,), with an interval over lifetimes."""
    num = int(np.max(lifetime)) + 1
    sums, totals = np.bincount(lifetime, values, num), np.bincount(lifetime, minlength=num)
    return ratios(sums[:, None], totals[:, None], np.array(["all"]))
