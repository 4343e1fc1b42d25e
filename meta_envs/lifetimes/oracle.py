"""The oracle: optimal play in a known task, against which regret is measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.lifetimes.tables import reachable_rows, tabulate, tabulate_probs
from meta_envs.limits import require_bytes, tell_sizes

LAW = 32
"""Bytes of a probability while values are computed from it."""


def task_action_values(
    family: TaskFamily, task: Array, laws: tuple[Array, Array] | None = None
) -> Iterator[tuple[Array, Array]]:
    """The oracle's values of all actions, exact, by backward induction over the family's tables.

    Args:
        family: A family with few states.
        task: Tasks (B, T).
        laws: What `task_laws` says of them, where that was computed already.

    Yields:
        For each step, the last one first, the rows (n,) of ``family.states()`` in which a lifetime may be then, and the
        expected returns of its rest (B, n, A): in the state of such a row, by an action and perfect play thereafter.

    Raises:
        ValueError: If the family does not list its states.
    """
    probs, rewards = laws or task_laws(family, task)
    tables = tabulate(family)
    assert tables is not None
    assert isinstance(family, DiscreteFamily)
    following = tables.next_row.reshape(probs.shape[1:])
    best = np.zeros(rewards.shape[:2])
    for rows in reversed(reachable_rows(family)):
        values = rewards[:, rows] + np.sum(probs[:, rows] * best[:, following[rows]], axis=-1)
        yield rows, values
        best[:, rows] = np.max(values, axis=-1)
        if tables.terminal is not None:
            best[:, tables.terminal] = 0.0


def best_actions(family: TaskFamily, task: Array) -> Array:
    """The oracle's actions: (horizon, B, N) small integers, the lowest of equally good ones.

    Args:
        family: A family with few states.
        task: Tasks (B, T).

    Raises:
        ValueError: If the family does not list its states.
    """
    laws = task_laws(family, task)
    _, num_states, num_actions = laws[1].shape
    actions = np.zeros((family.horizon, len(task), num_states), np.min_scalar_type(num_actions))
    steps = reversed(range(family.horizon))
    for step, (rows, values) in zip(steps, task_action_values(family, task, laws), strict=True):
        near = values >= np.max(values, axis=-1, keepdims=True) - 1e-12
        actions[step][:, rows] = np.argmax(near, axis=-1)
    return actions


def task_laws(family: TaskFamily, task: Array) -> tuple[Array, Array]:
    """Outcome probabilities (B, N, A, K) and mean rewards (B, N, A) of tasks (B, T), in all listed states.

    Raises:
        ValueError: If the family does not list its states.
    """
    tables = tabulate(family)
    if tables is None or not isinstance(family, DiscreteFamily):
        raise ValueError(f"{type(family).__name__} does not list its states, so that its tasks cannot be solved.")
    shape = (len(task), len(tables.states), tables.num_actions)
    require_bytes(LAW * len(tables.next_row) * len(task), f"The law of {len(task)} tasks of {tell_sizes(family)}")
    probs = tabulate_probs(family, tables, task).reshape(*shape, tables.num_outcomes)
    return probs, np.sum(probs * tables.reward.reshape(*shape[1:], -1), axis=-1)
