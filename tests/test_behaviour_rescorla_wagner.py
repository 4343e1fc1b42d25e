"""Fits of Rescorla-Wagner models recover who played, or say that they cannot."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, fit_rescorla_wagner, record_trials
from meta_envs.behaviour.likelihood import Block
from meta_envs.families.restless import RestlessBandit


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
    table = TrialTable(dict(zip(("lifetime", "trial", "action", "reward"), columns, strict=True)))
    return table.with_columns(learner=np.full(len(table), "simulated"))


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
    for number in range(4):
        part = simulate(rng, 12, 75, alphas[number % 2], 8.0, epsilon)
        parts.append(part.with_columns(lifetime=part["lifetime"] + 12 * number, kind=np.full(900, number % 2)))
    table = behaviour.add_blocks(behaviour.join(parts), size=12, by="kind")
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
        ({"model": "b", "alpha": "0.5"}, "alpha='0.5'"),
        ({"model": "b", "initial_value": "half"}, "initial_value='half'"),
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
