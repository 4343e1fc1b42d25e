"""First-person mazes, the base class: the body's motion, the apples, the goal and the view."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require_integers, require_numbers
from meta_envs.families.worlds.mazes import Mazes, find_route
from meta_envs.families.worlds.raycast import render
from meta_envs.family import Array, TaskFamily

REPEAT = 4
"""Primitive steps of a decision."""
SPEED, TURN = 0.3 / REPEAT, np.deg2rad(20.0) / REPEAT
"""Top speeds of a primitive step: blocks and radians."""
FRICTION = 0.5
"""Fraction of the velocity that is lost in a primitive step, and made up for while an action drives on."""
RADIUS = 0.2
"""Of the body, in blocks."""
TOUCH = 0.4
"""Distance of the body's centre from a goal's or an apple's at which it takes it, in blocks."""
POSE = 6
"""Numbers of a state that are not apples: x, y, heading, and what the last primitive step added to each."""
LEEWAY = 0.25
"""How far from the middle of a corridor a steersman lets the body go."""

ACTIONS = ("forward", "backward", "left", "right", "turn left", "turn right", "forward left", "forward right")
FORWARD, RIGHTWARD, CLOCKWISE = (
    top * FRICTION * np.array(ways, np.float64)
    for top, ways in (
        (SPEED, (1, -1, 0, 0, 0, 0, 1, 1)),
        (SPEED, (0, 0, -1, 1, 0, 0, 0, 0)),
        (TURN / FRICTION, (0, 0, 0, 0, -1, 1, -1, 1)),
    )
)
"""What an action adds to a velocity in a primitive step, and the turning velocity that it drives to."""


@dataclass(frozen=True, kw_only=True)
class Maze(TaskFamily):
    """A maze with a goal and apples, in which a body moves and sees in the first person.

    The state is its pose and, for every apple, its block or -1 if it is eaten. The outcome is the next state, the
    reward, and whether the goal was reached.
    """

    num_apples: int = 5
    goal_reward: float = 10.0
    apple_reward: float = 1.0
    resolution: int = 84

    num_step_chance: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_apples": 0, "resolution": 36})
        require_numbers(self, "goal_reward", "apple_reward")

    @property
    @abstractmethod
    def mazes(self) -> Mazes:
        """The layouts of all tasks."""

    @abstractmethod
    def find_maze(self, task: Array) -> Array:
        """Which of them tasks (B, T) are set in, (B,) intp."""

    @abstractmethod
    def find_goal(self, task: Array) -> Array:
        """Flat index of the goal's block (B,) intp."""

    @abstractmethod
    def spawn(self, task: Array, chance: Array) -> Array:
        """Poses (B, POSE) in which the body begins, by one uniform for its place and one for its heading (B, 2)."""

    @abstractmethod
    def tell(self, task: Array) -> str:
        """Where the goal of a task (T,) is, in words."""

    def can_see_goal(self, task: Array, block: Array) -> Array:
        """Whether the goal is there to be seen from blocks (B,), walls apart (B,)."""
        return np.ones(len(block), bool)

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(len(ACTIONS))

    @property
    def observation_space(self) -> spaces.Dict:
        return spaces.Dict(
            image=spaces.Box(0, 255, (self.resolution, self.resolution, 3), np.uint8),
            velocity=spaces.Box(-1.0, 1.0, (6,), np.float32),
        )

    @property
    def shared_bytes(self) -> int:
        """The columns of pixels that walls are made of, twice while they are made."""
        return 4096 * self.resolution**2

    @property
    def reward_values(self) -> tuple[float, ...]:
        apples = {float(self.apple_reward)} if self.num_apples else set()
        return tuple(sorted({0.0, float(self.goal_reward), *apples}))

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        pose = self.move(task, state[:, :POSE], action)
        place = pose[:, :2]
        won = _distance(place, self.center(self.find_goal(task))) <= TOUCH
        apples = state[:, POSE:].astype(np.intp)
        eaten = (apples >= 0) & (_distance(place[:, None], self.center(apples)) <= TOUCH) & ~won[:, None]
        reward = np.where(won, self.goal_reward, np.where(np.any(eaten, axis=-1), self.apple_reward, 0.0))
        if won.any():
            pose = np.where(won[:, None], self.spawn(task, chance), pose)
        return np.concatenate([pose, np.where(eaten, -1.0, apples), reward[:, None], won[:, None]], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome[:, :-2].copy()

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome[:, -2].copy()

    def observe(self, task: Any, state: Array) -> Any:
        place, apples = state[:, :2], state[:, POSE:].astype(np.intp)
        goal = self.find_goal(task)
        blocks = np.concatenate([goal[:, None], apples], axis=-1)
        shown = blocks >= 0
        shown[:, 0] = self.can_see_goal(task, self.block(place))
        image = render(self.mazes, self.find_maze(task), state[:, :3], self.center(blocks), shown, self.resolution)
        return {"image": image, "velocity": _felt(state)}

    def best_action(self, task: Array, state: Array) -> Array:
        return self.steer(task, state, self.find_goal(task))

    @property
    def chance_pays(self) -> bool:
        """It decides only where the body is put after the goal."""
        return False

    def center(self, block: Array) -> Array:
        """Centres (..., 2) of blocks given by their flat index (...), intp; of -1 whatever."""
        return self.mazes.centers.take(block, axis=0)

    def block(self, place: Array) -> Array:
        """Flat indices (B,) intp of the blocks in which places (B, 2) lie."""
        x, y = place[:, 0].astype(np.intp), place[:, 1].astype(np.intp)
        return y * self.mazes.free.shape[2] + x

    def move(self, task: Array, pose: Array, action: Array) -> Array:
        """Poses (B, POSE) after a decision, goal and apples apart."""
        free, maze = self.mazes.free, self.find_maze(task)
        place, speed = pose[:, :2], pose[:, 3:5]
        spin = np.ascontiguousarray(pose[:, 5])[:, None]
        # The turns of all primitive steps at once; what is left of the first velocity, and what the action has given.
        left = (1.0 - FRICTION) ** np.arange(1.0, REPEAT + 1.0)
        spins = spin * left + CLOCKWISE.take(action)[:, None] * (1.0 - left)
        headings = pose[:, 2:3] + np.cumsum(spins, axis=-1)
        cosine, sine = np.cos(headings), np.sin(headings)
        forward, rightward = FORWARD.take(action)[:, None], RIGHTWARD.take(action)[:, None]
        push = np.empty((len(pose), REPEAT, 2))
        push[..., 0] = forward * cosine - rightward * sine
        push[..., 1] = forward * sine + rightward * cosine
        for step in range(REPEAT):
            before = place
            place = _slide(free, maze, place + ((1.0 - FRICTION) * speed + push[:, step]))
            speed = place - before
        heading = np.mod(headings[:, -1:], 2.0 * np.pi)
        return np.concatenate([place, heading, speed, spins[:, -1:]], axis=-1)

    def steer(self, task: Array, state: Array, goal: Array) -> Array:
        """Actions (B,) intp that lead to the blocks ``goal`` (B,): those after which the least way is left.

        The way is measured along corridors from where the body would come to rest, and is the longer the less its
        heading is along one of the map's axes: then it can go forward, backward or sideways and slides along no wall.
        """
        routes = [
            find_route(self.mazes, *pair) for pair in zip(self.find_maze(task).tolist(), goal.tolist(), strict=True)
        ]
        actions = len(ACTIONS)
        each = np.repeat(np.arange(len(state)), actions)
        task = task[each]
        pose = self.move(task, state[each, :POSE], np.tile(np.arange(actions), len(state)))
        coasting = (1.0 - FRICTION) / FRICTION
        place = _slide(self.mazes.free, self.find_maze(task), pose[:, :2] + coasting * pose[:, 3:5])
        blocks = self.block(place).reshape(-1, actions)
        following = np.concatenate([route.following[block] for route, block in zip(routes, blocks, strict=True)])
        length = np.concatenate([route.length[block] for route, block in zip(routes, blocks, strict=True)]) - 1.0
        gap = np.abs(place - self.center(following))
        aside = np.maximum(np.minimum(gap[:, 0], gap[:, 1]) - LEEWAY, 0.0)
        way = np.maximum(length, 0.0) + np.maximum(gap[:, 0], gap[:, 1]) + aside
        slant = np.abs(np.mod(pose[:, 2] + coasting * pose[:, 5] + np.pi / 4, np.pi / 2) - np.pi / 4)
        return np.argmin((way / np.cos(slant)).reshape(-1, actions), axis=-1)


def _distance(place: Array, other: Array) -> Array:
    gap = place - other
    return np.sqrt(gap[..., 0] * gap[..., 0] + gap[..., 1] * gap[..., 1])


def _slide(free: Array, maze: Array, place: Array) -> Array:
    """Where bodies end that are pushed to places (B, 2): kept off the walls, along which they slide.

    A push shorter than the radius leads into no wall's block, and every corner of blocks touches a wall (there are no
    halls), so that it is enough to keep the distance from the four sides and from the nearest corner.
    """
    height, width = free.shape[1:]
    block = np.floor(place)
    column_row = block.astype(np.intp)
    flat = column_row[:, 1] * width + column_row[:, 0] + maze * (height * width)
    beside = free.take(flat[:, None] + np.array([-1, -width, 1, width]))
    place = np.maximum(place, block + (RADIUS - beside[:, :2]))
    place = np.minimum(place, block + (1.0 - RADIUS + beside[:, 2:]))
    corner = np.rint(place)
    gap = place - corner
    square = gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1]
    close = square < RADIUS * RADIUS
    if close.any():
        away = corner + gap * (RADIUS / np.sqrt(np.maximum(square, 1e-18)))[:, None]
        place = np.where(close[:, None], away, place)
    return place


def _felt(state: Array) -> Array:
    """Velocities (B, 6) float32 as fractions of the top speeds: forward, right, up, pitch, yaw, roll."""
    heading = np.ascontiguousarray(state[:, 2])
    cosine, sine = np.cos(heading), np.sin(heading)
    east, south = state[:, 3], state[:, 4]
    velocity = np.zeros((len(state), 6), np.float32)
    velocity[:, 0] = (east * cosine + south * sine) / SPEED
    velocity[:, 1] = (south * cosine - east * sine) / SPEED
    velocity[:, 4] = state[:, 5] / TURN
    # At a corner a body may be pushed out a little faster than it came.
    return np.minimum(np.maximum(velocity, -1.0), 1.0)
