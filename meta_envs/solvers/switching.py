"""The optimum of the switching two-step task, by filtering: a belief for what holds now, moved on between trials.

Two histories hardly ever have the same belief, so that beliefs cannot be enumerated. A belief is a single number, and
dynamic programming runs over a fine grid of it.
"""

from __future__ import annotations

import numpy as np

from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.family import Array
from meta_envs.learners.policies import TabularPolicy
from meta_envs.limits import require_bytes, require_seconds, tell_sizes
from meta_envs.solvers.dynamic import solve_generic
from meta_envs.solvers.optimum import Optimum
from meta_envs.terminal.progress import track

GRID = 1 << 14
"""Intervals between the beliefs of the two-step task, on [0, 1]."""


class SwitchingPolicy(TabularPolicy):
    """Optimal policy of the switching two-step task. A node is the place and the probability that S2 is better.

    Args:
        family: The family for whose prior the policy is.
        worth: By trial, place and belief, the expected return from S2 or S3 on (num_trials, 2, GRID + 1).
    """

    family: SwitchingTwoStep

    def __init__(self, family: SwitchingTwoStep, worth: Array) -> None:
        super().__init__(family)
        self._worth = worth

    def start(self, num: int) -> Array:
        """S1 and the prior (num, 2)."""
        return np.tile([0.0, 0.5], (num, 1))

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        first, second = self.values(step, node).T
        return (first < second).astype(np.intp)

    def values(self, step: int, node: Array) -> Array:
        """Action values (num, 2); at S2 and S3 the action makes no difference."""
        place, belief = node.T
        grid = np.linspace(0.0, 1.0, GRID + 1)
        at_second, at_third = (np.interp(belief, grid, worth) for worth in self._worth[step // 2])
        there = np.where(place == 1, at_second, at_third)
        return np.stack(
            [
                np.where(place == 0, common * at_second + (1.0 - common) * at_third, there)
                for common in (self.family.common, 1.0 - self.family.common)
            ],
            axis=-1,
        )

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Places and beliefs (num, 2) after a step."""
        trial = np.full((len(node), 1), step // 2)
        state = np.concatenate([trial, node[:, :1]], axis=-1).astype(np.intp)
        belief = self.family.update_belief(np.concatenate([trial, node[:, 1:]], axis=-1), state, action, outcome)
        return np.stack([self.family.next_state(state, action, outcome)[:, 1], belief[:, 1]], axis=-1)


def solve_switching(family: SwitchingTwoStep) -> Optimum:
    """The optimum of the switching two-step task, by dynamic programming over a grid of its one-number belief.

    The value of a belief is convex in it, so that straight lines between neighbours lie above it: the result is never
    too low, and too high by little, as a grid half as fine shows. Without switches beliefs are few, and no grid is
    needed.
    """
    if family.switch == 0.0:
        return solve_generic(family)
    require_seconds(0.01 * family.num_trials, f"The optimum of {tell_sizes(family)}")
    require_bytes(16 * GRID * family.num_trials, f"The optimum of {tell_sizes(family)}")
    fine, worth = _switching_value(family, GRID)
    coarse, _ = _switching_value(family, GRID // 2)
    trials = family.num_trials
    return Optimum(
        value=fine,
        achieved=fine,
        kind="exact",
        note=f"dynamic programming over {GRID + 1:,} beliefs a trial; half as many give {coarse - fine:.0e} more",
        random_value=trials * (family.high + family.low) / 2,
        table=SwitchingPolicy(family, worth),
    )


def _switching_value(family: SwitchingTwoStep, intervals: int) -> tuple[float, Array]:
    """The value of the prior, and of S2 and of S3 by trial and belief (num_trials, 2, intervals + 1)."""
    grid = np.linspace(0.0, 1.0, intervals + 1)
    num, outcomes = len(grid), (0, 1)
    table = np.empty((family.num_trials, 2, num))
    values = np.zeros(num)
    for trial in track(range(family.num_trials)[::-1], "Solving the switching two-step task"):
        belief = np.stack([np.full(num, float(trial)), grid], axis=-1)
        worth = table[trial]
        for place in (1, 2):
            state, action = np.tile([trial, place], (num, 1)), np.zeros(num, np.intp)
            probs, total = family.predict(belief, state, action), np.zeros(num)
            for outcome in outcomes:
                with np.errstate(invalid="ignore"):
                    after = family.update_belief(belief, state, action, np.full(num, outcome))[:, 1]
                # What cannot happen has no belief after it, and no weight.
                total += probs[:, outcome] * (outcome + np.interp(np.nan_to_num(after), grid, values))
            worth[place - 1] = total
        common, rare = family.common, 1.0 - family.common
        values = np.maximum(common * worth[0] + rare * worth[1], rare * worth[0] + common * worth[1])
    return float(np.interp(0.5, grid, values)), table
