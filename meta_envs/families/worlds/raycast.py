"""First-person views of mazes by ray casting, in batched NumPy: no screen and no OpenGL.

A view is built from columns of pixels. Which wall a column shows is found among the faces that are turned to the eye:
along the screen the inverse depth of a flat wall is linear, so that a column's nearest wall is the largest of a few
straight lines. The column's pixels then depend on its wall's texture, on where the wall is met and on its depth
alone, and all such strips of pixels lie ready (`meta_envs.families.worlds.maze_textures`). Goals and apples are drawn
over the columns in which they are nearer than the wall.

The eye is half a wall high and sees 90 degrees across and up. Each row of a batch is worked out by itself: a view does
not depend on the others, to the last bit.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from meta_envs.families.worlds.maze_textures import (
    APPLE,
    FINENESS,
    GOAL,
    NEAREST,
    RADIUS,
    SPRITE_FINENESS,
    count_levels,
    count_sizes,
    spot_strips,
    wall_strips,
)
from meta_envs.families.worlds.mazes import Faces, Mazes
from meta_envs.family import Array

IN_LINE = 1e-9
"""Nearer to its line than this, an eye does not see a face."""
CHUNK = 16
"""Copies whose columns are made into images at once: so few that they stay in the processor's cache."""
ID_BITS = 10
"""Low bits of a fixed-point inverse depth, which hold the number of the face."""
DEPTH_BITS = 18
"""Bits of its fraction; with 3 for its whole part and the number they fill an int32."""


def render(mazes: Mazes, maze: Array, eye: Array, spots: Array, shown: Array, resolution: int) -> Array:
    """Views of mazes from given places and headings.

    Args:
        mazes: The layouts.
        maze: (B,) intp, each copy's maze.
        eye: (B, 3): x, y and heading in radians, 0 along x and clockwise on the map.
        spots: (B, n, 2): places of the goal, first, and of apples.
        shown: (B, n) bool: which of them are there.
        resolution: Side of the view in pixels.

    Returns:
        (B, resolution, resolution, 3) uint8, a new array.
    """
    place, heading = eye[:, :2], np.ascontiguousarray(eye[:, 2])
    ahead = np.empty((len(eye), 2))
    np.cos(heading, out=ahead[:, 0])
    np.sin(heading, out=ahead[:, 1])
    right = ahead[:, ::-1] * np.array([-1.0, 1.0])
    strip, depth = cast(mazes, maze, place, ahead, right, resolution)
    copy, column, paint = _find_spots(depth, spots - place[:, None], shown, ahead, right)
    if resolution % 4:
        strip = np.pad(strip, ((0, 0), (0, -resolution % 4)))
    # Columns are kept in four sheets, of the first, second, third and fourth of every four: see _interleave.
    fours = strip.reshape(len(eye), -1, 4).transpose(2, 0, 1)
    words = np.empty((len(eye), resolution, fours.shape[2], 3), "<u4")
    begins = np.arange(0, len(eye), CHUNK)
    for begin, low, high in zip(begins, copy.searchsorted(begins), copy.searchsorted(begins + CHUNK), strict=True):
        sheets = wall_strips(resolution).take(fours[:, begin : begin + CHUNK], axis=0)
        if low < high:
            _draw_spots(sheets, copy[low:high] - begin, column[low:high], paint[low:high])
        _interleave(sheets, words[begin : begin + CHUNK])
    view = words.view(np.uint8).reshape(len(eye), resolution, -1, 3)
    return view if resolution % 4 == 0 else view[:, :, :resolution].copy()


def cast(mazes: Mazes, maze: Array, place: Array, ahead: Array, right: Array, resolution: int) -> tuple[Array, Array]:
    """For every column of the screen (B, W) the row of `wall_strips` to show, and the depth of its wall."""
    faces = mazes.faces if len(mazes.free) == 1 else Faces(*(part.take(maze, axis=0) for part in mazes.faces))
    copy, pair, away, inverse, slope, first, last = _project(faces, place, ahead, right, resolution)
    # The nearest of the faces that take a column. The low bits say which of its copy's faces it is.
    begins = copy.searchsorted(np.arange(len(place)))
    number = np.arange(len(copy)) - begins.take(copy)
    after, before = _spans(resolution)
    lines = slope[:, None] * np.arange(resolution, dtype=np.int32)
    lines += (inverse + number).astype(np.int32)[:, None]
    lines &= after.take(first, axis=0)
    lines &= before.take(last, axis=0)
    nearest = np.maximum.reduceat(lines, begins, axis=0)
    face = (nearest & (2**ID_BITS - 1)) + begins[:, None]

    # Which wall it is, is known: where it is met is worked out anew, without rounding. Blocks behind a face are
    # counted from the first of its row or column of blocks.
    height, width = mazes.free.shape[1:]
    axis = pair & 1
    behind = np.floor(place.take(pair) + away + np.copysign(0.5, away)).astype(np.intp)
    origin = maze.take(copy) * (height * width) + behind * np.where(axis, width, 1)
    tilt = (2 * np.arange(resolution) + 1) / resolution - 1
    rays = ahead[:, :, None] + tilt * right[:, :, None]
    pair, axis = pair.take(face), axis.take(face)
    depth = away.take(face) / np.where(axis, rays[:, 1], rays[:, 0])
    met = place.take(pair ^ 1) + depth * np.where(axis, rays[:, 0], rays[:, 1])
    block = np.floor(met)
    texture = mazes.texture.take(origin.take(face) + block.astype(np.intp) * np.where(axis, 1, width))
    levels = count_levels(resolution)
    level = np.minimum(np.rint((0.25 * resolution) / depth).astype(np.intp), levels - 1)
    # met - block may round to 1.
    across = np.minimum(((met - block) * FINENESS).astype(np.intp), FINENESS - 1)
    return ((texture * 2 + axis) * levels + level) * FINENESS + across, depth


def _project(faces: Faces, place: Array, ahead: Array, right: Array, resolution: int) -> tuple[Array, ...]:
    """The faces that are turned to an eye and not out of its sight, M in all copies together, ordered by copy.

    Returns:
        Copy; twice the copy, and 1 more if the face is one along x; how far the face's line is from the eye; inverse
        depth at the first column and its slope a column, as int64 and int32 in fixed point, with room for a number in
        the low bits; first column that the face may take, and first one after those. All (M,).
    """
    across, along = place[:, :, None], place[:, ::-1, None]
    away = faces.line - across
    begin, end = faces.begin - along, faces.end - along
    depth, side = away * ahead[:, :, None], away * right[:, :, None]
    turn, swerve = ahead[:, ::-1, None], right[:, ::-1, None]
    depths = depth + begin * turn, depth + end * turn
    sides = side + begin * swerve, side + end * swerve
    # In sight: before the eye, and not wholly left or right of what it sees.
    seen = faces.facing * away > IN_LINE
    seen &= np.maximum(*depths) > NEAREST
    seen &= (sides[0] < depths[0]) | (sides[1] < depths[1])
    seen &= (sides[0] > -depths[0]) | (sides[1] > -depths[1])
    flat = np.flatnonzero(seen)
    pair = flat // seen.shape[2]
    away = away.take(flat)
    ends = [(one.take(flat), two.take(flat)) for one, two in zip(depths, sides, strict=True)]
    edges = _edge(*ends[0], *ends[1], resolution), _edge(*ends[1], *ends[0], resolution)
    ahead_of, right_of = ahead.take(pair), right.take(pair)
    slope = right_of * (2.0 / resolution) / away
    inverse = (ahead_of - right_of * (1.0 - 1.0 / resolution)) / away
    # Where a face lies in line with the eye these do not fit; they wrap around, and are right again where it is seen.
    inverse, slope = (np.rint(each * 2.0**DEPTH_BITS).astype(np.int64) << ID_BITS for each in (inverse, slope))
    return pair >> 1, pair, away, inverse, slope.astype(np.int32), np.minimum(*edges), np.maximum(*edges)


def _edge(depth: Array, side: Array, other_depth: Array, other_side: Array, resolution: int) -> Array:
    """First column right of an end of a face (M,) intp, between 0 and all of them."""
    hidden = depth < NEAREST
    if hidden.any():
        # Its part behind the eye is cut off.
        reach = np.where(hidden, (NEAREST - depth) / np.where(hidden, other_depth - depth, 1.0), 0.0)
        side, depth = side + reach * (other_side - side), np.where(hidden, NEAREST, depth)
    column = np.ceil((side / depth + 1.0) * (0.5 * resolution) - 0.5)
    return np.minimum(np.maximum(column, 0.0), resolution).astype(np.intp)


def _find_spots(depth: Array, spots: Array, shown: Array, ahead: Array, right: Array) -> tuple[Array, Array, Array]:
    """The columns that goals and apples at places (B, n, 2), counted from the eye, take before walls at depths (B, W).

    Returns:
        Copy, column, and row of `spot_strips`, (N,) each, ordered by copy, and in each the farthest first.
    """
    resolution = depth.shape[1]
    ahead, right = ahead[:, None], right[:, None]
    far = spots[..., 0] * ahead[..., 0] + spots[..., 1] * ahead[..., 1]
    side = spots[..., 0] * right[..., 0] + spots[..., 1] * right[..., 1]
    found = np.flatnonzero(shown & (far > NEAREST) & (np.abs(side) < far + max(RADIUS)))
    if not len(found):
        return found, found, found
    far = far.take(found)
    order = np.lexsort((-far, found // spots.shape[1]))
    found, far = found[order], far[order]
    copy, spot = found // spots.shape[1], found % spots.shape[1]
    kind = np.where(spot == 0, GOAL, APPLE)
    half = np.array(RADIUS).take(kind) * (0.5 * resolution) / far
    begin = (side.take(found) / far + 1.0) * (0.5 * resolution) - half
    edges = np.ceil(np.stack([begin, begin + 2.0 * half]) - 0.5)
    first, last = np.minimum(np.maximum(edges, 0.0), resolution).astype(np.intp)
    size = last - first
    each = np.repeat(np.arange(len(size)), size)
    column = np.arange(len(each)) - (np.cumsum(size) - size - first).take(each)
    near = np.flatnonzero(far.take(each) < depth.take(copy.take(each) * resolution + column))
    each, column = each.take(near), column.take(near)
    across = (column + 0.5 - begin.take(each)) * (0.5 * SPRITE_FINENESS / half).take(each)
    across = np.minimum(across.astype(np.intp), SPRITE_FINENESS - 1)
    sizes = count_sizes(resolution)
    drawn = kind * sizes + np.minimum(np.maximum(np.rint(half).astype(np.intp), 1), sizes) - 1
    return copy.take(each), column, drawn.take(each) * SPRITE_FINENESS + across


def _draw_spots(sheets: Array, copy: Array, column: Array, strip: Array) -> None:
    """Draw strips of goals and apples over columns of sheets (4, B, ceil(W / 4), H), one after the other."""
    target = ((column & 3) * sheets.shape[1] + copy) * sheets.shape[2] + (column >> 2)
    columns = sheets.reshape(-1, sheets.shape[3])
    entry = np.empty(len(columns), np.intp)
    while len(target):
        # Of several entries of one column the first is drawn now, the others in another round.
        entry[target[::-1]] = np.arange(len(target))[::-1]
        now = entry.take(target) == np.arange(len(target))
        place, paint = target[now], spot_strips(sheets.shape[3]).take(strip[now], axis=0)
        columns[place] = np.where(paint, paint, columns.take(place, axis=0))
        target, strip = target[~now], strip[~now]


def _interleave(sheets: Array, words: Array) -> None:
    """Write columns of sheets (4, B, Q, H) as rows (B, H, Q, 3) of words: four pixels are packed into three of them."""
    first, second, third, fourth = sheets
    words[..., 0] = (first | second << 24).transpose(0, 2, 1)
    words[..., 1] = (second >> 8 | third << 16).transpose(0, 2, 1)
    words[..., 2] = (third >> 16 | fourth << 8).transpose(0, 2, 1)


@lru_cache(maxsize=8)
def _spans(resolution: int) -> tuple[Array, Array]:
    """Masks (W + 1, W) int32: in row c, all bits are set from column c on; and before column c."""
    column = np.arange(resolution)
    begin = np.arange(resolution + 1)[:, None]
    return -(column >= begin).astype(np.int32), -(column < begin).astype(np.int32)
