"""The bandit table of RL^2: mean total reward of each learner with k arms and n pulls, beside the published numbers.

    python examples/rl2_bandits.py
    python examples/rl2_bandits.py --tune                       # search the constants as well, as the authors did
    python examples/rl2_bandits.py --arms 50 --trials 500 --json

Published: Duan et al. 2016, *RL^2: Fast Reinforcement Learning via Slow Reinforcement Learning*, arXiv 1611.02779,
table 1, over 1000 bandits. The authors' code (the `neural_learner` sandbox of `rllab-curriculum`) tells what the text
leaves open. UCB1 and both greedy rules begin with one success in two pulls of every arm, and prefer the first of equal
arms. "OTS" draws several times from the posterior and takes the likeliest draw, which is not the optimistic sampling of
May et al. 2012. The constants of UCB1, epsilon-greedy and OTS are, for every setting, the best on the very bandits that
are reported. "Gittins" is the best of several approximations, of which two account for all nine numbers: Whittle's
closed form at discount 1, and for 10 and 50 arms with 500 pulls backward induction at discount 0.9999, looked up with
one success and one failure too many. Rows with `rl2:` are these rules, the others the package's own.

The code also tells the seeds: lifetime i is played with NumPy's `RandomState(i)`, whose numbers are still the same.
So the published lifetimes can be replayed, and pay what was printed, to the digit ("replayed").
"""

import json
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rl2_rules import LikeliestDraw, PriorGreedy, PriorUCB, Streams, TabulatedIndex, WhittleIndex

from meta_envs import make_learner
from meta_envs.evaluation import evaluation_seeds
from meta_envs.families import IndependentBandit
from meta_envs.learners import Learner, record
from meta_envs.terminal import Screen

SETTINGS = [(num_arms, num_trials) for num_trials in (10, 100, 500) for num_arms in (5, 10, 50)]
COLUMNS = ("Random", "Gittins", "TS", "OTS", "UCB1", "e-Greedy", "Greedy")
PUBLISHED = {
    (5, 10): (5.0, 6.6, 5.7, 6.5, 6.7, 6.6, 6.6),
    (10, 10): (5.0, 6.6, 5.5, 6.2, 6.7, 6.6, 6.6),
    (50, 10): (5.1, 6.5, 5.2, 5.5, 6.6, 6.5, 6.5),
    (5, 100): (49.9, 78.3, 74.7, 77.9, 78.0, 75.4, 74.8),
    (10, 100): (49.9, 82.8, 76.7, 81.4, 82.4, 77.4, 77.1),
    (50, 100): (49.8, 85.2, 64.5, 67.7, 84.3, 78.3, 78.0),
    (5, 500): (249.8, 405.8, 402.0, 406.7, 405.8, 388.2, 380.6),
    (10, 500): (249.0, 437.8, 429.5, 438.9, 437.1, 408.0, 395.0),
    (50, 500): (249.6, 463.7, 427.2, 437.6, 457.6, 413.6, 402.8),
}
"""Mean total rewards of the paper's table 1, in the order of the columns."""
PUBLISHED_EPISODES = 1000
CONSTANTS: dict[tuple[int, int], tuple[int, float, float, float]] = {
    (5, 10): (15, 0.1, 0.0, 1.0),
    (10, 10): (14, 0.1, 0.0, 1.0),
    (50, 10): (19, 0.1, 0.0, 1.0),
    (5, 100): (8, 0.2, 0.0, 1.0),
    (10, 100): (20, 0.2, 0.0, 1.0),
    (50, 100): (16, 0.2, 0.1, 1.0),
    (5, 500): (7, 0.2, 0.1, 1.0),
    (10, 500): (20, 0.2, 0.1, 0.9999),
    (50, 500): (20, 0.2, 0.1, 0.9999),
}
"""Draws of OTS, width of UCB1, epsilon, and discount of Gittins that give the published numbers."""
WIDTHS = tuple(round(0.1 * step, 1) for step in range(11))
SEARCHED: tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]] = (
    (1, 2, 4, 7, 10, 20),
    WIDTHS,
    WIDTHS,
    (0.9, 0.99, 0.999, 0.9999, 1.0),
)
"""What `--tune` searches: as the authors, but that they tried all draws of OTS to 20."""


def replay(learner: Learner, num_arms: int, num_trials: int) -> float:
    """Mean total reward in the paper's own lifetimes: the same bandits, and the same random numbers in one order."""
    streams = [np.random.RandomState(seed) for seed in range(PUBLISHED_EPISODES)]
    means = np.stack([stream.uniform(size=num_arms) for stream in streams])
    generator: Any = Streams(streams)
    learner.begin(IndependentBandit(num_arms=num_arms, num_trials=num_trials), len(streams), generator)
    nothing, total = np.zeros((len(streams), 1), np.float32), 0
    for _ in range(num_trials):
        action = learner.act(nothing)
        paid = np.array(
            [stream.binomial(1, mean[arm]) for stream, mean, arm in zip(streams, means, action, strict=True)]
        )
        learner.learn(action, paid, paid.astype(np.float64))
        total += int(paid.sum())
    return total / len(streams)


def list_learners(num_arms: int, num_trials: int, tune: bool) -> list[tuple[str, list[Learner]]]:
    """Of each row the published column and the learners, of which the best is shown."""
    number, width, epsilon, gamma = CONSTANTS[num_arms, num_trials]
    draws, widths, epsilons, gammas = SEARCHED if tune else ((number,), (width,), (epsilon,), (gamma,))
    return [
        ("Random", [make_learner("random")]),
        ("Gittins", [make_learner("gittins")]),
        ("Gittins", [WhittleIndex() if gamma == 1.0 else TabulatedIndex(gamma) for gamma in gammas]),
        ("TS", [make_learner("thompson")]),
        ("TS", [LikeliestDraw(1)]),
        ("OTS", [make_learner("optimistic_thompson")]),
        ("OTS", [LikeliestDraw(number) for number in draws]),
        ("UCB1", [make_learner("ucb1")]),
        ("UCB1", [PriorUCB(width) for width in widths]),
        ("e-Greedy", [make_learner("epsilon_greedy")]),
        ("e-Greedy", [PriorGreedy(epsilon) for epsilon in epsilons]),
        ("Greedy", [make_learner("greedy")]),
        ("Greedy", [PriorGreedy()]),
    ]


def main(
    episodes: Annotated[int, typer.Option(min=2, max=2**20, help="Unseen lifetimes a setting.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Evaluation seed.")] = 1,
    tune: Annotated[
        bool, typer.Option(help="Search the constants that the authors searched, on the same bandits.")
    ] = False,
    arms: Annotated[list[int] | None, typer.Option(help="Only these numbers of arms.")] = None,
    trials: Annotated[list[int] | None, typer.Option(help="Only these numbers of pulls.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the lifetimes and print the table."""
    rows = []
    for num_arms, num_trials in SETTINGS:
        if (not arms or num_arms in arms) and (not trials or num_trials in trials):
            rows += evaluate_setting(num_arms, num_trials, episodes, seed, tune)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(title=f"Mean total reward, {episodes:,} unseen lifetimes, seed {seed}")
    for heading in ("pulls", "arms", "learner", "reward", "z", "RL^2, table 1", "replayed"):
        table.add_column(heading, justify="left" if heading == "learner" else "right")
    for row in rows:
        table.add_row(
            str(row["num_trials"]),
            str(row["num_arms"]),
            row["learner"],
            f"{row['reward']:.2f} ± {row['reward_se']:.2f}",
            f"{row['z']:+.1f}",
            f"{row['column']} {row['published']}",
            "" if row["replayed"] is None else f"{row['replayed']:.2f}",
        )
    Screen(width=110).print(table)
    replayed = [row for row in rows if row["replayed"] is not None]
    same = sum(f"{row['replayed']:.1f}" == f"{row['published']:.1f}" for row in replayed)
    print(f"Replayed on the paper's own bandits: {same} of {len(replayed)} published numbers come out to the digit.")


def evaluate_setting(num_arms: int, num_trials: int, episodes: int, seed: int, tune: bool) -> list[dict[str, Any]]:
    """One row a learner.

    ``z`` is how far the published mean is from ours in standard errors of the difference, with the published one's
    taken from the spread of our rewards, and its rounding to one digit. All columns of the paper share their bandits,
    as all of ours do, so that the z of one setting go up and down together. ``replayed`` leaves nothing to chance.
    """
    family = IndependentBandit(num_arms=num_arms, num_trials=num_trials)
    listed = list_learners(num_arms, num_trials, tune)
    records = iter(
        record([each for _, several in listed for each in several], family, evaluation_seeds(episodes, seed), seed)
    )
    rows = []
    for column, several in listed:
        learner, rewards = max(
            ((each, next(records).realised) for each in several), key=lambda pair: float(np.mean(pair[1]))
        )
        published = PUBLISHED[num_arms, num_trials][COLUMNS.index(column)]
        mean, spread = float(np.mean(rewards)), float(np.std(rewards, ddof=1))
        error = np.sqrt(spread**2 / episodes + spread**2 / PUBLISHED_EPISODES + 0.1**2 / 12)
        authors = column == "Random" or learner.name.startswith("rl2:")
        rows.append(
            {
                "num_trials": num_trials,
                "num_arms": num_arms,
                "learner": learner.name,
                "reward": mean,
                "reward_se": spread / episodes**0.5,
                "column": column,
                "published": published,
                "z": float((mean - published) / error),
                "replayed": replay(learner, num_arms, num_trials) if authors else None,
            }
        )
    return rows


if __name__ == "__main__":
    typer.run(main)
