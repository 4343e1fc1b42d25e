"""Figure 7: what holds of who knows the way after one find, and fails of those that do not."""

from typing import Any

import numpy as np
import pytest
from figure_players import Withheld

from meta_envs.agents import load_agent
from meta_envs.figures import reproduce
from meta_envs.figures.claims import Measured
from meta_envs.figures.panels import finds
from meta_envs.figures.panels.mazes import GRID
from meta_envs.learners.mazes import Memoryless, Searcher

QUICK, SLOW = "the agent's later finds are quick", "without a memory later finds are as slow as the first"
ABOVE, RISE = (
    "the recurrent agent's return is above the feed-forward one's",
    "value rises before the goal is in view, once it was found",
)


SEARCHER, MEMORYLESS, AGENT = Searcher(), Memoryless(), load_agent(GRID.id)
FEEDFORWARD = {"feed-forward": MEMORYLESS, "feed-forward, grid": MEMORYLESS}


def verdicts(name: str, agent: Any, feedforward: Any = None, episodes: int = 200) -> dict[str, str]:
    """By claim; rules play in the first person, where they need not look."""
    cast = {"agent": SEARCHER, "agent, grid": agent}
    if feedforward is not None:
        cast |= {"feed-forward": MEMORYLESS, "feed-forward, grid": feedforward}
    return {each.claim: each.verdict for each in reproduce(name, agent=cast, episodes=episodes).verdicts}


@pytest.mark.slow
def test_who_remembers_holds_all() -> None:
    """The shipped agent on the grid, and the rule of the best search in the first person."""
    assert set(verdicts("7c", AGENT, MEMORYLESS).values()) == {"holds"}
    found = verdicts("7-latency", AGENT, MEMORYLESS)
    assert found[f"grid: {QUICK}"] == found[f"grid: {SLOW}"] == found[f"first person: {QUICK}"] == "holds"
    assert found[f"first person: {SLOW}"] != "fails"
    (value,) = (
        verdict for claim, verdict in verdicts("7d", AGENT, episodes=40).items() if claim.startswith(f"grid: {RISE}")
    )
    assert value == "holds"


@pytest.mark.slow
@pytest.mark.parametrize("who", ["untrained", "withheld", "memoryless"])
def test_who_does_not_remember_fails(who: str) -> None:
    """Each claim of the agent."""
    player = {"untrained": AGENT.untrained(), "withheld": Withheld(AGENT), "memoryless": MEMORYLESS}[who]
    assert verdicts("7c", player, SEARCHER)[f"grid: {ABOVE}"] == "fails"
    found = verdicts("7-latency", player, SEARCHER)
    assert found[f"grid: {QUICK}"] == found[f"grid: {SLOW}"] == "fails"
    assert "holds" not in {
        verdict for claim, verdict in verdicts("7d", player, episodes=10).items() if claim.startswith("grid")
    }


@pytest.mark.parametrize(
    ("value", "half", "expected"), [(103.0, 5.0, "holds"), (125.0, 6.0, "fails"), (8.0, 1.0, "fails")]
)
def test_published_latencies(value: float, half: float, expected: str) -> None:
    """About 100 decisions to the first goal."""
    verdict = finds._judge_decisions("first", Measured(value, value - half, value + half, 100))
    assert verdict.verdict == expected
    assert f"{value - 100:+.1f}" in verdict.ours


def test_ways_and_the_map() -> None:
    """The way ends where a goal is, in an alcove, and all of it is where one can walk."""
    shown = reproduce("7b", agent=SEARCHER, episodes=2).data
    ends = shown["goal"] == 1
    assert ends.any()
    assert set(np.floor(shown["x"][ends]).astype(int)) <= {1, 11}
    picture = reproduce("7a", agent=SEARCHER, episodes=2).data
    plan = {(x, y) for part, x, y, red, *_ in zip(*picture.values(), strict=True) if part == "map" and red}
    assert {(int(x), int(y)) for x, y in zip(shown["x"], shown["y"], strict=True)} <= plan
    assert reproduce("7", agent={"agent": SEARCHER, "agent, grid": SEARCHER} | FEEDFORWARD, episodes=2).figure
