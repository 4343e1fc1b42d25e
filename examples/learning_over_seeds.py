"""Train one agent a seed, evaluate all of them on the same unseen lifetimes, and show median and range.

    python examples/learning_over_seeds.py MetaBandit-Dependent-v0
    python examples/learning_over_seeds.py MetaBandit-Dependent-v0 --set reward=false    # the paper's control

Runs that are there already are not trained again; interrupted ones go on from their checkpoint.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

import meta_envs
from meta_envs import serving
from meta_envs.cli import parse_pairs
from meta_envs.evaluation import save_cards
from meta_envs.learners import Learner
from meta_envs.terminal import Screen
from meta_envs.training import load_agent, train


def main(
    id: Annotated[str, typer.Argument(help="The environment.")],
    seeds: Annotated[int, typer.Option(help="Number of seeds, counted from 1.")] = 5,
    episodes: Annotated[int, typer.Option(help="Unseen lifetimes.")] = 10_000,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for training.")] = None,
    directory: Annotated[Path, typer.Option(help="Where runs and results are written.")] = Path("runs/learning"),
) -> None:
    """Train and evaluate."""
    place = directory / "-".join([id, *sorted(settings or [])])
    agents = {}
    for seed in range(1, seeds + 1):
        run = place / f"seed-{seed}"
        path = train(id, seed=seed, directory=run, resume=is_begun(run), **parse_pairs(settings))
        agents[seed] = {play: load_agent(path, play=play) for play in ("greedy", "sampled")}

    rules = serving(["random", "thompson", "bayes"], id)
    learners: list[str | Learner] = [*rules, *(agent for plays in agents.values() for agent in plays.values())]
    cards = meta_envs.evaluate(learners, id, episodes=episodes, seed=1)
    beside = cards[: len(rules)]
    of_agents = iter(cards[len(rules) :])

    table = Table(title=f"{id}, {episodes:,} unseen lifetimes")
    for heading in ("seed", "steps", "minutes", "regret, greedy", "regret, sampled", "score, greedy", "score, sampled"):
        table.add_column(heading, justify="right")
    rows = []
    for seed, plays in agents.items():
        greedy, sampled = next(of_agents), next(of_agents)
        known = plays["greedy"].card
        rows.append(
            [(known.wall_seconds or 0) / 60, greedy.regret_mean, sampled.regret_mean, greedy.score, sampled.score]
        )
        table.add_row(str(seed), f"{known.steps:,}", *format_row(rows[-1]))
    for name, statistic in (("median", np.median), ("lowest", np.min), ("highest", np.max)):
        table.add_row(name, "", *format_row(statistic(np.array(rows, np.float64), axis=0)))
    screen = Screen(width=130)
    screen.print(table)
    for card in beside:
        screen.say(f"{card.learner}: regret {card.regret_mean:.2f} ± {card.regret_se:.2f}")
    save_cards(cards, place / "scorecards.json")
    print(place / "scorecards.json")


def is_begun(run: Path) -> bool:
    """Whether there is something to go on from."""
    return (run / "checkpoint.pt").exists() or (run / "agent.safetensors").exists()


def format_row(numbers: Iterable[float | None]) -> list[str]:
    """Minutes, two regrets and two scores as text."""
    return [f"{number:.{digits}f}" for number, digits in zip(numbers, (1, 2, 2, 3, 3), strict=True)]


if __name__ == "__main__":
    typer.run(main)
