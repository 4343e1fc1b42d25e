"""The Bayes optimum: by dynamic programming over the beliefs that can be reached, or by a family's own solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from math import comb
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.plans import Plan, PlanPlayer, TreePlan, TwoArmPlan
from meta_envs.registry import make_family

if TYPE_CHECKING:
    from meta_envs.learners import Learner

MAX_BRANCHES = 1 << 26
"""Branches (belief, action, outcome) of the largest family that is solved: about a gigabyte while it is."""
MAX_COUNTS = 1 << 28
"""Beliefs of the longest lifetimes with two independent arms that are solved: a byte each, and some seconds."""
CHUNK = 1 << 14
"""Beliefs whose branches are expanded at once."""
FEW_STEPS = 10
"""Steps up to which all histories are gone through, also where a family has a solver of its own."""
SPECIAL = {
    "meta_envs.families.restless:RestlessBandit": "meta_envs.filtering:solve_restless",
    "meta_envs.families.switching:SwitchingTwoStep": "meta_envs.filtering:solve_switching",
    "meta_envs.families.harlow:Harlow": "meta_envs.harlow_optimum:solve_harlow",
    "meta_envs.families.harlow_symbolic:HarlowSymbolic": "meta_envs.harlow_optimum:solve_harlow",
    "meta_envs.families.tabular:TabularMDP": "meta_envs.mdp_optimum:solve_tabular",
    "meta_envs.families.i_maze:IMaze": "meta_envs.maze_optimum:solve_i_maze",
    "meta_envs.families.random_maze:RandomMaze": "meta_envs.maze_optimum:solve_random_maze",
}
"""Families that have solvers of their own, imported when they are needed."""
TIE = 1e-10
"""Actions whose values differ by no more are equally good, and the lowest is played: rounding decides nothing."""


@dataclass(frozen=True)
class Optimum:
    """How well a family can be played by a learner that starts with nothing but the prior."""

    value: float
    """The Bayes-optimal expected return of a lifetime, or an upper bound of it."""
    achieved: float
    """The expected return of ``policy``; equals ``value`` where that is exact, else mostly simulated (``note``)."""
    kind: Literal["exact", "bound"]
    """Whether ``value`` is exact or an upper bound."""
    note: str
    """How it was computed, and of what it is a bound."""
    random_value: float
    """The expected return of uniformly random play, exact but where ``note`` says that it was simulated."""
    plan: Plan | None = field(default=None, repr=False, compare=False)
    """The policy as tables, which `policy` plays, where it has that form."""
    player: Callable[[], Learner] | None = field(default=None, repr=False, compare=False)
    """Makes a learner that plays the policy, where it has no such form."""

    @property
    def policy(self) -> Learner:
        """A new learner that plays the optimum."""
        if self.plan is not None:
            return PlanPlayer(self.plan)
        assert self.player is not None
        return self.player()


def solve(id: str | TaskFamily, **keywords: Any) -> Optimum:
    """The Bayes-optimal expected return of a family, and the policy that has it. Remembered for the next call.

    It is exact or an upper bound, as ``kind`` and ``note`` say; where it is a bound, the policy may be any learner that
    comes near it.

    Args:
        id: An environment's id, or a family.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Raises:
        ValueError: If the family has no finite law, a random first state, or too many beliefs to go through (then with
            their number and what to do instead).
    """
    result = _solve(make_family(id, **keywords))
    if isinstance(result, str):
        raise ValueError(result)
    return result


@lru_cache(maxsize=16)
def _solve(family: TaskFamily) -> Optimum | str:
    """The optimum or, remembered as well because it takes long to find out, why there is none."""
    # Of just these classes: one derived from them may have other rewards, which their special solver would not see.
    special = SPECIAL.get(f"{type(family).__module__}:{type(family).__qualname__}")
    if special and not (isinstance(family, DiscreteFamily) and family.horizon <= FEW_STEPS):
        module, _, name = special.partition(":")
        return getattr(import_module(module), name)(family)
    if not isinstance(family, DiscreteFamily):
        return f"{type(family).__name__} cannot be solved: its actions and outcomes are not finitely many."
    try:
        if type(family) is IndependentBandit:
            # Ways to share up to num_trials - 1 pulls out among the arms' successes and failures.
            beliefs = comb(family.num_trials - 1 + 2 * family.num_arms, 2 * family.num_arms)
            most = MAX_COUNTS if family.num_arms == 2 else _most_beliefs(family)
            if beliefs > most:
                from meta_envs.bounds import solve_by_bounds

                number = f"{beliefs:,}" if beliefs < 10**18 else f"10^{len(str(beliefs)) - 1}"
                return solve_by_bounds(family, f"has {number} beliefs, more than the {most:,} that are gone through")
            if family.num_arms == 2:
                return solve_two_arms(family)
        return solve_generic(family)
    except ValueError as error:
        return str(error)


def _most_beliefs(family: DiscreteFamily) -> int:
    return MAX_BRANCHES // (family.num_actions * family.num_outcomes)


def solve_generic(family: DiscreteFamily) -> Optimum:
    """Exact optimum of any discrete family: reachable beliefs forward, level by level and merged, then values backward.

    Raises:
        ValueError: If the first state is random or there are too many beliefs.
    """
    belief, state = family.initial_belief(), first_state(family)
    levels: list[tuple[Array, Array, Array]] = []
    total, most = 0, _most_beliefs(family)
    for step in range(family.horizon):
        total += len(belief)
        if total > most:
            raise ValueError(
                f"{type(family).__name__} has {total:,} beliefs after {step} of {family.horizon} steps, more than the "
                f"{most:,} that are gone through: give it fewer trials or arms, or compare learners by their regret, "
                f"which needs no optimum."
            )
        children, probs, rewards, belief, state = _expand(family, belief, state, step == family.horizon - 1)
        levels.append((children, probs, rewards))
    actions, followers = [], []
    best = uniform = np.zeros(1)
    while levels:
        children, probs, rewards = levels.pop()
        values = rewards + np.sum(probs * best[children], axis=-1)
        played = np.mean(rewards + np.sum(probs * uniform[children], axis=-1), axis=-1)
        action = np.argmax(values >= np.max(values, axis=-1, keepdims=True) - TIE, axis=-1)
        nowhere = np.full((1, *children.shape[1:]), len(best) - 1, np.int32)
        followers.append(np.concatenate([children, nowhere]).ravel())
        actions.append(np.append(action, 0).astype(np.min_scalar_type(family.num_actions)))
        best, uniform = np.append(np.max(values, axis=-1), 0.0), np.append(played, 0.0)
    return Optimum(
        value=float(best[0]),
        achieved=float(best[0]),
        kind="exact",
        note=f"dynamic programming over {total:,} reachable beliefs",
        random_value=float(uniform[0]),
        plan=TreePlan(family, actions[::-1], followers[::-1]),
    )


def _expand(
    family: DiscreteFamily, belief: Array, state: Array, last: bool
) -> tuple[Array, Array, Array, Array, Array]:
    """One step from N beliefs and states: children and probabilities (N, A, K), mean rewards (N, A), and what follows.

    A child is its place among the beliefs and states that follow, merged; where there is none, their number.
    """
    shape = (len(belief), family.num_actions, family.num_outcomes)
    probs, rewards = np.empty(shape), np.empty(shape[:2])
    places: list[tuple[Array, Array]] = []
    beliefs: list[Array] = []
    states: list[Array] = []
    for start in range(0, len(belief), CHUNK):
        chunk = slice(start, start + CHUNK)
        found = []
        for action in range(family.num_actions):
            given = belief[chunk], state[chunk], np.full(len(belief[chunk]), action)
            probs[chunk, action] = family.predict(*given)
            rewards[chunk, action] = family.expected_reward(probs[chunk, action], *given[1:])
            if not last:
                found += [_follow(family, given, probs[chunk, action], start, outcome) for outcome in range(shape[2])]
        if found:
            place, new_belief, new_state = (np.concatenate(parts) for parts in zip(*found, strict=True))
            first, inverse = merge(new_belief, new_state)
            places.append((place, inverse + sum(len(part) for part in beliefs)))
            beliefs.append(new_belief[first])
            states.append(new_state[first])
    children = np.zeros(shape, np.int32)
    if last:
        return children, probs, rewards, belief, state
    # With the empty parts in front there is something to join also when all lifetimes are over.
    belief, state = np.concatenate([belief[:0], *beliefs]), np.concatenate([state[:0], *states])
    first, inverse = merge(belief, state)
    children[...] = len(first)
    for place, reached in places:
        children.ravel()[place] = inverse[reached]
    return children, probs, rewards, belief[first], state[first]


def _follow(
    family: DiscreteFamily, given: tuple[Array, Array, Array], probs: Array, start: int, outcome: int
) -> tuple[Array, Array, Array]:
    """What follows after one action and outcome: places among the branches, beliefs and states, where they go on."""
    index = np.flatnonzero(probs[:, outcome] > 0.0)
    belief, state, action = (part[index] for part in given)
    result = np.full(len(index), outcome)
    place = ((start + index) * family.num_actions + action) * family.num_outcomes + outcome
    belief, state = family.update_belief(belief, state, action, result), family.next_state(state, action, result)
    goes_on = ~family.terminated(None, state)
    return place[goes_on], belief[goes_on], state[goes_on]


def merge(belief: Array, state: Array) -> tuple[Array, Array]:
    """Finds equal pairs of belief (B, D) and state (B, S), real numbers to 12 decimals.

    Returns:
        Indices (M,) of the first of each kind, and for each pair the place (B,) of its kind among them.
    """
    key, span = np.zeros(len(belief), np.int64), 1
    for column in (*belief.T, *state.T):
        code = np.unique(np.round(column, 12), return_inverse=True)[1] if column.dtype.kind == "f" else column
        code = code.astype(np.int64) - (code.min() if len(code) else 0)
        width = int(code.max(initial=0)) + 1
        if span * width >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1]
            span = int(key.max()) + 1
        if span * width >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1]
            width = int(code.max()) + 1
        key, span = key * width + code, span * width
    return np.unique(key, return_index=True, return_inverse=True)[1:]


def first_state(family: TaskFamily) -> Array:
    """The state (1, S) in which every lifetime begins.

    Raises:
        ValueError: If lifetimes begin in different states.
    """
    size = family.num_task_chance
    chance = np.concatenate(
        [np.zeros((1, size)), np.random.default_rng(0).random((254, size)), np.ones((1, size)) - 2**-53]
    )
    task = None if isinstance(family, DiscreteFamily) else family.sample_task(chance)
    states = family.initial_state(task, chance)
    if np.any(states != states[:1]):
        raise ValueError(
            f"{type(family).__name__} begins in a random state, and beliefs are followed from one known state: let its "
            f"first step draw the state as an outcome."
        )
    return states[:1]


def solve_two_arms(family: IndependentBandit) -> Optimum:
    """Exact optimum of two independent arms: values over the pulls of the first arm and both arms' successes.

    A step back is a few array operations for each number n1 of pulls of the first arm, over its successes s1 and the
    other arm's s2, of which there are ``step - n1`` pulls.
    """
    horizon, alpha, beta = family.num_trials, family.alpha, family.beta
    values = [np.zeros((pulls + 1, horizon - pulls + 1)) for pulls in range(horizon + 1)]
    means = [(alpha + np.arange(pulls + 1)) / (alpha + beta + pulls) for pulls in range(horizon)]
    second: list[Array] = []
    for step in reversed(range(horizon)):
        plays_second = []
        for pulls in range(step + 1):
            mean, other, now = means[pulls][:, None], means[step - pulls], values[pulls]
            on_first = mean * (1.0 + values[pulls + 1][1:]) + (1.0 - mean) * values[pulls + 1][:-1]
            on_second = other * (1.0 + now[:, 1:]) + (1.0 - other) * now[:, :-1]
            plays_second.append((on_second > on_first + TIE).ravel())
            values[pulls] = np.maximum(on_first, on_second)
        second.append(np.concatenate(plays_second))
    beliefs = comb(horizon + 3, 4)
    return Optimum(
        value=float(values[0][0, 0]),
        achieved=float(values[0][0, 0]),
        kind="exact",
        note=f"dynamic programming over {beliefs:,} counts of successes and failures",
        random_value=horizon * alpha / (alpha + beta),
        plan=TwoArmPlan(family, second[::-1]),
    )
