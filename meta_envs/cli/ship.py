"""Ship the agent of an environment: ``python -m meta_envs.cli.ship ID``, for maintainers.

Takes the runs of several seeds, as ``examples/learning_over_seeds.py`` makes them, evaluates all on the same unseen
lifetimes, and writes weights and card of the median one into the package. The others are written beside it as its
variants, if they are small. With ``--as NAME`` a run becomes a variant of that name.
"""

from __future__ import annotations

import re
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
from meta_envs.agents.cards import AgentCard
from meta_envs.agents.plays import PLAYS
from meta_envs.arguments import require
from meta_envs.cli.errors import tell
from meta_envs.cli.habits import find_habits
from meta_envs.evaluation.cards import Scorecard
from meta_envs.training.checkpoint import refuse_another_run

CURVE = 100
"""Points of a training curve that a card keeps, at most."""
NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
"""Of a variant."""
LARGEST = 320_000
"""Bytes of a variant, at most."""
STEP = "step"
"""The name by which snapshots are shipped, each with its steps."""
OF_A_SEED = ("return_mean", "return_se", "regret_mean", "regret_se", "score", "score_low", "score_high")


def ship(
    id: str,
    runs: Sequence[str | Path],
    *,
    take: int | None = None,
    episodes: int = 10_000,
    habits: int = 1000,
    seed: int = 1,
    folder: Path = cards.FOLDER,
) -> Path:
    """Write the agent of an id into the package: weights, beside them the card, and the other seeds as variants.

    Args:
        id: The environment.
        runs: Agents' files, or the directories of their runs: several seeds of the same preset. Those that are not
            shipped themselves become variants, ``seed-2`` and the like, if they have at most `LARGEST` bytes.
        take: The training seed to ship; by default the median one (of an even number the lower), by the expected
            return of the play that each agent's card declares, in which scores are ordered alike.
        episodes: Unseen lifetimes.
        habits: Those for what scores hide; 0 leaves it out.
        seed: Evaluation seed.
        folder: Where the id's folder is, with all that is shipped of it.

    Returns:
        The file of weights.

    Raises:
        ValueError: If the runs are not of the id, differ in more than the seed, or ``take`` is none of their seeds.
    """
    trained = _load(id, runs)
    seeds = [agent.card.seed for agent in trained]
    require(take is None or take in seeds, "take", take, f"the seeds are {', '.join(map(str, seeds))}")
    scorecards = _evaluate(trained, episodes, seed)
    returns = [card[agent.play]["return_mean"] for agent, card in zip(trained, scorecards, strict=True)]
    chosen = int(np.argsort(returns, kind="stable")[(len(returns) - 1) // 2]) if take is None else seeds.index(take)
    known = [
        {
            **{name: getattr(one.card, name) for name in ("seed", "play", "steps", "wall_seconds")},
            **{play: {name: card[play][name] for name in OF_A_SEED} for play in PLAYS},
        }
        for one, card in sorted(zip(trained, scorecards, strict=True), key=lambda pair: pair[0].card.seed)
    ]
    agent, file = trained[chosen], folder / id / f"{id}.safetensors"
    why = f"seed {seeds[chosen]}, {'the median' if take is None else 'by hand'} of {len(seeds)}"
    told: dict[str, Any] = {"chosen": why, "scorecards": scorecards[chosen], "seeds": known}
    hidden = find_habits(agent, episodes=habits, seed=seed) if habits else None
    agent.card = replace(_thinned(agent.card), **told, habits=hidden)
    agent.save(file, card_beside=True)
    for old in file.parent.glob("seed-*.safetensors"):
        old.unlink()
    for place, (one, card) in enumerate(zip(trained, scorecards, strict=True)):
        if place != chosen and _is_small(one):
            _write_variant(one, card, file.with_name(f"seed-{one.card.seed}.safetensors"))
    return file


def refresh(id: str, *, habits: int = 1000, seed: int = 1, folder: Path = cards.FOLDER) -> Path:
    """Find anew what scores hide of the agent that is shipped; all else stays.

    Args:
        id: The environment.
        habits: Unseen lifetimes.
        seed: Evaluation seed.
        folder: Where the id's folder is.

    Returns:
        The file of weights.

    Raises:
        ValueError: If there is no agent of the id.
    """
    file = folder / id / f"{id}.safetensors"
    agent = load_agent(file)
    agent.card = replace(agent.card, habits=find_habits(agent, episodes=habits, seed=seed))
    agent.save(file, card_beside=True)
    return file


def ship_as(
    name: str,
    id: str,
    runs: Sequence[str | Path],
    *,
    episodes: int = 10_000,
    seed: int = 1,
    folder: Path = cards.FOLDER,
) -> list[Path]:
    """Write variants of an id's agent into the package, each a file with its card in it.

    Args:
        name: Of the variant; `STEP` for one or several snapshots, which get their steps behind it.
        id: The environment.
        runs: Agents' files, or the directories of their runs.
        episodes: Unseen lifetimes.
        seed: Evaluation seed.
        folder: Where the id's folder is.

    Returns:
        The files.

    Raises:
        ValueError: If a run is not of the id, is too large, or several are to have one name.
    """
    require(NAME.fullmatch(name) is not None, "name", name, "give small letters, digits and hyphens, as in no-reward")
    require(name == STEP or len(runs) == 1, "runs", list(map(str, runs)), f"give one for the name {name!r}")
    trained = [load_agent(Path(run)) for run in runs]
    for run, agent in zip(runs, trained, strict=True):
        require(agent.card.id == id, "run", str(run), f"give one of {id}, not of {agent.card.id}")
        require(_is_small(agent), "run", str(run), f"give a file of at most {LARGEST} bytes")
    files = []
    for agent, card in zip(trained, _evaluate(trained, episodes, seed), strict=True):
        whole = f"{STEP}-{agent.card.steps:08}" if name == STEP else name
        file = folder / id / f"{whole}.safetensors"
        _write_variant(agent, card, file)
        files.append(file)
    return files


def _evaluate(trained: Sequence[Agent], episodes: int, seed: int) -> list[dict[str, dict[str, Any]]]:
    """Of each agent its scorecards, by play; each alone, so that anybody who evaluates one finds the same numbers."""
    found = []
    for agent in trained:
        own, scorecards = agent.play, {}
        for play in PLAYS:
            agent.play = play
            scorecard = meta_envs.evaluate(agent, agent.card.id, episodes=episodes, seed=seed, **agent.card.keywords)
            scorecards[play] = _brief(scorecard)
        agent.play = own
        found.append(scorecards)
    return found


def _is_small(agent: Agent) -> bool:
    """Whether it can be a variant."""
    return sum(weights.nbytes for weights in agent.policy.parameters()) <= LARGEST * 0.9


def _write_variant(agent: Agent, scorecards: dict[str, dict[str, Any]], file: Path) -> None:
    """Write it with a card that has no curves of regret."""
    small = {play: {**card, "regret_curve": None, "regret_curve_se": None} for play, card in scorecards.items()}
    agent.card = replace(_thinned(agent.card), scorecards=small)
    agent.save(file)


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


def _thinned(card: AgentCard) -> AgentCard:
    return replace(card, curve=card.curve and {name: _thin(points) for name, points in card.curve.items()})


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
    habits: Annotated[int, typer.Option(help="Those for what scores hide; 0 leaves it out.")] = 1000,
    seed: Annotated[int, typer.Option(help="Evaluation seed.")] = 1,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Ship the run as a variant; snapshots as step.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--refresh", help="Only find anew what scores hide of the agent that is shipped.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the files are written.")] = cards.FOLDER,
) -> None:
    """Evaluate the runs of several seeds and ship the median one, and the others as its variants."""
    if anew:
        print(refresh(id, habits=habits, seed=seed, folder=folder))
        return
    if name is not None:
        for file in ship_as(name, id, runs or [], episodes=episodes, seed=seed, folder=folder):
            print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
        return
    found = runs or sorted(Path("runs/learning", id).glob("seed-*"))
    file = ship(id, found, take=take, episodes=episodes, habits=habits, seed=seed, folder=folder)
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
