"""Layouts of mazes on a grid of blocks, free or wall, in stacks of equal size; made from their number alone and kept.

Blocks are 1 wide. A place is (x, y), x to the right and y down on the map; block (x, y) spans [x, x + 1] x [y, y + 1].
Of any four blocks that meet in a corner at least one is wall: there are corridors, but no halls.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from meta_envs.family import Array

NUM_LAYOUTS = 1000
"""Random mazes of each set."""
SETS = ("train", "test")
LOOPS = 0.1
"""Probability that a wall between two places of a random maze is left out, beside those that connect all of them."""
NUM_TEXTURES = 8
PATCH = 4
"""Walls of random mazes change their texture every so many blocks."""

I_MAZE = """
#############
#.#########.#
#...........#
######.######
######.######
######.######
######.######
######.######
#...........#
#.#########.#
#############
"""


class Faces(NamedTuple):
    """Sides of walls, merged where they go on straight: (N, 2, K), those along y first, and fewer filled up."""

    line: Array
    """x of faces along y, y of faces along x; float64."""
    begin: Array
    """Where they begin along the other axis; float64."""
    end: Array
    """Where they end."""
    facing: Array
    """1 if the wall lies beyond the line, -1 if before it, 0 where there is no face."""


@dataclass(frozen=True, eq=False)
class Mazes:
    """A stack of N mazes of the same size."""

    free: Array
    """(N, Y, X) uint8: 1 where one can walk."""
    texture: Array
    """(N, Y, X) intp in range(NUM_TEXTURES)."""
    faces: Faces
    """Sides of the walls."""
    centers: Array
    """(Y * X, 2) float64: x and y of the blocks' centres."""


class Route(NamedTuple):
    """The shortest way to a block of a maze from every other, by flat index."""

    length: Array
    """(Y * X,) float64: blocks to go; infinite in walls."""
    following: Array
    """(Y * X,) intp: the next block of the way; at its end, and in walls, the block itself."""


def stack(free: Array, texture: Array) -> Mazes:
    """Mazes with the sides of their walls."""
    across = _find_faces(free.transpose(0, 2, 1))
    along = _find_faces(free)
    width = max(len(each[0]) for pair in (across, along) for each in pair)
    parts = [np.zeros((len(free), 2, width)) for _ in Faces._fields]
    for axis, pair in enumerate((across, along)):
        for maze, each in enumerate(pair):
            for part, values in zip(parts, each, strict=True):
                part[maze, axis, : len(values)] = values
    y, x = np.indices(free.shape[1:]).reshape(2, -1)
    return Mazes(free, texture, Faces(*parts), np.stack([x, y], axis=-1) + 0.5)


def _find_faces(free: Array) -> list[tuple[Array, ...]]:
    """For every maze the lines, begins, ends and facings of faces that lie across the first axis (N, lines, along)."""
    side = np.zeros((len(free), free.shape[1] - 1, free.shape[2] + 2), np.int8)
    side[:, :, 1:-1] = free[:, :-1].astype(np.int8) - free[:, 1:]
    here = side[:, :, 1:-1]
    begins = np.nonzero((here != 0) & (here != side[:, :, :-2]))
    ends = np.nonzero((here != 0) & (here != side[:, :, 2:]))
    maze, line, begin = begins
    parts = (line + 1.0, begin.astype(np.float64), ends[2] + 1.0, here[begins].astype(np.float64))
    edges = np.searchsorted(maze, np.arange(len(free) + 1))
    return [tuple(part[low:high] for part in parts) for low, high in pairwise(edges)]


@lru_cache(maxsize=1)
def i_maze() -> Mazes:
    """The I: a corridor, two arms at either end, at each arm's end an alcove around the corner.

    The corridor and every arm have a texture of their own.
    """
    rows = I_MAZE.split()
    free = np.array([[block == "." for block in row] for row in rows], np.uint8)
    y, x = np.indices(free.shape)
    middle_x, middle_y = free.shape[1] // 2, free.shape[0] // 2
    texture = 1 + 2 * (y > middle_y) + (x > middle_x)
    texture = np.where(np.abs(y - middle_y) <= 2, 0, texture)
    return stack(free[None], texture[None].astype(np.intp))


@lru_cache(maxsize=8)
def random_mazes(rows: int, columns: int, split: str, count: int = NUM_LAYOUTS) -> Mazes:
    """The first ``count`` mazes of the set ``split``, of ``rows`` x ``columns`` places that are two blocks apart."""
    first = SETS.index(split) * NUM_LAYOUTS
    layouts = [_draw(rows, columns, first + number) for number in range(count)]
    return stack(np.stack([free for free, _ in layouts]), np.stack([texture for _, texture in layouts]))


@lru_cache(maxsize=8)
def list_places(rows: int, columns: int) -> Array:
    """Flat indices of the blocks of a random maze's places (rows * columns,), row by row."""
    row, column = np.indices((rows, columns)).reshape(2, -1)
    return (2 * row + 1) * (2 * columns + 1) + 2 * column + 1


def _draw(rows: int, columns: int, number: int) -> tuple[Array, Array]:
    """The free blocks and the textures of one maze: a random walk that turns back where it can go no farther."""
    rng = np.random.default_rng([rows, columns, number])
    turns = rng.random((rows * columns, 4)).argsort(axis=1).tolist()
    free = np.zeros((2 * rows + 1, 2 * columns + 1), np.uint8)
    ways = ((1, 0), (-1, 0), (0, 1), (0, -1))
    path = [divmod(int(rng.integers(rows * columns)), columns)]
    free[2 * path[0][0] + 1, 2 * path[0][1] + 1] = 1
    while path:
        row, column = path[-1]
        for turn in turns[row * columns + column]:
            down, right = ways[turn]
            y, x = 2 * (row + down) + 1, 2 * (column + right) + 1
            if 0 < y < len(free) and 0 < x < len(free[0]) and not free[y, x]:
                free[y, x] = free[y - down, x - right] = 1
                path.append((row + down, column + right))
                break
        else:
            path.pop()
    rows_at, columns_at = np.indices(free.shape)
    between = (rows_at + columns_at) % 2 == 1
    between[[0, -1]] = between[:, [0, -1]] = False
    free[between & (rng.random(free.shape) < LOOPS)] = 1
    patches = rng.integers(NUM_TEXTURES, size=(len(free) // PATCH + 1, len(free[0]) // PATCH + 1))
    return free, patches[rows_at // PATCH, columns_at // PATCH]


@lru_cache(maxsize=1024)
def find_route(mazes: Mazes, maze: int, goal: int) -> Route:
    """The shortest way to the block with the flat index ``goal``."""
    free = mazes.free[maze]
    width, blocks = free.shape[1], free.ravel().tolist()
    length, following = [np.inf] * len(blocks), list(range(len(blocks)))
    length[goal] = 0.0
    queue = deque([goal])
    while queue:
        block = queue.popleft()
        for neighbour in (block - 1, block + 1, block - width, block + width):
            if blocks[neighbour] and np.isinf(length[neighbour]):
                length[neighbour] = length[block] + 1.0
                following[neighbour] = block
                queue.append(neighbour)
    return Route(np.array(length), np.array(following))
