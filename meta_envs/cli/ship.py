"""Ship the agent of an environment: ``python -m meta_envs.cli.ship ID``, for maintainers.

Takes the runs of several seeds, as ``examples/learning_over_seeds.py`` makes them, evaluates all on the same unseen
lifetimes, and writes weights and card of the median one into the package.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import meta_envs
from meta_envs.agents import cards
from meta_envs.agents.agent import Agent, load_agent
from meta_envs.agents.plays import PLAYS
from meta_envs.arguments import require
from meta_envs.cli.errors import tell
from meta_envs.evaluation.cards import Scorecard
from meta_envs.training.checkpoint import refuse_another_run

CURVE = 100
"""Points of a training curve that a card keeps, at most."""
OF_A_SEED = ("return_mean", "return_se", "regret_mean", "regret_se", "score", "score_low", "score_high")


def ship(
    id: str,
    runs: Sequence[str | Path],
    *,
    take: int | None = None,
    episodes: int = 10_000,
    seed: int = 1,
    folder: Path = cards.FOLDER,
) -> Path:
    """Write the agent of an id into the package: weights, and beside them the card.

    Args:
        id: The environment.
        runs: Agents' files, or the directories of their runs: several seeds of the same preset.
        take: The training seed to ship; by default the median one (of an even number the lower), by the expected
            return of the play that each agent's card declares, in which scores are ordered alike.
        episodes: Unseen lifetimes.
        seed: Evaluation seed.
        folder: Where the two files are written.

    Returns:
        The file of weights.

    Raises:
        ValueError: If the runs are not of the id, differ in more than the seed, or ``take`` is none of their seeds.
    """
    trained = _load(id, runs)
    seeds = [agent.card.seed for agent in trained]
    require(take is None or take in seeds, "take", take, f"the seeds are {', '.join(map(str, seeds))}")
    players = [load_agent(Path(run), play=play) for run in runs for play in PLAYS]
    keywords = trained[0].card.keywords
    # Each alone, so that anybody who evaluates one finds the same numbers.
    found = (meta_envs.evaluate(player, id, episodes=episodes, seed=seed, **keywords) for player in players)
    cards = [{play: _brief(next(found)) for play in PLAYS} for _ in trained]
    returns = [card[agent.play]["return_mean"] for agent, card in zip(trained, cards, strict=True)]
    chosen = int(np.argsort(returns, kind="stable")[(len(returns) - 1) // 2]) if take is None else seeds.index(take)
    agent = trained[chosen]
    agent.card = replace(
        agent.card,
        curve={name: _thin(points) for name, points in (agent.card.curve or {}).items()},
        chosen=f"seed {seeds[chosen]}, {'the median' if take is None else 'by hand'} of {len(seeds)}",
        scorecards=cards[chosen],
        seeds=[
            {
                **{name: getattr(one.card, name) for name in ("seed", "play", "steps", "wall_seconds")},
                **{play: {name: card[play][name] for name in OF_A_SEED} for play in PLAYS},
            }
            for one, card in sorted(zip(trained, cards, strict=True), key=lambda pair: pair[0].card.seed)
        ],
    )
    file = folder / f"{id}.safetensors"
    agent.save(file, card_beside=True)
    return file


def _load(id: str, runs: Sequence[str | Path]) -> list[Agent]:
    if id in cards.SHARED:
        raise ValueError(f"{id} has the agent of {cards.SHARED[id]}: ship that.")
    if not runs:
        raise ValueError(f"There are no runs of {id}: train some with `python examples/learning_over_seeds.py {id}`.")
    trained = [load_agent(Path(run)) for run in runs]
    for run, agent in zip(runs, trained, strict=True):
        wanted = {**trained[0].card.to_dict(), "id": id, "seed": agent.card.seed}
        refuse_another_run(Path(run), agent.card.to_dict(), wanted)
    seeds = [agent.card.seed for agent in trained]
    require(len(set(seeds)) == len(seeds), "runs", seeds, "each has a seed of its own")
    return trained


def _thin(points: list[Any]) -> list[Any]:
    """At most `CURVE` of them, spread evenly, the first and the last among them."""
    places = np.linspace(0, len(points) - 1, CURVE).round().astype(int)
    return points if len(points) <= CURVE else [points[place] for place in places]


def _brief(card: Scorecard) -> dict[str, Any]:
    """A scorecard with curves of four decimals."""
    curves = {
        name: None if (curve := getattr(card, name)) is None else [round(value, 4) for value in curve]
        for name in ("regret_curve", "regret_curve_se")
    }
    return {**card.to_dict(), "learner": "agent", **curves}


def main(
    id: Annotated[str, typer.Argument(metavar="ID", help="The environment.")],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN...]", help="Agents, or their runs.  [default: runs/learning/ID/seed-*]"),
    ] = None,
    take: Annotated[int | None, typer.Option(help="The training seed to ship, if not the median one.")] = None,
    episodes: Annotated[int, typer.Option(help="Unseen lifetimes.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Evaluation seed.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where the files are written.")] = cards.FOLDER,
) -> None:
    """Evaluate the runs of several seeds and ship the median one."""
    found = runs or sorted(Path("runs/learning", id).glob("seed-*"))
    file = ship(id, found, take=take, episodes=episodes, seed=seed, folder=folder)
    card = cards.read_card(file)
    for one in card.seeds or []:
        plays = (f"{play} {one[play]['return_mean']:.3f} (score {one[play]['score'] or np.nan:.3f})" for play in PLAYS)
        print(f"seed {one['seed']}, {one['play']}: {', '.join(plays)}")
    print(f"{file}, {card.chosen}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    try:
        typer.run(main)
    except ValueError as error:
        sys.exit(tell(error))
