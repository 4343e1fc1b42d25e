"""How an error is told: a refusal in one sentence, a mistake in somebody's code with its file and line."""

from __future__ import annotations

import sys
from traceback import FrameSummary, extract_tb, walk_tb

import gymnasium as gym

EXPECTED = (ValueError, TypeError, FloatingPointError, gym.error.Error, ImportError, OSError)
"""What the package refuses with; all other errors are shown with their whole traceback."""
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


def explain(error: Exception) -> str:
    """The error's message, and where it comes from if that is somebody's code and no refusal of the package.

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
    place = others or (None if refused or not isinstance(error, ValueError | TypeError) else own)
    if place is None:
        return str(error)
    return f"{type(error).__name__}: {error}\n  in {place.filename}, line {place.lineno}: {place.line}"
