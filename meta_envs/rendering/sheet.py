"""Pictures as files: one of a lifetime, or all families on one sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete

from meta_envs.family import Array
from meta_envs.files import write_atomically
from meta_envs.lifetimes.tables import is_bandit
from meta_envs.registry import make_family
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas

STEPS = 40
SEED = 4
COLUMNS = 3
CAPTION = 34
"""Height in pixels of the line with the id below a picture."""
GAP = 12


def take_picture(id: str, *, steps: int | None = None, seed: int = SEED, **keywords: Any) -> Array:
    """The picture of a lifetime after some steps.

    On bandits an arm is repeated after the highest reward and changed otherwise; elsewhere the oracle acts, now and
    then at random.

    Args:
        id: An environment's id.
        steps: Steps before the picture is taken; by default 40, and at least one before the end.
        seed: Of the lifetime.
        **keywords: Of the environment.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: If there are not so many steps.
    """
    family = make_family(id, **keywords)
    env: Any = gym.make(id, render_mode="rgb_array", **keywords)
    taken = min(STEPS, family.horizon - 1) if steps is None else steps
    if not 0 <= taken <= family.horizon:
        raise ValueError(f"steps={steps} is not possible: give at least 0, and no more than {family.horizon}.")
    env.reset(seed=seed)
    rng, space, bandit = np.random.default_rng(seed), env.action_space, is_bandit(family)
    space.seed(seed)
    # The last arm first: it may be the one that informs.
    action: Any = int(space.n) - 1 if bandit else None
    for _ in range(taken):
        if not bandit:
            action = env.unwrapped.best_action
            if action is None or rng.random() < 0.1:
                action = int(rng.integers(space.n)) if isinstance(space, Discrete) else space.sample()
        _, reward, terminated, _, _ = env.step(action)
        if terminated:
            break
        if bandit and reward < family.reward_range[1]:
            action = (action + 1) % int(space.n)
    picture = env.render()
    env.close()
    return picture


def contact_sheet(ids: Sequence[str], *, columns: int = COLUMNS) -> Array:
    """The pictures of several environments side by side, with their ids: (height, width, 3) uint8."""
    width, height = theme.SIZE[0] + GAP, theme.SIZE[1] + CAPTION
    across, down = min(columns, len(ids)), -(-len(ids) // columns)
    canvas = Canvas((across * width + GAP, down * height + GAP), theme.PANEL)
    for place, id in enumerate(ids):
        top, left = GAP + place // columns * height, GAP + place % columns * width
        canvas.pixels[top : top + theme.SIZE[1], left : left + theme.SIZE[0]] = take_picture(id)
        canvas.text(id, left + theme.SIZE[0] / 2, top + theme.SIZE[1] + 8, theme.TITLE, theme.INK, align="center")
    return canvas.pixels


def one_of_each(ids: Sequence[str]) -> list[str]:
    """The first id of every family."""
    first: dict[type, str] = {}
    for id in ids:
        first.setdefault(type(make_family(id)), id)
    return list(first.values())


def save_png(picture: Array, path: Path) -> None:
    """Write a picture (height, width, 3) uint8 to a file, whole or not at all."""
    write_atomically(path, to_png(picture))


def to_png(picture: Array) -> bytes:
    """A picture (height, width, 3) uint8 as the bytes of a PNG file."""
    import pygame

    buffer = io.BytesIO()
    pygame.image.save(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), buffer, "picture.png")
    return buffer.getvalue()
