"""Harlow's task, in pixels: experiment 6 of the paper."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers, require_one_of
from meta_envs.families.worlds.images import (
    GENERATED,
    SPLITS,
    Images,
    as_images,
    count_images,
    load_images,
    require_unlike,
)
from meta_envs.families.worlds.panorama import hang, picture_size, render_view
from meta_envs.family import Array, TaskFamily
from meta_envs.limits import require_room

LEFT, RIGHT, STAY = range(3)
ACTION_REPEAT = 4
TOP_SPEED = 1.1
"""Degrees a primitive step."""

HOLD = 4
"""Primitive steps for which the cross is to be held."""
FIXATION_WINDOW = 3.5
"""Degrees from the view's centre."""
FIXATION_REWARD = 0.2
ECCENTRICITY = 16.25
"""Degrees of the images' centres from the heading at which the cross vanished."""
SELECTION_WINDOW = 7.0
"""Degrees from the view's centre."""
AMPLE = 12
"""Decisions a trial with which the oracle gets every reward, with up to the default momentum."""
INTERVAL_STEPS = 10
"""Primitive steps between trials."""

FIXATION, CHOICE, INTERVAL = range(3)
HEADING, VELOCITY, PHASE, COUNT, ANCHOR, TRIAL, FIRST_SIDE = range(7)
"""Columns of the state. COUNT is primitive steps that the cross was held, or that the interval lasted; ANCHOR the
heading at which the cross vanished; TRIAL how many are over. From FIRST_SIDE on, whether the rewarded image of each
trial is the right one."""


@dataclass(frozen=True, kw_only=True)
class Harlow(TaskFamily):
    """Two images side by side, of which the same one always pays, on either side: which one, the first trial tells.

    ## Description
    The learner stands in the middle of a panorama, sees 65 of its 360 degrees, and turns. A trial begins with a red
    cross; held near the centre of the view for a moment it pays a little and gives way to two images, left and right.
    Turning to one of them selects it: one pays 1, the other costs 1. Both vanish, and after a while the cross is back
    where it was. The two images are the same in all trials of a lifetime and new in every lifetime; sides are drawn
    anew in every trial. The first choice is a guess; after it, whatever it paid, the belief is certain.

    ## Task prior
    Two distinct images of the split's (1000 by default [paper]), each ordered pair with the same probability [paper:
    two images drawn per episode, one rewarded; ours: distinct]. The task is `(rewarded, other)`, shape `(2,)`, numbers
    of images counted from 0, and may be fixed by `reset(options={"task": [12, 700]})`. The side of the rewarded image
    is left or right with probability 1/2, independently in every trial [paper], and is no part of the task.

    ## Action Space
    `Discrete(3)`: 0 turns left, 1 turns right, 2 is no-op [paper: the three; ours: the order]. An action is repeated
    for 4 primitive steps [paper]. In each of them the velocity becomes `momentum * velocity + (1 - momentum) * 1.1`
    degrees times -1, 1 or 0, and the heading changes by it [paper: 4.4 degrees a decision, small momentum; ours: the
    law and that 1.1 is the top speed]. From rest, a turn of one decision adds up to 4.4 degrees, of which 3.4 come at
    once.

    ## Observation Space
    `Box(0, 255, (84, 84, 3), uint8)`: the view, red, green and blue [paper], at the end of the decision [ours]. It
    shows 65 degrees of 360 [paper], to the nearest column of pixels, 1.3 degrees wide: a scenery of hills and pillars,
    so that turns are seen, also between trials [ours]; the cross, 12 pixels wide [ours]; or the two images, 34 by 34
    pixels [paper], 21 pixels left and right of where the centre was when the cross vanished [ours]. The wrapper
    `PreviousActionReward` adds the previous action and reward, as in the paper, and the time.

    ## Rewards
    0.2 when the cross has been within 3.5 degrees of the view's centre for 4 primitive steps in a row; 1 for selecting
    the rewarded image, -1 for the other, by bringing its centre to within 7 degrees of the view's [paper]; else 0. All
    events are tested at every primitive step [ours], and a decision's rewards add up; with these numbers no two events
    that pay fall into one decision.

    ## Starting State
    The first trial's cross is shown, at heading 0, and the view is at rest there [ours].

    ## Episode End
    `terminated` with the selection of trial `num_trials` [paper: 10], or after `num_decisions` decisions [paper: 3600
    primitive steps, which are 900 decisions]; never truncated [ours: the end is part of the problem].

    ## Optimum
    By hand: 0.2 for each of 10 crosses, 0 in the mean for the first choice, and 1 for each of the others: `2 + 9 = 11`
    [paper: 9, the 0.2s not counted]. The oracle gets 12. From the step at which the cross vanishes, an image is 9.25
    degrees away, so that 8 primitive steps (8.8 degrees) never reach it and 9 may: a selection takes at least 3
    decisions [paper], of which the one in which the cross vanished is the first if it had steps left to turn in. A
    lifetime takes at least 13 primitive steps for the first trial and 23 for each other one, 55 decisions.

    ## Arguments
    - `num_trials=10`: trials of a lifetime [paper: 10; 6 in Wang et al. 2018], at least 1.
    - `num_decisions=900`: decisions after which it ends [paper: 900], at least 1.
    - `split="train"`: the images drawn from, `"train"` or the held-out `"test"` [paper: 1000 each].
    - `images="generated"`: the images of both splits. Generated ones are shapes on patterns, 1000 a split, no two alike
      [ours: the paper's are from ImageNet]. Otherwise a folder of picture files, taken in the order of their names, a
      `.npy` file, or an array `(N, H, W, 3)` of uint8, of any size and with `N` at least 4: the first half (and the odd
      one) is for training, the rest held out; they are cut to their middle square and resized. Pictures are turned
      upright as their EXIF data say, of animations the first one is taken, and what is transparent becomes grey, 128 of
      255; other files in the folder are left out. A set in which two images are the same at this resolution is refused.
      With an array the environment's spec is no JSON; a path keeps it so.
    - `resolution=84`: side of the view in pixels [paper: 84], at least 36. Cross, images and scenery scale with it, so
      that the angles stay.
    - `momentum=0.5`: fraction of the velocity that is kept at each primitive step [ours], from 0 to less than 1.

    ## Fidelity
    As in the paper, section 3.2.2: view, panorama, actions, action repeat, windows, rewards, interval, sizes, numbers
    of images, trials and steps. [ours]: what is marked so above, and that the cross stands at heading 0 and returns
    there, so that one has to turn back; that the images stand where they are relative to the heading when the cross
    vanished; that in the interval of 10 primitive steps [paper] one may turn, and sees the scenery alone; that the 4
    steps of holding count from the step after the cross appeared, and need no leaving and coming back; that the
    interval after the last trial is left out; the end signalled as `terminated`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.2, Fig 6; Wang et al. 2018,
    *Prefrontal cortex as a meta-reinforcement learning system*, Nature Neuroscience 21:860. The task is that of Harlow
    1949, *The formation of learning sets*, Psychological Review 56:51.

    ## Version History
    - v0: first version.
    """

    num_trials: int = 10
    num_decisions: int = 900
    split: str = "train"
    images: Images = GENERATED
    resolution: int = 84
    momentum: float = 0.5

    task_names: ClassVar[tuple[str, ...]] = ("rewarded", "other")
    trial_counter: ClassVar[tuple[int, str]] = (TRIAL, "num_trials")
    num_step_chance: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse nonsense, and take an array of images as a value."""
        require_integers(self, {"num_trials": 1, "num_decisions": 1, "resolution": 36})
        require_numbers(self, "momentum")
        require(0.0 <= self.momentum < 1.0, "momentum", self.momentum, "give a number from 0 to less than 1")
        require_one_of("split", self.split, SPLITS)
        object.__setattr__(self, "images", as_images(self.images))
        require_room(self)
        require_unlike(self.images, picture_size(self.resolution))

    @property
    def horizon(self) -> int:
        return self.num_decisions

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(3)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0, 255, (self.resolution, self.resolution, 3), np.uint8)

    @property
    def num_images(self) -> int:
        """Images of the split."""
        return count_images(self.images, self.split)

    @property
    def pictures(self) -> Array:
        """The split's images as they are shown (num_images, size, size, 3) uint8."""
        return load_images(self.images, self.split, picture_size(self.resolution))

    @property
    def shared_bytes(self) -> int:
        """The pictures, twice while they are made, and the panorama."""
        return 6 * self.num_images * picture_size(self.resolution) ** 2 + 200 * self.resolution**2

    @property
    def num_task_chance(self) -> int:
        """One uniform an image, and one a trial for the side."""
        return 2 + self.num_trials

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (-1.0, 0.0, FIXATION_REWARD, 1.0)

    def sample_task(self, chance: Array) -> Array:
        return sample_pair(chance, self.num_images)

    def in_support(self, task: Array) -> Array:
        return is_pair(task, self.num_images)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.concatenate([np.zeros((len(chance), FIRST_SIDE)), chance[:, 2:] >= 0.5], axis=-1)

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        """The next state up to its sides, and the reward (B, FIRST_SIDE + 1)."""
        heading, velocity, phase, count, anchor, trial = state[:, :FIRST_SIDE].T
        right_pays = self.right_pays(state)
        push = (1.0 - self.momentum) * TOP_SPEED * np.array([-1.0, 1.0, 0.0])[action]
        reward = np.zeros(len(state))
        for _ in range(ACTION_REPEAT):
            velocity = self.momentum * velocity + push
            heading = wrap(heading + velocity)
            fixating, choosing = phase == FIXATION, phase == CHOICE
            offset = heading - anchor
            count = np.where(fixating & (np.abs(heading) > FIXATION_WINDOW), 0.0, count + 1.0)
            fixated = fixating & (count == HOLD)
            selected = choosing & (np.abs(np.abs(offset) - ECCENTRICITY) <= SELECTION_WINDOW)
            over = fixated | selected | ((phase == INTERVAL) & (count == INTERVAL_STEPS))
            reward += FIXATION_REWARD * fixated
            reward += selected * np.where((offset > 0) == right_pays, 1.0, -1.0)
            anchor = np.where(fixated, heading, anchor)
            trial = trial + selected
            phase = np.where(over, (phase + 1.0) % 3.0, phase)
            count = np.where(over, 0.0, count)
        return np.stack([heading, velocity, phase, count, anchor, trial, reward], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.concatenate([outcome[:, :FIRST_SIDE], state[:, FIRST_SIDE:]], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome[:, FIRST_SIDE]

    def observe(self, task: Any, state: Array) -> Array:
        heading, phase = state[:, HEADING], state[:, PHASE]
        pixels = render_view(self.resolution, heading, phase == FIXATION)
        choosing = np.flatnonzero(phase == CHOICE)
        if len(choosing):
            state = state[choosing]
            left, right = pictured(task[choosing], self.right_pays(state))
            for side, number in ((-1.0, left), (1.0, right)):
                bearing = state[:, ANCHOR] + side * ECCENTRICITY
                hang(pixels, choosing, state[:, HEADING], bearing, self.pictures, number)
        return pixels

    def terminated(self, task: Any, state: Array) -> Array:
        return state[:, TRIAL] >= self.num_trials

    def best_action(self, task: Array, state: Array) -> Array:
        """The oracle's action (B,): turn to the rewarded image, or to where the cross is or will be.

        It gets every reward. Where the view will come to rest counts, within half a decision's turn.
        """
        heading, velocity, phase, _, anchor, _ = state[:, :FIRST_SIDE].T
        rest = heading + velocity * (self.momentum / (1.0 - self.momentum))
        side = np.where(self.right_pays(state), 1.0, -1.0)
        gap = np.where(phase == CHOICE, anchor + side * ECCENTRICITY, 0.0) - rest
        near = np.abs(gap) <= ACTION_REPEAT * TOP_SPEED / 2
        return np.where(near, STAY, np.where(gap < 0, LEFT, RIGHT)).astype(np.intp)

    def task_optimum(self, task: Array) -> Array | None:
        if self.num_decisions < AMPLE * self.num_trials or self.momentum > Harlow.momentum:
            return None
        return np.full(len(task), self.num_trials * (FIXATION_REWARD + 1.0))

    def read_belief(self, state: Array) -> Array:
        """Probabilities that the left and that the right image of the present trial pays (B, 2)."""
        right = np.where(state[:, TRIAL] == 0, 0.5, self.right_pays(state))
        return np.stack([1.0 - right, right], axis=-1)

    def visible_state(self, state: Array) -> Array:
        """Of the sides only the present one, and of the first trial the left, which is a guess (B, S)."""
        sides = state[:, FIRST_SIDE:]
        sides[np.arange(self.num_trials) > state[:, [TRIAL]]] = 0.0
        sides[state[:, TRIAL] == 0, 0] = 0.0
        return state

    def right_pays(self, state: Array) -> Array:
        """Whether the rewarded image of the present trial is the right one (B,)."""
        trial = np.minimum(state[:, TRIAL], self.num_trials - 1).astype(np.intp)
        return state[np.arange(len(state)), FIRST_SIDE + trial] > 0


def sample_pair(chance: Array, num: int) -> Array:
    """Ordered pairs (B, 2) of distinct numbers below ``num``, as likely each, from uniforms (B, at least 2)."""
    first, second = np.floor(chance[:, 0] * num), np.floor(chance[:, 1] * (num - 1))
    return np.stack([first, second + (second >= first)], axis=-1)


def is_pair(task: Array, num: int) -> Array:
    """Whether tasks (B, 2) are two distinct whole numbers from 0 to less than ``num`` (B,)."""
    inside = np.all((task == np.floor(task)) & (task >= 0) & (task < num), axis=-1)
    return inside & (task[:, 0] != task[:, 1])


def pictured(task: Array, right_pays: Array) -> tuple[Array, Array]:
    """Numbers of the left and of the right image (B,), of tasks (B, 2)."""
    rewarded, other = task.astype(np.intp).T
    return np.where(right_pays, other, rewarded), np.where(right_pays, rewarded, other)


def wrap(angle: Array) -> Array:
    """Angles from -180 to 180 degrees."""
    return angle - 360.0 * np.rint(angle / 360.0)
