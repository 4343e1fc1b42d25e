"""Fits say what they fit as one, how choices are coded, and where the likelihood tells nothing."""

import numpy as np
import pytest
from test_behaviour_rescorla_wagner import simulate

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, fit_rescorla_wagner
from meta_envs.behaviour.likelihood import PARAMETERS

NUM = 120
COINS = np.random.default_rng(0).integers(0, 2, (2, NUM))
UNTOLD = {
    "an arm that nobody chose": ({"action": COINS[0], "reward": COINS[1]}, {"num_arms": 3}),
    "an arm between others": ({"action": 2 * COINS[0], "reward": COINS[1]}, {"num_arms": 3}),
    "all choices the same": ({"action": np.zeros(NUM, int), "reward": COINS[1]}, {}),
    "all the same, all paid": ({"action": np.ones(NUM, int), "reward": np.ones(NUM)}, {}),
    "chance, never paid": ({"action": COINS[0], "reward": np.zeros(NUM)}, {}),
    "chance, always paid": ({"action": COINS[0], "reward": np.ones(NUM)}, {}),
    "paid as expected": ({"action": COINS[0], "reward": np.full(NUM, 0.5)}, {}),
    "one trial a lifetime": (
        {"action": COINS[0], "reward": COINS[1], "lifetime": np.arange(NUM), "trial": np.ones(NUM, int)},
        {},
    ),
    "one row": ({"action": [0], "reward": [1]}, {}),
}


def single(columns):
    """A table of one person."""
    num = len(columns["action"])
    return TrialTable({"learner": ["anna"] * num, "lifetime": [1] * num, "trial": np.arange(num), **columns})


@pytest.mark.parametrize("model", ["b", "ab", "be", "abe"])
@pytest.mark.parametrize(("columns", "keywords"), UNTOLD.values(), ids=UNTOLD)
def test_where_the_likelihood_is_flat_nothing_is_identified(columns, keywords, model):
    """An arm that nobody chose may not have been there; one choice, or one trial a lifetime, says nothing."""
    fit = fit_rescorla_wagner(single(columns), model, **keywords)
    for name in PARAMETERS:
        if name[0] in model or name == "alpha":
            assert not fit.identified(name).any()
            assert fit.notes[name][0].startswith(f"{name} cannot be identified: ")


def test_a_block_that_tells_nothing_leaves_the_others():
    """One of two learners always chose the same: of hers nothing is known, the common alpha is that of the other."""
    told = simulate(np.random.default_rng(1), 20, 60, 0.4, 5.0, 0.0)
    silent = told.with_columns(learner=np.full(len(told), "same"), action=np.zeros(len(told), int))
    both = behaviour.join([told, silent])
    fit = fit_rescorla_wagner(both, "ab")
    assert fit.blocks.tolist() == ["same", "simulated"]
    for name in ("alpha", "beta"):
        assert fit.identified(name).tolist() == [False, True]
        assert fit.notes[name][0] == f"{name} cannot be identified: all choices are the same."
        assert np.isnan(fit.standard_errors[name]).tolist() == [True, False]
    common = fit_rescorla_wagner(both, "b")
    assert common.identified("alpha").all()
    assert common.identified("beta").tolist() == [False, True]


@pytest.mark.parametrize("arms", [2, 3])
def test_choices_from_1_fit_like_those_from_0(arms):
    """Arms begin alike, so the model does not care what they are called; with a number of arms that is given too."""
    table = simulate(np.random.default_rng(2), 10, 60, 0.4, 5.0, 0.0, arms)
    ones = table.with_columns(action=table["action"] + 1.0)
    for keywords in ({}, {"num_arms": arms}, {"num_arms": arms + 1}):
        fits = [fit_rescorla_wagner(each, "ab", **keywords) for each in (table, ones)]
        for name in PARAMETERS:
            assert np.array_equal(fits[0].estimates[name], fits[1].estimates[name])
        assert fits[1].identified("beta")[0] == (keywords.get("num_arms") != arms + 1)
    assert abs(fits[0].estimates["alpha"][0] - 0.4) < 4 * 0.1


@pytest.mark.parametrize("action", [[0, 1, 99], [1, 2, 9], [0, 2, 2], [5, 6, 5]], ids=str)
def test_gaps_between_choices_are_asked_about(action):
    """99 for a missed trial would be a hundredth arm: either it is no choice, or the number of arms is given."""
    table = single({"action": action, "reward": [1, 0, 1]})
    with pytest.raises(ValueError, match=r"from 0 or 1 without gaps, and these are \[.*: leave out .* num_arms="):
        fit_rescorla_wagner(table)
    assert not fit_rescorla_wagner(table, num_arms=100).identified("alpha").any()
    with pytest.raises(ValueError, match=r"num_arms=2\.5 is not possible: give a whole number"):
        fit_rescorla_wagner(table, num_arms=2.5)


def test_learners_are_never_fitted_as_one_without_a_word():
    """Without blocks each learner is one; where nobody knows who lived, or blocks mix learners, a warning says so."""
    table = behaviour.join(
        [
            simulate(np.random.default_rng(seed), 6, 60, alpha, 5.0, 0.0).with_columns(learner=np.full(360, name))
            for seed, (name, alpha) in enumerate((("anna", 0.2), ("bert", 0.8)))
        ]
    )
    fit = fit_rescorla_wagner(table, "ab")
    assert fit.blocks.tolist() == ["anna", "bert"]
    for number, name in enumerate(fit.blocks):
        alone = fit_rescorla_wagner(table.split("learner")[name], "ab")
        assert alone.estimates["alpha"][0] == fit.estimates["alpha"][number]
    nobody = TrialTable({name: table[name] for name in table.names if name != "learner"}).where(np.arange(360))
    with pytest.warns(UserWarning, match="fit 6 lifetimes of nobody knows whom as one: .* 'learner'"):
        fit_rescorla_wagner(nobody, "ab")
    with pytest.warns(UserWarning, match="Regressions of choices fit 6 lifetimes of nobody knows whom as one"):
        behaviour.choice_regression(nobody)
    with pytest.warns(UserWarning, match=r"Regressions of choices fit 2 learners as one: table\.split\('learner'\)"):
        behaviour.choice_regression(table)
    with pytest.warns(UserWarning, match="Rescorla-Wagner models fit 2 learners as one"):
        fit_rescorla_wagner(table.with_columns(block=table["lifetime"] // 3), "ab")
    # Said: blocks of one learner, one lifetime alone, lifetimes of nobody in blocks that are given.
    fit_rescorla_wagner(behaviour.add_blocks(table, size=3), "ab")
    fit_rescorla_wagner(nobody.where(nobody["lifetime"] == 0), "ab")
    fit_rescorla_wagner(nobody.with_columns(block=nobody["lifetime"] // 3), "ab")
    behaviour.choice_regression(table.split("learner")["anna"])
