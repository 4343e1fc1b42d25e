"""Evaluation: the same lifetimes for all, numbers that fit together, errors that are honest."""

import json
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import (
    BERNOULLI_IDS,
    DEPENDENT_IDS,
    PUBLISHED_IDS,
    SMALL,
    SOLVED_IDS,
    TwoRooms,
    UnlistedRooms,
    Urn,
    small,
)
from rich.console import Console

import meta_envs
from meta_envs import evaluate, make_family, solve
from meta_envs.envs.single import MetaEnv
from meta_envs.evaluation import cards, comparison
from meta_envs.evaluation.cards import Scorecard, load_cards, save_cards
from meta_envs.evaluation.figure import regret_figure
from meta_envs.evaluation.tables import table
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.intervals import bootstrap_means
from meta_envs.learners import returns, rollout
from meta_envs.learners.basic import Oracle, Random
from meta_envs.learners.learner import Learner
from meta_envs.learners.returns import Record
from meta_envs.roster import LEARNERS, make_learner, serving
from meta_envs.solvers.bayes import Bayes

SOLVED_BERNOULLI_IDS = [id for id in BERNOULLI_IDS if id in SOLVED_IDS]
INDEPENDENT = "MetaBandit-Independent-v0"
DEPENDENT = "MetaBandit-Dependent-v0"


def record_evaluation(learners: list[Learner], family: TaskFamily, episodes: int, seed: int) -> list[Record]:
    """What learners do in the lifetimes of an evaluation seed."""
    first = 2**32 + seed * 2**20
    return returns.record(learners, family, range(first, first + episodes), seed)


def run_by_hand(learner: Learner, env: gym.Env[Any, Any], seed: int) -> tuple[float, float]:
    """Realised return, and sum of the means of what was chosen, of one lifetime, step by step."""
    observation, _ = env.reset(seed=seed)
    unwrapped = env.unwrapped
    assert isinstance(unwrapped, MetaEnv)
    learner.begin(unwrapped.family, 1, np.random.default_rng(0))
    realised = expected = 0.0
    over = False
    while not over:
        action = learner.act(observation[None])
        expected += unwrapped.task[action[0]] if unwrapped.family.observation_space.shape == (1,) else 0.0
        observation, reward, over, _, _ = env.step(int(action[0]))
        learner.learn(action, np.array([unwrapped._lifetime.outcome]), np.array([reward]))
        realised += float(reward)
    return realised, expected


@pytest.mark.parametrize("id", SOLVED_BERNOULLI_IDS)
def test_lifetimes_are_those_of_the_stated_seeds(id: str) -> None:
    """Lifetime i of evaluation seed s is that of `gym.make` after `reset(seed=2**32 + s * 2**20 + i)`."""
    own = record_evaluation([Bayes()], make_family(id), 12, seed=3)[0]
    env = gym.make(id)
    by_hand = [run_by_hand(Bayes(), env, 2**32 + 3 * 2**20 + copy) for copy in range(12)]
    np.testing.assert_allclose(np.transpose([own.realised, own.expected]), by_hand)


def test_lifetimes_that_end_early_count_no_further() -> None:
    """Nothing that happens to a copy after its own end counts."""
    family = TwoRooms(length=6)
    own = record_evaluation([Bayes()], family, 30, seed=2)[0]
    by_hand = [run_by_hand(Bayes(), MetaEnv(family), 2**32 + 2 * 2**20 + copy)[0] for copy in range(30)]
    assert own.realised.tolist() == by_hand
    card = evaluate("bayes", family, episodes=10_000)
    optimum = solve(family)
    plain = np.mean(record_evaluation([Bayes()], family, 10_000, seed=1)[0].expected)
    assert abs(card.realised_return_mean - optimum.value) < 3 * card.realised_return_se
    assert abs(plain - optimum.value) < 3 * card.realised_return_se
    assert card.regret_mean > 0
    assert evaluate("oracle", family, episodes=100).regret_mean == pytest.approx(0, abs=1e-12)


def test_results_do_not_depend_on_the_number_of_lifetimes_or_on_names() -> None:
    """A lifetime of a whole block is the same in any evaluation, and so is a learner's card in its place.

    Whatever it is called and whoever comes after it; two of a kind at two places have chance of their own.
    """
    family = make_family(DEPENDENT)
    few, many = (
        record_evaluation([make_learner("thompson")], family, episodes, seed=1)[0] for episodes in (1000, 1300)
    )
    np.testing.assert_array_equal(few.expected, many.expected[:1000])
    alone = evaluate("thompson", DEPENDENT, episodes=300)
    assert alone == evaluate("thompson", DEPENDENT, episodes=300)
    assert alone == evaluate(["thompson", "ucb", "random"], DEPENDENT, episodes=300)[0]
    renamed = make_learner("thompson")
    renamed.name = "somebody else"
    assert replace(evaluate(renamed, DEPENDENT, episodes=300), learner="thompson") == alone
    first, second = evaluate(["thompson", "thompson"], DEPENDENT, episodes=300)
    assert first == alone
    assert second.return_mean != first.return_mean
    assert alone != evaluate("thompson", DEPENDENT, episodes=300, seed=2)


@pytest.mark.parametrize("block", [1, 7, 64, 300])
def test_results_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Learners without chance of their own get the same card however many lifetimes run side by side."""
    whole = evaluate([Bayes(), Oracle()], INDEPENDENT, episodes=50, num_trials=20)
    monkeypatch.setattr(rollout, "BLOCK", block)
    for first, second in zip(
        whole, evaluate([Bayes(), Oracle()], INDEPENDENT, episodes=50, num_trials=20), strict=True
    ):
        for name, value in first.to_dict().items():
            other = second.to_dict()[name]
            assert other == (pytest.approx(value, abs=1e-9) if isinstance(value, float | list) else value), name


def task_by_hand(id: str, copy: int) -> Array:
    """The task of a lifetime of evaluation seed 1, by the environment itself."""
    env = gym.make(id)
    env.reset(seed=2**32 + 2**20 + copy)
    assert isinstance(env.unwrapped, MetaEnv)
    return env.unwrapped.task


@pytest.mark.parametrize("id", SOLVED_BERNOULLI_IDS)
def test_numbers_of_a_card_fit_together(id: str) -> None:
    """Score, returns, optimum and curve of a card agree, and regret + expected return is the best arm's return."""
    card = evaluate("ucb", id, episodes=200)
    own = record_evaluation([make_learner("ucb")], make_family(id), 200, seed=1)[0]
    task = np.stack([task_by_hand(id, copy) for copy in range(200)])
    pulls = make_family(id).horizon
    assert card.score == (card.return_mean - card.random_return) / (card.optimal_return - card.random_return)
    assert card.score_low < card.score < card.score_high
    assert (len(card.regret_curve), card.regret_curve[-1], card.regret_curve_se[-1]) == (
        pulls,
        card.regret_mean,
        card.regret_se,
    )
    assert np.all(np.diff(card.regret_curve) >= 0)
    assert card.regret_mean + np.mean(own.expected) == pytest.approx(pulls * np.mean(task.max(axis=-1)), abs=1e-9)
    assert card.regret_se == pytest.approx(np.std(pulls * task.max(axis=-1) - own.expected, ddof=1) / 200**0.5)
    assert card.realised_return_mean == np.mean(own.realised)
    assert (card.optimal_return, card.optimum_kind, card.note) == (solve(id).value, "exact", "")


def assert_that_nobody_beats_the_optimum(id: str, episodes: int, **keywords: Any) -> None:
    """On common random numbers oracle >= Bayes >= all other learners, up to 3 standard errors of paired differences."""
    family = make_family(id, **keywords)
    names = serving(list(LEARNERS), family)
    best, *others = record_evaluation([make_learner(name) for name in ("bayes", *names)], family, episodes, seed=5)
    for name, own in zip(names, others, strict=True):
        gain = own.expected - best.expected
        error = np.std(gain) / np.sqrt(episodes)
        if name != "oracle":
            assert np.mean(gain) <= 3 * error + 1e-9, name
        elif id in PUBLISHED_IDS:
            assert np.mean(gain) > 3 * error
        else:  # a family that was added may leave nothing to find out
            assert np.mean(gain) >= -3 * error - 1e-9


@pytest.mark.parametrize("id", SOLVED_IDS)
def test_no_learner_beats_the_optimum(id: str) -> None:
    """In 1000 lifetimes, where long ones are slow in shorter ones."""
    assert_that_nobody_beats_the_optimum(id, 1000, **small(id))


@pytest.mark.slow
@pytest.mark.parametrize("id", [id for id in SOLVED_IDS if id in SMALL])
def test_no_learner_beats_the_optimum_at_full_size(id: str) -> None:
    """In lifetimes as long as they are registered."""
    assert_that_nobody_beats_the_optimum(id, 2000)


def test_published_order_on_independent_arms() -> None:
    """The paper's order of regret on independent arms: the optimum < Thompson < UCB, each by over 3 standard errors."""
    records = record_evaluation(
        [make_learner(name) for name in ("bayes", "thompson", "ucb", "random")], make_family(INDEPENDENT), 2000, 1
    )
    for better, worse in pairwise(records):
        difference = better.expected - worse.expected
        assert np.mean(difference) > 3 * np.std(difference) / np.sqrt(2000)


def test_knowing_that_arms_depend_helps() -> None:
    """On dependent arms Thompson with the true prior has less regret than with independent priors [paper, Fig 2c]."""
    for id in set(DEPENDENT_IDS) & set(PUBLISHED_IDS):
        thompson, independent = evaluate(["thompson", "thompson_independent"], id, episodes=2000)
        assert thompson.regret_mean + 3 * thompson.regret_se < independent.regret_mean


def test_exploration_is_worth_nothing_where_all_actions_tell_the_same() -> None:
    """On dependent arms greedy play is optimal: its score is 1 within its error."""
    card = evaluate("greedy", DEPENDENT, episodes=2000)
    assert card.score_low < 1 < card.score_high
    assert evaluate("greedy", INDEPENDENT, episodes=2000).score_high < 1


def test_the_optimal_learner_scores_exactly_one() -> None:
    """The optimum's value needs no sample: its score is 1 without error, its regret and realised return have theirs."""
    card = evaluate("bayes", INDEPENDENT, episodes=500)
    assert (card.score, card.score_low, card.score_high, card.return_se) == (
        pytest.approx(1),
        *[pytest.approx(1)] * 2,
        0,
    )
    assert card.regret_se > 0 < card.realised_return_se


def test_random_play_scores_zero() -> None:
    """Random play's score is 0 within its error, and its exact value within the errors of what was simulated."""
    card = evaluate("random", INDEPENDENT, episodes=2000)
    assert card.score_low < 0 < card.score_high
    assert abs(card.realised_return_mean - card.random_return) < 3 * card.realised_return_se


def test_standard_errors_are_honest() -> None:
    """Over 40 evaluation seeds returns scatter as their errors say, without bias, and intervals are as wide."""
    cards = [evaluate("thompson", DEPENDENT, episodes=60, seed=seed, num_trials=20) for seed in range(40)]
    returns = np.array([card.return_mean for card in cards])
    errors = np.array([card.return_se for card in cards])
    exact = evaluate("thompson", DEPENDENT, episodes=4000, seed=99, num_trials=20)
    # The standard deviation of 40 normal numbers lies within a third of the true one with probability 0.997.
    assert np.std(returns, ddof=1) / np.mean(errors) == pytest.approx(1, abs=0.33)
    assert abs(np.mean(returns) - exact.return_mean) < 3 * np.hypot(np.mean(errors) / 40**0.5, exact.return_se)
    unit = exact.optimal_return - exact.random_return
    assert (exact.score_high - exact.score_low) * unit == pytest.approx(2 * 1.96 * exact.return_se, rel=0.1)


def test_common_random_numbers_save_variance() -> None:
    """The error of the mean return is far below that of the rewards, and never above that of the expected returns."""
    for id in (INDEPENDENT, DEPENDENT):
        for card in (evaluate(name, id, episodes=1000) for name in ("thompson", "random")):
            own = record_evaluation([make_learner(card.learner)], make_family(id), 1000, seed=1)[0]
            assert card.return_se <= np.std(own.expected, ddof=1) / 1000**0.5 + 1e-12
            assert card.learner == "random" or card.return_se < card.realised_return_se / 4


@pytest.mark.parametrize("num", [300, 25_000])
def test_bootstrap_of_normal_numbers(num: int) -> None:
    """Bootstrap means of normal numbers scatter around their mean as theory says, also in groups of unequal size."""
    values = np.random.default_rng(1).normal(5, 2, num)
    means = bootstrap_means(values)
    assert np.mean(means) == pytest.approx(np.mean(values), abs=4 * 2 / num**0.5 / 2000**0.5)
    assert np.std(means) == pytest.approx(np.std(values) / num**0.5, rel=0.08)


def test_score_is_left_out_where_there_is_no_optimum() -> None:
    """Too many beliefs: regret and return are still there, and the card says why there is no score."""
    card = evaluate("thompson", INDEPENDENT, episodes=20, num_arms=3, num_trials=1000)
    assert (card.score, card.score_low, card.score_high, card.optimal_return, card.optimum_kind) == (None,) * 5
    assert re.match("No score: IndependentBandit has [0-9,]+ beliefs", card.note)
    assert card.regret_mean > 0 < card.return_mean
    assert Scorecard.from_json(card.to_json()) == card


def test_score_is_left_out_where_nothing_can_be_learned() -> None:
    """With a single pull random play is optimal, and there is no unit for a score."""
    card = evaluate("ucb", INDEPENDENT, episodes=50, num_trials=1)
    assert (card.score, card.note) == (None, "No score: random play is optimal already.")


def test_cards_survive_json(tmp_path: Path) -> None:
    """A card is the same after JSON and after a file, and has the documented keys; keywords pass through."""
    card = evaluate(
        "ucb:chi=0.5", INDEPENDENT, episodes=np.int64(20), seed=np.int64(4), num_arms=np.int64(3), num_trials=9
    )
    assert Scorecard.from_json(card.to_json()) == card
    assert (card.id, card.learner, card.keywords) == (INDEPENDENT, "ucb:chi=0.5", {"num_arms": 3, "num_trials": 9})
    assert (card.episodes, card.seed, len(card.regret_curve)) == (20, 4, 9)
    promised = "id learner episodes seed return_mean return_se regret_mean regret_se score score_low score_high"
    promised += " optimal_return optimum_kind random_return regret_curve"
    assert set(promised.split()) <= set(json.loads(card.to_json()))
    card.save(tmp_path / "card.json")
    assert load_cards(tmp_path / "card.json") == [card]
    save_cards([card, card], tmp_path / "cards.json")
    assert json.loads((tmp_path / "cards.json").read_text())["scorecards"] == [json.loads(card.to_json())] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "cards.json"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"id": "x"}'])
def test_what_is_no_card_is_refused(text: str) -> None:
    """JSON of something else is refused with the keys that a card needs."""
    with pytest.raises(ValueError, match="This is no scorecard: it needs exactly the keys id, learner"):
        Scorecard.from_json(text)


def test_families_are_taken_for_ids() -> None:
    """A family without an id is evaluated alike, and its card names its class and fields."""
    by_id, by_family = (evaluate("ucb", place, episodes=20) for place in (INDEPENDENT, IndependentBandit()))
    assert by_family.keywords == {"num_trials": 100, "num_arms": 2, "alpha": 1.0, "beta": 1.0}
    assert (
        replace(by_family, id=INDEPENDENT, keywords={})
        == by_id
        == evaluate("ucb", f"meta_envs:{INDEPENDENT}", episodes=20)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"episodes": 0}, "episodes=0 is not possible: give a whole number from 2 to 1048576"),
        ({"episodes": -5}, "episodes=-5 is not possible"),
        ({"episodes": 2**20 + 1}, "episodes=1048577 is not possible"),
        ({"episodes": 2.5}, "episodes=2.5 is not possible"),
        ({"episodes": True}, "episodes=True is not possible"),
        ({"seed": -1}, "seed=-1 is not possible: give a whole number from 0"),
        ({"learners": []}, r"learners=\[\] is not possible: give at least one"),
        ({"learners": "thompsonn"}, "There is no learner 'thompsonn': did you mean thompson"),
        ({"num_arms": 0}, "num_arms=0 is not possible"),
        ({"id": Urn(), "learners": "bayes"}, "Urn begins in a random state"),
        ({"id": TwoRooms(), "learners": "ucb"}, "ucb serves bandits, and TwoRooms is none"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    """Each is refused in one sentence with the value and the cure."""
    with pytest.raises(ValueError, match=message):
        evaluate(**{"learners": "random", "id": INDEPENDENT, "episodes": 5, **arguments})


def test_families_without_a_list_of_states_are_evaluated_without_regret() -> None:
    """The same rooms, listed or not, give random play the same returns; regret needs the list, and the card says so."""
    listed, unlisted = (evaluate("random", family, episodes=300) for family in (TwoRooms(), UnlistedRooms()))
    assert unlisted.realised_return_mean == listed.realised_return_mean
    assert unlisted.return_mean == pytest.approx(listed.return_mean, abs=1e-12)
    assert (unlisted.score, unlisted.regret_mean, unlisted.regret_curve) == (pytest.approx(listed.score), None, None)
    with pytest.raises(ValueError, match="There is no regret to draw in UnlistedRooms"):
        regret_figure([unlisted], "never.png")
    assert Scorecard.from_json(unlisted.to_json()) == unlisted


def test_unknown_ids_are_refused_as_by_gymnasium() -> None:
    """An id that is not registered raises what `gym.make` raises."""
    with pytest.raises(gym.error.NameNotFound):
        evaluate("random", "MetaBandit-Independant-v0")


class Stubborn(Random):
    """Answers with something else than arms."""

    name = "stubborn"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def act(self, observation: Array) -> Array:
        return np.asarray(self._answer)


@pytest.mark.parametrize("answer", [[0, 2], [-1, 0], [0.0, 1.0], [[0], [1]], [0], 1])
def test_learners_that_give_no_actions_are_refused(answer: Any) -> None:
    """Actions that are no arms would count silently for others; they are refused by the learner's name."""
    with pytest.raises(ValueError, match=r"The learner 'stubborn' gave .*: give 2 whole numbers from 0 to 1"):
        evaluate(Stubborn(answer), INDEPENDENT, episodes=2)


class Peeper(Random):
    """Keeps what it is shown."""

    needs = ("observation",)

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        super().begin(family, num, rng)
        self.seen: list[Array] = []

    def act(self, observation: Array) -> Array:
        self.seen.append(observation)
        return super().act(observation)


def test_learners_are_shown_observations_in_the_space() -> None:
    """What a learner sees is in the family's observation space, one new array a step."""
    peeper = Peeper()
    family = TwoRooms(length=3)
    evaluate(peeper, family, episodes=4)
    assert len(peeper.seen) == 3
    assert all(family.observation_space.contains(row) for seen in peeper.seen for row in seen)
    assert not np.shares_memory(peeper.seen[0], peeper.seen[1])


@dataclass(frozen=True, kw_only=True)
class DarkRooms(UnlistedRooms):
    """Rooms that nobody may look at."""

    def observe(self, task: Any, state: Array) -> Array:
        raise RuntimeError("seen")


def test_nothing_is_drawn_for_learners_that_need_no_observation() -> None:
    """A learner that says so is given None; no rule needs observations, and what says nothing is shown them."""
    assert evaluate(["random", "greedy", "bayes"], DarkRooms(), episodes=4)[0].episodes == 4
    with pytest.raises(RuntimeError, match="seen"):
        evaluate(Peeper(), DarkRooms(), episodes=4)
    assert [name for name in LEARNERS if "observation" in make_learner(name).needs] == []
    bayes = Bayes()
    bayes.begin(make_family(DEPENDENT), 1, np.random.default_rng(0))
    assert (bayes.needs, Learner.needs) == ((), ("observation",))


def test_table_shows_learners_and_numbers() -> None:
    """The table for people has one row a learner, with regret, score and the optimum."""
    cards = evaluate(["bayes", "ucb"], INDEPENDENT, episodes=30, num_trials=10)
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table(cards))
    text = capture.get()
    for expected in (
        "MetaBandit-Independent-v0, num_trials=10: 30 unseen lifetimes",
        "bayes",
        "ucb",
        "(exact)",
        "1.000",
    ):
        assert expected in text
    assert f"{cards[1].regret_mean:.2f} ± {cards[1].regret_se:.2f}" in text


def test_figure_is_written(tmp_path: Path) -> None:
    """Curves of several learners and environments become a picture at 150 dpi."""
    cards = [card for id in (INDEPENDENT, DEPENDENT) for card in evaluate(["bayes", "random"], id, episodes=20)]
    regret_figure(cards, tmp_path / "new" / "regret.png")
    content = (tmp_path / "new" / "regret.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert [int.from_bytes(content[at : at + 4], "big") for at in (16, 20)] == [2250, 675]
    with pytest.raises(ValueError, match="There are no scorecards to draw"):
        regret_figure([], tmp_path / "none.png")


def test_figure_names_the_missing_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Matplotlib the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "meta-envs\[plots\]"'):
        regret_figure([evaluate("random", INDEPENDENT, episodes=2, num_trials=2)], tmp_path / "figure.png")


def test_lazy_names_are_the_same() -> None:
    """`meta_envs.evaluate` and its like are those of the modules."""
    assert (meta_envs.Scorecard, meta_envs.Optimum.__name__) == (Scorecard, "Optimum")
    assert (meta_envs.Difference, meta_envs.compare) == (cards.Difference, comparison.compare)


@pytest.mark.parametrize(("episodes", "num"), [(5, 300), (30, 300), (120, 100)])
def test_intervals_of_few_lifetimes_hold_the_truth_as_often_as_they_say(episodes: int, num: int) -> None:
    """Of intervals for random play, whose score is 0, no fewer hold it than 3.5 standard errors below 95 %."""
    cards = [evaluate("random", DEPENDENT, episodes=episodes, seed=seed, num_trials=10) for seed in range(num)]
    held = np.mean([card.score_low <= 0.0 <= card.score_high for card in cards])
    assert held >= 0.95 - 3.5 * (0.95 * 0.05 / num) ** 0.5


def test_learners_of_one_name_are_told_apart() -> None:
    """Two agents, or two optima, have two rows and two curves."""
    learners = [solve("MetaBandit-Dependent-v0").policy, solve("MetaBandit-DependentHard-v0").policy]
    cards = evaluate(learners, "MetaBandit-Dependent-v0", episodes=10)
    assert [card.learner for card in cards] == ["bayes", "bayes #2"]


def test_saved_cards_can_be_read_again(tmp_path: Path) -> None:
    """What `save_cards` wrote, `load_cards` gives."""
    cards = evaluate(["random", "ucb"], "MetaBandit-Dependent-v0", episodes=10)
    save_cards(cards, tmp_path / "cards.json")
    assert load_cards(tmp_path / "cards.json") == cards
