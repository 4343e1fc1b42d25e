"""Figure 7: what holds of who knows the way after one find, and fails of those that do not."""

from typing import Any

import numpy as np
import pytest
from figure_players import Withheld

from meta_envs.agents import load_agent
from meta_envs.figures import reproduce
from meta_envs.figures.panels.mazes import GRID

QUICK, SLOW = "the agent's later finds are quick", "without a memory later finds are as slow as the first"
ABOVE, RISE = "the recurrent agent's return is above the feed-forward one's", "value rises before"


def verdicts(name: str, agent: Any, feedforward: Any = None, episodes: int = 200) -> dict[str, str]:
    """By claim; rules play in the first person, where they need not look."""
    cast = {"agent": "searcher", "agent, grid": agent}
    if feedforward is not None:
        cast |= {"feed-forward": "memoryless", "feed-forward, grid": feedforward}
    return {each.claim: each.verdict for each in reproduce(name, agent=cast, episodes=episodes).verdicts}


def test_who_remembers_holds_all() -> None:
    """The shipped agent on the grid, and the rule of the best search in the first person."""
    agent = load_agent(GRID.id)
    assert set(verdicts("7c", agent, "memoryless").values()) == {"holds"}
    found = verdicts("7-latency", agent, "memoryless")
    assert found[f"grid: {QUICK}"] == found[f"grid: {SLOW}"] == found[f"first person: {QUICK}"] == "holds"
    assert found[f"first person: {SLOW}"] != "fails"
    (value,) = (verdict for claim, verdict in verdicts("7d", agent).items() if claim.startswith(f"grid: {RISE}"))
    assert value == "holds"


@pytest.mark.parametrize("who", ["untrained", "withheld", "memoryless"])
def test_who_does_not_remember_fails(who: str) -> None:
    """Each claim of the agent."""
    shipped = load_agent(GRID.id)
    player = {"untrained": shipped.untrained(), "withheld": Withheld(shipped), "memoryless": "memoryless"}[who]
    assert verdicts("7c", player, "searcher")[f"grid: {ABOVE}"] == "fails"
    assert verdicts("7-latency", player, "searcher")[f"grid: {QUICK}"] == "fails"
    assert verdicts("7-latency", player, "searcher")[f"grid: {SLOW}"] == "fails"
    assert "holds" not in {verdict for claim, verdict in verdicts("7d", player).items() if claim.startswith("grid")}


def test_ways_and_the_map() -> None:
    """The way ends where a goal is, in an alcove, and all of it is where one can walk."""
    shown = reproduce("7b", agent="searcher", episodes=2).data
    ends = shown["goal"] == 1
    assert ends.any()
    assert set(np.floor(shown["x"][ends]).astype(int)) <= {1, 11}
    picture = reproduce("7a", agent="searcher", episodes=2).data
    plan = {(x, y) for part, x, y, red, *_ in zip(*picture.values(), strict=True) if part == "map" and red}
    assert {(int(x), int(y)) for x, y in zip(shown["x"], shown["y"], strict=True)} <= plan
    assert reproduce("7", agent={"agent": "searcher", "agent, grid": "searcher"} | FEEDFORWARD, episodes=20).figure


FEEDFORWARD = {"feed-forward": "memoryless", "feed-forward, grid": "memoryless"}
