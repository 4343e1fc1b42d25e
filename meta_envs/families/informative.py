"""One arm that informs about the others: experiment 3 of the paper."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers
from meta_envs.family import Array, FiniteTaskFamily


@dataclass(frozen=True, kw_only=True)
class InformativeBandit(FiniteTaskFamily):
    """Ten arms of which one pays well, and an eleventh that pays little and tells which.

    ## Description
    All arms are deterministic. One of the first ten, the target, pays 5, the others pay 1, and arm 11 pays a tenth of
    the target's number. The best learner pulls arm 11 once, gives up some reward by that, and then pulls the target to
    the end. A learner that counts only what an arm pays has no reason ever to pull arm 11.

    ## Task prior
    The target is each of the first `num_arms - 1` arms with the same probability [paper: 1 to 10]. The task is its
    number `(target,)`, shape `(1,)`, counted from 1, and may be fixed by `reset(options={"task": [7]})`.

    ## Action Space
    `Discrete(11)`: the arm to pull; action 0 pulls arm 1, action 10 pulls arm 11, the one that informs.

    ## Observation Space
    `Box(0, 1, (1,), float32)`, constantly 0: a bandit shows nothing [ours: Gymnasium needs an observation]. The wrapper
    `PreviousActionReward` adds what the paper's network sees: the previous action one-hot, the time `t / num_trials`,
    and the previous reward, one-hot here [paper]: `reward_encoding="one_hot"`.

    ## Rewards
    `target_reward` for the target [paper: 5], `other_reward` for the other arms up to the tenth [paper: 1; 1.1 in an
    early version], and a tenth of the target's number for arm 11 [paper].

    ## Starting State
    None: only the task is drawn.

    ## Episode End
    `terminated` after `num_trials` pulls [paper: 5]; never truncated [ours: the end is part of the problem].

    ## Optimum
    By hand, for the paper's numbers: arm 11 once and then the target, `0.55 + 4 * 5 = 20.55` in the mean; exact, by
    dynamic programming over the posteriors: `meta_envs.solve("MetaBandit-Informative-v0")`.

    ## Arguments
    - `num_arms=11`: number of arms, the one that informs included [paper: 11], at least 3.
    - `num_trials=5`: pulls of a lifetime [paper: 5], at least 1.
    - `target_reward=5.0`: reward of the target [paper: 5].
    - `other_reward=1.0`: reward of the other arms [paper: 1; an early version 1.1], not `target_reward`.

    ## Fidelity
    As in the paper, section 3.1.3: 11 arms, 5 pulls, these rewards. [ours]: the constant observation, the time scaled
    to [0, 1], the previous action all zeros and the previous reward "none yet" at the first step, the end signalled as
    `terminated`. With `other_reward=1.0`, arm 11 pays as much as the other arms where the target is 10; the previous
    action tells the two apart.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.1.3, Fig 3.

    ## Version History
    - v0: first version.
    """

    num_arms: int = 11
    num_trials: int = 5
    target_reward: float = 5.0
    other_reward: float = 1.0

    task_names: ClassVar[tuple[str, ...]] = ("target",)

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_arms": 3, "num_trials": 1})
        require_numbers(self, "target_reward", "other_reward")
        require(
            self.other_reward != self.target_reward, "other_reward", self.other_reward, "give one unlike target_reward"
        )

    @property
    def horizon(self) -> int:
        return self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(self.num_arms)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    @property
    def num_targets(self) -> int:
        """Arms that may be the target."""
        return self.num_arms - 1

    @property
    def num_outcomes(self) -> int:
        """Of arm 11 the target's number less 1; of the others 1 for the target, else 0."""
        return self.num_targets

    @property
    def reward_values(self) -> tuple[float, ...]:
        told = (np.arange(self.num_targets) + 1) / 10
        return tuple(sorted({self.target_reward, self.other_reward, *told.tolist()}))

    def tasks(self) -> tuple[Array, Array]:
        targets = np.arange(1.0, self.num_targets + 1)
        return targets[:, None], np.full(self.num_targets, 1.0 / self.num_targets)

    def states(self) -> Array:
        return np.zeros((1, 0))

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 0))

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        target = np.rint(task[:, 0]).astype(np.intp) - 1
        outcome = np.where(action == self.num_targets, target, action == target)
        return (outcome[:, None] == np.arange(self.num_outcomes)).astype(np.float64)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return state

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        paid = np.where(outcome == 1, self.target_reward, self.other_reward)
        return np.where(action == self.num_targets, (outcome + 1) / 10, paid)

    def observe(self, task: Any, state: Array) -> Array:
        return np.zeros((len(state), 1), np.float32)
