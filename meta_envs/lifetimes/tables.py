"""Tables of families with few states: what all tasks have in common, and the law of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from meta_envs.family import Array, DiscreteFamily, FiniteTaskFamily, Observation, TaskFamily, cumulative
from meta_envs.lifetimes.beliefs import merge
from meta_envs.limits import ENTRY, require_bytes, tell_sizes

LONG = 1 << 12
"""Numbers of a task times pairs of state and action from which on laws are tabulated one task after the other."""

MOST_LISTED = 1 << 24
"""Entries of the laws of all tasks of a family that lists them, kept for its lifetimes."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables of what all tasks of a family with few states have in common: N states, A actions, K outcomes."""

    states: Array
    """(N, S)"""
    num_actions: int
    num_outcomes: int
    pair_state: Array
    """(N * A, S) the state of every pair of a state and an action"""
    pair_action: Array
    """(N * A,) its action"""
    next_row: Array
    """(N * A * K,) rows of ``states``"""
    reward: Array
    """(N * A * K,) float64"""
    observation: Observation
    """(N, ...)"""
    terminal: Array | None
    """(N,) or None where no state ends a lifetime early"""


@lru_cache(maxsize=64)
def tabulate(family: TaskFamily) -> Tables | None:
    """Tables of a family with few states, made once; None for other families.

    Raises:
        ValueError: If ``next_state`` leaves the listed states.
    """
    states = family.states() if isinstance(family, DiscreteFamily) else None
    if states is None or not isinstance(family, DiscreteFamily):
        return None
    count, actions, outcomes = len(states), family.num_actions, family.num_outcomes
    require_bytes(ENTRY * count * actions * outcomes, f"The law of {tell_sizes(family)}")
    row, action, outcome = (grid.ravel() for grid in np.indices((count, actions, outcomes)))
    following = family.next_state(states[row], action, outcome)
    terminal = family.terminated(None, states)
    pair_row, pair_action = (grid.ravel() for grid in np.indices((count, actions)))
    return Tables(
        states=states,
        num_actions=actions,
        num_outcomes=outcomes,
        pair_state=states[pair_row],
        pair_action=pair_action,
        next_row=find_rows(states, following),
        reward=family.reward(states[row], action, outcome).astype(np.float64),
        observation=family.observe(None, states),
        terminal=terminal if terminal.any() else None,
    )


def is_bandit(family: TaskFamily) -> bool:
    """Whether all there is to a family are actions and what they pay: restless bandits are ones too.

    It says so itself, or it lists its states, and no action changes which comes next, nor can observations tell one
    from another.
    """
    tables = tabulate(family)
    if tables is None:
        return family.bandit
    following = tables.next_row.reshape(len(tables.states), -1)
    alike = isinstance(tables.observation, np.ndarray) and np.all(tables.observation == tables.observation[:1])
    return bool(alike and np.all(following == following[:, :1]))


@lru_cache(maxsize=64)
def reachable_rows(family: DiscreteFamily) -> list[Array]:
    """Rows of ``family.states()`` in which a lifetime may be, for each step from the first (horizon,).

    Raises:
        ValueError: If the family does not list its states.
    """
    tables = tabulate(family)
    if tables is None:
        raise ValueError(f"{type(family).__name__} does not list its states, so that its tasks cannot be solved.")
    chance = np.random.default_rng(0).random((256, family.num_task_chance))
    first = np.unique(find_rows(tables.states, family.initial_state(None, chance)))
    # Where lifetimes begin in several states, those drawn here may not be all of them.
    rows = first if len(first) == 1 else np.arange(len(tables.states))
    following = tables.next_row.reshape(len(tables.states), -1)
    reached = [rows]
    for step in range(1, family.horizon):
        rows = np.unique(following[rows])
        if np.array_equal(rows, reached[-1]):
            # And so for ever.
            return reached + reached[-1:] * (family.horizon - step)
        reached.append(rows)
    return reached


def find_rows(states: Array, wanted: Array) -> Array:
    """Indices (B,) at which the rows ``wanted`` (B, S) stand in ``states`` (N, S).

    Raises:
        ValueError: If one of them does not.
    """
    if len(states) == 1:
        return np.zeros(len(wanted), np.intp)
    if np.all(wanted == wanted[:1]):
        first = np.flatnonzero(np.all(states == wanted[:1], axis=-1))[:1]
        if len(first) == 1:
            return np.repeat(first, len(wanted))
    both = np.concatenate([states, wanted])
    code = merge(both, both[:, :0])[1]
    row_of = np.full(len(code), -1)
    row_of[code[: len(states)][::-1]] = np.arange(len(states))[::-1]
    rows = row_of[code[len(states) :]]
    if np.any(rows < 0):
        raise ValueError(f"The state {wanted[rows < 0][0]} is not among those of states(): list every reachable state.")
    return rows


def law_thresholds(family: DiscreteFamily, tables: Tables, task: Array) -> Array:
    """Cumulative outcome probabilities (B, N * A * (K - 1)) of tasks (B, T), over all states and actions."""
    listed = _listed_laws(family) if isinstance(family, FiniteTaskFamily) else None
    if listed is not None:
        known, laws = listed
        same = np.all(task[:, None] == known, axis=-1)
        if np.all(np.any(same, axis=-1)):
            return laws.take(np.argmax(same, axis=-1), axis=0)
    return _tabulate_laws(family, tables, task)


@lru_cache(maxsize=64)
def _listed_laws(family: FiniteTaskFamily) -> tuple[Array, Array] | None:
    """The tasks of a family (G, T) and their laws, where finding a task among them costs less than its law does."""
    tables, (known, _) = tabulate(family), family.tasks()
    assert tables is not None
    if known.size > tables.next_row.size or len(known) * tables.next_row.size > MOST_LISTED:
        return None
    return known, _tabulate_laws(family, tables, known)


def _tabulate_laws(family: DiscreteFamily, tables: Tables, task: Array) -> Array:
    return cumulative(tabulate_probs(family, tables, task)).reshape(len(task), -1)


def tabulate_probs(family: DiscreteFamily, tables: Tables, task: Array) -> Array:
    """Outcome probabilities (B * N * A, K) of tasks (B, T), over all states and actions."""
    batch, state, action = len(task), tables.pair_state, tables.pair_action
    if task.shape[1] * len(action) > LONG:
        # One after the other: repeating long tasks for every pair would take more time and memory than the loop.
        shape = (len(action), task.shape[1])
        return np.concatenate([family.outcome_probs(np.broadcast_to(each, shape), state, action) for each in task])
    task = np.repeat(task, len(action), axis=0)
    if batch > 1:
        state, action = np.tile(state, (batch, 1)), np.tile(action, batch)
    return family.outcome_probs(task, state, action)
