"""State machine simulation: can the network be run as the Bayes-optimal learner, and that one as the network?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from meta_envs.analysis.beliefs import name_statistics
from meta_envs.analysis.choices import TIE
from meta_envs.analysis.recording import Trace
from meta_envs.analysis.ridge import errors_by_lifetime, predict_held_out, share, widen_features
from meta_envs.arguments import require_whole
from meta_envs.behaviour import Estimates
from meta_envs.family import Array, DiscreteFamily
from meta_envs.learners.policies import TabularPolicy
from meta_envs.lifetimes.beliefs import first_state
from meta_envs.solvers.dispatch import solve

UNITS = 200
"""Hidden units of the regressions between the two kinds of states."""
WHAT = "Simulations"
"""Who needs what is missing."""
FAR = 1e6
"""Distance between beliefs in different states."""
AT = ("mapped", "stepped", "output")
Squares = tuple[Array, Array]
"""Squared errors, and squared distances from the mean, summed over each lifetime (lifetimes, 3)."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """Dissimilarities at three places, with 95 % intervals over lifetimes. 0: the same, 1: no better than the mean.

    Each is a squared error next to the variance of the real numbers. "mapped": of the mapped states. "stepped": of the
    states after one more step of the simulating machine, on the same input. "output": of what that machine then does:
    the network's probabilities of actions, or the optimum's action, one-hot, where not all actions are equally good.
    """

    memory_from_belief: Estimates
    """The trained network, started from states that were made of beliefs."""
    belief_from_memory: Estimates
    """The Bayes-optimal learner, started from beliefs that were made of the trained network's states."""
    untrained_memory_from_belief: Estimates
    untrained_belief_from_memory: Estimates
    difference_memory_from_belief: Estimates
    """Trained less untrained, lifetime by lifetime."""
    difference_belief_from_memory: Estimates

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' ')}\n{part}" for name, part in vars(self).items())


def simulate_machine(trace: Trace, *, control: Trace | None = None, folds: int = 5, units: int = UNITS) -> Simulation:
    """State machine simulation, both ways: how alike the network computes to the Bayes-optimal learner.

    Two small regressions, fitted on other lifetimes, map belief states to memory states and back. From the mapped state
    the machine takes one step on what happened next, and its new state and its output are compared with those of the
    machine that went the whole way. Before its step the optimum is put to the nearest belief that a lifetime had
    then, since it is known only for beliefs that can be.

    Source: Mikulik et al. 2020, arXiv 2010.11223, section 3; Kuo et al. 2025, arXiv 2510.22039. They compare outputs of
    mapped states; the step between is ours, and so are the regressions, a random hidden layer with ridge regression in
    place of a trained network.

    Args:
        trace: Of an agent in a discrete family.
        control: A trace of the same lifetimes to compare with, by default ``trace.control``.
        folds: Parts that the lifetimes are split into.
        units: Hidden units of the regressions.

    Raises:
        ValueError: If the learner has no memory, no optimum over nodes is known, or lifetimes are of one step.
    """
    if not isinstance(trace.family, DiscreteFamily):
        raise ValueError(
            f"{WHAT} step from belief to belief, and that of {type(trace.family).__name__} is read off its state: take "
            "a discrete family, such as a bandit of 0 and 1."
        )
    for name in ("state", "belief", "best_action"):
        trace.need(WHAT, name)
    units, control = require_whole("units", units, 0), trace.control if control is None else control
    trained, untrained = (
        {"memory_from_belief": _run_network(each, folds, units), "belief_from_memory": _run_optimum(each, folds, units)}
        for each in (trace, control)
    )
    return Simulation(
        **{way: share(*trained[way], AT) for way in trained},
        **{f"untrained_{way}": share(*untrained[way], AT) for way in trained},
        **{f"difference_{way}": _subtract(trained[way], untrained[way]) for way in trained},
    )


def _subtract(one: Squares, other: Squares) -> Estimates:
    """The difference of two dissimilarities, whose errors in a lifetime go together."""
    # What each lifetime adds to a ratio of sums, to first order; of what is constant there is no ratio.
    parts = []
    for above, below in (one, other):
        size = np.where(below.sum(axis=0) > 0.0, below.mean(axis=0), np.inf)
        parts.append((above + (above.mean(axis=0) / size) * (below.mean(axis=0) - below)) / size)
    known = (one[1].sum(axis=0) > 0.0) & (other[1].sum(axis=0) > 0.0)
    return share((parts[0] - parts[1]) * known, np.ones_like(parts[0]) * known, AT)


def _pairs(trace: Trace) -> tuple[Array, Array]:
    """Rows that have a next one in their lifetime (m,), and these (m,)."""
    later = np.flatnonzero(np.diff(trace.lifetime) == 0) + 1
    if len(later) == 0:
        raise ValueError(f"Lifetimes of {type(trace.family).__name__} are of one step here, and nothing follows it.")
    return later - 1, later


def _compare(lifetime: Array, states: tuple[Array, Array], *later: tuple[Array, Array, Array]) -> Squares:
    """Dissimilarities of real and mapped states (n, D), and of rows (m,) with real and simulated numbers (m, D)."""
    parts, nothing = [], (np.zeros((int(lifetime[-1]) + 1, 1)),) * 2
    for row, real, made in ((np.arange(len(lifetime)), *states), *later):
        # All numbers of a state together, as they are; of constant ones there is nothing to compare.
        sums = errors_by_lifetime(real, made, lifetime[row], int(lifetime[-1]) + 1) if len(row) else nothing
        parts.append([each[:, :-1].sum(axis=-1) for each in sums])
    above, below = (np.stack([part[place] for part in parts], axis=-1) for place in (0, 1))
    return above, below


def _run_network(trace: Trace, folds: int, units: int) -> Squares:
    """The network from states made of beliefs."""
    agent: Any = trace.learner
    state, table = trace.need(WHAT, "state").astype(np.float64), trace.table
    observation, probs = trace.need(WHAT, "observation"), trace.need(WHAT, "probs")
    # All that the Bayes-optimal learner has: the belief, the time, and what is seen.
    clock = table["step"][:, None] / trace.family.horizon
    has = np.concatenate([trace.need(WHAT, "belief"), clock, observation.reshape(len(trace), -1)], axis=-1)
    mapped = predict_held_out(widen_features(has, units), state, trace.lifetime, folds)
    before, after = _pairs(trace)
    stepped, acts = np.empty((len(after), state.shape[1])), np.empty((len(after), probs.shape[1]))
    for step in np.unique(table["step"][before]):
        here = table["step"][before] == step
        row, later = before[here], after[here]
        agent.begin(trace.family, len(row), np.random.default_rng(0))
        agent.resume(mapped[row], table["action"][row], table["reward"][row], int(step))
        acts[here] = agent.action_probs(observation[later])
        stepped[here] = agent.state
    return _compare(trace.lifetime, (state, mapped), (after, state[after], stepped), (after, probs[after], acts))


def _run_optimum(trace: Trace, folds: int, units: int) -> Squares:
    """The Bayes-optimal learner from beliefs made of memory states."""
    family: Any = trace.family
    table, belief, outcome = trace.table, trace.need(WHAT, "belief"), trace.need(WHAT, "outcome")
    policy, statistics = solve(family).table, name_statistics(family)
    if policy is None:
        raise ValueError(f"The optimum of {type(family).__name__} has no nodes to start from: take another task.")
    assert statistics is not None
    clock = table["step"][:, None] / family.horizon
    seen = np.concatenate([trace.need(WHAT, "state"), clock], axis=-1).astype(np.float64)
    mapped = predict_held_out(widen_features(seen, units), belief, trace.lifetime, folds)
    scale = np.maximum(np.std(belief, axis=0), 1e-12)
    num = int(trace.lifetime[-1]) + 1
    rows = np.full((num, family.horizon), -1)
    rows[trace.lifetime, table["step"] - 1] = np.arange(len(trace))
    made, action = np.empty(belief.shape), np.zeros(len(trace), np.intp)
    now = _Machine.begin(family, policy, num)
    for step in range(family.horizon - 1):
        alive = rows[:, step] >= 0
        here, goes_on = rows[:, step], np.flatnonzero(rows[:, step + 1] >= 0)
        row, later, all_there_are = here[goes_on], rows[goes_on, step + 1], np.flatnonzero(alive)
        apart = np.sum(((mapped[row, None] - belief[here[all_there_are]]) / scale) ** 2, axis=-1)
        apart += FAR * np.any(now.state[goes_on, None] != now.state[all_there_are], axis=-1)
        nearest = all_there_are[np.argmin(apart, axis=-1)]
        then = now.take(nearest).follow(step, table["action"][row], outcome[row])
        there = statistics[1](then.belief, then.state)
        made[later] = np.where(np.isnan(there), belief[here[nearest]], there)
        action[later] = policy.action(step + 1, then.node)
        now = now.follow(step, *(np.where(alive, column[here], 0) for column in (table["action"], outcome)))
    after = _pairs(trace)[1]
    return _compare(
        trace.lifetime,
        (belief, mapped),
        (after, belief[after], made[after]),
        _compare_choices(trace, after, action[after]),
    )


def _compare_choices(trace: Trace, row: Array, action: Array) -> tuple[Array, Array, Array]:
    """Rows (k,) in which actions differ, the optimal actions there (k, A), and these ones (k, A), as ones and zeros.

    Args:
        trace: Of what was recorded.
        row: Rows (m,).
        action: What the simulating optimum does in them (m,); where it is one of several best, it is the same.
    """
    best, choices = trace.need(WHAT, "best_action")[row], np.eye(trace.family.action_space.n)  # type: ignore[attr-defined]
    if trace.action_values is None:
        return row, choices[best], choices[action]
    values = trace.action_values[row]
    behind = np.max(values, axis=-1, keepdims=True) - values
    action = np.where(behind[np.arange(len(row)), action] > TIE, action, best)
    counts = np.max(behind, axis=-1) > TIE
    return row[counts], choices[best[counts]], choices[action[counts]]


@dataclass(frozen=True, eq=False)
class _Machine:
    """The Bayes-optimal learner in many lifetimes at some step: belief, state and node of each."""

    family: DiscreteFamily
    policy: TabularPolicy
    belief: Array
    state: Array
    node: Array

    @classmethod
    def begin(cls, family: DiscreteFamily, policy: TabularPolicy, num: int) -> _Machine:
        """At the first step."""
        belief, state = (np.repeat(each, num, axis=0) for each in (family.initial_belief(), first_state(family)))
        return cls(family, policy, belief, state, policy.start(num))

    def take(self, lifetimes: Array) -> _Machine:
        """Some of the lifetimes."""
        return replace(self, belief=self.belief[lifetimes], state=self.state[lifetimes], node=self.node[lifetimes])

    def follow(self, step: int, action: Array, outcome: Array) -> _Machine:
        """After the step."""
        with np.errstate(invalid="ignore"):  # what cannot happen has no belief after it
            belief = self.family.update_belief(self.belief, self.state, action, outcome)
        return replace(
            self,
            belief=belief,
            state=self.family.next_state(self.state, action, outcome),
            node=self.policy.follow(step, self.node, action, outcome),
        )
