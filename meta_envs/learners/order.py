"""The order in which learners are asked, which `Learner` holds its subclasses to: what is out of it gets a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import isfunction
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require_whole
from meta_envs.family import TaskFamily


@dataclass
class Asked:
    """Where a learner stands since it was told to begin."""

    family: TaskFamily
    num: int
    horizon: int
    acts: int = 0
    learns: int = 0
    informed: bool = False
    busy: bool = False
    """Whether it is being asked: what its methods ask of one another, as by ``super()``, is no step."""


def keep_order(cls: type) -> None:
    """Have a class's own methods of the protocol look first whether it is their turn."""
    for name, watch in WATCHED.items():
        method = vars(cls).get(name)
        if isfunction(method):
            setattr(cls, name, wraps(method)(watch(method)))


def where(learner: Any) -> Asked:
    """Where a learner stands.

    Raises:
        ValueError: If it has not begun.
    """
    asked: Asked | None = vars(learner).get("_asked")
    if asked is None:
        raise ValueError(f"{learner.name} has not begun: call begin(family, num, rng) before all else.")
    return asked


def _begin(method: Callable[..., None]) -> Callable[..., None]:
    def begin(self: Any, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        if not isinstance(family, TaskFamily):
            raise ValueError(
                f"{self.name} begins in a family, and was given {family!r}: give meta_envs.make_family(id), or "
                "env.unwrapped.family."
            )
        if not hasattr(rng, "random"):
            raise ValueError(f"rng={rng!r} is not possible: give a stream, such as numpy.random.default_rng(1).")
        num = require_whole("num", num, 1)
        self._asked = None
        method(self, family, num, rng)
        self._asked = Asked(family, num, family.horizon)

    return begin


def _inform(method: Callable[..., None]) -> Callable[..., None]:
    def inform(self: Any, known: dict[str, Any]) -> None:
        asked = where(self)
        method(self, known)
        asked.informed = True

    return inform


def watch_act(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that answers an observation, and is asked once a step."""

    @wraps(method)
    def act(self: Any, observation: Any) -> Any:
        asked = where(self)
        if asked.busy:
            return method(self, observation)
        _check_horizon(self, asked, asked.acts)
        _check_observation(self, asked, observation)
        _check_told(self, asked)
        asked.busy = True
        try:
            answer = method(self, observation)
        finally:
            asked.busy = False
        asked.acts, asked.informed = asked.acts + 1, False
        return answer

    return act


def _learn(method: Callable[..., None]) -> Callable[..., None]:
    def learn(self: Any, action: Any, outcome: Any, reward: Any) -> None:
        asked = where(self)
        if asked.busy:
            method(self, action, outcome, reward)
            return
        _check_horizon(self, asked, asked.learns)
        for name, given in (("actions", action), ("rewards", reward)):
            if np.shape(given)[:1] != (asked.num,):
                raise ValueError(
                    f"{self.name} was given {name} of shape {np.shape(given)}, and has {asked.num} lifetimes: give an "
                    "array with one for each."
                )
        asked.busy = True
        try:
            method(self, action, outcome, reward)
        finally:
            asked.busy = False
        asked.learns += 1

    return learn


def _check_horizon(learner: Any, asked: Asked, steps: int) -> None:
    if steps >= asked.horizon:
        raise ValueError(
            f"{learner.name} was asked on past the {asked.horizon} steps of its lifetimes: call begin whenever new "
            "ones begin."
        )


def _check_told(learner: Any, asked: Asked) -> None:
    beyond = sorted({*learner.needs} - {"observation"})
    # Some need the state for what came of their actions alone, and have the `inform` that all have.
    listens = sum("inform" in vars(kind) for kind in type(learner).__mro__) > 1
    if beyond and listens and not asked.informed:
        raise ValueError(
            f"{learner.name} needs {' and '.join(beyond)}: call inform before every act, with what "
            "meta_envs.learners.select_known gives."
        )


def _check_observation(learner: Any, asked: Asked, observation: Any) -> None:
    """Refuse what is no observation of the family, one a lifetime; learners that need none may be given None."""
    sees = "observation" in learner.needs
    if observation is None and not sees:
        return
    space = asked.family.observation_space
    if not sees:
        parts = observation.values() if isinstance(observation, dict) else [observation]
        fits = all(np.shape(part)[:1] == (asked.num,) for part in parts)
    else:
        fits = _fits(space, observation, asked.num)
    if not fits:
        raise ValueError(
            f"{learner.name} was given {_describe(observation)}, and {asked.num} lifetimes of "
            f"{type(asked.family).__name__} show {_describe_space(space, asked.num)}: give what the environment itself "
            "shows, an array with one row a lifetime, without a wrapper; what is past, a learner remembers itself."
        )


def _fits(space: spaces.Space[Any], observation: Any, num: int) -> bool:
    if isinstance(space, spaces.Dict):
        parts = space.spaces
        same = isinstance(observation, dict) and observation.keys() == parts.keys()
        return same and all(_fits(part, observation[name], num) for name, part in parts.items())
    if space.shape is None:
        return True
    # Images as fractions of 1 would be taken for black ones.
    whole = space.dtype != np.uint8 or np.asarray(observation).dtype.kind in "iu"
    return bool(np.shape(observation) == (num, *space.shape) and whole)


def _describe(observation: Any) -> str:
    if isinstance(observation, dict):
        return f"a table of {', '.join(f'{name} {np.shape(part)}' for name, part in observation.items())}"
    if observation is None:
        return "None"
    return f"an array {np.shape(observation)} of {np.asarray(observation).dtype}"


def _describe_space(space: spaces.Space[Any], num: int) -> str:
    if isinstance(space, spaces.Dict):
        shapes = (f"{name} {(num, *(part.shape or ()))}" for name, part in space.spaces.items())
        return f"a table of {', '.join(shapes)}"
    return f"an array {(num, *(space.shape or ()))} of {space.dtype}"


WATCHED: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "begin": _begin,
    "inform": _inform,
    "act": watch_act,
    "learn": _learn,
}
