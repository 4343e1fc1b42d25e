"""Packages whose names are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

EXTRAS = {
    "agents": ("safetensors", "torch"),
    "train": ("safetensors", "sb3_contrib", "stable_baselines3", "torch"),
}
"""What has to be installed for names of an extra to be imported."""


def lazily(
    package: str,
    places: Mapping[str, str],
    needs: str | None = None,
    extra: str = "train",
    *,
    optional: Mapping[str, str] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    ``dir`` lists what can be had: whoever asks for all that it lists, as `help` does, meets no error.

    Args:
        package: Its ``__name__``.
        places: Its names, and the modules that define them; the module itself where it is called like the name.
        needs: What needs the packages of the extra, for the sentence that says so where one is missing.
        extra: Its name.
        optional: Names that need an extra, and which; by default, with ``needs``, all of them.
    """
    if optional is None:
        optional = dict.fromkeys(places, extra) if needs else {}

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(places[name])
        except ModuleNotFoundError as error:
            if needs is None or (error.name or "").startswith("meta_envs"):
                raise
            missing = (error.name or "").partition(".")[0]
            raise ImportError(f"{needs} needs {missing}: pip install 'meta-envs[{extra}]'.") from error
        return module if places[name] == f"{package}.{name}" else getattr(module, name)

    def list_names() -> list[str]:
        there = {extra for extra in set(optional.values()) if all(map(_is_installed, EXTRAS[extra]))}
        names = {name for name in places if name not in optional or optional[name] in there}
        return sorted({*vars(sys.modules[package]), *names})

    return find, list_names


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False
