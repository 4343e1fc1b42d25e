"""Two restless Bernoulli arms whose pay-offs drift: experiment 4 of the paper."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces

from meta_envs.arguments import require, require_integers, require_numbers, require_one_of
from meta_envs.family import Array, DiscreteFamily, cumulative

FEWEST_CELLS = 48
"""Cells of the belief's grid on [0, 1] for each step size; more where a step is short."""
CELLS_A_STEP = 1.0
"""Cells that the smallest step size spans at least: from 1 on a step of the walk on the grid is exact to 1e-8."""
SMALLEST_CHANCE = 2.0**-54
"""Stands for a uniform of 0, which has no normal quantile."""
WIDEST = 4.0
"""Step size from which on a reflected step may lead anywhere with the same probability, to 1e-34."""
ROWS = 64
"""Rows of the matrix products that move beliefs on."""


@dataclass(frozen=True, kw_only=True)
class RestlessBandit(DiscreteFamily):
    """Two arms whose pay-off probabilities p_1(t) and 1 - p_1(t) wander while they are pulled, slowly or fast.

    ## Description
    The better arm changes within a lifetime. In some lifetimes the pay-offs drift slowly and old evidence stays
    good, in others they drift fast and only the last pulls count; which it is, is hidden. A good learner finds out how
    volatile its lifetime is, and sets its own rate of learning by that.

    ## Task prior
    The volatility is low or high, each with probability 1/2 [paper]; the step size is `sigma_low` or `sigma_high`
    accordingly [ours: the paper prints neither; `docs/calibration.md` says how these two were chosen]. `p_1(0) ~
    U[0, 1]`, then a Gaussian random walk [paper] `p_1(t + 1) = p_1(t) + sigma N(0, 1)`, reflected at 0 and 1
    [ours], so that `p_1(t)` is uniform at every trial; `p_2 = 1 - p_1` always [paper]. The task is `(sigma, p_1(0),
    ..., p_1(num_trials - 1))`, shape `(num_trials + 1,)`, and may be fixed by `reset(options={"task": [0.02, 0.5,
    ...]})` with one of the step sizes and any walk in [0, 1]. Volatilities have common chance: with the same seed the
    walks of both differ in nothing but their step size. The registered rows:

    | id | volatility |
    |---|---|
    | `MetaBandit-Restless-v0` | low or high, each with probability 1/2 [paper] |
    | `MetaBandit-RestlessLow-v0` | low, for tests of one volatility [paper: its analyses are by volatility] |
    | `MetaBandit-RestlessHigh-v0` | high |

    ## Action Space
    `Discrete(2)`: the arm to pull; action 0 pulls arm 1, action 1 pulls arm 2.

    ## Observation Space
    `Box(0, 1, (1,), float32)`, constantly 0: a bandit shows nothing [ours: Gymnasium needs an observation]. The wrapper
    `PreviousActionReward` adds what the paper's network sees: the previous action one-hot, the previous reward, and the
    time `t / num_trials`.

    ## Rewards
    1 with probability `p_1(t)` for arm 1 and `1 - p_1(t)` for arm 2, else 0 [paper].

    ## Starting State
    The clock at 0: only the task is drawn.

    ## Episode End
    `terminated` after `num_trials` pulls [paper: 100]; never truncated [ours: the end is part of the problem].

    ## Optimum
    A rewarded pull of arm 1 and an unrewarded pull of arm 2 have the same likelihood `p_1(t)`, whatever the step size,
    so what is learned does not depend on which arm is pulled, and the walk does not either. Beliefs then do not depend
    on the actions, and pulling the arm with the higher posterior mean is Bayes-optimal. Its belief is a filter, the
    weights of both step sizes on a grid of p_1, exact but for the grid: predictions are within 0.0005 of those on a
    grid 16 times as fine. Hardly two histories share a belief, so that its value is simulated, and
    `meta_envs.solve("MetaBandit-Restless-v0")` gives a bound three standard errors above that, about 0.1 % of the
    value; short lifetimes are solved exactly. The oracle pulls the better arm of every trial and expects `3/4
    num_trials`, since the larger of `p` and `1 - p` has mean 3/4 for uniform `p`.

    ## Arguments
    - `num_trials=100`: pulls of a lifetime [paper: 100], at least 1.
    - `sigma_low=0.02`, `sigma_high=0.3`: step sizes of the walk [ours, calibrated], positive, at least 0.001, the
      first below the second.
    - `volatility="mixed"`: "mixed" for either with probability 1/2 [paper], or "low" or "high" alone.

    ## Fidelity
    As in the paper, section 3.1.4: two arms that add up to 1, a Gaussian random walk, two volatilities with
    probability 1/2 each, 100 pulls. [ours]: the step sizes, chosen so that the two published facts about the baselines
    come out, a best learning rate of 0.5 for Rescorla-Wagner and a best constant of 1 for UCB (`docs/calibration.md`
    has the rule, the command, its numbers, and how firmly they hold), the uniform start, the reflection, the constant
    observation, the time scaled to [0, 1], the previous action and reward all zeros at the first step, the end
    signalled as `terminated`.

    ## References
    Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.1.4, Fig 4.

    ## Version History
    - v0: first version.
    """

    num_trials: int = 100
    sigma_low: float = 0.02
    sigma_high: float = 0.3
    volatility: str = "mixed"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        require_integers(self, {"num_trials": 1})
        require_numbers(self, "sigma_low", "sigma_high")
        require(self.sigma_low >= 0.001, "sigma_low", self.sigma_low, "give a step size of at least 0.001")
        cure = f"give a step size above sigma_low={self.sigma_low!r}"
        require(self.sigma_high > self.sigma_low, "sigma_high", self.sigma_high, cure)
        require(self.sigma_high <= 1000.0, "sigma_high", self.sigma_high, "give a step size of at most 1000")
        require_one_of("volatility", self.volatility, ("mixed", "low", "high"))

    @property
    def task_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The step size, then the mean of arm 1 at every trial."""
        return ("sigma", *(f"p_1({trial})" for trial in range(self.num_trials)))

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The step sizes that a lifetime may have, each as probable."""
        both = {"mixed": (self.sigma_low, self.sigma_high), "low": (self.sigma_low,), "high": (self.sigma_high,)}
        return both[self.volatility]

    @property
    def horizon(self) -> int:
        return self.num_trials

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2)

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    @property
    def num_task_chance(self) -> int:
        """One uniform for the volatility, also where it is given; one for the start; one for every step of the walk."""
        return 1 + self.num_trials

    @property
    def num_outcomes(self) -> int:
        """0: unrewarded, 1: rewarded."""
        return 2

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (0.0, 1.0)

    def sample_task(self, chance: Array) -> Array:
        from scipy.special import ndtri

        sigma = self._pick_sigma(chance[:, :1])
        steps = ndtri(np.maximum(chance[:, 2:], SMALLEST_CHANCE))
        walk = np.concatenate([chance[:, 1:2], sigma * steps], axis=-1)
        return np.concatenate([sigma, fold(np.cumsum(walk, axis=-1))], axis=-1)

    def _pick_sigma(self, chance: Array) -> Array:
        return np.asarray(self.sigmas)[np.floor(chance * len(self.sigmas)).astype(np.intp)]

    def in_support(self, task: Array) -> Array:
        known = np.any(np.abs(task[:, :1] - np.asarray(self.sigmas)) <= 1e-9, axis=-1)
        return known & np.all((task[:, 1:] >= 0.0) & (task[:, 1:] <= 1.0), axis=-1)

    def states(self) -> Array:
        """The clock, from 0 to the end (num_trials + 1, 1)."""
        return np.arange(self.num_trials + 1)[:, None]

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 1), np.intp)

    def outcome_probs(self, task: Array, state: Array, action: Array) -> Array:
        trial = np.minimum(state[:, 0], self.num_trials - 1)
        return _law(task[np.arange(len(task)), 1 + trial], action)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.minimum(state + 1, self.num_trials)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome.astype(np.float64)

    def observe(self, task: Any, state: Array) -> Array:
        return np.zeros((len(state), 1), np.float32)

    @property
    def num_cells(self) -> int:
        """Cells of the belief's grid on [0, 1], for each step size."""
        return max(FEWEST_CELLS, int(np.ceil(CELLS_A_STEP / min(self.sigmas))))

    @property
    def _centers(self) -> Array:
        return (np.arange(self.num_cells) + 0.5) / self.num_cells

    def initial_belief(self) -> Array:
        """The clock at 0, and even weights: a grid of p_1 for each step size (1, 1 + sigmas * cells)."""
        size = len(self.sigmas) * self.num_cells
        return np.append(0.0, np.full(size, 1.0 / size))[None]

    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """Bayes' rule, then a step of the walk: the clock, and what p_1 and sigma may be at that trial."""
        for_first = (action != outcome)[:, None]
        likelihood = np.where(for_first, self._centers, 1.0 - self._centers)
        weights = belief[:, 1:].reshape(len(belief), len(self.sigmas), -1) * likelihood[:, None]
        weights /= np.sum(weights.reshape(len(belief), -1), axis=-1)[:, None, None]
        moved = step_weights(weights, walk_kernels(self.sigmas, self.num_cells))
        clock = belief[:, :1] + 1.0
        # After the last trial nothing moves any more.
        weights = np.where(clock[:, :, None] < self.num_trials, moved, weights)
        return np.concatenate([clock, weights.reshape(len(belief), -1)], axis=-1)

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Failure and success probabilities of the pulled arm by the posterior mean of p_1 (B, 2)."""
        weights = belief[:, 1:].reshape(len(belief), len(self.sigmas), -1)
        return _law(np.sum(np.sum(weights * self._centers, axis=-1), axis=-1), action)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """Tasks (B, num_trials + 1): p_1 now, drawn from the filter, and the walk from there on.

        What p_1 was before is not in the belief: earlier trials have the value of the present one.
        """
        num, cells = len(belief), self.num_cells
        drawn = np.sum(rng.random((num, 1)) >= cumulative(belief[:, 1:]), axis=-1)
        now = (drawn % cells + rng.random(num)) / cells
        sigma = np.asarray(self.sigmas)[drawn // cells, None]
        later = np.arange(self.num_trials) > belief[:, :1]
        steps = np.where(later, sigma * rng.standard_normal((num, self.num_trials)), 0.0)
        return np.concatenate([sigma, fold(now[:, None] + np.cumsum(steps, axis=-1))], axis=-1)


def fold(walk: Array) -> Array:
    """A free walk as one that is reflected at 0 and 1: the distance to the nearest even number."""
    return np.abs(np.mod(walk + 1.0, 2.0) - 1.0)


def step_weights(weights: Array, kernels: Array) -> Array:
    """Weights (B, sigmas, cells) after a step of the walk, by ``kernels`` (sigmas, cells, cells).

    A matrix product gives other last bits at other batch sizes; these have always ``ROWS`` rows, some of them blank.
    """
    batch, sigmas, cells = weights.shape
    blocks = -(-batch // ROWS)
    padded = np.zeros((blocks * ROWS, sigmas, cells))
    padded[:batch] = weights
    stacked = np.ascontiguousarray(padded.reshape(blocks, ROWS, sigmas, cells).swapaxes(1, 2))
    return np.matmul(stacked, kernels).swapaxes(1, 2).reshape(-1, sigmas, cells)[:batch]


@lru_cache(maxsize=16)
def walk_kernels(sigmas: tuple[float, ...], cells: int) -> Array:
    """Probabilities (sigmas, cells, cells) to go from the centre of one cell to another in one reflected step.

    A Gaussian and its images behind both walls. Every row adds up to 1, so that no weight is lost, and to rounding to
    the grid every column, so that even weights stay even.
    """
    centers = (np.arange(cells) + 0.5) / cells
    # Wider steps are uniform to rounding as well.
    sigmas = tuple(min(sigma, WIDEST) for sigma in sigmas)
    images = 2.0 * np.arange(-np.ceil(5 * max(sigmas)) - 1, np.ceil(5 * max(sigmas)) + 2)
    sources = np.concatenate([centers + image for image in images] + [image - centers for image in images])
    kernels = []
    for sigma in sigmas:
        density = np.exp(-0.5 * ((sources[:, None] - centers) / sigma) ** 2)
        kernel = np.sum(density.reshape(-1, cells, cells), axis=0)
        kernels.append(kernel / np.sum(kernel, axis=-1, keepdims=True))
    return np.stack(kernels)


def _law(first: Array, action: Array) -> Array:
    """Failure and success probabilities (B, 2) where arm 1 pays with the probability ``first`` (B,)."""
    pays = np.where(action == 0, first, 1.0 - first)
    return np.stack([1.0 - pays, pays], axis=-1)
