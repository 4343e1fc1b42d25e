"""The bandit table of RL^2: mean total reward of each learner with k arms and n pulls, beside the published numbers.

    python examples/rl2_bandits.py
    python examples/rl2_bandits.py --tune                       # search the constants as well, as the authors did
    python examples/rl2_bandits.py --episodes 10000 --json

Published: Duan et al. 2016, *RL^2: Fast Reinforcement Learning via Slow Reinforcement Learning*, arXiv 1611.02779,
table 1, over 1000 bandits. The authors' code (the `neural_learner` sandbox of `rllab-curriculum`) tells what the text
leaves open. UCB1 and both greedy rules begin with one success in two pulls of every arm, and prefer the first of equal
arms. "OTS" draws several times from the posterior and takes the likeliest draw, which is not the optimistic sampling of
May et al. 2012. The constants of UCB1, epsilon-greedy and OTS are, for every setting, the best on the very bandits that
are reported. Rows with `rl2:` are these rules, the others the package's own. The code has several versions of
"Gittins": `rl2:gittins` is the closed form that the script of its table reads.
"""

import json
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import beta

from meta_envs.bandit_learners import CountingLearner
from meta_envs.evaluation import FIRST_SEED, MAX_EPISODES
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array
from meta_envs.learners import Learner, make_learner
from meta_envs.records import record

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
"""Mean total rewards of the paper's table 1, in the order of the columns.

Not yet compared with the paper's page, but for UCB1's 6.7; that these rules reproduce them speaks for them.
"""
PUBLISHED_EPISODES = 1000
DRAWS = (1, 2, 4, 7, 10, 20)
WIDTHS = tuple(round(0.1 * step, 1) for step in range(11))
"""Constants that `--tune` searches: draws of OTS (the authors: all to 20), width of UCB1 and epsilon."""


class ApproximateGittins(CountingLearner):
    """A closed form for the Gittins index at discount 1, of arms with p ~ U[0, 1]."""

    name = "rl2:gittins"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        count = 2.0 + self._pulls
        mean = (1.0 + self._rewards) / count
        variance = mean * (1.0 - mean)
        return np.argmax(mean + variance / (np.sqrt(count * variance) + mean - 0.5), axis=-1)


class LikeliestDraw(CountingLearner):
    """Thompson sampling from the likeliest of several draws of all arms.

    Args:
        draws: From the posterior; 1 is Thompson sampling.
    """

    def __init__(self, draws: int) -> None:
        self._draws, self.name = draws, f"rl2:ots:draws={draws}"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        paid, lost = 1.0 + self._rewards, 1.0 + self._pulls - self._rewards
        drawn = self._rng.beta(paid, lost, (self._draws, *paid.shape))
        chosen = np.argmax(np.sum(beta.logpdf(drawn, paid, lost), axis=-1), axis=0)
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
        epsilon: Probability of a random action.
    """

    def __init__(self, epsilon: float = 0.0) -> None:
        self._epsilon, self.name = epsilon, f"rl2:epsilon_greedy:epsilon={epsilon:g}" if epsilon else "rl2:greedy"

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        best = np.argmax((1.0 + self._rewards) / (2.0 + self._pulls), axis=-1)
        any_arm = self._rng.integers(self._pulls.shape[1], size=len(best))
        return np.where(self._rng.random(len(best)) < self._epsilon, any_arm, best)


def list_learners(num_arms: int, num_trials: int, tune: bool) -> list[tuple[str, list[Learner]]]:
    """Of each row the published column and the learners, of which the best is shown."""
    draws = DRAWS if tune else (20,) if num_trials == 10 or num_arms == 50 else (7,)
    widths = WIDTHS if tune else (0.1,) if num_trials == 10 else (0.2,)
    epsilons = WIDTHS if tune else (0.0,) if num_trials == 10 else (0.1,)
    return [
        ("Random", [make_learner("random")]),
        ("Gittins", [make_learner("gittins")]),
        ("Gittins", [ApproximateGittins()]),
        ("TS", [make_learner("thompson")]),
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
    episodes: Annotated[int, typer.Option(min=2, max=MAX_EPISODES, help="Unseen lifetimes a setting.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Evaluation seed.")] = 1,
    tune: Annotated[
        bool, typer.Option(help="Search the constants that the authors searched, on the same bandits.")
    ] = False,
    arms: Annotated[list[int] | None, typer.Option(help="Only these numbers of arms.")] = None,
    trials: Annotated[list[int] | None, typer.Option(help="Only these numbers of pulls.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Live the lifetimes and print the table."""
    rows = []
    for num_arms, num_trials in SETTINGS:
        if (not arms or num_arms in arms) and (not trials or num_trials in trials):
            rows += evaluate_setting(num_arms, num_trials, episodes, seed, tune)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(title=f"Mean total reward, {episodes:,} unseen lifetimes, seed {seed}")
    for heading in ("pulls", "arms", "learner", "reward", "RL^2, table 1*", "z"):
        table.add_column(heading, justify="left" if heading == "learner" else "right")
    for row in rows:
        reward = f"{row['reward']:.2f} ± {row['reward_se']:.2f}"
        published = f"{row['column']} {row['published']}"
        table.add_row(
            str(row["num_trials"]), str(row["num_arms"]), row["learner"], reward, published, f"{row['z']:+.1f}"
        )
    Console(width=110).print(table)
    print("* Not yet compared with the paper's page.")


def evaluate_setting(num_arms: int, num_trials: int, episodes: int, seed: int, tune: bool) -> list[dict[str, Any]]:
    """One row a learner.

    ``z`` is how far the published mean is from ours in standard errors of the difference, with the published one's
    taken from the spread of our rewards, and its rounding to one digit. All columns of the paper may share their
    bandits, as all of ours do, so that the z of one setting go up and down together.
    """
    family = IndependentBandit(num_arms=num_arms, num_trials=num_trials)
    first = FIRST_SEED + seed * MAX_EPISODES
    listed = list_learners(num_arms, num_trials, tune)
    lived = iter(
        record([each for _, several in listed for each in several], family, range(first, first + episodes), seed)
    )
    rows = []
    for column, several in listed:
        name, rewards = max(
            ((each.name, next(lived).realised) for each in several), key=lambda pair: float(np.mean(pair[1]))
        )
        published = PUBLISHED[num_arms, num_trials][COLUMNS.index(column)]
        mean, spread = float(np.mean(rewards)), float(np.std(rewards, ddof=1))
        error = np.sqrt(spread**2 / episodes + spread**2 / PUBLISHED_EPISODES + 0.1**2 / 12)
        rows.append(
            {
                "num_trials": num_trials,
                "num_arms": num_arms,
                "learner": name,
                "reward": mean,
                "reward_se": spread / episodes**0.5,
                "column": column,
                "published": published,
                "z": float((mean - published) / error),
            }
        )
    return rows


if __name__ == "__main__":
    typer.run(main)
