"""The vector twin of `meta_envs.wrappers.MultiEpisode`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import DictInfoToList

from meta_envs.family import Array
from meta_envs.wrappers.layers import elapsed_times, layers
from meta_envs.wrappers.multi_episode import Flag, check_arguments, check_asked, check_kept, no_task, note, repeat_times
from meta_envs.wrappers.vector.infos import join_infos, pick_infos


class MultiEpisode(VectorWrapper[Any, Any, Any, Any, Any]):
    """The vector twin of `meta_envs.wrappers.MultiEpisode`, bit for bit.

    Args:
        env: A vector environment in NEXT_STEP mode: in SAME_STEP mode it would begin each inner episode in a new task.
            Its ``task`` has one row a copy; where it has none, as in Gymnasium's `SyncVectorEnv`, give ``keep`` or wrap
            every copy in the single wrapper.
        num_episodes: Inner episodes in one task.
        keep: Options that make an environment without ``task`` keep it, for every inner reset after the first.
        autoreset_mode: What happens after the last inner episode: "SameStep", "NextStep" or "Disabled".

    Raises:
        ValueError: As there, or if the vector environment is in another mode.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        *,
        num_episodes: int,
        keep: dict[str, Any] | None = None,
        autoreset_mode: str | AutoresetMode = "SameStep",
    ) -> None:
        super().__init__(env)
        check_arguments(num_episodes, keep)
        try:
            self._mode = AutoresetMode(autoreset_mode)
        except ValueError:
            known = ", ".join(mode.value for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode={autoreset_mode!r} is not possible: it is one of {known}.") from None
        inner = env.metadata.get("autoreset_mode")
        if inner not in (AutoresetMode.NEXT_STEP, AutoresetMode.NEXT_STEP.value):
            raise ValueError(
                f"MultiEpisode begins inner episodes itself, and {env} is in the mode {inner}: make it with "
                "autoreset_mode='NextStep' (MultiEpisode's own autoreset_mode may be any)."
            )
        if any(isinstance(layer, DictInfoToList) for layer in layers(env)):
            raise ValueError(f"The infos of {env} are lists: put DictInfoToList outside of MultiEpisode.")
        self.num_episodes = int(num_episodes)
        self.metadata = {**env.metadata, "autoreset_mode": self._mode}
        self._keep = keep
        self._flag = Flag(env.single_observation_space)
        self.single_observation_space = self._flag.space
        self.observation_space = batch_space(self._flag.space, self.num_envs)
        self._episode = np.zeros(self.num_envs, np.intp)
        self._flags = np.zeros(self.num_envs, dtype=bool)
        self._over = np.zeros(self.num_envs, dtype=bool)
        self._task: Any = None

    @property
    def elapsed_times(self) -> Array | None:
        """As in the single wrapper."""
        return repeat_times(elapsed_times(self.env), self.num_episodes)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin first episodes in new tasks, in all copies or in those of ``options["reset_mask"]``."""
        mask = (options or {}).get("reset_mask", slice(None))
        # Gymnasium's SyncVectorEnv takes the mask out of the dictionary that it is given.
        observation, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        self._begin(mask)
        return self._flag.beside(observation, self._flags), infos

    def _begin(self, which: Any) -> None:
        self._episode[which] = 0
        self._flags[which] = False
        self._over[which] = False
        if self._keep is None:
            self._task = self._find_task()

    def _find_task(self) -> Array:
        """The tasks (num_envs, ...), not to be changed."""
        for layer in layers(self.env):
            if layer is not self.env.unwrapped and not isinstance(layer, VectorWrapper):
                break
            if hasattr(layer, "task"):
                return np.array(layer.task)
        raise no_task(self.env, ", or wrap every copy in the single MultiEpisode")

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take actions, and begin the next inner episodes where they end one."""
        waiting = self._over.any()
        if waiting and self._mode is not AutoresetMode.NEXT_STEP:
            copies = np.flatnonzero(self._over).tolist()
            raise ResetNeeded(
                f'The lifetimes of copies {copies} are over: reset them with options={{"reset_mask": ...}}.'
            )
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        if waiting:
            self._begin(self._over.copy())
        ended = terminated | truncated
        self._flags = ended
        self._episode += ended
        over = ended & (self._episode >= self.num_episodes)
        self._over = over.copy()
        more = ended & ~over
        if more.any():
            kept = {"task": self._task.copy()} if self._keep is None else note(self._keep)
            observation, fresh = self.env.reset(options={**kept, "reset_mask": more.copy()})
            infos = join_infos(infos, fresh)
            if self._keep is None:
                check_kept(self.env, self._find_task()[more], self._task[more])
            else:
                check_asked(self.env, kept)
        shown = self._flag.beside(observation, self._flags)
        if self._mode is AutoresetMode.SAME_STEP and over.any():
            final = _final_infos(shown, infos, over)
            observation, fresh = self.env.reset(options={"reset_mask": over.copy()})
            infos = {**join_infos(pick_infos(infos, ~over), fresh), **final}
            self._begin(over)
            shown = self._flag.beside(observation, self._flags)
        return shown, reward, over, np.zeros(self.num_envs, dtype=bool), infos


def _final_infos(shown: Any, infos: dict[str, Any], over: Array) -> dict[str, Any]:
    final = np.full(len(over), None, dtype=object)
    for copy in np.flatnonzero(over).tolist():
        final[copy] = _row(shown, copy)
    return {
        "final_obs": final,
        "_final_obs": over.copy(),
        "final_info": pick_infos(infos, over),
        "_final_info": over.copy(),
    }


def _row(observation: Any, copy: int) -> Any:
    if isinstance(observation, dict):
        return {key: _row(part, copy) for key, part in observation.items()}
    return deepcopy(observation[copy])
