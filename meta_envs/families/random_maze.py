"""Navigation in random mazes: experiment 7 of the paper."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from meta_envs.arguments import require, require_integers, require_one_of
from meta_envs.families.maze import POSE, Maze
from meta_envs.families.worlds.mazes import NUM_LAYOUTS, SETS, Mazes, list_places, random_mazes
from meta_envs.family import Array

SIZES = {"tiny": (3, 4, 900), "small": (5, 10, 900), "large": (9, 15, 2700)}
"""Rows and columns of places, and decisions of a lifetime."""


@dataclass(frozen=True, kw_only=True)
class RandomMaze(Maze):
    """A maze seen in the first person, in which the goal is somewhere else in every lifetime, and apples too.

    ## Description
    In a maze of winding corridors the goal is to be found, and found again: reaching it puts the agent to a random
    place. In the next lifetime it is elsewhere, and so are the apples on the way. The maze is always the same, or
    another one in every lifetime, and then its layout must be learned too. Goal and apples are seen wherever no wall is
    before them. The patterns of the walls change every few blocks, so that places can be told apart.

    ## Task prior
    The task is `(layout, goal)`, shape `(2,)`: the number of the maze in its set, from 0, and the goal's place, from 0,
    row by row from the north-west. Both are uniform [paper: the goal is placed anew in every episode], and may be fixed
    by `reset(options={"task": [0, 17]})`. With `layouts="fixed"` the layout is always 0 [paper: the maze stays]; with
    `"random"` it is one of 1000 training mazes or, with `split="test"`, of 1000 others [ours].

    ## Action Space
    `Discrete(8)`: 0 forward, 1 backward, 2 strafe left, 3 strafe right, 4 rotate left, 5 rotate right, 6 forward and
    rotate left, 7 forward and rotate right [paper].

    The unit of length is a block, the width of a corridor and of a wall. An action is driven for 4 primitive steps
    [paper: an action repeat of 4]. In each of them half of the velocity is lost to friction and half of the driven one
    is added, so that the top speeds are 0.075 blocks, alike in the four directions, and 5 degrees of rotation: 0.3
    blocks and 20 degrees a decision. The body is a disc of radius 0.2 that slides along walls and loses the velocity
    toward them [all ours].

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
    At rest, in the middle of a random place that is not the goal's [paper: random], at any heading [ours], all uniform,
    in the beginning and again after every goal. The apples lie in other places than the goal, all equally likely
    [paper: fruit is placed anew in every episode], and are not replaced within a lifetime [ours].

    ## Episode End
    `terminated` after 900 decisions, in the large maze after 2700 [paper: 3600 and 10,800 primitive steps], or after
    `num_decisions`; never truncated [ours: the end is part of the problem].

    ## Optimum
    Between bounds, `meta_envs.solve("MetaNavigation-RandomMaze-v0")`: at most 156.9, what an oracle that knows maze and
    goal has at the greatest speed with all corners cut, 15.2 visits and all apples (`meta_envs/solvers/mazes.py`).
    Neighbouring places are 2 blocks apart, along the middle at least 6.7 decisions. The best search for a goal that can
    be seen from afar is an open question. The learner `searcher`, which is told the layout, tries the nearest places
    where it has not been and goes straight to the goal once it has touched it: it has about 106, with some 240
    decisions to the first goal and 70 to later ones. `memoryless`, which searches anew for every goal, has about 45,
    the learner `oracle`, which knows the goal and leaves out apples that are not on its way, 127, random play 2. In the
    tiny maze the bound is 576.6, and `searcher` has about 460, `memoryless` 220, random play 12.

    ## Arguments
    - `size="small"`: `"small"`, 5 x 10 places, or `"large"`, 9 x 15 [paper]; or `"tiny"`, 3 x 4 [ours], with
      `layouts="fixed"` only.
    - `layouts="fixed"`: `"fixed"`, one maze for all lifetimes [paper], or `"random"` [ours].
    - `split="train"`: which set of random mazes, `"train"` or `"test"`; no maze is in both [ours].
    - `num_decisions=0`: decisions of a lifetime; 0 stands for those of the size [paper].
    - `num_apples=5`: apples [ours], from 0 to the number of places less 2.
    - `goal_reward=10.0`: reward of the goal [paper: 10].
    - `apple_reward=1.0`: reward of an apple [paper: 1].
    - `resolution=84`: side of the view in pixels [paper: 84], at least 36.

    ## Fidelity
    Sizes, clocks, actions, observations, rewards, and what is drawn in a lifetime are the paper's, which has them from
    Mirowski et al. [ours]: the layouts, since those of DeepMind Lab were not published: a random depth-first walk
    connects all places, and of the walls left between neighbouring places one in ten is left out, so that there are
    loops; walls as thick as corridors, so that 5 x 10 places take 11 x 21 blocks; all lengths, speeds and colours; the
    number of apples and that they are of one kind.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.3; Mirowski et al. 2016,
    *Learning to navigate in complex environments*, arXiv 1611.03673.

    ## Version History
    - v0: first version.
    """

    size: str = "small"
    layouts: str = "fixed"
    split: str = "train"
    num_decisions: int = 0

    task_names: ClassVar[tuple[str, ...]] = ("layout", "goal")
    layout_names: ClassVar[tuple[str, ...]] = ("layout",)

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        super().__post_init__()
        require_integers(self, {"num_decisions": 0})
        for name, known in (("size", SIZES), ("layouts", ("fixed", "random")), ("split", SETS)):
            require_one_of(name, getattr(self, name), known)
        require(
            self.layouts == "random" or self.split == "train",
            "split",
            self.split,
            'there are two sets of mazes with layouts="random" only',
        )
        require(
            self.layouts == "fixed" or self.size != "tiny",
            "size",
            self.size,
            'there are too few mazes of it for layouts="random", so take "small" or "large"',
        )
        room = self.num_places - 2
        require(self.num_apples <= room, "num_apples", self.num_apples, f"there is room for {room}")

    @property
    def horizon(self) -> int:
        return self.num_decisions or SIZES[self.size][2]

    @property
    def num_places(self) -> int:
        """Places at which the goal, apples and the body can be."""
        rows, columns, _ = SIZES[self.size]
        return rows * columns

    @property
    def num_layouts(self) -> int:
        """Mazes that a task may be set in."""
        return 1 if self.layouts == "fixed" else NUM_LAYOUTS

    @property
    def num_task_chance(self) -> int:
        return 4 + self.num_places

    @property
    def mazes(self) -> Mazes:
        return random_mazes(*SIZES[self.size][:2], self.split, self.num_layouts)

    def sample_task(self, chance: Array) -> Array:
        return np.floor(chance[:, :2] * np.array([self.num_layouts, self.num_places]))

    def in_support(self, task: Array) -> Array:
        whole = np.all((task >= 0) & (task == np.floor(task)), axis=-1)
        return whole & np.all(task < np.array([self.num_layouts, self.num_places]), axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        keys = np.where(np.arange(self.num_places) == task[:, 1:], np.inf, chance[:, 4:])
        places = np.argsort(keys, axis=-1, kind="stable")[:, : self.num_apples]
        return np.concatenate([self.spawn(task, chance[:, 2:4]), self._blocks.take(places)], axis=-1)

    def spawn(self, task: Array, chance: Array) -> Array:
        place = (chance[:, 0] * (self.num_places - 1)).astype(np.intp)
        place = place + (place >= task[:, 1])
        pose = np.zeros((len(chance), POSE))
        pose[:, :2] = self.center(self._blocks.take(place))
        pose[:, 2] = 2.0 * np.pi * chance[:, 1]
        return pose

    def find_maze(self, task: Array) -> Array:
        return task[:, 0].astype(np.intp)

    def find_goal(self, task: Array) -> Array:
        return self._blocks.take(task[:, 1].astype(np.intp))

    @property
    def _blocks(self) -> Array:
        """Flat indices of the blocks of places."""
        return list_places(*SIZES[self.size][:2])

    def tell(self, task: Array) -> str:
        row, column = divmod(round(task[1]), SIZES[self.size][1])
        return f"in row {row + 1}, column {column + 1}"
