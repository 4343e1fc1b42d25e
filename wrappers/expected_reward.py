"""The mean reward of what was chosen, in place of the drawn one: the same objective with less noise, for training."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from meta_envs.family import TaskFamily


class ExpectedReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Pays the mean reward of the chosen action in the hidden task, instead of what was drawn.

    The expected return of every learner stays what it is, so that the same behaviour is best, and a learning algorithm
    has less noise to average out. What the learner may see stays drawn: put this outside of `PreviousActionReward`,
    else the previous reward tells the hidden means. Wrappers that change actions or rewards go outside of this one.

    Args:
        env: An environment of this package, wrapped or not.

    Raises:
        ValueError: If the environment is of another package, or its family does not know its mean rewards.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        from meta_envs.envs.single import MetaEnv

        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        base = env.unwrapped
        require_means(base.family if isinstance(base, MetaEnv) else None, env)
        self._base: Any = base

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action."""
        means = self._base.expected_rewards
        observation, _, terminated, truncated, info = self.env.step(action)
        # After the end there are none: with Autoreset inside, this step has only begun anew.
        return observation, 0.0 if means is None else float(means[action]), terminated, truncated, info


def require_means(family: TaskFamily | None, env: Any) -> None:
    """Refuse an environment whose mean rewards are not known.

    Raises:
        ValueError: With the environment.
    """
    means = None
    if family is not None:
        chance = np.full((1, family.num_task_chance), 0.5)
        task = family.sample_task(chance)
        means = family.expected_rewards(task, family.initial_state(task, chance))
    if means is None:
        raise ValueError(
            f"Mean rewards are not known of {env}: wrap an environment of this package whose family tells them, and of "
            "vector environments a native one."
        )
