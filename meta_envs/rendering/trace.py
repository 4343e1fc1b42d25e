"""Traces: the steps of a lifetime so far, and all that a picture may show."""

from dataclasses import dataclass, field
from typing import Any

from meta_envs.family import Array


@dataclass
class Trace:
    """The steps of one lifetime; the hidden task is shown only when it is over.

    Attributes:
        task: The hidden task (T,).
        states: The states (S,), the first and one after each step.
        actions: One a step, as are the outcomes and the rewards.
        over: Whether the lifetime is over.
    """

    task: Array
    states: list[Array]
    actions: list[Any] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    over: bool = False

    def add(self, action: Any, outcome: Any, state: Array, reward: float, over: bool) -> None:
        """Append a step, and the state after it."""
        self.states.append(state)
        self.actions.append(action)
        self.outcomes.append(outcome)
        self.rewards.append(float(reward))
        self.over = bool(over)
