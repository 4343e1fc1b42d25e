"""Where a run begins: with weights drawn at random, or with those of an agent."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from meta_envs.agents.agent import Agent, load_agent
from meta_envs.agents.interface import IMAGE, describe_interface
from meta_envs.networks.encoders import patch_of, resize_patches
from meta_envs.registry import make_family
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.run import Run

SETTINGS = {"memory": "memory", "hidden_size": "lstm_hidden_size", "shared_memory": "shared_memory"}
SETTINGS |= {name: name for name in ("forget_bias", "encoder")}
"""Settings that decide a network, and what each is called in an agent's card."""
SHAPES = ("num_actions", "inputs")
"""Of an agent's interface, what its weights depend on."""


def find_start(init: Agent | str | Path | None) -> Agent | None:
    """The agent that a run begins with.

    Raises:
        ValueError: If it is none.
    """
    if init is None or isinstance(init, Agent):
        return init
    if not isinstance(init, str | Path):
        raise ValueError(
            f"init={init!r} is not possible: give an agent, its file or directory, or the id of a shipped one."
        )
    return load_agent(init)


def settings_of(agent: Agent | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run that begins with an agent: of its network and of what it sees, the agent's own.

    Raises:
        ValueError: If others are given.
    """
    if agent is None:
        return settings
    network = {name: agent.card.network.get(kept) for name, kept in SETTINGS.items()}
    own = {name: value for name, value in {**network, **agent.card.inputs}.items() if value is not None}
    for name, value in own.items():
        given = settings.get(name, value)
        if given != value and not (isinstance(given, list | tuple) and list(given) == list(value)):
            raise ValueError(
                f"{name}={given!r} is not possible with init: its agent, of {agent.card.id}, has {value!r}: leave it "
                "out."
            )
    return {**settings, **own}


def describe_start(agent: Agent | None) -> dict[str, Any] | None:
    """What a card tells of it: the agent's id and seed, and the SHA-256 of its weights."""
    if agent is None:
        return None
    digest = hashlib.sha256()
    for name, weights in sorted(agent.policy.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.cpu().contiguous().numpy().tobytes())
    return {"id": agent.card.id, "seed": agent.card.seed, "weights": digest.hexdigest()}


def tell_before(agent: Agent | None) -> dict[str, Any] | None:
    """What the card of an agent that was trained on tells of the training before that, ``before`` it included."""
    if agent is None:
        return None
    known = agent.card.to_dict()
    return {name: known[name] for name in ("keywords", "steps", "curve", "before") if name in known}


def require_fit(agent: Agent | None, run: Run) -> None:
    """Refuse an agent that cannot see or act in the run's environment.

    Raises:
        ValueError: If its observations or actions have other shapes; images may be of another size where the encoder
            "places" divides them into as many places.
    """
    if agent is None:
        return
    wanted, encoder = describe_interface(make_family(run.id, **run.keywords), run.preset.inputs), run.preset.encoder
    for name in SHAPES:
        if _sizes(wanted[name], encoder) != _sizes(agent.card.interface[name], encoder):
            raise ValueError(
                f"init is not possible for {run.id}: its agent, of {agent.card.id}, has {name} "
                f"{agent.card.interface[name]}, and the environment has {wanted[name]}: give another agent, or begin "
                "without one."
            )


def _sizes(shape: Any, encoder: str) -> Any:
    """What weights depend on, of an entry of an interface: of an image its places, if it is divided into such."""
    if encoder != "places" or not isinstance(shape, list):
        return shape
    return [[name, _places(part) if isinstance(part, list) and len(part) == IMAGE else part] for name, part in shape]


def _places(image: list[int]) -> list[int]:
    height, width, channels = image
    return [height // patch_of(height), width // patch_of(height), channels]


def give_weights(agent: Agent | None, model: MetaRecurrentPPO) -> None:
    """Let a model that has learned nothing begin with the agent's weights.

    Where its images are of another size than the agent's, the filters of their patches are resized.
    """
    if agent is None:
        return
    wanted, weights = model.policy.state_dict(), agent.policy.state_dict()
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            weights[name] = resize_patches(tensor.cpu(), wanted[name].shape[-1])
    # In a `RecurrentPolicy` encoders have other names beside these.
    model.policy.load_state_dict(weights, strict=False)
