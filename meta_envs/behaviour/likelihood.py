"""Likelihood of Rescorla-Wagner models, its peak, and how far the peak can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from meta_envs.family import Array

PARAMETERS = ("alpha", "beta", "epsilon")
ENOUGH = 1.9207
"""Log-likelihood that separates a 95 % profile interval from its peak: half of chi squared's quantile."""
NEAR = 1e-4
"""Estimates this fraction of the range from its end are at it."""


class Block:
    """The choices of one block, so prepared that a likelihood is a few calls.

    The value of an arm after its k-th pull is a linear filter of what its pulls paid, so the values of all arms in all
    lifetimes come from one call, and so do their derivatives.
    """

    def __init__(self, lifetime: Array, action: Array, reward: Array, arms: int, initial_value: float) -> None:
        pulled = (action[:, None] == np.arange(arms)).astype(np.intp)
        before = np.cumsum(pulled, axis=0) - pulled
        first = np.searchsorted(lifetime, lifetime)
        before -= before[first]
        most = int(np.max(before)) + 1
        row = lifetime[:, None] * arms + np.arange(arms)
        self._paid = np.full(((int(lifetime[-1]) + 1) * arms, most), initial_value)
        everyone = np.arange(len(action))
        self._paid[row[everyone, action], before[everyone, action]] = reward
        self._place = row * (most + 1) + before
        self._start, self._action, self._everyone, self._arms = initial_value, action, everyone, arms
        self.num_choices = len(action)

    def evaluate(self, theta: Array) -> tuple[float, Array]:
        """Log-likelihood and its gradient (3,) at alpha, beta and epsilon (3,)."""
        from scipy.signal import lfilter

        alpha, beta, epsilon = theta
        decay, count = [1.0, -(1.0 - alpha)], len(self._paid)
        start = np.full((count, 1), self._start)
        values = np.hstack([start, lfilter([alpha], decay, self._paid, zi=(1.0 - alpha) * start)[0]])
        slopes = np.hstack([np.zeros((count, 1)), lfilter([1.0], decay, self._paid - values[:, :-1])])
        value, slope = values.ravel()[self._place], slopes.ravel()[self._place]
        chances = np.exp(beta * (value - value.max(axis=1, keepdims=True)))
        chances /= chances.sum(axis=1, keepdims=True)
        chosen = (self._everyone, self._action)
        soft = chances[chosen]
        chance = np.maximum((1.0 - epsilon) * soft + epsilon / self._arms, 1e-300)
        by_beta = soft * (value[chosen] - np.sum(chances * value, axis=1))
        by_alpha = soft * beta * (slope[chosen] - np.sum(chances * slope, axis=1))
        gradient = [(1.0 - epsilon) * by_alpha, (1.0 - epsilon) * by_beta, 1.0 / self._arms - soft]
        return float(np.log(chance).sum()), np.array([np.sum(part / chance) for part in gradient])


class Peak:
    """Blocks with a common alpha, or one block, fitted.

    Free parameters are one vector: the common alpha if there is one, then each block's own.
    """

    def __init__(self, blocks: Sequence[Block], own: Sequence[str], upper: Array, alpha: float | None) -> None:
        self._blocks, self._upper = blocks, upper
        self._alpha = alpha
        # Place in the vector of every block's parameters (G, 3), -1 for those that are given.
        self._place = np.full((len(blocks), 3), -1)
        self._size = 0
        for number in range(len(blocks)):
            for column, name in enumerate(PARAMETERS):
                if name in own:
                    self._place[number, column] = self._size
                    self._size += 1
        if "alpha" not in own and alpha is None:
            self._place[:, 0] = self._size
            self._size += 1
        self._tops = np.empty(self._size)
        self._tops[self._place[self._place >= 0]] = np.broadcast_to(upper, self._place.shape)[self._place >= 0]
        self._begin = self._starts()
        self._vector, _ = max((self._climb(start) for start in self._begin), key=lambda found: found[1])
        self.theta = self._spread(self._vector)
        self.errors, self.notes = self._doubt()

    def _spread(self, vector: Array) -> Array:
        """Parameters of every block (G, 3)."""
        given = np.array([self._alpha or 0.0, 0.0, 0.0])
        return np.where(self._place >= 0, vector[self._place], given)

    def _evaluate(self, vector: Array, among: Sequence[int]) -> tuple[float, Array]:
        """Log-likelihood of some blocks, and its gradient."""
        height, slope, theta = 0.0, np.zeros(self._size), self._spread(vector)
        for number in among:
            value, gradient = self._blocks[number].evaluate(theta[number])
            free = self._place[number] >= 0
            height += value
            slope[self._place[number, free]] += gradient[free]
        return height, slope

    def _starts(self, count: int = 3) -> list[Array]:
        """Starting points: the best of a grid for each block, at the alphas with the highest likelihood."""
        alphas = [self._alpha] if self._alpha is not None else [0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9]
        betas = self._upper[1] * np.array([0.01, 0.03, 0.1, 0.25, 0.6])
        epsilons = [0.02, 0.15, 0.5] if (self._place[:, 2] >= 0).any() else [0.0]
        others = list(product(betas, epsilons))
        starts = []
        for alpha in alphas:
            vector, total = np.empty(self._size), 0.0
            for block, place in zip(self._blocks, self._place, strict=True):
                heights = [block.evaluate(np.array([alpha, *other]))[0] for other in others]
                theta = np.array([alpha, *others[int(np.argmax(heights))]])
                vector[place[place >= 0]] = theta[place >= 0]
                total += max(heights)
            starts.append((total, vector))
        return [vector for _, vector in sorted(starts, key=lambda start: -start[0])[:count]]

    def _climb(
        self, start: Array, free: Array | None = None, among: Sequence[int] | None = None
    ) -> tuple[Array, float]:
        """The nearest peak within the bounds and its height, over some parameters and in some blocks: default all."""
        from scipy.optimize import minimize

        free = np.arange(self._size) if free is None else free
        among = range(len(self._blocks)) if among is None else among
        choices = sum(self._blocks[number].num_choices for number in among)
        vector = start.copy()

        def fall(steps: Array) -> tuple[float, Array]:
            vector[free] = steps * self._tops[free]
            height, slope = self._evaluate(vector, among)
            return -height / choices, -slope[free] * self._tops[free] / choices

        if len(free) == 0:
            return vector, self._evaluate(vector, among)[0]
        options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500}
        begin = np.clip(start[free] / self._tops[free], 0.0, 1.0)
        found = minimize(fall, begin, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(free), options=options)
        vector[free] = found.x * self._tops[free]
        return vector, -float(found.fun) * choices

    def _doubt(self) -> tuple[Array, list[list[str]]]:
        """Standard errors (G, 3), and what is to be said of each estimate."""
        fraction = self._vector / self._tops
        low, high = fraction < NEAR, fraction > 1.0 - NEAR
        inner = np.flatnonzero(~low & ~high)
        information = self._information()[np.ix_(inner, inner)]
        scale = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
        curved = bool(np.all(np.linalg.eigvalsh(information / np.outer(scale, scale)) > 1e-8)) if len(inner) else True
        errors = np.full(self._size, np.nan)
        if curved:
            errors[inner] = np.sqrt(np.diag(np.linalg.inv(information)))
        notes = []
        for index in range(self._size):
            name = PARAMETERS[int(np.argwhere(self._place == index)[0, 1])]
            if self._is_flat(index):
                notes.append(f"{name} cannot be identified: any value fits nearly as well.")
            elif high[index] and name == "beta":
                notes.append("beta cannot be identified: the larger it is the better the fit.")
            elif high[index] or low[index]:
                notes.append(f"{name} is at its bound {self._tops[index] if high[index] else 0:g}: no standard error.")
            else:
                notes.append("" if curved else f"{name} has no standard error: the likelihood has no clear peak.")
        spread = np.where(self._place >= 0, np.append(errors, np.nan)[self._place], np.nan)
        return spread, [[notes[index] if index >= 0 else "" for index in place] for place in self._place.tolist()]

    def _information(self) -> Array:
        """Observed information (k, k): central differences of the exact gradient, block by block."""
        total = np.zeros((self._size, self._size))
        for block, place, theta in zip(self._blocks, self._place, self._spread(self._vector), strict=True):
            free = np.flatnonzero(place >= 0)
            curve = np.zeros((3, 3))
            for column in free:
                reach = min(theta[column], self._upper[column] - theta[column], 1e-4 * self._upper[column])
                step = np.zeros(3)
                step[column] = max(reach / 2, 1e-12)
                curve[column] = -(block.evaluate(theta + step)[1] - block.evaluate(theta - step)[1]) / (
                    2 * step[column]
                )
            total[np.ix_(place[free], place[free])] += ((curve + curve.T) / 2)[np.ix_(free, free)]
        return total

    def _is_flat(self, index: int) -> bool:
        """Whether both ends of a parameter's range are within its 95 % interval by profile likelihood.

        A common alpha is held where it is while a block's own parameters are profiled.
        """
        among = np.flatnonzero((self._place == index).any(axis=1)).tolist()
        free = np.unique(self._place[among][:, 0 if len(among) == len(self._blocks) else 1 :])
        free = free[(free >= 0) & (free != index)]
        height, _ = self._evaluate(self._vector, among)
        return all(self._is_near(index, end, free, among, height) for end in (0.0, self._tops[index]))

    def _is_near(self, index: int, end: float, free: Array, among: Sequence[int], height: float) -> bool:
        """Whether a fit with a parameter at an end of its range is nearly as good."""
        # Where alpha is 0 values never differ, and any beta fits alike.
        for start in (self._vector, self._begin[0], np.zeros(self._size)):
            there = self._vector.copy()
            there[free], there[index] = start[free], end
            if height - self._climb(there, free, among)[1] < ENOUGH:
                return True
        return False
