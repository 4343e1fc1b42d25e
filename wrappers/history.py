"""The previous action, the previous reward and the time beside the observation, for learners with a memory.

Wang et al. 2016, section 2.2: without these inputs an agent's recurrent dynamics have nothing to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from meta_envs.arguments import require, require_whole, to_plain
from meta_envs.envs.actions import Actions
from meta_envs.family import Array, TaskFamily
from meta_envs.wrappers.extended import Extended, check_extensible
from meta_envs.wrappers.layers import elapsed_times, family_of, keeps_rewards, layers

INPUTS = ("action", "reward", "time", "reward_encoding")
"""The switches of `PreviousActionReward`."""
ENCODINGS = ("scalar", "one_hot")
LARGEST = float(np.finfo(np.float32).max)
SWITCHES = {"previous_action": "action=False", "previous_reward": "reward=False", "time": "time=False"}


class History:
    """How the past is written beside an observation; the same functions serve one copy and many.

    The order is observation, previous action, previous reward, time. Flat observations give one flat float32 Box; all
    others give a Dict with the keys ``previous_action``, ``previous_reward`` and ``time`` beside a Dict's own, beside
    ``image`` for a Box of three dimensions, or else beside ``observation``. A past is ``W`` numbers: zeros where a flat
    observation goes, and then what is written beside it.

    Args:
        env: The environment to describe, single or vector.
        observation_space: Of one copy.
        action_space: Of one copy.
        action: Whether the previous action is written: one-hot if discrete, raw if a Box.
        reward: Whether the previous reward is written.
        time: Whether the fraction of the lifetime that is over is written.
        reward_encoding: "scalar", or "one_hot" over the distinct rewards in increasing order and, last, "none yet".
        horizon: Steps of a lifetime; known for the package's families and for environments with a time limit.
        reward_values: The distinct rewards; known for the package's families that have finitely many, unless a wrapper
            changes the rewards.

    Attributes:
        space: Of the observations with their past, one copy.
        blank: The past (W,) float32 at the first step.
        flat: Whether observation and past are one flat Box.
        settings: The switches and what else was given, by name.

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
        for name, switch in (("action", action), ("reward", reward), ("time", time)):
            require(isinstance(switch, bool), name, switch, "give True or False")
        require(reward_encoding in ENCODINGS, "reward_encoding", reward_encoding, "it is 'scalar' or 'one_hot'")
        if horizon is not None:
            require_whole("horizon", horizon, 1)
        check_extensible(observation_space)
        self.settings: dict[str, Any] = {"action": action, "reward": reward, "time": time}
        self.settings |= {"reward_encoding": reward_encoding, "horizon": horizon, "reward_values": reward_values}
        family = family_of(env)
        payer = family if keeps_rewards(env) else None
        parts: dict[str, spaces.Box] = {}
        if action:
            parts["previous_action"] = self._action_part(action_space)
        self._reward_values = _check_reward_values(reward_values, reward_encoding)
        self._any_reward = payer is None
        if reward:
            parts["previous_reward"] = self._reward_part(payer, reward_encoding)
        if time:
            self._times = _elapsed(env, horizon)
            parts["time"] = spaces.Box(0.0, 1.0, (1,), np.float32)
        self._extended = Extended(observation_space, parts, SWITCHES)
        self.space, self.flat, self._slices = self._extended.space, self._extended.flat, self._extended.places
        self.blank = np.zeros(self._extended.width, np.float32)
        if reward and self._reward_values is not None:
            self.blank[self._slices["previous_reward"].stop - 1] = 1.0
        self._make_rows(observation_space, action_space)

    def _action_part(self, space: spaces.Space[Any]) -> spaces.Box:
        if isinstance(space, spaces.Discrete):
            return spaces.Box(0.0, 1.0, (int(space.n),), np.float32)
        if isinstance(space, spaces.Box):
            # The first step's zeros belong to the space too.
            low, high = np.minimum(space.low.ravel(), 0.0), np.maximum(space.high.ravel(), 0.0)
            return spaces.Box(low.astype(np.float32), high.astype(np.float32))
        raise ValueError(f"The action space {space} has no previous action to show: only Discrete and Box have.")

    def _reward_part(self, payer: TaskFamily | None, encoding: str) -> spaces.Box:
        if encoding == "scalar":
            low, high = payer.reward_range if payer else (-np.inf, np.inf)
            return spaces.Box(min(low, 0.0), max(high, 0.0), (1,), np.float32)
        if self._reward_values is None:
            if payer is None or payer.reward_values is None:
                raise ValueError(
                    "The distinct rewards are not known: give reward_values=, or reward_encoding='scalar'."
                )
            self._reward_values = np.unique(np.asarray(payer.reward_values, np.float64))
        self._one_hot_rewards = np.eye(len(self._reward_values) + 1, dtype=np.float32)
        return spaces.Box(0.0, 1.0, (len(self._reward_values) + 1,), np.float32)

    def _make_rows(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        action, reward, time = (self._slices.get(name) for name in SWITCHES)
        self._action_place = action
        self._scalar_place = None if reward is None or self._reward_values is not None else reward.start
        self._one_hot_place = None if self._reward_values is None else reward
        self._time_place = None if time is None else time.start
        self._rows: Array | None = None
        if action is not None and isinstance(action_space, spaces.Discrete):
            self._first_action = int(action_space.start)
            self._rows = np.zeros((int(action_space.n), len(self.blank)), np.float32)
            self._rows[:, action] = np.eye(len(self._rows))
        self._plain_rows: list[Array] | None = None
        numbers = isinstance(observation_space, spaces.Box) and self.flat and self._one_hot_place is None
        if self._rows is not None and numbers:
            self._plain_rows = list(self._rows)
            self._plain_times = [] if time is None else self._times.tolist()

    def past(self, action: Any, reward: Any, steps: Any) -> Array:
        """The past (..., W) float32 after actions (...), rewards (...) and so many steps of the lifetimes (...).

        Raises:
            ValueError: If a reward is none of the distinct ones of a one-hot encoding, or no finite float32.
        """
        if self._rows is not None:
            actions = np.asarray(action).astype(np.intp, copy=False)
            written = self._rows.take(actions - self._first_action if self._first_action else actions, 0)
        else:
            written = np.zeros((*np.shape(reward), len(self.blank)), np.float32)
            if self._action_place is not None:
                shape = (*np.shape(reward), self._action_place.stop - self._action_place.start)
                written[..., self._action_place] = np.reshape(action, shape)
        if self._scalar_place is not None:
            written[..., self._scalar_place] = self._check_rewards(reward) if self._any_reward else reward
        elif self._one_hot_place is not None:
            written[..., self._one_hot_place] = self._one_hot_rewards[self._find_rewards(reward)]
        if self._time_place is not None:
            written[..., self._time_place] = self._times.take(steps, mode="clip")
        return written

    def _check_rewards(self, reward: Any) -> Any:
        wrong = ~(np.abs(reward) <= LARGEST)
        if np.any(wrong):
            raise ValueError(
                f"The reward {np.ravel(reward)[np.ravel(wrong)][0]} cannot be shown: let rewards be finite numbers of "
                "float32, or give reward=False."
            )
        return reward

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
        """Observations (..., ) with the past (..., W) written beside them, a new array or a new Dict."""
        return self._extended.beside(observation, past)

    def after(self, observation: Any, action: Any, reward: float, steps: int) -> Any:
        """One copy's observation with its past: `past` and `beside`, in plain numbers where there is one flat Box."""
        if self._plain_rows is None:
            return self.beside(observation, self.past(action, reward, steps))
        row = self._plain_rows[action - self._first_action].copy()
        row[: self._extended.num_observed] = observation
        if self._scalar_place is not None:
            row[self._scalar_place] = self._check_rewards(reward) if self._any_reward else reward
        if self._time_place is not None:
            row[self._time_place] = self._plain_times[min(steps, len(self._plain_times) - 1)]
        return row


def _check_reward_values(values: Any, encoding: str) -> Array | None:
    if values is None:
        return None
    require(encoding == "one_hot", "reward_values", values, "it goes with reward_encoding='one_hot'")
    try:
        known = np.unique(np.asarray(values, np.float64))
    except (TypeError, ValueError):
        known = np.empty(0)
    fine = np.ndim(values) == 1 and known.size > 0 and bool(np.isfinite(known).all())
    require(fine, "reward_values", values, "give a list of finite numbers")
    return known


def _elapsed(env: Any, horizon: int | None) -> Array:
    times = elapsed_times(env) if horizon is None else np.arange(horizon + 1) / horizon
    if times is None:
        raise ValueError("The length of a lifetime is not known here: give horizon=, or time=False.")
    return times.astype(np.float32)


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
        if any(isinstance(layer, gym.wrappers.Autoreset) for layer in layers(env)):
            raise ValueError(
                f"PreviousActionReward around {env} does not see where lifetimes begin: put Autoreset outside of it."
            )
        gym.Wrapper.__init__(self, env)
        arguments: dict[str, Any] = dict(
            action=action,
            reward=reward,
            time=time,
            reward_encoding=reward_encoding,
            horizon=horizon,
            reward_values=reward_values,
        )
        RecordConstructorArgs.__init__(self, **{name: to_plain(value) for name, value in arguments.items()})
        self.history = History(env, env.observation_space, env.action_space, **arguments)
        self.observation_space = self.history.space
        self._actions = Actions(env.action_space) if action else None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a lifetime: nothing is past."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._steps = 0
        return self.history.beside(observation, self.history.blank), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action, which is shown from now on as the previous one.

        Raises:
            gymnasium.error.InvalidAction: If it is not in the action space; nothing is changed then.
            ValueError: If the reward cannot be shown.
        """
        if self._actions is not None:
            action = self._actions.one(action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        reward = float(reward)
        shown = self.history.after(observation, action, reward, self._steps)
        return shown, reward, terminated, truncated, info
