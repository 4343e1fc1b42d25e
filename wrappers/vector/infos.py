"""Infos of vector environments as Gymnasium has them: with every key `k` a mask `_k` of the copies that have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.family import Array

Infos = dict[str, Any]


def pick_infos(infos: Infos, which: Array) -> Infos:
    """What some copies' infos (num_envs,) bool say; the rows of the others are zeros."""
    picked: Infos = {}
    for key, value, mask in _entries(infos):
        kept = mask & which
        if kept.any():
            picked[key], picked[f"_{key}"] = _pick(value, kept), kept
    return picked


def join_infos(old: Infos, new: Infos) -> Infos:
    """Both, copy by copy; where a copy has a key in both, the new one goes first. Neither is changed."""
    joined = dict(old)
    for key, value, mask in _entries(new):
        known = old.get(f"_{key}", np.zeros_like(mask))
        joined[key], joined[f"_{key}"] = _join(old.get(key), value, known & ~mask), known | mask
    return joined


def _join(old: Any, new: Any, rest: Array) -> Any:
    if not rest.any():
        return new
    if isinstance(new, dict):
        return join_infos(pick_infos(old, rest), new)
    joined = new.copy()
    joined[rest] = old[rest]
    return joined


def _entries(infos: Infos) -> list[tuple[str, Any, Array]]:
    return [(key, value, infos[f"_{key}"]) for key, value in infos.items() if f"_{key}" in infos]


def _pick(value: Any, kept: Array) -> Any:
    if isinstance(value, dict):
        return pick_infos(value, kept)
    picked = np.full(value.shape, None, dtype=object) if value.dtype == object else np.zeros_like(value)
    picked[kept] = value[kept]
    return picked
