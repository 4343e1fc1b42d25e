"""The optimum that a solver gives: the best expected return and the policy that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from meta_envs.learners.policies import PolicyPlayer, TabularPolicy

if TYPE_CHECKING:
    from meta_envs.learners.learner import Learner


@dataclass(frozen=True)
class Optimum:
    """The Bayes optimum of a family: value and policy of a learner that starts with nothing but the prior."""

    value: float
    """The Bayes-optimal expected return of a lifetime, or an upper bound of it."""
    achieved: float
    """The expected return of ``policy``; equals ``value`` where that is exact, else mostly simulated (``note``)."""
    kind: Literal["exact", "bound"]
    """Whether ``value`` is exact or an upper bound."""
    note: str
    """How it was computed, and of what it is a bound."""
    random_value: float
    """The expected return of uniformly random play, exact but where ``note`` says that it was simulated."""
    table: TabularPolicy | None = field(default=None, repr=False, compare=False)
    """The policy over nodes, which `policy` plays, where it has that form."""
    player: Callable[[], Learner] | None = field(default=None, repr=False, compare=False)
    """Makes a learner that plays the policy, where it has no such form."""

    @property
    def policy(self) -> Learner:
        """A new learner that plays the optimum."""
        if self.table is not None:
            return PolicyPlayer(self.table)
        assert self.player is not None
        return self.player()
