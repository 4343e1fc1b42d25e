"""Optima of tasks whose law drifts or switches, by filtering: a belief for what holds now, moved on between trials.

Histories hardly ever share such a belief, so that they cannot be gone through one by one. Where the belief is a single
number, dynamic programming runs over a fine grid of it; where it is a whole distribution, but every action tells as
much as any other, the optimal policy is known without any values, and what it earns is simulated.
"""

from __future__ import annotations

import numpy as np

from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.family import Array
from meta_envs.lifetimes import live
from meta_envs.plans import Plan
from meta_envs.solver import Optimum, solve_generic

GRID = 1 << 14
"""Intervals between the beliefs of the two-step task, on [0, 1]."""
LIFETIMES = 1 << 14
"""Simulated lifetimes of the restless bandit, always the same ones."""
CHUNK = 1 << 12
"""Those of them that are lived side by side."""
ERRORS = 3.0
"""Standard errors by which a bound lies above the simulated value."""


class FilterPlan(Plan):
    """Plays a restless bandit for the next reward alone, by the posterior mean of ``p_1``. A node is a belief.

    Either arm tells the same of ``p_1``: a reward from one is as likely as none from the other. The beliefs to come are
    thus the same whatever is pulled, nothing can be gained later by losing now, and this is Bayes-optimal.
    """

    family: RestlessBandit

    def start(self, num: int) -> Array:
        """The prior (num, D)."""
        return np.repeat(self.family.initial_belief(), num, axis=0)

    def first_mean(self, node: Array) -> Array:
        """Posterior means of ``p_1`` (num,)."""
        state, first = np.zeros((len(node), 1), np.intp), np.zeros(len(node), np.intp)
        return self.family.predict(node, state, first)[:, 1]

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        return (self.first_mean(node) < 0.5).astype(np.intp)

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Beliefs (num, D) after a step."""
        return self.family.update_belief(node, np.full((len(node), 1), step), action, outcome)


def solve_restless(family: RestlessBandit) -> Optimum:
    """The optimum of a restless bandit: the policy exactly, its value by simulation.

    Every lifetime counts with the posterior means of what was pulled, not with the rewards, whose noise is thus left
    out. What one who knows ``p_1`` earns in the same lifetimes has a known mean, 3/4 a trial whatever the volatility,
    because ``p_1`` is uniform at every trial; it and the volatility, as control variates, take out most of the luck of
    the draw.
    """
    plan, rng = FilterPlan(family), np.random.default_rng(0)
    lived = [_live_restless(plan, rng) for _ in range(LIFETIMES // CHUNK)]
    earned, luck = (np.concatenate(parts) for parts in zip(*lived, strict=True))
    returns = earned - luck @ np.linalg.lstsq(luck, earned - np.mean(earned), rcond=None)[0]
    value, error = float(np.mean(returns)), float(np.std(returns) / np.sqrt(LIFETIMES))
    note = (
        f"pulling the arm with the higher posterior mean is optimal and earns {value:.3f} ± {error:.3f} in "
        f"{LIFETIMES:,} simulated lifetimes; the bound is {ERRORS:g} standard errors above"
    )
    return Optimum(
        value=value + ERRORS * error,
        achieved=value,
        kind="bound",
        note=note,
        random_value=0.5 * family.num_trials,
        plan=plan,
    )


def _live_restless(plan: FilterPlan, rng: np.random.Generator) -> tuple[Array, Array]:
    """What the filter expects to earn (CHUNK,), and what is lucky about these lifetimes, 0 in the mean (CHUNK, 3)."""
    family = plan.family
    lifetimes = live(family, CHUNK)
    lifetimes.begin(np.arange(CHUNK), rng.random((CHUNK, family.num_chance)))
    node, earned = plan.start(CHUNK), np.zeros(CHUNK)
    for step in range(family.num_trials):
        mean = plan.first_mean(node)
        earned += np.maximum(mean, 1.0 - mean)
        action = plan.action(step, node)
        node = plan.follow(step, node, action, lifetimes.step(action).outcome)
    clear = np.sum(np.abs(lifetimes.task[:, 1:] - 0.5) - 0.25, axis=-1)
    calm = np.where(lifetimes.task[:, 0] == family.sigmas[0], 1.0, -1.0) - (len(family.sigmas) == 1)
    return earned, np.stack([clear, calm, clear * calm], axis=-1)


class SwitchingPlan(Plan):
    """Plays the switching two-step task by its belief. A node is the place and the probability that S2 is better.

    Args:
        family: The family for whose prior the policy is.
        gains: By trial and belief, what the first action at S1 is worth more than the second (num_trials, GRID + 1).
    """

    family: SwitchingTwoStep

    def __init__(self, family: SwitchingTwoStep, gains: Array) -> None:
        super().__init__(family)
        self._gains = gains

    def start(self, num: int) -> Array:
        """S1 and the prior (num, 2)."""
        return np.tile([0.0, 0.5], (num, 1))

    def action(self, step: int, node: Array) -> Array:
        """Actions (num,)."""
        gain = np.interp(node[:, 1], np.linspace(0.0, 1.0, GRID + 1), self._gains[step // 2])
        return ((node[:, 0] == 0) & (gain < 0.0)).astype(np.intp)

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
    fine, gains = _switching_value(family, GRID)
    coarse, _ = _switching_value(family, GRID // 2)
    trials = family.num_trials
    return Optimum(
        value=fine,
        achieved=fine,
        kind="exact",
        note=f"dynamic programming over {GRID + 1:,} beliefs a trial; half as many give {coarse - fine:.0e} more",
        random_value=trials * (family.high + family.low) / 2,
        plan=SwitchingPlan(family, gains),
    )


def _switching_value(family: SwitchingTwoStep, intervals: int) -> tuple[float, Array]:
    """The value of the prior, and the first action's advantage by trial and belief (num_trials, intervals + 1)."""
    grid = np.linspace(0.0, 1.0, intervals + 1)
    num, outcomes = len(grid), (0, 1)
    gains = np.empty((family.num_trials, num))
    values = np.zeros(num)
    for trial in reversed(range(family.num_trials)):
        belief = np.stack([np.full(num, float(trial)), grid], axis=-1)
        worth = []
        for place in (1, 2):
            state, action = np.tile([trial, place], (num, 1)), np.zeros(num, np.intp)
            probs, total = family.predict(belief, state, action), np.zeros(num)
            for outcome in outcomes:
                with np.errstate(invalid="ignore"):
                    after = family.update_belief(belief, state, action, np.full(num, outcome))[:, 1]
                # What cannot happen has no belief after it, and no weight.
                total += probs[:, outcome] * (outcome + np.interp(np.nan_to_num(after), grid, values))
            worth.append(total)
        gains[trial] = (2.0 * family.common - 1.0) * (worth[0] - worth[1])
        common, rare = family.common, 1.0 - family.common
        values = np.maximum(common * worth[0] + rare * worth[1], rare * worth[0] + common * worth[1])
    return float(np.interp(0.5, grid, values)), gains
