"""The protocol of learners: anything that acts in the tasks of a family, many lifetimes at once.

Rules, the optimum and trained agents are learners alike. ``num`` lifetimes run side by side, and all arrays have
them as their first axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.order import keep_order

NEEDS = ("observation", "state", "layout", "task")
"""What a learner may declare that it needs."""


class Learner(ABC):
    """Something that acts in ``num`` lifetimes at once: a trained agent, a rule of `meta_envs.LEARNERS`, or your own.

    The caller runs the lifetimes, the learner only answers: ``begin`` once, then for every step ``inform`` (of what it
    needs beyond observations), ``act`` and ``learn``. All that a learner may know comes in by these: the family (its
    prior is public, the task is not), what it needs, what it did, and what came of it. Previous action, previous reward
    and time are the learner's own to remember. Lifetimes that end before the horizon are asked on like all others; the
    answers for them are not used. New lifetimes need a new ``begin``: whoever asks before the first one, past the
    horizon, or with other than one observation of the family a lifetime, gets a ``ValueError`` in one sentence.

    Attributes:
        name: What scorecards, tables and figures call it.
        needs: Which of these it needs, and gets, and nothing else:

            - "observation": what an agent sees; a learner that does not need it is given None, and none is drawn;
            - "state": where it is, which an agent has to find out from images; what would tell the hidden task, such as
              which of two images pays before the first choice, is masked (`TaskFamily.visible_state`);
            - "layout": the numbers of the task that tell how the place looks (`TaskFamily.layout_names`); all others,
              such as where the goal is, are NaN;
            - "task": the hidden task, and the state unmasked: a yardstick, no learner proper.
    """

    name: str = "learner"
    needs: tuple[str, ...] = ("observation",)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        keep_order(cls)

    def check(self, family: TaskFamily) -> None:  # noqa: B027
        """Refuse families in which it cannot live; by default none. Nothing is begun.

        Raises:
            meta_envs.CannotServe: If it cannot serve the family, saying why.
        """

    @abstractmethod
    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Forget everything and begin ``num`` new lifetimes.

        Args:
            family: The prior over tasks and their mechanics.
            num: Lifetimes to live side by side.
            rng: The learner's own random stream, apart from the chance of the lifetimes.

        Raises:
            meta_envs.CannotServe: As of `check`.
        """

    def inform(self, known: dict[str, Array]) -> None:  # noqa: B027
        """Be told what it needs beyond the observation, before every ``act``.

        Args:
            known: By name, new arrays: "state" (num, S), "layout" (num, T), "task" (num, T).
        """

    @abstractmethod
    def act(self, observation: Any) -> Array:
        """Actions (num,) for the current observations (num, ...), as the family's spaces have them."""

    def learn(self, action: Array, outcome: Any, reward: Array) -> None:  # noqa: B027
        """Take in a step: the actions (num,), their outcomes (num, ...) and rewards (num,) float64.

        The outcome is what the family's mechanics made of the step: of a bandit whether it paid, elsewhere also where
        it led. Of a discrete family it is public, and all that there is to learn from. Of other families, in which it
        may be a whole state, it is told to learners that need the state or the task, and None to all others.
        """


keep_order(Learner)


def select_known(learner: Learner, family: TaskFamily, task: Array, state: Array) -> dict[str, Array]:
    """What a learner is told beyond the observation: exactly what it needs.

    Args:
        learner: Its ``needs`` decide.
        family: The family.
        task: The hidden tasks (num, T).
        state: The states (num, S).

    Returns:
        New arrays by name, as `Learner.inform` takes them.

    Raises:
        ValueError: If it needs what there is not.
    """
    known: dict[str, Array] = {}
    for need in learner.needs:
        if need not in NEEDS:
            raise ValueError(f"The learner {learner.name!r} needs {need!r}: it is one of {', '.join(NEEDS)}.")
    if "task" in learner.needs:
        known["task"] = task.copy()
    if "state" in learner.needs:
        known["state"] = state.copy() if "task" in learner.needs else family.visible_state(state.copy())
    if "layout" in learner.needs:
        shown = [name in family.layout_names for name in family.task_names]
        known["layout"] = np.where(shown, task, np.nan)
    return known


def sees_outcomes(learner: Learner, family: TaskFamily) -> bool:
    """Whether a learner is told the outcomes of its actions, see `Learner.learn`."""
    return isinstance(family, DiscreteFamily) or bool({"state", "task"} & set(learner.needs))


def pick_best(values: Array, rng: np.random.Generator) -> Array:
    """The highest of the actions' values (B, A), ties broken at random."""
    near = values >= np.max(values, axis=-1, keepdims=True) - 1e-12
    return np.argmax(near * rng.random(values.shape), axis=-1)


def explore(action: Array, epsilon: float, num_actions: int, rng: np.random.Generator) -> Array:
    """The actions (B,), each with probability ``epsilon`` replaced by a random one; without chance where that is 0."""
    if epsilon == 0.0:
        return action
    explores = rng.random(len(action)) < epsilon
    return np.where(explores, rng.integers(num_actions, size=len(action)), action)


def need_discrete(family: TaskFamily, name: str) -> DiscreteFamily:
    """The family, for a learner of that name.

    Raises:
        CannotServe: If its actions and outcomes are not finitely many.
    """
    if not isinstance(family, DiscreteFamily):
        raise CannotServe(f"{name} serves families with discrete actions, and {type(family).__name__} is none.")
    return family
