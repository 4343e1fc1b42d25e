"""Which registered families tests are about, and one toy family of each kind that no registered one is."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

import meta_envs
from meta_envs.families.bernoulli import BernoulliBandit
from meta_envs.families.dependent import DependentBandit
from meta_envs.family import Array, FiniteTaskFamily, TaskFamily

PUBLISHED_IDS = (
    "MetaBandit-Independent-v0",
    "MetaBandit-Dependent-v0",
    "MetaBandit-DependentEasy-v0",
    "MetaBandit-DependentMedium-v0",
    "MetaBandit-DependentHard-v0",
    "MetaBandit-Informative-v0",
    "MetaBandit-Restless-v0",
    "MetaBandit-RestlessLow-v0",
    "MetaBandit-RestlessHigh-v0",
    "MetaTwoStep-v0",
    "MetaTwoStep-Switching-v0",
    "MetaHarlow-v0",
    "MetaHarlow-Symbolic-v0",
    "MetaNavigation-IMaze-v0",
    "MetaNavigation-IMazeGrid-v0",
    "MetaNavigation-RandomMaze-v0",
    "MetaMDP-Tabular-v0",
)
"""Ids of the first version: they never go away, and README and reference show them. Nobody has to add later ones."""

UNSOLVED_IDS = ("MetaNavigation-IMaze-v0", "MetaNavigation-RandomMaze-v0", "MetaMDP-Tabular-v0")
"""Published environments of which no optimal policy is known."""


def is_solved(id: str, family: TaskFamily) -> bool:
    """Whether an optimal policy is known; of environments that were added later, it is tried."""
    if id in PUBLISHED_IDS:
        return id not in UNSOLVED_IDS
    try:
        return meta_envs.solve(family).kind == "exact"
    except meta_envs.Unsolvable:
        return False


FAMILIES = {id: meta_envs.make_family(id) for id in meta_envs.ids()}
"""The registered environments as they are registered; the lists below are those that have what some tests need."""
BERNOULLI_IDS = [id for id, family in FAMILIES.items() if isinstance(family, BernoulliBandit)]
"""Bandits whose arms pay 0 or 1, of any number."""
TWO_ARMED_IDS = [id for id, family in FAMILIES.items() if isinstance(family, BernoulliBandit) and family.arms == 2]
"""Those of them with two arms."""
DEPENDENT_IDS = [id for id, family in FAMILIES.items() if isinstance(family, DependentBandit)]
"""Those of them with ``p_2 = 1 - p_1``."""
COUNTED_IDS = [id for id, family in FAMILIES.items() if isinstance(family.action_space, spaces.Discrete)]
"""Environments whose actions are counted."""
SOLVED_IDS = [id for id, family in FAMILIES.items() if is_solved(id, family)]
"""Environments of which an optimal policy is known."""

SMALL: dict[str, dict[str, Any]] = {
    "MetaBandit-Restless-v0": dict(num_trials=15),
    "MetaBandit-RestlessLow-v0": dict(num_trials=15),
    "MetaBandit-RestlessHigh-v0": dict(num_trials=15),
    "MetaTwoStep-Switching-v0": dict(num_trials=12),
    "MetaHarlow-v0": dict(resolution=36, num_trials=2, num_decisions=16),
    "MetaNavigation-IMaze-v0": dict(resolution=36, num_decisions=12),
    "MetaNavigation-IMazeGrid-v0": dict(corridor=3, arm=2, num_moves=24),
    "MetaNavigation-RandomMaze-v0": dict(resolution=36, num_decisions=12),
    "MetaMDP-Tabular-v0": dict(num_episodes=3),
}
"""Keywords that make long lifetimes and large images quick to test; their defaults are for the slow tests."""


def small(id: str) -> dict[str, Any]:
    """Keywords with which an environment is quick to test."""
    return SMALL.get(id, {})


def idle(env: Any) -> Any:
    """An action of an environment, or of all its copies: always the same, and the first where actions are counted."""
    if isinstance(env.unwrapped.family.action_space, spaces.Discrete):
        return np.zeros(env.num_envs, int) if isinstance(env, gym.vector.VectorEnv) else 0
    space = copy.deepcopy(env.action_space)
    space.seed(0)
    return space.sample()


@dataclass(frozen=True, kw_only=True)
class Urn(FiniteTaskFamily):
    """Three outcomes, two rooms and a way out, a law that moves with the clock: a draw pays 1, or 3 and leads on.

    The state is (clock, room). A draw of 0 pays 1 and changes nothing, of 1 pays 1 and changes the room, of 2 pays 3
    and, in room 1, ends the lifetime. No draw pays 0. The first room is drawn independently of the task.
    """

    num_draws: int = 6

    task_names: ClassVar[tuple[str, ...]] = ("change", "luck")

    @property
    def horizon(self) -> int:
        return self.num_draws

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (4,), np.float32)

    @property
    def num_outcomes(self) -> int:
        return 3

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (1.0, 3.0)

    @property
    def num_task_chance(self) -> int:
        return 2

    def tasks(self) -> tuple[Array, Array]:
        return np.array([[0.2, 0.1], [0.2, 0.5], [0.6, 0.3]]), np.array([0.5, 0.3, 0.2])

    def states(self) -> Array | None:
        clock, room = np.indices((self.num_draws + 1, 3)).reshape(2, -1)
        return np.stack([clock, room], axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        room = (chance[:, 1] >= 0.25).astype(np.int64)
        return np.stack([np.zeros_like(room), room], axis=-1)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        """The lucky draw is rarer by the clock, and twice as rare for action 0 in room 1."""
        fading = 1.0 - state[:, 0] / (2.0 * self.num_draws)
        lucky = task[:, 1] * fading * np.where((action == 0) & (state[:, 1] == 1), 0.5, 1.0)
        change = task[:, 0] * (1.0 - lucky)
        return np.stack([1.0 - change - lucky, change, lucky], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        room = state[:, 1]
        room = np.where((outcome == 1) & (room < 2), 1 - room, room)
        room = np.where((outcome == 2) & (room == 1), 2, room)
        return np.stack([np.minimum(state[:, 0] + 1, self.num_draws), room], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.where(outcome == 2, 3.0, 1.0)

    def observe(self, task: Any, state: Array) -> Array:
        rooms = np.arange(3) == state[:, 1:]
        return np.concatenate([rooms, state[:, :1] / self.num_draws], axis=-1).astype(np.float32)

    def terminated(self, task: Any, state: Array) -> Array:
        return state[:, 1] == 2


@dataclass(frozen=True, kw_only=True)
class GlassUrn(Urn):
    """The same, seen as a Dict: the room beside the clock."""

    @property
    def observation_space(self) -> spaces.Dict:  # type: ignore[override]
        return spaces.Dict(room=spaces.Box(0, 1, (3,), np.int8), clock=spaces.Box(0, self.num_draws, (1,), np.float32))

    def observe(self, task: Any, state: Array) -> dict[str, Array]:  # type: ignore[override]
        room = (np.arange(3) == state[:, 1:]).astype(np.int8)
        return {"room": room, "clock": state[:, :1].astype(np.float32)}


@dataclass(frozen=True, kw_only=True)
class TwoRooms(FiniteTaskFamily):
    """Two rooms and a way out. Outcome 0: nothing; 1: paid 1 and to the other room; 2: paid 2 and out.

    A task is how often the two actions move, and how often they let one out; the second action cannot let one out of
    the first room, so that some branches are impossible.
    """

    length: int = 4

    task_names: ClassVar[tuple[str, ...]] = ("move", "out")

    @property
    def horizon(self) -> int:
        return self.length

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (3,), np.float32)

    @property
    def num_outcomes(self) -> int:
        return 3

    def states(self) -> Array | None:
        return np.array([[0], [1], [2]])

    def tasks(self) -> tuple[Array, Array]:
        return np.array([[0.9, 0.1], [0.2, 0.3], [0.5, 0.0]]), np.array([0.5, 0.3, 0.2])

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 1), np.int64)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        second = action == 1
        move = np.where(second, 0.5 * (1.0 - task[:, 0]), 0.5 * task[:, 0])
        out = np.where(second & (state[:, 0] == 0), 0.0, task[:, 1] + 0.2 * second)
        return np.stack([1.0 - move - out, move, out], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        room = state[:, 0]
        moved = np.where((outcome == 1) & (room < 2), 1 - room, room)
        return np.where(outcome == 2, 2, moved)[:, None]

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        # Outside one would be paid too, if anyone asked: nobody may.
        return outcome.astype(np.float64)

    def observe(self, task: Any, state: Array) -> Array:
        return np.eye(3, dtype=np.float32)[state[:, 0]]

    def terminated(self, task: Any, state: Array) -> Array:
        return state[:, 0] == 2


@dataclass(frozen=True, kw_only=True)
class UnlistedRooms(TwoRooms):
    """The same rooms without a list of them."""

    def states(self) -> Array | None:
        return None


@dataclass(frozen=True, kw_only=True)
class Drift(TaskFamily):
    """Continuous task, action, outcome and reward, with three uniforms a step: a boat is steered against a current.

    The state is (clock, place); the outcome is the place's change (B, 2). Place stays in [-1, 1]^2.
    """

    num_steps: int = 5

    task_names: ClassVar[tuple[str, ...]] = ("east", "north")
    num_step_chance: ClassVar[int] = 3

    @property
    def horizon(self) -> int:
        return self.num_steps

    @property
    def action_space(self) -> spaces.Box:
        return spaces.Box(-1.0, 1.0, (2,), np.float32)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(-1.0, 1.0, (3,), np.float32)

    @property
    def num_task_chance(self) -> int:
        return 4

    @property
    def reward_range(self) -> tuple[float, float]:
        return (-2.0, 0.0)

    def sample_task(self, chance: Array) -> Array:
        return chance[:, :2] - 0.5

    def in_support(self, task: Array) -> Array:
        return np.all(np.abs(task) <= 0.5, axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.concatenate([np.zeros((len(chance), 1)), 2.0 * chance[:, 2:] - 1.0], axis=-1)

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        gust = np.where(chance[:, 2:] < 0.1, 0.5, 0.1)
        return 0.3 * action.astype(np.float64) + task + gust * (chance[:, :2] - 0.5)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        place = np.clip(state[:, 1:] + outcome, -1.0, 1.0)
        return np.concatenate([state[:, :1] + 1.0, place], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        place = np.clip(state[:, 1:] + outcome, -1.0, 1.0)
        return -np.sum(place * place, axis=-1)

    def observe(self, task: Any, state: Array) -> Array:
        return np.concatenate([state[:, :1] / self.num_steps, state[:, 1:]], axis=-1).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class FatedUrn(TaskFamily):
    """Images and a Dict, an early end, and no chance after birth: lots drawn ahead are uncovered one by one.

    The state is (clock, the lot now, all lots, which were drawn at birth); action 1 takes the lot, 0 leaves it. A lot
    above 0.9 ends the lifetime. The task scales what lots pay.
    """

    num_lots: int = 7

    task_names: ClassVar[tuple[str, ...]] = ("scale",)
    num_step_chance: ClassVar[int] = 0

    @property
    def horizon(self) -> int:
        return self.num_lots

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Dict:
        return spaces.Dict(image=spaces.Box(0, 255, (36, 36, 3), np.uint8), lot=spaces.Box(0, 1, (1,), np.float32))

    @property
    def num_task_chance(self) -> int:
        return 2 + self.num_lots

    @property
    def reward_range(self) -> tuple[float, float]:
        return (0.0, 2.0)

    def sample_task(self, chance: Array) -> Array:
        return 1.0 + chance[:, :1]

    def in_support(self, task: Array) -> Array:
        return np.all((task >= 1.0) & (task <= 2.0), axis=-1)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.concatenate([np.zeros((len(chance), 1)), chance[:, 1:]], axis=-1)

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        return task[:, 0] * state[:, 1]

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        clock = np.minimum(state[:, :1] + 1, self.num_lots)
        lot = np.take_along_axis(state[:, 2:], clock.astype(np.intp) - 1, axis=-1)
        return np.concatenate([clock, lot, state[:, 2:]], axis=-1)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.where(action == 1, outcome, 0.0)

    def observe(self, task: Any, state: Array) -> dict[str, Array]:
        image = np.zeros((len(state), 36, 36, 3), np.uint8)
        image[..., 0] = (255 * state[:, 1, None, None]).astype(np.uint8)
        return {"image": image, "lot": state[:, 1:2].astype(np.float32)}

    def terminated(self, task: Any, state: Array) -> Array:
        return state[:, 1] > 0.9


TOYS = {
    "ToyUrn-v0": Urn,
    "ToyGlassUrn-v0": GlassUrn,
    "ToyRooms-v0": TwoRooms,
    "ToyUnlistedRooms-v0": UnlistedRooms,
    "ToyFatedUrn-v0": FatedUrn,
    "ToyDrift-v0": Drift,
}


def place(family: type) -> str:
    """Where a class is, as the registry wants it."""
    return f"{family.__module__}:{family.__qualname__}"


@contextmanager
def registered(**families: type) -> Iterator[None]:
    """The toys, and the given families under ids such as ``Leaky`` for ``Leaky-v0``, in the registry for a while."""
    ids = {**TOYS, **{f"{name}-v0": family for name, family in families.items()}}
    for id, family in ids.items():
        meta_envs.register(id, place(family))
    try:
        yield
    finally:
        for id in ids:
            del gym.registry[id]
