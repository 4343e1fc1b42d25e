"""Every learner by its name: rules, the optimum, the oracle, trained agents, and policies from outside."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from meta_envs.arguments import suggest
from meta_envs.errors import CannotServe
from meta_envs.family import TaskFamily
from meta_envs.files import is_there, reason_of
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
MODEL = re.compile(r"([\w.]+):(\w+):(.+\.zip)")
"""A saved model of Stable-Baselines3, behind the class that loads it."""
AGENT = re.compile(r"agent(@[^:]*|:.*)?")
"""The shipped agent, or one of its variants, of the id where it is to live or of the one that is named."""
POLICIES = (".onnx", ".pt", ".pth")
"""Endings of files that hold a policy from outside."""
FILES = (".safetensors", ".zip", *POLICIES)
"""Endings of files that hold something trained."""


class Predictor(Protocol):
    """A model of Stable-Baselines3, or whatever has its ``predict``."""

    def predict(self, observation: Any, state: Any = ..., episode_start: Any = ..., deterministic: bool = ...) -> Any:
        """Actions (num,) and new state."""


Player: TypeAlias = str | Path | Learner | Predictor | Callable[..., Any]
"""Whatever is taken for a learner: one, its name or path, or a policy as `meta_envs.agents.OutsidePolicy` takes it."""


def is_agent(name: str) -> bool:
    """Whether something trained is meant: the shipped agent, one by its path, or a policy in a file."""
    path = Path(name)
    return AGENT.fullmatch(name) is not None or is_there(path) or path.suffix in FILES or len(path.parts) > 1


def is_single(players: Player | Iterable[Player]) -> bool:
    """Whether this is one player, not several."""
    return isinstance(players, str | Path | Learner) or callable(players) or hasattr(players, "predict")


def seat(players: Player | Iterable[Player], id: str | TaskFamily | None = None) -> list[Learner]:
    """One player or several as learners.

    Raises:
        ValueError: As `make_learner`, or if one is none of these.
    """
    single: bool = is_single(players)
    several: Any = [players] if single else players
    if not isinstance(several, Iterable):
        raise ValueError(f"{players!r} is no learner: give one, its name, or a policy, or a list of these.")
    return [_seat_one(player, id) for player in several]


def _seat_one(player: Any, id: str | TaskFamily | None) -> Learner:
    if isinstance(player, Learner):
        return player
    if isinstance(player, str | Path):
        return make_learner(str(player), id)
    if isinstance(player, type):
        raise ValueError(f"{player.__name__} is a class: give one of its kind, such as {player.__name__}().")
    from meta_envs.agents.outside import OutsidePolicy

    return OutsidePolicy(player)


def make_learner(name: str, id: str | TaskFamily | None = None) -> Learner:
    """A learner by its name and constants, such as ``"thompson"`` or ``"ucb:chi=2"``, a trained agent, or your own.

    Args:
        name: One of `meta_envs.LEARNERS`, or ``"module:Class"`` for a learner from outside, which is imported; then
            ``:key=value`` for its constants, which are numbers, with commas between several. Or ``"agent"`` for the
            shipped agent of the id, ``"agent:ID"`` for that of another, ``"agent@NAME"`` and ``"agent:ID@NAME"`` for
            their `meta_envs.agents.variants`; or an agent's file, or its run's directory. Or
            a policy from outside: ``"module:function"`` that is one or makes one, a file of TorchScript (``.pt``) or
            ONNX (``.onnx``), or ``"module:Class:model.zip"`` of Stable-Baselines3, whose loading runs code that is in
            the file.
        id: Where it is to live, which only ``"agent"`` and ``"agent@NAME"`` need.

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
    if _asks_for(maker) >= 3 and not text:
        from meta_envs.agents.outside import OutsidePolicy

        return OutsidePolicy(maker)
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
    learner: Any = maker(**constants)
    if isinstance(learner, Learner):
        return learner
    if learner is None or not is_single(learner):
        raise ValueError(
            f"{name!r} makes a {type(learner).__name__}: derive it from meta_envs.learners.Learner, or have it make a "
            "model with `predict` or a callable policy."
        )
    return _seat_one(learner, None)


def _asks_for(maker: Callable[..., Any]) -> int:
    """How many arguments it cannot do without: a policy itself has three, what makes one has none."""
    if isinstance(maker, type | partial):
        return 0
    parameters = inspect.signature(maker).parameters.values()
    return sum(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)


def _load_agent(name: str, whose: str, id: str | TaskFamily | None) -> Learner:
    path = Path(name)
    if model := MODEL.fullmatch(name):
        return _load_model(*model.groups())
    if path.suffix == ".zip":
        raise ValueError(
            f"{name} does not say of which class its model is: give module:Class:{name}, such as "
            f"sb3_contrib:RecurrentPPO:{name}, which runs code that is in the file."
        )
    if path.suffix in POLICIES:
        from meta_envs.agents.outside import OutsidePolicy

        return OutsidePolicy(path)
    from meta_envs.agents import load_agent

    if not AGENT.fullmatch(name):
        return load_agent(name)
    if not whose:
        if not isinstance(id, str):
            raise ValueError(f"{name!r} is the shipped agent of an id, and {id!r} is none: give agent:ID.")
        whose = f"{id}{name.removeprefix('agent')}"
    agent = load_agent(whose)
    agent.label = name
    return agent


def _load_model(module: str, name: str, file: str) -> Learner:
    """A model that the class of that name loads."""
    from meta_envs.agents.outside import OutsidePolicy

    maker: Any = _import_learner(module, name)
    if not (is_there(Path(file)) and Path(file).is_file()):
        raise ValueError(f"There is no model at {file!r}: give the file that model.save wrote.")
    try:
        model = maker.load(file)
    except Exception as error:
        raise ValueError(
            f"{file} is no model that {module}:{name} loads ({reason_of(error)}): give its own class."
        ) from error
    return OutsidePolicy(model)


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
