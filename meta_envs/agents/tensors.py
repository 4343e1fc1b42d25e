"""Named arrays and texts in one file, in the format of safetensors: nothing in it is executed when it is read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from meta_envs.family import Array
from meta_envs.files import BLANK, HASH, parse_json, require_seal, seal


def pack(arrays: Mapping[str, Array], **texts: str) -> bytes:
    """The content of a file of arrays, with texts in its header; sealed, if there are texts."""
    # What is not contiguous would be written in another order.
    contiguous = {name: np.array(array, order="C") for name, array in arrays.items()}
    return seal(save(contiguous, {**texts, HASH: BLANK})) if texts else save(contiguous)


def unpack(content: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays and texts of such a file.

    Raises:
        ValueError: If it is not whole, has a name twice, or has texts and not the SHA-256 that belongs to them.
    """
    size = int.from_bytes(content[:8], "little")
    if not 0 < size <= len(content) - 8:
        raise ValueError("it is cut off, or no file of arrays")
    header = parse_json(content[8 : 8 + size])
    texts = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    if texts:
        require_seal(content)
    try:
        return load(content), texts
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"it is no file of arrays: {error}") from error
