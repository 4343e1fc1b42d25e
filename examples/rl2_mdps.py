"""The MDP table of RL^2: mean total reward of each learner in n episodes of a random MDP, beside the published numbers.

    python examples/rl2_mdps.py
    python examples/rl2_mdps.py --num-episodes 10 --num-episodes 25
    python examples/rl2_mdps.py --ours                          # also with the prior that the tasks do come from
    python examples/rl2_mdps.py --episodes 200 --json

Published: Duan et al. 2016, *RL^2: Fast Reinforcement Learning via Slow Reinforcement Learning*, arXiv 1611.02779,
table 2, over 1000 MDPs. The paper leaves the constants open; the authors' code (rllab's sandbox, `neural_learner`,
which calls Osband's TabulaRL) says more. It tells the learners nothing of the prior of mean rewards, and TabulaRL then
takes N(0, 1), where the tasks have N(1, 1); its greedy, epsilon-greedy and UCRL2 begin with next to no prior. The
samples of optimistic PSRL, the scaling of UCRL2, the size of BEB's bonus and epsilon are the best for each n on the
very tasks that are reported. Those below were found by a coarse search. Two columns are not what they are called: BEB's
bonus is multiplied with the steps left, and UCRL2 writes the optimistic probabilities over the estimated ones, so that
at each step back it starts from those of the step before. Both are below as they are there; `--ours` has `beb` and
`ucrl2`, which are as published by Kolter & Ng and by Jaksch et al.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from meta_envs import make_learner
from meta_envs.evaluation import evaluation_seeds
from meta_envs.families import TabularMDP
from meta_envs.family import Array
from meta_envs.learners import UCRL2, EpisodePlanner, Learner, backward_induction, record
from meta_envs.terminal import Screen

COLUMNS = ("random", "psrl", "optimistic_psrl", "ucrl2", "beb", "epsilon_greedy", "greedy")
PUBLISHED = {
    10: (100.1, 138.1, 144.1, 146.6, 150.2, 132.8, 134.8),
    25: (250.2, 408.8, 425.2, 424.1, 427.8, 377.3, 368.8),
    50: (499.7, 904.4, 930.7, 918.9, 917.8, 823.3, 769.3),
    75: (749.9, 1417.1, 1449.2, 1427.6, 1422.6, 1293.9, 1172.9),
    100: (999.4, 1939.5, 1973.9, 1942.1, 1935.1, 1778.2, 1578.5),
}
"""Mean total rewards of the paper's table 2, in the order of the columns."""
TRAINED = {10: 156.2, 25: 445.7, 50: 936.1, 75: 1428.8, 100: 1913.7}
"""Those of RL^2 itself."""
PUBLISHED_EPISODES = 1000
SCALINGS = {10: 0.25, 25: 0.4, 50: 0.4, 75: 0.4, 100: 0.32}
BONUSES = {10: 0.5, 25: 0.32, 50: 0.32, 75: 0.32, 100: 0.32}
"""Constants of UCRL2 and BEB, by the number of episodes."""
OURS = ("oracle", "psrl", "optimistic_psrl", "ucrl2:scaling=0.1", "beb", "mdp_epsilon_greedy", "mdp_greedy")
"""Learners as they are without constants: with the family's own prior."""


class LongBEB(EpisodePlanner):
    """BEB as TabulaRL has it: for what is little known a bonus for each step left, and another that is nearly nothing.

    Args:
        beta: Size of the bonus.
    """

    prior_mean = 0.0

    def __init__(self, beta: float) -> None:
        self._beta, self.name = beta, f"long_beb:beta={beta:g}"

    def _plan(self) -> Array:
        length, posterior = self._family.episode_length, self.posterior
        left = np.arange(length)[::-1, None, None]
        bonus = self._beta * length / (1.0 + np.sum(posterior.weights, axis=-1))
        means = posterior.rewards()[0] + 1.0 / (2.0 + posterior.visits)
        return backward_induction(means[:, None] + left * bonus[:, None], posterior.transitions(), length)


class DriftingUCRL2(UCRL2):
    """UCRL2 as TabulaRL has it: what is moved to the best next state stays there for the steps before.

    Args:
        scaling: Of the widths.
    """

    def __init__(self, scaling: float) -> None:
        super().__init__(scaling=scaling, prior_mean=0.0)
        self.name = f"drifting_ucrl2:scaling={scaling:g}"

    def _plan(self) -> Array:
        means, slack = self._widen()
        laws, length = self.posterior.transitions(), self._family.episode_length
        values = np.empty((len(means), length, *means.shape[1:]))
        best = np.zeros(laws.shape[:2])
        for step in reversed(range(length)):
            order = np.argsort(best, axis=-1)
            places = np.broadcast_to(order[:, None, None], laws.shape)
            ranked = np.take_along_axis(best, order, axis=-1)[:, None, None]
            probs = np.take_along_axis(laws, places, axis=-1)
            sure = probs[..., -1:] + slack[..., None] / 2 > 1.0
            taken = np.minimum(np.cumsum(probs[..., :-1], axis=-1), slack[..., None] / 2)
            moved = probs.copy()
            moved[..., :-1] -= np.diff(taken, axis=-1, prepend=0.0)
            moved[..., -1] += slack / 2
            following = np.where(sure[..., 0], ranked[..., -1], np.sum(moved * ranked, axis=-1))
            np.put_along_axis(laws, places, np.where(sure, probs, moved), axis=-1)
            values[:, step] = means + following
            best = np.max(values[:, step], axis=-1)
        return values


def choose_learners(num_episodes: int) -> dict[str, Learner]:
    """The columns' learners with the constants that reproduce them."""
    nearest = min(SCALINGS, key=lambda known: abs(known - num_episodes))
    scaling, beta = SCALINGS[nearest], BONUSES[nearest]
    learners: dict[str, str | Learner] = {
        "random": "random",
        "psrl": "psrl:prior_mean=0",
        "optimistic_psrl": "optimistic_psrl:samples=10,prior_mean=0",
        "ucrl2": DriftingUCRL2(scaling),
        "beb": LongBEB(beta),
        "epsilon_greedy": "mdp_epsilon_greedy:epsilon=0.1,prior_mean=0,prior_weight=0.0001",
        "greedy": "mdp_greedy:prior_mean=0,prior_weight=0.0001",
    }
    return {name: make_learner(one) if isinstance(one, str) else one for name, one in learners.items()}


def measure(num_episodes: int, episodes: int, seed: int, ours: bool) -> Iterator[dict[str, Any]]:
    """One row a learner, over the same tasks on common random numbers."""
    family = TabularMDP(num_episodes=num_episodes)
    learners: list[tuple[str | None, Learner]] = [*choose_learners(num_episodes).items()]
    if ours:
        learners += [(None, make_learner(name)) for name in OURS]
    for column, learner in learners:
        returns = record([learner], family, evaluation_seeds(episodes, seed), seed)[0].expected
        error = float(np.std(returns, ddof=1) / np.sqrt(episodes))
        row: dict[str, Any] = {
            "num_episodes": num_episodes,
            "learner": learner.name,
            "return_mean": float(np.mean(returns)),
            "return_se": error,
            "published": None,
            "z": None,
        }
        if column is not None and num_episodes in PUBLISHED:
            published = PUBLISHED[num_episodes][COLUMNS.index(column)]
            # Both are means over tasks that were drawn: theirs has the spread of ours.
            both = error * np.sqrt(1.0 + episodes / PUBLISHED_EPISODES)
            row |= {"published": published, "z": float((np.mean(returns) - published) / both)}
        yield row


def tabulate(rows: list[dict[str, Any]]) -> Table:
    """The rows for people."""
    num_episodes = rows[0]["num_episodes"]
    trained = f"; RL^2 has {TRAINED[num_episodes]}" if num_episodes in TRAINED else ""
    table = Table(title=f"{num_episodes} episodes{trained}", title_justify="left")
    for heading in ("learner", "return", "published", "z"):
        table.add_column(heading, justify="left" if heading == "learner" else "right")
    for row in rows:
        published = ["", ""] if row["published"] is None else [f"{row['published']:.1f}", f"{row['z']:+.1f}"]
        table.add_row(row["learner"], f"{row['return_mean']:.1f} ± {row['return_se']:.1f}", *published)
    return table


def main(
    episodes: Annotated[int, typer.Option(min=2, max=2**20, help="Tasks, a lifetime each.")] = 1000,
    num_episodes: Annotated[list[int] | None, typer.Option(min=1, help="Inner episodes of a lifetime.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the tasks and the chance.")] = 1,
    ours: Annotated[bool, typer.Option(help="Also the learners with the family's own prior.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure and print."""
    console, everything = Screen(width=100), []
    for size in num_episodes or PUBLISHED:
        rows = list(measure(size, episodes, seed, ours))
        everything += rows
        if not as_json:
            console.print(tabulate(rows))
    if as_json:
        print(json.dumps(everything, indent=2))


if __name__ == "__main__":
    typer.run(main)
