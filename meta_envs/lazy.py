"""Packages whose names are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, places: Mapping[str, str], needs: str | None = None, extra: str = "train"
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Its ``__name__``.
        places: Its names, and the modules that define them; the module itself where it is called like the name.
        needs: What needs the packages of the extra, for the sentence that says so where one is missing.
        extra: Its name.
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(places[name])
        except ModuleNotFoundError as error:
            if needs is None or (error.name or "").startswith("meta_envs"):
                raise
            raise ImportError(f"{needs} needs {error.name}: pip install 'meta-envs[{extra}]'.") from error
        return module if places[name] == f"{package}.{name}" else getattr(module, name)

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return find, list_names
