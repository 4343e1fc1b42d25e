"""A training run: from an id and a preset to an agent file, through checkpoints from which it goes on exactly."""

from __future__ import annotations

import importlib
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch as th
from stable_baselines3.common.callbacks import BaseCallback

from meta_envs import __version__, make_family
from meta_envs.training.agent import Agent, choose_play, describe_interface, load_agent
from meta_envs.training.checkpoint import refuse_another_run, restore, save
from meta_envs.training.policy import LstmPolicy
from meta_envs.training.ppo import MetaRecurrentPPO
from meta_envs.training.presets import Preset, preset_of
from meta_envs.training.progress import Progress
from meta_envs.wrappers import SB3VecEnv, vector

SEED_SPACING = 1 << 12
"""Copy i of a run uses the run's first seed + i, and runs do not overlap."""
CHOOSING_SEED = 1 << 31
"""Training seeds are below; lifetimes by which an agent's play is chosen begin here, those of evaluation at 2**32."""


IMPATIENT_SECONDS = 2.0
"""Ctrl-C again within this time is the same wish, said twice."""


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C, after the newest checkpoint was written or, at the run's end, the agent."""


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
        describe_interface(make_family(self.id, **self.keywords), self.preset.inputs)
        runs = CHOOSING_SEED // SEED_SPACING
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < runs:
            raise ValueError(f"seed={self.seed!r} is not possible: give a whole number from 0 to {runs - 1}.")
        if self.preset.num_envs > SEED_SPACING:
            raise ValueError(f"num_envs={self.preset.num_envs} is not possible: give at most {SEED_SPACING}.")
        try:
            json.dumps(self.keywords)
        except TypeError as error:
            raise ValueError(f"keywords={self.keywords} are not possible: give plain numbers and strings.") from error

    @property
    def card(self) -> dict[str, Any]:
        """The same as it stands in an agent's card, JSON."""
        card = {"id": self.id, "keywords": self.keywords, "seed": self.seed, "preset": asdict(self.preset)}
        return dict(json.loads(json.dumps(card)))

    def make_env(self) -> SB3VecEnv:
        """The copies, with the history that the agent sees."""
        venv = gym.make_vec(self.id, num_envs=self.preset.num_envs, **self.keywords)
        env = SB3VecEnv(vector.PreviousActionReward(venv, **self.preset.inputs))
        env.seed(self.seed * SEED_SPACING)
        return env

    def make_model(self, env: SB3VecEnv) -> MetaRecurrentPPO:
        """RecurrentPPO as the preset has it."""
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
            policy_kwargs=preset.network,
            seed=self.seed,
            device="cpu",
        )
        # The model's own seed() is for its generators; the copies have seeds that no other run uses.
        env.seed(self.seed * SEED_SPACING)
        return model


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
        id: The environment, such as ``"MetaBandit-Dependent-v0"``, also ``"module:id"``.
        seed: Of the run, at least 0, below 2**19.
        directory: Where checkpoint and agent are written; by default ``runs/<id>/seed-<seed>``.
        keywords: Values of the environment's keywords, as `gymnasium.make` takes them.
        resume: Go on from the directory's checkpoint, which has to be of the same run. A finished one is left as it
            is.
        overwrite: Begin anew where the directory holds a run already; what is there stays until the first checkpoint
            and the agent replace it.
        progress: Show a progress bar.
        checkpoint_seconds: Time between checkpoints.
        **settings: Values of the preset's settings, such as ``steps=100_000`` or ``reward=False``.

    Returns:
        The path of the agent, ``directory/agent.safetensors``.

    Raises:
        gymnasium.error.Error: If there is no such id.
        ValueError: If a setting makes no sense, the directory holds a run and neither ``resume`` nor ``overwrite``
            says what to do with it, or it is another run that is to be resumed.
        TrainingStopped: After Ctrl-C, with the newest checkpoint written; at the end of the run with the agent.
        FloatingPointError: If the loss is not finite; the last checkpoint stays.
    """
    module, _, id = id.rpartition(":")
    if module:
        importlib.import_module(module)
    run = Run(id=id, seed=seed, keywords=keywords or {}, preset=preset_of(id, **settings))
    directory = Path(directory or Path("runs") / id / f"seed-{seed}")
    checkpoint, agent = directory / "checkpoint.pt", directory / "agent.safetensors"
    if resume and agent.exists() and not checkpoint.exists():
        refuse_another_run(agent, load_agent(agent).card, run.card)
        return agent
    if not resume and not overwrite and (checkpoint.exists() or agent.exists()):
        raise ValueError(f"{directory} holds a run already: resume it, overwrite it, or choose another directory.")
    with _one_thread():
        model, spent, curve = restore(checkpoint, run) if resume else (run.make_model(run.make_env()), 0.0, [])
        for partial in directory.glob(f".{checkpoint.name}.*"):  # left behind by a kill
            partial.unlink()
        with Progress(run.preset.steps, f"{run.id} seed {run.seed}") if progress else nullcontext() as bar:
            watch = _Watch(run, checkpoint, spent, curve, checkpoint_seconds, bar)
            with watch.catching_interrupts():
                remaining = run.preset.steps - model.num_timesteps
                if remaining > 0:
                    model.learn(remaining, callback=watch, reset_num_timesteps=False)
                _finish(run, model, watch, agent)
        checkpoint.unlink(missing_ok=True)
    if watch.interrupted:
        raise TrainingStopped(f"Stopped at the end of the run; the agent is {agent}.")
    return agent


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch with one thread: the networks are small, more cost more than they bring, and change the last bits."""
    threads = th.get_num_threads()
    th.set_num_threads(1)
    try:
        yield
    finally:
        th.set_num_threads(threads)


def _finish(run: Run, model: MetaRecurrentPPO, watch: _Watch, path: Path) -> None:
    """Write the agent."""
    card = {
        **run.card,
        "steps": model.num_timesteps,
        "wall_seconds": round(watch.spent(), 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {"meta-envs": __version__, "torch": th.__version__.split("+")[0], "gymnasium": gym.__version__},
        "curve": watch.curve,
    }
    family = make_family(run.id, **run.keywords)
    agent = Agent.from_policy(model.policy, family, run.preset.network, card)
    choose_play(agent, family, CHOOSING_SEED + run.seed * SEED_SPACING, SEED_SPACING)
    agent.save(path)


class _Watch(BaseCallback):
    """Progress, checkpoints and Ctrl-C, all between two rollouts."""

    def __init__(
        self, run: Run, checkpoint: Path, spent: float, curve: list[list[float]], seconds: float, bar: Progress | None
    ) -> None:
        super().__init__()
        self._run, self._checkpoint, self._seconds = run, checkpoint, seconds
        self.curve = curve
        self._before, self._began, self._saved = spent, time.monotonic(), time.monotonic()
        self._bar = bar
        self.interrupted = False

    def spent(self) -> float:
        """Seconds of training, those before a checkpoint included."""
        return self._before + time.monotonic() - self._began

    @contextmanager
    def catching_interrupts(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of the update, or for the agent; another one, not in haste, stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        first = float("inf")

        def interrupt(number: int, frame: Any) -> None:
            nonlocal first
            if self.interrupted and time.monotonic() - first > IMPATIENT_SECONDS:
                signal.signal(signal.SIGINT, former)
                raise KeyboardInterrupt
            if not self.interrupted:
                print("\nStopping after this update; Ctrl-C once more abandons it.", file=sys.stderr)
                self.interrupted, first = True, time.monotonic()

        former = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        value = self.model.logger.name_to_value.get("rollout/lifetime_return_mean")
        if value is not None:
            self.curve.append([self.num_timesteps, round(float(value), 4)])
        if self._bar is not None:
            self._bar.update(min(self.num_timesteps, self._run.preset.steps), value)

    def _on_rollout_start(self) -> None:
        # Here, and only here, everything that decides the rest of the run is at rest.
        if self.interrupted or time.monotonic() - self._saved > self._seconds:
            assert isinstance(self.model, MetaRecurrentPPO)
            save(self._checkpoint, self._run, self.model, self.spent(), self.curve)
            self._saved = time.monotonic()
        if self.interrupted:
            raise TrainingStopped(f"Stopped at step {self.num_timesteps:,}; the checkpoint is {self._checkpoint}.")
