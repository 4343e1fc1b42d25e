"""The mean reward of what was chosen, or its regret, in place of the drawn one: the same objective with less noise."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from meta_envs.family import TaskFamily
from meta_envs.lifetimes.tables import tabulate


class ExpectedReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Pays the mean reward of the chosen action in the hidden task, instead of what was drawn.

    The expected return of every learner stays what it is, so that the same behaviour is best, and a learning algorithm
    has less noise to average out. What the learner may see stays drawn: put this outside of `PreviousActionReward`,
    else the previous reward tells the hidden means. Wrappers that change actions or rewards go outside of this one.

    With ``regret`` it pays the mean reward of the chosen action less that of the best one, which is never above 0. What
    is taken away is the same whatever is done, so that the same behaviour is best: a control variate (Greensmith,
    Bartlett & Baxter 2004, section 3.2) that takes out how lucky a lifetime is in its arms, which no learner can tell.

    Args:
        env: An environment of this package, wrapped or not.
        regret: Whether to pay regret. Only of bandits, where no action changes what the next ones pay.

    Raises:
        ValueError: If the environment is of another package, its family does not know its mean rewards, or regret is
            to be paid and actions change the state.
    """

    def __init__(self, env: gym.Env[Any, Any], *, regret: bool = False) -> None:
        from meta_envs.envs.single import MetaEnv

        RecordConstructorArgs.__init__(self, regret=regret)
        gym.Wrapper.__init__(self, env)
        base = env.unwrapped
        require_means(base.family if isinstance(base, MetaEnv) else None, env, regret)
        self._base: Any = base
        self._regret = regret

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action."""
        means = self._base.expected_rewards
        observation, _, terminated, truncated, info = self.env.step(action)
        # After the end there are none: with Autoreset inside, this step has only begun anew.
        paid = 0.0 if means is None else float(means[action] - (np.max(means) if self._regret else 0.0))
        return observation, paid, terminated, truncated, info


def require_means(family: TaskFamily | None, env: Any, regret: bool) -> None:
    """Refuse an environment whose mean rewards are not known, or whose regret is not that of each action alone.

    Raises:
        ValueError: With the environment.
    """
    means = None
    if family is not None:
        chance = np.full((1, family.num_task_chance), 0.5)
        task = family.sample_task(chance)
        means = family.expected_rewards(task, family.initial_state(task, chance))
    if means is None:
        raise ValueError(
            f"Mean rewards are not known of {env}: wrap an environment of this package whose family tells them, and of "
            "vector environments a native one."
        )
    if regret and not is_bandit(family):
        raise ValueError(
            f"regret=True is not possible for {env}: there actions decide what the next ones pay, so that what is best "
            "is theirs too; regret is for bandits: leave it out."
        )


def is_bandit(family: TaskFamily | None) -> bool:
    """Whether no action changes what the next ones pay: the state, if there are several, goes on by itself."""
    tables = None if family is None else tabulate(family)
    if tables is None:
        return False
    following = tables.next_row.reshape(len(tables.states), -1)
    return bool(np.all(following == following[:, :1]))
