"""What the commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

Id = Annotated[str, typer.Argument(metavar="ID", help="An environment, such as MetaBandit-Dependent-v0.")]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="A keyword of the environment, such as num_trials=50; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def parse_pairs(
    pairs: list[str] | None, option: str = "--env", command: Callable[..., None] | None = None
) -> dict[str, Any]:
    """``["num_arms=5", "alpha=0.5"]`` as keywords: JSON values where they are, else strings.

    Args:
        pairs: As they were given.
        option: The option that they were given with.
        command: Whose arguments and options they go beside.

    Raises:
        ValueError: If one of them has no ``=``, or is an argument or option of the command.
    """
    flags = flags_of(command) if command else {}
    parsed: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise ValueError(f"{pair!r} is not possible: give KEY=VALUE, such as num_trials=50.")
        if key in flags:
            raise ValueError(f"{option} {pair} is not possible: {key} is given by itself, as {flags[key]}.")
        try:
            parsed[key] = json.loads(value)
        except json.JSONDecodeError:
            parsed[key] = {"True": True, "False": False}.get(value, value)
    return parsed


def flags_of(command: Callable[..., None]) -> dict[str, str]:
    """What a command's arguments and options are called, by the names of its parameters and without their dashes."""
    flags: dict[str, str] = {}
    for name, hint in get_type_hints(command, include_extras=True).items():
        for told in getattr(hint, "__metadata__", ()):
            if isinstance(told, ArgumentInfo):
                flags[name] = told.metavar or name.upper()
            elif isinstance(told, OptionInfo):
                # Within Annotated, Typer has the flag where a default would be.
                flag = told.default if isinstance(told.default, str) else f"--{name.replace('_', '-')}"
                flags |= {name: flag, flag.lstrip("-").replace("-", "_"): flag}
    return flags


def print_json(content: Any) -> None:
    """Print JSON to standard output."""
    print(json.dumps(content, indent=2))
