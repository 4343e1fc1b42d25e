"""The optimum of any discrete family, by dynamic programming over the beliefs that can be reached."""

from __future__ import annotations

import numpy as np

from meta_envs.errors import Unsolvable
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.policies import TabularPolicy
from meta_envs.lifetimes.beliefs import first_state, merge
from meta_envs.limits import require_seconds, tell_sizes
from meta_envs.solvers.optimum import Optimum
from meta_envs.terminal.progress import track

MAX_BRANCHES = 1 << 26
"""Branches (belief, action, outcome) of the largest family that is solved: about a gigabyte while it is."""
CHUNK = 1 << 14
"""Beliefs whose branches are expanded at once."""
CALL, NUMBER = 5e-5, 2e-9
"""Seconds that a branch takes, and a number of a belief in it."""
TIE = 1e-10
"""Actions whose values differ by no more are equally good, and the lowest is played: rounding decides nothing."""


class TreePolicy(TabularPolicy):
    """A policy over numbered beliefs. The last node of a step stands for all that cannot happen or comes after the end.

    Args:
        family: The family for whose prior the policy is.
        actions: For each step the nodes' actions (N + 1,).
        values: For each step the nodes' action values (N + 1, A).
        children: For each step the nodes that follow ((N + 1) * A * K,), int32.
    """

    def __init__(
        self, family: DiscreteFamily, actions: list[Array], values: list[Array], children: list[Array]
    ) -> None:
        super().__init__(family)
        self._actions, self._values, self._children = actions, values, children

    def start(self, num: int) -> Array:
        """The only first node (num,)."""
        return np.zeros(num, np.intp)

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        return self._actions[step].take(node).astype(np.intp)

    def values(self, step: int, node: Array) -> Array:
        """Action values (num, A)."""
        return self._values[step][node]

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Nodes (num,) after a step."""
        branch = (node * self.family.num_actions + action) * self.family.num_outcomes + outcome
        return self._children[step].take(branch)


def most_beliefs(family: DiscreteFamily) -> int:
    """Most beliefs that are enumerated."""
    return MAX_BRANCHES // (family.num_actions * family.num_outcomes)


def solve_generic(family: DiscreteFamily) -> Optimum:
    """Exact optimum of any discrete family: reachable beliefs forward, level by level and merged, then values backward.

    Raises:
        Unsolvable: If the first state is random or there are too many beliefs.
    """
    belief, state = family.initial_belief(), first_state(family)
    levels: list[tuple[Array, Array, Array]] = []
    total, most = 0, most_beliefs(family)
    endless = type(family).terminated is TaskFamily.terminated
    for step in track(range(family.horizon), f"Going through the beliefs of {type(family).__name__}"):
        total += len(belief)
        # Where no lifetime ends early, beliefs do not become fewer; else the rest may have none.
        least = total + len(belief) * (family.horizon - step - 1) * endless
        if least > most:
            raise Unsolvable(
                f"{type(family).__name__} has at least {least:,} beliefs in its {family.horizon} steps, more than the "
                f"{most:,} that are gone through: give it fewer trials or arms, or compare learners by their regret, "
                f"which needs no optimum."
            )
        _require_time(family, belief, step)
        children, probs, rewards, belief, state = _expand(family, belief, state, step == family.horizon - 1)
        levels.append((children, probs, rewards))
    actions, worth, followers = [], [], []
    best = uniform = np.zeros(1)
    while levels:
        children, probs, rewards = levels.pop()
        values = rewards + np.sum(probs * best[children], axis=-1)
        played = np.mean(rewards + np.sum(probs * uniform[children], axis=-1), axis=-1)
        action = np.argmax(values >= np.max(values, axis=-1, keepdims=True) - TIE, axis=-1)
        nowhere = np.full((1, *children.shape[1:]), len(best) - 1, np.int32)
        followers.append(np.concatenate([children, nowhere]).ravel())
        actions.append(np.append(action, 0).astype(np.min_scalar_type(family.num_actions)))
        worth.append(np.concatenate([values, np.zeros((1, family.num_actions))]))
        best, uniform = np.append(np.max(values, axis=-1), 0.0), np.append(played, 0.0)
    return Optimum(
        value=float(best[0]),
        achieved=float(best[0]),
        kind="exact",
        note=f"dynamic programming over {total:,} reachable beliefs",
        random_value=float(uniform[0]),
        table=TreePolicy(family, actions[::-1], worth[::-1], followers[::-1]),
    )


def _require_time(family: DiscreteFamily, belief: Array, step: int) -> None:
    """Refuse what takes too long, if there are no fewer beliefs (N, D) in the steps that are left than in this."""
    branches = family.num_actions * (1 + family.num_outcomes)
    need = branches * (CALL + NUMBER * belief.size * (1 + family.num_outcomes)) * (family.horizon - step)
    require_seconds(need, f"The optimum of {tell_sizes(family)}")


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
