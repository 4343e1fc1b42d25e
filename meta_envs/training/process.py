"""What training asks of its process: one thread, and memory that is kept."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch as th
from threadpoolctl import threadpool_limits

MALLOPT = {-1: 1 << 30, -2: 1 << 26, -3: 1 << 25}
"""Of glibc's malloc.h: M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes, the last as large as it may be."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread: the networks are small, more cost more than they bring, and change the last bits."""
    threads = th.get_num_threads()
    th.set_num_threads(1)
    try:
        yield
    finally:
        th.set_num_threads(threads)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Torch and NumPy's linear algebra with one thread each, for long work: the second takes a while to be told."""
    with one_thread(), threadpool_limits(1, "blas"):
        yield


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
