"""Harlow's task in symbols: experiment 6 of the paper without the eyes, for quick training."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_one_of
from meta_envs.families.harlow import FIXATION_REWARD, STAY, is_pair, pictured, sample_pair
from meta_envs.families.worlds.images import SPLITS
from meta_envs.family import Array, TaskFamily

NUM_IDENTITIES = 1000
"""Identities of each split."""
IDENTITY_SIZE = 8
"""Numbers that stand for an image."""
STREAM = 1949
"""Seed of the identities' random stream, the year of Harlow's paper."""
MOST_TRIALS = 62
"""As many as a whole number has bits for their sides."""

WRONG = 2
"""The lowest outcome of a choice: 2 is the wrong one, 3 the right one."""
OUTCOMES = np.array([0, 0, 1, 0, 0, 1, 3, 2, 0, 2, 3, 0])
"""Outcomes by phase (cross, choice), by the side that pays (left, right), by action."""
REWARDS = np.array([0.0, FIXATION_REWARD, -1.0, 1.0])
"""Rewards by outcome: nothing, a fixation, the wrong choice, the right one."""


@dataclass(frozen=True, kw_only=True)
class HarlowSymbolic(TaskFamily):
    """Harlow's task with an image as eight numbers, and one decision for the cross and one for the choice.

    ## Description
    A trial is two decisions. First there is a fixation cross, then two identities, left and right. One of the two pays,
    the other costs; the two are the same in all trials of a lifetime and new in every lifetime, and sides are drawn
    anew in every trial. The first choice is a guess; after it, whatever it paid, the belief is certain.

    ## Task prior
    Two distinct identities of the 1000 of the split, each ordered pair with the same probability [paper: two of 1000
    images per episode, one rewarded; ours: distinct]. The task is `(rewarded, other)`, shape `(2,)`, numbers counted
    from 0, and may be fixed by `reset(options={"task": [12, 700]})`. The side of the rewarded one is left or right with
    probability 1/2, independently in every trial [paper], and is no part of the task.

    ## Action Space
    `Discrete(3)`: 0 left, 1 right, 2 no-op, as in `MetaHarlow-v0`. At the cross, no-op fixates it, left and right look
    away; at the choice, left and right choose that side, no-op chooses none. Whatever the action, the choice follows on
    the cross, and the next trial on the choice [ours].

    ## Observation Space
    `Box(-1, 1, (18,), float32)`: the phase one-hot, cross and choice (2), the left identity (8) and the right one (8);
    identities are zeros at the cross. An identity is eight numbers, drawn once and for all from U[-1, 1] [ours]. The
    wrapper `PreviousActionReward` adds the previous action and reward, as in the paper, and the time, which is the
    trial's.

    ## Rewards
    0.2 for fixating the cross, 1 for choosing the rewarded identity, -1 for the other [paper], 0 for none [ours].

    ## Starting State
    The cross of the first trial.

    ## Episode End
    `terminated` after `num_trials` trials [paper: 10] of two decisions [ours]; never truncated [ours: the end is part
    of the problem].

    ## Optimum
    By hand: 0.2 for each of 10 crosses, 0 in the mean for the first choice, and 1 for each of the others: `2 + 9 = 11`
    [paper: 9, the 0.2s not counted]. The oracle gets 12.

    ## Arguments
    - `num_trials=10`: trials of a lifetime [paper: 10; 6 in Wang et al. 2018], from 1 to 62.
    - `split="train"`: the identities drawn from, `"train"` or the held-out `"test"` [paper: 1000 images each].

    ## Fidelity
    Trials, rewards, and train and held-out sets of 1000 are those of the paper, section 3.2.2; all else stands for its
    panorama of images [ours].

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.2, Fig 6. The task is that of
    Harlow 1949, *The formation of learning sets*, Psychological Review 56:51.

    ## Version History
    - v0: first version.
    """

    num_trials: int = 10
    split: str = "train"

    task_names: ClassVar[tuple[str, ...]] = ("rewarded", "other")
    num_step_chance: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_trials": 1})
        require(self.num_trials <= MOST_TRIALS, "num_trials", self.num_trials, f"give at most {MOST_TRIALS}")
        require_one_of("split", self.split, SPLITS)

    @property
    def horizon(self) -> int:
        return 2 * self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(3)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(-1.0, 1.0, (2 + 2 * IDENTITY_SIZE,), np.float32)

    @property
    def num_task_chance(self) -> int:
        """One uniform an identity, and one a trial for the side."""
        return 2 + self.num_trials

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (-1.0, 0.0, FIXATION_REWARD, 1.0)

    def elapsed(self, steps: Array) -> Array:
        return (steps // 2) / self.num_trials

    def sample_task(self, chance: Array) -> Array:
        return sample_pair(chance, NUM_IDENTITIES)

    def in_support(self, task: Array) -> Array:
        return is_pair(task, NUM_IDENTITIES)

    def initial_state(self, task: Any, chance: Array) -> Array:
        """The clock, a bit a trial for the rewarded identity being the right one, and whether one was chosen (B, 3)."""
        sides = np.sum((chance[:, 2:] >= 0.5) << np.arange(self.num_trials), axis=-1)
        return np.stack([np.zeros_like(sides), sides, np.zeros_like(sides)], axis=-1)

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        """0 for nothing, 1 for fixating, 2 for the wrong choice, 3 for the right one (B,)."""
        return OUTCOMES.take(6 * (state[:, 0] & 1) + 3 * self.right_pays(state) + action)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        state = state.copy()
        state[:, 0] += 1
        state[:, 2] |= outcome >= WRONG
        return state

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return REWARDS.take(outcome)

    def observe(self, task: Any, state: Array) -> Array:
        choice = self.is_choice(state)
        left, right = (np.where(choice, number, NUM_IDENTITIES) for number in pictured(task, self.right_pays(state)))
        with_phase, alone = _shown(self.split)
        return np.concatenate([with_phase.take(left, axis=0), alone.take(right, axis=0)], axis=-1)

    def best_action(self, task: Array, state: Array) -> Array:
        """The oracle's action (B,): fixate, then choose the rewarded identity."""
        return np.where(self.is_choice(state), self.right_pays(state), STAY).astype(np.intp)

    def task_optimum(self, task: Array) -> Array:
        return np.full(len(task), self.num_trials * (FIXATION_REWARD + 1.0))

    def read_belief(self, state: Array) -> Array:
        """Probabilities that the left and that the right identity of the present trial pays (B, 2)."""
        right = np.where(state[:, 2] == 0, 0.5, self.right_pays(state))
        return np.stack([1.0 - right, right], axis=-1)

    def visible_state(self, state: Array) -> Array:
        """Of the sides only the present one, once an identity was chosen; before, the left, which is a guess (B, 3)."""
        clock, sides, chosen = state.T
        return np.stack([clock, np.where(chosen > 0, sides & (1 << (clock >> 1)), 0), chosen], axis=-1)

    def is_choice(self, state: Array) -> Array:
        """Whether two identities are shown (B,), and not the cross."""
        return (state[:, 0] & 1) > 0

    def right_pays(self, state: Array) -> Array:
        """Whether the rewarded identity of the present trial is the right one (B,)."""
        clock, sides = state[:, :2].T
        return ((sides >> (clock >> 1)) & 1) > 0


@lru_cache(maxsize=2)
def identities(split: str) -> Array:
    """The identities of a split (NUM_IDENTITIES, IDENTITY_SIZE) float32 in [-1, 1], read-only."""
    # Raw bits of a generator never change between versions of NumPy.
    stream = np.random.PCG64([STREAM, SPLITS.index(split)]).random_raw(NUM_IDENTITIES * IDENTITY_SIZE)
    made = (2.0 * (stream / 2.0**64) - 1.0).astype(np.float32).reshape(NUM_IDENTITIES, IDENTITY_SIZE)
    made.flags.writeable = False
    return made


@lru_cache(maxsize=2)
def _shown(split: str) -> tuple[Array, Array]:
    """What is shown of an identity, after the phase and alone (NUM_IDENTITIES + 1, ...); of the last, a cross."""
    alone = np.concatenate([identities(split), np.zeros((1, IDENTITY_SIZE), np.float32)])
    choice = np.arange(NUM_IDENTITIES + 1)[:, None] < NUM_IDENTITIES
    return np.concatenate([~choice, choice, alone], axis=-1).astype(np.float32), alone
