"""The previous action, the previous reward and the time beside the observation: what makes a memory a learner.

Wang et al. 2016, section 2.2: without these inputs an agent's recurrent dynamics have nothing to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from meta_envs.family import Array, TaskFamily
from meta_envs.registry import family_of

ENCODINGS = ("scalar", "one_hot")


class History:
    """How the past is written beside an observation; the same functions serve one copy and many.

    The order is observation, previous action, previous reward, time. Flat observations give one flat float32 Box,
    images and Dicts give a Dict with the keys ``image``, ``previous_action``, ``previous_reward`` and ``time``.

    Args:
        env: The environment to describe, single or vector.
        observation_space: Of one copy.
        action_space: Of one copy.
        action: Whether the previous action is written: one-hot if discrete, raw if a Box.
        reward: Whether the previous reward is written.
        time: Whether the fraction of the lifetime that is over is written.
        reward_encoding: "scalar", or "one_hot" over the distinct rewards in increasing order and, last, "none yet".
        horizon: Steps of a lifetime; known for the package's families and for environments with a time limit.
        reward_values: The distinct rewards; known for the package's families that have finitely many.

    Attributes:
        space: Of the observations with their past, one copy.
        blank: The past (H,) float32 at the first step.
        flat: Whether observation and past are one flat Box.

    Raises:
        ValueError: If an argument makes no sense or is missing for this environment.
    """

    def __init__(
        self,
        env: Any,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        action: bool,
        reward: bool,
        time: bool,
        reward_encoding: str,
        horizon: int | None,
        reward_values: Sequence[float] | None,
    ) -> None:
        if reward_encoding not in ENCODINGS:
            raise ValueError(f"reward_encoding={reward_encoding!r} is not possible: it is 'scalar' or 'one_hot'.")
        family = family_of(env)
        self._observed = observation_space
        parts: dict[str, spaces.Box] = {}
        if action:
            parts["previous_action"] = self._plan_action(action_space)
        if reward:
            parts["previous_reward"] = self._plan_reward(family, reward_encoding, reward_values)
        if time:
            self._times = _elapsed(env, family, horizon)
            parts["time"] = spaces.Box(0.0, 1.0, (1,), np.float32)
        self._slices: dict[str, slice] = {}
        width = 0
        for name, part in parts.items():
            self._slices[name] = slice(width, width + part.shape[0])
            width += part.shape[0]
        self.blank = np.zeros(width, np.float32)
        if reward and reward_encoding == "one_hot":
            self.blank[self._slices["previous_reward"].stop - 1] = 1.0
        self._plan_space(observation_space, parts)

    def _plan_action(self, space: spaces.Space[Any]) -> spaces.Box:
        if isinstance(space, spaces.Discrete):
            self._one_hot_actions: Array | None = np.eye(int(space.n), dtype=np.float32)
            self._first_action = int(space.start)
            return spaces.Box(0.0, 1.0, (int(space.n),), np.float32)
        if isinstance(space, spaces.Box):
            self._one_hot_actions = None
            low, high = (np.append(bound.ravel(), 0.0) for bound in (space.low, space.high))
            size = len(low) - 1
            # The first step's zeros belong to the space too.
            return spaces.Box(
                np.minimum(low[:size], 0.0).astype(np.float32), np.maximum(high[:size], 0.0).astype(np.float32)
            )
        raise ValueError(f"The action space {space} has no previous action to show: only Discrete and Box have.")

    def _plan_reward(self, family: TaskFamily | None, encoding: str, values: Sequence[float] | None) -> spaces.Box:
        if encoding == "scalar":
            self._reward_values: Array | None = None
            low, high = family.reward_range if family else (-np.inf, np.inf)
            return spaces.Box(min(low, 0.0), max(high, 0.0), (1,), np.float32)
        known = values if values is not None else family.reward_values if family else None
        if known is None:
            raise ValueError(
                "The distinct rewards are not known here: give reward_values=, or reward_encoding='scalar'."
            )
        self._reward_values = np.unique(np.asarray(known, np.float64))
        self._one_hot_rewards = np.eye(len(self._reward_values) + 1, dtype=np.float32)
        return spaces.Box(0.0, 1.0, (len(self._reward_values) + 1,), np.float32)

    def _plan_space(self, space: spaces.Space[Any], parts: dict[str, spaces.Box]) -> None:
        self.flat = isinstance(space, spaces.Discrete) or (isinstance(space, spaces.Box) and len(space.shape) <= 1)
        if self.flat:
            observed = spaces.flatten_space(space)
            assert isinstance(observed, spaces.Box)
            self._num_observed = observed.shape[0]
            boxes = [observed, *parts.values()]
            self.space: spaces.Space[Any] = spaces.Box(
                np.concatenate([box.low for box in boxes]).astype(np.float32),
                np.concatenate([box.high for box in boxes]).astype(np.float32),
            )
        elif isinstance(space, spaces.Dict):
            self.space = spaces.Dict({**space.spaces, **parts})
        elif isinstance(space, spaces.Box):
            self.space = spaces.Dict({"image": space, **parts})
        else:
            raise ValueError(
                f"The observation space {space} cannot be extended: flatten it first (FlattenObservation)."
            )

    def past(self, action: Any, reward: Any, steps: Any) -> Array:
        """The past (..., H) float32 after actions (...), rewards (...) and so many steps of the lifetimes (...).

        Raises:
            ValueError: If a reward is none of the distinct ones of a one-hot encoding.
        """
        written = np.empty((*np.shape(reward), len(self.blank)), np.float32)
        for name, place in self._slices.items():
            if name == "previous_action" and self._one_hot_actions is not None:
                written[..., place] = self._one_hot_actions[np.asarray(action) - self._first_action]
            elif name == "previous_action":
                written[..., place] = np.reshape(action, (*np.shape(reward), place.stop - place.start))
            elif name == "time":
                written[..., place.start] = self._times[np.minimum(steps, len(self._times) - 1)]
            elif self._reward_values is None:
                written[..., place.start] = reward
            else:
                written[..., place] = self._one_hot_rewards[self._find_rewards(reward)]
        return written

    def _find_rewards(self, reward: Any) -> Any:
        assert self._reward_values is not None
        index = np.minimum(np.searchsorted(self._reward_values, reward), len(self._reward_values) - 1)
        unknown = self._reward_values[index] != reward
        if np.any(unknown):
            value = np.ravel(reward)[np.flatnonzero(np.ravel(unknown))[0]]
            raise ValueError(
                f"The reward {value} is none of reward_values={self._reward_values.tolist()}: add it there."
            )
        return index

    def beside(self, observation: Any, past: Array) -> Any:
        """Observations (..., ) with the past (..., H) written beside them, a new array or a new Dict."""
        if not self.flat:
            shown = observation if isinstance(observation, dict) else {"image": observation}
            return {**shown, **{name: past[..., place].copy() for name, place in self._slices.items()}}
        written = np.empty((*past.shape[:-1], self._num_observed + past.shape[-1]), np.float32)
        if isinstance(self._observed, spaces.Discrete):
            first = int(self._observed.start)
            written[..., : self._num_observed] = np.eye(self._num_observed)[np.asarray(observation) - first]
        else:
            written[..., : self._num_observed] = np.reshape(observation, (*past.shape[:-1], self._num_observed))
        written[..., self._num_observed :] = past
        return written


def _elapsed(env: Any, family: TaskFamily | None, horizon: int | None) -> Array:
    if family is not None and horizon is None:
        return family.elapsed(np.arange(family.horizon + 1)).astype(np.float32)
    spec = env.spec
    horizon = horizon if horizon is not None else spec.max_episode_steps if spec is not None else None
    if horizon is None:
        raise ValueError("The length of a lifetime is not known here: give horizon=, or time=False.")
    if horizon < 1:
        raise ValueError(f"horizon={horizon!r} is not possible: give a whole number of at least 1.")
    return (np.arange(horizon + 1) / horizon).astype(np.float32)


class PreviousActionReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds the previous action, the previous reward and the time to the observation (Wang et al. 2016, section 2.2).

    At the first step of a lifetime the previous action and reward are zeros, never "action 0 was taken"; a one-hot
    reward is then "none yet", its last entry. The time is the fraction of the lifetime's trials that are over, in [0,
    1].

    Args:
        env: Any environment with a Discrete or Box action space.
        action: Whether the previous action is shown: one-hot if discrete, raw if a Box.
        reward: Whether the previous reward is shown; without it, bandits fall to chance (a control of the paper).
        time: Whether the time is shown.
        reward_encoding: "scalar", or "one_hot" over the distinct rewards in increasing order and, last, "none yet".
        horizon: Steps of a lifetime, for foreign environments without a time limit.
        reward_values: The distinct rewards, for a one-hot encoding of foreign environments.

    Raises:
        ValueError: If an argument makes no sense or is missing for this environment.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        action: bool = True,
        reward: bool = True,
        time: bool = True,
        reward_encoding: str = "scalar",
        horizon: int | None = None,
        reward_values: Sequence[float] | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            action=action,
            reward=reward,
            time=time,
            reward_encoding=reward_encoding,
            horizon=horizon,
            reward_values=reward_values,
        )
        gym.Wrapper.__init__(self, env)
        self.history = History(
            env,
            env.observation_space,
            env.action_space,
            action=action,
            reward=reward,
            time=time,
            reward_encoding=reward_encoding,
            horizon=horizon,
            reward_values=reward_values,
        )
        self.observation_space = self.history.space
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a lifetime: nothing is past."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._steps = 0
        return self.history.beside(observation, self.history.blank), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action, which is shown from now on as the previous one."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        past = self.history.past(action, reward, self._steps)
        return self.history.beside(observation, past), float(reward), terminated, truncated, info
