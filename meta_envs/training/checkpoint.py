"""Checkpoints: all that decides the rest of a run, from which it goes on exactly."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th
from sb3_contrib.common.recurrent.type_aliases import RNNStates

from meta_envs.agents.agent import load_agent
from meta_envs.agents.tensors import pack, unpack
from meta_envs.arguments import is_whole
from meta_envs.files import parse_json, reading, reason_of, write_atomically
from meta_envs.training.copies import put_state, state_of
from meta_envs.training.history import History
from meta_envs.training.plain import Reader, Writer
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.settings import Preset
from meta_envs.version import __version__

if TYPE_CHECKING:
    from meta_envs.training.run import Run


def save(path: Path, card: Mapping[str, Any], model: MetaRecurrentPPO, history: History) -> None:
    """Write all that decides the rest of a run, and of which run and version it is.

    Raises:
        OSError: If it cannot be written; the checkpoint before stays whole.
        ValueError: If the environment cannot be kept in a file.
    """
    content = to_bytes(card, model, history)
    with writing(path.parent, model):
        write_atomically(path, content)


def to_bytes(card: Mapping[str, Any], model: MetaRecurrentPPO, history: History) -> bytes:
    """The content of a checkpoint: plain data, in the format of safetensors.

    Raises:
        ValueError: If the environment cannot be kept in a file.
    """
    assert model.env is not None
    env: Any = model.env.unwrapped  # without what SB3 puts around images, and remakes
    writer = Writer()
    try:
        taken = writer.take(
            {
                "history": vars(history),
                "policy": dict(model.policy.state_dict()),
                "optimizer": model.policy.optimizer.state_dict(),
                "counters": (model.num_timesteps, model._n_updates),
                "env": state_of(env),
                "last": (model._last_obs, model._last_episode_starts, model._last_lstm_states, model._lived),
                "random": (th.get_rng_state(), np.random.get_state(), random.getstate()),
                "cuda": th.cuda.get_rng_state(model.device) if model.device.type == "cuda" else None,
            }
        )
    except TypeError as error:
        raise ValueError(
            f"{env.venv} cannot be trained on: checkpoints would have to keep {error}, and keep numbers, strings and "
            "arrays alone: register the environment with meta_envs.registry.register."
        ) from error
    return pack(writer.arrays, head=json.dumps({"version": __version__, "run": card}), content=json.dumps(taken))


@contextmanager
def writing(directory: Path, model: MetaRecurrentPPO) -> Iterator[None]:
    """Say in one sentence that the directory of a run takes no more."""
    try:
        yield
    except OSError as error:
        kept = (directory / "checkpoint.pt").is_file()
        cure = "resume the run from its last checkpoint, or begin it" if kept else "begin the run again, or do so"
        raise OSError(
            f"{directory} takes no more at step {model.num_timesteps:,} ({reason_of(error)}): make room there and "
            f"{cure} in another directory."
        ) from error


def restore(path: Path, run: Run, device: str = "cpu") -> tuple[Run, MetaRecurrentPPO, History]:
    """The run with all that it extends, the model as it was, and what the run had found. Nothing in it is executed.

    Raises:
        ValueError: If it is no whole checkpoint, or one of another run or version.
    """
    whole = path, "is not a whole checkpoint", "start the run anew"
    with reading(*whole):
        arrays, texts = unpack(path.read_bytes())
        head = parse_json(texts["head"])
        version, card = head["version"], head["run"]
        check_card(card)
    if version != __version__:
        raise ValueError(f"{path} was written by version {version}, and this is {__version__}: resume it with that.")
    refuse_another_run(path, card, run.card)
    run = replace(run, extends=tuple(card.get("extends", ())))
    with reading(*whole):
        content = Reader(arrays).give(parse_json(texts["content"]))
        history = History(**content["history"])
        steps, updates = content["counters"]
        env = run.make_env(steps)
        model = run.make_model(env, device)
        env.reset()
        put_state(env, content["env"])
        model.policy.load_state_dict(content["policy"])
        model.policy.optimizer.load_state_dict(content["optimizer"])
        model.num_timesteps, model._n_updates = steps, updates
        model._last_obs, model._last_episode_starts, states, model._lived = content["last"]
        model._last_lstm_states = RNNStates(*(tuple(each.to(device) for each in pair) for pair in states))
        torch_state, numpy_state, python_state = content["random"]
        th.set_rng_state(torch_state)
        if content["cuda"] is not None and model.device.type == "cuda":
            th.cuda.set_rng_state(content["cuda"], model.device)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
    return run, model, history


def check_card(card: Any) -> None:
    """Refuse what is no card of a run.

    Raises:
        ValueError: If it is none.
    """
    tables = isinstance(card, dict) and all(isinstance(card.get(name), dict) for name in ("keywords", "preset"))
    if not (tables and "id" in card and "seed" in card):
        raise ValueError(f"its run is {str(card)[:40]!r}, and has no id, seed, keywords and preset")


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
