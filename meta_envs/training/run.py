"""A training run: from an id and a preset to an agent file, through checkpoints from which it goes on exactly."""

from __future__ import annotations

import io
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch as th
from stable_baselines3.common.callbacks import BaseCallback

from meta_envs import __version__, make_family
from meta_envs.files import write_atomically
from meta_envs.training.agent import Agent, choose_play
from meta_envs.training.policy import LstmPolicy
from meta_envs.training.ppo import MetaRecurrentPPO
from meta_envs.training.presets import Preset, preset_of
from meta_envs.training.progress import Progress
from meta_envs.wrappers import SB3VecEnv, vector

SEED_SPACING = 1 << 12
"""Copy i of a run uses the run's first seed + i, and runs do not overlap."""
CHOOSING_SEED = 1 << 31
"""Training seeds are below; lifetimes by which an agent's play is chosen begin here, those of evaluation at 2**32."""


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C, after the newest checkpoint was written."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What decides a training run, and with it the agent.

    Args:
        id: The environment.
        seed: At least 0, below 2**19.
        keywords: Values of the environment's keywords.
        preset: The settings; by default those of the id.
    """

    id: str
    seed: int = 1
    keywords: dict[str, Any] = field(default_factory=dict)
    preset: Preset

    def __post_init__(self) -> None:
        """Refuse nonsense before anything is written."""
        make_family(self.id, **self.keywords)
        runs = CHOOSING_SEED // SEED_SPACING
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < runs:
            raise ValueError(f"seed={self.seed!r} is not possible: give a whole number from 0 to {runs - 1}.")
        if self.preset.num_envs > SEED_SPACING:
            raise ValueError(f"num_envs={self.preset.num_envs} is not possible: give at most {SEED_SPACING}.")

    def make_env(self) -> SB3VecEnv:
        """The copies, with the history that the agent sees."""
        venv = gym.make_vec(self.id, num_envs=self.preset.num_envs, **self.keywords)
        env = SB3VecEnv(vector.PreviousActionReward(venv, **self.preset.inputs))
        env.seed(self.seed * SEED_SPACING)
        return env

    def make_model(self, env: SB3VecEnv) -> MetaRecurrentPPO:
        """RecurrentPPO with a policy whose heads are linear in the LSTM's output, as in the paper."""
        preset = self.preset
        lifetimes = preset.num_envs * preset.lifetimes
        horizon = make_family(self.id, **self.keywords).horizon
        model = MetaRecurrentPPO(
            LstmPolicy,
            env,
            n_steps=preset.lifetimes * horizon,
            batch_size=lifetimes // preset.minibatches * horizon,
            n_epochs=preset.epochs,
            learning_rate=lambda progress: preset.learning_rate * progress,
            ent_coef=lambda progress: preset.entropy_end + (preset.entropy - preset.entropy_end) * progress,
            gamma=preset.gamma,
            gae_lambda=preset.gae_lambda,
            vf_coef=preset.value_weight,
            clip_range=preset.clip_range,
            policy_kwargs=policy_settings(preset),
            seed=self.seed,
            device="cpu",
        )
        # The model's own seed() is for its generators; the copies have seeds that no other run uses.
        env.seed(self.seed * SEED_SPACING)
        return model


def policy_settings(preset: Preset) -> dict[str, Any]:
    """Keyword arguments of `LstmPolicy` that a preset decides."""
    return {"lstm_hidden_size": preset.hidden_size, "shared_memory": preset.shared_memory, "net_arch": []}


def train(
    id: str,
    *,
    seed: int = 1,
    directory: str | Path | None = None,
    keywords: dict[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    checkpoint_seconds: float = 10.0,
    **settings: Any,
) -> Path:
    """Train an agent and write it to a file.

    The same run gives the same agent, whether or not it was interrupted and resumed.

    Args:
        id: The environment, such as ``"MetaBandit-Dependent-v0"``.
        seed: Of the run, at least 0, below 2**19.
        directory: Where checkpoint and agent are written; by default ``runs/<id>/seed-<seed>``.
        keywords: Values of the environment's keywords, as `gymnasium.make` takes them.
        resume: Go on from the directory's checkpoint, with its settings.
        overwrite: Begin anew where the directory holds a run already.
        progress: Show a progress bar.
        checkpoint_seconds: Time between checkpoints.
        **settings: Values of the preset's settings, such as ``steps=100_000`` or ``reward=False``.

    Returns:
        The path of the agent, ``directory/agent.safetensors``.

    Raises:
        gymnasium.error.Error: If there is no such id.
        ValueError: If a setting makes no sense, or the directory holds a run and neither ``resume`` nor ``overwrite``
            says what to do with it.
        TrainingStopped: After Ctrl-C, with the newest checkpoint written.
        FloatingPointError: If the loss is not finite; the last checkpoint stays.
    """
    run = Run(id=id, seed=seed, keywords=keywords or {}, preset=preset_of(id, **settings))
    directory = Path(directory or Path("runs") / id / f"seed-{seed}")
    checkpoint, agent = directory / "checkpoint.pt", directory / "agent.safetensors"
    if resume and agent.exists() and not checkpoint.exists():
        return agent
    if not resume and not overwrite and (checkpoint.exists() or agent.exists()):
        raise ValueError(f"{directory} holds a run already: resume it, overwrite it, or choose another directory.")
    th.set_num_threads(1)  # The networks are small: threads cost more than they bring, and change the last bits.
    if resume:
        model, spent, curve = restore(checkpoint, run)
    else:
        checkpoint.unlink(missing_ok=True)
        model, spent, curve = run.make_model(run.make_env()), 0.0, []
    watch = _Watch(run, checkpoint, spent, curve, checkpoint_seconds, progress)
    remaining = run.preset.steps - model.num_timesteps
    if remaining > 0:
        with watch.catching_interrupts():
            model.learn(remaining, callback=watch, reset_num_timesteps=False)
    card = {
        "id": run.id,
        "keywords": run.keywords,
        "seed": run.seed,
        "preset": asdict(run.preset),
        "steps": model.num_timesteps,
        "wall_seconds": round(watch.spent(), 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {"meta-envs": __version__, "torch": th.__version__.split("+")[0], "gymnasium": gym.__version__},
        "curve": watch.curve,
    }
    trained = Agent.from_policy(model.policy, make_family(id, **run.keywords), policy_settings(run.preset), card)
    choose_play(trained, make_family(id, **run.keywords), CHOOSING_SEED + run.seed * SEED_SPACING)
    trained.save(agent)
    checkpoint.unlink(missing_ok=True)
    return agent


class _Watch(BaseCallback):
    """Progress, checkpoints and Ctrl-C, all between two rollouts."""

    def __init__(
        self, run: Run, checkpoint: Path, spent: float, curve: list[list[float]], seconds: float, progress: bool
    ) -> None:
        super().__init__()
        self._run, self._checkpoint, self._seconds = run, checkpoint, seconds
        self.curve = curve
        self._before, self._began, self._saved = spent, time.monotonic(), time.monotonic()
        self._progress = Progress(run.preset.steps, f"{run.id} seed {run.seed}") if progress else None
        self._interrupted = False

    def spent(self) -> float:
        """Seconds of training, those before a checkpoint included."""
        return self._before + time.monotonic() - self._began

    @contextmanager
    def catching_interrupts(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of the update; a second one stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: Any) -> None:
            self._interrupted = True
            signal.signal(signal.SIGINT, former)

        former = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)
            if self._progress is not None:
                self._progress.close()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        value = self.model.logger.name_to_value.get("rollout/lifetime_return_mean")
        if value is not None:
            self.curve.append([self.num_timesteps, round(float(value), 4)])
        if self._progress is not None:
            self._progress.update(min(self.num_timesteps, self._run.preset.steps), value)

    def _on_rollout_start(self) -> None:
        # Here, and only here, everything that decides the rest of the run is at rest.
        if self._interrupted or time.monotonic() - self._saved > self._seconds:
            assert isinstance(self.model, MetaRecurrentPPO)
            save(self._checkpoint, self._run, self.model, self.spent(), self.curve)
            self._saved = time.monotonic()
        if self._interrupted:
            raise TrainingStopped(f"Stopped at step {self.num_timesteps:,}; the checkpoint is {self._checkpoint}.")


def save(path: Path, run: Run, model: MetaRecurrentPPO, spent: float, curve: list[list[float]]) -> None:
    """Write all that decides the rest of a run."""
    content = {
        "version": __version__,
        "run": run,
        "spent": spent,
        "curve": curve,
        "policy": model.policy.state_dict(),
        "optimizer": model.policy.optimizer.state_dict(),
        "counters": (model.num_timesteps, model._n_updates),
        "env": model.env,
        "last": (model._last_obs, model._last_episode_starts, model._last_lstm_states),
        "random": (th.get_rng_state(), np.random.get_state(), random.getstate()),
    }
    buffer = io.BytesIO()
    th.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def restore(path: Path, run: Run) -> tuple[MetaRecurrentPPO, float, list[list[float]]]:
    """The model as it was, the seconds spent and the learning curve.

    A checkpoint is a pickle: resume only those that you wrote yourself. (Agents are not.)

    Raises:
        ValueError: If there is no whole checkpoint, or it is of another run or version.
    """
    if not path.exists():
        raise ValueError(f"There is no checkpoint {path}: start the run without resuming.")
    try:
        content = th.load(path, weights_only=False)
    except Exception as error:
        raise ValueError(f"{path} is not a whole checkpoint ({type(error).__name__}): start the run anew.") from error
    if content["version"] != __version__:
        raise ValueError(
            f"{path} was written by version {content['version']}: resume it with that, this is {__version__}."
        )
    if content["run"] != run:
        raise ValueError(
            f"{path} belongs to another run, {content['run']}: resume with the same id, seed and settings."
        )
    model = run.make_model(content["env"])
    model.policy.load_state_dict(content["policy"])
    model.policy.optimizer.load_state_dict(content["optimizer"])
    model.num_timesteps, model._n_updates = content["counters"]
    model._last_obs, model._last_episode_starts, model._last_lstm_states = content["last"]
    torch_state, numpy_state, python_state = content["random"]
    th.set_rng_state(torch_state)
    np.random.set_state(numpy_state)
    random.setstate(python_state)
    return model, content["spent"], content["curve"]
