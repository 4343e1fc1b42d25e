"""Held-out lifetimes, by which a policy is followed while it is trained."""

from __future__ import annotations

from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from meta_envs.agents.agent import Agent
from meta_envs.errors import Unsolvable
from meta_envs.family import Array
from meta_envs.learners.learner import Learner
from meta_envs.learners.returns import record
from meta_envs.registry import make_family
from meta_envs.solvers.dispatch import solve
from meta_envs.training.run import Run, afford

MOST = 500
"""Lifetimes of an evaluation, at most."""
SHARE = 0.1
"""Steps of all evaluations, beside those of the training; without backward passes they cost a small part of that."""


class HeldOut:
    """Lifetimes that no training and no final evaluation sees: the same ones, with the same chance, each time.

    So a curve is smooth, and two evaluations differ by little else than the policy. They are the first of those by
    which an agent's play is chosen at the end. No global random stream is touched.

    Args:
        run: The training run.
        seeds: Some of the lifetimes, as many as are worth their time.
    """

    def __init__(self, run: Run, seeds: range) -> None:
        self._run, self._family = run, make_family(run.id, **run.keywords)
        preset = run.preset
        num = afford(SHARE, preset.steps, max(preset.evaluations, 1) * self._family.horizon)
        self._seeds = seeds[: min(num, MOST)]

    def evaluate(self, policy: RecurrentActorCriticPolicy) -> Array:
        """Expected returns (num,) of a policy as it is now, in sampled play."""
        agent = Agent.from_policy(policy, self._family, self._run.preset.network, self._run.card)
        agent.play = "sampled"
        return self._live(agent)

    def scale(self) -> tuple[Array, float] | None:
        """Returns (num,) that have the score 0, and how far above it is 1; None where they are not quick to have.

        They are where a lifetime has no more steps than with the id's own keywords, and the same actions. Score 1 is
        what the optimal learner has in a lifetime, with its chance (where the optimum is only bounded, what the learner
        that comes near it has, and what it lacks of the bound); score 0 is as far below as random play is in the mean.
        """
        usual = make_family(self._run.id)
        if self._family.horizon > usual.horizon or self._family.action_space != usual.action_space:
            return None
        try:
            optimum = solve(self._family)
        except Unsolvable:
            return None
        if optimum.unit is None:
            return None
        best = self._live(optimum.policy) + optimum.value - optimum.achieved
        return best - optimum.unit, optimum.unit

    def _live(self, learner: Learner) -> Array:
        (found,) = record([learner], self._family, self._seeds, self._seeds.start)
        return found.expected
