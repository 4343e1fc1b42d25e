"""An environment's wrappers around lifetimes that somebody else runs: policies see what they were trained on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from meta_envs.errors import CannotServe
from meta_envs.family import Array, TaskFamily
from meta_envs.wrappers.expected_reward import ExpectedReward
from meta_envs.wrappers.history import PreviousActionReward
from meta_envs.wrappers.multi_episode import MultiEpisode
from meta_envs.wrappers.privileged import Privileged
from meta_envs.wrappers.vector.expected_reward import ExpectedReward as VectorExpectedReward
from meta_envs.wrappers.vector.history import PreviousActionReward as VectorPreviousActionReward
from meta_envs.wrappers.vector.multi_episode import MultiEpisode as VectorMultiEpisode
from meta_envs.wrappers.vector.privileged import Privileged as VectorPrivileged

HISTORIES = (PreviousActionReward, VectorPreviousActionReward)
BLIND = (ExpectedReward, VectorExpectedReward, Privileged, VectorPrivileged)
"""Leave observations as they are, and need the hidden task, which nobody has here."""
OBSERVERS = (
    "HumanRendering",
    "Monitor",
    "OrderEnforcing",
    "PassiveEnvChecker",
    "RecordEpisodeStatistics",
    "RecordVideo",
    "RenderCollection",
    "VecCheckNan",
    "VecMonitor",
    "VecVideoRecorder",
)
"""Only look on, by the name of their class, and would write down or check what is not theirs."""
FROZEN = {"training": False, "_update_running_mean": False}
"""Switches of the layers that learn from what they see, here off."""


class Feed:
    """What puppets show next: observations (size, ...) and rewards (size,)."""

    observation: Any = None
    reward: Array = np.zeros(0)


class Puppet(gym.Env[Any, Any]):
    """One lifetime that somebody else runs: it shows what it is fed, and never ends."""

    def __init__(self, family: TaskFamily, feed: Feed, copy: int) -> None:
        self.family, self._feed, self._copy = family, feed, copy
        self.observation_space, self.action_space = family.observation_space, family.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The first observation."""
        return rows(self._feed.observation, self._copy), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The next observation, and the reward before it."""
        return rows(self._feed.observation, self._copy), float(self._feed.reward[self._copy]), False, False, {}


class VectorPuppet(VectorEnv[Any, Any, Any]):
    """The same for several lifetimes side by side."""

    def __init__(self, family: TaskFamily, feed: Feed, num: int) -> None:
        self.family, self._feed, self.num_envs = family, feed, num
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space, self.single_action_space = family.observation_space, family.action_space
        self.observation_space = batch_space(family.observation_space, num)
        self.action_space = batch_space(family.action_space, num)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """First observations."""
        return self._feed.observation, {}

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """The next observations, and the rewards before them."""
        never = np.zeros(self.num_envs, dtype=bool)
        return self._feed.observation, self._feed.reward, never, never.copy(), {}


class Replay:
    """What an environment's wrappers show of ``num`` lifetimes that somebody else runs.

    All layers of the environment are copied, with whatever they have learned, around puppets: as many times as it takes
    to have ``num`` copies. `PreviousActionReward` is made anew with its settings, so that its time is the family's.

    Args:
        env: An environment as a policy was trained in: single, vector, or a `VecEnv` of Stable-Baselines3. None stands
            for `PreviousActionReward` as it is by default.
        family: Whose lifetimes they are.
        num: How many.

    Attributes:
        space: Of what is shown, one lifetime.

    Raises:
        CannotServe: If the family's actions or observations are others than the environment's.
        ValueError: If a layer cannot be copied.
    """

    def __init__(self, env: Any, family: TaskFamily, num: int) -> None:
        self._num, self._single = num, isinstance(env, gym.Env)
        size = num if env is None else 1 if self._single else int(env.num_envs)
        # The last layers have some lifetimes twice.
        starts = range(0, num, size)
        self._rows = [np.minimum(np.arange(start, start + size), num - 1) for start in starts]
        self._feeds = [Feed() for _ in starts]
        self._tops = [_rewrap(env, family, feed, size) for feed in self._feeds]
        top = self._tops[0]
        self.space = top.single_observation_space if isinstance(top, VectorEnv) else top.observation_space

    def reset(self, observation: Any) -> Any:
        """What is shown first (num, ...), of the family's first observations (num, ...)."""
        return self._show(observation, None, None)

    def step(self, observation: Any, action: Array, reward: Array) -> Any:
        """What is shown (num, ...) after actions (num,) that brought these observations and rewards (num,)."""
        return self._show(observation, action, reward)

    def _show(self, observation: Any, action: Array | None, reward: Array | None) -> Any:
        shown = []
        for which, feed, top in zip(self._rows, self._feeds, self._tops, strict=True):
            feed.observation = rows(observation, which)
            if action is None or reward is None:
                found = top.reset()
            else:
                feed.reward = reward[which]
                found = top.step(int(action[which[0]]) if self._single else action[which])
            found = found[0] if isinstance(found, tuple) else found
            shown.append(rows(found, None) if self._single else found)
        return rows(_join(shown), slice(self._num))


def rows(observation: Any, which: Any) -> Any:
    """Some rows of observations, of a Dict of each part."""
    if isinstance(observation, dict):
        return {name: rows(part, which) for name, part in observation.items()}
    return np.asarray(observation)[which]


def _join(shown: list[Any]) -> Any:
    if isinstance(shown[0], dict):
        return {name: _join([each[name] for each in shown]) for name in shown[0]}
    return shown[0] if len(shown) == 1 else np.concatenate(shown)


def _rewrap(env: Any, family: TaskFamily, feed: Feed, size: int) -> Any:
    if env is None:
        return VectorPreviousActionReward(VectorPuppet(family, feed, size))
    return _copy(env, family, feed, size, 0, {})


def _copy(env: Any, family: TaskFamily, feed: Feed, size: int, copy: int, known: dict[int, Any]) -> Any:
    """A layer and all below it, around a puppet: of a single environment that of the copy with this number."""
    below = vars(env)
    if "envs" in below:
        copies = [_copy(each, family, feed, size, number, known) for number, each in enumerate(env.envs)]
        return _remember(env, {"envs": copies}, known)
    name = next((name for name in ("venv", "env") if name in below), None)
    if name is None:
        return _puppet_of(env, family, feed, size, copy, known)
    if isinstance(env, MultiEpisode | VectorMultiEpisode):
        raise CannotServe(
            f"What was trained with MultiEpisode is not evaluated: it lives several of {type(family).__name__} as one."
        )
    inner = _copy(below[name], family, feed, size, copy, known)
    if isinstance(env, BLIND) or type(env).__name__ in OBSERVERS:
        return inner
    if not isinstance(env, HISTORIES):
        return _remember(env, {name: inner}, known)
    made = type(env)(inner, **env.history.settings)
    if not _alike(made.history.space, env.history.space):
        raise CannotServe(
            f"It was trained on {env.history.space}, and {type(family).__name__} shows {made.history.space}: evaluate "
            "it where they are alike."
        )
    return made


def _puppet_of(env: Any, family: TaskFamily, feed: Feed, size: int, copy: int, known: dict[int, Any]) -> Any:
    """In place of an environment without wrappers."""
    vector = isinstance(env, VectorEnv)
    if not (vector or isinstance(env, gym.Env)):
        raise ValueError(
            f"{type(env).__name__} has its copies in other processes, where their wrappers are not seen: give a model "
            "an environment in this one, as by model.set_env(...) with a DummyVecEnv or SB3VecEnv."
        )
    seen = env.single_observation_space if vector else env.observation_space
    actions = env.single_action_space if vector else env.action_space
    for what, one, other in (
        ("actions", actions, family.action_space),
        ("observations", seen, family.observation_space),
    ):
        if one != other:
            raise CannotServe(
                f"It was trained with the {what} {one}, and {type(family).__name__} has {other}: evaluate it where "
                "they are the same."
            )
    puppet = VectorPuppet(family, feed, size) if vector else Puppet(family, feed, copy)
    known[id(env)] = puppet
    return puppet


def _remember(env: Any, places: dict[str, Any], known: dict[int, Any]) -> Any:
    """A copy of a layer with other environments in these places of it, also where it refers to them elsewhere."""
    copied = object.__new__(type(env))
    for name, value in vars(env).items():
        try:
            vars(copied)[name] = places[name] if name in places else FROZEN.get(name, deepcopy(value, known))
        except (TypeError, ValueError, AttributeError):  # files, locks, tables of classes
            vars(copied)[name] = value
    known[id(env)] = copied
    return copied


def _alike(one: Any, other: Any) -> bool:
    """Whether spaces have the same parts in the same shapes."""
    if isinstance(one, gym.spaces.Dict) and isinstance(other, gym.spaces.Dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    return type(one) is type(other) and (one.shape, one.dtype) == (other.shape, other.dtype)
