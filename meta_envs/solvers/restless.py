"""The optimum of restless bandits, by filtering: a belief for where the walk is now, moved on between trials.

Two histories hardly ever have the same belief, so that beliefs cannot be enumerated. A belief is a whole distribution,
but every action tells as much as any other: the optimal policy is known without any values, and its return is
simulated.
"""

from __future__ import annotations

import numpy as np

from meta_envs.families.restless import RestlessBandit
from meta_envs.family import Array
from meta_envs.intervals import controlled_mean
from meta_envs.learners.policies import TabularPolicy
from meta_envs.lifetimes.many import make_lifetimes
from meta_envs.limits import require_seconds, tell_sizes
from meta_envs.solvers.optimum import Optimum
from meta_envs.terminal.progress import Progress

LIFETIMES = 1 << 14
"""Simulated lifetimes of the restless bandit, always the same ones."""
CHUNK = 1 << 12
"""Those of them that are simulated side by side."""


class FilterPolicy(TabularPolicy):
    """Greedy policy of a restless bandit, by the posterior mean of ``p_1``. A node is a belief.

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

    def values(self, step: int, node: Array) -> Array:
        """Posterior means (num, 2): the action values less what follows, which is the same for both arms."""
        mean = self.first_mean(node)
        return np.stack([mean, 1.0 - mean], axis=-1)

    def follow(self, step: int, node: Array, action: Array, outcome: Array) -> Array:
        """Beliefs (num, D) after a step."""
        return self.family.update_belief(node, np.full((len(node), 1), step), action, outcome)


def solve_restless(family: RestlessBandit) -> Optimum:
    """The optimum of a restless bandit: the policy exactly, its value by simulation.

    Every lifetime counts with the posterior means of what was pulled, not with the rewards, whose noise is thus left
    out. The oracle's return in the same lifetimes has a known mean, 3/4 a trial whatever the volatility, because
    ``p_1`` is uniform at every trial; it and the volatility, as control variates, take out most of the variance.
    """
    cells = family.num_cells
    # By entry of a belief: 30 ns, and .2 more for each of the cells that the walk may come from.
    entries = LIFETIMES * family.num_trials * len(family.sigmas) * cells
    require_seconds(entries * (30 + 0.2 * cells) * 1e-9, f"The optimum of {tell_sizes(family)}")
    policy, rng = FilterPolicy(family), np.random.default_rng(0)
    with Progress("Simulating the optimum of restless arms", LIFETIMES // CHUNK * family.num_trials) as progress:
        parts = [_simulate(policy, rng, progress) for _ in range(LIFETIMES // CHUNK)]
    earned, chance = (np.concatenate(part) for part in zip(*parts, strict=True))
    value, error = controlled_mean(earned, chance)
    return Optimum(
        value=value,
        achieved=value,
        kind="simulated",
        note="pulling the arm with the higher posterior mean is optimal; its return was simulated in "
        f"{LIFETIMES:,} lifetimes, with a standard error of {error:.3f}",
        random_value=0.5 * family.num_trials,
        value_se=error,
        achieved_se=error,
        table=policy,
    )


def _simulate(policy: FilterPolicy, rng: np.random.Generator, progress: Progress) -> tuple[Array, Array]:
    """Expected returns of the filter (CHUNK,), and control variates of these lifetimes, with mean 0 (CHUNK, 3)."""
    family = policy.family
    lifetimes = make_lifetimes(family, CHUNK)
    lifetimes.begin(np.arange(CHUNK), rng.random((CHUNK, family.num_chance)))
    node, earned = policy.start(CHUNK), np.zeros(CHUNK)
    for step in range(family.num_trials):
        mean = policy.first_mean(node)
        earned += np.maximum(mean, 1.0 - mean)
        action = policy.action(step, node)
        node = policy.follow(step, node, action, lifetimes.step(action).outcome)
        progress.advance()
    clear = np.sum(np.abs(lifetimes.task[:, 1:] - 0.5) - 0.25, axis=-1)
    calm = np.where(lifetimes.task[:, 0] == family.sigmas[0], 1.0, -1.0) - (len(family.sigmas) == 1)
    return earned, np.stack([clear, calm, clear * calm], axis=-1)
