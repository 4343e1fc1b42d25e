"""How an error is told: a refusal in one sentence, a mistake in somebody's code with its file and line."""

from __future__ import annotations

import sys
from traceback import FrameSummary, extract_tb, format_exception, walk_tb
from typing import Any

import gymnasium as gym
from rich.text import Text

from meta_envs.terminal import Screen, show

MEANT = (FloatingPointError, gym.error.Error, ImportError, OSError)
"""What says enough by itself, wherever it is raised."""
REFUSALS = (*MEANT, ValueError, TypeError)
"""What the package refuses with; whatever else goes wrong is told in the same way, with exit status 1."""
LIBRARIES = {
    "click",
    "gymnasium",
    "matplotlib",
    "numpy",
    "pygame",
    "rich",
    "safetensors",
    "sb3_contrib",
    "scipy",
    "stable_baselines3",
    "tensorboard",
    "torch",
    "typer",
}


def tell(error: Exception, *, whole: bool = False) -> int:
    """Say on standard error what went wrong, and give the exit status: 2 for what is refused, else 1.

    Args:
        error: What was raised.
        whole: Show all that led to it, in place of one sentence.
    """
    screen = Screen(stderr=True)
    usage: Any = error if hasattr(error, "format_message") else None  # one of Typer's own refusals
    if usage:
        place = usage.ctx.command_path if usage.ctx else "meta-envs"  # none for an option without its value
        told, more = usage.format_message(), f"{place} -h tells more."
    else:
        told, more = explain(error)
    if whole:
        screen.say("".join(format_exception(error)).rstrip())
    else:
        screen.print(Text.assemble(("Error: ", "red"), show(told, screen.encoding)), soft_wrap=True)
        if more:
            screen.say(f"  {more}")
    return 2 if usage or isinstance(error, REFUSALS) else 1


def explain(error: Exception) -> tuple[str, str]:
    """The error's message, where it comes from if that is somebody's code and no refusal of the package, and a hint.

    Code of others, as of a family from outside, is always named by its last line; the package's own where nothing was
    raised there on purpose.
    """
    own, others, stranger = None, None, ""
    frame: FrameSummary | None = None
    for (raw, _), frame in zip(walk_tb(error.__traceback__), extract_tb(error.__traceback__), strict=True):
        name = raw.f_globals.get("__name__", "").partition(".")[0]
        if name == "meta_envs":
            own = frame
        elif own is not None and name not in LIBRARIES and name not in sys.stdlib_module_names:
            # The first stranger is whom the package called; what that calls in turn is none of the reader's code.
            stranger = stranger or name
            others = frame if name == stranger else others
    refused = frame is own and own is not None and (own.line or "").startswith("raise ")
    meant = refused or isinstance(error, MEANT)
    place = others or (None if meant else own)
    if place is None:
        told = _sentence(error)
        return told.replace("\n", "\\n") if refused else told, ""
    where = f"in {place.filename}, line {place.lineno}: {place.line}"
    return f"{type(error).__name__}: {error}\n  {where}", "meta-envs --traceback shows the whole way there."


def _sentence(error: Exception) -> str:
    """The message; of a failing file its name and what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error) or type(error).__name__
