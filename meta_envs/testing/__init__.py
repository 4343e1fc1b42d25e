"""The contract of the suite, for environments of the package and of others.

Each check takes the id of a registered task family, and keywords as `gymnasium.make` does; it returns None, or raises
an ``AssertionError`` that says what is wrong and how to mend it. `check` runs them all:

    import meta_envs.testing

    meta_envs.testing.check("MyTask-v0")

Checks by sampling hold at the level `LEVEL` for a whole check, with fixed seeds: a failure does not come and go. pytest
is not needed. The two checks on Stable-Baselines3 pass where it is not installed.
"""

from collections.abc import Callable
from typing import Any

from meta_envs.testing.interface import (
    check_ends,
    check_family,
    check_gymnasium,
    check_specs,
    check_stable_baselines3,
    check_values,
)
from meta_envs.testing.lifetime import check_chance, check_copying, check_memory, check_seeding
from meta_envs.testing.sampling import LEVEL, check_beliefs, check_first_observation, check_payoffs, check_prior
from meta_envs.testing.vector import (
    check_adapter,
    check_history,
    check_vector_disabled,
    check_vector_next_step,
    check_vector_same_step,
)

__all__ = ["CHECKS", "LEVEL", "check"]

CHECKS: tuple[Callable[..., None], ...] = (
    check_family,
    check_gymnasium,
    check_stable_baselines3,
    check_specs,
    check_values,
    check_ends,
    check_prior,
    check_seeding,
    check_chance,
    check_memory,
    check_copying,
    check_vector_same_step,
    check_vector_next_step,
    check_vector_disabled,
    check_history,
    check_adapter,
    check_payoffs,
    check_beliefs,
    check_first_observation,
)
"""Every check, in the order in which `check` runs them."""
__all__ += [each.__name__ for each in CHECKS]


def check(id: str, **keywords: Any) -> None:
    """Run every check on an environment.

    Args:
        id: Id of a registered task family.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Raises:
        AssertionError: With the cause and the cure of the first thing that is wrong.
    """
    for each in CHECKS:
        each(id, **keywords)
