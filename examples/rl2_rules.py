"""The rules of RL^2's bandit table as its authors' code has them, for `rl2_bandits.py`, which says where from."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import betaln

from meta_envs.family import Array
from meta_envs.learners import CountingLearner


class Streams:
    """What learners draw of random numbers, for each lifetime from its own `RandomState`, in the authors' order."""

    def __init__(self, each: list[np.random.RandomState]) -> None:
        self.each = each

    def of(self, places: Array) -> "Streams":
        """Only some."""
        return Streams([self.each[place] for place in places])

    def random(self, size: int) -> Array:
        """Uniform numbers (num,)."""
        return np.array([stream.random_sample() for stream in self.each])

    def integers(self, high: int, size: int) -> Array:
        """Integers (num,) below ``high``."""
        return np.array([stream.randint(high) for stream in self.each], np.intp)

    def beta(self, paid: Array, lost: Array, size: tuple[int, ...]) -> Array:
        """Draws (draws, num, arms)."""
        shape = size[0], size[2]
        return np.stack(
            [stream.beta(won, missed, shape) for stream, won, missed in zip(self.each, paid, lost, strict=True)], axis=1
        )


class WhittleIndex(CountingLearner):
    """Whittle's closed form for the Gittins index at discount 1, of arms with p ~ U[0, 1]."""

    name = "rl2:gittins:gamma=1"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        count = 2.0 + self._pulls
        mean = (1.0 + self._rewards) / count
        variance = mean * (1.0 - mean)
        return np.argmax(mean + variance / (np.sqrt(count * variance) + mean - 0.5), axis=-1)


class TabulatedIndex(CountingLearner):
    """Gittins indices by backward induction, of arms with p ~ U[0, 1] and one success and one failure more than seen.

    Args:
        gamma: Discount.
    """

    def __init__(self, gamma: float) -> None:
        self._gamma, self.name = gamma, f"rl2:gittins:gamma={gamma:g}"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        count, paid = 4 + self._pulls.astype(np.intp), 2 + self._rewards.astype(np.intp)
        return np.argmax(tabulate_indices(self._gamma)[count, paid], axis=-1)


@lru_cache
def tabulate_indices(gamma: float) -> Array:
    """Gittins indices (count, paid) of Beta(paid, count - paid), in 4999ths, rounded up; p is known from 1000 on."""
    indices = np.zeros((1000, 1000), np.int16)
    for rate in np.split(np.linspace(0.0, 1.0, 5000)[:, None], 100):
        after = np.maximum(np.arange(1, 1000) / 1000 - rate, 0.0) / (1.0 - gamma)
        for count in range(999, 1, -1):
            mean = np.arange(1, count) / count
            value = after[:, 1:] - after[:, :-1]
            value *= mean
            value += after[:, :-1]
            value *= gamma
            value += mean - rate
            after = np.maximum(value, 0.0)
            if count <= 4 + 500:
                indices[count, 1:count] += np.count_nonzero(after, axis=0)
    return indices


class LikeliestDraw(CountingLearner):
    """Thompson sampling from the likeliest of several draws of all arms.

    Args:
        draws: From the posterior; 1 is Thompson sampling.
    """

    def __init__(self, draws: int) -> None:
        self._draws, self.name = draws, f"rl2:ots:draws={draws}" if draws > 1 else "rl2:thompson"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        paid, lost = 1.0 + self._rewards, 1.0 + self._pulls - self._rewards
        drawn = self._rng.beta(paid, lost, (self._draws, *paid.shape))
        density = (paid - 1.0) * np.log(drawn) + (lost - 1.0) * np.log1p(-drawn) - betaln(paid, lost)
        chosen = np.argmax(np.sum(density, axis=-1), axis=0)
        return np.argmax(drawn[chosen, self._everyone], axis=-1)


class PriorUCB(CountingLearner):
    """UCB1 that begins with one success in two pulls of every arm, so that no arm must be tried.

    Args:
        width: Of the bounds, ``width sqrt(2 ln(t) / n)`` after ``t`` pulls; 1 is UCB1's, 0 plays greedily.
    """

    def __init__(self, width: float) -> None:
        self._width, self.name = width, f"rl2:ucb1:width={width:g}"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        count = 2.0 + self._pulls
        bonus = self._width * np.sqrt(2.0 * np.log(max(self._step, 1)) / count)
        return np.argmax((1.0 + self._rewards) / count + bonus, axis=-1)


class PriorGreedy(CountingLearner):
    """Plays the first arm with the highest posterior mean, and sometimes at random.

    Args:
        epsilon: Probability of a random action; None to draw nothing.
    """

    def __init__(self, epsilon: float | None = None) -> None:
        self._epsilon = epsilon
        self.name = "rl2:greedy" if epsilon is None else f"rl2:epsilon_greedy:epsilon={epsilon:g}"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        best = np.argmax((1.0 + self._rewards) / (2.0 + self._pulls), axis=-1)
        if self._epsilon is not None:
            rng: Any = self._rng
            astray = np.flatnonzero(rng.random(len(best)) < self._epsilon)
            if isinstance(rng, Streams):
                rng = rng.of(astray)
            best[astray] = rng.integers(self._pulls.shape[1], size=len(astray))
        return best
