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
        regret: Whether to pay regret, as there.

    Raises:
        ValueError: If the vector environment is another one, its family does not know its mean rewards, or regret is to
            be paid and actions change the state.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], *, regret: bool = False) -> None:
        from meta_envs.envs.vector import MetaVectorEnv

        super().__init__(env)
        base = env.unwrapped
        require_means(base.family if isinstance(base, MetaVectorEnv) else None, env, regret)
        self._base: Any = base
        self._everyone = np.arange(self.num_envs)
        self._regret = regret

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take actions."""
        means, alive = self._base.expected_rewards, self._base.alive
        observation, _, terminated, truncated, infos = self.env.step(actions)
        # Of copies that were over means are zeros, and actions are ignored.
        paid = means[self._everyone, np.where(alive, actions, 0)]
        if self._regret:
            paid = paid - np.max(means, axis=1)
        return observation, paid, terminated, truncated, infos
