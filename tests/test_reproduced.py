"""What the documentation shows of the paper's figures is what the command gives."""

import sys
from pathlib import Path
from typing import Any

import pytest

from meta_envs.figures import Production, whole
from meta_envs.figures.reproduce import is_shipped, seconds_of

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs"))  # as for Sphinx

import paper  # noqa: E402

SHOWN = paper.results()
QUICK = 8.0
"""Seconds of figures that every run of the tests makes again; `make test-long` makes all."""


def test_every_figure_is_documented() -> None:
    """With its picture, and nothing is left over from another time."""
    assert list(SHOWN) == whole()
    files = {file.name for file in paper.REPRODUCTION.iterdir() if file.suffix in (".json", ".png")}
    assert files == {f"{name}{ending}" for name in whole() for ending in (".json", ".png")}


def test_the_readmes_table_is_the_one_of_the_figures() -> None:
    """``make figures`` renews it."""
    text = paper.README.read_text(encoding="utf-8")
    assert paper.with_claims(text) == text


@pytest.mark.parametrize("name", list(SHOWN))
def test_the_documented_figure_is_of_the_shipped_agents(name: str) -> None:
    """Of these weights, in as many lifetimes as the command takes."""
    assert is_shipped(name)
    shown, now = SHOWN[name]["settings"], Production(name).settings
    assert {**shown, "versions": None} == {**now, "versions": None}


def compare(name: str) -> None:
    """Made again, a figure has the documented verdicts and numbers.

    On one kind of machine they are equal. On another one the last bits of a network may decide a choice otherwise, so
    that a number may move by a small part of its interval.
    """
    found = Production(name).make().to_dict()["claims"]
    assert [(claim["claim"], claim["paper"]) for claim in found] == [
        (claim["claim"], claim["paper"]) for claim in SHOWN[name]["claims"]
    ]
    for claim, shown in zip(found, SHOWN[name]["claims"], strict=True):
        assert claim["verdict"] == shown["verdict"], claim["claim"]
        for check, other in zip(claim["checks"], shown["checks"], strict=True):
            require_near(check["measured"], other["measured"])


def require_near(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal, or apart by less than a fifth of the interval; what nobody measured is None."""
    if other["value"] is None:
        assert one == other
        return
    half = (other["high"] - other["low"]) / 2
    for end in ("value", "low", "high"):
        assert one[end] == pytest.approx(other[end], abs=0.2 * half, rel=1e-9)
    assert (one["lifetimes"], one["agents"]) == (other["lifetimes"], other["agents"])


@pytest.mark.parametrize("name", [name for name in SHOWN if seconds_of(name) <= QUICK])
def test_a_quick_figure_is_the_documented_one(name: str) -> None:
    """Number for number."""
    compare(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SHOWN if seconds_of(name) > QUICK])
def test_every_figure_is_the_documented_one(name: str) -> None:
    """Number for number."""
    compare(name)
