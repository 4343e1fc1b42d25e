"""One-shot navigation in the I-maze: experiment 7 of the paper."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meta_envs.arguments import require, require_integers
from meta_envs.families.maze import POSE, Maze
from meta_envs.families.worlds.mazes import Mazes, i_maze
from meta_envs.family import Array

WIDTH = 13
GOALS = np.array([1 * WIDTH + 1, 1 * WIDTH + 11, 9 * WIDTH + 1, 9 * WIDTH + 11])
"""Flat indices of the alcoves' blocks: north-west, north-east, south-west, south-east."""
NAMES = ("north-west", "north-east", "south-west", "south-east")
CORRIDOR = np.array([row * WIDTH + 6 for row in range(3, 8)])
"""Flat indices of the blocks between the arms."""
MIDDLE = (6.5, 5.5)
REACH = 1.0
"""How far from the middle of the corridor a body may begin, in blocks."""


@dataclass(frozen=True, kw_only=True)
class IMaze(Maze):
    """A maze in the form of an I, seen in the first person: the goal at the end of an arm is found once, then known.

    ## Description
    A central corridor runs from south to north and ends in a crossbar on either side: four arms, and around the corner
    at the end of each an alcove. In one of the alcoves is the goal, in all of a lifetime the same, and it cannot be
    seen from outside. Reaching it pays, and puts the agent back into the corridor. So the arms are searched once, and
    from then on the way is known. The corridor's walls and those of each arm have patterns of their own, so that places
    can be told apart.

    ## Task prior
    The goal is in each of the four alcoves with the same probability [paper: drawn per episode]. The task is `(goal,)`,
    shape `(1,)`: 1 north-west, 2 north-east, 3 south-west, 4 south-east, and may be fixed by
    `reset(options={"task": [3]})`.

    ## Action Space
    `Discrete(8)`: 0 forward, 1 backward, 2 strafe left, 3 strafe right, 4 rotate left, 5 rotate right, 6 forward and
    rotate left, 7 forward and rotate right [paper].

    The unit of length is a block, the width of a corridor. An action is driven for 4 primitive steps [paper: an action
    repeat of 4]. In each of them half of the velocity is lost to friction and half of the driven one is added, so that
    the top speeds are 0.075 blocks, alike in the four directions, and 5 degrees of rotation: 0.3 blocks and 20 degrees
    a decision. From rest, one decision covers 0.23 blocks and coasts for the other 0.07. The body is a disc of radius
    0.2 that slides along walls and loses the velocity toward them [all ours].

    ## Observation Space
    `Dict(image: Box(0, 255, (84, 84, 3), uint8), velocity: Box(-1, 1, (6,), float32))` [paper: RGB of 84 x 84, and the
    agent's velocity]. The view is 90 degrees wide and high, from half the height of walls that are one block high;
    light falls by a factor e in 7 blocks [ours]. The velocity is that of the last primitive step as fractions of the
    top speeds: forward, right, up, pitch, yaw to the right, roll; up, pitch and roll are always 0 [ours]. The wrapper
    `PreviousActionReward` adds the previous action, the previous reward and the time.

    ## Rewards
    `goal_reward` for reaching the goal [paper: 10], `apple_reward` for an apple [paper: 1], else 0. Goal and apples are
    reached within 0.4 blocks, which is tested once a decision [ours].

    ## Starting State
    In the corridor [paper], at rest, up to 1 block north or south of its middle, at any heading, both uniform [ours],
    in the beginning and again after every goal. Apples lie in the corridor [paper], in the middle of its 5 blocks
    between the arms or evenly spread over them, and are not replaced within a lifetime [ours].

    ## Episode End
    `terminated` after `num_decisions` decisions [ours: 900, which are 3600 primitive steps; paper: a fixed clock];
    never truncated [ours: the end is part of the problem].

    ## Optimum
    Between bounds, `meta_envs.solve("MetaNavigation-IMaze-v0")`: at most 337.6, which are 33.3 visits and all apples.
    Along the corridors' middle it is 3 blocks from the middle of the maze to the corridor's end and 6 from there to
    every goal, the last one around the corner [ours: arms twice as long as half the corridor], and a goal is reached
    from 0.4 before it. Round the corners a body of this size and speed can go it in 25 decisions at least, 25.1 in the
    mean over its first places. The best search takes the nearer end first, and there both arms: at least 79 decisions,
    27.9 blocks along the middle. The bound adds visits of the least duration up (`meta_envs/solvers/mazes.py`).

    The learner `searcher` follows that order along the middle, and has about 288: 93 decisions to the first goal, 29 to
    later ones [paper: about 100 and 30]. Told the goal (`oracle`), the same controller has about 309. A feed-forward
    agent cannot know where it was paid: `memoryless` searches for every goal as for the first, and has about 99.
    Random play has 7. The way backward or sideways is as fast as forward.

    ## Arguments
    - `num_decisions=900`: decisions of a lifetime [ours], at least 1.
    - `num_apples=5`: apples [ours], from 0 to 5.
    - `goal_reward=10.0`: reward of the goal [paper: 10].
    - `apple_reward=1.0`: reward of an apple [paper: 1].
    - `resolution=84`: side of the view in pixels [paper: 84], at least 36.

    ## Fidelity
    The task is that of the paper, section 3.2.3: a fixed I, a goal in one of four alcoves drawn per lifetime, not to be
    seen from outside, apples in the corridor, return to the corridor, a fixed clock, eight actions, 84 x 84 pixels and
    velocity. [ours]: all lengths, speeds, friction and colours, chosen so that first and later goals take about 100 and
    30 decisions as published; that the goal appears when the body's centre enters the alcove's block, from outside of
    which it is never drawn, so that it is seen for one decision at most before it is reached; that apples are not
    replaced, and that one may lie where a body begins, which is then paid for the first decision, whatever it is. The
    paper's own maze is one of DeepMind Lab; no number of it was published.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.3; Mirowski et al. 2016,
    *Learning to navigate in complex environments*, arXiv 1611.03673, from which the maze is taken.

    ## Version History
    - v0: first version.
    """

    num_decisions: int = 900

    task_names: ClassVar[tuple[str, ...]] = ("goal",)

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        super().__post_init__()
        require_integers(self, {"num_decisions": 1})
        require(self.num_apples <= len(CORRIDOR), "num_apples", self.num_apples, f"there is room for {len(CORRIDOR)}")

    @property
    def horizon(self) -> int:
        return self.num_decisions

    @property
    def num_task_chance(self) -> int:
        return 3

    @property
    def mazes(self) -> Mazes:
        return i_maze()

    def sample_task(self, chance: Array) -> Array:
        return 1.0 + np.floor(len(GOALS) * chance[:, :1])

    def in_support(self, task: Array) -> Array:
        return np.any(task == 1.0 + np.arange(len(GOALS)), axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        apples = CORRIDOR[
            ((np.arange(self.num_apples) + 0.5) * len(CORRIDOR) / max(self.num_apples, 1)).astype(np.intp)
        ]
        rows = np.tile(apples.astype(np.float64), (len(chance), 1))
        return np.concatenate([self.spawn(task, chance[:, 1:]), rows], axis=-1)

    def spawn(self, task: Array, chance: Array) -> Array:
        pose = np.zeros((len(chance), POSE))
        pose[:, 0] = MIDDLE[0]
        pose[:, 1] = MIDDLE[1] + REACH * (2.0 * chance[:, 0] - 1.0)
        pose[:, 2] = 2.0 * np.pi * chance[:, 1]
        return pose

    def find_maze(self, task: Array) -> Array:
        return np.zeros(len(task), np.intp)

    def find_goal(self, task: Array) -> Array:
        return GOALS.take(task[:, 0].astype(np.intp) - 1)

    def tell(self, task: Array) -> str:
        return f"in the {NAMES[round(task[0]) - 1]}"

    def can_see_goal(self, task: Array, block: Array) -> Array:
        return block == self.find_goal(task)
