"""Task families, one file each; `meta_envs.registry` gives them their ids.

Every family's class is found here by its name, ``from meta_envs.families import TwoStep``: files are imported in order
until one has it.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def __getattr__(name: str) -> Any:
    """The class of that name, from whichever file has it."""
    if name[:1].isupper():  # files have names in small letters
        for file in iter_modules(__path__):
            found = getattr(import_module(f"{__name__}.{file.name}"), name, None)
            if isinstance(found, type) and found.__module__.startswith(__name__):
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
