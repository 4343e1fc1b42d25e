"""Logistic regression of choices on what happened in earlier trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meta_envs.arguments import require, require_whole
from meta_envs.behaviour.statistics import consecutive, two_step_trials
from meta_envs.behaviour.trials import TrialTable, warn_of_pooling
from meta_envs.family import Array

STEEP = 15.0
"""Log odds beyond which a fit may be on its way to infinity, and separation is tested for."""


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A logistic regression. Coefficients are in log odds, NaN where the data cannot tell them."""

    names: tuple[str, ...]
    coefficients: Array
    """(k,)"""
    standard_errors: Array
    """(k,) from the observed information; with ``ridge`` from the penalised one, which is too small."""
    identified: Array
    """(k,) whether there is one finite estimate."""
    log_likelihood: float
    """Of the data, without the penalty; the limit where estimates are infinite."""
    num_observations: int
    ridge: float
    note: str
    """Which coefficients cannot be identified and why, else empty."""

    @property
    def bic(self) -> float:
        """Bayesian information criterion; less is better."""
        return float(len(self.names) * np.log(self.num_observations) - 2 * self.log_likelihood)

    def __str__(self) -> str:
        width = max(map(len, self.names), default=0)
        rows = zip(self.names, self.coefficients, self.standard_errors, self.identified, strict=True)
        lines = [
            f"{name:<{width}}  {value:+.3f} ± {error:.3f}" if known else f"{name:<{width}}  cannot be identified"
            for name, value, error, known in rows
        ]
        return "\n".join([*lines, self.note] if self.note else lines)


def fit_logistic(
    predictors: Array, response: Array, names: Sequence[str] | None = None, *, ridge: float = 0.0
) -> LogisticFit:
    """Logistic regression by maximum likelihood, with Newton's method.

    Estimates exist if no combination of the predictors separates the two responses, and are unique if the predictors
    are linearly independent. Both are tested, the first by linear programming, and where either fails the fit is that
    of the limit: what remains finite and unique is estimated, all else is NaN and said so.

    Source: Albert & Anderson 1984, On the existence of maximum likelihood estimates in logistic regression models,
    Biometrika 71:1; Konis 2007, Linear programming algorithms for detecting separated data, thesis, Oxford.

    Args:
        predictors: (n, k). There is no intercept but a column of ones.
        response: (n,) of 0 and 1.
        names: Of the predictors; by default ``x1``, ``x2`` and so on.
        ridge: Penalty ``ridge / 2`` times the sum of squared coefficients; above 0 estimates always exist.

    Raises:
        ValueError: If shapes or values make no sense.
    """
    predictors, response = np.asarray(predictors, np.float64), np.asarray(response)
    good = predictors.ndim == 2 and len(predictors) > 0 and response.shape == predictors.shape[:1]
    given = (predictors.shape, response.shape)
    require(good, "shapes", given, "give predictors (n, k) and responses (n,), with n of at least 1")
    require(bool(np.all(np.isfinite(predictors))), "predictors", "not finite", "give finite numbers")
    require(bool(np.all((response == 0) | (response == 1))), "response", np.unique(response)[:5], "give 0 and 1")
    require(0.0 <= ridge < np.inf, "ridge", ridge, "give a number of at least 0")
    titles = tuple(names) if names is not None else tuple(f"x{number + 1}" for number in range(predictors.shape[1]))
    require(len(titles) == predictors.shape[1], "names", titles, f"give {predictors.shape[1]}, one a predictor")
    # Rows alike are counted: few patterns stand for many trials.
    patterns, place = np.unique(predictors, axis=0, return_inverse=True)
    count = np.bincount(place.ravel(), minlength=len(patterns)).astype(np.float64)
    ones = np.bincount(place.ravel(), response, len(patterns))
    kept, reasons = np.ones(len(patterns), dtype=bool), []
    if ridge == 0.0:
        # The limit of a diverging fit is that of the patterns that nothing separates.
        kept = ~_separated(patterns, ones, count) if _may_diverge(patterns, ones, count) else kept
        if not kept.all():
            reasons.append(
                "some combination of predictors foretells responses without fail, and its weight is infinite"
            )
        elif _rank(patterns) < len(titles):
            reasons.append("predictors are linearly dependent")
    basis = _row_space(patterns[kept]) if ridge == 0.0 else np.eye(len(titles))
    weights, information, likelihood, _ = _newton(patterns[kept] @ basis, ones[kept], count[kept], ridge)
    # A coefficient is known if it has no part outside the space that the remaining patterns span.
    identified = np.sum(basis**2, axis=1) > 1.0 - 1e-8
    covariance = basis @ np.linalg.inv(information) @ basis.T if basis.size else np.zeros((len(titles), len(titles)))
    unknown = [name for name, known in zip(titles, identified, strict=True) if not known]
    return LogisticFit(
        names=titles,
        coefficients=np.where(identified, basis @ weights, np.nan),
        standard_errors=np.where(identified, np.sqrt(np.diag(covariance)), np.nan),
        identified=identified,
        log_likelihood=likelihood,
        num_observations=len(response),
        ridge=float(ridge),
        note=f"Cannot be identified: {', '.join(unknown)}; {' and '.join(reasons)}." if unknown else "",
    )


def choice_regression(table: TrialTable, *, lags: int = 1, ridge: float = 0.0, side_bias: bool = False) -> LogisticFit:
    """Regression of choices between two actions on the choices, rewards and transitions of earlier trials.

    With ``c`` the choice, ``r`` whether it was rewarded and ``m`` whether the transition was common, all coded as 1 or
    -1, the log odds of ``c_t = 1`` are the sum over lags ``l`` of ``c_{t-l} (stay_l + reward_l r_{t-l} + transition_l
    m_{t-l} + interaction_l r_{t-l} m_{t-l})``. With one lag this is the regression of staying on reward, transition and
    their interaction (Daw et al. 2011, Neuron 69:1204); with more that of Miller, Botvinick & Brody 2017, Nature
    Neuroscience 20:1269, in other words. Without transitions, of a bandit, it is the regression on choices and rewards.

    All lifetimes of a table are fitted as one. Where they are of several learners, or the table does not say whose they
    are, a warning says so.

    Args:
        table: Steps of a two-step task or of a bandit as recorded, or one row a trial with ``lifetime``, ``trial``,
            ``action`` of two values, ``reward`` (more than 0 or not), and ``common`` where there are transitions.
        lags: Earlier trials that are predictors, at least 1; trials without as many before them are left out.
        ridge: Penalty, as in `fit_logistic`.
        side_bias: Whether to add a constant, in favour of the higher action.

    Raises:
        ValueError: If a column is missing or has values that it may not have, there are other than two actions, or no
            trial has as many before it.
    """
    require_whole("lags", lags, 1)
    if "common" not in table and "stage" in table:
        table = two_step_trials(table)
    transitions = ("common",) if "common" in table else ()
    table = table.ready("Regression of choices", "trial", "action", "reward", *transitions)
    actions = np.unique(table["action"])
    if len(actions) != 2:
        raise ValueError(
            f"Regression of choices needs two actions, and the table has {actions[:9].tolist()}: leave out what is no "
            "choice."
        )
    now = consecutive(table, lags)
    if len(now) == 0:
        raise ValueError(f"lags={lags!r} is not possible: no trial in the table has as many before it.")
    warn_of_pooling(table, "Regressions of choices")
    choice = np.where(table["action"] == actions[1], 1.0, -1.0)
    signs = {"stay": np.ones(len(table)), "reward": np.where(table["reward"] > 0, 1.0, -1.0)}
    if transitions:
        signs["transition"] = np.where(table["common"] == 1, 1.0, -1.0)
        signs["reward x transition"] = signs["reward"] * signs["transition"]
    columns = {"side bias": np.ones(len(now))} if side_bias else {}
    for lag in range(1, lags + 1):
        columns |= {f"{name} (lag {lag})": (choice * sign)[now - lag] for name, sign in signs.items()}
    return fit_logistic(np.stack(list(columns.values()), axis=1), choice[now] > 0, list(columns), ridge=ridge)


def _newton(predictors: Array, ones: Array, count: Array, ridge: float) -> tuple[Array, Array, float, bool]:
    """Estimates (k,), information (k, k), log-likelihood, and whether the end was reached."""
    size = predictors.shape[1]
    weights, penalty = np.zeros(size), ridge * np.eye(size)

    def measure(weights: Array) -> float:
        odds = predictors @ weights
        return float(np.sum(ones * odds - count * np.logaddexp(0.0, odds)))

    def differentiate(weights: Array) -> tuple[Array, Array]:
        chance = 1.0 / (1.0 + np.exp(-np.clip(predictors @ weights, -500, 500)))
        gradient = predictors.T @ (ones - count * chance) - ridge * weights
        return gradient, (predictors.T * (count * chance * (1.0 - chance))) @ predictors + penalty

    reached = False
    for _ in range(100):
        gradient, information = differentiate(weights)
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        value = measure(weights) - ridge / 2 * np.sum(weights**2)
        while measure(weights + step) - ridge / 2 * np.sum((weights + step) ** 2) < value - 1e-9 * (1 + abs(value)):
            step = step / 2
        weights = weights + step
        if np.max(np.abs(step), initial=0.0) < 1e-10:
            reached = True
            break
    return weights, differentiate(weights)[1], measure(weights), reached


def _may_diverge(patterns: Array, ones: Array, count: Array) -> bool:
    """Whether the fit goes where no data are likely to lead it; finite fits that do are sorted out by `_separated`."""
    basis = _row_space(patterns)
    weights, _, _, reached = _newton(patterns @ basis, ones, count, 0.0)
    return not reached or bool(np.max(np.abs(patterns @ basis @ weights), initial=0.0) > STEEP)


def _separated(patterns: Array, ones: Array, count: Array) -> Array:
    """The patterns (n,) whose responses some direction of the coefficients foretells, and none contradicts."""
    from scipy.optimize import linprog

    # Both responses to a pattern pin it down: it must lie on the border.
    zero, one = (count > ones), (ones > 0)
    scaled = patterns / np.maximum(np.max(np.abs(patterns), axis=0), 1e-300)
    signed = np.concatenate([scaled[one], -scaled[zero]])
    index = np.concatenate([np.flatnonzero(one), np.flatnonzero(zero)])
    separated = np.zeros(len(signed), dtype=bool)
    while not separated.all():
        found = linprog(-signed[~separated].sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
        new = ~separated & (signed @ found.x > 1e-7)
        if not new.any():
            break
        separated |= new
    return np.isin(np.arange(len(patterns)), index[separated])


def _row_space(patterns: Array) -> Array:
    """An orthonormal basis (k, rank) of what rows (n, k) span."""
    if len(patterns) == 0:
        return np.zeros((patterns.shape[1], 0))
    _, sizes, rows = np.linalg.svd(patterns.T @ patterns)
    return rows[sizes > 1e-10 * sizes[0]].T


def _rank(patterns: Array) -> int:
    return _row_space(patterns).shape[1]
