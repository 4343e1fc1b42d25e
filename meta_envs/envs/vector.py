"""The class that faces Gymnasium for many copies of any task family at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from meta_envs.arguments import require_whole
from meta_envs.envs.actions import Actions
from meta_envs.envs.advice import Advice
from meta_envs.envs.arguments import JsonSpec, check_render_mode, check_task, list_seeds, take_options
from meta_envs.envs.single import RENDER_FPS
from meta_envs.family import Array, Observation, TaskFamily
from meta_envs.lifetimes.beliefs import Belief, first_belief, follow_belief
from meta_envs.lifetimes.chance import Streams
from meta_envs.lifetimes.many import make_lifetimes, pick, put, take
from meta_envs.limits import require_room
from meta_envs.registry import build_family
from meta_envs.rendering import Trace, find_painter

if TYPE_CHECKING:
    from meta_envs.rendering.viewer import Viewer

RENDER_MODES = ["rgb_array", "ansi"]


class MetaVectorEnv(JsonSpec, VectorEnv[Any, Any, Any]):
    """Many copies of a task family at once. Copy ``i`` is the `MetaEnv` that is seeded with ``seed + i``, bit for bit.

    Args:
        family: The task family, or its place ``"module:Class"``.
        num_envs: Copies.
        autoreset_mode: "SameStep", "NextStep" or "Disabled" (then `reset` with ``options={"reset_mask": ...}``).
        render_mode: None, "rgb_array" or "ansi".
        **keywords: Values of the family's fields, where it is given by its place.

    Raises:
        TypeError: If the family has no such keyword.
        ValueError: If a keyword's value makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012

    def __init__(
        self,
        family: TaskFamily | str,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = "SameStep",
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        self.family = build_family(family, **keywords) if isinstance(family, str) else family
        self.num_envs = require_whole("num_envs", num_envs, 1)
        require_room(self.family, self.num_envs)
        try:
            self._mode = AutoresetMode(autoreset_mode)
        except ValueError:
            known = ", ".join(mode.value for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode={autoreset_mode!r} is not possible: it is one of {known}.") from None
        self.metadata = {**self.metadata, "autoreset_mode": self._mode, "render_fps": find_painter(self.family).fps}
        self.render_mode = check_render_mode(render_mode, RENDER_MODES)
        self.single_action_space = self.family.action_space
        self.single_observation_space = self.family.observation_space
        self._actions = Actions(self.single_action_space, self.num_envs)
        self.action_space = self._actions.space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._everyone = np.arange(self.num_envs)
        self._lifetimes = make_lifetimes(self.family, self.num_envs)
        self._streams = Streams(self.num_envs, self.family.num_chance)
        self._begun = False
        # Copies whose lifetime is over (num_envs,) bool, or None where all go on.
        self._over: Array | None = None
        self._advice = Advice(self.family, self.num_envs)
        self._belief: Belief | None = None
        self._traces: list[Trace] = []
        self._viewer: Viewer | None = None
        if render_mode:
            from meta_envs.rendering.viewer import Viewer

            self._viewer = Viewer(self.family)

    @property
    def task(self) -> Array:
        """The hidden tasks (num_envs, T): privileged information, a copy.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if not self._begun:
            raise ResetNeeded("There are no tasks yet: call reset() first.")
        return self._lifetimes.task.copy()

    @property
    def alive(self) -> Array:
        """Which copies' lifetimes go on (num_envs,) bool, a copy.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if not self._begun:
            raise ResetNeeded("There are no lifetimes yet: call reset() first.")
        return np.ones(self.num_envs, dtype=bool) if self._over is None else ~self._over

    @property
    def best_action(self) -> Array | None:
        """The oracle's actions now (num_envs,), 0 after the end; None where they are not known.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        return self._advice.best_action(self.task, self._lifetimes.state(), self._lifetimes.steps, self.alive)

    @property
    def expected_rewards(self) -> Array | None:
        """Mean rewards of the next step (num_envs, A) float64, by action, 0 after the end; None where unknown.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        return self._advice.expected_rewards(self.task, self._lifetimes.state(), self.alive)

    @property
    def belief(self) -> Array | None:
        """The ideal learner's beliefs now (num_envs, D), in the family's form; None without such a learner.

        Raises:
            gymnasium.error.ResetNeeded: If it was not followed from the last `reset` of every copy on.
        """
        belief = self._belief
        if belief is None and first_belief(self.family) is None:
            return None
        if belief is None or not belief.known.all():
            raise ResetNeeded("The beliefs are followed when asked: call follow_belief() and then reset().")
        return belief.now.copy()

    def follow_belief(self) -> Belief | None:
        """Follow the ideal learner's beliefs from the next `reset` on; None where there is no such learner."""
        if self._belief is None:
            self._belief = follow_belief(self.family, self.num_envs)
        return self._belief

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The copies' seeds; -1 for a copy that has none yet."""
        return tuple(self._streams.seeds)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin lifetimes in fresh tasks.

        Args:
            seed: Copy ``i`` is seeded with ``seed + i``, or with ``seed[i]``; None goes on with the generators.
            options: ``{"task": (T,) or (num_envs, T)}`` fixes the tasks; ``{"reset_mask": (num_envs,) bool}`` resets
                only the copies marked True. Never modified.

        Raises:
            ValueError: If an option is unknown or of the wrong shape, a task is not in the prior's support, or there
                are not ``num_envs`` seeds; nothing is changed then.
        """
        taken = take_options(options, ("task", "reset_mask"))
        index = self._check_mask(taken.get("reset_mask"))
        task = check_task(self.family, taken.get("task"), (self.num_envs,))
        seeds = list_seeds(seed, self.num_envs)
        self._streams.seed(index.tolist(), [seeds[copy] for copy in index])
        self._begin(index, None if task is None else task[index])
        return self._lifetimes.observe(), {}

    def _check_mask(self, mask: Any) -> Array:
        if mask is None:
            return self._everyone
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"reset_mask={mask!r} is not possible: give a boolean array ({self.num_envs},) with a True in it."
            )
        if not self._begun and not mask.all():
            raise ValueError(f"reset_mask={mask!r} leaves copies that never began: reset all of them first.")
        return np.flatnonzero(mask)

    def _begin(self, index: Array, task: Array | None = None) -> None:
        self._lifetimes.begin(index, self._streams.draw(index), task)
        self._begun = True
        if self._over is not None:
            self._over[index] = False
            self._over = self._over if self._over.any() else None
        if self._belief is not None:
            self._belief.begin(index, self._lifetimes.state())
        if self._viewer is not None:
            state = self._lifetimes.state()
            self._traces = self._traces or [Trace(self._lifetimes.task[copy], []) for copy in self._everyone]
            for copy in index:
                self._traces[copy] = Trace(self._lifetimes.task[copy].copy(), [state[copy].copy()])

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take one action a copy.

        Args:
            actions: (num_envs,) integers for discrete actions; with "NextStep", those of copies whose lifetime is over
                are ignored.

        Returns:
            Observations (num_envs, ...), rewards (num_envs,) float64, terminations and truncations (num_envs,) bool,
            and infos: with "SameStep", "final_obs" and "final_info" of the copies whose lifetime ended, as Gymnasium's
            `SyncVectorEnv` gives them.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`, and with "Disabled" if a copy's lifetime is over.
            gymnasium.error.InvalidAction: If an action is not in the action space; nothing is changed then.
        """
        if not self._begun:
            raise ResetNeeded("There are no lifetimes yet: call reset() first.")
        waiting = self._over
        actions = self._actions.many(actions, waiting if self._mode is AutoresetMode.NEXT_STEP else None)
        if waiting is not None and self._mode is AutoresetMode.DISABLED:
            copies = np.flatnonzero(waiting).tolist()
            raise ResetNeeded(
                f'The lifetimes of copies {copies} are over: reset them with options={{"reset_mask": ...}}.'
            )
        outcome, reward, terminated = self._lifetimes.step(actions)
        if self._belief is not None:
            self._belief.follow(actions, outcome, self._lifetimes.state())
        if self._viewer is not None:
            state = self._lifetimes.state().copy()
            for trace, *event in zip(self._traces, actions, outcome, state, reward, terminated, strict=True):
                trace.add(*event)
        if waiting is not None:
            reward[waiting], terminated[waiting] = 0.0, False
            self._begin(np.flatnonzero(waiting))
        observation = self._lifetimes.observe()
        infos: dict[str, Any] = {}
        if np.count_nonzero(terminated) == 0:
            self._over = None
        elif self._mode is not AutoresetMode.SAME_STEP:
            self._over = terminated.copy()
        else:
            infos = _final_infos(observation, terminated)
            ended = np.flatnonzero(terminated)
            self._begin(ended)  # Only the newborn are observed again: images cost more than all else.
            put(observation, ended, self._lifetimes.observe(ended))
        return observation, reward, terminated, np.zeros(self.num_envs, dtype=bool), infos

    def render(self) -> tuple[Any, ...] | None:
        """One picture (height, width, 3) uint8 or text a copy.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        if self._viewer is None:
            gym.logger.warn('render() needs a render mode: make the environment with render_mode="rgb_array".')
            return None
        if not self._traces:
            raise ResetNeeded("There is nothing to render yet: call reset() first.")
        return tuple(self._viewer.show(trace, self.render_mode) for trace in self._traces)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if there is one."""
        if self._viewer is not None:
            self._viewer.close()


def _final_infos(observation: Observation, ended: Array) -> dict[str, Any]:
    final = np.full(len(ended), None, dtype=object)
    index = np.flatnonzero(ended)
    last = take(observation, index)
    for place, copy in enumerate(index.tolist()):
        final[copy] = pick(last, place)
    return {"final_obs": final, "_final_obs": ended.copy(), "final_info": {}, "_final_info": ended.copy()}
