"""Privileged information in ``info``: task, oracle's action and belief, for teachers, critics, probes and debugging."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs


class Privileged(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds to ``info`` what is hidden from the learner; observations, rewards and ends stay as they are.

    All of it is about the state that the environment is in now, before the next action:

    - ``task``: the hidden task (T,) float64;
    - ``best_action``: the oracle's action, the lowest of equally good ones;
    - ``expected_rewards``: mean rewards of the next step (A,) float64, by action;
    - ``belief``: the ideal learner's belief (D,) after all that happened since the last reset, in the form that the
      family documents at ``update_belief`` or ``read_belief``.

    A key is left out where its value is not known. At the end of a lifetime there is no next action: ``task`` and
    ``belief`` stay, the two others are left out.

    Args:
        env: An environment of this package, wrapped or not.

    Raises:
        ValueError: If the environment is of another package.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        from meta_envs.envs.single import MetaEnv

        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        base = env.unwrapped
        if not isinstance(base, MetaEnv):
            raise ValueError(f"Nothing privileged is known of {env}: wrap an environment of this package.")
        self._base = base
        self._belief = base.follow_belief()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a lifetime."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, **self._read()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, **self._read()}

    def _read(self) -> dict[str, Any]:
        base = self._base
        info = {
            "task": base.task,
            "best_action": base.best_action,
            "expected_rewards": base.expected_rewards,
            "belief": None if self._belief is None or not self._belief.known[0] else base.belief,
        }
        return {key: value for key, value in info.items() if value is not None}
