"""What single units follow: last action, last reward, their product, and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meta_envs.analysis.recording import Trace
from meta_envs.analysis.ridge import errors_by_lifetime, predict_held_out, share
from meta_envs.arguments import require, require_whole
from meta_envs.behaviour import Estimates
from meta_envs.family import Array

RATE = 0.05
"""Expected share of false ones among what is called significant."""


@dataclass(frozen=True, eq=False)
class Units:
    """Regressions of ``U`` units on ``R`` regressors, all of them scaled to a standard deviation of 1."""

    names: tuple[str, ...]
    """The regressors (R,)."""
    units: tuple[str, ...]
    """Layer and number of each unit (U,)."""
    weights: Array
    """Standardised coefficients (U, R); NaN of units that do not vary."""
    errors: Array
    """Their standard errors (U, R), robust to dependence within lifetimes."""
    p: Array
    """Two-sided p (U, R), by Student's t with one degree of freedom a lifetime, less one."""
    significant: Array
    """Whether p holds (U, R) with a false-discovery rate of 5 % over all units and regressors (Benjamini-Hochberg)."""
    explained: Estimates
    """Cross-validated R^2 of each unit and, last, of all together (U + 1), with 95 % intervals over lifetimes."""

    @property
    def low(self) -> Array:
        """Lower ends of 95 % intervals of the coefficients (U, R)."""
        return self.weights - self._half

    @property
    def high(self) -> Array:
        """Upper ends (U, R)."""
        return self.weights + self._half

    @property
    def _half(self) -> Array:
        from scipy.stats import t as student

        half: Array = student.ppf(0.975, int(self.explained.count[0]) - 1) * self.errors
        return half

    def __str__(self) -> str:
        varying = ~np.isnan(self.weights[:, 0])
        lines = [
            f"{name:<20}{np.mean(self.significant[varying, place]):.2f} of {varying.sum()} units, "
            f"median size {np.median(np.abs(self.weights[varying, place])):.2f}"
            for place, name in enumerate(self.names)
        ]
        last = self.explained
        return "\n".join([*lines, f"{'explained':<20}{last.mean[-1]:.3f} ({last.low[-1]:.3f}, {last.high[-1]:.3f})"])


def unit_regressions(trace: Trace, *, layers: Sequence[str] | None = None, stage: int = 1, folds: int = 5) -> Units:
    """Regress each hidden unit on last action, last reward, their product, and the agent's value.

    One observation a trial, from the second on: the memory before the choice, the choice of the trial before, and all
    that this one paid. Of more than two actions each but the first has a regressor and a product. Trials of a lifetime
    are not independent: standard errors are clustered by lifetime (Liang & Zeger 1986), and R^2 is cross-validated over
    lifetimes. For the untrained control, give ``trace.control``.

    Source: Wang et al. 2018, Nature Neuroscience 21:860, Fig. 2.

    Args:
        trace: Of an agent.
        layers: Names of the layers whose units are taken, by default all but the cells of LSTMs.
        stage: The step of a trial in which is chosen, from 1.
        folds: Parts that the lifetimes are split into.

    Raises:
        ValueError: If the learner has no memory, there is no such stage, or there are fewer lifetimes than folds.
    """
    memory, value = trace.memory(layers), trace.need("Regressions of units", "value")
    names, regressors, rows = _regressors(trace, require_whole("stage", stage, 1))
    x = _scale(np.column_stack([regressors, value[rows]]))
    y, lifetime = _scale(memory[rows]), np.unique(trace.lifetime[rows], return_inverse=True)[1]
    weights, errors = _fit_clustered(x, y, lifetime)
    from scipy.stats import false_discovery_control
    from scipy.stats import t as student

    num = int(lifetime[-1]) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2.0 * student.sf(np.abs(weights / errors), num - 1)
    tested = np.isfinite(p)
    significant = np.zeros(p.shape, dtype=bool)
    if tested.any():
        significant[tested] = false_discovery_control(p[tested]) <= RATE
    chosen = [name for name in trace.columns if "cell" not in name] if layers is None else layers
    units = tuple(f"{name} {unit + 1}" for name in chosen for unit in range(len(trace.columns[name])))
    lost, spread = errors_by_lifetime(y, predict_held_out(x, y, lifetime, folds), lifetime, num)
    return Units(
        names=(*names, "value"),
        units=units,
        weights=weights,
        errors=errors,
        p=p,
        significant=significant,
        explained=share(lost, spread, (*units, "all"), less=1.0, sign=-1.0),
    )


def _regressors(trace: Trace, stage: int) -> tuple[tuple[str, ...], Array, Array]:
    """Names, numbers (m, R - 1), and rows (m,) of the choices from each lifetime's second trial on."""
    table, num = trace.table, int(trace.family.action_space.n)  # type: ignore[attr-defined]
    at = table["stage"] if "stage" in table else np.ones(len(table), np.intp)
    rows = np.flatnonzero(at == stage)
    require(len(rows) > 0, "stage", stage, f"give a whole number from 1 to {int(np.max(at))}")
    trial = np.cumsum(np.append(True, (np.diff(table["trial"]) != 0) | (np.diff(trace.lifetime) != 0))) - 1
    paid = np.bincount(trial, table["reward"])
    follows = (np.diff(trace.lifetime[rows]) == 0) & (np.diff(trial[rows]) == 1)
    before, rows = rows[:-1][follows], rows[1:][follows]
    require(len(rows) > 0, "stage", stage, "take lifetimes of at least two trials")
    action, reward = table["action"][before], paid[trial[before]]
    names, columns = ["last reward"], [reward]
    for other in range(1, num):
        name = "last action" if num == 2 else f"last action {other}"
        taken = (action == other).astype(np.float64)
        names += [name, f"{name} x reward"]
        # Centred, so that the product tells what neither alone does.
        columns += [taken, (taken - np.mean(taken)) * (reward - np.mean(reward))]
    return tuple(names), np.stack(columns, axis=-1), rows


def _scale(values: Array) -> Array:
    """Columns (m, C) of mean 0 and standard deviation 1; zeros for those that do not vary."""
    spread = np.std(values, axis=0)
    varies = spread > 1e-7 * (1e-3 + np.abs(np.mean(values, axis=0)))
    return (values - np.mean(values, axis=0)) / np.where(varies, spread, np.inf)


def _fit_clustered(x: Array, y: Array, lifetime: Array) -> tuple[Array, Array]:
    """Least squares of (m, U) on (m, R), all centred: coefficients and clustered standard errors (U, R)."""
    rows, count = x.shape
    num = int(lifetime[-1]) + 1
    inverse = np.linalg.pinv(x.T @ x, rcond=1e-10)
    weights = inverse @ (x.T @ y)
    left = y - x @ weights
    starts = np.searchsorted(lifetime, np.arange(num))
    errors = np.empty(weights.shape)
    for regressor in range(count):
        scores = np.add.reduceat((x @ inverse[:, regressor])[:, None] * left, starts, axis=0)
        correction = num / max(num - 1, 1) * (rows - 1) / max(rows - count - 1, 1)
        errors[regressor] = np.sqrt(correction * np.sum(scores**2, axis=0))
    flat = np.all(y == 0.0, axis=0)
    weights[:, flat], errors[:, flat] = np.nan, np.nan
    weights[np.all(x == 0.0, axis=0)] = np.nan
    return weights.T, errors.T
