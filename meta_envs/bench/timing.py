"""How speeds are measured: in one run, on one core or two, what is compared in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from meta_envs.terminal.progress import track

REPEATS = 3


@contextmanager
def cores(num: int) -> Iterator[None]:
    """Keep to so many of the cores, or to all if they are fewer; where the system does not allow it, training does."""
    if not hasattr(os, "sched_setaffinity"):
        before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = str(num)
        try:
            yield
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[-num:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def rate(work: Callable[[], int], seconds: float) -> float:
    """Steps per second of work that is done again and again for so long, at least once.

    Args:
        work: Takes some steps, and returns their number.
        seconds: The time.
    """
    steps, began = 0, time.perf_counter()
    while True:
        steps += work()
        spent = time.perf_counter() - began
        if spent >= seconds:
            return steps / spent


def compare(runs: dict[str, Callable[[], float]], beside: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of the best of several repetitions of each run, beside those that they are compared with."""
    best = dict.fromkeys(runs, 0.0)
    for name in track([*runs] * REPEATS, "Measuring"):
        best[name] = max(best[name], runs[name]())
    return [
        {
            "what": name,
            "steps_per_second": round(speed),
            "beside": beside.get(name),
            "ratio": round(speed / best[beside[name]], 2) if name in beside else None,
        }
        for name, speed in best.items()
    ]
