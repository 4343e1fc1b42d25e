"""The reference, written from what is public: a name in a folder's ``__init__`` is all that it takes to stand there."""

import ast
import inspect
from abc import ABC
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any

import meta_envs
from meta_envs.family import TaskFamily

ORDER = (
    *("family", "families", "envs", "wrappers", "learners", "lifetimes", "solvers", "evaluation", "behaviour"),
    *("analysis", "figures"),
    *("agents", "networks", "training", "rendering", "testing", "bench", "terminal", "cli"),
)
"""Folders in the order of the page, behind the face; others come after them."""

HEAD = """# API reference

What is public, folder by folder. In shapes, `B` is the batch, `T` the numbers of a task, `S` those of a state,
`K` the outcomes, `A` the actions, `D` the numbers of a belief.
"""
MORE = {
    "meta_envs.family": "For families of your own, see :doc:`adding a family </adding-a-family>`.",
    "meta_envs.families": "What each family is stands on the pages of :doc:`its environments </environments>`.",
}
"""What is said of a folder beyond its docstring's first line."""

DERIVED = {
    "meta_envs.family": (":members:", ":show-inheritance:"),
    "meta_envs.envs": (":members:",),
    "meta_envs.wrappers": (":members:",),
    "meta_envs.wrappers.vector": (":members:",),
    "meta_envs.agents.Agent": (":members: save, memory, columns, action_probs, resume, untrained",),
    "meta_envs.agents.OutsidePolicy": (),
}
"""How classes that derive from others are shown, by folder or one by one; elsewhere only what they derive from is."""


@cache
def places() -> tuple[str, ...]:
    """Where public names are: the face, the kernel, and the folders, with those inside that they name."""
    rooms = ["family", *(room.name for room in iter_modules(meta_envs.__path__) if room.ispkg)]
    rooms.sort(key=lambda room: (ORDER.index(room) if room in ORDER else len(ORDER), room))
    found = ["meta_envs"]
    for place in (f"meta_envs.{room}" for room in rooms):
        room = import_module(place)
        listed = getattr(room, "__all__", ())
        found += [place, *(f"{place}.{name}" for name in listed if inspect.ismodule(getattr(room, name)))]
    return tuple(found)


def public(place: str) -> list[str]:
    """What a place makes public: what it lists, and what it imports when asked; of families every class."""
    module = import_module(place)
    if place == "meta_envs.families":
        files = [import_module(f"{place}.{file.name}") for file in iter_modules(module.__path__)]
        return sorted(name for file in files for name, thing in vars(file).items() if is_family(thing, file.__name__))
    names = {*getattr(module, "__all__", ()), *(set(dir(module)) - set(vars(module)))}
    return sorted(name for name in names if f"{place}.{name}" not in places())


def is_family(thing: Any, module: str) -> bool:
    """Whether it is a family that this module defines."""
    return inspect.isclass(thing) and issubclass(thing, TaskFamily) and thing.__module__ == module


def page() -> str:
    """The page: every public name once, under the first place that has it; what others derive from comes first."""
    text, described = HEAD, set()
    for place in places():
        things = {name: getattr(import_module(place), name) for name in public(place)}
        classes = [thing for thing in things.values() if inspect.isclass(thing)]
        directives = []
        for name in sorted(things, key=lambda name: (-sum(things[name] in each.__mro__[1:] for each in classes), name)):
            kind, lines, source = describe(place, name, things[name])
            if source not in described:
                described.add(source)
                directives += [f".. {kind}:: {place}.{name}", *(f"   {line}".rstrip() for line in lines), ""]
        summary = (import_module(place).__doc__ or "").partition("\n")[0]
        block = "\n".join([f"{summary} {MORE.get(place, '')}".rstrip(), "", *directives])
        text += f"\n({place})=\n## {place}\n\n```{{eval-rst}}\n{block}```\n"
    return text


def describe(place: str, name: str, thing: Any) -> tuple[str, list[str], tuple[str, str]]:
    """The directive for a public name, the lines below it, and where the thing is defined."""
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        return kind, [] if kind == "autoexception" else class_options(place, thing), (thing.__module__, name)
    if inspect.isroutine(thing):
        return "autofunction", [], (thing.__module__, name)
    module, doc = constant(place, name)
    return "data", ["", *doc.splitlines()], (module, name)  # autodata would show it under the module's name


def class_options(place: str, kind: type) -> list[str]:
    """What is shown of a class: all members, of one that derives from another what the table says."""
    if not {*kind.__bases__} <= {object, ABC}:
        return list(DERIVED.get(f"{place}.{kind.__name__}", DERIVED.get(place, (":show-inheritance:",))))
    if not is_dataclass(kind):
        return [":members:"]
    if "\nAttributes:\n" in (inspect.getdoc(kind) or ""):  # the fields are there already
        return [":members:", f":exclude-members: {', '.join(field.name for field in fields(kind))}"]
    return [":members:", ":undoc-members:"]


def constant(module: str, name: str) -> tuple[str, str]:
    """The module that assigns a constant, found from import to import, and the docstring below the assignment."""
    tree = ast.parse(inspect.getsource(import_module(module)))
    for node, below in pairwise([*tree.body, ast.Pass()]):
        if ast.unparse(node).startswith((f"{name} = ", f"{name}: ")):
            return module, ast.get_docstring(ast.Module([below], [])) or ""
    found = {to.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for to in node.names}
    return constant(found[name], name)
