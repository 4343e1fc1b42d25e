"""How many threads torch takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread: the networks are small, more cost more than they bring, and change the last bits."""
    threads = th.get_num_threads()
    th.set_num_threads(1)
    try:
        yield
    finally:
        th.set_num_threads(threads)
