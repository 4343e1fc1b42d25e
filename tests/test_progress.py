"""Bars for what takes long."""

import io
import os
import re
import select
import sys
from contextlib import contextmanager

import pytest

from meta_envs import progress as module
from meta_envs.progress import Progress, track


@contextmanager
def terminal(monkeypatch):
    """What is written to standard error while it is a terminal, as a list of a text."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    shown = []
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w", encoding="utf-8") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", file)
        yield shown
        file.flush()
        shown.append(os.read(ours, 1 << 20).decode() if select.select([ours], [], [], 0.0)[0] else "")
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
