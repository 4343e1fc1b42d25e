"""Checkpoints: all that decides the rest of a run, from which it goes on exactly."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th

from meta_envs import __version__
from meta_envs.files import write_atomically
from meta_envs.training.ppo import MetaRecurrentPPO

if TYPE_CHECKING:
    from meta_envs.training.run import Run

PARTS = ("version", "run", "spent", "curve", "policy", "optimizer", "counters", "env", "last", "random")


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
    content = _load(path)
    if content["version"] != __version__:
        raise ValueError(
            f"{path} was written by version {content['version']}: resume it with that, this is {__version__}."
        )
    if missing := [name for name in PARTS if name not in content]:
        raise ValueError(f"{path} is not a whole checkpoint (it lacks {', '.join(missing)}): start the run anew.")
    refuse_another_run(path, content["run"].card, run.card)
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


def _load(path: Path) -> dict[str, Any]:
    try:
        content = th.load(path, weights_only=False)
        if not (isinstance(content, dict) and "version" in content):
            raise TypeError(f"a pickled {type(content).__name__}")
    except Exception as error:
        raise ValueError(f"{path} is not a whole checkpoint ({type(error).__name__}): start the run anew.") from error
    return content


def refuse_another_run(path: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare the id, seed, keywords and preset in the card of what a file holds with those of a run.

    Raises:
        ValueError: If they differ.
    """
    there, here = (
        {**{name: card[name] for name in ("id", "seed", "keywords")}, **card["preset"]} for card in (known, wanted)
    )
    for name in {**here, **there}:
        if there.get(name) != here.get(name):
            raise ValueError(
                f"{path} belongs to another run, of {name}={there.get(name)!r}, not {here.get(name)!r}: give the same "
                "id, seed and settings, or another directory."
            )
