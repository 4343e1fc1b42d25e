"""Behaviour: the table holds what happened, statistics are those by hand, fits recover or say that they cannot."""

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import Drift, UnlistedRooms, Urn
from scipy.optimize import minimize
from scipy.special import expit, logit

from meta_envs import behaviour, evaluate
from meta_envs.behaviour import (
    TrialTable,
    fit_logistic,
    fit_rescorla_wagner,
    read_csv,
    record_trials,
    stay_probabilities,
)
from meta_envs.behaviour.estimates import average, proportions
from meta_envs.behaviour.likelihood import Block
from meta_envs.behaviour.recording import name_task_columns, number_trials
from meta_envs.behaviour.statistics import CELLS
from meta_envs.envs.single import MetaEnv
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.two_step import TwoStep
from meta_envs.family import Array, TaskFamily
from meta_envs.intervals import wilson
from meta_envs.learners.learner import Learner


class Sampler(Learner):
    """Plays at random in any family, continuous ones too."""

    name = "sampler"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        self._space, self._num = family.action_space, num
        self._space.seed(int(rng.integers(2**31)))

    def act(self, observation: Any) -> Array:
        return np.stack([self._space.sample() for _ in range(self._num)])


# The table


@pytest.mark.parametrize(
    ("learner", "id", "keywords"),
    [
        ("ucb", "MetaBandit-Independent-v0", {"num_trials": 6}),
        ("random", "MetaTwoStep-v0", {"num_trials": 3}),
    ],
)
def test_the_table_holds_what_the_scorecard_counts(learner, id, keywords):
    """Regret and rewards of the rows add up to those of `evaluate`, over more lifetimes than run at once."""
    table = record_trials(learner, id, episodes=1100, seed=3, **keywords)
    card = evaluate(learner, id, episodes=1100, seed=3, **keywords)
    assert table["reward"].sum() / 1100 == pytest.approx(card.realised_return_mean, rel=1e-12)
    assert table["regret"].sum() / 1100 == pytest.approx(card.regret_mean, rel=1e-12)
    curve = behaviour.regret_by_trial(table)
    steps = len(card.regret_curve) // len(curve.at)
    assert curve.mean == pytest.approx(card.regret_curve[steps - 1 :: steps])
    assert len(table) == 1100 * len(card.regret_curve)


@pytest.mark.parametrize(
    "family",
    [
        IndependentBandit(num_arms=3, num_trials=5),
        TwoStep(num_trials=4),
        SwitchingTwoStep(num_trials=9, switch=0.3),
        RestlessBandit(num_trials=12),
        Urn(),
        UnlistedRooms(),
        Drift(),
    ],
    ids=lambda family: type(family).__name__,
)
def test_a_recorded_lifetime_is_the_environments(family):
    """The environment, reset with a row's seed and given the recorded actions, has its rewards, task and end."""
    table = record_trials(Sampler(), family, episodes=20, seed=2)
    env = MetaEnv(family)
    assert len(table.split("lifetime")) == 20
    for lifetime, rows in table.split("lifetime").items():
        seed = 2**32 + 2 * 2**20 + lifetime
        assert set(rows["seed"].tolist()) == {seed}
        env.reset(seed=seed)
        names = [name for name in rows.names if name.split("_")[0] == "action"]
        actions = np.stack([rows[name] for name in names], axis=1)
        ended = False
        for step, action in enumerate(actions):
            assert not ended
            _, reward, ended, _, _ = env.step(action if len(names) > 1 else action[0])
            assert reward == rows["reward"][step]
            assert rows["step"][step] == step + 1
        assert ended
        task = dict(zip(family.task_names, env.unwrapped.task, strict=True))
        for name, number in task.items():
            if f"task_{name}" in rows:
                assert np.all(rows[f"task_{name}"] == number)


def test_long_tasks_are_shown_as_they_are_now():
    """p_1(t) of a restless bandit and the better state of a switching task stand in the row of their trial."""
    for family, column, first in (
        (RestlessBandit(num_trials=30), "task_p_1", 1),
        (SwitchingTwoStep(), "task_better", 0),
    ):
        rows = record_trials("random", family, episodes=2).split("lifetime")[1]
        env = MetaEnv(family)
        env.reset(seed=int(rows["seed"][0]))
        assert np.array_equal(rows[column], env.unwrapped.task[first + rows["trial"] - 1])
    assert record_trials("random", RestlessBandit(num_trials=30), episodes=1)["task_sigma"][0] in (0.05, 0.2, 0.03, 0.3)


def test_arms_are_not_taken_for_trials():
    """Ten arms pulled ten times keep a column each, or none: what was p_7 is never shown as trial 7's."""
    assert name_task_columns(IndependentBandit(num_arms=10, num_trials=10)) == {}
    assert list(name_task_columns(IndependentBandit(num_arms=3, num_trials=3))) == ["task_p_1", "task_p_2", "task_p_3"]


def test_trials_and_stages_are_counted_from_one():
    """A two-step task has two stages a trial, a bandit one."""
    trial, stage = number_trials(TwoStep(num_trials=3))
    assert trial.tolist() == [1, 1, 2, 2, 3, 3]
    assert stage.tolist() == [1, 2, 1, 2, 1, 2]
    assert "stage" not in record_trials("random", "MetaBandit-Dependent-v0", episodes=1)


def test_regret_and_the_best_arm_are_those_by_hand():
    """On two arms the best has the higher p, and regret is the difference where it was not pulled."""
    table = record_trials("random", "MetaBandit-Independent-v0", episodes=30, num_trials=8)
    means = np.stack([table["task_p_1"], table["task_p_2"]], axis=1)
    chosen = means[np.arange(len(table)), table["action"]]
    assert np.array_equal(table["expected"], chosen)
    assert table["regret"] == pytest.approx(means.max(axis=1) - chosen, abs=1e-12)
    assert np.array_equal(table["best_action"], means.argmax(axis=1))
    assert np.array_equal(table["optimal"], (means.argmax(axis=1) == table["action"]).astype(int))
    best = behaviour.best_arm_by_trial(table)
    assert best.mean == pytest.approx([table["optimal"][table["trial"] == trial].mean() for trial in range(1, 9)])


def test_learners_are_recorded_on_the_same_lifetimes():
    """Two learners' rows have the same tasks, and one learner's rows do not depend on the one after it."""
    both = record_trials(["thompson", "random"], "MetaBandit-Dependent-v0", episodes=10).split("learner")
    alone = record_trials("thompson", "MetaBandit-Dependent-v0", episodes=10)
    assert np.array_equal(both["random"]["task_p_1"], both["thompson"]["task_p_1"])
    assert all(np.array_equal(both["thompson"][name], alone[name]) for name in alone.names)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"episodes": 0}, "episodes=0 is not possible: give a whole number from 1"),
        ({"seed": -1}, "seed=-1"),
        ({"learners": []}, "learners=.. is not possible: give at least one"),
        ({"learners": ["random", "random"]}, "a name of its own"),
        ({"learners": "bayse"}, "did you mean bayes"),
    ],
)
def test_recording_refuses_nonsense(arguments, told):
    """One sentence with the value and the cure."""
    with pytest.raises(ValueError, match=told):
        record_trials(**{"learners": "random", "id": "MetaTwoStep-v0", "episodes": 2, **arguments})


@pytest.mark.parametrize("action", [np.zeros(3, int), np.full(2, 2), np.full(2, 0.5), np.zeros((2, 1), int)])
def test_a_learner_that_answers_nonsense_is_found_out(action):
    """Too many, out of range, not whole, or of the wrong shape."""

    class Wrong(Sampler):
        def act(self, observation: Any) -> Array:
            return action

    with pytest.raises(ValueError, match="'sampler' gave"):
        record_trials(Wrong(), "MetaTwoStep-v0", episodes=2)


# CSV


def test_a_table_survives_a_csv(tmp_path):
    """Every value comes back to the last bit: whole numbers, numbers, missing ones, and awkward strings."""
    rng = np.random.default_rng(0)
    table = TrialTable(
        {
            "learner": np.array(["a, b", 'say "x"', "ucb:chi=2", "ß"]),
            "seed": np.array([2**32, 2**62, 0, -5]),
            "number": rng.normal(size=4) * 10.0 ** np.array([-300, 0, 3, 300]),
            "missing": np.array([0.1, np.nan, 3.0, np.inf]),
        }
    )
    table.to_csv(tmp_path / "new" / "table.csv")
    again = read_csv(tmp_path / "new" / "table.csv")
    assert again.names == table.names
    for name in table.names:
        assert np.array_equal(again.columns[name], table.columns[name], equal_nan=name == "missing")
        assert again.columns[name].dtype.kind == table.columns[name].dtype.kind
    recorded = record_trials("random", "MetaTwoStep-v0", episodes=3)
    recorded.to_csv(tmp_path / "table.csv")
    again = read_csv(tmp_path / "table.csv")
    assert all(np.array_equal(again[name], recorded[name]) for name in recorded.names)


PEOPLE = """subject,game,trial,choice,reward,common,rt
anna,1,1,0,1,TRUE,0.71
anna,1,2,0,0,FALSE,NA
anna,1,3,0,1,TRUE,0.50
bert,1,1,1,0,TRUE,0.93
bert,1,2,0,1,TRUE,0.44
"""
"""Both play game 1. Anna: rewarded common, stays; unrewarded rare, stays. Bert: unrewarded common, leaves."""
RENAME = {"subject": "learner", "game": "lifetime", "choice": "action"}


def test_peoples_data_go_through_the_same_functions(tmp_path):
    """A tidy CSV with other names, a byte order mark, TRUE and NA is read, and optional columns may be missing."""
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8-sig")
    table = read_csv(tmp_path / "people.csv", rename=RENAME)
    assert table["common"].tolist() == [1, 0, 1, 1, 1]
    assert np.isnan(table.columns["rt"][1])
    assert table.lifetimes().tolist() == [0, 0, 0, 1, 1]
    stay = stay_probabilities(table)
    assert stay.count.tolist() == [1, 0, 1, 1]
    assert stay.mean[[0, 2, 3]].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan([stay.mean[1], stay.low[1], stay.high[1]]).all()
    shuffled = table.where(np.array([4, 1, 3, 0, 2]))
    assert stay_probabilities(shuffled).count.tolist() == [1, 0, 1, 1]
    (tmp_path / "semicolons.csv").write_text(PEOPLE.replace(",", ";"))
    assert read_csv(tmp_path / "semicolons.csv", delimiter=";", rename=RENAME)["action"].tolist() == [0, 0, 0, 1, 0]


FUNCTIONS = {
    "regret": behaviour.regret_by_trial,
    "optimal": behaviour.best_arm_by_trial,
    "correct": behaviour.accuracy_by_trial,
    "goal": behaviour.latency_by_visit,
    "common": stay_probabilities,
    "reward": behaviour.choice_regression,
    "action": fit_rescorla_wagner,
}


@pytest.mark.parametrize(("name", "function"), FUNCTIONS.items(), ids=FUNCTIONS)
def test_a_missing_column_is_named_in_one_sentence(name, function):
    """Which function needs which column, what it means, and what the table has."""
    table = TrialTable({"lifetime": [1], "trial": [1], "step": [1]})
    if name in ("common", "reward"):
        table = table.with_columns(action=[0], **({"reward": [0]} if name == "common" else {}))
    with pytest.raises(
        ValueError, match=rf"^[^.]* needs the column '{name}' \([^.]*the table has only lifetime[^.]*\.$"
    ):
        function(table)
    with pytest.raises(ValueError, match="needs the column 'lifetime'"):
        function(
            TrialTable({"trial": [1], "step": [1], "action": [0], "reward": [0], name: [0], "common": [0]}).where(
                np.array([0])
            )
        )


def test_missing_values_are_counted():
    """A needed value that is missing is not taken for 0."""
    table = TrialTable(
        {"lifetime": [1, 1], "trial": [1, 2], "action": [0, 1], "reward": [1.0, np.nan], "common": [1, 1]}
    )
    with pytest.raises(ValueError, match=r"'reward' .* in every row, and 1 of 2 rows lack it: leave them out"):
        stay_probabilities(table)
    left = table.where(~np.isnan(table.columns["reward"]))
    assert stay_probabilities(left).count.sum() == 0


def test_two_rows_of_one_trial_are_refused():
    """Two people under one number, or two stages, are not two trials."""
    columns = {"lifetime": [1, 1], "trial": [1, 1], "action": [0, 1], "reward": [0, 1], "common": [1, 1]}
    for function in (stay_probabilities, fit_rescorla_wagner, behaviour.choice_regression):
        with pytest.raises(ValueError, match=r"one row a trial, and there are several for lifetime 1, trial 1: "):
            function(TrialTable(columns))
    two_step = record_trials("random", "MetaTwoStep-v0", episodes=2)
    with pytest.raises(ValueError, match="several for learner random, seed 4296015872, lifetime 0, trial 1"):
        fit_rescorla_wagner(two_step)


@pytest.mark.parametrize(
    ("text", "keywords", "told"),
    [
        ("", {}, "is empty"),
        ("a,b\n1\n", {}, "Row 2 of .* has 1 values for 2 columns"),
        ("a,a\n1,2\n", {}, "several columns 'a'"),
        ("a,b\n1,2\n", {"rename": {"c": "action"}}, "no column 'c' to rename: it has a, b"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, keywords, told):
    """What is wrong, in one sentence."""
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_csv(tmp_path / "bad.csv", **keywords)


def test_columns_have_one_length():
    """A table is refused otherwise, and so is joining different ones."""
    with pytest.raises(ValueError, match="one length"):
        TrialTable({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match="joined"):
        behaviour.join([TrialTable({"a": [1]}), TrialTable({"b": [1]})])
    assert behaviour.join([TrialTable({"a": [1]}), TrialTable({"a": [2]})])["a"].tolist() == [1, 2]


# Intervals


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_intervals_are_those_published(hits, count, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3; and mirrored."""
    lows, highs = wilson(np.array([hits, count - hits]), np.array([count, count]))
    assert lows == pytest.approx([low, 1 - high], abs=5e-5)
    assert highs == pytest.approx([high, 1 - low], abs=5e-5)


def test_means_have_students_intervals():
    """1, 2, 3, 4: mean 2.5, standard error sqrt(5/12), times 3.182446 (tables of t with 3 degrees of freedom)."""
    found = average(np.array([1.0, 2, 3, 4, 7]), np.array([0, 0, 0, 0, 1]), np.array([1, 2, 3]))
    assert found.mean[:2].tolist() == [2.5, 7.0]
    assert found.high[0] - 2.5 == pytest.approx(3.182446 * np.sqrt(5 / 12), rel=1e-6)
    assert np.isnan([found.low[1], found.high[1], found.mean[2]]).all()
    assert found.count.tolist() == [4, 1, 0]


def test_a_bootstrap_counts_lifetimes_not_trials():
    """Where all trials of a lifetime are alike, 900 of them tell no more than 100 lifetimes do."""
    outcome = np.arange(100) < 30
    lifetime = np.repeat(np.arange(100), 9)
    found = proportions(outcome[lifetime], np.zeros(900, int), lifetime, np.array(["all"]))
    low, high = wilson(np.array([30]), np.array([100]))
    assert found.mean[0] == 0.3
    assert found.count[0] == 900
    assert found.high[0] - found.low[0] == pytest.approx((high - low)[0], rel=0.08)


def test_what_always_happens_is_not_certain():
    """Where all trials are hits the interval is Wilson's over lifetimes: of 20, down to 1 - 0.1611."""
    found = proportions(np.ones(60, bool), np.zeros(60, int), np.repeat(np.arange(20), 3), np.array(["all"]))
    assert (found.low[0], found.high[0]) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)


def test_intervals_cover_what_they_should():
    """Of 200 experiments with 40 lifetimes of unequal, dependent trials, 95 % of the intervals hold the true value."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        chance = rng.beta(2, 2, 40)
        lifetime = np.repeat(np.arange(40), rng.integers(2, 8, 40))
        found = proportions(rng.random(len(lifetime)) < chance[lifetime], 0 * lifetime, lifetime, np.array([0]))
        hits += found.low[0] <= 0.5 <= found.high[0]
    # Standard error .015; a percentile bootstrap of 40 covers a little less than 95 %.
    assert 0.89 <= hits / 200 <= 0.985


# Stay probabilities

# Lifetime 1: RC stay, RR leave, UC stay, UR leave. Lifetime 2: UC leave, RC stay. Lifetime 3: RC leave, no trial 4.
BY_HAND = {
    "lifetime": [1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3],
    "trial": [1, 2, 3, 4, 5, 1, 2, 3, 2, 3, 5],
    "action": [0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1],
    "reward": [1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1],
    "common": [1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1],
}


def test_stay_probabilities_are_those_by_hand():
    """Pooled: rewarded common 2 of 3, rewarded rare 0 of 1, unrewarded common 1 of 2, unrewarded rare 0 of 1."""
    stay = stay_probabilities(TrialTable(BY_HAND))
    assert stay.at.tolist() == CELLS.tolist()
    assert stay.count.tolist() == [3, 1, 2, 1]
    assert stay.mean == pytest.approx([2 / 3, 0, 1 / 2, 0])


def test_the_first_transition_is_taken_alone():
    """From trial 1 to 2: lifetime 1 stays after a common reward, lifetime 2 leaves, lifetime 3 has no trial 1."""
    stay = stay_probabilities(TrialTable(BY_HAND), trials="first")
    assert stay.count.tolist() == [1, 0, 1, 0]
    assert stay.mean[[0, 2]].tolist() == [1.0, 0.0]
    assert stay.low[0] == pytest.approx(1 / (1 + 1.959964**2), abs=1e-6)


def test_recorded_steps_become_trials():
    """The first stage's choice and way, the second stage's reward; common is action 0 to S2 and action 1 to S3."""
    steps = {
        "lifetime": [1] * 6,
        "trial": [1, 1, 2, 2, 3, 3],
        "stage": [1, 2] * 3,
        "action": [0, 1, 1, 0, 0, 0],
        "outcome": [0, 1, 0, 0, 1, 1],
        "reward": [0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
    }
    trials = behaviour.two_step_trials(TrialTable(steps))
    assert trials["action"].tolist() == [0, 1, 0]
    assert trials["common"].tolist() == [1, 0, 0]
    assert trials["reward"].tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="a row for stage 1 and one for stage 2"):
        behaviour.two_step_trials(TrialTable(steps).where(np.arange(5)))


def pool_by_hand(at_ties: float, num_trials: int = 10, right: float = 0.9) -> float:
    """P(stay) of the optimum after a reward on the rare way, pooled over all transitions, derived on paper.

    Each trial's outcome is evidence for one state, right with probability 0.9 whatever was chosen, so the net evidence
    d for the better state walks up with 0.9 and down with 0.1. The choice follows its sign. Rewarded-rare trials are
    those whose evidence goes against the choice, times the chance of the rare way, and after them the optimum stays if
    the evidence before was 2 or more, and leaves if it was 0; if it was 1 there is a tie.
    """
    walk, stays, all_of_them = {0: 1.0}, 0.0, 0.0
    for _ in range(num_trials - 1):
        for evidence, chance in walk.items():
            # A choice that follows evidence for the better state is contradicted with 0.1, the other one with 0.9.
            against = {True: 1 - right, False: right}[evidence > 0] if evidence else 0.5
            all_of_them += chance * against
            stays += chance * against * (0.0 if evidence == 0 else at_ties if abs(evidence) == 1 else 1.0)
        after: dict[int, float] = {}
        for (evidence, chance), (step, likely) in product(walk.items(), ((1, right), (-1, 1 - right))):
            after[evidence + step] = after.get(evidence + step, 0.0) + chance * likely
        walk = after
    return stays / all_of_them


def test_the_optimum_of_the_two_step_task_stays_as_derived():
    """From trial 1 to 2: 1, 0, 0, 1. Pooled: 1, x, x, 1, with x from the walk of the evidence."""
    table = record_trials("bayes", "MetaTwoStep-v0", episodes=4000)
    first, pooled = stay_probabilities(table, trials="first"), stay_probabilities(table)
    assert first.mean.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert first.count.sum() == 4000
    assert first.count == pytest.approx([1500, 500, 1500, 500], abs=4 * np.sqrt(4000 * 0.25))
    assert pooled.mean[[0, 3]].tolist() == [1.0, 1.0]
    expected = pool_by_hand(0.5)
    assert expected == pytest.approx(0.509, abs=5e-4)
    for cell in (1, 2):
        error = (pooled.high[cell] - pooled.low[cell]) / (2 * 1.96)
        assert abs(pooled.mean[cell] - expected) < 3.5 * error
        assert error < 0.02


# Logistic regression


def log_loss(weights: Array, predictors: Array, response: Array) -> float:
    """Minus the log-likelihood."""
    odds = predictors @ weights
    return float(np.sum(np.logaddexp(0, odds) - response * odds))


def test_logistic_regression_agrees_with_an_independent_one():
    """Estimates, log-likelihood and standard errors are those of SciPy's minimum; with a ridge too."""
    rng = np.random.default_rng(1)
    predictors = np.column_stack([np.ones(400), rng.normal(size=(400, 2)), rng.integers(2, size=400)])
    response = rng.random(400) < expit(predictors @ [0.3, 1.0, -0.5, 0.8])
    for ridge in (0.0, 3.0):
        fit = fit_logistic(predictors, response, ridge=ridge)

        def loss(weights, ridge=ridge):
            return log_loss(weights, predictors, response) + ridge / 2 * np.sum(weights**2)

        found = minimize(
            loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9999}
        )
        assert fit.coefficients == pytest.approx(found.x, abs=1e-5)
        assert fit.log_likelihood == pytest.approx(-log_loss(found.x, predictors, response), abs=1e-6)
        assert fit.identified.all()
        assert not fit.note
        eye = 1e-3 * np.eye(4)
        curve = [
            [
                (loss(found.x + a + b) - loss(found.x + a - b) - loss(found.x - a + b) + loss(found.x - a - b)) / 4e-6
                for b in eye
            ]
            for a in eye
        ]
        assert fit.standard_errors == pytest.approx(np.sqrt(np.diag(np.linalg.inv(curve))), rel=1e-3)
    assert fit.names == ("x1", "x2", "x3", "x4")


def table_of_stays(counts: dict[tuple[int, ...], tuple[int, int]], names: tuple[str, ...]) -> TrialTable:
    """Pairs of trials, each a lifetime: after values of the named columns, so many stay and so many leave."""
    rows: dict[str, list[int]] = {name: [] for name in ("lifetime", "trial", "action", *names)}
    lifetime = 0
    for values, numbers in counts.items():
        for leaves, number in enumerate(numbers):
            for _ in range(number):
                side = lifetime % 2
                rows["lifetime"] += [lifetime, lifetime]
                rows["trial"] += [1, 2]
                rows["action"] += [side, side ^ leaves]
                for name, value in zip(names, values, strict=True):
                    rows[name] += [value, 0]
                lifetime += 1
    return TrialTable(rows)


def test_one_lag_is_the_two_by_two_table():
    """Half the sum and half the difference of the log odds of staying; variances a quarter of the sum of 1 / counts."""
    fit = behaviour.choice_regression(table_of_stays({(1,): (80, 20), (0,): (30, 45)}, ("reward",)))
    after_reward, after_none = logit(80 / 100), logit(30 / 75)
    assert fit.names == ("stay (lag 1)", "reward (lag 1)")
    assert fit.coefficients == pytest.approx([(after_reward + after_none) / 2, (after_reward - after_none) / 2])
    assert fit.standard_errors == pytest.approx([np.sqrt(1 / 80 + 1 / 20 + 1 / 30 + 1 / 45) / 2] * 2)
    assert fit.bic == pytest.approx(2 * np.log(175) - 2 * fit.log_likelihood)


def test_one_lag_is_the_regression_of_staying():
    """With transitions the model is saturated: the interaction is a quarter of the four log odds' contrast."""
    counts = {(1, 1): (70, 30), (1, 0): (40, 60), (0, 1): (35, 65), (0, 0): (55, 45)}
    fit = behaviour.choice_regression(table_of_stays(counts, ("reward", "common")))
    odds = {cell: np.log(stay / leave) for cell, (stay, leave) in counts.items()}
    contrast = sum((1 if reward == common else -1) * odd for (reward, common), odd in odds.items()) / 4
    assert fit.coefficients[fit.names.index("reward x transition (lag 1)")] == pytest.approx(contrast)
    assert fit.coefficients[0] == pytest.approx(sum(odds.values()) / 4)
    assert fit.num_observations == 400


def test_lags_are_recovered():
    """Weights of three lags and a side bias are found again within their standard errors, in simulated choices."""
    rng, truth = (
        np.random.default_rng(2),
        np.array([0.2, 0.5, 0.3, -0.2, 0.8, 0.1, 0.2, 0.1, 0.3, -0.1, 0.1, 0.0, 0.15]),
    )
    lifetimes, trials = 300, 60
    choice, reward, common = (rng.choice([-1, 1], (lifetimes, trials)) for _ in range(3))
    for trial in range(3, trials):
        features = [np.ones(lifetimes)]
        for lag in (1, 2, 3):
            c, r, m = (part[:, trial - lag] for part in (choice, reward, common))
            features += [c, c * r, c * m, c * r * m]
        choice[:, trial] = np.where(rng.random(lifetimes) < expit(np.array(features).T @ truth), 1, -1)
    rows, columns = np.indices((lifetimes, trials)).reshape(2, -1)
    data = {"lifetime": rows, "trial": columns, "action": (choice.ravel() + 1) // 2}
    table = TrialTable({**data, "reward": (reward.ravel() + 1) // 2, "common": (common.ravel() + 1) // 2})
    fit = behaviour.choice_regression(table, lags=3, side_bias=True)
    scores = (fit.coefficients - truth) / fit.standard_errors
    assert np.abs(scores).max() < 4
    assert np.sum(scores**2) < 35  # 13 degrees of freedom: p = .001
    assert fit.num_observations == lifetimes * (trials - 3)


def test_separation_is_found_and_said():
    """The optimum's first transitions are foretold without fail: nothing can be identified, unless it is penalised."""
    steps = record_trials("bayes", "MetaTwoStep-v0", episodes=300)
    table = steps.where(steps["trial"] <= 2)
    fit = behaviour.choice_regression(table)
    assert not fit.identified.any()
    assert np.isnan(fit.coefficients).all()
    assert fit.log_likelihood == pytest.approx(0.0, abs=1e-9)
    assert fit.note.startswith("Cannot be identified: stay (lag 1), ")
    assert "foretells" in fit.note
    assert str(fit).count("cannot be identified") == 4
    shrunk = behaviour.choice_regression(table, ridge=1.0)
    assert shrunk.identified.all()
    assert shrunk.coefficients[3] == max(np.abs(shrunk.coefficients))


def test_quasi_separation_leaves_the_rest_of_the_fit():
    """A predictor that is 1 only where the response is has an infinite weight; others are those of the other rows."""
    rng = np.random.default_rng(3)
    other = rng.normal(size=200)
    response = rng.random(200) < expit(0.5 + other)
    telltale = response & (rng.random(200) < 0.3)
    predictors = np.column_stack([np.ones(200), other, telltale])
    fit = fit_logistic(predictors, response, ["constant", "other", "telltale"])
    rest = fit_logistic(predictors[~telltale, :2], response[~telltale])
    assert fit.identified.tolist() == [True, True, False]
    assert fit.coefficients[:2] == pytest.approx(rest.coefficients)
    assert fit.standard_errors[:2] == pytest.approx(rest.standard_errors)
    assert fit.log_likelihood == pytest.approx(rest.log_likelihood)
    assert "Cannot be identified: telltale; some combination" in fit.note


def test_steep_is_not_separated():
    """One response that contradicts all others is enough for finite weights, however steep."""
    response = np.append(np.ones(10**7 // 10, bool), False)
    fit = fit_logistic(np.ones((len(response), 1)), response)
    assert fit.identified.all()
    assert fit.coefficients[0] == pytest.approx(np.log(1e6))
    large = np.repeat([-1000.0, 1000.0], 50)
    contradicted = np.append(large[:-1] > 0, False)
    assert fit_logistic(large[:, None], contradicted).identified.all()


def test_dependent_predictors_are_found_and_said():
    """Of x, 2x and y only y is identified."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 300))
    response = rng.random(300) < expit(x - y)
    fit = fit_logistic(np.column_stack([x, 2 * x, y]), response)
    assert fit.identified.tolist() == [False, False, True]
    assert fit.coefficients[2] == pytest.approx(fit_logistic(np.column_stack([x, y]), response).coefficients[1])
    assert fit.note == "Cannot be identified: x1, x2; predictors are linearly dependent."


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"lags": 0}, "lags=0"),
        ({"lags": 2}, "lags=2 is not possible: no trial"),
        ({"ridge": -1.0}, "ridge=-1.0"),
    ],
)
def test_a_regression_refuses_nonsense(keywords, told):
    """One sentence with the value and the cure."""
    with pytest.raises(ValueError, match=told):
        behaviour.choice_regression(table_of_stays({(1,): (3, 2)}, ("reward",)), **keywords)
    with pytest.raises(ValueError, match="two actions"):
        behaviour.choice_regression(
            TrialTable({"lifetime": [1, 1], "trial": [1, 2], "action": [0, 0], "reward": [0, 1]})
        )


# Rescorla-Wagner models


def simulate(rng, lifetimes, trials, alpha, beta, epsilon, arms=2) -> TrialTable:
    """Rescorla-Wagner learners on arms whose pay-offs are drawn anew every 25 trials."""
    values, rows = np.full((lifetimes, arms), 0.5), []
    everyone = np.arange(lifetimes)
    for trial in range(trials):
        if trial % 25 == 0:
            pays = rng.random((lifetimes, arms))
        weights = np.exp(beta * values)
        chances = (1 - epsilon) * weights / weights.sum(axis=1, keepdims=True) + epsilon / arms
        action = (rng.random((lifetimes, 1)) >= np.cumsum(chances, axis=1)[:, :-1]).sum(axis=1)
        reward = (rng.random(lifetimes) < pays[everyone, action]).astype(float)
        values[everyone, action] += alpha * (reward - values[everyone, action])
        rows.append((everyone, np.full(lifetimes, trial), action, reward))
    columns = (np.concatenate(column) for column in zip(*rows, strict=True))
    return TrialTable(dict(zip(("lifetime", "trial", "action", "reward"), columns, strict=True)))


def likelihood_by_hand(table: TrialTable, alpha, beta, epsilon, arms=2) -> float:
    """Choice by choice."""
    total = 0.0
    for rows in table.split("lifetime").values():
        values = [0.5] * arms
        for action, reward in zip(rows["action"].tolist(), rows["reward"].tolist(), strict=True):
            weights = [np.exp(beta * value) for value in values]
            total += np.log((1 - epsilon) * weights[action] / sum(weights) + epsilon / arms)
            values[action] += alpha * (reward - values[action])
    return total


@pytest.mark.parametrize("theta", [(0.3, 4.0, 0.1), (0.9, 1.5, 0.0), (0.0, 3.0, 0.2), (1.0, 8.0, 0.05)])
@pytest.mark.parametrize("arms", [2, 4])
def test_the_likelihood_is_that_by_hand(theta, arms):
    """The filters give the likelihood of the plain recursion, and its slope."""
    table = simulate(np.random.default_rng(5), 6, 30, 0.4, 3.0, 0.1, arms).in_order()
    block = Block(table.lifetimes(), table["action"], table["reward"], arms, 0.5)
    value, slope = block.evaluate(np.array(theta))
    assert value == pytest.approx(likelihood_by_hand(table, *theta, arms), rel=1e-12)
    steps = 1e-6 * np.eye(3)
    numeric = [
        (likelihood_by_hand(table, *(theta + step), arms) - likelihood_by_hand(table, *(theta - step), arms)) / 2e-6
        for step in steps
    ]
    assert slope == pytest.approx(numeric, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        ("ab", (0.2, 3.0, 0.0)),
        ("ab", (0.7, 6.0, 0.0)),
        ("abe", (0.3, 5.0, 0.1)),
        ("abe", (0.6, 8.0, 0.2)),
        ("b", (0.5, 4.0, 0.0)),
        ("be", (0.4, 6.0, 0.15)),
    ],
)
def test_parameters_are_recovered(model, truth):
    """In 12 blocks of 25 lifetimes estimates scatter around the true values as their standard errors say."""
    rng = np.random.default_rng(6)
    parts = [simulate(rng, 25, 100, *truth).with_columns(block=np.full(2500, number)) for number in range(12)]
    for number, part in enumerate(parts):
        parts[number] = part.with_columns(lifetime=part["lifetime"] + 25 * number)
    fit = fit_rescorla_wagner(behaviour.join(parts), model)
    for name, true in zip(("alpha", "beta", "epsilon"), truth, strict=True):
        if name[0] not in model and name != "alpha":
            assert np.isnan(fit.standard_errors[name]).all()
            assert np.all(fit.estimates[name] == true)
            continue
        assert fit.identified(name).all(), fit.notes[name]
        scores = (fit.estimates[name] - true) / fit.standard_errors[name]
        assert np.abs(scores).max() < 4
        if name[0] in model:
            assert abs(scores.mean()) < 4 / np.sqrt(12)
            assert 0.3 < np.mean(scores**2) < 2.3  # chi squared with 12 degrees of freedom / 12: p = .001 each side
        else:
            assert len(set(fit.estimates[name])) == 1
    assert fit.num_parameters == {"b": 13, "ab": 24, "be": 25, "abe": 36}[model]
    assert fit.bic == pytest.approx(fit.num_parameters * np.log(30_000) - 2 * fit.log_likelihood.sum())


def test_the_peak_is_the_highest():
    """No parameters of a fine grid fit better than the estimates, in a short block with little to go by."""
    table = simulate(np.random.default_rng(7), 3, 40, 0.5, 3.0, 0.1).in_order()
    fit = fit_rescorla_wagner(table)
    block = Block(table.lifetimes(), table["action"], table["reward"], 2, 0.5)
    grid = product(np.linspace(0, 1, 16), np.linspace(0, 50, 41), np.linspace(0, 1, 11))
    assert fit.log_likelihood[0] >= max(block.evaluate(np.array(theta))[0] for theta in grid)


def test_standard_errors_are_those_of_the_curvature_by_hand():
    """Inverse of the numerical Hessian of the plain recursion."""
    table = simulate(np.random.default_rng(8), 10, 50, 0.4, 4.0, 0.0)
    fit = fit_rescorla_wagner(table, "ab")
    peak = np.array([fit.estimates["alpha"][0], fit.estimates["beta"][0]])
    steps = np.diag([1e-3, 1e-2])

    def height(theta):
        return -likelihood_by_hand(table, *theta, 0.0)

    curve = np.array(
        [
            [
                (height(peak + a + b) - height(peak + a - b) - height(peak - a + b) + height(peak - a - b))
                / (4 * a.sum() * b.sum())
                for b in steps
            ]
            for a in steps
        ]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(curve)))
    found = [fit.standard_errors[name][0] for name in ("alpha", "beta")]
    assert found == pytest.approx(errors, rel=5e-3)


def test_a_random_player_has_no_learning_rate():
    """Where choices do not depend on values, alpha is said to be unknown, and not given as a number to trust."""
    rng = np.random.default_rng(9)
    fits = [fit_rescorla_wagner(simulate(rng, 10, 100, 0.5, 0.0, 0.0), "ab") for _ in range(20)]
    unknown = [fit.notes["alpha"][0].startswith("alpha cannot be identified") for fit in fits]
    # The likelihood ratio test of no effect has two parameters against one threshold: some 15 % slip through.
    assert sum(unknown) >= 14


def test_a_deterministic_player_has_no_temperature():
    """One who always takes the higher value is fitted the better the larger beta is."""
    table = simulate(np.random.default_rng(10), 10, 60, 0.4, 500.0, 0.0)
    fit = fit_rescorla_wagner(table, "ab")
    assert fit.notes["beta"][0].startswith("beta cannot be identified")
    assert np.isnan(fit.standard_errors["beta"][0])
    assert "cannot be identified" in fit.to_table()["note"][0]


def test_no_lapses_is_a_bound():
    """Without lapses epsilon is 0 in many a block: an estimate at its bound, which has no standard error."""
    rng = np.random.default_rng(11)
    fits = [fit_rescorla_wagner(simulate(rng, 20, 100, 0.5, 4.0, 0.0), "abe") for _ in range(6)]
    notes = [fit.notes["epsilon"][0] for fit in fits]
    assert any(note == "epsilon is at its bound 0: no standard error." for note in notes)
    for fit, note in zip(fits, notes, strict=True):
        assert np.isnan(fit.standard_errors["epsilon"][0]) == bool(note)
        assert fit.identified("alpha")[0]


def test_constant_rewards_tell_nothing():
    """If everything pays the initial value, values never differ, and neither alpha nor beta can be told."""
    table = simulate(np.random.default_rng(12), 5, 40, 0.5, 2.0, 0.0).with_columns(reward=np.full(200, 0.5))
    fit = fit_rescorla_wagner(table, "ab")
    for name in ("alpha", "beta"):
        assert fit.notes[name] == [f"{name} cannot be identified: any value fits nearly as well."]
    assert fit.log_likelihood[0] == pytest.approx(200 * np.log(0.5))


@pytest.mark.parametrize(
    ("right", "alphas", "epsilon"),
    [("b", (0.5, 0.5), 0.0), ("ab", (0.15, 0.7), 0.0), ("be", (0.5, 0.5), 0.25), ("abe", (0.15, 0.7), 0.25)],
)
def test_bic_finds_the_model_that_played(right, alphas, epsilon):
    """Blocks with one or two learning rates, with or without lapses, are best described by their own model."""
    rng, parts = np.random.default_rng(13), []
    for number in range(6):
        part = simulate(rng, 20, 100, alphas[number % 2], 8.0, epsilon)
        parts.append(part.with_columns(lifetime=part["lifetime"] + 20 * number, kind=np.full(2000, number % 2)))
    table = behaviour.add_blocks(behaviour.join(parts), size=20, by="kind")
    fits = [fit_rescorla_wagner(table, model) for model in ("b", "ab", "be", "abe")]
    ranking = behaviour.compare_models(fits)
    assert ranking["model"][0] == right
    assert ranking["delta_bic"][0] == 0
    assert np.all(np.diff(ranking["bic"]) >= 0)
    # Models within models never fit worse.
    heights = {fit.model: fit.log_likelihood.sum() for fit in fits}
    assert heights["abe"] >= max(heights["ab"], heights["be"]) - 1e-6
    assert min(heights["ab"], heights["be"]) >= heights["b"] - 1e-6


def test_the_learning_rate_follows_the_volatility():
    """Published of the meta-learner, and true of the optimum: fitted alpha is higher where pay-offs drift faster."""
    family = RestlessBandit(sigma_low=0.04, sigma_high=0.25)
    table = behaviour.add_blocks(record_trials("greedy", family, episodes=60), by="task_sigma")
    fit = fit_rescorla_wagner(table, "ab")
    sigma = np.array([rows["task_sigma"][0] for rows in table.split("block").values()])
    order = np.argsort(list(table.split("block")))
    alphas = fit.estimates["alpha"]
    assert alphas[sigma[order] == 0.25].min() > alphas[sigma[order] == 0.04].max()


def test_the_shipped_learner_is_recovered():
    """Recorded on restless arms, the Rescorla-Wagner learner has its own constants whatever the volatility."""
    learner = "rescorla_wagner:alpha=0.3,beta=5"
    table = behaviour.add_blocks(record_trials(learner, RestlessBandit(), episodes=60), by="task_sigma")
    fits = [fit_rescorla_wagner(table, model) for model in ("b", "ab")]
    assert behaviour.compare_models(fits)["model"][0] == "b"
    assert abs(fits[0].estimates["alpha"][0] - 0.3) < 4 * fits[0].standard_errors["alpha"][0]
    assert np.all(np.abs(fits[0].estimates["beta"] - 5.0) < 4 * fits[0].standard_errors["beta"])
    assert fits[0].standard_errors["alpha"][0] < 0.03


def test_a_given_learning_rate_is_kept():
    """`alpha=0.5` costs no parameter."""
    table = simulate(np.random.default_rng(14), 10, 50, 0.5, 4.0, 0.0)
    fit = fit_rescorla_wagner(table, "b", alpha=0.5)
    assert fit.num_parameters == 1
    assert fit.estimates["alpha"].tolist() == [0.5]
    assert np.isnan(fit.standard_errors["alpha"]).all()
    peak = minimize(lambda beta: -likelihood_by_hand(table, 0.5, beta[0], 0.0), [3.0], method="Nelder-Mead")
    assert fit.estimates["beta"][0] == pytest.approx(peak.x[0], abs=1e-3)


def test_blocks_are_of_one_learner_and_kind():
    """So many lifetimes each, in order, apart by learner and by the given column; the last may be smaller."""
    table = TrialTable(
        {
            "learner": np.repeat(["a", "b"], 10),
            "lifetime": np.tile(np.repeat(np.arange(5), 2), 2),
            "trial": np.tile([1, 2], 10),
            "kind": np.tile(np.repeat([0.2, 0.1, 0.2, 0.2, 0.1], 2), 2),
        }
    )
    blocks = behaviour.add_blocks(table, size=2, by="kind")["block"]
    assert blocks[::2].tolist() == [1, 0, 1, 2, 0, 4, 3, 4, 5, 3]
    assert np.array_equal(blocks[::2], blocks[1::2])
    assert behaviour.add_blocks(table, size=3)["block"][::2].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    with pytest.raises(ValueError, match="by='trial' is not possible: its values change within lifetimes"):
        behaviour.add_blocks(table, by="trial")


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"model": "aeb"}, "model='aeb' is not possible: give one of b, ab, be, abe"),
        ({"model": "ab", "alpha": 0.5}, "alpha=0.5"),
        ({"num_arms": 1}, "num_arms=1"),
    ],
)
def test_a_fit_refuses_nonsense(keywords, told):
    """One sentence with the value and the cure."""
    table = TrialTable({"lifetime": [1, 1], "trial": [1, 2], "action": [0, 1], "reward": [0, 1]})
    with pytest.raises(ValueError, match=told):
        fit_rescorla_wagner(table, **keywords)
    with pytest.raises(ValueError, match="counted from 0"):
        fit_rescorla_wagner(table.with_columns(action=np.array(["left", "right"])))
    with pytest.raises(ValueError, match="compared"):
        behaviour.compare_models([])


# Harlow's task and mazes


def test_accuracy_by_trial_is_that_by_hand():
    """From rewards: fixations pay 0.2, images 1 or -1; the trial is the number of the choice."""
    table = TrialTable(
        {
            "lifetime": [1, 1, 1, 1, 1, 2, 2, 2],
            "step": [1, 2, 3, 4, 5, 1, 2, 3],
            "reward": [0.2, -1.0, 0.0, 0.2, 1.0, 0.2, 1.0, 1.0],
        }
    )
    choices = behaviour.choices_of_images(table)
    assert choices["trial"].tolist() == [1, 2, 1, 2]
    assert choices["correct"].tolist() == [0, 1, 1, 1]
    curve = behaviour.accuracy_by_trial(choices)
    assert curve.at.tolist() == [1, 2]
    assert curve.mean.tolist() == [0.5, 1.0]
    assert (curve.low[1], curve.high[1]) == pytest.approx((2 / (2 + 1.959964**2), 1.0))
    with pytest.raises(ValueError, match="0 or 1 in the column 'correct'"):
        behaviour.accuracy_by_trial(choices.with_columns(correct=np.array([0, 1, 2, 1])))


def test_latency_by_visit_is_that_by_hand():
    """Goals at steps 10 and 14 in one lifetime, 20 in another, none in a third: 15 first, 4 later."""
    lifetime, step = np.indices((3, 25)).reshape(2, -1)
    goal = ((lifetime == 0) & np.isin(step + 1, (10, 14))) | ((lifetime == 1) & (step + 1 == 20))
    table = TrialTable({"lifetime": lifetime, "step": step + 1, "goal": goal, "reward": np.where(goal, 10.0, 1.0)})
    for found in (
        behaviour.latency_by_visit(table),
        behaviour.latency_by_visit(table, goal_reward=10.0),
        behaviour.latency_by_visit(table.where(np.random.default_rng(0).permutation(75))),
    ):
        assert found.at.tolist() == [1, 2]
        assert found.mean.tolist() == [15.0, 4.0]
        assert found.count.tolist() == [2, 1]
        # Student's t with one degree of freedom: 12.7062.
        assert found.high[0] == pytest.approx(15 + 12.7062 * 5, rel=1e-5)


def test_a_lifetime_that_ended_loses_no_more():
    """The cumulative regret of one that ended early stays."""
    table = TrialTable({"lifetime": [1, 1, 2], "trial": [1, 2, 1], "regret": [1.0, 2.0, 5.0]})
    assert behaviour.regret_by_trial(table).mean.tolist() == [3.0, 4.0]
    assert behaviour.regret_by_trial(table, cumulative=False).mean.tolist() == [3.0, 1.0]


# Figures


def test_figures_are_drawn(tmp_path):
    """Bars with an empty cell, and curves with and without intervals."""
    behaviour.stay_figure(
        {"by hand": stay_probabilities(TrialTable(BY_HAND), trials="first")}, tmp_path / "a" / "stay.png"
    )
    curve = behaviour.best_arm_by_trial(record_trials("random", "MetaTwoStep-v0", episodes=9), stage=1)
    behaviour.curve_figure({"random": curve}, tmp_path / "curve.png", ylabel="P(best arm)", chance=0.5)
    for path in ("a/stay.png", "curve.png"):
        assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no stay probabilities"):
        behaviour.stay_figure({"curve": curve}, tmp_path / "b.png")
    with pytest.raises(ValueError, match="no curves"):
        behaviour.curve_figure({}, tmp_path / "b.png", ylabel="")
    assert not (tmp_path / "b.png").exists()


def test_registered_ids_are_recorded_with_their_keywords():
    """Keywords are those of `gymnasium.make`."""
    table = record_trials("random", "MetaTwoStep-v0", episodes=2, num_trials=3)
    assert len(table) == 2 * gym.make("MetaTwoStep-v0", num_trials=3).unwrapped.family.horizon
