"""Regressions of choices find what is there, and say what cannot be found."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, fit_logistic, record_trials
from meta_envs.family import Array


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
    rows: dict[str, list[int]] = {name: [] for name in ("learner", "lifetime", "trial", "action", *names)}
    lifetime = 0
    for values, numbers in counts.items():
        for leaves, number in enumerate(numbers):
            for _ in range(number):
                side = lifetime % 2
                rows["learner"] += [1, 1]
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
    data["learner"] = np.full(len(rows), "simulated")
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
