"""The protocol of learners: anything that acts in the tasks of a family, many lifetimes at once.

Rules, the optimum and trained agents are learners alike. ``num`` lifetimes are lived side by side, and all arrays have
them as their first axis.
"""

from __future__ import annotations

import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.registry import make_family


class Learner(ABC):
    """Something that lives in ``num`` lifetimes at once: a trained agent, or a rule of `meta_envs.baselines`.

    The caller lives the lifetimes, the learner only answers: ``begin`` once, then for every step ``act`` and ``learn``.
    All that a learner may know comes in by these three: the family (its prior is public, the task is not), the
    observation, what it did, and what came of it. Previous action, previous reward and time are the learner's own to
    remember. Lifetimes that end before the horizon are asked on like all others; the answers for them are not used.

    Attributes:
        name: What scorecards, tables and figures call it.
        looks: Whether it looks at observations: one that says False is given None, and none are drawn for it.
    """

    name: str = "learner"
    looks: bool = True

    @abstractmethod
    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Forget everything and begin ``num`` new lifetimes.

        Args:
            family: The prior over tasks and their mechanics.
            num: Lifetimes to live side by side.
            rng: The learner's own random stream, apart from the lifetimes' luck.

        Raises:
            ValueError: If this learner cannot serve the family, saying why.
        """

    @abstractmethod
    def act(self, observation: Any) -> Array:
        """Actions (num,) for the current observations (num, ...), as the family's spaces have them."""

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:  # noqa: B027
        """Take in a step: the actions (num,), their outcomes (num,) and rewards (num,) float64.

        The outcome is what the family's mechanics made of the step: of a bandit whether it paid, elsewhere also where
        it led. A learner that has only eyes, such as a trained agent, leaves it aside.
        """


class PrivilegedLearner(Learner):
    """A learner that is told the hidden tasks: a yardstick, no learner proper."""

    @abstractmethod
    def reveal(self, task: Array) -> None:
        """Be told the hidden tasks (num, T), after ``begin`` and before the first ``act``."""

    def see(self, state: Array) -> None:
        """Be told the states (num, S), before every ``act``: what an eye would have to find out of mazes and images."""


def is_agent(name: str) -> bool:
    """Whether a trained agent is meant: the shipped one, or one by its path."""
    path = Path(name)
    return name.partition(":")[0] == "agent" or path.exists() or path.suffix == ".safetensors" or len(path.parts) > 1


def make_learner(name: str, id: str | TaskFamily | None = None) -> Learner:
    """A learner by its name and constants, such as ``"thompson"`` or ``"ucb:chi=2"``, or a trained agent.

    Args:
        name: One of `meta_envs.baselines.LEARNERS`, then ``:key=value`` for its constants, which are numbers, with
            commas between several; or ``"agent"`` for the shipped agent of the id, ``"agent:ID"`` for that of another;
            or an agent's file, or the directory of its run.
        id: Where it is to live, which only ``"agent"`` needs.

    Raises:
        ValueError: If there is no such learner (with the names that are near), agent or constant, or the value makes no
            sense.
    """
    from meta_envs.baselines import LEARNERS

    base, _, rest = name.partition(":")
    if base not in LEARNERS:
        if name and is_agent(name):
            return _load_agent(name, rest, id)
        near = difflib.get_close_matches(base.lower(), LEARNERS, n=3)
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else f"give one of {', '.join(LEARNERS)}, agent, or an agent's path."
        )
        raise ValueError(f"There is no learner {base!r}: {hint}")
    maker, constants = LEARNERS[base], {}
    known = [key for key, kind in inspect.signature(maker).parameters.items() if kind.kind is kind.KEYWORD_ONLY]
    if isinstance(maker, partial):
        known = [key for key in known if key not in maker.keywords]
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        if key not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"The learner {base!r} has no constant {key!r}: {takes}.")
        try:
            constants[key] = float(value)
        except ValueError:
            raise ValueError(f"{pair!r} in {name!r} is not possible: give a number, as in {key}=1.") from None
    learner = maker(**constants)
    learner.name = name
    return learner


def _load_agent(name: str, whose: str, id: str | TaskFamily | None) -> Learner:
    from meta_envs.training import load_agent

    if name == "agent":
        if not isinstance(id, str):
            raise ValueError(f"'agent' is the shipped agent of an id, and {id!r} is none: give agent:ID.")
        return load_agent(id)
    if not name.startswith("agent:"):
        return load_agent(name)
    agent = load_agent(whose)
    agent.label = name
    return agent


def serving(names: Sequence[str], id: str | TaskFamily, **keywords: Any) -> list[str]:
    """Those of the named learners that can serve a family, in the same order; rules for bandits refuse the others."""
    family = make_family(id, **keywords)
    served = []
    for name in names:
        try:
            make_learner(name, id).begin(family, 1, np.random.default_rng(0))
        except ValueError:
            continue
        served.append(name)
    return served


def pick_best(values: Array, rng: np.random.Generator) -> Array:
    """The highest of the actions' values (B, A), ties broken at random."""
    near = values >= np.max(values, axis=-1, keepdims=True) - 1e-12
    return np.argmax(near * rng.random(values.shape), axis=-1)


def need_discrete(family: TaskFamily, name: str) -> DiscreteFamily:
    """The family, for a learner of that name.

    Raises:
        ValueError: If its actions and outcomes are not finitely many.
    """
    if not isinstance(family, DiscreteFamily):
        raise ValueError(f"{name} serves families with discrete actions, and {type(family).__name__} is none.")
    return family
