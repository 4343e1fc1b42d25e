"""A training run: from an id and a preset to an agent file, through checkpoints from which it goes on exactly."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import gymnasium as gym
import numpy as np
import torch as th

from meta_envs import __version__, make_family
from meta_envs.training.agent import PLAYS, Agent, choose_play, load_agent
from meta_envs.training.checkpoint import refuse_another_run, restore, save, writing
from meta_envs.training.curves import FILES, logging_curves, require_tensorboard
from meta_envs.training.held_out import HeldOut, afford
from meta_envs.training.interface import describe_interface
from meta_envs.training.policy import RecurrentPolicy
from meta_envs.training.ppo import MetaRecurrentPPO
from meta_envs.training.presets import KINDS, preset_of
from meta_envs.training.process import keep_memory, require_device, require_threads, threads_of_a_run
from meta_envs.training.progress import Progress
from meta_envs.training.settings import Preset
from meta_envs.training.watch import History, Plateau, TrainingStopped, Watch
from meta_envs.wrappers import SB3VecEnv, vector

SEED_SPACING = 1 << 12
"""Copy i of a run uses the run's first seed + i, and runs do not overlap."""
CHOOSING_SEED = 1 << 31
"""Training seeds are below, those of evaluation from 2**32 on. Those between, `SEED_SPACING` a run, are of lifetimes
by which a run is followed while it trains, and its agent's play chosen at the end."""
CHOOSING_SHARE = 0.3
"""Steps of that choice, beside those of the training; without backward passes they cost a small part of that."""


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
        for keywords in (self.keywords, *(easier for _, easier in self.preset.curriculum)):
            if not _is_table(keywords):
                raise ValueError(f"keywords={keywords!r} are not possible: give names with plain numbers and strings.")
        self._refuse_other_stages()
        runs = CHOOSING_SEED // SEED_SPACING
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < runs:
            raise ValueError(f"seed={self.seed!r} is not possible: give a whole number from 0 to {runs - 1}.")
        if self.preset.num_envs > SEED_SPACING:
            raise ValueError(f"num_envs={self.preset.num_envs} is not possible: give at most {SEED_SPACING}.")

    def _refuse_other_stages(self) -> None:
        family = make_family(self.id, **self.keywords)
        interface = describe_interface(family, self.preset.inputs)
        for _, easier in self.preset.curriculum:
            stage = make_family(self.id, **{**self.keywords, **easier})
            if stage.horizon != family.horizon or describe_interface(stage, self.preset.inputs) != interface:
                raise ValueError(
                    f"The stage {easier} of the curriculum has other lifetimes, observations or actions than {self.id} "
                    "itself: leave those keywords out."
                )

    @property
    def card(self) -> dict[str, Any]:
        """The same as it stands in an agent's card, JSON."""
        card = {"id": self.id, "keywords": self.keywords, "seed": self.seed, "preset": asdict(self.preset)}
        return dict(json.loads(json.dumps(card)))

    @property
    def choosing_seeds(self) -> range:
        """Of the lifetimes by which its agent's play is chosen, as many as are worth their time."""
        horizon = make_family(self.id, **self.keywords).horizon
        return self.held_out_seeds[: afford(CHOOSING_SHARE, self.preset.steps, len(PLAYS) * horizon)]

    @property
    def held_out_seeds(self) -> range:
        """Of the lifetimes by which the run is followed, and its agent's play chosen."""
        first = CHOOSING_SEED + self.seed * SEED_SPACING
        return range(first, first + SEED_SPACING)

    def stage_at(self, steps: int) -> int:
        """Stage of the curriculum after so many steps; the last one is the environment itself."""
        return sum(steps >= until * self.preset.steps for until, _ in self.preset.curriculum)

    def make_env(self, steps: int = 0) -> SB3VecEnv:
        """The copies, of the curriculum's stage after so many steps, with the history that the agent sees."""
        stages = [*(easier for _, easier in self.preset.curriculum), {}]
        keywords = {**self.keywords, **stages[self.stage_at(steps)]}
        venv = gym.make_vec(self.id, num_envs=self.preset.num_envs, **keywords)
        venv = vector.PreviousActionReward(venv, **self.preset.inputs)
        env = SB3VecEnv(vector.ExpectedReward(venv) if self.preset.expected_reward else venv)
        env.seed(self.seed * SEED_SPACING)
        return env

    def go_on(self, model: MetaRecurrentPPO) -> None:
        """At the end of a rollout, change the model's copies for those of the next stage, if it has come to that."""
        steps, rollout = model.num_timesteps, model.n_steps * model.n_envs
        if self.stage_at(steps) != self.stage_at(steps - rollout):
            model.set_env(self.make_env(steps))
            assert model.env is not None
            model._last_obs = model.env.reset()
            model._last_episode_starts = np.ones(model.n_envs, bool)

    def make_model(self, env: SB3VecEnv, device: str = "cpu") -> MetaRecurrentPPO:
        """RecurrentPPO as the preset has it."""
        preset, family = self.preset, make_family(self.id, **self.keywords)
        num_steps = preset.unroll or preset.lifetimes * family.horizon
        network: dict[str, Any] = dict(preset.network)
        if isinstance(env.observation_space, gym.spaces.Box):
            network["parts"] = describe_interface(family, preset.inputs)["inputs"]
        if preset.optimizer == "rmsprop":
            network |= {"optimizer_class": th.optim.RMSprop, "optimizer_kwargs": {"alpha": 0.99, "eps": 1e-5}}
        model = MetaRecurrentPPO(
            RecurrentPolicy,
            env,
            n_steps=num_steps,
            batch_size=preset.num_envs * num_steps // preset.minibatches,
            n_epochs=preset.epochs,
            learning_rate=_linear(preset.learning_rate, preset.learning_rate_end),
            ent_coef=_linear(preset.entropy, preset.entropy_end),
            gamma=preset.gamma if preset.gamma_end is None else _farther(preset.gamma, preset.gamma_end),
            gae_lambda=preset.gae_lambda,
            vf_coef=preset.value_weight,
            clip_range=preset.clip_range,
            normalize_advantage=preset.normalize_advantage,
            max_grad_norm=preset.max_grad_norm,
            policy_kwargs=network,
            seed=self.seed,
            device=device,
        )
        # The model's own seed() is for its generators; the copies have seeds that no other run uses.
        env.seed(self.seed * SEED_SPACING)
        return model


def _is_table(keywords: Any) -> bool:
    """Whether they are keywords that a card can hold."""
    try:
        json.dumps(keywords)
    except TypeError:
        return False
    return isinstance(keywords, dict) and all(isinstance(name, str) for name in keywords)


def _linear(start: float, end: float) -> Callable[[float], float]:
    """As a function of the progress remaining, from 1 to 0; below that, where the last rollout overshoots, as at 0."""
    return lambda remaining: end + (start - end) * max(remaining, 0.0)


def _farther(start: float, end: float) -> Callable[[float], float]:
    """Discounts whose horizons are equally far apart, as a function of the progress remaining, from 1 to 0."""
    horizon = _linear(1.0 / (1.0 - start), 1.0 / (1.0 - end))
    return lambda remaining: 1.0 - 1.0 / horizon(remaining)


def train(
    id: str,
    *,
    seed: int = 1,
    directory: str | Path | None = None,
    preset: str = "recommended",
    keywords: dict[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    tensorboard: bool = False,
    device: str = "cpu",
    threads: int = 1,
    checkpoint_seconds: float = 10.0,
    **settings: Any,
) -> Path:
    """Train an agent and write it to a file.

    The same run gives the same agent, whether or not it was interrupted and resumed.

    Args:
        id: The environment, such as ``"MetaBandit-Dependent-v0"``, also ``"module:id"``.
        seed: Of the run, at least 0, below 2**19.
        directory: Where checkpoint and agent are written; by default ``runs/<id>/seed-<seed>``.
        preset: "recommended", or "a2c": the paper's own algorithm and values.
        keywords: Values of the environment's keywords, as `gymnasium.make` takes them.
        resume: Go on from the directory's checkpoint, which has to be of the same run. A finished one is left as it
            is.
        overwrite: Begin anew where the directory holds a run already; what is there stays until the first checkpoint
            and the agent replace it, but for its curves.
        progress: Show a progress bar.
        tensorboard: Write curves for TensorBoard into the directory.
        device: Where the network is: "cpu", "cuda" or "cuda:1". On another one last bits differ, and so does the agent.
        threads: Of torch, on a CPU, at most 256. With two, agents that see images train 1.2 to 1.55 times as fast;
            others gain little. (Two memories, ``shared_memory=False``, have a thread each wherever there are two cores,
            and what they learn does not depend on it.) With another number last bits differ, and so does the agent.
        checkpoint_seconds: Time between checkpoints.
        **settings: Values of the preset's settings, such as ``steps=100_000`` or ``reward=False``.

    Returns:
        The path of the agent, ``directory/agent.safetensors``.

    Raises:
        gymnasium.error.Error: If there is no such id.
        ValueError: If a setting makes no sense, there is no such device or number of threads, the directory holds a
            run and not one of ``resume`` and ``overwrite`` says what to do with it, or it is another run that is to be
            resumed.
        ImportError: If TensorBoard is wanted and not installed.
        TrainingStopped: After Ctrl-C, with the newest checkpoint written; at the end of the run with the agent.
        FloatingPointError: If loss or weights are not finite; the last checkpoint, of finite weights, stays.
        OSError: If the directory cannot be written to, or takes no more; the last checkpoint and an older agent stay.
    """
    if resume and overwrite:
        raise ValueError("resume and overwrite are not possible together: give one of them.")
    if not isinstance(checkpoint_seconds, int | float) or not checkpoint_seconds >= 0:
        raise ValueError(f"checkpoint_seconds={checkpoint_seconds!r} is not possible: give a number of at least 0.")
    require_device(device)
    require_threads(threads)
    module, _, id = id.rpartition(":")
    if module:
        importlib.import_module(module)
    run = Run(id=id, seed=seed, keywords=keywords or {}, preset=preset_of(id, preset, **settings))
    directory = Path(directory or Path("runs") / id / f"seed-{seed}")
    checkpoint, agent = directory / "checkpoint.pt", directory / "agent.safetensors"
    if tensorboard:
        require_tensorboard()
    if resume and agent.exists() and not checkpoint.exists():
        refuse_another_run(agent, load_agent(agent).card, run.card)
        return agent
    if not resume and not overwrite and (checkpoint.exists() or agent.exists()):
        raise ValueError(f"{directory} holds a run already: resume it, overwrite it, or choose another directory.")
    keep_memory()
    with threads_of_a_run(threads):
        model, history = (
            restore(checkpoint, run, device) if resume else (run.make_model(run.make_env(), device), History())
        )
        _make_directory(directory)
        if id not in KINDS[preset][0]:
            print(f"{id} has no preset of its own: trained with that of bandits; expect to tune it.", file=sys.stderr)
        # What a kill left behind; and curves, if the run begins anew.
        for pattern in (f".{checkpoint.name}.*", f".{agent.name}.*", *([] if resume else [FILES])):
            for left in directory.glob(pattern):
                left.unlink()
        with (
            Progress(run.preset.steps, f"{run.id} seed {run.seed}") if progress else nullcontext() as bar,
            logging_curves(model, directory) if tensorboard else nullcontext(),
        ):
            watch = Watch(run, history, HeldOut(run, run.held_out_seeds), checkpoint, checkpoint_seconds, bar)
            with watch.catching_interrupts():
                _learn(run, model, watch)
                save(checkpoint, run.card, model, history)  # choosing the play may take long
                _finish(run, model, history, agent)
        checkpoint.unlink(missing_ok=True)
    if watch.interrupted:
        raise TrainingStopped(f"Stopped at the end of the run; the agent is {agent}.")
    return agent


def _make_directory(directory: Path) -> None:
    """Now, and not after hours of training, say so if it takes no files."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=directory).close()
    except OSError as error:
        raise OSError(
            f"{directory} cannot be written to ({error.strerror or error}): choose another directory."
        ) from error


def _learn(run: Run, model: MetaRecurrentPPO, watch: Watch) -> None:
    """Train to the end, or to a plateau."""
    try:
        model.learn(run.preset.steps - model.num_timesteps, callback=watch, reset_num_timesteps=False)
    except Plateau:
        print(f"Stopped early at step {model.num_timesteps:,}: the held-out return rises no more.", file=sys.stderr)


def _finish(run: Run, model: MetaRecurrentPPO, history: History, path: Path) -> None:
    """Write the agent."""
    card = {
        **run.card,
        "steps": model.num_timesteps,
        "wall_seconds": round(history.spent, 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": str(model.device),
        "threads": th.get_num_threads(),
        "versions": {"meta-envs": __version__, "torch": th.__version__.split("+")[0], "gymnasium": gym.__version__},
        "curve": {"rollouts": history.rollouts, "held_out": history.held_out},
    }
    family = make_family(run.id, **run.keywords)
    agent = Agent.from_policy(model.policy, family, run.preset.network, card)
    choose_play(agent, family, run.choosing_seeds.start, len(run.choosing_seeds))
    with writing(path.parent, model):
        agent.save(path)
