"""Statistics of the ideal learner's belief, by name, of whatever family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from meta_envs.families.dependent import DependentBandit
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.family import Array, DiscreteFamily, FiniteTaskFamily, TaskFamily
from meta_envs.lifetimes.beliefs import first_belief

Statistics = tuple[tuple[str, ...], Callable[[Array, Array], Array]]
"""Names (D,), and what makes (num, D) float64 of beliefs (num, ...) and states (num, S)."""


def name_statistics(family: TaskFamily) -> Statistics | None:
    """What of a belief is shown, or None where no belief is known.

    - Independent arms: mean and standard deviation of each arm's posterior.
    - Gaussian arms: the same of each arm that is not sure.
    - Dependent arms: the posterior mean of arm 1.
    - Restless arms: mean and standard deviation of arm 1 now, and the probability of each volatility if there are
      several.
    - The switching two-step task: the probability that S2 is the better state now.
    - Families that list their tasks: the probability of each; of two tasks that of the first.
    - Other discrete families: what each action is expected to pay in the present state.
    - Harlow's task, and others that read a belief off their state: its numbers as they are.
    """
    for kind, make in KINDS.items():
        if isinstance(family, kind):
            found: Statistics = make(family)
            return found
    prior = first_belief(family)
    return None if prior is None else (tuple(f"belief_{place + 1}" for place in range(prior.shape[1])), _as_they_are)


def expected_rewards(family: TaskFamily, belief: Array, state: Array) -> Array | None:
    """What each action is expected to pay at once (num, A), by beliefs (num, ...) in states (num, S), if known."""
    if isinstance(family, GaussianBandit):
        return belief[:, : family.num_arms]
    if not isinstance(family, DiscreteFamily):
        return None
    paid = []
    for number in range(family.num_actions):
        action = np.full(len(belief), number)
        paid.append(family.expected_reward(family.predict(belief, state, action), state, action))
    return np.stack(paid, axis=-1)


def _as_they_are(belief: Array, state: Array) -> Array:
    return belief.astype(np.float64)


def _of_independent(family: IndependentBandit) -> Statistics:
    def measure(belief: Array, state: Array) -> Array:
        alpha, beta = family.alpha + belief[:, : family.num_arms], family.beta + belief[:, family.num_arms :]
        mean, count = alpha / (alpha + beta), alpha + beta
        return np.concatenate([mean, np.sqrt(mean * (1.0 - mean) / (count + 1.0))], axis=-1)

    arms = range(1, family.num_arms + 1)
    return (*(f"mean_{arm}" for arm in arms), *(f"sd_{arm}" for arm in arms)), measure


def _of_gaussian(family: GaussianBandit) -> Statistics:
    unsure = np.flatnonzero(family.unsure)
    columns = np.append(unsure, family.num_arms + unsure)
    names = tuple(f"{name}_{arm + 1}" for name in ("mean", "sd") for arm in unsure.tolist())
    return names, lambda belief, state: belief[:, columns]


def _of_dependent(family: DependentBandit) -> Statistics:
    def measure(belief: Array, state: Array) -> Array:
        return family.predict(belief, state, np.zeros(len(belief), np.intp))[:, 1:].astype(np.float64)

    return ("mean_1",), measure


def _of_restless(family: RestlessBandit) -> Statistics:
    centers = (np.arange(family.num_cells) + 0.5) / family.num_cells
    several = len(family.sigmas) > 1

    def measure(belief: Array, state: Array) -> Array:
        weights = belief[:, 1:].reshape(len(belief), len(family.sigmas), -1)
        cells = np.sum(weights, axis=1)
        mean = cells @ centers
        spread = np.sqrt(np.maximum(cells @ centers**2 - mean**2, 0.0))
        volatility = np.sum(weights, axis=-1) if several else weights[:, :0, 0]
        return np.concatenate([np.stack([mean, spread], axis=-1), volatility], axis=-1)

    return ("mean_1", "sd_1", *(f"P(sigma={sigma:g})" for sigma in family.sigmas if several)), measure


def _of_switching(family: SwitchingTwoStep) -> Statistics:
    return ("P(better=2)",), lambda belief, state: belief[:, 1:]


def _of_tasks(family: FiniteTaskFamily) -> Statistics:
    tasks = family.tasks()[0]
    shown = len(tasks) if len(tasks) != 2 else 1
    names = [
        ", ".join(f"{name}={value:g}" for name, value in zip(family.task_names, task, strict=True)) for task in tasks
    ]
    return tuple(f"P({name})" for name in names[:shown]), lambda belief, state: belief[:, :shown]


def _of_actions(family: DiscreteFamily) -> Statistics:
    names = tuple(f"mean_{action + 1}" for action in range(family.num_actions))
    return names, lambda belief, state: np.asarray(expected_rewards(family, belief, state))


KINDS: dict[Any, Callable[..., Statistics]] = {
    IndependentBandit: _of_independent,
    GaussianBandit: _of_gaussian,
    DependentBandit: _of_dependent,
    RestlessBandit: _of_restless,
    SwitchingTwoStep: _of_switching,
    FiniteTaskFamily: _of_tasks,
    DiscreteFamily: _of_actions,
}
"""Who makes them, by the first kind that a family is of."""
