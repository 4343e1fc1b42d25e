"""Scores carry the errors of the optimum and of random play where these were simulated."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from families import TwoRooms
from rich.console import Console

import meta_envs
from meta_envs import evaluate, intervals, solve
from meta_envs.evaluation import scores
from meta_envs.evaluation.cards import Scorecard
from meta_envs.evaluation.tables import table
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.tabular import TabularMDP
from meta_envs.learners.returns import Record
from meta_envs.solvers import restless
from meta_envs.solvers.optimum import Optimum
from meta_envs.solvers.restless import solve_restless

TRUE_VALUE, TRUE_RANDOM = 20.0, 10.0


def summarise(
    rng: np.random.Generator, kind: str, errors: tuple[float, float, float], slope: float
) -> dict[str, object]:
    """A card's numbers in a whole experiment, drawn anew: the ends of the scale, and 200 lifetimes of two learners.

    The learner's true return is 17: a score of .7, and of .5 where the bound is 24.
    """
    value_se, achieved_se, random_se = errors
    achieved = TRUE_VALUE + achieved_se * rng.normal()
    optimum = Optimum(
        value=24.0 if kind == "bound" else achieved,
        achieved=achieved,
        kind=kind,  # type: ignore[arg-type]
        note="drawn",
        random_value=TRUE_RANDOM + random_se * rng.normal(),
        value_se=value_se,
        achieved_se=achieved_se,
        random_se=random_se,
    )
    luck = rng.normal(size=200)
    best = TRUE_VALUE + luck
    own = 17.0 + slope * luck + 0.3 * rng.normal(size=200)
    records = [Record(returns, returns, None, None) for returns in (own, best)]
    return scores._summarise(*records, optimum, "")


@pytest.mark.parametrize(
    ("kind", "errors", "slope", "truth"),
    [
        ("simulated", (0.2, 0.2, 0.0), 1.0, 0.7),
        ("simulated", (0.2, 0.2, 0.0), 0.0, 0.7),
        ("bound", (0.0, 0.2, 0.0), 1.0, 0.5),
        ("exact", (0.0, 0.0, 0.3), 1.0, 0.7),
        ("simulated", (0.1, 0.1, 0.2), 0.5, 0.7),
    ],
)
def test_intervals_hold_the_truth_of_whole_experiments(monkeypatch, kind, errors, slope, truth):
    """Over 300 experiments the score and the return scatter as their errors say, and intervals hold the truth."""
    # Student's t in place of the bootstrap, which takes long and is tested elsewhere.
    monkeypatch.setattr(intervals, "MANY", 1000)
    rng = np.random.default_rng(7)
    found = [summarise(rng, kind, errors, slope) for _ in range(300)]
    score = np.array([one["score"] for one in found])
    width = np.array([one["score_high"] - one["score_low"] for one in found])
    # 300 standard deviations lie within 0.16 of the true one with probability 0.9999.
    assert np.mean(width) / (2 * 1.96) / np.std(score) == pytest.approx(1.0, abs=0.16)
    assert abs(np.mean(score) - truth) < 4 * np.std(score) / np.sqrt(300)
    held = np.mean([one["score_low"] <= truth <= one["score_high"] for one in found])
    assert held > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 300)
    returns = np.array([one["return_mean"] for one in found])
    assert np.mean([one["return_se"] for one in found]) / np.std(returns) == pytest.approx(1.0, abs=0.16)


@pytest.fixture(scope="module")
def walk() -> RestlessBandit:
    """Restless arms whose lifetimes are too long to go through all histories."""
    return RestlessBandit(num_trials=12, volatility="low")


def test_a_simulated_optimum_says_so(walk):
    """The policy is known, its value is simulated: the card has its kind and error, and no return without one."""
    optimum = solve(walk)
    assert optimum.kind == "simulated"
    assert optimum.value == optimum.achieved
    assert 0.0 < optimum.value_se == optimum.achieved_se < 0.01
    best, other, chance = evaluate(["bayes", "thompson", "random"], walk, episodes=300)
    for card in (best, other, chance):
        assert card.optimum_kind == "simulated"
        assert (card.optimal_return_se, card.random_return_se) == (optimum.value_se, 0.0)
        assert card.note.startswith("The optimum is simulated: ")
    # What is optimal scores 1 by definition, whatever its value; its return is no better known than that.
    assert (best.score, best.score_low, best.score_high) == pytest.approx((1.0, 1.0, 1.0))
    assert best.return_se == pytest.approx(optimum.value_se)
    assert other.return_se > optimum.value_se
    assert other.score_low < other.score < other.score_high
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table([best]))
    assert f"Optimal return {optimum.value:.2f} ± {optimum.value_se:.2f} (simulated)" in capture.get()


def test_the_error_of_a_simulated_optimum_is_its_scatter(walk, monkeypatch):
    """Simulated 30 times with other chance, the optimum scatters as it says."""
    make = np.random.default_rng
    monkeypatch.setattr(restless, "LIFETIMES", 512)
    monkeypatch.setattr(restless, "CHUNK", 512)
    found = []
    for seed in range(30):
        monkeypatch.setattr(np.random, "default_rng", lambda _, seed=seed: make([99, seed]))
        found.append(solve_restless(walk))
    values, errors = [one.value for one in found], [one.value_se for one in found]
    # 30 standard deviations lie within 0.45 of the true one with probability 0.999.
    assert np.mean(errors) / np.std(values, ddof=1) == pytest.approx(1.0, abs=0.45)


def test_a_simulated_policy_under_a_bound_has_an_interval():
    """The return of the Gittins policy is known to what it was simulated to, and so is its score under the bound."""
    keywords = {"num_arms": 8, "num_trials": 11}
    optimum = solve("MetaBandit-Independent-v0", **keywords)
    card = evaluate("gittins", "MetaBandit-Independent-v0", episodes=200, **keywords)
    assert optimum.kind == "bound"
    assert card.return_se == pytest.approx(optimum.achieved_se)
    assert optimum.achieved_se > 0.005
    unit = optimum.value - optimum.random_value
    half = 1.96 * optimum.achieved_se / unit
    assert [card.score_low, card.score_high] == pytest.approx([card.score - half, card.score + half], rel=1e-3)


def test_an_exact_optimum_has_no_error():
    """Nothing is simulated there: the optimal learner's return is exact."""
    card = evaluate("bayes", "MetaBandit-Independent-v0", episodes=200, num_trials=10)
    assert card.return_se == pytest.approx(0.0, abs=1e-12)
    assert (card.optimal_return_se, card.random_return_se, card.optimum_kind) == (0.0, 0.0, "exact")


def test_simulated_random_play_widens_the_scores_below_one():
    """In pixels random play is simulated: its error counts fully at score 0, and not at all at score 1."""
    keywords = {"num_trials": 2, "num_decisions": 24, "resolution": 36}
    optimum = solve("MetaHarlow-v0", **keywords)
    assert optimum.random_se > 0.0
    best, chance = evaluate(["bayes", "random"], "MetaHarlow-v0", episodes=200, **keywords)
    assert best.random_return_se == optimum.random_se
    assert best.score_high == pytest.approx(best.score_low)
    unit = optimum.value - optimum.random_value
    of_lifetimes = (chance.score_high - chance.score_low) * unit / (2 * 1.96)
    assert of_lifetimes == pytest.approx(np.hypot(chance.return_se, (1 - chance.score) * optimum.random_se), rel=0.1)


def test_cards_of_before_are_read_and_others_refused():
    """A card without the newer keys is read as it was meant; one with a key too many, or too few, is none."""
    card = evaluate("ucb", "MetaBandit-Independent-v0", episodes=10, num_trials=5)
    content = card.to_dict()
    old = {name: value for name, value in content.items() if not name.endswith("return_se") or name == "return_se"}
    for name in ("realised_return_se",):
        old[name] = content[name]
    del old["curve_unit"]
    read = Scorecard.from_json(json.dumps(old))
    assert read == replace(card, optimal_return_se=None, random_return_se=None, curve_unit="step")
    for wrong in ({**content, "extra": 1}, {name: value for name, value in content.items() if name != "score"}):
        with pytest.raises(ValueError, match="This is no scorecard: it needs exactly the keys"):
            Scorecard.from_json(json.dumps(wrong))


# No score where there is nothing to win


@pytest.mark.parametrize("keywords", [{}, {"num_states": 2}, {"num_states": 1}, {"reward_mean": -3.0, "num_states": 4}])
def test_one_action_leaves_no_score(keywords):
    """With one action all play is random play, whatever the solver's simulation makes of it."""
    family = TabularMDP(num_actions=1, num_episodes=2, episode_length=3, **keywords)
    optimum = solve(family)
    assert (optimum.kind, optimum.value, optimum.achieved) == ("exact", optimum.random_value, optimum.random_value)
    assert optimum.unit is None
    for card in evaluate(["random", "psrl", "oracle"], family, episodes=20):
        assert (card.score, card.score_low, card.score_high) == (None, None, None)
        assert card.note == "No score: random play is optimal already."
        assert card.return_mean == pytest.approx(optimum.random_value)


@pytest.mark.parametrize(
    ("kind", "value", "value_se", "random_se", "unit"),
    [
        ("exact", 10.0, 0.0, 0.0, None),
        ("exact", 10.5, 0.0, 0.0, 0.5),
        ("exact", 10.5, 0.0, 0.2, None),
        ("simulated", 10.5, 0.2, 0.0, None),
        ("simulated", 10.5, 0.1, 0.1, 0.5),
        # Three of them are in a bound already.
        ("bound", 10.5, 0.1, 0.0, None),
        ("bound", 10.7, 0.1, 0.0, 0.7),
        ("exact", 9.0, 0.0, 0.0, None),
    ],
)
def test_a_unit_is_more_than_errors(kind, value, value_se, random_se, unit):
    """Random play counts as optimal where three standard errors can make the difference."""
    optimum = Optimum(
        value=value, achieved=value, kind=kind, note="", random_value=10.0, value_se=value_se, random_se=random_se
    )
    assert optimum.unit == (None if unit is None else pytest.approx(unit))


def test_a_unit_is_measured_in_the_rewards():
    """Large rewards have scores too, and what they lose by rounding is none."""
    card = evaluate("bayes", "MetaBandit-Informative-v0", episodes=10, target_reward=5e29, other_reward=1e29)
    assert card.score == pytest.approx(1.0)
    rooms = solve(TwoRooms())
    assert replace(rooms, value=1e12 + 1e-3, random_value=1e12, achieved=1e12).unit is None


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("MetaBandit-Informative-v0", "target_reward"),
        ("MetaBandit-Informative-v0", "other_reward"),
        ("MetaNavigation-IMazeGrid-v0", "goal_reward"),
        ("MetaNavigation-IMaze-v0", "apple_reward"),
        ("MetaNavigation-RandomMaze-v0", "goal_reward"),
        ("MetaMDP-Tabular-v0", "reward_mean"),
        ("MetaMDP-Tabular-v0", "noise_sd"),
    ],
)
@pytest.mark.parametrize("value", [1e308, -1e308, 1.1e30, 10**400])
def test_rewards_beyond_all_sums_are_refused(id, name, value):
    """Sums and squares of them are no numbers any more: one sentence says so when the family is made."""
    with pytest.raises(ValueError, match=rf"{name}=\S+ is not possible: give a finite number from -1e\+30 to 1e\+30"):
        gym.make(id, **{name: value})


def test_the_largest_rewards_are_evaluated():
    """At the limit everything is still a number."""
    family = meta_envs.make_family("MetaMDP-Tabular-v0", reward_mean=1e30, num_states=2, num_episodes=2)
    for card in evaluate(["random", "oracle"], family, episodes=10):
        assert np.isfinite([card.return_mean, card.return_se, card.regret_mean, card.regret_se]).all()
    assert solve(IndependentBandit(num_trials=2)).unit is not None
