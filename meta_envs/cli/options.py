"""What the commands share."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from meta_envs.terminal import Screen

Id = Annotated[str, typer.Argument(metavar="ID", help="An environment; meta-envs list shows all.")]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="A keyword of the environment, such as num_trials=50; repeatable."),
]
BARE_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""Numbers that JSON does not know, such as .5."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def parse_pairs(
    pairs: list[str] | None, option: str = "--env", command: Callable[..., None] | None = None
) -> dict[str, Any]:
    """``["num_arms=5", "alpha=0.5"]`` as keywords: JSON values and numbers where they are, else strings.

    Args:
        pairs: As they were given.
        option: The option that they were given with.
        command: Whose arguments and options they go beside.

    Raises:
        ValueError: If one of them has no ``=``, is too long or nested too deeply, or is an argument or option of the
            command.
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
            bare = BARE_NUMBER.fullmatch(value)
            parsed[key] = float(value) if bare else {"True": True, "False": False}.get(value, value)
        except (RecursionError, ValueError):
            raise ValueError(f"{key}={value[:20]}... is not possible: it is too long or nested too deeply.") from None
    return parsed


def check_outputs(*outputs: tuple[str, Path | None, str]) -> None:
    """Refuse, before any work, places at which nothing could be written at its end. Nothing is left there.

    Args:
        outputs: An option, the path that was given, if any, and the name of such a file.

    Raises:
        ValueError: If a path is no file's, two are one file, or nothing can be written there.
    """
    taken: dict[Path, str] = {}
    for flag, path, example in outputs:
        if path is None:
            continue
        try:
            if path.is_dir() or not path.suffix:
                raise ValueError(f"{path} is not possible: give a file, such as {path / example}.")
            if (other := taken.setdefault(path.resolve(), flag)) != flag:
                raise ValueError(f"{other} and {flag} both write {path}: give each a file of its own.")
            _try_to_write(path)
        except OSError as error:
            raise ValueError(f"{flag} cannot write {path} ({error.strerror or error}): give another place.") from error


def _try_to_write(path: Path) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    with TemporaryFile(dir=folder):
        pass


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


def tell(content: Any, tables: list[Any], *written: Path | None) -> None:
    """Print JSON, or where there is none the tables, and the files that were written."""
    if content is None:
        Screen().print(*tables)
    else:
        print_json(content)
    Screen(stderr=content is not None).say(*map(str, filter(None, written)))
