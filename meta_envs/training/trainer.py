"""Training from an id and a preset to an agent file, through checkpoints from which a run goes on exactly."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from meta_envs.agents.agent import Agent
from meta_envs.agents.plays import PLAYS
from meta_envs.family import TaskFamily
from meta_envs.files import is_there, partial_prefix, reason_of
from meta_envs.learners.returns import record
from meta_envs.registry import import_named, make_family
from meta_envs.training.callback import Callbacks, Plateau, TrainingStopped, Watch, require_callbacks
from meta_envs.training.checkpoint import finished_run, restore, to_bytes, writing
from meta_envs.training.curves import FILES, logging_curves, require_tensorboard
from meta_envs.training.held_out import HeldOut
from meta_envs.training.history import History
from meta_envs.training.lock import holding
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.presets import KINDS, preset_of
from meta_envs.training.process import keep_memory, require_device, require_threads, threads_of_a_run
from meta_envs.training.progress import Progress
from meta_envs.training.run import Run
from meta_envs.training.snapshot import Snapshots, make_agent, require_snapshots
from meta_envs.training.start import describe_start, find_start, give_weights, require_fit, settings_of, tell_before


def choose_play(agent: Agent, family: TaskFamily, seeds: range) -> None:
    """Let the card say which way of playing is the agent's own: that with the higher expected return.

    Args:
        agent: The agent, whose card is changed.
        family: The family that it was trained on.
        seeds: One seed a lifetime; the run's own, so that nothing of an evaluation is used.
    """
    means = {}
    for way in PLAYS:
        agent.play = way
        (found,) = record([agent], family, seeds, seeds.start)
        means[way] = float(np.mean(found.expected))
    agent.play = max(means, key=means.__getitem__)
    agent.card = replace(agent.card, play=agent.play)


def train(
    id: str,
    *,
    seed: int = 1,
    directory: str | Path | None = None,
    preset: str = "recommended",
    keywords: dict[str, Any] | None = None,
    init: Agent | str | Path | None = None,
    callback: Callbacks = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    tensorboard: bool = False,
    device: str = "cpu",
    threads: int = 1,
    checkpoint_seconds: float = 10.0,
    snapshots: int = 0,
    **settings: Any,
) -> Path:
    """Train an agent and write it to a file.

    The same run gives the same agent, whether or not it was interrupted and resumed.

    Args:
        id: The environment, such as ``"MetaBandit-Dependent-v0"``, also ``"module:id"``.
        seed: Of the run, at least 0, below 2**19.
        directory: Where checkpoint and agent are written; by default ``runs/<id>/seed-<seed>``.
        preset: "recommended"; or "a2c": the paper's own algorithm and values.
        keywords: Values of the environment's keywords, as `gymnasium.make` takes them.
        init: Begin with the weights of an agent: one that is loaded, its file or directory, or the id of a shipped
            one. Its network and what it sees are the run's. Observations and actions must have the same shapes; the
            prior over tasks and the length of a lifetime may differ, and so may the size of images where the encoder
            "places" divides both into as many places (36, 48, 60, 72 or 84 pixels, say).
        callback: Stable-Baselines3's, one or several, or functions as it takes them; called beside the run's own. A run
            that is resumed begins them anew. One that returns False ends the run, and the agent is written.
        resume: Go on from the directory's checkpoint, which has to be of the same run. A finished one is left as it is,
            or with more ``steps`` goes on from its end: learning rate and the like are then those of so many steps of
            the longer run, and no stage of a curriculum comes again.
        overwrite: Begin anew where the directory holds a run already; what is there stays until the first checkpoint
            and the agent replace it, but for its curves and snapshots.
        progress: Show a progress bar.
        tensorboard: Write curves for TensorBoard into the directory.
        device: Where the network is: "cpu", "cuda" or "cuda:1". On another one last bits differ, and so does the agent.
        threads: Of torch, on a CPU, at most 256. With two, agents that see images train 1.2 to 1.55 times as fast;
            others gain little. (Two memories, ``shared_memory=False``, have a thread each wherever there are two cores,
            and what they learn does not depend on it.) With another number last bits differ, and so does the agent.
        checkpoint_seconds: Time between checkpoints.
        snapshots: How many times the weights of the run are kept, as whole agents in the directory's ``snapshots``: the
            first before any learning, the last at the end, and number k of 0 to n - 1 after the share
            ``(k / (n - 1)) ** 2`` of the steps, denser early. See `meta_envs.training.snapshots`. A run may be resumed
            with another number.
        **settings: Values of the preset's settings, such as ``steps=100_000`` or ``reward=False``.

    Returns:
        The path of the agent, ``directory/agent.safetensors``.

    Raises:
        gymnasium.error.Error: If there is no such id.
        ValueError: If a setting makes no sense, there is no such device or number of threads, the directory holds a
            run and not one of ``resume`` and ``overwrite`` says what to do with it, it is another run that is to be
            resumed, another run is going on there, or checkpoints cannot keep the environment.
        ImportError: If TensorBoard is wanted and not installed.
        TrainingStopped: After Ctrl-C, with the newest checkpoint written; at the end of the run with the agent.
        FloatingPointError: If loss or weights are not finite; the last checkpoint, of finite weights, stays.
        OSError: If the directory cannot be written to, or takes no more; the last checkpoint and an older agent stay.
            An agent that neither finds room nor leaves a checkpoint is written to the system's place for temporary
            files, which the message names.
    """
    if resume and overwrite:
        raise ValueError("resume and overwrite are not possible together: give one of them.")
    if not isinstance(checkpoint_seconds, int | float) or not checkpoint_seconds >= 0:
        raise ValueError(f"checkpoint_seconds={checkpoint_seconds!r} is not possible: give a number of at least 0.")
    require_device(device)
    require_threads(threads)
    require_snapshots(snapshots)
    module, _, id = id.rpartition(":")
    if module:
        import_named(module)
    start = find_start(init)
    chosen = preset_of(id, preset, **settings_of(start, settings))
    run = Run(id=id, seed=seed, keywords=keywords or {}, preset=chosen, init=describe_start(start))
    require_fit(start, run)
    callbacks = require_callbacks(callback)
    directory = Path(directory or Path("runs") / id / f"seed-{seed}")
    checkpoint, agent, end = (directory / name for name in ("checkpoint.pt", "agent.safetensors", "end.pt"))
    if tensorboard:
        require_tensorboard()
    source, finished = checkpoint, None
    if resume and is_there(agent) and not is_there(checkpoint):
        source, finished = end, finished_run(agent, end, run)
        if finished == run:
            return agent
    if not is_there(directory):
        _refuse_what_is_there(source, agent, resume, overwrite)
    _make_directory(directory)
    keep_memory()
    with threads_of_a_run(threads), holding(directory):
        _refuse_what_is_there(source, agent, resume, overwrite)
        if resume:
            run, model, history = _go_on(source, run, finished, device)
        else:
            model, history = run.make_model(run.make_env(), device), History()
            give_weights(start, model)
            _require_room(directory, to_bytes(run.card, model, history))
        if id not in KINDS[preset][0]:
            print(f"{id} has no preset of its own, but one for unknown tasks: expect to tune it.", file=sys.stderr)
        # What a kill left behind; and curves, if the run begins anew.
        left_behind = [f"{partial_prefix(file.name)}*" for file in (checkpoint, agent)]
        for pattern in (*left_behind, *([] if resume else [FILES])):
            for left in directory.glob(pattern):
                left.unlink()
        kept = Snapshots(run, directory, snapshots)
        kept.clear(anew=not resume)
        with (
            Progress(f"{id} seed {run.seed}", run.preset.steps, model.num_timesteps)
            if progress
            else nullcontext() as bar,
            logging_curves(model, directory) if tensorboard else nullcontext(),
        ):
            # A run that is extended keeps its lifetimes.
            seeds = run.held_out_seeds[: None if history.best is None else len(history.best)]
            watch = Watch(run, history, HeldOut(run, seeds), kept, checkpoint, checkpoint_seconds, bar)
            with watch.catching_interrupts():
                _learn(run, model, watch, callbacks)
                _finish(run, model, watch, agent, tell_before(start))
        if is_there(checkpoint):
            checkpoint.replace(end)
    if watch.interrupted:
        raise TrainingStopped(f"Stopped at the end of the run; the agent is {agent}.")
    return agent


def _refuse_what_is_there(checkpoint: Path, agent: Path, resume: bool, overwrite: bool) -> None:
    there = is_there(checkpoint), is_there(agent)
    if resume and not there[0]:
        raise ValueError(f"There is no checkpoint {checkpoint}: start the run without resuming.")
    if not resume and not overwrite and any(there):
        raise ValueError(
            f"{checkpoint.parent} holds a run already: go on with --resume, begin anew with --overwrite (resume=True, "
            "overwrite=True in Python), or choose another --directory."
        )


def _go_on(source: Path, run: Run, finished: Run | None, device: str) -> tuple[Run, MetaRecurrentPPO, History]:
    """From a run's checkpoint, or from the end of a finished one, which the run extends."""
    if finished is None:
        return restore(source, run, device)
    finished, model, history = restore(source, finished, device)
    return replace(run, extends=(*finished.extends, finished.preset.steps)), model, history


def _make_directory(directory: Path) -> None:
    """Now, and not after hours of training, say so if it takes no files."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _takes_nothing(directory, error) from error
    _require_room(directory, b"")


def _require_room(directory: Path, content: bytes) -> None:
    try:
        with TemporaryFile(dir=directory) as file:
            file.write(content)
            file.flush()
    except OSError as error:
        raise _takes_nothing(directory, error) from error


def _takes_nothing(directory: Path, error: Exception) -> OSError:
    return OSError(f"{directory} cannot be written to ({reason_of(error)}): choose another directory.")


def _learn(run: Run, model: MetaRecurrentPPO, watch: Watch, callbacks: list[BaseCallback]) -> None:
    """Train to the end, to a plateau, or until a callback has enough."""
    missing = run.preset.steps - model.num_timesteps
    if watch.history.stopped or missing <= 0:
        return
    why = "a callback ended the run"
    try:
        model.learn(missing, callback=[*callbacks, watch], reset_num_timesteps=False)
    except Plateau:
        why = "the held-out return rises no more"
    watch.history.stopped = model.num_timesteps < run.preset.steps
    if watch.history.stopped:
        print(f"Stopped early at step {model.num_timesteps:,}: {why}.", file=sys.stderr)


def _finish(run: Run, model: MetaRecurrentPPO, watch: Watch, path: Path, before: dict[str, Any] | None) -> None:
    """Write the agent; where it finds no room, and a checkpoint found none, to another place."""
    no_room: OSError | None = None
    try:
        watch.save(model)  # choosing the play may take long
    except OSError as error:
        no_room = error
    history = watch.history
    agent = make_agent(
        run,
        model,
        wall_seconds=round(history.spent, 1),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        curve={"rollouts": history.rollouts, "held_out": history.held_out},
        before=before,
    )
    choose_play(agent, make_family(run.id, **run.keywords), run.choosing_seeds)
    with watch.undisturbed():
        try:
            watch.snapshots.write(model)
            with writing(path.parent, model):
                agent.save(path)
        except OSError as error:
            if no_room is not None:
                _rescue(agent, path, error)
            raise


def _rescue(agent: Agent, path: Path, error: OSError) -> None:
    try:
        other = Path(mkdtemp(prefix="meta-envs-")) / path.name
        try:
            agent.save(other)
        except OSError:
            other.parent.rmdir()
            raise
    except OSError:
        return
    raise OSError(
        f"{path.parent} takes no more ({reason_of(error)}): the agent is {other}, move it from there."
    ) from error
