"""Train one agent a seed, evaluate all of them on the same unseen lifetimes, and show median and range.

    python examples/learning_over_seeds.py MetaBandit-Dependent-v0
    python examples/learning_over_seeds.py MetaBandit-Dependent-v0 --set reward=false    # the paper's control

Runs that are there already are not trained again; interrupted ones go on from their checkpoint.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import meta_envs
from meta_envs.cli import parse_pairs
from meta_envs.files import write_atomically
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
        path = train(id, seed=seed, directory=run, resume=run.exists(), **parse_pairs(settings))
        agents[seed] = {play: load_agent(path, play=play) for play in ("greedy", "sampled")}

    rules = ["random", "thompson", "bayes"]
    learners = [*rules, *(agent for plays in agents.values() for agent in plays.values())]
    cards = meta_envs.evaluate(learners, id, episodes=episodes, seed=1)
    beside = {card.learner: card for card in cards[: len(rules)]}
    of_agents = iter(cards[len(rules) :])

    table = Table(title=f"{id}, {episodes:,} unseen lifetimes: expected regret")
    for heading in ("seed", "steps", "minutes", "greedy", "sampled", "score greedy", "score sampled", "card's choice"):
        table.add_column(heading, justify="right")
    rows = []
    for seed, plays in agents.items():
        greedy, sampled = next(of_agents), next(of_agents)
        card = plays["greedy"].card
        rows.append([greedy.regret_mean, sampled.regret_mean, greedy.score, sampled.score])
        minutes = card["wall_seconds"] / 60
        numbers = [
            f"{greedy.regret_mean:.2f} ± {greedy.regret_se:.2f}",
            f"{sampled.regret_mean:.2f} ± {sampled.regret_se:.2f}",
        ]
        scores = [f"{greedy.score:.3f}", f"{sampled.score:.3f}"]
        table.add_row(str(seed), f"{card['steps']:,}", f"{minutes:.1f}", *numbers, *scores, card["play"])
    for name, statistic in (("median", np.median), ("lowest", np.min), ("highest", np.max)):
        greedy_regret, sampled_regret, *score = statistic(np.array(rows), axis=0)
        table.add_row(
            name, "", "", f"{greedy_regret:.2f}", f"{sampled_regret:.2f}", *(f"{each:.3f}" for each in score), ""
        )
    Console(width=130).print(table)
    for card in beside.values():
        print(f"{card.learner}: regret {card.regret_mean:.2f} ± {card.regret_se:.2f}")
    write_atomically(place / "scorecards.json", json.dumps([json.loads(card.to_json()) for card in cards]).encode())
    print(place / "scorecards.json")


if __name__ == "__main__":
    typer.run(main)
