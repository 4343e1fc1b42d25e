"""What training asks of its process: threads, and memory that is kept."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch as th
from threadpoolctl import threadpool_limits

from meta_envs.arguments import require_whole
from meta_envs.networks.threads import Both, in_turn, torch_threads

MAX_THREADS = 256
MALLOPT = {-1: 1 << 30, -2: 1 << 26, -3: 1 << 25}
"""Of glibc's malloc.h: M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes, the last as large as it may be."""


@contextmanager
def threads_of_a_run(num: int) -> Iterator[None]:
    """Torch with so many threads, and NumPy's linear algebra with one.

    For whole runs and not for single calls, since the second takes milliseconds to set.
    """
    with torch_threads(num), threadpool_limits(1, "blas"):
        yield


def num_cores() -> int:
    """How many this process may use: those that it is bound to, and no more than ``OMP_NUM_THREADS``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(allowed) or cores) if allowed.isdecimal() else cores


@contextmanager
def beside() -> Iterator[Both]:
    """Makes two calls at once, on a single core one after the other, each with one of torch's threads.

    It pays where they spend their time outside the interpreter, and in few places. The second call is another thread's,
    where gradients are recorded, whatever ``torch.no_grad`` and the like say in the first one's.
    """
    if num_cores() == 1:
        with torch_threads(1):
            yield in_turn
        return
    with torch_threads(1), ThreadPoolExecutor(1, initializer=partial(th.set_num_threads, 1)) as other:

        def at_once(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
            waiting = other.submit(second)
            return first(), waiting.result()

        yield at_once


def keep_memory() -> None:
    """Let glibc keep up to 1 GiB of freed memory for what comes next, for good; elsewhere nothing is done.

    Torch allocates and frees some megabytes for every call of an LSTM. By default they go back to the system and come
    again page by page, which took up to a quarter of the time of updates of two LSTMs.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, Windows, musl
        return
    for option, size in MALLOPT.items():
        mallopt(option, size)


def require_threads(threads: int) -> None:
    """Refuse what is no number of threads.

    Raises:
        ValueError: If it is no whole number from 1 to `MAX_THREADS`.
    """
    require_whole("threads", threads, 1, MAX_THREADS)


def require_device(device: str) -> None:
    """Refuse a device on which torch cannot put anything here.

    Raises:
        ValueError: If there is no such device.
    """
    try:
        th.zeros(1, device=str(device)).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"device={device!r} is not possible ({reason}): give 'cpu', or 'cuda' where there is a GPU."
        ) from error
