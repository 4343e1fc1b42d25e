"""The vector twin of `meta_envs.wrappers.Privileged`."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.wrappers.vector import DictInfoToList

from meta_envs.family import Array
from meta_envs.wrappers.layers import layers


class Privileged(VectorWrapper[Any, Any, Any, Any, Any]):
    """The vector twin of `meta_envs.wrappers.Privileged`, bit for bit.

    Every key ``k`` is an array (num_envs, ...), with a mask ``_k`` of the copies that have it and zeros for the others,
    as Gymnasium's `SyncVectorEnv` over single wrappers gives them: after a reset with a mask the copies that were reset
    have them, and in SAME_STEP mode what was true at the end of a lifetime is in ``infos["final_info"]``.

    Args:
        env: A native vector environment of this package, wrapped or not.

    Raises:
        ValueError: If the vector environment is another one.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        from meta_envs.envs.vector import MetaVectorEnv

        super().__init__(env)
        base = env.unwrapped
        if not isinstance(base, MetaVectorEnv):
            raise ValueError(
                f"Nothing privileged is known of {env}: wrap a native vector environment of this package, or every "
                "copy in the single Privileged."
            )
        if any(isinstance(layer, DictInfoToList) for layer in layers(env)):
            raise ValueError(f"The infos of {env} are lists: put DictInfoToList outside of Privileged.")
        self._base = base
        self._belief = base.follow_belief()
        self._same_step = AutoresetMode(env.metadata["autoreset_mode"]) is AutoresetMode.SAME_STEP
        self._everyone = np.ones(self.num_envs, dtype=bool)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin lifetimes, all or those of ``options["reset_mask"]``."""
        observation, infos = self.env.reset(seed=seed, options=options)
        return observation, {**infos, **self._read((options or {}).get("reset_mask", self._everyone))}

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take actions."""
        ending = self._base.task
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        infos = {**infos, **self._read(self._everyone)}
        over = terminated | truncated
        if self._same_step and over.any():
            final = {**infos["final_info"], **_masked("task", ending, over)}
            if self._belief is not None:
                final.update(_masked("belief", self._belief.ended, over & self._belief.ended_known))
            infos["final_info"] = final
        return observation, reward, terminated, truncated, infos

    def _read(self, which: Array) -> dict[str, Any]:
        base, belief = self._base, self._belief
        alive = which & base.alive
        infos = {
            **_masked("task", base.task, which),
            **_masked("best_action", base.best_action, alive),
            **_masked("expected_rewards", base.expected_rewards, alive),
        }
        return infos if belief is None else {**infos, **_masked("belief", belief.now, which & belief.known)}


def _masked(key: str, values: Array | None, mask: Array) -> dict[str, Any]:
    if values is None or not mask.any():
        return {}
    shown = np.zeros_like(values)
    shown[mask] = values[mask]
    return {key: shown, f"_{key}": mask.copy()}
