"""Commands about environments: which there are, what each one is, how it looks."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

import meta_envs
from meta_envs.cli.options import AsJson, Env, Id, parse_pairs, print_json
from meta_envs.family import TaskFamily
from meta_envs.terminal import Page, Screen, Table


def list_environments(as_json: AsJson = False) -> None:
    """List all environments."""
    rows = [describe(id) for id in meta_envs.ids()]
    if as_json:
        print_json(rows)
        return
    table = Table(["id", "steps", "actions", "keywords"], [])
    for row in rows:
        keywords = ", ".join(f"{name}={value}" for name, value in row["keywords"].items())
        table.add_row(row["id"], str(row["horizon"]), row["actions"], keywords)
    screen = Screen()
    screen.print(table)
    screen.say("", "meta-envs info ID tells more of one, and whether a trained agent is shipped for it.")


def info(id: Id, as_json: AsJson = False) -> None:
    """Show an environment's page.

    It tells of the task, its prior, spaces, rewards, fidelity to the paper, and keywords.
    """
    from meta_envs import agents

    described = describe(id)
    family = type(meta_envs.make_family(id))
    if as_json:
        print_json(described)
        return
    values = ", ".join(f"`{name}={value}`" for name, value in described["keywords"].items())
    screen = Screen()
    screen.print(Page(f"# {id}\n\nMade with {values}.\n\n{inspect.getdoc(family)}"))
    screen.say("", f"Try it with: meta-envs evaluate {id}", f"Train an agent with: meta-envs train {id}")
    if described["agent"]:
        screen.say(describe_agent(id))
        card = agents.read_card(agents.find(id))
        if card.habits is not None:
            about = f"{card.habits['play']} play over {card.habits['episodes']:,} unseen lifetimes"
            screen.say("", f"What its score hides, {about}:")
            screen.print(describe_habits(card.id, card.habits))


def describe_habits(id: str, habits: dict[str, Any]) -> Table:
    """What a card tells of how an agent chooses, and of how it does elsewhere."""
    shown = Table(["what", "numbers"], [])
    if "agreement" in habits:
        shown.add_row("chooses as the optimum, where that prefers an action", _tell(habits["agreement"]))
    if "exploration" in habits:
        near, agent, optimum = (habits["exploration"][name] for name in ("near", "agent", "optimum"))
        shown.add_row(f"explores where means are within {near}; the optimum", f"{_tell(agent)}; {_tell(optimum)}")
    if "symmetry" in habits:
        begin, regret = habits["symmetry"]["begin"], habits["symmetry"]["regret"]
        shown.add_row("begins with each action", _tell_means(begin))
        if regret is not None:
            shown.add_row("regret by which action is the best", _tell_means(regret))
    for row in habits["elsewhere"]:
        where = " ".join([row["id"], *(f"{name}={value}" for name, value in row["keywords"].items())])
        rule = f"; thompson {row['thompson']:.3f}" if "thompson" in row else ""
        told = f"score {_tell(row['score'])}{rule}" if "score" in row else f"return {row['return']:.2f}"
        shown.add_row(where.removeprefix(f"{id} "), told)
    return shown


def _tell_means(rows: list[list[float] | None]) -> str:
    """Means alone."""
    return ", ".join("–" if row is None else f"{row[0]:.2f}" for row in rows)


def _tell(numbers: list[float] | None) -> str:
    """A mean and its 95 % interval."""
    if numbers is None:
        return "–"
    mean, low, high = numbers
    return f"{mean:.3f} ({low:.3f}, {high:.3f})"


def describe_agent(id: str) -> str:
    """The score of an environment's shipped agent, and how to have it play."""
    from meta_envs import agents

    file = agents.find(id)
    card = agents.read_card(file)
    assert card.scorecards is not None
    found = card.scorecards[card.play]
    value, unit = (found["return_mean"], "return") if found["score"] is None else (found["score"], "score")
    keywords = [f" --env {name}={json.dumps(value)}" for name, value in card.keywords.items()]
    home = ", ".join([file.stem, *(f"{name}={value}" for name, value in card.keywords.items())])
    others = agents.variants(id)
    variants = f"\nIts variants, as in --agent agent@{others[0]}: {', '.join(others)}" if others else ""
    return (
        f"A trained agent is shipped, of {home}, with {unit} {value:.3f} in {card.play} play over "
        f"{found['episodes']:,} unseen lifetimes:\n  meta-envs evaluate {id}{''.join(keywords)} --agent agent"
        f"{variants}"
    )


def picture(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Environments; by default one of every family.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("picture.png"),
    steps: Annotated[
        int | None, typer.Option(help="Steps of the lifetime before the picture is taken, for a single ID.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the lifetime, for a single ID.")] = None,
    env: Env = None,
) -> None:
    """Draw a lifetime of an environment.

    Several environments are drawn on one sheet.
    """
    from meta_envs.rendering import sheet

    if output.is_dir() or output.suffix != ".png":
        raise ValueError(f"{output} is not possible: give a PNG file, such as {output / 'picture.png'}.")
    shown = ids or sheet.one_of_each(meta_envs.ids())
    keywords = parse_pairs(env, "--env", picture)
    if ids and keywords:
        meta_envs.make_family(ids[0], **keywords)  # whatever else `take_picture` takes is no keyword
    chosen = {"steps": steps, "seed": seed, **keywords}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if len(shown) > 1 and chosen:
        raise ValueError(f"{', '.join(chosen)} are for one environment, and there are {len(shown)}: give one ID.")
    drawn = sheet.take_picture(shown[0], **chosen) if len(shown) == 1 else sheet.contact_sheet(shown)
    sheet.save_png(drawn, output)
    Screen().say(str(output))


def describe(id: str) -> dict[str, Any]:
    """An environment in a few words and numbers."""
    from meta_envs import agents

    family = meta_envs.make_family(id)
    return {
        "id": id,
        "agent": agents.find(id).stem if id in agents.ids() else None,
        "variants": agents.variants(id),
        "summary": (type(family).__doc__ or "").partition("\n")[0],
        "horizon": family.horizon,
        "actions": str(family.action_space),
        "observations": str(family.observation_space),
        "keywords": keywords_of(family),
    }


def keywords_of(family: TaskFamily) -> dict[str, Any]:
    """The values of a family's fields."""
    return {field.name: getattr(family, field.name) for field in fields(family)}
