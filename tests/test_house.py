"""The house: what each folder makes public, where that is documented, and what documentation and examples import."""

import ast
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "meta_envs"
sys.path.append(str(ROOT / "docs"))  # as for Sphinx

import reference  # noqa: E402

PUBLIC = {place: reference.public(place) for place in reference.places()}


@pytest.fixture(scope="module")
def directives():
    """The directives of the reference's page: what each describes, and what stands below it."""
    return re.findall(r"^\.\. \w+:: (\S+)\n((?:\n|   .*\n)*)", reference.page(), re.MULTILINE)


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
        assert module in PUBLIC, f"{module} is not public"
        if name and f"{module}.{name}" not in PUBLIC:
            assert name in PUBLIC[module], f"{name} is not public in {module}"


@pytest.mark.parametrize("place", PUBLIC)
def test_the_reference_has_each_public_name_once(place, directives):
    """Whatever is public is described under one of the places that make it so, and under no other."""
    described = [path for path, _ in directives]
    for name in PUBLIC[place]:
        thing = getattr(import_module(place), name)
        homes = [home for home in PUBLIC if name in PUBLIC[home] and getattr(import_module(home), name) is thing]
        assert sum(described.count(f"{home}.{name}") for home in homes) == 1, f"{name} of {place}"


def test_the_reference_has_nothing_that_is_not_public(directives):
    """What the page describes can be imported from where it says."""
    public = {f"{place}.{name}" for place, names in PUBLIC.items() for name in names}
    assert [path for path, _ in directives if path not in public] == []


def test_all_that_is_public_has_a_docstring(directives):
    """Functions and classes have one of their own, constants one below their assignment."""
    for path, below in directives:
        place, _, name = path.rpartition(".")
        thing = getattr(import_module(place), name)
        if inspect.isclass(thing) or inspect.isroutine(thing):  # a dataclass without has its signature
            assert not (thing.__doc__ or f"{name}(").startswith(f"{name}("), path
        else:
            assert below.strip(), path


def test_the_house_is_small():
    """At most 12 loose modules, and no file over 300 lines."""
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= 12
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "wrappers").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []
