"""Figure 6: what holds of who remembers the rewarded image, and fails of those that do not; numbers that are kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_players import Withheld

from meta_envs import agents
from meta_envs.agents import load_agent
from meta_envs.figures import kept, reproduce
from meta_envs.figures.claims import OPEN
from meta_envs.figures.panels import harlow, harlow_seeds
from meta_envs.figures.panels.harlow import PIXELS, SYMBOLS

REWARD = "reward reaches the optimum"
CHANCE, CEILING = "the first choice is at chance", "from trial 2 on choices are at ceiling"


def verdicts(name: str, symbols: Any, pixels: Any, episodes: int) -> dict[str, str]:
    """By claim."""
    cast = {"symbols": symbols, "pixels": pixels}
    return {each.claim: each.verdict for each in reproduce(name, agent=cast, episodes=episodes).verdicts}


def test_the_optimum_holds_all() -> None:
    """And the shipped agent in symbols."""
    assert set(verdicts("6d", "bayes", "bayes", 10_000).values()) == {"holds"}
    found = verdicts("6f", load_agent(SYMBOLS), "bayes", 10_000)
    assert found[f"symbols: {CHANCE}"] == found[f"symbols: {CEILING}"] == found[f"pixels: {CEILING}"] == "holds"
    assert found[f"pixels: {CHANCE}"] != "fails"


def test_who_learned_nothing_fails() -> None:
    """Before training and without rewards; who is told the task is not at chance."""
    untrained = load_agent(SYMBOLS).untrained(), load_agent(PIXELS).untrained()
    assert set(verdicts("6d", *untrained, 200).values()) == {"fails"}
    found = verdicts("6f", *untrained, 200)
    assert found[f"symbols: {CEILING}"] == found[f"pixels: {CEILING}"] == "fails"
    withheld = Withheld(load_agent(SYMBOLS))
    assert verdicts("6d", withheld, "oracle", 500)[f"symbols: {REWARD}"] == "fails"
    found = verdicts("6f", withheld, "oracle", 500)
    assert found[f"symbols: {CEILING}"] == found[f"pixels: {CHANCE}"] == "fails"
    assert verdicts("6f", "oracle", "oracle", 500)[f"symbols: {CHANCE}"] == "fails"


@pytest.mark.parametrize(("good", "expected"), [(0, "fails"), (4, "holds"), (9, "fails")])
def test_the_share_of_good_seeds(good: int, expected: str) -> None:
    """43 % are published."""
    players = ["bayes"] * good + ["random"] * (9 - good)
    made = reproduce("6e", agent={"two LSTMs, symbols": players}, episodes=50)
    (verdict,) = (each for each in made.verdicts if "symbols, two LSTMs" in each.claim)
    assert verdict.verdict == expected
    assert f"{good} of 9 seeds" in verdict.ours


def test_the_second_choice_counts_by_itself() -> None:
    """One that is often wrong is no ceiling, however good the others are."""
    correct = np.ones((1000, 10))
    correct[::2, 0] = 0.0
    for wrong, expected in ((0, "holds"), (100, "fails")):
        correct[:wrong, 1] = 0.0
        _, ceiling = harlow._judge_trials("symbols", [harlow.Choices(correct, correct)])
        assert ceiling.verdict == expected


@pytest.mark.parametrize(("good", "num"), [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 5)])
def test_few_seeds_say_nothing(good: int, num: int) -> None:
    """Where neither none nor all of them could contradict the published share."""
    verdict = harlow_seeds._judge_seeds("pixels", "two LSTMs", np.array([1.0] * good + [0.5] * (num - good)))
    assert (verdict.verdict, verdict.needed) == (OPEN, None)
    assert "more agents" in verdict.settles


def test_kept_numbers_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For agents that nobody gives; they are those that the figure gave, to the last bit."""
    role = "symbols along training"
    cast = {"symbols": "bayes", "pixels": "bayes"}
    monkeypatch.setattr(agents, "variants", lambda id: [])  # as if none were shipped
    given = reproduce("6f", agent={**cast, role: [load_agent(SYMBOLS)]}, episodes=100)
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    kept.keep("6f", given.data, [role], tmp_path)
    found = reproduce("6f", agent=cast, episodes=100)
    assert found.figure.get_axes()
    for name, column in given.data.items():
        mine = given.data["role"] == role
        assert np.array_equal(column[mine], found.data[name][found.data["role"] == role])
    (tmp_path / "6f.csv").write_text("role,task\nno")
    with pytest.raises(ValueError, match="install meta-envs again"):
        reproduce("6f", agent=cast, episodes=100)
