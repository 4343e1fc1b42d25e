"""Agents that are shipped: of an id a folder with a file of weights and, beside it, a card in JSON, and variants.

Variants are other agents of the same environment, each a file by its name: other training seeds (``seed-2``), controls
(``no-reward``, ``feedforward``) and snapshots along the training (``step-00100000``).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym

from meta_envs.agents.interface import INTERFACE, describe_interface
from meta_envs.arguments import is_whole, suggest
from meta_envs.errors import CannotServe
from meta_envs.family import TaskFamily
from meta_envs.files import HASH, parse_json, reading
from meta_envs.networks.kinds import NETWORK
from meta_envs.registry import ids as all_ids
from meta_envs.registry import make_family
from meta_envs.wrappers.history import INPUTS

FOLDER = Path(__file__).parent / "shipped"
SHARED = {
    "MetaBandit-RestlessLow-v0": "MetaBandit-Restless-v0",
    "MetaBandit-RestlessHigh-v0": "MetaBandit-Restless-v0",
}
"""Ids that have no agent of their own, and whose they have: one that does not know the volatility beforehand."""
FORMAT = 1
"""Of the card."""
SHIPPED = ("steps", "wall_seconds", "date", "versions", "curve", "chosen", "scorecards", "seeds")
"""What the card of a shipped agent tells beside."""
NOT_WHOLE = "is not a whole agent"
PARTS = {"network": NETWORK, "inputs": INPUTS, "interface": INTERFACE}
"""Tables of a card, and their keys."""


@dataclass(frozen=True, kw_only=True)
class AgentCard:
    """What is known of a trained agent: JSON-able, with None where nothing is known."""

    id: str
    """The environment that it was trained on."""
    keywords: dict[str, Any]
    """Values of the environment's keywords."""
    seed: int
    """Of the training run."""
    preset: dict[str, Any]
    """Settings of the training, by name."""
    network: dict[str, Any]
    """Keyword arguments of `ActorCritic`."""
    inputs: dict[str, Any]
    """Switches of `PreviousActionReward`."""
    interface: dict[str, Any]
    """What must be alike in an environment for the agent to act there."""
    play: str = "sampled"
    """The agent's own way to choose: "greedy" or "sampled"."""
    format: int = FORMAT
    steps: int | None = None
    """Environment steps of the training."""
    wall_seconds: float | None = None
    init: dict[str, Any] | None = None
    """Of the agent whose weights it began with: id, seed and the SHA-256 of the weights."""
    before: dict[str, Any] | None = None
    """Of that agent's own training: keywords, steps, curve, and what was ``before`` that, if anything."""
    extends: list[int] | None = None
    """Steps of the finished runs that its run extends, one after the other."""
    date: str | None = None
    device: str | None = None
    threads: int | None = None
    versions: dict[str, str] | None = None
    """Of this package, torch and Gymnasium."""
    curve: dict[str, list[Any]] | None = None
    """``rollouts`` and ``held_out``: steps and returns along the training."""
    chosen: str | None = None
    """Of a shipped agent, as are the next two: which training seed it is, and how it was chosen."""
    scorecards: dict[str, dict[str, Any]] | None = None
    """By play, over unseen lifetimes."""
    seeds: list[dict[str, Any]] | None = None
    """Every seed that was trained."""
    habits: dict[str, Any] | None = None
    """What scores hide: agreement with the optimum, directed exploration, label symmetry, scores in other tasks."""

    def to_dict(self) -> dict[str, Any]:
        """What is known, by name, as it stands in a file."""
        known = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in known if value is not None}

    @classmethod
    def from_dict(cls, content: Any) -> AgentCard:
        """The card that a file holds; keys that this version does not know are left out.

        Raises:
            ValueError: If it is none, of another format, or not whole.
        """
        if not isinstance(content, dict):
            raise ValueError(f"its card is {str(content)[:40]!r}, no table")
        if content.get("format", FORMAT) != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, and this version reads {FORMAT}")
        needed = ("format", "id", "keywords", "seed", "preset", *PARTS, "play")
        if missing := [name for name in needed if name not in content]:
            raise ValueError(f"its card lacks {', '.join(missing)}")
        for name in ("keywords", "preset", *PARTS):
            if not isinstance(content[name], dict):
                raise ValueError(f"its card's {name} is {str(content[name])[:40]!r}, no table")
        for name, keys in PARTS.items():
            found = content[name].keys()
            # What a later version can choose about a network is, in the cards of this one, as it was without.
            if not (found == set(keys) or (name == "network" and found < set(keys))):
                raise ValueError(f"its card's {name} is of {', '.join(found)}, not of {', '.join(keys)}")
        if not (isinstance(content["id"], str) and ":" not in content["id"] and is_whole(content["seed"])):
            raise ValueError(f"its card is of {str(content['id'])[:40]!r}, seed {str(content['seed'])[:40]!r}")
        refuse_family(content["keywords"], *(easier for _, easier in content["preset"].get("curriculum", ())))
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})


def ids() -> list[str]:
    """Ids of the environments that have a shipped agent, those that share one included."""
    return [id for id in all_ids() if _weights_of(id).with_suffix(".json").is_file()]


def find(id: str) -> Path:
    """The file of weights of an id's agent, also of ``"module:id"``; the card is beside it.

    Args:
        id: The environment; with ``"@NAME"`` behind it, one of the `variants` of its agent, whose card is in the file.

    Raises:
        meta_envs.CannotServe: If there is none, with the ids that have one or the variants that are near.
    """
    name, at, variant = id.rpartition(":")[2].partition("@")
    if name not in ids():
        raise CannotServe(
            f"No agent is shipped for {id!r}: train one with `meta-envs train {name}`; those that are shipped are of "
            f"{', '.join(ids()) or 'no environment'}."
        )
    if not at:
        return _weights_of(name)
    known = variants(name)
    if variant not in known:
        cure = suggest(variant, known) if known else f"only the agent itself is shipped, as {name!r}."
        raise CannotServe(f"The agent of {name} has no variant {variant!r}: {cure}")
    return _weights_of(name).with_name(f"{variant}.safetensors")


def variants(id: str) -> list[str]:
    """Names of the agents that are shipped beside an id's own, which ``load_agent("ID@NAME")`` loads.

    Args:
        id: The environment, also ``"module:id"``.

    Returns:
        In alphabetical order: ``no-reward`` and ``feedforward`` are controls, ``seed-2`` and the like the other
        training seeds, ``step-00100000`` and the like snapshots of one training after so many steps. None where the id
        has no agent.
    """
    own = _weights_of(id.rpartition(":")[2])
    return sorted(path.stem for path in own.parent.glob("*.safetensors") if path != own)


def _weights_of(id: str) -> Path:
    home = SHARED.get(id, id)
    return FOLDER / home / f"{home}.safetensors"


def refuse_family(*keywords: dict[str, Any]) -> None:
    """Refuse keywords that name a family, for its module would be imported.

    Raises:
        ValueError: With the family's place.
    """
    for each in keywords:
        if "family" in each:
            raise ValueError(
                f"keywords={{'family': {each['family']!r}}} are not possible in an agent's card: register the family "
                "under an id of its own with meta_envs.registry.register."
            )


def read_card(file: Path) -> AgentCard:
    """The card beside a file of weights, neither changed since it was written; no weight is read for it.

    Raises:
        ValueError: If the card is no whole one or another agent's, the SHA-256 in it are not those of card and weights,
            or one of the two files cannot be read.
    """
    with reading(file, NOT_WHOLE, "install meta-envs again"):
        return read_card_beside(file, file.read_bytes())


def read_card_beside(file: Path, weights: bytes) -> AgentCard:
    """The same, of a file whose content is known.

    Raises:
        ValueError: As there, without the file's name.
        OSError: If the card cannot be read.
    """
    content = parse_json(file.with_suffix(".json").read_bytes())
    if not isinstance(content, dict):
        raise ValueError(f"its card is {str(content)[:40]!r}, no table")
    known = content.pop(HASH, None)
    for part, found in digests(content, weights).items():
        if not isinstance(known, dict) or known.get(part) != found:
            raise ValueError(f"the SHA-256 of its {part} is not the one in its card")
    if content.get("id") != file.stem:
        raise ValueError(f"its card is of {content.get('id')!r}")
    if missing := [name for name in SHIPPED if name not in content]:
        raise ValueError(f"its card lacks {', '.join(missing)}")
    return AgentCard.from_dict(content)


def write_card(card: AgentCard, weights: bytes) -> bytes:
    """The card as readable JSON, with the SHA-256 of card and weights in it."""
    content = card.to_dict()
    text = json.dumps({**content, HASH: digests(content, weights)}, indent=2, allow_nan=False)
    # Lists of numbers on one line; within JSON's strings there are no line ends.
    return re.sub(r"\[\n[^][{}]*\]", lambda found: re.sub(r"\n *", " ", found[0]), text).encode() + b"\n"


def digests(content: dict[str, Any], weights: bytes) -> dict[str, str]:
    """SHA-256 of the file of weights, and of the card's content without them, whatever its layout."""
    plain = json.dumps(content, sort_keys=True).encode()
    return {"weights": hashlib.sha256(weights).hexdigest(), "card": hashlib.sha256(plain).hexdigest()}


def find_changes(card: AgentCard, family: TaskFamily) -> list[str]:
    """Keywords, as ``name=value``, in which a family differs from the one that an agent was trained on.

    Those that the agent was given, or else all; none where they would not help: the two are of different classes, or
    what the agent was trained on is not there, or is another now.
    """
    try:
        own = make_family(card.id, **card.keywords)
    except (ValueError, TypeError, gym.error.Error):
        return []
    if type(own) is not type(family) or describe_interface(own, card.inputs) != card.interface:
        return []
    names = [field.name for field in fields(own) if getattr(own, field.name) != getattr(family, field.name)]
    return [f"{name}={getattr(own, name)}" for name in [name for name in names if name in card.keywords] or names]
