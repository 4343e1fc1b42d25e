"""The command line ``meta-envs``: tables for people, ``--json`` for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from meta_envs.cli.bench import bench
from meta_envs.cli.environments import info, list_environments, picture
from meta_envs.cli.errors import EXPECTED, explain
from meta_envs.cli.evaluation import evaluate
from meta_envs.cli.options import parse_pairs
from meta_envs.cli.training import train

__all__ = ["app", "main", "parse_pairs"]

app = typer.Typer(
    help="Meta-environments: a fresh task at every reset, recurrent agents that learn within it, and exact optima.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
"""The commands, as Typer has them; `main` runs them."""
COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_environments,
    "info": info,
    "train": train,
    "evaluate": evaluate,
    "picture": picture,
    "bench": bench,
}
for name, function in COMMANDS.items():
    app.command(name)(function)


class _Shown:
    """What the options before the command say of errors."""

    traceback = False


@app.callback()
def before_any_command(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show an error with all that led to it, in place of one sentence.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    _Shown.traceback = traceback


def main() -> None:
    """Run the command line: a mistake gets one sentence and exit status 2, ``--traceback`` all of it.

    What went wrong in a family or a learner from outside is told with its file and line. Modules in the current folder
    are found, as by ``python -m``.
    """
    sys.path.insert(0, "")
    try:
        app()
    except EXPECTED as error:
        if _Shown.traceback:
            raise
        told = explain(error)
        Console(stderr=True, highlight=False).print(Text.assemble(("Error: ", "red"), told), soft_wrap=True)
        if told != str(error):
            print("  meta-envs --traceback shows the whole way there.", file=sys.stderr)
        sys.exit(2)
