"""Threads and cores."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

th = pytest.importorskip("torch")

from meta_envs.training import process  # noqa: E402
from meta_envs.training.process import beside, num_cores  # noqa: E402


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Of torch, so that a change is seen."""
    threads = th.get_num_threads()
    th.set_num_threads(3)
    yield
    assert th.get_num_threads() == 3
    th.set_num_threads(threads)


def test_two_calls_are_made_at_once_where_there_are_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other, and has one thread of torch's own."""
    monkeypatch.setattr(process, "num_cores", lambda: 2)
    meeting = threading.Barrier(2, timeout=20)

    def meet(name: str) -> tuple[str, int]:
        meeting.wait()
        return name, th.get_num_threads()

    with beside() as both:
        assert both(lambda: meet("first"), lambda: meet("second")) == (("first", 1), ("second", 1))


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_either_call_is_raised(cores: int, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And threads are given back."""
    monkeypatch.setattr(process, "num_cores", lambda: cores)
    calls: list[Any] = [int, int]
    calls[failing] = [].pop
    with pytest.raises(IndexError), beside() as both:
        both(*calls)


def test_on_one_core_calls_are_made_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the calling thread, with one thread of torch's as on two."""
    monkeypatch.setattr(process, "num_cores", lambda: 1)
    with beside() as both:
        found = both(threading.current_thread, lambda: (threading.current_thread(), th.get_num_threads()))
    assert found == (threading.main_thread(), (threading.main_thread(), 1))


@pytest.mark.parametrize(("allowed", "expected"), [(None, 5), ("", 5), ("2", 2), ("64", 5), ("4,2", 5), ("0", 5)])
def test_cores_are_those_of_the_process(allowed: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its affinity, and OMP_NUM_THREADS if that is a number."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    assert num_cores() == expected
