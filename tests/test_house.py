"""The house: what each folder makes public, where that is documented, and what documentation and examples import."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from families import FAMILIES, PUBLISHED_IDS

from meta_envs.family import TaskFamily

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "meta_envs"
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PUBLISHED = {kind for id in PUBLISHED_IDS for kind in type(FAMILIES[id]).__mro__}
PAGES_ALONE = {kind for family in FAMILIES.values() for kind in type(family).__mro__} - PUBLISHED
"""Families of environments that came later, and what they derive from: the page that is made of them documents them."""
DOCUMENTED = set(re.findall(r"^\.\. (?:auto\w+|data):: (meta_envs[\w.]*)", API, re.MULTILINE))


def find(path):
    """The object at a dotted path."""
    parts = path.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for name in parts[size:]:
            found = getattr(found, name)
        return found
    raise AssertionError(path)


def public_names(folder):
    """What a folder makes public: what it lists, and what it imports when asked."""
    module = importlib.import_module(f"meta_envs.{folder}" if folder else "meta_envs")
    if folder == "families":
        files = [
            importlib.import_module(f"meta_envs.families.{path.stem}") for path in PACKAGE.glob("families/[!_]*.py")
        ]
        return sorted({name for file in files for name, kind in vars(file).items() if is_family(kind, file)})
    lazy = [name for name in dir(module) if name not in vars(module) and name not in FOLDERS]
    return sorted({*getattr(module, "__all__", ()), *lazy} - {"vector"})


def is_family(kind, file):
    """Whether it is a family that is defined in that file."""
    return inspect.isclass(kind) and issubclass(kind, TaskFamily) and kind.__module__ == file.__name__


def imports(code):
    """The modules of the package that code imports from, and the names that it takes."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "meta_envs":
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "meta_envs")


def pieces_of_code():
    """Every example, script of the documentation, and Python block of a page."""
    for path in [*sorted((ROOT / "examples").glob("*.py")), *sorted((ROOT / "docs").glob("*.py"))]:
        yield pytest.param(path.read_text(encoding="utf-8"), id=path.name)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        fenced = re.findall(r"^```python\b.*?\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for number, code in enumerate(fenced):
            yield pytest.param(code, id=f"{page.name}-{number}")


@pytest.mark.parametrize("code", list(pieces_of_code()))
def test_documentation_and_examples_import_what_is_public(code):
    """They import from `meta_envs`, `meta_envs.<folder>` or `meta_envs.family` alone, and what these make public."""
    for module, name in imports(code):
        rest = module.removeprefix("meta_envs").removeprefix(".")
        assert rest in ("", "family", *FOLDERS), f"{module} is not public"
        if name and not (rest == "" and name in FOLDERS) and name != "vector":
            known = find(module).__all__ if rest == "family" else public_names(rest)
            assert name in known, f"{name} is not public in {module}"


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_the_reference_misses_nothing_public(folder):
    """Each public name stands in docs/api.md, under one of the places where it can be found."""
    there = {id(find(path)) for path in DOCUMENTED}
    for name in public_names(folder):
        if folder in ("testing", "cli") and (name.startswith("check_") or name == "app"):
            continue  # what `CHECKS` lists, and what `main` runs
        if folder == "families" and find(f"meta_envs.families.{name}") in PAGES_ALONE:
            continue
        path = f"meta_envs.{folder}.{name}".replace("..", ".")
        assert path in DOCUMENTED or id(find(path)) in there, f"{path} stands nowhere in docs/api.md"


@pytest.mark.parametrize("path", sorted(DOCUMENTED))
def test_the_reference_describes_what_there_is(path):
    """Nothing in docs/api.md is missing in the package, or without a docstring."""
    found = find(path)
    assert not callable(found) or inspect.getdoc(found)


def test_the_house_is_small():
    """At most 12 loose modules, and no file over 300 lines."""
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= 12
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "wrappers").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []
