"""The command line ``meta-envs``: tables for people, ``--json`` for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import gymnasium as gym
import typer
from rich.console import Console
from rich.text import Text

from meta_envs.cli.bench import bench
from meta_envs.cli.environments import info, list_environments, picture
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


def main() -> None:
    """Run the command line: a mistake gets one sentence and exit status 2."""
    try:
        app()
    except (ValueError, TypeError, FloatingPointError, gym.error.Error, ImportError, OSError) as error:
        Console(stderr=True, highlight=False).print(Text.assemble(("Error: ", "red"), str(error)), soft_wrap=True)
        sys.exit(2)
