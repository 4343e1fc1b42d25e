"""The command line ``meta-envs``: tables for people, ``--json`` for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from shutil import get_terminal_size
from typing import Annotated

import typer

from meta_envs.cli.bench import bench
from meta_envs.cli.environments import info, list_environments, picture
from meta_envs.cli.errors import tell
from meta_envs.cli.evaluation import evaluate
from meta_envs.cli.figures import reproduce
from meta_envs.cli.options import parse_pairs
from meta_envs.cli.training import train
from meta_envs.roster import LEARNERS
from meta_envs.terminal import adapt
from meta_envs.training.settings import Preset
from meta_envs.version import __version__

__all__ = ["app", "main", "parse_pairs"]

LISTS = {
    "evaluate": f"Learners are {', '.join(LEARNERS)}.",
    "train": f"Settings are {', '.join(field.name for field in fields(Preset))}.",
}
"""What can be named, for the help of a command."""
COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "list": (list_environments, ("meta-envs list", "meta-envs list --json")),
    "info": (info, ("meta-envs info MetaBandit-Dependent-v0",)),
    "evaluate": (
        evaluate,
        (
            "meta-envs evaluate MetaBandit-Dependent-v0",
            "meta-envs evaluate MetaTwoStep-v0 --agent agent",
            "meta-envs evaluate MetaBandit-Independent-v0 \\\n    --agent thompson --agent ucb:chi=2 --env num_arms=5",
        ),
    ),
    "train": (
        train,
        (
            "meta-envs train MetaBandit-Dependent-v0 --seed 2",
            "meta-envs train MetaBandit-Dependent-v0 --resume",
            "meta-envs train MetaBandit-DependentHard-v0 --init MetaBandit-Dependent-v0",
            "meta-envs train MetaBandit-Dependent-v0 \\\n    --set steps=100000 --directory runs/short --tensorboard",
        ),
    ),
    "reproduce": (
        reproduce,
        (
            "meta-envs reproduce",
            "meta-envs reproduce 5c",
            "meta-envs reproduce all",
            "meta-envs reproduce 2f --train --seeds 5",
        ),
    ),
    "picture": (picture, ("meta-envs picture", "meta-envs picture MetaHarlow-v0 --output harlow.png")),
    "bench": (bench, ("meta-envs bench env", "meta-envs bench training --seconds 8")),
}
"""What each name runs, and examples for its help."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="meta-envs COMMAND --help explains a command, with examples.",
)
"""The commands, as Typer has them; `main` runs them."""
for name, (function, examples) in COMMANDS.items():
    shown = "\b\nExamples:\n  " + "\n  ".join(examples)
    app.command(name, epilog="\n\n".join(filter(None, (LISTS.get(name), shown))))(function)


class _Shown:
    """What the options before the command say of errors."""

    traceback = False


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"meta-envs {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def before_any_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show an error with all that led to it, in place of one sentence.")
    ] = False,
) -> None:
    """Meta-environments: a fresh task at every reset, recurrent agents that learn within it, and exact optima."""
    _Shown.traceback = traceback
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line: a mistake gets one sentence and exit status 2, ``--traceback`` all of it.

    What went wrong in a family or a learner from outside is told with its file and line. Modules in the current folder
    are found, as by ``python -m``.
    """
    for stream in (sys.stdout, sys.stderr):
        adapt(stream)
    sys.path.insert(0, "")
    _Shown.traceback = False
    try:
        status = app(standalone_mode=False, terminal_width=min(get_terminal_size().columns, 100) - 1)
    except Exception as error:
        status = tell(error, whole=_Shown.traceback)
    sys.exit(status)
