"""Stable-Baselines3 on any Gymnasium vector environment, with no Python loop over copies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from meta_envs.envs.vector import MetaVectorEnv

FINAL = ("final_obs", "final_info", "_final_obs", "_final_info")


class SB3VecEnv(VecEnv):
    """A Gymnasium vector environment as a Stable-Baselines3 `VecEnv`, equal to `DummyVecEnv` over its copies.

    Args:
        venv: Any `gymnasium.vector.VectorEnv` in SAME_STEP mode, the mode of SB3.

    Raises:
        ValueError: If the vector environment is in another mode.
    """

    def __init__(self, venv: VectorEnv[Any, Any, Any]) -> None:
        mode = venv.metadata.get("autoreset_mode")
        if mode is None or AutoresetMode(mode) is not AutoresetMode.SAME_STEP:
            raise ValueError(f"SB3 resets copies in the same step, but autoreset_mode is {mode}: make it 'SameStep'.")
        self.venv = venv
        self.metadata = venv.metadata
        self._actions: Any = None
        self._first_keys: set[str] = set()
        super().__init__(venv.num_envs, venv.single_observation_space, venv.single_action_space)

    def reset(self) -> Any:
        """First observations (num_envs, ...); seeds and options set before are used once.

        Raises:
            ValueError: If the copies' options differ in more than a meta-environment's task.
        """
        seeds = self._seeds
        first = seeds[0]
        # Not every vector environment takes a list.
        consecutive = first is not None and seeds == list(range(first, first + self.num_envs))
        seed = None if all(each is None for each in seeds) else first if consecutive else seeds
        observation, infos = self.venv.reset(seed=seed, options=self._join_options() or None)
        self._first_keys = set(infos)
        self.reset_infos = self._list_infos(infos)
        self._reset_seeds()
        self._reset_options()
        return observation

    def _join_options(self) -> dict[str, Any]:
        options = [each or {} for each in self._options]
        if len(options) != self.num_envs:
            raise ValueError(f"{len(options)} options were given for {self.num_envs} copies: give one for each.")
        if all(_same(each, options[0]) for each in options):
            return options[0]
        if not isinstance(self.venv.unwrapped, MetaVectorEnv) or any(each.keys() != {"task"} for each in options):
            raise ValueError(
                f"The options {options} of the copies differ: give all the same, or each copy of a meta-environment "
                "only its task."
            )
        return {"task": [each["task"] for each in options]}

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions (num_envs, ...) for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Observations, rewards (num_envs,) float32, ends (num_envs,) bool, and one info a copy."""
        observation, reward, terminated, truncated, infos = self.venv.step(self._actions)
        done = terminated | truncated
        if not done.any():
            listed = self._list_infos(infos)
            for info in listed:
                info["TimeLimit.truncated"] = False
            return observation, reward.astype(np.float32), done, listed
        listed = self._list_infos({key: value for key, value in infos.items() if key not in FINAL})
        final = self._list_infos(infos.get("final_info", {}))
        for copy in np.flatnonzero(done):
            # Beside the infos of the reset are those that wrappers add at an end, such as the statistics of an episode.
            shown, listed[copy], self.reset_infos[copy] = listed[copy], {}, {}
            for key, value in shown.items():
                (self.reset_infos if key in self._first_keys else listed)[copy][key] = value
            listed[copy].update(final[copy])
            listed[copy]["terminal_observation"] = infos["final_obs"][copy]
        for info, late, over in zip(listed, truncated.tolist(), terminated.tolist(), strict=True):
            info["TimeLimit.truncated"] = late and not over
        return observation, reward.astype(np.float32), done, listed

    def _list_infos(self, infos: dict[str, Any], everyone: Any = None) -> list[dict[str, Any]]:
        """One dictionary a copy, of what the masks say is its own; inside others, what has no mask is everyone's."""
        listed: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for key, value in infos.items():
            mask = infos.get(f"_{key}", everyone)
            if mask is None or (key.startswith("_") and key[1:] in infos):
                continue
            values = self._list_infos(value, np.ones(self.num_envs, bool)) if isinstance(value, dict) else value
            for copy in np.flatnonzero(mask):
                listed[copy][key] = values[copy]
        return listed

    def close(self) -> None:
        """Close the vector environment."""
        self.venv.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture a copy, where the render mode is "rgb_array"."""
        frames: Any = self.venv.render()
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of each copy; arrays with one row a copy are split."""
        if hasattr(self.venv.unwrapped, "get_attr"):
            values: Iterable[Any] = self.venv.unwrapped.get_attr(attr_name)
        else:
            value = _find(self.venv, attr_name)
            rows = isinstance(value, np.ndarray) and value.shape[:1] == (self.num_envs,)
            values = value if rows else [value] * self.num_envs
        listed = list(values)
        return [listed[copy] for copy in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment, for all copies together.

        Raises:
            ValueError: If only some copies are meant.
        """
        self._all_copies(indices)
        if hasattr(self.venv.unwrapped, "set_attr"):
            self.venv.unwrapped.set_attr(attr_name, value)
        else:
            setattr(self.venv.unwrapped, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of every copy, or, where copies are not objects of their own, once of them all.

        Raises:
            ValueError: If only some copies are meant.
        """
        self._all_copies(indices)
        if hasattr(self.venv.unwrapped, "call"):
            return list(self.venv.unwrapped.call(method_name, *method_args, **method_kwargs))
        return [_find(self.venv, method_name)(*method_args, **method_kwargs)] * self.num_envs

    def _all_copies(self, indices: Any) -> None:
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError(
                f"indices={indices!r} are some of {self.num_envs} copies that are one object: leave them out."
            )

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Whether a wrapper of single environments is around the copies: never."""
        return [False for _ in self._get_indices(indices)]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def _find(venv: Any, name: str) -> Any:
    while not hasattr(type(venv), name) and name not in vars(venv) and venv is not venv.unwrapped:
        venv = venv.env
    return getattr(venv, name)
