"""Agents that are shipped: of an id a file of weights and, beside it, a card in JSON that tells all about it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from meta_envs.errors import CannotServe
from meta_envs.registry import ids as all_ids

FOLDER = Path(__file__).parent
SHARED = {
    "MetaBandit-RestlessLow-v0": "MetaBandit-Restless-v0",
    "MetaBandit-RestlessHigh-v0": "MetaBandit-Restless-v0",
}
"""Ids that have no agent of their own, and whose they have: one that does not know the volatility beforehand."""
HASH = "sha256"


def ids() -> list[str]:
    """Ids of the environments that have a shipped agent, those that share one included."""
    return [id for id in all_ids() if _card_of(id).is_file()]


def find(id: str) -> Path:
    """The file of weights of an id's agent, also of ``"module:id"``; the card is beside it.

    Raises:
        meta_envs.CannotServe: If there is none, with the ids that have one.
    """
    name = id.rpartition(":")[2]
    if name not in ids():
        raise CannotServe(
            f"No agent is shipped for {id!r}: train one with `meta-envs train {id}`; those that are shipped are of "
            f"{', '.join(ids()) or 'no environment'}."
        )
    return _card_of(name).with_suffix(".safetensors")


def _card_of(id: str) -> Path:
    return FOLDER / f"{SHARED.get(id, id)}.json"


def read_card(file: Path) -> dict[str, Any]:
    """The card beside a file of weights, neither changed since it was written; no weight is read for it.

    Raises:
        ValueError: If the card is no table or another agent's, or the SHA-256 in it are not those of card and weights.
        OSError: If one of the two files cannot be read.
    """
    card = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    if not isinstance(card, dict):
        raise ValueError(f"its card is {str(card)[:40]!r}, no table")
    known = card.pop(HASH, None)
    for part, found in digests(card, file.read_bytes()).items():
        if not isinstance(known, dict) or known.get(part) != found:
            raise ValueError(f"the SHA-256 of its {part} is not the one in its card")
    if card.get("id") != file.stem:
        raise ValueError(f"its card is of {card.get('id')!r}")
    return card


def write_card(card: dict[str, Any], weights: bytes) -> bytes:
    """The card as readable JSON, with the SHA-256 of card and weights in it."""
    import re

    text = json.dumps({**card, HASH: digests(card, weights)}, indent=2, allow_nan=False)
    # Lists of numbers on one line; within JSON's strings there are no line ends.
    return re.sub(r"\[\n[^][{}]*\]", lambda found: re.sub(r"\n *", " ", found[0]), text).encode() + b"\n"


def digests(card: dict[str, Any], weights: bytes) -> dict[str, str]:
    """SHA-256 of the file of weights, and of the card without them, whatever its layout."""
    plain = json.dumps(card, sort_keys=True).encode()
    return {"weights": hashlib.sha256(weights).hexdigest(), "card": hashlib.sha256(plain).hexdigest()}
