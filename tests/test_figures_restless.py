"""Figure 4: what holds of learners that find volatility out, and fails of those that do not."""

from typing import Any

import numpy as np
import pytest
from figure_players import Withheld

from meta_envs.agents import load_agent
from meta_envs.figures import Stage, reproduce
from meta_envs.figures.panels import restless, volatility
from meta_envs.learners import Learner
from meta_envs.learners.bandits import RescorlaWagner

ID = restless.ID


class Contrary(Learner):
    """Rescorla-Wagner learning that is told the volatility, and is slow where it is high."""

    name, needs = "contrary", ("task",)

    def begin(self, family: Any, num: int, rng: np.random.Generator) -> None:
        self.rng, self.values = rng, np.full((num, 2), 0.5)

    def inform(self, known: dict[str, Any]) -> None:
        self.rate = np.where(known["task"][:, 0] > 0.1, 0.1, 0.9)

    def act(self, observation: Any) -> Any:
        return np.argmax(8.0 * self.values + self.rng.gumbel(size=self.values.shape), axis=-1)

    def learn(self, action: Any, outcome: Any, reward: Any) -> None:
        place = np.arange(len(action)), action
        self.values[place] += self.rate * (reward - self.values[place])


CONTRARY = Contrary()


def verdict(name: str, player: Any, episodes: int) -> str:
    """Of a figure's only claim."""
    (found,) = reproduce(name, agent={"agent": player}, episodes=episodes).verdicts
    return found.verdict


@pytest.mark.parametrize(
    ("player", "expected"),
    [
        (load_agent(ID), "holds"),
        ("bayes", "holds"),
        (load_agent(ID).untrained(), "fails"),
        (Withheld(load_agent(ID)), "fails"),
    ],
    ids=["agent", "bayes", "untrained", "withheld"],
)
def test_regret(player: Any, expected: str) -> None:
    """Below that of the rules only where rewards are used."""
    assert verdict("4b", player, 300) == expected


@pytest.mark.parametrize(
    "player", [load_agent(ID).untrained(), Withheld(load_agent(ID))], ids=["untrained", "withheld"]
)
def test_learning_rates_of_what_learned_nothing(player: Any) -> None:
    """There is nothing to fit."""
    assert verdict("4c", player, 4) == "fails"
    assert verdict("4e", player, 20) == "fails"


def test_the_agent_has_learning_rates_of_its_own_where_volatility_is_high() -> None:
    """Higher ones than where it is low, unlike a learner that is slow there."""
    assert verdict("4e", load_agent(ID), 60) == "holds"
    assert verdict("4e", CONTRARY, 20) == "fails"


def test_a_learning_rate_for_each_block_is_a_gain_only_where_there_are_two() -> None:
    """Rescorla-Wagner has one learning rate; the contrary rule has two. What one rule does the other does not."""
    wagner = RescorlaWagner()
    assert verdict("4c", CONTRARY, 40) == "holds"
    assert verdict("4c", wagner, 40) == "fails"
    for measure, figure in ((volatility.measure_models, "4d"), (volatility.measure_rates, "4f")):
        assert measure(Stage(40, 2016, {}), figure, rules=(wagner,))[1][0].verdict == "holds"
        assert measure(Stage(20, 2016, {}), figure, rules=(CONTRARY,))[1][0].verdict == "fails"


def test_a_few_lifetimes_make_examples() -> None:
    """The first lifetime of each volatility, as it was lived."""
    made = reproduce("4a", agent=load_agent(ID), episodes=2)
    shown = made.data
    declared = shown["play"] == "declared"
    assert len(shown["trial"]) == 400
    chosen = np.where(shown["agent_p_1"] > 0.5, 1, 2)
    assert np.array_equal(chosen[declared], shown["arm"][declared])
    assert made.figure.get_axes()
