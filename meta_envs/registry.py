"""The table of all environments: an id is a task family and the values of its keywords."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from meta_envs.arguments import suggest, to_plain
from meta_envs.family import TaskFamily
from meta_envs.limits import require_room

FAMILIES = "meta_envs.families"
TABLE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("MetaBandit-Independent-v0", f"{FAMILIES}.independent:IndependentBandit", {}),
    ("MetaBandit-Dependent-v0", f"{FAMILIES}.dependent:DependentBandit", {}),
    ("MetaBandit-DependentEasy-v0", f"{FAMILIES}.dependent:DependentBandit", dict(low=0.1, high=0.9, num_values=2)),
    ("MetaBandit-DependentMedium-v0", f"{FAMILIES}.dependent:DependentBandit", dict(low=0.25, high=0.75, num_values=2)),
    ("MetaBandit-DependentHard-v0", f"{FAMILIES}.dependent:DependentBandit", dict(low=0.4, high=0.6, num_values=2)),
    ("MetaBandit-Informative-v0", f"{FAMILIES}.informative:InformativeBandit", {}),
    ("MetaBandit-Restless-v0", f"{FAMILIES}.restless:RestlessBandit", {}),
    ("MetaBandit-RestlessLow-v0", f"{FAMILIES}.restless:RestlessBandit", dict(volatility="low")),
    ("MetaBandit-RestlessHigh-v0", f"{FAMILIES}.restless:RestlessBandit", dict(volatility="high")),
    ("MetaBandit-Gaussian-v0", f"{FAMILIES}.gaussian:GaussianBandit", {}),
    ("MetaTwoStep-v0", f"{FAMILIES}.two_step:TwoStep", {}),
    ("MetaTwoStep-Switching-v0", f"{FAMILIES}.switching:SwitchingTwoStep", {}),
    ("MetaHarlow-v0", f"{FAMILIES}.harlow:Harlow", {}),
    ("MetaHarlow-Symbolic-v0", f"{FAMILIES}.harlow_symbolic:HarlowSymbolic", {}),
    ("MetaNavigation-IMaze-v0", f"{FAMILIES}.i_maze:IMaze", {}),
    ("MetaNavigation-IMazeGrid-v0", f"{FAMILIES}.i_maze_grid:IMazeGrid", {}),
    ("MetaNavigation-RandomMaze-v0", f"{FAMILIES}.random_maze:RandomMaze", {}),
    ("MetaMDP-Tabular-v0", f"{FAMILIES}.tabular:TabularMDP", {}),
)


def register(id: str, family: str, **keywords: Any) -> None:
    """Register an environment of a task family with Gymnasium, from inside or outside the package.

    Args:
        id: The environment's id, such as ``"MetaBandit-Dependent-v0"``.
        family: Where the `TaskFamily` is, as ``"module:Class"``; imported when an environment is made.
        **keywords: Values of the family's fields that differ from their defaults; plain numbers and strings.
    """
    gym.register(
        id=id,
        entry_point="meta_envs.envs:MetaEnv",
        vector_entry_point="meta_envs.envs:MetaVectorEnv",
        kwargs={"family": family, **keywords},
        # MetaEnv itself refuses steps out of order, and the contract tests run the checker.
        order_enforce=False,
        disable_env_checker=True,
    )


def ids() -> list[str]:
    """Ids of all registered environments that are task families, the package's own and others'."""
    return [id for id, spec in gym.registry.items() if "family" in spec.kwargs]


def make_family(id: str | TaskFamily, /, **keywords: Any) -> TaskFamily:
    """The task family of an environment, without the environment.

    Args:
        id: An environment's id, also ``"module:id"``, or a family, which is returned as it is.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Raises:
        gymnasium.error.Error: If there is no such id, with the meta-environments that may have been meant.
        TypeError: If the family has no such keyword.
        ValueError: If the environment is not a task family, or a keyword's value makes no sense.
    """
    if isinstance(id, TaskFamily):
        if keywords:
            raise TypeError(f"Keywords {sorted(keywords)} go with an id, not with a family that is made already.")
        return id
    if not isinstance(id, str):
        raise ValueError(_explain(id))
    module, _, name = id.rpartition(":")
    if module:
        import_named(module)
    if name not in gym.registry:
        raise gym.error.NameNotFound(f"There is no environment {name!r}: {suggest_id(name)}")
    spec = gym.registry[name]
    if "family" not in spec.kwargs:
        raise ValueError(f"{name!r} is not a meta-environment: `meta-envs list` shows those that are.")
    return build_family(**{**spec.kwargs, **keywords})


def suggest_id(name: str, otherwise: str = "") -> str:
    """The cure of a wrong id: the meta-environment that it lacks nothing but the version of, or those near it."""
    stem = re.sub(r"-v\d+$", "", name.casefold())
    same = [id for id in ids() if re.sub(r"-v\d+$", "", id.casefold()) == stem]
    return suggest(name, same or ids(), otherwise)


def import_named(module: str) -> None:
    """Import the module of ``"module:id"``.

    Raises:
        ImportError: If there is none of that name.
    """
    missing = not all(part.isidentifier() for part in module.split("."))
    try:
        if not missing:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = f"{module}.".startswith(f"{error.name}.")
        if not missing:
            raise
    if missing:
        raise ImportError(f"There is no module {module!r}: give one on the path, or an environment's id alone.")


def _explain(given: Any) -> str:
    """What to give in place of something that is neither an id nor a family."""
    base = getattr(given, "unwrapped", None)
    spec, family = getattr(given, "spec", None), getattr(base, "family", None)
    cure = "give an id, such as 'MetaBandit-Dependent-v0', or a family"
    if spec is not None and "family" in spec.kwargs:
        usual = gym.spec(spec.id).kwargs if spec.id in gym.registry else {}
        own = {field.name for field in fields(family)} if isinstance(family, TaskFamily) else set()
        changed = [f"{key}={value!r}" for key, value in spec.kwargs.items() if key in own and usual.get(key) != value]
        cure = f"give its id and keywords, {', '.join([repr(spec.id), *changed])}"
    elif isinstance(family, TaskFamily):
        cure = "give its family, env.unwrapped.family"
    elif isinstance(given, type) and issubclass(given, TaskFamily):
        cure = f"make one, {given.__name__}()"
    what = "an environment" if base is not None else f"of type {type(given).__name__}"
    return f"{str(given)[:60]} is {what}, and neither an id nor a family: {cure}."


def build_family(family: str, **keywords: Any) -> TaskFamily:
    """A family from its place ``"module:Class"`` and the values of its fields, made plain; lists become tuples.

    Raises:
        TypeError: If the family has no such keyword.
        ValueError: If a value makes no sense.
    """
    try:
        maker: Any = load_env_creator(family)
    except (ValueError, TypeError, AttributeError, ModuleNotFoundError) as error:
        module = str(family).partition(":")[0]
        if isinstance(error, ModuleNotFoundError) and error.name and not f"{module}.".startswith(f"{error.name}."):
            raise
        maker = None
    if not (isinstance(maker, type) and issubclass(maker, TaskFamily)):
        raise ValueError(f"family={family!r} is not possible: give the place of a TaskFamily, as 'module:Class'.")
    known = [field.name for field in fields(maker)]
    for name, value in keywords.items():
        if name not in known:
            raise TypeError(
                f"{maker.__name__} has no keyword {name!r} (given as {value!r}): it takes {', '.join(known)}"
            )
    plain = {name: to_plain(value) for name, value in keywords.items()}
    made = maker(**{name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()})
    assert isinstance(made, TaskFamily)
    require_room(made)
    return made


for _id, _family, _keywords in TABLE:
    register(_id, _family, **_keywords)
