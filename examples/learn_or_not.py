"""Where the best learner learns, where it should not, and what trained agents do on either side.

    python examples/learn_or_not.py
    python examples/learn_or_not.py --directory runs/learn-or-not --seed 2

A sure arm pays 0, the other one mostly less (Lange & Sprekeler 2020, arXiv 2010.04466). For each of twelve settings of
prior and noise an agent is trained from the beginning, in about two minutes. Runs that are there already are not
trained again.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from scipy.stats import binomtest

import meta_envs
from meta_envs.evaluation import evaluation_seeds
from meta_envs.families import GaussianBandit
from meta_envs.learners import roll_out
from meta_envs.solvers import learning_boundary, learning_value
from meta_envs.terminal import Screen, Table
from meta_envs.training import load_agent, train

ID = "MetaBandit-Gaussian-v0"
NOISES, PRIORS = (0.1, 1.0, 3.0), (0.4, 0.55, 0.8, 1.1)
"""Standard deviations of the rewards and of the prior, three by four settings."""


def train_dots(directory: Path, seed: int = 1) -> dict[tuple[float, float], Path]:
    """Agents by noise and prior, trained now or before."""
    dots = {}
    for noise in NOISES:
        for prior in PRIORS:
            run = directory / f"noise-{noise:g}-prior-{prior:g}" / f"seed-{seed}"
            begun = any((run / name).exists() for name in ("checkpoint.pt", "agent.safetensors"))
            keywords = {"prior_sd": prior, "noise_sd": noise}
            dots[noise, prior] = train(ID, seed=seed, directory=run, keywords=keywords, resume=begun)
    return dots


def measure(agent: Path, episodes: int) -> dict[str, float]:
    """Of unseen lifetimes, by play: whether the other arm is pulled first, ever, in how many pulls, and the return."""
    family = meta_envs.make_family(ID, **load_agent(agent).card.keywords)
    found: dict[str, float] = {}
    for play in ("greedy", "sampled"):
        blocks = list(roll_out([load_agent(agent, play=play)], family, evaluation_seeds(episodes), 0))
        pulled = np.concatenate([block.rollouts[0].action == 1 for block in blocks], axis=1)
        means = np.concatenate([block.task[:, 1] for block in blocks])
        found |= {
            f"{play} first": float(pulled[0].mean()),
            f"{play} ever": float(pulled.any(axis=0).mean()),
            f"{play} share": float(pulled.mean()),
            f"{play} return": float(np.mean(pulled.sum(axis=0) * means)),
        }
    return found


def main(
    directory: Annotated[Path, typer.Option(help="Where the agents are.")] = Path("runs/figures/learn-or-not"),
    seed: Annotated[int, typer.Option(help="Of the training.")] = 1,
    episodes: Annotated[int, typer.Option(help="Unseen lifetimes of each agent.")] = 1000,
) -> None:
    """Train, measure and print."""
    numbers = ("boundary", "value of learning", "pulled first, greedy", "pulled first, sampled")
    table = Table(("noise", "prior", "the best learner"), numbers, title=f"{ID}, {episodes:,} unseen lifetimes each")
    boundary = dict(zip(NOISES, learning_boundary(NOISES), strict=True))
    for (noise, prior), agent in train_dots(directory, seed).items():
        value = learning_value(GaussianBandit(prior_sd=prior, noise_sd=noise))
        found = measure(agent, episodes)
        shares = []
        for play in ("greedy", "sampled"):
            hits = binomtest(round(found[f"{play} first"] * episodes), episodes)
            low, high = hits.proportion_ci(method="wilson")
            shares.append(f"{hits.statistic:.3f} ({low:.3f}, {high:.3f})")
        side = "learns" if value > 0.0 else "does not"
        table.add_row(f"{noise:g}", f"{prior:g}", side, f"{boundary[noise]:.4f}", f"{value:.3f}", *shares)
    Screen().print(table)


if __name__ == "__main__":
    typer.run(main)
