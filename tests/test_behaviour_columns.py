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
