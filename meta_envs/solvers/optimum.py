"""The optimum that a solver gives: the best expected return and the policy that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from meta_envs.learners.policies import PolicyPlayer, TabularPolicy

if TYPE_CHECKING:
    from meta_envs.learners.learner import Learner

ERRORS = 3.0
"""Standard errors by which a bound lies above what was simulated for it, and beyond which a difference counts."""


@dataclass(frozen=True)
class Optimum:
    """The Bayes optimum of a family: value and policy of a learner that starts with nothing but the prior."""

    value: float
    """The Bayes-optimal expected return of a lifetime, or an upper bound of it."""
    achieved: float
    """The expected return of ``policy``; equals ``value`` but where that is a bound, and may be simulated there."""
    kind: Literal["exact", "simulated", "bound"]
    """Whether ``value`` is exact, the simulated return of a policy that is known to be optimal, or an upper bound."""
    note: str
    """How it was computed, and of what it is a bound."""
    random_value: float
    """The expected return of uniformly random play."""
    value_se: float = 0.0
    """Standard error of ``value`` where that was simulated; a bound has three of them in it already."""
    achieved_se: float = 0.0
    """Standard error of ``achieved`` where that was simulated."""
    random_se: float = 0.0
    """Standard error of ``random_value`` where that was simulated."""
    table: TabularPolicy | None = field(default=None, repr=False, compare=False)
    """The policy over nodes, which `policy` plays, where it has that form."""
    player: Callable[[], Learner] | None = field(default=None, repr=False, compare=False)
    """Makes a learner that plays the policy, where it has no such form."""

    @property
    def unit(self) -> float | None:
        """What the optimum has more than random play; None where that is nothing but the errors of both."""
        unit = self.value - self.random_value
        found = unit - ERRORS * self.value_se if self.kind == "bound" else unit
        rounding = 1e-9 * max(abs(self.value), abs(self.random_value))
        return unit if found > max(rounding, ERRORS * float(np.hypot(self.value_se, self.random_se))) else None

    @property
    def policy(self) -> Learner:
        """A new learner that plays the optimum."""
        if self.table is not None:
            return PolicyPlayer(self.table)
        assert self.player is not None
        return self.player()
