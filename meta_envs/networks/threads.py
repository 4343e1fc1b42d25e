"""Torch's threads, and two calls in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch as th

Both: TypeAlias = Callable[[Callable[[], Any], Callable[[], Any]], tuple[Any, Any]]
"""Makes two calls, and gives both results."""


@contextmanager
def torch_threads(num: int) -> Iterator[None]:
    """Torch with so many threads. For networks without images one is best: more bring little, and change last bits."""
    threads = th.get_num_threads()
    th.set_num_threads(num)
    try:
        yield
    finally:
        th.set_num_threads(threads)


def in_turn(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """Make two calls, one after the other."""
    return first(), second()
