"""Every learner by its name: rules, the optimum, the oracle, and trained agents."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from meta_envs.arguments import suggest
from meta_envs.errors import CannotServe
from meta_envs.family import TaskFamily
from meta_envs.files import is_there
from meta_envs.learners import (
    BEB,
    PSRL,
    UCB,
    UCRL2,
    EpsilonGreedy,
    Gittins,
    Hybrid,
    Learner,
    MDPEpsilonGreedy,
    Memoryless,
    OptimisticPSRL,
    OptimisticThompson,
    Oracle,
    Random,
    RescorlaWagner,
    Searcher,
    Thompson,
    ThompsonIndependent,
    ThompsonWalk,
)
from meta_envs.registry import make_family
from meta_envs.solvers.bayes import Bayes

LEARNERS: dict[str, Callable[..., Learner]] = {
    "random": Random,
    "oracle": Oracle,
    "bayes": Bayes,
    "thompson": Thompson,
    "thompson_independent": ThompsonIndependent,
    "thompson_walk": ThompsonWalk,
    "optimistic_thompson": OptimisticThompson,
    "gittins": Gittins,
    "ucb": UCB,
    "ucb1": partial(UCB, chi=2.0),
    "rescorla_wagner": RescorlaWagner,
    "model_free": partial(Hybrid, weight=0.0),
    "model_based": partial(Hybrid, weight=1.0),
    "hybrid": Hybrid,
    "greedy": partial(EpsilonGreedy, epsilon=0.0),
    "epsilon_greedy": EpsilonGreedy,
    "psrl": PSRL,
    "optimistic_psrl": OptimisticPSRL,
    "ucrl2": UCRL2,
    "beb": BEB,
    "mdp_greedy": partial(MDPEpsilonGreedy, epsilon=0.0),
    "mdp_epsilon_greedy": MDPEpsilonGreedy,
    "searcher": Searcher,
    "memoryless": Memoryless,
}
"""Makers of all learners that need no training, by name."""


def is_agent(name: str) -> bool:
    """Whether a trained agent is meant: the shipped one, or one by its path."""
    path = Path(name)
    return name.partition(":")[0] == "agent" or is_there(path) or path.suffix == ".safetensors" or len(path.parts) > 1


def make_learner(name: str, id: str | TaskFamily | None = None) -> Learner:
    """A learner by its name and constants, such as ``"thompson"`` or ``"ucb:chi=2"``, a trained agent, or your own.

    Args:
        name: One of `meta_envs.LEARNERS`, or ``"module:Class"`` for a learner from outside, which is imported; then
            ``:key=value`` for its constants, which are numbers, with commas between several. Or ``"agent"`` for the
            shipped agent of the id, ``"agent:ID"`` for that of another; or an agent's file, or its run's directory.
        id: Where it is to live, which only ``"agent"`` needs.

    Raises:
        ValueError: If there is no such learner (with the names that are near), agent or constant, or the value makes no
            sense.
        meta_envs.CannotServe: If no agent is shipped for the id.
    """
    base, _, rest = name.partition(":")
    if base in LEARNERS:
        learner = _make(base, LEARNERS[base], rest)
        learner.name = name
        return learner
    if name and is_agent(name):
        return _load_agent(name, rest, id)
    inside, _, constants = rest.partition(":")
    if all(map(str.isidentifier, [inside, *base.split(".")])):
        learner = _make(f"{base}:{inside}", _import_learner(base, inside), constants)
        if learner.name == Learner.name:
            learner.name = name
        return learner
    others = f"give one of {', '.join(LEARNERS)}, module:Class, agent, or an agent's path."
    raise ValueError(f"There is no learner {base!r}: {suggest(base, LEARNERS, others)}")


def _import_learner(module: str, name: str) -> Callable[..., Learner]:
    """A learner's class, or a function that makes one, from outside."""
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0] and error.name != module:
            raise
        raise ValueError(
            f"There is no learner '{module}:{name}', since there is no module {module!r}: give one of "
            f"{', '.join(LEARNERS)}, or a module on the path."
        ) from error
    if not callable(maker := getattr(found, name, None)):
        hint = suggest(name, dir(found), "name its class.")
        raise ValueError(f"The module {module!r} has no learner {name!r}: {hint}")
    return maker


def _make(name: str, maker: Callable[..., Learner], text: str) -> Learner:
    """A learner with the constants of a text such as ``"chi=2,gamma=0.9"``."""
    constants = {}
    known = [key for key, kind in inspect.signature(maker).parameters.items() if kind.kind is kind.KEYWORD_ONLY]
    if isinstance(maker, partial):
        known = [key for key in known if key not in maker.keywords]
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        if key not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"The learner {name!r} has no constant {key!r}: {takes}.")
        try:
            constants[key] = float(value)
        except ValueError:
            raise ValueError(f"{pair!r} in '{name}:{text}' is not possible: give a number, as in {key}=1.") from None
    try:
        inspect.signature(maker).bind(**constants)
    except TypeError as error:
        raise ValueError(f"{name!r} cannot be made ({error}): give a class whose arguments have defaults.") from None
    learner = maker(**constants)
    if not isinstance(learner, Learner):
        raise ValueError(f"{name!r} makes a {type(learner).__name__}: derive it from meta_envs.learners.Learner.")
    return learner


def _load_agent(name: str, whose: str, id: str | TaskFamily | None) -> Learner:
    from meta_envs.agents import load_agent

    if name == "agent":
        if not isinstance(id, str):
            raise ValueError(f"'agent' is the shipped agent of an id, and {id!r} is none: give agent:ID.")
        return load_agent(id)
    if not name.startswith("agent:"):
        return load_agent(name)
    agent = load_agent(whose)
    agent.label = name
    return agent


def serving(names: Sequence[str], id: str | TaskFamily, **keywords: Any) -> list[str]:
    """Those of the named learners that can serve a family, in the same order; rules for bandits refuse the others."""
    family = make_family(id, **keywords)
    served = []
    for name in names:
        try:
            make_learner(name, id).check(family)
        except CannotServe:
            continue
        served.append(name)
    return served
