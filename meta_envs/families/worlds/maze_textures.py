"""Textures of mazes: ready-made columns of pixels of walls, goals and apples, at every distance.

The eye is half a wall high and sees 90 degrees up and across, so that a wall that is 1 high and at a depth ``z`` takes
``resolution / 2 / z`` pixels, half of them above the middle.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np

from meta_envs.families.worlds.mazes import NUM_TEXTURES
from meta_envs.family import Array

NEAREST = 0.125
"""Depths below this are not told apart: walls are farther from an eye that keeps 0.18 from them."""
FINENESS = 16
"""Columns and rows of a wall's texture."""
HAZE = 7.0
"""Depth at which light has fallen to 1 / e."""

GOAL, APPLE = 0, 1
RADIUS = (0.25, 0.16)
HEIGHT = (0.42, 0.3)
"""Half the size of goal and apple, and how high above the floor their centres are."""
SPRITE_FINENESS = 32
SPRITE_NEAREST = 0.2

SHADE = 0.78
"""Light on walls along x, where those along y have 1: so corners show."""
CEILING = ((104, 128, 158), (40, 50, 68))
"""Overhead and far away."""
FLOOR = ((124, 114, 104), (40, 50, 68))
"""Underfoot and far away."""
COLORS = (
    (186, 178, 164),
    (192, 74, 58),
    (66, 116, 190),
    (214, 164, 52),
    (78, 152, 86),
    (144, 92, 170),
    (62, 160, 166),
    (206, 118, 148),
)
"""Paint of the wall textures."""


def count_levels(resolution: int) -> int:
    """Heights of walls that are told apart: half of them in pixels is the level, from 0 to that of the nearest."""
    return ceil(0.25 * resolution / NEAREST) + 1


def count_sizes(resolution: int) -> int:
    """Sizes of goals and apples that are told apart: half of them in pixels, from 1 to that of the nearest."""
    return ceil(max(RADIUS) * 0.5 * resolution / SPRITE_NEAREST)


@lru_cache(maxsize=8)
def wall_strips(resolution: int) -> Array:
    """Walls by texture, side (along y, along x), level and column of the texture, in this order.

    Returns:
        (NUM_TEXTURES * 2 * levels * FINENESS, resolution) little-endian uint32: columns of pixels from the top down,
        red in the lowest byte and nothing in the highest.
    """
    level = np.arange(count_levels(resolution))
    from_middle = np.arange(resolution) - (resolution - 1) / 2
    half = np.maximum(level, 0.5)[:, None]
    wall = (np.abs(from_middle) < level[:, None])[:, None]
    row = np.clip(((from_middle / half + 1.0) * (FINENESS / 2)).astype(np.intp), 0, FINENESS - 1)
    light = _light(0.25 * resolution / half)[..., None, None]
    haze = np.array(CEILING[1])
    paint = np.stack([_paint(texture) for texture in range(NUM_TEXTURES)]).transpose(0, 2, 1, 3)
    sides = np.stack([paint, SHADE * paint], axis=1)
    # (texture, side, level, column, row of the texture), then (..., row of the screen)
    colors = _pack(sides[:, :, None] * light + haze * (1.0 - light))
    strips = np.take_along_axis(colors, row[None, None, :, None], axis=-1)
    return np.where(wall, strips, _pack(_background(from_middle, resolution))).reshape(-1, resolution)


def _light(depth: Array) -> Array:
    return np.exp(-depth / HAZE)


def _background(from_middle: Array, resolution: int) -> Array:
    """Ceiling and floor (H, 3), as far away as they are where they are seen."""
    depth = 0.25 * resolution / np.maximum(np.abs(from_middle), 0.5)
    light = _light(2.0 * depth)[:, None]
    near, far = (np.where(from_middle[:, None] < 0, np.array(CEILING[i]), np.array(FLOOR[i])) for i in (0, 1))
    return near * light + far * (1.0 - light)


def _pack(color: Array) -> Array:
    """Colours (..., 3) as words, never 0."""
    red, green, blue = np.moveaxis(np.clip(np.rint(color), 1, 255).astype("<u4"), -1, 0)
    return red | green << 8 | blue << 16


@lru_cache(maxsize=NUM_TEXTURES)
def _paint(texture: int) -> Array:
    """A wall's texture (rows, columns, 3)."""
    row, column = np.indices((FINENESS, FINENESS))
    shifted = (column + 4 * (row // 4 % 2)) % 8
    patterns = (
        (row % 4 == 0) | (shifted == 0),
        (row % 4 == 0) | (shifted == 0),
        (column % 4 == 0),
        (row % 8 < 4) ^ (column % 8 < 4),
        (row % 8 == 0) | (column % 8 == 0),
        (row + column) % 8 < 2,
        (np.abs(row % 8 - 4) + np.abs(column % 8 - 4)) < 3,
        (row % 4 == 0),
    )
    color = np.array(COLORS[texture], np.float64)
    paint = np.where(patterns[texture][..., None], 0.62 * color, color)
    # A darker skirting and edge show where the wall ends.
    paint[-1] *= 0.7
    paint[0] *= 0.85
    return paint


@lru_cache(maxsize=8)
def spot_strips(resolution: int) -> Array:
    """Goal and apple by kind, size and column, like `wall_strips`; 0 where they are not.

    Returns:
        (2 * sizes * SPRITE_FINENESS, resolution) little-endian uint32.
    """
    count = count_sizes(resolution)
    level = 1.0 + np.arange(count)[:, None, None]
    column = (np.arange(SPRITE_FINENESS)[:, None] + 0.5) * (2 / SPRITE_FINENESS) - 1.0
    strips = np.zeros((len(RADIUS), count, SPRITE_FINENESS, resolution), "<u4")
    for kind, shape in ((GOAL, _goal), (APPLE, _apple)):
        below = (0.5 - HEIGHT[kind]) / RADIUS[kind] * level
        row = (np.arange(resolution) - (resolution - 1) / 2 - below) / level
        inside, color = shape(np.broadcast_to(column, row.shape[:1] + column.shape[:1] + row.shape[2:]), row)
        light = _light(RADIUS[kind] * 0.5 * resolution / level)[..., None]
        strips[kind] = np.where(inside, _pack(color * light + np.array(CEILING[1]) * (1.0 - light)), 0)
    return strips.reshape(-1, resolution)


def _goal(x: Array, y: Array) -> tuple[Array, Array]:
    """A golden gem of four facets."""
    facet = np.where(x < 0, np.where(y < 0, 1.0, 0.72), np.where(y < 0, 0.86, 0.55))
    return np.abs(x) + np.abs(y) <= 1.0, facet[..., None] * np.array([255.0, 214.0, 40.0])


def _apple(x: Array, y: Array) -> tuple[Array, Array]:
    """A red ball with light on it, and a stalk."""
    ball = x * x + (y - 0.1) ** 2 * 1.2 <= 0.96
    stalk = (np.abs(x - 0.08) < 0.12) & (y < -0.6)
    bright = np.clip(1.0 - 0.55 * np.hypot(x + 0.35, y + 0.3), 0.3, 1.0)[..., None]
    paint = bright * np.array([250.0, 52.0, 44.0])
    return (ball | stalk) & (np.abs(y) <= 1.0), np.where(stalk[..., None], np.array([84.0, 140.0, 40.0]), paint)
