"""What watches a training run between two rollouts: evaluation, progress, checkpoints, early stop and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback

from meta_envs.intervals import mean_interval, standard_error
from meta_envs.training.checkpoint import save, writing
from meta_envs.training.held_out import HeldOut
from meta_envs.training.history import History
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.progress import Progress
from meta_envs.training.snapshot import Snapshots

if TYPE_CHECKING:
    from meta_envs.training.run import Run


IMPATIENT_SECONDS = 2.0
"""Ctrl-C again within this time is the same wish, said twice."""
POINTS = 500
"""Of the curve that an agent's card keeps, at most."""
NOISE = 2.0
"""Standard errors by which a return must be above the best before, to be better."""


Callbacks: TypeAlias = "BaseCallback | Callable[..., bool] | Sequence[BaseCallback | Callable[..., bool]] | None"
"""What `train` takes of Stable-Baselines3."""


def require_callbacks(callback: Callbacks) -> list[BaseCallback]:
    """Callbacks as a list; functions are made callbacks, as Stable-Baselines3 does.

    Raises:
        ValueError: If one of them is neither.
    """
    given: list[Any] = list(callback) if isinstance(callback, list | tuple) else [] if callback is None else [callback]
    for each in given:
        if not (isinstance(each, BaseCallback) or (callable(each) and not isinstance(each, type))):
            raise ValueError(
                f"callback={each!r} is not possible: give a BaseCallback of Stable-Baselines3, a function, or a list."
            )
    return [each if isinstance(each, BaseCallback) else ConvertCallback(each) for each in given]


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C, after the newest checkpoint was written or, at the run's end, the agent."""


class Plateau(Exception):
    """The held-out return has not risen for as many evaluations as the preset has patience."""


class Watch(BaseCallback):
    """All that happens between two rollouts, where everything that decides the rest of a run is at rest.

    Args:
        run: The run.
        history: What is known of it already; it is kept up to date.
        held_out: The lifetimes of its evaluations.
        snapshots: Keeps the weights along the run.
        checkpoint: Where checkpoints are written.
        seconds: Time between them.
        bar: Shows the progress, if any.

    Attributes:
        interrupted: Whether Ctrl-C was pressed.
        snapshots: As given.
    """

    def __init__(
        self,
        run: Run,
        history: History,
        held_out: HeldOut,
        snapshots: Snapshots,
        checkpoint: Path,
        seconds: float,
        bar: Progress | None,
    ) -> None:
        super().__init__()
        self._run, self.history, self._held_out, self.snapshots = run, history, held_out, snapshots
        self._checkpoint, self._seconds, self._bar = checkpoint, seconds, bar
        self._before, self._began, self._saved = history.spent, time.monotonic(), time.monotonic()
        self.interrupted = self._writes = False

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Let also the second Ctrl-C wait: what is being written takes a moment."""
        self._writes = True
        try:
            yield
        finally:
            self._writes = False

    def save(self, model: MetaRecurrentPPO) -> None:
        """Write a checkpoint."""
        with self.undisturbed():
            save(self._checkpoint, self._run.card, model, self.history)
        self._saved = time.monotonic()

    @contextmanager
    def catching_interrupts(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of the update, or for the agent; another one, not in haste, stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        first = float("inf")

        def interrupt(number: int, frame: Any) -> None:
            nonlocal first
            if self.interrupted and not self._writes and time.monotonic() - first > IMPATIENT_SECONDS:
                signal.signal(signal.SIGINT, former)
                raise self._abandoned()
            if not self.interrupted:
                print("\nStopping after this update; Ctrl-C once more abandons it.", file=sys.stderr)
                self.interrupted, first = True, time.monotonic()

        former = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)

    def _abandoned(self) -> KeyboardInterrupt:
        said = f"Abandoned at step {self.num_timesteps:,}"
        if self._checkpoint.is_file():
            return TrainingStopped(f"{said}; the last checkpoint is {self._checkpoint}.")
        return KeyboardInterrupt(f"{said}, before the first checkpoint.")

    def _on_training_start(self) -> None:
        if self._run.preset.evaluations and self.history.scale is None and not self.history.held_out:
            self.history.scale = self._held_out.scale()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        value = self.logger.name_to_value.get("rollout/lifetime_return_mean")
        history = self.history
        if value is not None:
            history.newest.append(float(value))
            if self._passes(POINTS, history.rollouts):
                history.rollouts.append([self.num_timesteps, round(float(np.mean(history.newest)), 4)])
                history.newest = []
        if self._bar is not None:
            scored = history.scale is not None
            self._bar.update(min(self.num_timesteps, self._run.preset.steps), value, history.interval, scored)
        assert isinstance(self.model, MetaRecurrentPPO)
        self._run.go_on(self.model)

    def _on_rollout_start(self) -> None:
        self._look()
        if self.interrupted or time.monotonic() - self._saved > self._seconds:
            assert isinstance(self.model, MetaRecurrentPPO)
            self.save(self.model)
        if self.interrupted:
            raise TrainingStopped(f"Stopped at step {self.num_timesteps:,}; the checkpoint is {self._checkpoint}.")
        patience = self._run.preset.patience
        if patience is not None and self.history.waited >= patience:
            raise Plateau

    def _on_training_end(self) -> None:
        self._look()

    def _look(self) -> None:
        """Look at what the newest update has made of the policy."""
        self.history.spent = self._before + time.monotonic() - self._began
        if not all(bool(weights.isfinite().all()) for weights in self.model.policy.parameters()):
            raise FloatingPointError(
                f"The weights are not finite after the update at step {self.num_timesteps:,}: lower the learning rate."
            )
        if self._passes(self._run.preset.evaluations, self.history.held_out):
            self._evaluate()
        assert isinstance(self.model, MetaRecurrentPPO)
        with self.undisturbed():
            self.snapshots.look(self.model)
        # So that losses have the step of their own rollout, and none is pending when a checkpoint is written.
        with writing(self._checkpoint.parent, self.model):
            self.logger.dump(self.num_timesteps)

    def _passes(self, shares: int, points: Sequence[Sequence[float | None]]) -> bool:
        """Whether another of so many equal shares of the run's steps is done since the last of the points."""
        steps, last = self._run.preset.steps, points[-1][0] if points else 0
        assert last is not None
        return min(self.num_timesteps, steps) * shares // steps > last * shares // steps

    def _evaluate(self) -> None:
        history = self.history
        assert isinstance(self.model, MetaRecurrentPPO)
        returns = self._held_out.evaluate(self.model.policy)
        mean, score, shown = float(np.mean(returns)), None, returns
        self.logger.record("eval/return", mean)
        if history.scale is not None:
            # Lifetime by lifetime beside the optimum, whose luck is the same.
            lowest, unit = history.scale
            shown = (returns - lowest) / unit
            score = float(np.mean(shown))
            self.logger.record("eval/score", score)
        history.interval = mean_interval(shown)
        history.held_out.append([self.num_timesteps, round(mean, 4), None if score is None else round(score, 4)])
        # Both are on common random numbers, so that the noise is that of the differences.
        gain = returns if history.best is None else returns - history.best
        if history.best is None or np.mean(gain) > NOISE * standard_error(gain):
            history.best, history.waited = returns, 0
        elif self._run.stage_at(self.num_timesteps) == len(self._run.preset.curriculum):
            history.waited += 1
