"""The table of all environments: an id is a task family and the values of its keywords."""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from meta_envs.arguments import to_plain
from meta_envs.family import TaskFamily

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
        gymnasium.error.Error: If there is no such id.
        TypeError: If the family has no such keyword.
        ValueError: If the environment is not a task family, or a keyword's value makes no sense.
    """
    if isinstance(id, TaskFamily):
        if keywords:
            raise TypeError(f"Keywords {sorted(keywords)} go with an id, not with a family that is made already.")
        return id
    module, _, name = id.rpartition(":")
    if module:
        importlib.import_module(module)
    spec = gym.spec(name)
    if "family" not in spec.kwargs:
        raise ValueError(f"{name!r} is not a meta-environment: `meta-envs list` shows those that are.")
    return build_family(**{**spec.kwargs, **keywords})


def build_family(family: str, **keywords: Any) -> TaskFamily:
    """A family from its place ``"module:Class"`` and the values of its fields, made plain; lists become tuples.

    Raises:
        TypeError: If the family has no such keyword.
        ValueError: If a value makes no sense.
    """
    maker: Any = load_env_creator(family)
    known = [field.name for field in fields(maker)]
    for name, value in keywords.items():
        if name not in known:
            raise TypeError(
                f"{maker.__name__} has no keyword {name!r} (given as {value!r}): it takes {', '.join(known)}"
            )
    plain = {name: to_plain(value) for name, value in keywords.items()}
    made = maker(**{name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()})
    assert isinstance(made, TaskFamily)
    return made


for _id, _family, _keywords in TABLE:
    register(_id, _family, **_keywords)
