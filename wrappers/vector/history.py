"""The vector twins of the wrappers, under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import DictInfoToList

from meta_envs.envs.actions import Actions
from meta_envs.family import Array
from meta_envs.wrappers.history import History
from meta_envs.wrappers.layers import layers, refuses_actions
from meta_envs.wrappers.vector.expected_reward import ExpectedReward
from meta_envs.wrappers.vector.multi_episode import MultiEpisode
from meta_envs.wrappers.vector.privileged import Privileged

__all__ = ["ExpectedReward", "MultiEpisode", "PreviousActionReward", "Privileged"]


class PreviousActionReward(VectorWrapper[Any, Any, Any, Any, Any]):
    """The vector twin of `meta_envs.wrappers.PreviousActionReward`, in every autoreset mode.

    Args:
        env: Any vector environment with Discrete or Box actions.
        action: As there, and so are all that follow.
        reward: Whether the previous reward is shown.
        time: Whether the time is shown.
        reward_encoding: "scalar" or "one_hot".
        horizon: Steps of a lifetime, for foreign environments without a time limit.
        reward_values: The distinct rewards, for a one-hot encoding of foreign environments.

    Raises:
        ValueError: If an argument makes no sense or is missing for this environment.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        *,
        action: bool = True,
        reward: bool = True,
        time: bool = True,
        reward_encoding: str = "scalar",
        horizon: int | None = None,
        reward_values: Sequence[float] | None = None,
    ) -> None:
        super().__init__(env)
        self._mode = _autoreset_mode(env)
        if self._mode is AutoresetMode.SAME_STEP and any(isinstance(layer, DictInfoToList) for layer in layers(env)):
            raise ValueError(f"There are no final observations to be found in {env}: put DictInfoToList outside.")
        self.history = History(
            env,
            env.single_observation_space,
            env.single_action_space,
            action=action,
            reward=reward,
            time=time,
            reward_encoding=reward_encoding,
            horizon=horizon,
            reward_values=reward_values,
        )
        self.single_observation_space = self.history.space
        self.observation_space = batch_space(self.history.space, self.num_envs)
        self._past = np.tile(self.history.blank, (self.num_envs, 1))
        self._steps = np.zeros(self.num_envs, np.intp)
        self._one = np.ones(self.num_envs, np.intp)
        # Copies that begin anew at the next step (num_envs,) bool, or None where none does.
        self._over: Array | None = None
        looks = action and not refuses_actions(env)
        self._actions = Actions(env.single_action_space, self.num_envs) if looks else None

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin lifetimes, all or those of ``options["reset_mask"]``: nothing is past in them."""
        mask = (options or {}).get("reset_mask", slice(None))
        # Gymnasium's SyncVectorEnv takes the mask out of the dictionary that it is given.
        observation, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        self._forget(mask)
        if self._over is not None:
            self._over[mask] = False
        return self.history.beside(observation, self._past), infos

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take actions, which are shown from now on as the previous ones.

        Raises:
            gymnasium.error.InvalidAction: If one of them is not in the action space; nothing is changed then.
            ValueError: If a reward cannot be shown.
        """
        begun = self._over
        if self._actions is not None:
            actions = self._actions.many(actions, begun)
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        self._steps += self._one
        if begun is None:
            self._past = self.history.past(actions, reward, self._steps)
        else:
            # The dead step's action and reward are none: copies that were over have only begun anew.
            live = ~begun
            self._past[live] = self.history.past(np.asarray(actions)[live], reward[live], self._steps[live])
            self._forget(begun)
            self._over = None
        over = terminated | truncated
        if np.count_nonzero(over) and self._mode is AutoresetMode.NEXT_STEP:
            self._over = over
        elif np.count_nonzero(over) and self._mode is AutoresetMode.SAME_STEP:
            infos = {**infos, "final_obs": self._extend_final(infos["final_obs"], np.flatnonzero(over))}
            self._forget(over)
        return self.history.beside(observation, self._past), reward, terminated, truncated, infos

    def _extend_final(self, final: Array, copies: Array) -> Array:
        """The last observations, objects (num_envs,), of the copies that ended."""
        extended = np.full(self.num_envs, None, dtype=object)
        if self.history.flat:
            rows = self.history.beside(np.stack(final[copies].tolist()), self._past[copies])
        else:
            rows = [self.history.beside(final[copy], self._past[copy]) for copy in copies]
        for copy, row in zip(copies, rows, strict=True):
            extended[copy] = row
        return extended

    def _forget(self, which: Any) -> None:
        self._past[which] = self.history.blank
        self._steps[which] = 0


def _autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    mode = env.metadata.get("autoreset_mode")
    try:
        return AutoresetMode(mode)
    except ValueError:
        known = ", ".join(str(each) for each in AutoresetMode)
        raise ValueError(
            f"autoreset_mode={mode!r} in the metadata of {env} is not possible: set one of {known}."
        ) from None
