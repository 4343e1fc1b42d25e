"""Bandits with Bernoulli arms: the base class of their families."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, DiscreteFamily


@dataclass(frozen=True, kw_only=True)
class BernoulliBandit(DiscreteFamily):
    """Arms that pay 1 with a fixed hidden probability and else 0; a step is a pull. The task is the arms' means."""

    num_trials: int = 100

    @property
    @abstractmethod
    def arms(self) -> int:
        """Number of arms."""

    @property
    def horizon(self) -> int:
        """Pulls of a lifetime."""
        return self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        """The arm to pull."""
        return spaces.Discrete(self.arms)

    @property
    def observation_space(self) -> spaces.Box:
        """A bandit shows nothing."""
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    @property
    def num_outcomes(self) -> int:
        """0: unrewarded, 1: rewarded."""
        return 2

    @property
    def reward_values(self) -> tuple[float, ...]:
        """Unrewarded and rewarded."""
        return (0.0, 1.0)

    def states(self) -> Array:
        """One state (1, 0): nothing changes."""
        return np.zeros((1, 0))

    def initial_state(self, task: Any, chance: Array) -> Array:
        """The only state (B, 0)."""
        return np.zeros((len(chance), 0))

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        """``1 - p`` and ``p`` of the pulled arm (B, 2)."""
        probs = np.empty((len(action), 2))
        probs[:, 1] = task[np.arange(len(action)), action]
        probs[:, 0] = 1.0 - probs[:, 1]
        return probs

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        """The only state (B, 0)."""
        return state

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        """1 for a rewarded pull, else 0 (B,)."""
        return outcome.astype(np.float64)

    def observe(self, task: Any, state: Array) -> Array:
        """Zeros (B, 1)."""
        return np.zeros((len(state), 1), np.float32)
