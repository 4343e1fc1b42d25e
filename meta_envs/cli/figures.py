"""The command that reproduces the paper's figures."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meta_envs.arguments import require
from meta_envs.cli.options import AsJson, print_json
from meta_envs.files import reason_of
from meta_envs.terminal import Progress, Screen, Table

if TYPE_CHECKING:
    from meta_envs.figures.figure import PaperFigure

ALL = "all"


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIGURE...]", help="As in the paper, such as 5c; all makes all.  [default: a list]"),
    ] = None,
    output: Annotated[str, typer.Option(help="The folder that the files go to.")] = "reproduction",
    episodes: Annotated[
        int | None, typer.Option(help="Unseen lifetimes.  [default: each figure's own number]", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Evaluation seed.")] = 2016,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="A trained agent, or a learner by its name, in place of the figure's agents; repeatable.",
        ),
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Train the agents, in place of shipped ones.")] = False,
    seeds: Annotated[int, typer.Option(help="With --train: training seeds of each agent.")] = 1,
    directory: Annotated[Path, typer.Option(help="With --train: where the runs are.")] = Path("runs/figures"),
    again: Annotated[bool, typer.Option("--again", help="Make anew what is there with the same settings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Reproduce the paper's figures.

    Each is drawn (PNG and PDF), its numbers are written (CSV), and every published claim gets a verdict (JSON, and a
    table): it holds, fails, or is not determined, by 95 % intervals over unseen lifetimes. Shipped agents play, so that
    nothing is trained, unless --train asks for it.

    What is there with the same settings is kept, so that after Ctrl-C the same command goes on.
    """
    from meta_envs.figures.reproduce import Production, is_shipped, panels_of, seconds_of, whole
    from meta_envs.figures.reproduction import find_finished, verdict_table

    if not names:
        list_figures(as_json)
        return
    chosen = list(dict.fromkeys(each for name in names for each in (whole() if name == ALL else [name])))
    for name in chosen:
        panels_of(name)
    folder = _find_folder(output)
    screen = Screen(stderr=True)
    options: dict[str, Any] = {"train": train, "seeds": seeds, "directory": directory, "agent": agent or None}
    claims: list[dict[str, Any]] = []
    done: list[str] = []
    failed: list[str] = []
    try:
        with Progress("figures", sum(map(seconds_of, chosen))) as progress:
            for name in chosen:
                if ALL in names and not (train or is_shipped(name)):
                    screen.say(f"{name}: left out, since not all of its agents are shipped (--train trains them).")
                    continue
                share = seconds_of(name) / sum(panel.seconds for panel in panels_of(name))

                def tell(panel: PaperFigure, name: str = name, share: float = share) -> None:
                    progress.advance(panel.seconds * share, note=name)

                try:
                    production = Production(name, episodes=episodes, seed=seed, **options)
                    kept = None if again else find_finished(name, folder, production.settings)
                    if kept is None:
                        made = production.make(tell)
                        files = made.save(folder)
                        kept = made.to_dict()
                        said = ", ".join(map(str, files))
                    else:
                        progress.advance(seconds_of(name), note=name)
                        said = f"kept, since {output} has it with the same settings (--again makes it anew)."
                except ValueError as error:
                    if len(chosen) == 1:
                        raise
                    failed.append(name)
                    screen.say(f"{name}: left out. {error}")
                    continue
                done.append(name)
                screen.say(f"{name}: {said}")
                claims += kept["claims"]
    except KeyboardInterrupt:
        screen.say(f"Stopped; {', '.join(done) or 'nothing'} is finished. The same command goes on from there.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(claims)
    elif claims:
        Screen().print(verdict_table(claims))
    elif done:
        screen.say("The paper claims nothing of it in numbers.")
    if failed and (ALL not in names or not done):
        raise typer.Exit(1)


def list_figures(as_json: bool) -> None:
    """All figures, what they show, how long they take, and whether their agents are shipped."""
    from meta_envs.figures.reproduce import is_shipped, names, seconds_of, title_of

    rows: list[dict[str, Any]] = [
        {
            "figure": name,
            "title": title_of(name),
            "minutes": round(seconds_of(name) / 60, 1),
            "shipped": is_shipped(name),
        }
        for name in names()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(["figure", "what it shows", "agents"], ["minutes"])
    for row in rows:
        shipped = "shipped" if row["shipped"] else "--train"
        table.add_row(row["figure"], row["title"], shipped, f"{row['minutes']:.1f}")
    screen = Screen()
    screen.print(table)
    screen.say("", "meta-envs reproduce 5c makes one, meta-envs reproduce all all of them.")


def _find_folder(output: str) -> Path:
    """The folder; one that takes no files is refused before any work.

    Raises:
        ValueError: With the folder.
    """
    require(output != "", "output", output, "give a folder, such as reproduction")
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--output {folder} cannot be written to ({reason_of(error)}): give another folder."
        ) from error
    return folder
