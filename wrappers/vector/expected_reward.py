"""The vector twin of `meta_envs.wrappers.ExpectedReward`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from meta_envs.family import Array
from meta_envs.wrappers.expected_reward import require_means


class ExpectedReward(VectorWrapper[Any, Any, Any, Any, Any]):
    """The vector twin of `meta_envs.wrappers.ExpectedReward`, in every autoreset mode.

    Of other vector environments, such as ``SyncVectorEnv``, wrap every copy in the single one.

    Args:
        env: A native vector environment of this package, wrapped or not.

    Raises:
        ValueError: If the vector environment is another one, or its family does not know its mean rewards.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        from meta_envs.envs.vector import MetaVectorEnv

        super().__init__(env)
        base = env.unwrapped
        require_means(base.family if isinstance(base, MetaVectorEnv) else None, env)
        self._base: Any = base
        self._everyone = np.arange(self.num_envs)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take actions."""
        means, alive = self._base.expected_rewards, self._base.alive
        observation, _, terminated, truncated, infos = self.env.step(actions)
        # Of copies that were over means are zeros, and actions are ignored.
        chosen = np.where(alive, actions, 0)
        return observation, means[self._everyone, chosen], terminated, truncated, infos
