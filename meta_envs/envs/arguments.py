"""Arguments of the environments: taken if they make sense, else refused in one sentence, before anything is changed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec

from meta_envs.arguments import is_whole, to_plain
from meta_envs.family import Array, TaskFamily


def check_render_mode(mode: str | None, known: list[str]) -> str | None:
    """The render mode.

    Raises:
        ValueError: If it is neither None nor known.
    """
    if mode is not None and mode not in known:
        raise ValueError(f"render_mode={mode!r} is not possible: it is None or one of {', '.join(known)}.")
    return mode


def take_options(options: dict[str, Any] | None, known: tuple[str, ...]) -> dict[str, Any]:
    """The options of a reset.

    Raises:
        TypeError: If they are no dictionary.
        ValueError: If one of them is not known.
    """
    if not isinstance(options, dict | type(None)):
        raise TypeError(f"options={options!r} is not possible: give a dictionary with {', '.join(known)}.")
    for name, value in (options or {}).items():
        if name not in known:
            raise ValueError(
                f"There is no reset option {name!r} (given as {value!r}): it is one of {', '.join(known)}."
            )
    return options or {}


def check_task(family: TaskFamily, task: Any, batch: tuple[int, ...]) -> Array | None:
    """A task as float64 (*batch, T), or None.

    Raises:
        ValueError: If it is of another shape or outside the prior's support.
    """
    if task is None:
        return None
    names = ", ".join(family.task_names if len(family.task_names) <= 8 else (*family.task_names[:3], "..."))
    length = len(family.task_names)
    try:
        array = np.asarray(task)
    except ValueError:
        array = np.empty(0)
    if array.dtype.kind not in "biuf" or array.shape not in ((length,), (*batch, length)):
        raise ValueError(f"The task {task!r} is not possible: give the {length} numbers ({names}).")
    full = np.broadcast_to(array, (*batch, length)).astype(np.float64)
    rows = full.reshape(-1, length)
    inside = np.all(np.isfinite(rows), axis=-1)
    inside[inside] = family.in_support(rows[inside])
    if not inside.all():
        raise ValueError(
            f"The task {rows[~inside][0].tolist()} is outside the prior's support: "
            f"give ({names}) that {family!r} can draw."
        )
    return full


def check_seed(seed: Any) -> int | None:
    """A seed as a Python integer, or None.

    Raises:
        ValueError: If it is no whole number.
    """
    if seed is not None and not is_whole(seed):
        raise ValueError(f"seed={seed!r} is not possible: give one whole number, or None.")
    return None if seed is None else int(seed)


def list_seeds(seed: Any, num_envs: int) -> list[int | None]:
    """One seed a copy: ``seed + i`` for copy ``i``, or as listed.

    Raises:
        ValueError: If they are no whole numbers, or not one a copy.
    """
    try:
        if seed is None or np.ndim(seed) == 0:
            first = check_seed(seed)
            return [None if first is None else first + copy for copy in range(num_envs)]
        seeds = [check_seed(each) for each in seed]
    except (TypeError, ValueError):
        raise ValueError(f"seed={seed!r} is not possible: give one whole number, or one a copy.") from None
    if len(seeds) != num_envs:
        raise ValueError(f"{len(seeds)} seeds were given for {num_envs} copies: give one number, or one a copy.")
    return seeds


class JsonSpec:
    """The ``spec`` of an environment, with keywords that JSON takes, also where Gymnasium was given others."""

    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium made the environment from, or None."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None:
            spec = copy.copy(spec)
            spec.kwargs = {name: to_plain(value) for name, value in spec.kwargs.items()}
        self._spec = spec
