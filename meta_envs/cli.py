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
from meta_envs.training.settings import Preset

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
SETTINGS = ", ".join(field.name for field in fields(Preset))
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
    from meta_envs import agents

    family = meta_envs.make_family(id)
    return {
        "id": id,
        "agent": agents.find(id).stem if id in agents.ids() else None,
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
    print("\nmeta-envs info ID tells more of one, and whether a trained agent is shipped for it.")


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
    print(f"Train an agent with: meta-envs train {id}")
    if described["agent"]:
        print(describe_agent(id))


def describe_agent(id: str) -> str:
    """The score of an environment's shipped agent, and how to have it play."""
    from meta_envs import agents

    file = agents.find(id)
    card = agents.read_card(file)
    found = card["scorecards"][card["play"]]
    value, unit = (found["return_mean"], "return") if found["score"] is None else (found["score"], "score")
    keywords = [f" --env {name}={json.dumps(value)}" for name, value in card["keywords"].items()]
    lived = ", ".join([file.stem, *(f"{name}={value}" for name, value in card["keywords"].items())])
    return (
        f"A trained agent is shipped, of {lived}, with {unit} {value:.3f} in {card['play']} play over "
        f"{found['episodes']:,} unseen lifetimes:\n  meta-envs evaluate {id}{''.join(keywords)} --agent agent"
    )


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
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help=f"A setting of the preset, such as steps=100000; repeatable. There are {SETTINGS}.",
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Settings to begin with: recommended, or a2c, the paper's own algorithm and values.")
    ] = "recommended",
    env: Env = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the directory's checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there is a run already.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves into the directory; see them with tensorboard.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where the network is: cpu, or cuda where there is a GPU.")] = "cpu",
) -> None:
    """Train a recurrent agent with RecurrentPPO and write it to a file.

    The directory gets `agent.safetensors`, the weights with a card of how they were made; while the run goes on,
    `checkpoint.pt`; and with --tensorboard `events.out.tfevents.*`, the curves. A bar shows the mean return of the
    newest lifetimes and the score in held-out ones.

    Ctrl-C leaves the newest checkpoint, and a kill one that is seconds old; the same command with --resume goes on from
    it, to the same agent.

    **Examples**

    - `meta-envs train MetaBandit-Dependent-v0 --seed 2`

    - `meta-envs train MetaBandit-Dependent-v0 --tensorboard`, and then `tensorboard --logdir runs`

    - `meta-envs train MetaBandit-Dependent-v0 --set steps=100000 --set patience=5 --directory runs/short`

    - `meta-envs train MetaBandit-Independent-v0 --env num_arms=5 --resume`
    """
    from meta_envs.training import TrainingStopped
    from meta_envs.training import train as run

    try:
        path = run(
            id,
            seed=seed,
            directory=directory,
            preset=preset,
            keywords=parse_pairs(env),
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            device=device,
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
            help=f"A learner ({', '.join(LEARNERS)}; constants as ucb:chi=2) or a trained agent (agent, the shipped "
            "one; agent:ID, another environment's; or a path), which is shown in greedy and in sampled play; "
            "repeatable.",
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
    from meta_envs.scorecards import save_cards, table

    for option, path in (("--figure draws", figure), ("--csv writes", trials)):
        if path is not None and len(ids) > 1:
            raise ValueError(f"{option} one environment, not {len(ids)}: give one ID, or leave it out.")
    keywords = parse_pairs(env)
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
            of_one, lives = assess(players, id, episodes=episodes, seed=seed, **keywords)
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


def load_plays(names: list[str], id: str) -> list[Any]:
    """Learners by name, and trained agents in both of their ways to play, told apart where there are several."""
    from meta_envs.learners import is_agent, make_learner

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
