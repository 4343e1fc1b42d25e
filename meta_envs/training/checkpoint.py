"""Checkpoints: all that decides the rest of a run, from which it goes on exactly."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th

from meta_envs.agents.agent import load_agent
from meta_envs.arguments import is_whole
from meta_envs.files import write_atomically
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.settings import Preset
from meta_envs.version import __version__

if TYPE_CHECKING:
    from meta_envs.training.history import History
    from meta_envs.training.run import Run


def save(path: Path, card: Mapping[str, Any], model: MetaRecurrentPPO, history: History) -> None:
    """Write all that decides the rest of a run, after a line of JSON that says of which run and version it is.

    Raises:
        OSError: If it cannot be written; the checkpoint before stays whole.
    """
    assert model.env is not None
    content = {
        "history": history,
        "policy": model.policy.state_dict(),
        "optimizer": model.policy.optimizer.state_dict(),
        "counters": (model.num_timesteps, model._n_updates),
        "env": model.env.unwrapped,  # without what SB3 puts around images, which it cannot pickle
        "last": (model._last_obs, model._last_episode_starts, model._last_lstm_states, model._lived),
        "random": (th.get_rng_state(), np.random.get_state(), random.getstate()),
        "cuda": th.cuda.get_rng_state(model.device) if model.device.type == "cuda" else None,
    }
    buffer = io.BytesIO()
    th.save(content, buffer)
    head = json.dumps({"version": __version__, "run": card}) + "\n"
    with writing(path.parent, model):
        write_atomically(path, [head.encode(), buffer.getvalue()])


@contextmanager
def writing(directory: Path, model: MetaRecurrentPPO) -> Iterator[None]:
    """Say in one sentence that the directory of a run takes no more."""
    try:
        yield
    except OSError as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise OSError(
            f"{directory} takes no more at step {model.num_timesteps:,} ({reason}): make room there and resume the "
            "run from its last checkpoint, or begin it in another directory."
        ) from error


def restore(path: Path, run: Run, device: str = "cpu") -> tuple[Run, MetaRecurrentPPO, History]:
    """The run with all that it extends, the model as it was, and what the run had found.

    Behind its first line a checkpoint is a pickle: resume only those that you wrote yourself. (Agents are not.)

    Raises:
        ValueError: If there is no whole checkpoint, or it is of another run or version.
    """
    if not path.exists():
        raise ValueError(f"There is no checkpoint {path}: start the run without resuming.")
    try:
        with path.open("rb") as file:
            head, rest = json.loads(file.readline()), file.read()
        version, card = head["version"], head["run"]
    except Exception as error:
        raise _not_whole(path, error) from error
    if version != __version__:
        raise ValueError(f"{path} was written by version {version}, and this is {__version__}: resume it with that.")
    refuse_another_run(path, card, run.card)
    run = replace(run, extends=tuple(card.get("extends", ())))
    try:
        content = th.load(io.BytesIO(rest), map_location=device, weights_only=False)
        history, env = content["history"], content["env"]
    except Exception as error:
        raise _not_whole(path, error) from error
    model = run.make_model(env, device)
    try:
        model.policy.load_state_dict(content["policy"])
        model.policy.optimizer.load_state_dict(content["optimizer"])
        model.num_timesteps, model._n_updates = content["counters"]
        model._last_obs, model._last_episode_starts, model._last_lstm_states, model._lived = content["last"]
        torch_state, numpy_state, python_state = content["random"]
        cuda_state = content["cuda"]
    except Exception as error:
        raise _not_whole(path, error) from error
    th.set_rng_state(torch_state.cpu())
    if cuda_state is not None and model.device.type == "cuda":
        th.cuda.set_rng_state(cuda_state.cpu(), model.device)
    np.random.set_state(numpy_state)
    random.setstate(python_state)
    return run, model, history


def _not_whole(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a whole checkpoint ({type(error).__name__}): start the run anew.")


def finished_run(agent: Path, end: Path, run: Run) -> Run:
    """The run that has made an agent, which is the given one, or shorter: then its end is there to go on from.

    Raises:
        ValueError: If it is another run, was stopped early, or left no checkpoint of its end.
    """
    card = load_agent(agent).card.to_dict()
    steps = card["preset"].get("steps")
    if not (is_whole(steps, 1) and steps < run.preset.steps):
        steps = run.preset.steps
    finished = replace(run, preset=run.preset.change(steps=steps))
    refuse_another_run(agent, card, finished.card)
    if finished == run:
        return run
    if card.get("steps", 0) < steps or not end.exists():
        reason = f"lacks {end.name}" if card.get("steps", 0) >= steps else "was stopped early"
        raise ValueError(
            f"The run of {agent} {reason}, and cannot be extended: begin another one from it with --init {agent} (in "
            "Python init=) in another --directory."
        )
    return finished


def refuse_another_run(path: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare the id, seed, keywords and preset in the card of what a file holds with those of a run.

    A setting that a card does not have yet was what is now its default.

    Raises:
        ValueError: If they differ.
    """
    defaults = json.loads(json.dumps(asdict(Preset(steps=1))))
    there, here = (
        {**{name: card.get(name) for name in ("id", "seed", "keywords", "init")}, **defaults, **card["preset"]}
        for card in (known, wanted)
    )
    for name in {**here, **there}:
        if there.get(name) != here.get(name):
            raise ValueError(
                f"{path} belongs to another run, of {name}={there.get(name)!r}, not {here.get(name)!r}: give the same "
                "id, seed, settings and init, another directory, or --overwrite (in Python overwrite=True)."
            )
