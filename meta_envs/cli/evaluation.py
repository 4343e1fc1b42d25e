"""The command that evaluates learners and agents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import meta_envs
from meta_envs.cli.options import AsJson, Env, parse_pairs, print_json
from meta_envs.errors import Unsolvable
from meta_envs.roster import LEARNERS, is_agent, make_learner, serving


def evaluate(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Environments; several show how play carries over.")
    ],
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            metavar="NAME|PATH",
            help=f"A learner ({', '.join(LEARNERS)}; constants as ucb:chi=2; module:Class for your own) or a trained "
            "agent (agent, the shipped one; agent:ID, another environment's; or a path), which is shown in greedy and "
            "in sampled play; repeatable.",
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Lifetimes, the same for all learners.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Evaluation seed.")] = 1,
    env: Env = None,
    output: Annotated[Path | None, typer.Option(help="Write the scorecards to this JSON file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the regret curves into this PNG file.")] = None,
    trials: Annotated[
        Path | None, typer.Option("--csv", help="Write every step of all learners to this CSV file.")
    ] = None,
    paired: Annotated[bool, typer.Option("--paired", help="Show the differences between learners too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate learners and trained agents on the same unseen lifetimes, beside the optimum.

    Where no --agent is given: random play, UCB1 and Thompson sampling on bandits, posterior sampling on MDPs, the
    optimum's policy and, where that is not known to be optimal, the oracle.
    """
    from meta_envs.evaluation import assess, differences_table, find_differences, save_cards, table

    for option, path in (("--figure draws", figure), ("--csv writes", trials)):
        if path is not None and len(ids) > 1:
            raise ValueError(f"{option} one environment, not {len(ids)}: give one ID, or leave it out.")
    keywords = parse_pairs(env, "--env", evaluate)
    for id in ids:
        meta_envs.make_family(id, **keywords)  # whatever else `assess` takes is no keyword
    given = [load_plays(agents or [], id) for id in ids]
    if paired and len(given[0]) == 1:
        raise ValueError(f"--paired compares learners, and {given[0][0]} is one alone: give another --agent.")
    for path, example in ((output, "cards.json"), (figure, "regret.png"), (trials, "trials.csv")):
        if path is not None and (path.is_dir() or not path.suffix):
            raise ValueError(f"{path} is not possible: give a file, such as {path / example}.")
    cards, differences = [], []
    for id, learners in zip(ids, given, strict=True):
        with Console(stderr=True).status(f"Evaluating on {episodes:,} unseen lifetimes of {id} ..."):
            players = learners or usual_learners(id, **keywords)
            if trials is not None:
                from meta_envs.behaviour import write_trials

                write_trials(players, id, trials, episodes=episodes, seed=seed, **keywords)
            of_one, records = assess(players, id, episodes=episodes, seed=seed, **keywords)
            pairs = find_differences(of_one, records) if paired else []
        cards += of_one
        differences += pairs
        if not as_json:
            Console().print(table(of_one), *(["", differences_table(pairs)] if pairs else []))
    if as_json:
        shown = [card.to_dict() for card in cards]
        print_json({"scorecards": shown, "differences": [pair.to_dict() for pair in differences]} if paired else shown)
    if output is not None:
        save_cards(cards, output)
    if figure is not None:
        from meta_envs.evaluation import regret_figure

        regret_figure(cards, figure)
    for path in filter(None, (output, figure, trials)):
        print(path, file=sys.stderr if as_json else sys.stdout)


def usual_learners(id: str, **keywords: Any) -> list[Any]:
    """What an environment is evaluated with where nothing else is said."""
    usual = serving(["random", "ucb1", "thompson", "psrl"], id, **keywords)
    try:
        optimum = meta_envs.solve(id, **keywords)
    except Unsolvable:
        return [*usual, *serving(["oracle"], id, **keywords)]
    usual = [name for name in usual if name != optimum.policy.name]
    return [*usual, optimum.policy, *(serving(["oracle"], id, **keywords) if optimum.kind == "bound" else [])]


def load_plays(names: list[str], id: str) -> list[Any]:
    """Learners by name, and trained agents in both of their ways to play, told apart where there are several."""
    several = sum(map(is_agent, names)) > 1
    plays: list[Any] = []
    for name in names:
        if not is_agent(name):
            plays.append(name)
            continue
        for play in ("greedy", "sampled"):
            agent: Any = make_learner(name, id)
            agent.play, agent.label = play, name if several else "agent"
            plays.append(agent)
    return plays
