"""The two-step task: experiment 5 of the paper, and the base class of its versions."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.family import Array, DiscreteFamily, FiniteTaskFamily


@dataclass(frozen=True, kw_only=True)
class TwoStage(DiscreteFamily):
    """Trials of two steps: a choice at S1 leads to S2 or S3, of which one pays well.

    The last number of a state is the place: 0, 1, 2 for S1, S2, S3. Tasks say 2 or 3 for the better one.
    """

    num_trials: int = 10
    common: float = 0.75
    high: float = 0.9
    low: float = 0.1

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_trials": 1})
        self._require_probabilities("common", "high", "low")

    def _require_probabilities(self, *names: str) -> None:
        require_numbers(self, *names)
        for name in names:
            value = getattr(self, name)
            require(0.0 <= value <= 1.0, name, value, "give a probability from 0 to 1")

    @abstractmethod
    def better(self, task: Array, state: Array) -> Array:
        """The better second-stage state (B,), 2 or 3, of this trial."""

    @property
    def horizon(self) -> int:
        """Two steps a trial."""
        return 2 * self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        """The choice at S1."""
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Box:
        """The place, one-hot."""
        return spaces.Box(0.0, 1.0, (3,), np.float32)

    @property
    def num_outcomes(self) -> int:
        """At S1 the way: 0 to S2, 1 to S3; there the reward."""
        return 2

    @property
    def reward_values(self) -> tuple[float, ...]:
        """Unrewarded and rewarded."""
        return (0.0, 1.0)

    def elapsed(self, steps: Array) -> Array:
        """The trial's time."""
        return (steps // 2) / self.num_trials

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        """Of the ways at S1, of the rewards elsewhere (B, 2)."""
        place = state[:, -1]
        return self.law(np.where(self.better(task, state) == place + 1, self.high, self.low), place, action)

    def law(self, pays: Array, place: Array, action: Array) -> Array:
        """Outcome probabilities (B, 2) where the places pay with the probabilities ``pays`` (B,)."""
        second = np.where(place == 0, np.where(action == 0, 1.0 - self.common, self.common), pays)
        return np.stack([1.0 - second, second], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        """0 at S1, else what was drawn (B,)."""
        return np.where(state[:, -1] == 0, 0.0, outcome)

    def observe(self, task: Any, state: Array) -> Array:
        """The place one-hot (B, 3)."""
        return (state[:, -1:] == np.arange(3)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class TwoStep(TwoStage, FiniteTaskFamily):
    """A choice that leads to one of two places, mostly the expected one, of which one pays.

    ## Description
    A trial has two steps. At the first stage S1 a choice of two leads to the second-stage state S2 or S3; action 0
    mostly to S2, action 1 mostly to S3. There, whatever the action, a reward is drawn, and the next trial begins at S1.
    One of the two second-stage states pays well, the other badly; which one is drawn for the lifetime. A learner that
    knows the transitions repeats its choice after a reward on the common way, but changes it after a reward on the rare
    one.

    ## Task prior
    S2 or S3 is the better one, with the same probability [paper: drawn per episode, and stays]. The task is
    `(better,)`, shape `(1,)`: 2 for S2, 3 for S3, and may be fixed by `reset(options={"task": [3]})`.

    ## Action Space
    `Discrete(2)`: the choice at S1; at S2 and S3 the action makes no difference [paper].

    ## Observation Space
    `Box(0, 1, (3,), float32)`: the state one-hot, S1, S2, S3 [paper]. The wrapper `PreviousActionReward` adds what the
    paper's network sees: the previous action one-hot, the previous reward, and the time, which is the trial's
    [paper: the trial number]: `trial / num_trials` [ours: scaled to [0, 1]].

    ## Rewards
    0 at S1; at S2 and S3 a reward of 1 with probability `high` in the better and `low` in the other state, else 0
    [paper: 0.9 and 0.1].

    ## Starting State
    S1.

    ## Episode End
    `terminated` after `num_trials` trials of two steps [paper: 10, so 20 steps]; never truncated [ours: the end is part
    of the problem].

    ## Optimum
    Exact, by dynamic programming over the posterior: `meta_envs.solve("MetaTwoStep-v0")`. Where the rewards of the two
    states mirror each other (`low = 1 - high`), either state tells as much about which is better, and choosing for the
    reward of the same trial is optimal. The oracle expects `num_trials (common high + (1 - common) low)`, 7 of 10 for
    the paper's numbers.

    ## Arguments
    - `num_trials=10`: trials of a lifetime [paper: 10], at least 1.
    - `common=0.75`: probability of the common transition [paper: 0.75], from 0 to 1.
    - `high=0.9`, `low=0.1`: reward probabilities of the better and of the other state [paper: 0.9, 0.1], from 0 to 1.

    ## Fidelity
    As in the paper, section 3.2.1: 10 trials, transitions of 0.75 and 0.25 that are fixed over all lifetimes, rewards
    of 0.9 and 0.1. [ours]: the time scaled to [0, 1], the previous action and reward all zeros at the first step, the
    end signalled as `terminated`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.1, Fig 5; the task is that of Daw
    et al. 2011, *Model-based influences on humans' choices and striatal prediction errors*, Neuron 69:1204.

    ## Version History
    - v0: first version.
    """

    task_names: ClassVar[tuple[str, ...]] = ("better",)

    def better(self, task: Array, state: Array) -> Array:
        return task[:, 0]

    def tasks(self) -> tuple[Array, Array]:
        return np.array([[2.0], [3.0]]), np.array([0.5, 0.5])

    def states(self) -> Array:
        return np.arange(3)[:, None]

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 1), np.intp)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.where(state == 0, 1 + outcome[:, None], 0)
