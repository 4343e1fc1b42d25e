"""A task family from outside the package, in one file and one row, and all that it gets from that.

A rat runs through the stem of a T-shaped maze again and again; at its end one side has the food, mostly. Which side, it
has to find out. Run it as it stands: ``python examples/add_a_family.py``.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

import meta_envs
import meta_envs.testing
from meta_envs import wrappers
from meta_envs.family import Array, FiniteTaskFamily, require_integers, require_numbers
from meta_envs.rendering import save_png, take_picture

LEFT, RIGHT, FORWARD = range(3)


@dataclass(frozen=True, kw_only=True)
class TMaze(FiniteTaskFamily):
    """A stem with a left and a right end, of which one mostly has the food."""

    num_steps: int = 40
    stem: int = 3
    reliability: float = 0.8

    task_names: ClassVar[tuple[str, ...]] = ("side",)

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_steps": 1, "stem": 1})
        require_numbers(self, "reliability")

    @property
    def horizon(self) -> int:
        """Steps of a lifetime."""
        return self.num_steps

    @property
    def action_space(self) -> spaces.Discrete:
        """Left, right, forward."""
        return spaces.Discrete(3)

    @property
    def observation_space(self) -> spaces.Box:
        """How far the rat is."""
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    @property
    def num_outcomes(self) -> int:
        """0: no food, 1: food."""
        return 2

    @property
    def reward_values(self) -> tuple[float, ...]:
        """Without and with food."""
        return (0.0, 1.0)

    def tasks(self) -> tuple[Array, Array]:
        """Food is left (0) or right (1), with the same probability."""
        return np.array([[0.0], [1.0]]), np.array([0.5, 0.5])

    def states(self) -> Array:
        """Places in the stem (stem + 1, 1)."""
        return np.arange(self.stem + 1)[:, None]

    def initial_state(self, task: Any, chance: Array) -> Array:
        """At the foot of the stem."""
        return np.zeros((len(chance), 1), np.intp)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        """The law, and the only place where the hidden side enters."""
        chooses = (state[:, 0] == self.stem) & (action != FORWARD)
        right_side = action == task[:, 0]
        food = np.where(chooses, np.where(right_side, self.reliability, 1.0 - self.reliability), 0.0)
        return np.stack([1.0 - food, food], axis=-1)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        """Forward to the end of the stem; a choice there leads back to its foot."""
        place = state[:, 0]
        chooses = (place == self.stem) & (action != FORWARD)
        ahead = np.minimum(place + (action == FORWARD), self.stem)
        return np.where(chooses, 0, ahead)[:, None]

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        """1 for food."""
        return outcome.astype(np.float64)

    def observe(self, task: Any, state: Array) -> Array:
        """How far the rat is, from 0 to 1."""
        return (state / self.stem).astype(np.float32)


meta_envs.register("MetaTMaze-v0", f"{__name__}:TMaze")
meta_envs.register("MetaTMaze-Hard-v0", f"{__name__}:TMaze", reliability=0.6)  # a difficulty is a row, not a class


def main() -> None:
    """Everything that the suite makes of it."""
    env = wrappers.PreviousActionReward(gym.make("MetaTMaze-v0"))
    print("observation with history", env.reset(seed=0)[0])
    native = gym.make_vec("MetaTMaze-v0", num_envs=64)
    print("64 native copies       ", native.reset(seed=0)[0].shape)
    episodes = wrappers.MultiEpisode(gym.make("MetaTMaze-v0", num_steps=10), num_episodes=4)
    print("4 episodes in one task ", episodes.reset(seed=0)[0])
    known = wrappers.Privileged(gym.make("MetaTMaze-v0")).reset(seed=0)[1]
    print("privileged information ", {name: np.asarray(value).tolist() for name, value in known.items()})
    for id in ("MetaTMaze-v0", "MetaTMaze-Hard-v0"):
        optimum = meta_envs.solve(id)
        print(f"{id}: optimum {optimum.value:.4f} ({optimum.kind}), random {optimum.random_value:.4f}")
        for card in meta_envs.evaluate(["random", "bayes", "oracle"], id, episodes=500):
            print(f"  {card.learner:8} return {card.return_mean:6.3f}, regret {card.regret_mean:6.3f}")
    path = Path(mkdtemp()) / "t-maze.png"
    save_png(take_picture("MetaTMaze-v0"), path)
    print(f"picture: {path}")
    for check in meta_envs.testing.CHECKS:
        check("MetaTMaze-v0")
    print(f"all {len(meta_envs.testing.CHECKS)} checks of the contract pass")


if __name__ == "__main__":
    main()
