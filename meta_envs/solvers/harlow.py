"""The optimum of Harlow's task: one guess, and from then on the rewarded image.

Whatever the first choice brings, it tells which of the two images pays: the belief is 1/2 before it and certain after.
Nothing is gained by waiting, so that the optimum guesses once and takes the rewarded image ever after. The motor part
adds time alone: as long as there is enough of it for all trials, every cross and every choice can be had, and the
value is that of the abstract task.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.errors import CannotServe
from meta_envs.families.harlow import FIXATION_REWARD, Harlow
from meta_envs.families.harlow_symbolic import HarlowSymbolic
from meta_envs.family import Array, TaskFamily
from meta_envs.intervals import standard_error
from meta_envs.learners.learner import Learner
from meta_envs.lifetimes.many import make_lifetimes
from meta_envs.limits import require_seconds, tell_sizes
from meta_envs.solvers.optimum import Optimum

LIFETIMES = 4096
"""Simulated for random play, always the same ones."""


class HarlowBayes(Learner):
    """Bayes-optimal learner of Harlow's task: the left image in the first trial, and then the rewarded one.

    It needs the state, which an agent has to find out from images.
    """

    name = "bayes"
    needs = ("state",)

    def check(self, family: TaskFamily) -> None:
        """Serves Harlow's task."""
        if not isinstance(family, Harlow | HarlowSymbolic):
            raise CannotServe(f"{self.name} of Harlow's task serves no other, and {type(family).__name__} is one.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.check(family)
        assert isinstance(family, Harlow | HarlowSymbolic)
        self._family = family

    def inform(self, known: dict[str, Array]) -> None:
        """Be told the states (num, S)."""
        self._state = known["state"]

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        return self._family.best_action(np.empty((len(self._state), 0)), self._state)


def solve_harlow(family: Harlow | HarlowSymbolic) -> Optimum:
    """The optimum by hand: every cross, a guess with mean reward 0, and the reward of every later trial."""
    trials = family.num_trials
    value = trials * FIXATION_REWARD + (trials - 1)
    if isinstance(family, HarlowSymbolic):
        # A third of the crosses, and of the choices as many right as wrong ones.
        return _make(value, "exact", "by hand: one guess, then the rewarded identity", trials * FIXATION_REWARD / 3)
    ample = family.task_optimum(np.zeros((1, 2))) is not None
    random, error = _simulate_random(family)
    note = f"by hand: one guess, then the rewarded image; random play is simulated, {LIFETIMES:,} lifetimes"
    if ample:
        return _make(value, "exact", note, random, error)
    return _make(value, "bound", f"{note}; time may be too short", random, error)


def _make(value: float, kind: Any, note: str, random: float, error: float = 0.0) -> Optimum:
    return Optimum(value, value, kind, note, random, random_se=error, player=HarlowBayes)


def _simulate_random(family: Harlow) -> tuple[float, float]:
    """The mean return of random play and its standard error."""
    need = family.num_decisions * (2e-3 + 5e-9 * LIFETIMES * family.num_trials)
    require_seconds(need, f"Random play of {tell_sizes(family)}")
    rng = np.random.default_rng(0)
    lifetimes, total = make_lifetimes(family, LIFETIMES), np.zeros(LIFETIMES)
    lifetimes.begin(np.arange(LIFETIMES), rng.random((LIFETIMES, family.num_chance)))
    alive = np.ones(LIFETIMES, dtype=bool)
    while alive.any():
        happened = lifetimes.step(rng.integers(3, size=LIFETIMES))
        total += alive * happened.reward
        alive &= ~happened.terminated
    return float(np.mean(total)), standard_error(total)
