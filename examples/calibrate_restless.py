"""Find the step sizes of the restless bandits, by the rule of docs/calibration.md, and print what decides.

    python examples/calibrate_restless.py
    python examples/calibrate_restless.py --lifetimes 5000

The rules are simulated directly, all constants at once, in lifetimes of the package's family; nothing is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated

import numpy as np
import typer
from rich.progress import track
from rich.table import Table
from scipy.special import logit

from meta_envs.families import RestlessBandit
from meta_envs.family import Array
from meta_envs.terminal import Screen

SIGMAS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3)
RATIO = 3.0
ALPHAS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BETAS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 30.0)
CHIS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0)
PUBLISHED = {"alpha": 0.5, "chi": 1.0}
NEAR = {"alpha": (0.4, 0.5, 0.6), "chi": (0.7, 1.0, 1.4)}
BLOCKS = 50
FILTERED = 10_000
"""Lifetimes a step size, at most, in which the step size of Thompson sampling is tuned: its filters take longest."""
CHUNK = 500
"""Lifetimes side by side for all constants: few enough to stay in the processor's cache."""


@dataclass
class Sample:
    """Some lifetimes at one step size: what each arm pays and is worth at every trial, and the rules' own uniforms."""

    paid: Array
    """(trials, 2, n) bool"""
    means: Array
    """(trials, 2, n)"""
    chance: Array
    """(trials, n)"""


def draw(sigma: float, num: int, seed: list[int]) -> Sample:
    """Lifetimes of the family, on the same chance for every step size."""
    family = RestlessBandit(sigma_low=sigma, sigma_high=2 * sigma, volatility="low")
    rng = np.random.default_rng(seed)
    task = family.sample_task(rng.random((num, family.num_task_chance)))
    chance = rng.random((num, family.horizon))
    paid, means = np.empty((family.horizon, 2, num), bool), np.empty((family.horizon, 2, num), np.float32)
    for trial, arm in product(range(family.horizon), range(2)):
        state, action = np.full((num, 1), trial), np.full(num, arm)
        paid[trial, arm] = family.outcome(task, state, action, chance[:, trial : trial + 1])
        means[trial, arm] = family.outcome_probs(task, state, action)[:, 1]
    return Sample(paid, means, rng.random((family.horizon, num)))


def simulate_rescorla_wagner(sample: Sample) -> Array:
    """Expected regrets (ALPHAS, BETAS, n): only the pulled arm is updated, and softmax chooses."""
    num = sample.chance.shape[1]
    alpha = np.array(ALPHAS, np.float32)[:, None, None]
    beta = np.array(BETAS, np.float32)[:, None]
    values = np.full((2, len(ALPHAS), len(BETAS), num), 0.5, np.float32)
    regret = np.zeros(values.shape[1:], np.float32)
    noise = logit(np.maximum(sample.chance, 2.0**-54)).astype(np.float32)
    for paid, means, threshold in zip(sample.paid.astype(np.float32), sample.means, noise, strict=True):
        # The first arm is pulled with probability sigmoid(beta (Q_1 - Q_2)).
        first = beta * (values[0] - values[1]) > threshold
        regret += np.where(first, *(np.max(means, axis=0) - means))
        for arm, pulled in enumerate((first, ~first)):
            values[arm] += alpha * pulled * (paid[arm] - values[arm])
    return regret


def simulate_ucb(sample: Sample) -> Array:
    """Expected regrets (CHIS, n): each arm once, then the highest mean reward plus sqrt(chi ln(n) / n_i)."""
    num = sample.chance.shape[1]
    chi = np.array(CHIS)[:, None]
    pulls, rewards = np.zeros((2, 2, len(CHIS), num))
    regret = np.zeros((len(CHIS), num))
    for trial, (paid, means, chance) in enumerate(zip(sample.paid, sample.means, sample.chance, strict=True)):
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = np.where(pulls == 0, np.inf, rewards / pulls + np.sqrt(chi * np.log(max(trial, 1)) / pulls))
        tied = np.isclose(bound[0], bound[1], rtol=0.0, atol=1e-12)
        first = np.where(tied, chance < 0.5, bound[0] > bound[1])
        regret += np.where(first, *(np.max(means, axis=0) - means))
        for arm, pulled in enumerate((first, ~first)):
            pulls[arm] += pulled
            rewards[arm] += pulled & paid[arm]
    return regret


def simulate_thompson_walk(sample: Sample) -> Array:
    """Expected regrets (SIGMAS, n): the first arm if a draw of p_1 from the filter of that step size is above 1/2."""
    regret = np.zeros((len(SIGMAS), sample.chance.shape[1]))
    for place, sigma in enumerate(SIGMAS):
        family = RestlessBandit(sigma_low=sigma, sigma_high=2 * sigma, volatility="low")
        cells, zero = family.num_cells, np.zeros((family.num_cells, 1), np.intp)
        # From certainty of a cell, whatever is paid: where the walk goes in a step.
        kernel = family.update_belief(np.column_stack([zero, np.eye(cells)]), zero, zero[:, 0], zero[:, 0])[:, 1:]
        centers = (np.arange(cells) + 0.5) / cells
        above = np.clip(np.arange(1, cells + 1) - cells / 2, 0.0, 1.0)
        belief = np.full((sample.chance.shape[1], cells), 1.0 / cells)
        for paid, means, chance in zip(sample.paid, sample.means, sample.chance, strict=True):
            first = chance < belief @ above
            regret[place] += np.where(first, *(np.max(means, axis=0) - means))
            # A reward from one arm is as likely as none from the other.
            for_first = np.where(first, paid[0], ~paid[1])[:, None]
            belief *= np.where(for_first, centers, 1.0 - centers)
            belief = (belief / np.sum(belief, axis=-1, keepdims=True)) @ kernel
    return regret


@dataclass
class Pair:
    """Two step sizes, and the mean regrets of all constants in each block of lifetimes."""

    low: float
    high: float
    curves: dict[str, Array]
    """alpha: (BLOCKS, ALPHAS) with beta tuned for each; chi: (BLOCKS, CHIS)"""
    betas: list[float]
    """The best beta for each alpha."""

    @staticmethod
    def combine(low: float, high: float, rescorla_wagner: Array, ucb: Array) -> "Pair":
        """From the means of both step sizes' regrets, (BLOCKS, ALPHAS, BETAS) and (BLOCKS, CHIS)."""
        tuned = np.argmin(np.mean(rescorla_wagner, axis=0), axis=-1)
        alpha = np.take_along_axis(rescorla_wagner, tuned[None, :, None], axis=-1)[..., 0]
        return Pair(low, high, {"alpha": alpha, "chi": ucb}, [BETAS[place] for place in tuned])

    def best(self, name: str) -> float:
        """The constant with the lowest regret."""
        return GRIDS[name][int(np.argmin(np.mean(self.curves[name], axis=0)))]

    def regret(self, name: str, constant: float) -> tuple[float, float]:
        """Mean regret with a constant, and its standard error."""
        return mean_and_error(self.curves[name][:, GRIDS[name].index(constant)])

    def excess(self, name: str) -> tuple[float, float]:
        """How much more regret the published constant has than the best, and the paired standard error."""
        curve, grid = self.curves[name], GRIDS[name]
        return mean_and_error(curve[:, grid.index(PUBLISHED[name])] - curve[:, grid.index(self.best(name))])

    @property
    def admitted(self) -> bool:
        """Whether both published facts hold."""
        return all(self.best(name) in NEAR[name] for name in GRIDS)

    @property
    def shares(self) -> Array:
        """The score, a block each (BLOCKS,), linear in the blocks' regrets: their mean is the score."""
        parts = [
            (self.curves[name][:, GRIDS[name].index(PUBLISHED[name])] - self.curves[name][:, place])
            / np.mean(self.curves[name][:, place])
            for name, place in ((name, GRIDS[name].index(self.best(name))) for name in GRIDS)
        ]
        return np.sum(parts, axis=0)

    @property
    def score(self) -> float:
        """Sum of the relative excess regrets of both published constants."""
        return float(np.mean(self.shares))


GRIDS = {"alpha": ALPHAS, "chi": CHIS}


def mean_and_error(blocks: Array) -> tuple[float, float]:
    """Mean of block means and its standard error."""
    return float(np.mean(blocks)), float(np.std(blocks, ddof=1) / np.sqrt(len(blocks)))


def measure(sigma: float, lifetimes: int, seed: int) -> tuple[Array, Array]:
    """Mean regrets a block at one step size: (BLOCKS, ALPHAS, BETAS) and (BLOCKS, CHIS)."""
    size = lifetimes // BLOCKS
    rescorla_wagner, ucb = np.zeros((BLOCKS, len(ALPHAS), len(BETAS))), np.zeros((BLOCKS, len(CHIS)))
    for block, start in product(range(BLOCKS), range(0, size, CHUNK)):
        sample = draw(sigma, min(CHUNK, size - start), [seed, block, start])
        rescorla_wagner[block] += np.sum(simulate_rescorla_wagner(sample), axis=-1, dtype=np.float64) / size
        ucb[block] += np.sum(simulate_ucb(sample), axis=-1) / size
    return rescorla_wagner, ucb


def tune_thompson_walk(pair: "Pair", lifetimes: int, seed: int) -> Array:
    """Mean regrets a block (BLOCKS, SIGMAS) in a pair, from samples that are seeded as in `measure`."""
    size = lifetimes // BLOCKS
    regret = np.zeros((BLOCKS, len(SIGMAS)))
    blocks = track(list(product(range(BLOCKS), range(0, size, CHUNK), (pair.low, pair.high))), "thompson_walk")
    for block, start, sigma in blocks:
        sample = draw(sigma, min(CHUNK, size - start), [seed, block, start])
        regret[block] += np.sum(simulate_thompson_walk(sample), axis=-1) / size / 2
    return regret


def combine(measured: dict[float, tuple[Array, Array]]) -> Iterator[Pair]:
    """All pairs of step sizes that are far enough apart."""
    for low, high in product(measured, measured):
        if high >= RATIO * low - 1e-9:
            halves = (np.mean(both, axis=0) for both in zip(measured[low], measured[high], strict=True))
            yield Pair.combine(low, high, *halves)


def choose(pairs: list[Pair]) -> tuple[Pair, list[Pair]]:
    """The pair that the rule picks, and those that tie with the lowest score, itself among them."""
    admitted = [pair for pair in pairs if pair.admitted] or pairs
    lowest = min(admitted, key=lambda pair: pair.score)
    tied = []
    for pair in admitted:
        difference, error = mean_and_error(pair.shares - lowest.shares)
        if difference <= 2 * error:
            tied.append(pair)
    return max(tied, key=lambda pair: (round(pair.high / pair.low, 9), -pair.high)), tied


def tabulate_single(measured: dict[float, tuple[Array, Array]]) -> Table:
    """What is best at each step size alone."""
    table = make_table("Each step size alone", ("sigma", "best alpha", "beta", "regret", "best chi", "regret"))
    for sigma, (rescorla_wagner, ucb) in measured.items():
        alone = Pair.combine(sigma, sigma, rescorla_wagner, ucb)
        alpha, chi = alone.best("alpha"), alone.best("chi")
        beta = alone.betas[ALPHAS.index(alpha)]
        table.add_row(
            f"{sigma:g}", f"{alpha:g}", f"{beta:g}", in_words(alone.regret("alpha", alpha)),
            f"{chi:g}", in_words(alone.regret("chi", chi)),
        )  # fmt: skip
    return table


def tabulate_pairs(pairs: list[Pair], tied: list[Pair], chosen: Pair, most: int = 15) -> Table:
    """The pairs with the lowest scores, those in which both facts hold first."""
    headings = ("low", "high", "best alpha", "0.5 costs", "best chi", "1 costs", "score", "")
    table = make_table("Pairs, those first in which both facts hold", headings)
    for pair in sorted(pairs, key=lambda pair: (not pair.admitted, pair.score))[:most]:
        mark = "chosen" if pair is chosen else "ties" if pair in tied else "" if pair.admitted else "not both"
        cells = [f"{pair.low:g}", f"{pair.high:g}"]
        for name in GRIDS:
            cells += [f"{pair.best(name):g}", in_words(pair.excess(name), 3)]
        table.add_row(*cells, f"{pair.score:.4f}", mark)
    return table


def tabulate_curve(pair: Pair, name: str, curve: Array | None = None) -> Table:
    """Regret by a constant, in the chosen pair."""
    tuned = name == "alpha"
    grid, curve = (GRIDS[name], pair.curves[name]) if curve is None else (SIGMAS, curve)
    rule = {"alpha": "Rescorla-Wagner", "chi": "UCB", "sigma": "Thompson sampling on a walk"}[name]
    headings = (name, *(["beta"] if tuned else []), "regret", "above the best")
    table = make_table(f"({pair.low:g}, {pair.high:g}): {rule}", headings)
    best = curve[:, int(np.argmin(np.mean(curve, axis=0)))]
    for place, constant in enumerate(grid):
        above = mean_and_error(curve[:, place] - best)
        beta = [f"{pair.betas[place]:g}"] if tuned else []
        table.add_row(f"{constant:g}", *beta, in_words(mean_and_error(curve[:, place])), in_words(above, 3))
    return table


def make_table(title: str, headings: tuple[str, ...]) -> Table:
    """An empty table of right-aligned columns."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def in_words(number: tuple[float, float], digits: int = 2) -> str:
    """A mean and its standard error."""
    return f"{number[0]:.{digits}f} ± {number[1]:.{digits}f}"


def main(
    lifetimes: Annotated[int, typer.Option(min=BLOCKS, help="Lifetimes a step size, in 50 blocks.")] = 50_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample.")] = 1,
) -> None:
    """Measure, choose and print."""
    console = Screen(width=100)
    progress = track(SIGMAS, "step sizes", console=Screen(stderr=True))
    measured = {sigma: measure(sigma, lifetimes, seed) for sigma in progress}
    pairs = list(combine(measured))
    chosen, tied = choose(pairs)
    for table in (
        tabulate_single(measured),
        tabulate_pairs(pairs, tied, chosen),
        tabulate_curve(chosen, "alpha"),
        tabulate_curve(chosen, "chi"),
        tabulate_curve(chosen, "sigma", tune_thompson_walk(chosen, min(lifetimes, FILTERED), seed)),
    ):
        console.print(table)
    console.print(f"sigma_low={chosen.low:g}, sigma_high={chosen.high:g}")


if __name__ == "__main__":
    typer.run(main)
