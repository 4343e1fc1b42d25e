"""The class that faces Gymnasium for one copy of any task family; `meta_envs.envs.vector` has the one for many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from meta_envs.envs.actions import Actions
from meta_envs.envs.advice import Advice
from meta_envs.envs.arguments import JsonSpec, check_render_mode, check_seed, check_task, take_options
from meta_envs.family import Array, TaskFamily
from meta_envs.lifetimes.beliefs import Belief, first_belief, follow_belief
from meta_envs.lifetimes.one import make_lifetime
from meta_envs.limits import require_room
from meta_envs.registry import build_family
from meta_envs.rendering import Trace, find_painter

if TYPE_CHECKING:
    from meta_envs.rendering.viewer import Viewer

RENDER_MODES = ["human", "rgb_array", "ansi"]
RENDER_FPS = 4
"""Pictures a second; families whose painter says otherwise have their own."""


class MetaEnv(JsonSpec, gym.Env[Any, Any]):
    """One copy of a task family: every `reset` draws a fresh task from the prior, an episode is one lifetime in it.

    Args:
        family: The task family, or its place ``"module:Class"``.
        render_mode: None, "human", "rgb_array" or "ansi".
        **keywords: Values of the family's fields, where it is given by its place.

    Raises:
        TypeError: If the family has no such keyword.
        ValueError: If a keyword's value makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012

    def __init__(self, family: TaskFamily | str, *, render_mode: str | None = None, **keywords: Any) -> None:
        self.family = build_family(family, **keywords) if isinstance(family, str) else family
        require_room(self.family)
        self.render_mode = check_render_mode(render_mode, RENDER_MODES)
        self.metadata = {**self.metadata, "render_fps": find_painter(self.family).fps}
        self.action_space = self.family.action_space
        self.observation_space = self.family.observation_space
        self._actions = Actions(self.action_space)
        self._lifetime = make_lifetime(self.family)
        self._over = True
        self._advice = Advice(self.family, 1)
        self._belief: Belief | None = None
        self._trace: Trace | None = None
        self._viewer: Viewer | None = None
        if render_mode:
            from meta_envs.rendering.viewer import Viewer

            self._viewer = Viewer(self.family)

    @property
    def task(self) -> Array:
        """The hidden task (T,): privileged information, a copy.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if self._lifetime.task is None:
            raise ResetNeeded("There is no task yet: call reset() first.")
        return self._lifetime.task.copy()

    @property
    def state(self) -> Array:
        """The state (S,): privileged information, a copy; after the end of a lifetime its last one.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if self._lifetime.task is None:
            raise ResetNeeded("There is no state yet: call reset() first.")
        return self._lifetime.state()

    @property
    def best_action(self) -> int | None:
        """The oracle's action now; None where it is not known, and when the lifetime is over.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        task, state, alive = self.task[None], self._lifetime.state()[None], np.array([not self._over])
        best = self._advice.best_action(task, state, np.array([self._lifetime.steps]), alive)
        return None if self._over or best is None else int(best[0])

    @property
    def expected_rewards(self) -> Array | None:
        """Mean rewards of the next step (A,) float64, by action; None where unknown, and after the end.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        task, state, alive = self.task[None], self._lifetime.state()[None], np.array([not self._over])
        expected = self._advice.expected_rewards(task, state, alive)
        return None if self._over or expected is None else expected[0]

    @property
    def belief(self) -> Array | None:
        """The ideal learner's belief now (D,), in the family's form; None where there is no such learner.

        Raises:
            gymnasium.error.ResetNeeded: If it was not followed from the last `reset` on.
        """
        belief = self._belief
        if belief is None and first_belief(self.family) is None:
            return None
        if belief is None or not belief.known[0]:
            raise ResetNeeded("The belief is followed when asked: call follow_belief() and then reset().")
        return belief.now[0].copy()

    def follow_belief(self) -> Belief | None:
        """Follow the ideal learner's belief from the next `reset` on; None where there is no such learner."""
        if self._belief is None:
            self._belief = follow_belief(self.family, 1)
        return self._belief

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a lifetime in a fresh task.

        Args:
            seed: Seeds the generator ``np_random``; None goes on with it.
            options: ``{"task": (T,)}`` fixes the task; the lifetime's chance is the same as without.

        Raises:
            ValueError: If an option is unknown, the task is not in the prior's support, or the seed is no whole number;
                nothing is changed then.
        """
        task = check_task(self.family, take_options(options, ("task",)).get("task"), ())
        super().reset(seed=check_seed(seed))
        self._lifetime.begin(self.np_random.random(self.family.num_chance), task)
        self._over = False
        if self._belief is not None:
            self._belief.begin(np.array([0]), self._lifetime.state()[None])
        if self._viewer is not None:
            assert self._lifetime.task is not None
            self._trace = Trace(self._lifetime.task, [self._lifetime.state()])
            self._show()
        return self._lifetime.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset` and after the end of the lifetime.
            gymnasium.error.InvalidAction: If the action is not in the action space; nothing is changed then.
        """
        if self._over:
            raise ResetNeeded(
                "There is no lifetime yet: call reset() first."
                if self._lifetime.task is None
                else "This lifetime is over: call reset() to begin the next one."
            )
        action = self._actions.one(action)
        reward, terminated = self._lifetime.step(action)
        self._over = terminated
        if self._belief is not None:
            event = np.array([action]), np.array([self._lifetime.outcome])
            self._belief.follow(*event, self._lifetime.state()[None])
        if self._trace is not None:
            self._trace.add(action, self._lifetime.outcome, self._lifetime.state(), reward, terminated)
            self._show()
        return self._lifetime.observe(), reward, terminated, False, {}

    def render(self) -> Any:
        """The picture (height, width, 3) uint8, the text, or None after showing a window, as ``render_mode`` says.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if self._viewer is None:
            gym.logger.warn('render() needs a render mode: make the environment with render_mode="rgb_array".')
            return None
        if self._trace is None:
            raise ResetNeeded("There is nothing to render yet: call reset() first.")
        return self._viewer.show(self._trace, self.render_mode)

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._viewer is not None:
            self._viewer.close()
