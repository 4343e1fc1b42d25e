"""The command that evaluates learners and agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import meta_envs
from meta_envs.agents.plays import PLAYS
from meta_envs.cli.options import AsJson, Env, check_outputs, parse_pairs, tell
from meta_envs.cli.runs import evaluate_runs, split_runs
from meta_envs.errors import Unsolvable
from meta_envs.learners.returns import has_regret
from meta_envs.plots import check_format
from meta_envs.roster import AGENT, is_agent, make_learner, serving


def evaluate(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Environments; several show how play carries over.")],
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            metavar="NAME|PATH",
            help="A learner by its name (constants as ucb:chi=2; module:Class for your own) or a trained "
            "agent (agent, the shipped one; agent@NAME, a variant that meta-envs info lists; agent:ID and "
            "agent:ID@NAME, another environment's; or a path), which is shown in greedy and in sampled play; or "
            "policy.onnx, policy.pt, or module:Class:model.zip of Stable-Baselines3, which runs "
            "code that is in the file; repeatable.",
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Lifetimes, the same for all learners.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Evaluation seed.")] = 1,
    env: Env = None,
    seeds: Annotated[
        list[Path] | None,
        typer.Option(
            "--seeds",
            metavar="RUN...",
            help="Runs of one training with several seeds, as runs/*/, instead of --agent: their interquartile mean, "
            "median, intervals and performance profile.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the scorecards to this JSON file.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the regret curves, of --seeds the profiles, into this PNG file.")
    ] = None,
    trials: Annotated[
        Path | None, typer.Option("--csv", help="Write every step of all learners to this CSV file.")
    ] = None,
    paired: Annotated[bool, typer.Option("--paired", help="Show the differences between learners too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare learners on unseen lifetimes.

    Learners and trained agents are evaluated on the same lifetimes, beside the optimum. Where no --agent is given:
    random play, UCB1 and Thompson sampling on bandits, posterior sampling on MDPs, the optimum's policy and, where that
    is not known to be optimal, the oracle.
    """
    from meta_envs.evaluation import assess, differences_table, find_differences, regret_figure, save_cards, table

    check_outputs(
        ("--output", output, "cards.json"), ("--figure", figure, "regret.png"), ("--csv", trials, "trials.csv")
    )
    if figure is not None:
        check_format(figure)
    keywords = parse_pairs(env, "--env", evaluate)
    if seeds:
        for option, given_too in (("--agent", agents), ("--csv", trials), ("--paired", paired)):
            if given_too:
                raise ValueError(f"--seeds sums up the scores of runs, without {option}: give one of the two.")
        ids, runs = split_runs(ids, seeds)
        evaluate_runs(ids, runs, keywords, episodes=episodes, seed=seed, output=output, figure=figure, as_json=as_json)
        return
    if trials is not None and len(ids) > 1:
        raise ValueError(f"--csv writes one environment, not {len(ids)}: give one ID, or leave it out.")
    families = [meta_envs.make_family(id, **keywords) for id in ids]
    given = [load_plays(agents or [], id) for id in ids]
    if paired and len(given[0]) == 1:
        raise ValueError(f"--paired compares learners, and {given[0][0]} is one alone: give another --agent.")
    for family in families:
        if figure is not None and not has_regret(family):
            raise ValueError(f"--figure draws regret, which {type(family).__name__} does not tell: leave it out.")
    cards, differences, tables = [], [], []
    for id, learners in zip(ids, given, strict=True):
        players = learners or usual_learners(id, **keywords)
        if trials is not None:
            from meta_envs.behaviour import write_trials

            write_trials(players, id, trials, episodes=episodes, seed=seed, **keywords)
        of_one, records = assess(players, id, episodes=episodes, seed=seed, **keywords)
        pairs = find_differences(of_one, records) if paired else []
        cards += of_one
        differences += pairs
        tables += [table(of_one), *(["", differences_table(pairs)] if pairs else [])]
    # What is printed may fail, as where a terminal lacks a character: the files are there before.
    if output is not None:
        save_cards(cards, output)
    if figure is not None:
        regret_figure(cards, figure)
    shown = [card.to_dict() for card in cards]
    content = {"scorecards": shown, "differences": [pair.to_dict() for pair in differences]} if paired else shown
    tell(content if as_json else None, tables, output, figure, trials)


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
        for play in PLAYS:
            agent: Any = make_learner(name, id)
            agent.play, agent.label = play, name if several or AGENT.fullmatch(name) else "agent"
            plays.append(agent)
    return plays
