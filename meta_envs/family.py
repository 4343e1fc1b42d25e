"""Task families, the kernel: a prior over tasks and their mechanics, written once as pure batched functions.

Everything else in the package (the environments, the posterior, the exact optimum, regret, pictures) is a generic
consumer of the classes below. The batch axis ``B`` means copies in training and belief states in the solver. Functions
use elementwise and last-axis operations only, because others give different last bits at different batch sizes.

Shapes: ``B`` batch, ``T`` numbers of a task, ``S`` numbers of a state, ``K`` outcomes, ``D`` numbers of a belief.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from meta_envs.arguments import require, require_integers, require_numbers

__all__ = [
    "Array",
    "DiscreteFamily",
    "FiniteTaskFamily",
    "Observation",
    "TaskFamily",
    "cumulative",
    "require",
    "require_integers",
    "require_numbers",
]

Array = NDArray[Any]
"""A NumPy array."""
Observation = Array | dict[str, Array]
"""Of one copy or of many: an array, or one a key of a Dict space."""


@dataclass(frozen=True, kw_only=True)
class TaskFamily(ABC):
    """A prior over tasks (hidden MDPs) and the mechanics that all of them have in common.

    Fields are its free parameters, plain numbers and strings. All chance of a lifetime is ``num_chance`` uniforms in
    [0, 1), drawn when it begins: first the task's part, then ``num_step_chance`` numbers for every step. Those used at
    step ``t`` do not depend on what was chosen before, and two learners can be compared on common random numbers.
    """

    task_names: ClassVar[tuple[str, ...]] = ()
    """Names of the ``T`` numbers of a task, in order; families whose ``T`` varies override the property."""
    layout_names: ClassVar[tuple[str, ...]] = ()
    """Those of them that tell the layout and not what pays: learners that need the layout are told these."""
    solver: ClassVar[str | None] = None
    """Where a solver of just this class is, ``"module:function"``; derived classes may pay otherwise and have none."""
    trial_counter: ClassVar[tuple[int, str] | None] = None
    """The state's column of trials that are over, and the field with their number; None where `elapsed` tells."""
    num_step_chance: ClassVar[int] = 1
    """Uniforms that one step uses, 0 where all chance is in the task's part."""
    bandit: ClassVar[bool] = False
    """Whether all there is are arms of fixed means; families that list their states need not say."""

    @property
    def chance_pays(self) -> bool:
        """Whether the chance of a step decides what it pays, beside the task, the state and the action."""
        return self.num_step_chance > 0

    @property
    @abstractmethod
    def horizon(self) -> int:
        """Steps of a lifetime."""

    @property
    @abstractmethod
    def action_space(self) -> spaces.Space[Any]:
        """Actions of one copy."""

    @property
    @abstractmethod
    def observation_space(self) -> spaces.Space[Any]:
        """Observations of one copy, without any history (the wrappers add that)."""

    @property
    @abstractmethod
    def num_task_chance(self) -> int:
        """Uniforms that the draw of the task and of the initial state use."""

    @property
    def num_chance(self) -> int:
        """Uniforms of a whole lifetime."""
        return self.num_task_chance + self.horizon * self.num_step_chance

    @property
    def shared_bytes(self) -> int:
        """Memory in bytes of what lifetimes share beside tables, such as images; told before any of it is made."""
        return 0

    @property
    def reward_values(self) -> tuple[float, ...] | None:
        """The distinct rewards in increasing order, or None where they are not finitely many."""
        return None

    @property
    def reward_range(self) -> tuple[float, float]:
        """Bounds of the reward of one step."""
        values = self.reward_values
        return (min(values), max(values)) if values else (-np.inf, np.inf)

    def elapsed(self, steps: Array) -> Array:
        """Fraction of the lifetime's trials that are over after ``steps`` steps (B,), in [0, 1] (B,)."""
        return steps / self.horizon

    @abstractmethod
    def sample_task(self, chance: Array) -> Array:
        """Tasks (B, T) by inverse CDF of the task's part of the chance (B, num_task_chance)."""

    @abstractmethod
    def in_support(self, task: Array) -> Array:
        """Whether each task (B, T) can be drawn from the prior (B,)."""

    @abstractmethod
    def initial_state(self, task: Any, chance: Array) -> Array:
        """First states (B, S)."""

    @abstractmethod
    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        """What happens, (B,) or (B, O), deterministic given the step's uniforms (B, num_step_chance)."""

    @abstractmethod
    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        """States after the step (B, S)."""

    @abstractmethod
    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        """Rewards of the step (B,), float64."""

    @abstractmethod
    def observe(self, task: Any, state: Array) -> Observation:
        """Observations (B, ...) of states, for a Dict space one array a key, in the dtypes of ``observation_space``."""

    def terminated(self, task: Any, state: Array) -> Array:
        """Whether a lifetime ends in these states (B,) before its horizon."""
        return np.zeros(len(state), dtype=bool)

    def best_action(self, task: Array, state: Array) -> Array | None:
        """The oracle's actions (B,), or None where the family does not give them.

        Families that list their states need not say: it is computed from their tables.
        """
        return None

    def read_belief(self, state: Array) -> Array | None:
        """Beliefs of the ideal learner in these states (B, D), or None where a state does not tell.

        Discrete families need not say: their beliefs follow from outcomes.
        """
        return None

    def visible_state(self, state: Array) -> Array:
        """States (B, S), which may be changed, without what would tell a learner more of the task than it can know."""
        return state

    def task_optimum(self, task: Array) -> Array | None:
        """The oracle's expected return of a lifetime (B,), or None where the family does not give it.

        Families that list their states need not say: it is computed from their tables.
        """
        return None

    def expected_rewards(self, task: Array, state: Array) -> Array | None:
        """Mean rewards of every action (B, A) in the hidden task, or None where the family does not give them.

        Families whose chance does not pay need not say: it is the reward that each action would have.
        """
        if self.chance_pays or not isinstance(self.action_space, spaces.Discrete):
            return None
        rewards = []
        for number in range(int(self.action_space.n)):
            action = np.full(len(state), number)
            outcome = self.outcome(task, state, action, np.zeros((len(state), self.num_step_chance)))
            rewards.append(self.reward(state, action, outcome))
        return np.stack(rewards, axis=-1)


@dataclass(frozen=True, kw_only=True)
class DiscreteFamily(TaskFamily):
    """A family with finitely many actions and outcomes, so that its law is a table and its optimum can be computed.

    The hidden task enters ``outcome_probs`` and nothing else: ``initial_state``, ``observe`` and ``terminated`` get
    ``task=None``. An outcome is thus all that there is to learn from, and a belief is a statistic of outcomes.
    """

    @property
    @abstractmethod
    def action_space(self) -> spaces.Discrete:
        """Actions of one copy, counted from 0."""

    @property
    @abstractmethod
    def num_outcomes(self) -> int:
        """Outcomes ``K`` of a step."""

    @property
    def num_actions(self) -> int:
        """Actions of the family."""
        return int(self.action_space.n)

    def states(self) -> Array | None:
        """All states (N, S) where they are few, so that steps become look-ups; None where they are not."""
        return None

    @abstractmethod
    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        """The law: probabilities of the outcomes (B, K)."""

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        """Outcomes (B,) by inverse CDF of ``outcome_probs``."""
        return np.sum(chance >= cumulative(self.outcome_probs(task, state, action)), axis=-1)

    def expected_reward(self, probs: Array, state: Array, action: Array) -> Array:
        """Mean rewards (B,) under outcome probabilities (B, K), true or predicted."""
        rewards = [self.reward(state, action, np.full(len(action), each)) for each in range(self.num_outcomes)]
        return np.sum(probs * np.stack(rewards, axis=-1), axis=-1)

    def expected_rewards(self, task: Array, state: Array) -> Array:
        """Mean rewards of every action (B, A) in the hidden task."""
        actions = [np.full(len(state), action) for action in range(self.num_actions)]
        means = [self.expected_reward(self.outcome_probs(task, state, action), state, action) for action in actions]
        return np.stack(means, axis=-1)

    @abstractmethod
    def initial_belief(self) -> Array:
        """The prior as a belief (1, D)."""

    @abstractmethod
    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """Posteriors (B, D) after a step."""

    @abstractmethod
    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Posterior predictive probabilities of the outcomes (B, K)."""

    @abstractmethod
    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """One task drawn from each belief (B, T)."""


@dataclass(frozen=True, kw_only=True)
class FiniteTaskFamily(DiscreteFamily):
    """A discrete family that lists its tasks: prior, support and exact posterior are inherited.

    A belief is the vector of the tasks' posterior probabilities, ``D = G``.
    """

    @abstractmethod
    def tasks(self) -> tuple[Array, Array]:
        """All tasks (G, T) and their prior probabilities (G,)."""

    @property
    def num_task_chance(self) -> int:
        """One uniform picks the task; families that draw more add to it."""
        return 1

    def sample_task(self, chance: Array) -> Array:
        """Tasks (B, T) by inverse CDF of the prior."""
        tasks, prior = self.tasks()
        return tasks[np.sum(chance[:, :1] >= cumulative(prior[None]), axis=-1)]

    def in_support(self, task: Array) -> Array:
        """Whether a task (B, T) is one of the listed ones, to 1e-9."""
        tasks, prior = self.tasks()
        return np.any(np.all(np.abs(task[:, None, :] - tasks[None, prior > 0]) <= 1e-9, axis=-1), axis=-1)

    def initial_belief(self) -> Array:
        """The prior (1, G)."""
        return self.tasks()[1][None].copy()

    def _likelihoods(self, state: Array, action: Array) -> Array:
        tasks, _ = self.tasks()
        batch, count = len(action), len(tasks)
        probs = self.outcome_probs(np.tile(tasks, (batch, 1)), np.repeat(state, count, 0), np.repeat(action, count, 0))
        return probs.reshape(batch, count, self.num_outcomes)

    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """Bayes' rule over the listed tasks (B, G)."""
        likelihoods = np.take_along_axis(self._likelihoods(state, action), outcome[:, None, None], axis=-1)[..., 0]
        joint = belief * likelihoods
        return joint / np.sum(joint, axis=-1, keepdims=True)

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Mixture of the listed tasks' laws (B, K)."""
        return np.sum(belief[:, :, None] * self._likelihoods(state, action), axis=1)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """One listed task drawn from each belief (B, T)."""
        return self.tasks()[0][np.sum(rng.random((len(belief), 1)) >= cumulative(belief), axis=-1)]


def cumulative(probs: Array) -> Array:
    """Thresholds (B, K - 1) such that the outcome is the number of them at or below a uniform."""
    return np.cumsum(probs[:, :-1], axis=-1)
