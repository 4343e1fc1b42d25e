"""The Bayes optimum of any family that can be solved, by dynamic programming or by a solver of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator

from meta_envs.errors import TooLarge, Unsolvable
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.families.harlow import Harlow
from meta_envs.families.harlow_symbolic import HarlowSymbolic
from meta_envs.families.i_maze import IMaze
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.random_maze import RandomMaze
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.tabular import TabularMDP
from meta_envs.family import DiscreteFamily, TaskFamily
from meta_envs.registry import make_family
from meta_envs.solvers.dynamic import solve_generic
from meta_envs.solvers.gaussian import solve_gaussian
from meta_envs.solvers.harlow import solve_harlow
from meta_envs.solvers.independent import solve_independent
from meta_envs.solvers.mazes import solve_i_maze, solve_random_maze
from meta_envs.solvers.optimum import Optimum
from meta_envs.solvers.restless import solve_restless
from meta_envs.solvers.switching import solve_switching
from meta_envs.solvers.tabular import solve_tabular

FEW_STEPS = 10
"""Steps up to which all histories are gone through, also where a family has a solver of its own."""
SPECIAL: dict[type[TaskFamily], Callable[[Any], Optimum]] = {
    RestlessBandit: solve_restless,
    SwitchingTwoStep: solve_switching,
    GaussianBandit: solve_gaussian,
    Harlow: solve_harlow,
    HarlowSymbolic: solve_harlow,
    IMaze: solve_i_maze,
    RandomMaze: solve_random_maze,
    TabularMDP: solve_tabular,
}
"""Families that have solvers of their own, also for lifetimes of few steps where they are not discrete."""


def solve(id: str | TaskFamily, **keywords: Any) -> Optimum:
    """The Bayes-optimal expected return of a family, and the policy that has it. Remembered for the next call.

    It is exact, simulated or an upper bound, as ``kind`` and ``note`` say; where it is a bound, the policy may be any
    learner that comes near it.

    Args:
        id: An environment's id, or a family.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Raises:
        meta_envs.Unsolvable: If the family has no finite law, a random first state, or too many beliefs to go through
            (then with their number and what to do instead).
    """
    result = _solve(make_family(id, **keywords))
    if isinstance(result, str):
        raise Unsolvable(result)
    return result


@lru_cache(maxsize=16)
def _solve(family: TaskFamily) -> Optimum | str:
    """The optimum or, remembered as well because it takes long to find out, why there is none."""
    try:
        optimum = _find_optimum(family)
    except (Unsolvable, TooLarge) as error:
        return str(error)
    space = family.action_space
    return _play_at_random(optimum) if isinstance(space, spaces.Discrete) and space.n == 1 else optimum


def _find_optimum(family: TaskFamily) -> Optimum:
    # Of just these classes: one derived from them may have other rewards, which their special solver would not see.
    if own := vars(type(family)).get("solver"):
        return _solve_from_outside(own, family)
    special = SPECIAL.get(type(family))
    if special and not (isinstance(family, DiscreteFamily) and family.horizon <= FEW_STEPS):
        return special(family)
    if not isinstance(family, DiscreteFamily):
        raise Unsolvable(f"{type(family).__name__} cannot be solved: its actions and outcomes are not finitely many.")
    return solve_independent(family) if type(family) is IndependentBandit else solve_generic(family)


def _play_at_random(optimum: Optimum) -> Optimum:
    """The optimum of a family with one action: whatever solver it has, there is one way to play."""
    value, error = optimum.random_value, optimum.random_se
    return replace(
        optimum,
        value=value,
        achieved=value,
        kind="simulated" if error else "exact",
        note="there is one action, so that random play is optimal",
        value_se=error,
        achieved_se=error,
    )


def _solve_from_outside(place: str, family: TaskFamily) -> Optimum:
    """What a solver from outside gives."""
    solver: Any = load_env_creator(place)
    optimum = solver(family)
    if not isinstance(optimum, Optimum):
        raise TypeError(
            f"The solver {place} of {type(family).__name__} gave a {type(optimum).__name__}: give a "
            "meta_envs.Optimum, or raise meta_envs.Unsolvable."
        )
    return optimum
