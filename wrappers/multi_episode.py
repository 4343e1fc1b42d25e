"""Several episodes in one task as one lifetime: Duan et al. 2016, *RL^2*, arXiv 1611.02779, section 2.2."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from meta_envs.arguments import require, require_whole, to_plain
from meta_envs.family import Array
from meta_envs.wrappers.extended import Extended
from meta_envs.wrappers.layers import elapsed_times, layers

PART: dict[str, spaces.Box] = {"termination": spaces.Box(0.0, 1.0, (1,), np.float32)}


class Flag:
    """Observations with a flag beside them: whether the step that led to them ended an inner episode.

    Args:
        space: Observations of one copy.

    Attributes:
        space: Observations with their flag, one copy.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._extended = Extended(space, PART)
        self.space = self._extended.space
        self._rows = np.zeros((2, self._extended.width), np.float32)
        self._rows[1, -1] = 1.0
        self._plain = isinstance(space, spaces.Box) and self._extended.flat

    def beside(self, observation: Any, flags: Array) -> Any:
        """Of many copies: observations and flags (num_envs,) bool."""
        return self._extended.beside(observation, self._rows.take(flags, axis=0))

    def beside_one(self, observation: Any, flag: int) -> Any:
        """Of one copy; the same with less ado where there is one flat Box."""
        if not self._plain:
            return self._extended.beside(observation, self._rows[flag])
        written = self._rows[flag].copy()
        written[:-1] = observation
        return written


class MultiEpisode(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Joins several episodes in the same task, one after the other, into one long episode (Duan et al. 2016).

    An inner episode that ends, terminated or truncated, is followed by the next one in the same step: the observation
    is the first one of the next inner episode, and its flag, the last number or the key ``termination``, is 1. The flag
    is 0 at all other steps, also at the very first. The end of the last inner episode is the end of the whole, always
    ``terminated``: the observation is then the final one, with flag 1.

    The task is read from the attribute ``task`` of the environment and handed to inner resets as ``options={"task":
    ...}``; an environment without it may keep its task when asked by ``keep``. Options of `reset` itself go to the
    first inner episode only. Inner resets have no seed, so that every inner episode has chance of its own.

    A task is all that is hidden and drawn once: where it holds a walk or a schedule, as in restless bandits and in the
    two-step task with switches, that begins anew in each inner episode and is the same one, as an MDP of Duan et al. is
    the same in all episodes of a trial. For a walk that goes on, make lifetimes longer (``num_trials``).

    Infos are the step's, and where an inner episode ends also those of the next one's reset, which go first.

    Args:
        env: Any environment that accepts ``options={"task": ...}`` and shows its ``task``, or that keeps its task when
            asked; its observations are a Box, Discrete or Dict.
        num_episodes: Inner episodes in one task.
        keep: Options that make an environment without ``task`` keep it, for every inner reset after the first.

    Raises:
        ValueError: If an argument makes no sense, or observations cannot be extended; at a reset, if the environment
            neither shows its task nor was told how to keep it; at the first inner reset, if it shows another task or
            looks at none of the options of ``keep``.
    """

    def __init__(self, env: gym.Env[Any, Any], *, num_episodes: int, keep: dict[str, Any] | None = None) -> None:
        check_arguments(num_episodes, keep)
        if any(isinstance(layer, gym.wrappers.Autoreset) for layer in layers(env)):
            raise ValueError(
                f"MultiEpisode around {env} does not see where episodes begin: put Autoreset outside of it."
            )
        plain = None if keep is None else {name: to_plain(value) for name, value in keep.items()}
        RecordConstructorArgs.__init__(self, num_episodes=to_plain(num_episodes), keep=plain)
        gym.Wrapper.__init__(self, env)
        self.num_episodes = int(num_episodes)
        self._keep = keep
        self._flag = Flag(env.observation_space)
        self.observation_space = self._flag.space
        self._episode = 0
        self._task: Any = None

    @property
    def elapsed_times(self) -> Array | None:
        """Fractions of the whole that are over after 0, 1, ... steps; None where an inner episode's length is unknown.

        Inner episodes count with their full lengths.
        """
        return repeat_times(elapsed_times(self.env), self.num_episodes)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the first episode in a new task, or in that of the options."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._episode = 0
        if self._keep is None:
            self._task = self._find_task()
        return self._flag.beside_one(observation, 0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action, and begin the next inner episode if it ends one."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if not (terminated or truncated):
            return self._flag.beside_one(observation, 0), float(reward), False, False, info
        self._episode += 1
        over = self._episode >= self.num_episodes
        if not over:
            options = {"task": deepcopy(self._task)} if self._keep is None else note(self._keep)
            observation, fresh = self.env.reset(options=dict(options))
            info = {**info, **fresh}
            if self._keep is None:
                check_kept(self.env, self._find_task(), self._task)
            else:
                check_asked(self.env, options)
        return self._flag.beside_one(observation, 1), float(reward), over, False, info

    def _find_task(self) -> Any:
        if not self.env.has_wrapper_attr("task"):
            raise no_task(self.env)
        return deepcopy(self.env.get_wrapper_attr("task"))


class Name(str):
    """The name of a reset option that notes whether it was asked for, by look-up or comparison.

    Attributes:
        asked: Whether it was; also if it was sent to another process, where nobody sees it.
    """

    __slots__ = ("asked",)
    __hash__ = str.__hash__

    def __init__(self, name: str) -> None:
        self.asked = False

    def __eq__(self, other: object) -> bool:
        same = str(self) == other
        self.asked |= same
        return same

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __reduce__(self) -> tuple[type, tuple[str]]:
        self.asked = True
        return str, (str(self),)


def note(keep: dict[str, Any]) -> dict[str, Any]:
    """The options that keep a task, for one reset, under names that note whether they were asked for."""
    return {Name(name): deepcopy(value) for name, value in keep.items()}


def check_asked(env: Any, options: dict[str, Any]) -> None:
    """Refuse environments that did not look at any of the options that were to keep their task.

    Raises:
        ValueError: If none of `note`'s names was asked for.
    """
    if not any(name.asked for name in options if isinstance(name, Name)):
        kept = ", ".join(map(repr, map(str, options)))
        raise ValueError(
            f"{env} does not look at the reset options {kept} of keep, and so does not keep its task: give those "
            "that it knows, or let it show its task as the attribute 'task' and take options={'task': ...}."
        )


def check_arguments(num_episodes: Any, keep: Any) -> None:
    """Refuse arguments that make no sense.

    Raises:
        ValueError: Unless inner episodes are counted from 1 and ``keep`` is None or a dictionary that says something.
    """
    require_whole("num_episodes", num_episodes, 1)
    require(keep is None or (isinstance(keep, dict) and bool(keep)), "keep", keep, "give a dictionary of reset options")


def no_task(env: Any, otherwise: str = "") -> ValueError:
    """The error for an environment that does not show its task, with one more cure if there is one."""
    cure = f"give the options of reset() that keep it as keep={{...}}{otherwise}"
    return ValueError(f"{env} has no attribute 'task' to be kept: {cure}.")


def check_kept(env: Any, task: Any, kept: Any) -> None:
    """Refuse environments that did not keep the task.

    Raises:
        ValueError: If the task is not the one that was to be kept.
    """
    numbers = isinstance(kept, np.ndarray) and kept.dtype.kind == "f"
    same = np.array_equal(task, kept, equal_nan=numbers) if isinstance(kept, np.ndarray) else bool(task == kept)
    if not same:
        raise ValueError(f"{env} was reset with the task {kept} and is in {task}: let it take options={{'task': ...}}.")


def repeat_times(times: Array | None, num: int) -> Array | None:
    """Fractions (num * h + 1,) of so many episodes that are over after 0, 1, ... steps, from those of one (h + 1,)."""
    if times is None:
        return None
    steps = np.arange(num * (len(times) - 1) + 1)
    episode, step = np.divmod(steps, len(times) - 1)
    return (episode + times[step]) / num
