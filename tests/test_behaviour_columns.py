"""Columns from outside: what is a choice, a truth value and a missing one, by one rule in every analysis."""

import numpy as np
import pytest

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, fit_rescorla_wagner, record_trials, stay_probabilities

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


def test_columns_have_one_length():
    """A table is refused otherwise, and so is joining different ones."""
    with pytest.raises(ValueError, match="one length"):
        TrialTable({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match="joined"):
        behaviour.join([TrialTable({"a": [1]}), TrialTable({"b": [1]})])
    assert behaviour.join([TrialTable({"a": [1]}), TrialTable({"a": [2]})])["a"].tolist() == [1, 2]


def recorded(action, **columns):
    """Eight trials of one person, rewarded and common as below."""
    rows = {"learner": ["anna"] * 8, "lifetime": [1] * 8, "trial": range(1, 9), "action": action}
    return TrialTable({**rows, "reward": [1, 0, 0, 0, 1, 0, 1, 1], "common": [1, 1, 0, 0, 1, 0, 1, 1], **columns})


CHOICES = [0, 0, 1, 1, 0, 1, 1, 0]
ANALYSES = {
    "stay": lambda table: stay_probabilities(table).mean,
    "regression": lambda table: behaviour.choice_regression(table, ridge=1.0).coefficients,
    "fit": lambda table: fit_rescorla_wagner(table, "ab").log_likelihood,
}


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
@pytest.mark.parametrize(
    "action",
    [
        np.array(CHOICES, float),
        np.array(CHOICES, bool),
        np.array(CHOICES, np.uint8),
        np.array(CHOICES) + 1,
        np.array(CHOICES, float) + 1,
        np.array(CHOICES).astype(str),
        np.array(CHOICES, object),
        np.array(["yes" if choice else "no" for choice in CHOICES]),
        np.ma.array(CHOICES),
    ],
    ids=["float", "bool", "uint8", "from 1", "float from 1", "text", "object", "yes and no", "masked"],
)
def test_choices_are_whole_numbers_however_they_are_stored(analysis, action):
    """From 0 or from 1, and of any type: the results are the same."""
    assert analysis(recorded(action)) == pytest.approx(analysis(recorded(CHOICES)), nan_ok=True)


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
@pytest.mark.parametrize(
    "action",
    [
        [0, 0, -1, -1, 0, 1, 1, 0],
        [0, 0, -9, -9, 0, 1, 1, 0],
        [0, 0, np.nan, np.nan, 0, 1, 1, 0],
        [0, 0, None, None, 0, 1, 1, 0],
        ["0", "0", "NA", "", "0", "1", "1", "0"],
        ["0", "0", "-1", "-1", "0", "1", "1", "0"],
        np.ma.array(CHOICES, mask=[0, 0, 1, 1, 0, 0, 0, 0]),
    ],
    ids=["-1", "-9", "NaN", "None", "texts", "-1 as text", "masked"],
)
def test_missed_trials_are_no_choices(analysis, action):
    """They are refused, and left out as the message says all goes on, from trial 2 to 5 with no transition."""
    table = recorded(action)
    with pytest.raises(
        ValueError, match=r"'action' .* in every row, and 2 of 8 rows lack it: .*table.complete\('action"
    ):
        analysis(table)
    left = recorded(CHOICES).where(np.array([0, 1, 4, 5, 6, 7]))
    assert analysis(table.complete("action")) == pytest.approx(analysis(left), nan_ok=True)
    assert stay_probabilities(left).count.sum() == 4


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"action": ["0", "0", "miss", "1", "0", "1", "1", "0"]}, "row 3 has 'miss'"),
        ({"action": ["left", "right"] * 4}, "choices counted from 0 or 1, as whole numbers, .* row 1 has 'left'"),
        ({"action": [0.5, 1] * 4}, "row 1 has 0.5"),
        ({"action": [np.inf, 1] * 4}, "row 1 has inf"),
        (
            {"reward": ["1", "0", "$0.50", "1", "0", "1", "1", "0"]},
            r"finite numbers in the column 'reward'.*row 3 has '\$",
        ),
        ({"reward": [1.0, -np.inf] * 4}, "row 2 has -inf"),
        ({"reward": [1.0, np.nan] * 4}, "4 of 8 rows lack it"),
        ({"trial": ["one", "two"] * 4}, "finite numbers in the column 'trial'.*row 1 has 'one'"),
        ({"learner": ["anna", "", "anna", "NA"] * 2}, "'learner' .* in every row, and 4 of 8 rows lack it"),
        ({"lifetime": [1, np.nan] * 4}, "'lifetime' .* in every row, and 4 of 8 rows lack it"),
    ],
    ids=str,
)
def test_what_is_no_choice_reward_or_key_is_refused(analysis, columns, told):
    """One sentence with the column, the first row and its value."""
    with pytest.raises(ValueError, match=told):
        analysis(recorded(**{"action": CHOICES, **columns}))


def test_more_than_two_choices_are_asked_about():
    """A code such as 9, or 0 beside 1 and 2, may be a missed trial: stays and regressions are of two choices."""
    for code in (9, 99, 2):
        table = recorded([0, 1, code, 1, 0, 1, 1, 0])
        for analysis in (stay_probabilities, behaviour.choice_regression):
            with pytest.raises(ValueError, match=rf"\[0, 1, {code}\]: leave out what is no choice"):
                analysis(table)
            analysis(table.where(table["action"] != code))


def test_an_empty_table_has_nothing_to_tell():
    """Estimates of nothing, and fits that say so."""
    empty = recorded(CHOICES, goal=CHOICES, step=range(8), correct=CHOICES, regret=CHOICES).where(np.zeros(8, bool))
    for function in (stay_probabilities, behaviour.first_to_later_latency):
        assert np.isnan(function(empty).mean).all()
    for function in (behaviour.latency_by_visit, behaviour.accuracy_by_trial, behaviour.regret_by_trial):
        assert len(function(empty).at) == 0
    with pytest.raises(ValueError, match="two actions, and the table has"):
        behaviour.choice_regression(empty)
    with pytest.raises(ValueError, match="at least one row"):
        fit_rescorla_wagner(empty)


WORDS = ["common", "rare"] * 4


@pytest.mark.parametrize("common", [WORDS, [1, 2] * 4, [0.5, 1] * 4, ["x", "TRUE"] * 4, [-1, 1] * 4], ids=str)
def test_words_are_not_rare(common):
    """Only 0 and 1 say whether a transition was common, in every analysis that asks."""
    for analysis in (stay_probabilities, behaviour.choice_regression):
        with pytest.raises(ValueError, match=r"needs 0 or 1 in the column 'common' .*row [12] has .*: write 0 and 1"):
            analysis(recorded(CHOICES, common=common))
        with pytest.raises(ValueError, match=r"'common' .* in every row, and 1 of 8 rows lack it"):
            analysis(recorded(CHOICES, common=[np.nan, *[1] * 7]))


@pytest.mark.parametrize("words", ["TRUE FALSE", "true false", "True False", "yes no", "1 0", "1.0 0.0"])
@pytest.mark.parametrize("function", [stay_probabilities, behaviour.accuracy_by_trial, behaviour.best_arm_by_trial])
def test_truth_values_are_read_as_such(function, words):
    """As words or numbers, as bools, and as objects."""
    true, false = words.split()
    truths = [bool(value) for value in recorded(CHOICES)["common"]]
    texts = np.array([true if value else false for value in truths])
    first = None
    for column in (truths, texts, texts.astype(object)):
        table = recorded(CHOICES, common=column, correct=column, optimal=column)
        first = function(table) if first is None else first
        assert function(table).mean == pytest.approx(first.mean, nan_ok=True)
    assert np.nansum(first.mean) > 0


def test_rows_in_any_order_and_numbers_as_text_are_sorted_by_time():
    """Trial "10" comes after "9"."""
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 2, 12) for name in ("action", "reward", "common")}
    table = TrialTable({"lifetime": ["a"] * 12, "trial": np.arange(1, 13), **columns})
    mixed = table.with_columns(trial=table["trial"].astype(str)).where(rng.permutation(12))
    assert stay_probabilities(mixed).mean == pytest.approx(stay_probabilities(table).mean, nan_ok=True)
    assert stay_probabilities(mixed).count.sum() == 11


def test_steps_of_a_two_step_task_are_coded_from_0():
    """Choices from 1 would make the common way the rare one: they are refused, as is a trial with half its rows."""
    steps = record_trials("random", "MetaTwoStep-v0", episodes=3)
    assert stay_probabilities(steps).count.sum() == 27
    with pytest.raises(ValueError, match=r"first actions are 0, .* and these are \[1, 2\]: count them from 0"):
        stay_probabilities(steps.with_columns(action=steps["action"] + 1))
    with pytest.raises(ValueError, match="0 or 1 in the column 'outcome'"):
        stay_probabilities(steps.with_columns(outcome=steps["outcome"] + 2))
    missed = steps.with_columns(action=np.where(np.arange(len(steps)) == 5, -1, steps["action"]))
    with pytest.raises(ValueError, match="1 of 60 rows lack it"):
        stay_probabilities(missed)
    with pytest.raises(ValueError, match="leave out both rows of a trial that was missed"):
        stay_probabilities(missed.complete("action"))


def test_rows_of_one_time_are_refused_wherever_they_would_be_added_up():
    """Two people under one number, in latencies, choices of images and regrets."""
    twice = TrialTable({"lifetime": [1, 1], "step": [1, 1], "trial": [1, 1], "goal": [1, 0], "reward": [1, 1]})
    for function in (behaviour.latency_by_visit, behaviour.choices_of_images):
        with pytest.raises(ValueError, match="one row a step, and there are several for lifetime 1, step 1"):
            function(twice)
    with pytest.raises(ValueError, match="there are several for lifetime 1, trial 1"):
        behaviour.regret_by_trial(TrialTable({"lifetime": [1, 1], "trial": [1, 1], "regret": [0.5, 0.5]}))
    two_step = record_trials("random", "MetaTwoStep-v0", episodes=2)
    assert behaviour.regret_by_trial(two_step).count.tolist() == [2] * 10


def test_complete_rows_lack_nothing():
    """In the columns that are named, and only there."""
    table = recorded([0, -1, np.nan, *[1] * 5], rt=[np.nan, *[0.5] * 7], note=["", "NA", *["x"] * 6])
    assert len(table.complete("action")) == 6
    assert len(table.complete("action", "rt")) == 5
    assert len(table.complete("note")) == 6
    assert len(table.complete()) == 8
    with pytest.raises(ValueError, match="needs the column 'regret'"):
        table.complete("regret")
