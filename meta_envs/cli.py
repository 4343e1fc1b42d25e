"""The command line ``meta-envs``: tables for people, ``--json`` for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.text import Text

import meta_envs
from meta_envs.baselines import LEARNERS
from meta_envs.family import TaskFamily

app = typer.Typer(
    help="Meta-environments: a fresh task at every reset, recurrent agents that learn within it, and exact optima.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="An environment, such as MetaBandit-Dependent-v0.")]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="A keyword of the environment, such as num_trials=50; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def main() -> None:
    """Run the command line: a mistake gets one sentence and exit status 2."""
    try:
        app()
    except (ValueError, TypeError, FloatingPointError, gym.error.Error, ImportError, OSError) as error:
        Console(stderr=True, highlight=False).print(Text.assemble(("Error: ", "red"), str(error)), soft_wrap=True)
        sys.exit(2)


def parse_pairs(pairs: list[str] | None) -> dict[str, Any]:
    """``["num_arms=5", "alpha=0.5"]`` as keywords: JSON values where they are, else strings.

    Raises:
        ValueError: If one of them has no ``=``.
    """
    parsed: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise ValueError(f"{pair!r} is not possible: give KEY=VALUE, such as num_trials=50.")
        try:
            parsed[key] = json.loads(value)
        except json.JSONDecodeError:
            parsed[key] = {"True": True, "False": False}.get(value, value)
    return parsed


def print_json(content: Any) -> None:
    """Print JSON to standard output."""
    print(json.dumps(content, indent=2))


def describe(id: str) -> dict[str, Any]:
    """An environment in a few words and numbers."""
    family = meta_envs.make_family(id)
    return {
        "id": id,
        "summary": (type(family).__doc__ or "").partition("\n")[0],
        "horizon": family.horizon,
        "actions": str(family.action_space),
        "observations": str(family.observation_space),
        "keywords": keywords_of(family),
    }


def keywords_of(family: TaskFamily) -> dict[str, Any]:
    """The values of a family's fields."""
    return {field.name: getattr(family, field.name) for field in fields(family)}


@app.command("list")
def list_environments(as_json: AsJson = False) -> None:
    """List all meta-environments."""
    rows = [describe(id) for id in meta_envs.ids()]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "steps", "actions", "keywords"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        keywords = ", ".join(f"{name}={value}" for name, value in row["keywords"].items())
        table.add_row(row["id"], str(row["horizon"]), row["actions"], keywords)
    Console().print(table)
    print("\nmeta-envs info ID tells more of one.")


@app.command()
def info(id: Id, as_json: AsJson = False) -> None:
    """Show an environment's page: the task, its prior, spaces, rewards, fidelity to the paper, and keywords."""
    described = describe(id)
    family = type(meta_envs.make_family(id))
    if as_json:
        print_json(described)
        return
    import inspect

    from rich.markdown import Markdown

    values = ", ".join(f"`{name}={value}`" for name, value in described["keywords"].items())
    Console().print(Markdown(f"# {id}\n\nMade with {values}.\n\n{inspect.getdoc(family)}"))
    print(f"\nTry it with: meta-envs evaluate {id}")
    if (
        isinstance(meta_envs.make_family(id).observation_space, gym.spaces.Box)
        and "uint8" not in described["observations"]
    ):
        print(f"Train an agent with: meta-envs train {id}")


@app.command()
def train(
    id: Id,
    seed: Annotated[int, typer.Option(help="Seed of the run: the same seed gives the same agent.")] = 1,
    directory: Annotated[
        Path | None,
        typer.Option(help="Where checkpoint and agent go.  [default: runs/ID/seed-SEED]", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the preset, such as steps=100000; repeatable."),
    ] = None,
    env: Env = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the directory's checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there is a run already.")] = False,
) -> None:
    """Train a recurrent agent with RecurrentPPO and write it to a file.

    Ctrl-C leaves the newest checkpoint; the same command with --resume goes on from it, to the same agent.
    """
    from meta_envs.training import TrainingStopped
    from meta_envs.training import train as run

    try:
        path = run(
            id,
            seed=seed,
            directory=directory,
            keywords=parse_pairs(env),
            resume=resume,
            overwrite=overwrite,
            **parse_pairs(settings),
        )
    except TrainingStopped as stopped:
        print(f"{stopped} The same command with --resume goes on from there.", file=sys.stderr)
        sys.exit(130)
    print(f"agent: {path}")
    print(f"Evaluate it with: meta-envs evaluate {id} --agent {path}")


@app.command()
def evaluate(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Environments; several show how play carries over.")
    ],
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            metavar="NAME|PATH",
            help=f"A learner ({', '.join(LEARNERS)}; constants as ucb:chi=2) or a trained agent, which is shown in "
            "greedy and in sampled play; repeatable.",
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
    optimum's policy and, where that is not known to be optimal, one who knows the task.
    """
    from meta_envs import comparison
    from meta_envs.evaluation import assess
    from meta_envs.learners import is_path
    from meta_envs.scorecards import save_cards, table

    for option, path in (("--figure draws", figure), ("--csv writes", trials)):
        if path is not None and len(ids) > 1:
            raise ValueError(f"{option} one environment, not {len(ids)}: give one ID, or leave it out.")
    keywords = parse_pairs(env)
    several = sum(is_path(name) for name in agents or ()) > 1
    given = [learner for name in agents or () for learner in load_plays(name, name if several else "agent")]
    if paired and len(given) == 1:
        raise ValueError(f"--paired compares learners, and {given[0]} is one alone: give another --agent.")
    for path, example in ((output, "cards.json"), (figure, "regret.png"), (trials, "trials.csv")):
        if path is not None and (path.is_dir() or not path.suffix):
            raise ValueError(f"{path} is not possible: give a file, such as {path / example}.")
    cards, differences = [], []
    for id in ids:
        with Console(stderr=True).status(f"Evaluating on {episodes:,} unseen lifetimes of {id} ..."):
            learners = given or usual_learners(id, **keywords)
            if trials is not None:
                from meta_envs.behaviour import write_trials

                write_trials(learners, id, trials, episodes=episodes, seed=seed, **keywords)
            of_one, lives = assess(learners, id, episodes=episodes, seed=seed, **keywords)
            pairs = comparison.find_differences(of_one, lives) if paired else []
        cards += of_one
        differences += pairs
        if not as_json:
            Console().print(table(of_one), *(["", comparison.table(pairs)] if pairs else []))
    if as_json:
        shown = [card.to_dict() for card in cards]
        print_json({"scorecards": shown, "differences": [pair.to_dict() for pair in differences]} if paired else shown)
    if output is not None:
        save_cards(cards, output)
    if figure is not None:
        from meta_envs.plots import regret_figure

        regret_figure(cards, figure)
    for path in filter(None, (output, figure, trials)):
        print(path, file=sys.stderr if as_json else sys.stdout)


def usual_learners(id: str, **keywords: Any) -> list[Any]:
    """What an environment is evaluated with where nothing else is said."""
    from meta_envs.learners import serving

    usual = serving(["random", "ucb1", "thompson", "psrl"], id, **keywords)
    try:
        optimum = meta_envs.solve(id, **keywords)
    except ValueError:
        return [*usual, *serving(["oracle"], id, **keywords)]
    usual = [name for name in usual if name != optimum.policy.name]
    return [*usual, optimum.policy, *(serving(["oracle"], id, **keywords) if optimum.kind == "bound" else [])]


def load_plays(name: str, label: str) -> list[Any]:
    """A learner by name, or a trained agent, labelled, in both of its ways to play."""
    from meta_envs.learners import is_path

    if not is_path(name):
        return [name]
    from meta_envs.training import load_agent

    plays = [load_agent(name, play=play) for play in ("greedy", "sampled")]
    for agent in plays:
        agent.label = label
    return plays


@app.command()
def picture(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Environments; by default one of every family.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("picture.png"),
    steps: Annotated[
        int | None, typer.Option(help="Steps of the lifetime before the picture is taken, for a single ID.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the lifetime, for a single ID.")] = None,
    env: Env = None,
) -> None:
    """Draw a lifetime of an environment, or several environments on one sheet."""
    from meta_envs.rendering import sheet

    if output.is_dir() or output.suffix != ".png":
        raise ValueError(f"{output} is not possible: give a PNG file, such as {output / 'picture.png'}.")
    shown = ids or sheet.one_of_each(meta_envs.ids())
    chosen = {"steps": steps, "seed": seed, **parse_pairs(env)}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if len(shown) > 1 and chosen:
        raise ValueError(f"{', '.join(chosen)} are for one environment, and there are {len(shown)}: give one ID.")
    drawn = sheet.take_picture(shown[0], **chosen) if len(shown) == 1 else sheet.contact_sheet(shown)
    sheet.save_png(drawn, output)
    print(output)


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(metavar="[env|families|training]", help="What to measure; all by default.")
    ] = "",
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 2.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the training, such as epochs=4; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure speeds on one core.

    Environments stand beside CartPole-v1, all families beside the two-armed bandit (or, if they show images, beside a
    mere copy of those), training beside stock RecurrentPPO.
    """
    from meta_envs.bench import PARTS, measure, table

    rows = {part: measure(part, seconds, **parse_pairs(settings)) for part in ([what] if what else PARTS)}
    if as_json:
        print_json([row for part in rows.values() for row in part])
        return
    for part in rows.values():
        Console().print(table(part), "")


if __name__ == "__main__":
    main()
