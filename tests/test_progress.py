"""Bars for what takes long."""

import io
import os
import re
import sys
import threading
from contextlib import contextmanager

import pytest

from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.tabular import TabularMDP
from meta_envs.learners.gittins import finite_horizon_indices
from meta_envs.solvers import dispatch
from meta_envs.solvers.independent import solve_by_bounds
from meta_envs.terminal import progress as module
from meta_envs.terminal.progress import Progress, track

END = "end of what was shown"


@contextmanager
def terminal(monkeypatch):
    """What is written to standard error while it is a terminal, as a list of a text."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    shown, parts = [], []

    def read():
        while END.encode() not in b"".join(parts):
            parts.append(os.read(ours, 1 << 16))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w", encoding="utf-8") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", file)
        yield shown
        print(END, end="", file=file, flush=True)
        reader.join()
    shown.append(b"".join(parts).decode().removesuffix(END))
    os.close(ours)


def test_a_terminal_shows_percentage_note_and_time_left(monkeypatch):
    """After half of the steps it says 50 %, what the caller says, and an estimate; brackets are shown as they are."""
    with terminal(monkeypatch) as shown, Progress("solve [/b]", 4, delay=0.0) as progress:
        progress.advance()
        progress.advance(note="score [0.5, 0.6]")
        module._display.refresh()
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown[0])
    assert "solve [/b]" in text
    assert " 50% score [0.5, 0.6] " in text
    assert re.search(r"0:00:0\d left", text)


def test_bars_stand_one_below_the_other(monkeypatch):
    """A bar inside of another is a second line of the same display, which ends with the last of them."""
    with terminal(monkeypatch):
        for _ in track(range(2), "outer", delay=0.0):
            for _ in track(range(2), "inner", delay=0.0):
                pass
            with Progress("inner", 1, delay=0.0) as inner:
                inner.advance()
        with Progress("outer", 2, delay=0.0) as outer, Progress("inner", 2, delay=0.0) as inner:
            outer.advance()
            inner.advance()
            assert [task.description for task in module._display.tasks] == ["outer", "inner"]
        assert module._display is None


def test_nothing_is_shown_of_what_is_soon_over(monkeypatch):
    """The first two seconds are silent."""
    with terminal(monkeypatch) as shown:
        assert list(track(range(100), "quick")) == list(range(100))
    assert shown == [""]


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_nothing_is_shown_where_there_is_no_terminal(monkeypatch, stream):
    """A file or a pipe, or no standard error at all, gets nothing."""
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(track([1, 2], "long", delay=0.0)) == [1, 2]
    assert stream is None or stream.getvalue() == ""


def _interrupt():
    with Progress("long", 2, delay=0.0) as progress:
        progress.advance()
        raise KeyboardInterrupt


def test_a_bar_ends_with_what_failed(monkeypatch):
    """An exception or a loop that is left takes its bar along."""
    with terminal(monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            _interrupt()
        assert module._display is None
        for item in track(range(3), "left", delay=0.0):
            if item == 1:
                break
        assert module._display is None


@pytest.mark.parametrize(
    ("family", "titles"),
    [
        (DependentBandit(num_trials=5), ["Going through the beliefs of DependentBandit"]),
        (IndependentBandit(num_trials=6), ["Solving two independent arms"]),
        (IndependentBandit(num_trials=5, num_arms=3), ["Searching for a low bound", "Measuring", "Gittins indices"]),
        (RestlessBandit(num_trials=11, volatility="high"), ["Simulating the optimum of restless arms"]),
        (SwitchingTwoStep(num_trials=6), ["Solving the switching two-step task"]),
        (TabularMDP(num_episodes=2, episode_length=6, num_states=3), ["Averaging the oracle's return"]),
    ],
    ids=lambda family: type(family).__name__,
)
def test_solvers_show_how_far_they_are(monkeypatch, family, titles):
    """Each has a bar, which a terminal shows where it takes long; here all do."""
    for remembered in (dispatch._solve, finite_horizon_indices):
        remembered.cache_clear()
    for function in (Progress.__init__, track):
        monkeypatch.setitem(function.__kwdefaults__, "delay", 0.0)
    with terminal(monkeypatch) as shown:
        solve_by_bounds(family, "is small") if "Measuring" in titles else dispatch.solve(family)
    for title in titles:
        assert title in shown[0]
