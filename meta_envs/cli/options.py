"""What the commands share."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

Id = Annotated[str, typer.Argument(metavar="ID", help="An environment; meta-envs list shows all.")]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="A keyword of the environment, such as num_trials=50; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def parse_pairs(pairs: list[str] | None) -> dict[str, Any]:
    """``["num_arms=5", "alpha=0.5"]`` as keywords: JSON values where they are, else strings.

    Raises:
        ValueError: If one of them has no ``=``, or is too long or nested too deeply.
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
        except (RecursionError, ValueError):
            raise ValueError(f"{key}={value[:20]}... is not possible: it is too long or nested too deeply.") from None
    return parsed


def print_json(content: Any) -> None:
    """Print JSON to standard output."""
    print(json.dumps(content, indent=2))
