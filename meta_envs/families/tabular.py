"""Random tabular MDPs, of which a lifetime has several episodes: the second experiment of RL^2."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.family import Array, TaskFamily

SMALLEST = 2.0**-54
"""Stands for a uniform of 0, whose normal quantile would be infinite: half of the smallest other one."""


@dataclass(frozen=True, kw_only=True)
class TabularMDP(TaskFamily):
    """A random MDP of few states and actions, with several short episodes in a lifetime.

    ## Description
    Everything about the MDP is drawn anew for each lifetime: to where an action leads from a state, and what it pays on
    average. An inner episode begins in state 0 and has 10 steps; then the next one begins, in the same MDP. What pays
    and where it leads must be found out in the first episodes to be used in the later ones. The last step of an episode
    is announced by a flag, and a learner's memory goes on over it. The paper on this page is RL^2's.

    ## Task prior
    Mean rewards of all pairs of a state and an action are `N(1, 1)`, independently, and the probabilities of the next
    state are flat Dirichlet for each pair [paper]. The task is `(mean_0_0, ..., mean_9_4, p_0_0_0, ..., p_9_4_9)`,
    shape `(550,)`: 50 means, by state and action, and 500 probabilities, by state, action and next state. It may be
    fixed by `reset(options={"task": task})`.

    ## Action Space
    `Discrete(5)` [paper].

    ## Observation Space
    `Box(0, 1, (11,), float32)`: the state one-hot (10), and the termination flag: 1 if the step before ended an inner
    episode, else 0. The first observation of a lifetime has the flag 0 [ours: no episode has ended; the paper feeds
    placeholder values first]. The wrapper `PreviousActionReward` adds the previous action one-hot, the previous reward
    [paper], and the time [ours: a wrapper without it is `PreviousActionReward(env, time=False)`].

    ## Rewards
    Normal around the mean of the state and the action, of unit variance [paper]: unbounded.

    ## Starting State
    State 0, in the beginning of every inner episode [paper]. After the last step of one, the observation is state 0 of
    the next; the state to which that step led is not shown, and does not matter.

    ## Episode End
    `terminated` after `num_episodes * episode_length` steps [paper: episodes of 10 steps, and 10, 25, 50, 75 or 100 of
    them; the 10 are the default]; never truncated [ours: the end is part of the problem].

    ## Optimum
    Out of reach: the beliefs are continuous. `meta_envs.solve("MetaMDP-Tabular-v0")` gives an upper bound, the oracle's
    expected return (by backward induction over an inner episode, times the number of episodes), and the best of the
    learners here as what is achieved.

    ## Arguments
    - `num_episodes=10`: inner episodes of a lifetime [paper: 10, 25, 50, 75, 100], at least 1.
    - `num_states=10`: states [paper: 10], at least 1.
    - `num_actions=5`: actions [paper: 5], at least 1.
    - `episode_length=10`: steps of an inner episode [paper: 10], at least 1.
    - `reward_mean=1.0`: mean of the prior of mean rewards [paper: 1].
    - `reward_sd=1.0`: its standard deviation [paper: 1], not negative.
    - `noise_sd=1.0`: standard deviation of a reward around its mean [paper: 1], not negative.

    ## Fidelity
    As in the section on tabular MDPs of RL^2: 10 states, 5 actions, the priors, the noise, episodes of 10 steps from
    state 0, the flag in the input. [ours]: the flag of the first observation, and the end of the lifetime signalled as
    `terminated`.

    ## References
    Duan et al. 2016, *RL^2: Fast reinforcement learning via slow reinforcement learning*, arXiv 1611.02779; the
    distribution of MDPs is that of Osband et al. 2013, *(More) efficient reinforcement learning via posterior
    sampling*, arXiv 1306.0940.

    ## Version History
    - v0: first version.
    """

    num_episodes: int = 10
    num_states: int = 10
    num_actions: int = 5
    episode_length: int = 10
    reward_mean: float = 1.0
    reward_sd: float = 1.0
    noise_sd: float = 1.0

    num_step_chance: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_episodes": 1, "num_states": 1, "num_actions": 1, "episode_length": 1})
        require_numbers(self, "reward_mean", "reward_sd", "noise_sd")
        for name in ("reward_sd", "noise_sd"):
            value = getattr(self, name)
            require(value >= 0.0, name, value, "give a standard deviation of at least 0")

    @property
    def task_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return _name_numbers(self.num_states, self.num_actions)

    @property
    def horizon(self) -> int:
        return self.num_episodes * self.episode_length

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(self.num_actions)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (self.num_states + 1,), np.float32)

    @property
    def num_pairs(self) -> int:
        """Pairs of a state and an action."""
        return self.num_states * self.num_actions

    @property
    def num_task_chance(self) -> int:
        """One uniform a number of the task."""
        return self.num_pairs * (1 + self.num_states)

    @property
    def shared_bytes(self) -> int:
        """The oracle's values of one task, in every step of an inner episode."""
        return 16 * self.num_pairs * self.episode_length

    def sample_task(self, chance: Array) -> Array:
        means = self.reward_mean + self.reward_sd * to_normal(chance[:, : self.num_pairs])
        # Exponentials over their sum are flat Dirichlet.
        waits = -np.log1p(-np.maximum(chance[:, self.num_pairs :], SMALLEST))
        rows = waits.reshape(len(chance), self.num_pairs, self.num_states)
        probs = rows / np.sum(rows, axis=-1, keepdims=True)
        return np.concatenate([means, probs.reshape(len(chance), -1)], axis=-1)

    def means(self, task: Array) -> Array:
        """Mean rewards (B, states, actions) of tasks (B, T)."""
        return task[:, : self.num_pairs].reshape(-1, self.num_states, self.num_actions)

    def transitions(self, task: Array) -> Array:
        """Probabilities of the next state (B, states, actions, states) of tasks (B, T)."""
        return task[:, self.num_pairs :].reshape(-1, self.num_states, self.num_actions, self.num_states)

    def in_support(self, task: Array) -> Array:
        probs = self.transitions(task)
        laws = np.all(probs >= 0.0, axis=(1, 2, 3)) & np.all(np.abs(np.sum(probs, axis=-1) - 1.0) <= 1e-9, axis=(1, 2))
        known = np.abs(task[:, : self.num_pairs] - self.reward_mean) <= 1e-9
        return laws & (np.all(known, axis=-1) | (self.reward_sd > 0.0))

    def initial_state(self, task: Any, chance: Array) -> Array:
        """The clock, and the MDP's state (B, 2)."""
        return np.zeros((len(chance), 2), np.intp)

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        """The state that the action leads to, before an episode's end brings it back to 0, and the reward (B, 2)."""
        numbers, first = task.ravel(), np.arange(len(task)) * task.shape[1]
        pair = state[:, 1] * self.num_actions + action
        law = first + self.num_pairs + pair * self.num_states
        # Cumulative probabilities, one state after the other: half the time of a cumsum over short rows.
        thresholds = numbers.take(law + np.arange(self.num_states - 1)[:, None])
        for before in range(self.num_states - 2):
            thresholds[before + 1] += thresholds[before]
        following = np.count_nonzero(chance[:, 0] >= thresholds, axis=0)
        noise = self.noise_sd * to_normal(chance[:, 1])
        return np.stack([following, numbers.take(first + pair) + noise], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        clock = state[:, 0] + 1
        over = clock % self.episode_length == 0
        return np.stack([clock, np.where(over, 0, outcome[:, 0].astype(np.intp))], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome[:, 1]

    def observe(self, task: Any, state: Array) -> Array:
        begins = (state[:, 0] > 0) & (state[:, 0] % self.episode_length == 0)
        return _list_observations(self.num_states).take(np.where(begins, self.num_states, state[:, 1]), axis=0)

    def action_values(self, task: Array) -> Array:
        """Optimal action values in known tasks, within one inner episode, by backward induction.

        Args:
            task: Tasks (B, T).

        Returns:
            Expected returns of the rest of the episode (B, episode_length, states, actions): after ``t`` of its steps,
            in a state, by an action and perfect play thereafter.
        """
        means, transitions = self.means(task), self.transitions(task)
        values = np.empty((len(task), self.episode_length, self.num_states, self.num_actions))
        best = np.zeros((len(task), self.num_states))
        for step in reversed(range(self.episode_length)):
            values[:, step] = means + np.sum(transitions * best[:, None, None, :], axis=-1)
            best = np.max(values[:, step], axis=-1)
        return values

    def task_optimum(self, task: Array) -> Array:
        """The oracle's expected return (B,) of a lifetime in tasks (B, T): no learner's is higher."""
        return self.num_episodes * np.max(self.action_values(task)[:, 0, 0], axis=-1)

    def best_action(self, task: Array, state: Array) -> Array:
        values = _remember_values(self, task.tobytes())
        now = values[np.arange(len(task)), state[:, 0] % self.episode_length, state[:, 1]]
        return np.argmax(now, axis=-1)

    def expected_rewards(self, task: Array, state: Array) -> Array:
        return self.means(task)[np.arange(len(task)), state[:, 1]]


def to_normal(chance: Array) -> Array:
    """Standard normal numbers from uniforms, in the same shape."""
    from scipy.special import ndtri

    return ndtri(np.maximum(chance, SMALLEST))


@lru_cache(maxsize=4)
def _remember_values(family: TabularMDP, task: bytes) -> Array:
    """Action values of tasks, which are asked for at every step of a lifetime."""
    return family.action_values(np.frombuffer(task).reshape(-1, family.num_task_chance))


@lru_cache(maxsize=16)
def _list_observations(num_states: int) -> Array:
    """Every state without the flag, and, at the end, state 0 with it."""
    seen = np.eye(num_states + 1, dtype=np.float32)
    seen[-1, 0] = 1.0
    return seen


@lru_cache(maxsize=16)
def _name_numbers(num_states: int, num_actions: int) -> tuple[str, ...]:
    """Names of the numbers of a task."""
    pairs = [f"{state}_{action}" for state in range(num_states) for action in range(num_actions)]
    laws = [f"{pair}_{following}" for pair in pairs for following in range(num_states)]
    return (*(f"mean_{pair}" for pair in pairs), *(f"p_{law}" for law in laws))
