"""A view into a 360-degree panorama: a scenery to tell headings by, a fixation cross, and pictures hung before it.

Angles are degrees, clockwise, so that a turn to the right adds to the heading. All that is shown stands on whole
columns of the panorama and moves with it: headings are rounded to the nearest column, 1.3 degrees wide at 84 pixels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from meta_envs.family import Array

FIELD_OF_VIEW = 65.0
"""Degrees that a view shows, to the nearest column of the panorama."""
PICTURE = 34 / 84
"""Side of a picture as a fraction of the view's."""
FINE = 4
"""Samples a pixel along each side, for smooth edges."""

CROSS = (214, 20, 20)
SKY = ((150, 178, 206), (214, 224, 230))
"""Above and at the horizon."""
HILLS = (126, 140, 132)
GROUND = ((172, 164, 146), (124, 114, 98))
"""At the horizon and below."""
PILLARS = ((92, 84, 110), (196, 170, 120), (70, 98, 104), (150, 106, 92), (226, 222, 208))


def count_columns(resolution: int) -> int:
    """Columns of the whole panorama; ``resolution`` of them are in view."""
    return round(resolution * 360 / FIELD_OF_VIEW)


def picture_size(resolution: int) -> int:
    """Side of a picture in pixels: even, so that it has its centre between two columns as the view has."""
    return 2 * round(resolution * PICTURE / 2)


def to_columns(angle: Array, resolution: int) -> Array:
    """Columns nearest to angles, of any shape."""
    return np.rint(angle * (count_columns(resolution) / 360.0)).astype(np.intp)


def render_view(resolution: int, heading: Array, cross: Array) -> Array:
    """Views of the scenery, with the cross at heading 0 where there is one.

    Args:
        resolution: Side of the view in pixels.
        heading: (B,) degrees.
        cross: (B,) bool.

    Returns:
        (B, resolution, resolution, 3) uint8, a new array.
    """
    first = (to_columns(heading, resolution) - resolution // 2) % count_columns(resolution)
    return _windows(resolution)[cross.astype(np.intp), first].reshape(-1, resolution, resolution, 3)


def hang(pixels: Array, copies: Array, heading: Array, bearing: Array, pictures: Array, number: Array) -> None:
    """Paste one picture into each of some views, as far as it is in it.

    Args:
        pixels: (B, resolution, resolution, 3) uint8, written into.
        copies: (b,) which of the views.
        heading: (b,) degrees.
        bearing: (b,) degrees at which the picture has its centre.
        pictures: (N, size, size, 3) uint8.
        number: (b,) rows of ``pictures``.
    """
    resolution, size = pixels.shape[1], pictures.shape[1]
    columns = count_columns(resolution)
    away = to_columns(bearing, resolution) - to_columns(heading, resolution)
    away = (away + columns // 2) % columns - columns // 2
    left = away + resolution // 2 - size // 2
    top = resolution // 2 - size // 2
    # One by one: a single gather for all would need an index for every pixel.
    for copy, start, each in zip(copies.tolist(), left.tolist(), number.tolist(), strict=True):
        begin, end = max(start, 0), min(start + size, resolution)
        if begin < end:
            pixels[copy, top : top + size, begin:end] = pictures[each, :, begin - start : end - start]


@lru_cache(maxsize=8)
def scenery(resolution: int) -> Array:
    """The whole panorama without and with the cross (2, resolution, columns, 3) uint8, read-only; heading 0 is at 0."""
    columns = count_columns(resolution)
    bearing = (np.arange(FINE * columns) + 0.5) * (360 / (FINE * columns))
    elevation = (0.5 - (np.arange(FINE * resolution) + 0.5) / (FINE * resolution)) * FIELD_OF_VIEW
    # Row by row of pixels: all of it at once would take a hundred times the memory of the panorama.
    fine = (_paint(bearing[None, :], row[:, None]) for row in np.split(elevation, resolution))
    coarse = [row.reshape(FINE, columns, FINE, 3).mean(axis=(0, 2)) for row in fine]
    plain = np.rint(np.stack(coarse)).astype(np.uint8)
    strips = np.stack([plain, plain])
    reach, half = round(resolution / 14), max(1, round(resolution / 42))
    middle = resolution // 2
    for tall, wide in ((reach, half), (half, reach)):
        strips[1, middle - tall : middle + tall, np.arange(-wide, wide)] = CROSS
    strips.flags.writeable = False
    return strips


def _paint(bearing: Array, elevation: Array) -> Array:
    """Colours (H, W, 3) float64 at bearings (1, W) and elevations (H, 1)."""
    turn = np.radians(bearing)
    hills = 4.0 + 2.6 * np.sin(3 * turn + 1.0) + 1.8 * np.sin(7 * turn + 2.0) + 1.0 * np.sin(11 * turn)
    half = FIELD_OF_VIEW / 2
    height = np.clip(elevation / half, 0.0, 1.0)[..., None]
    depth = np.clip(-elevation / half, 0.0, 1.0)[..., None]
    (zenith, haze), (far, close) = np.array(SKY, float), np.array(GROUND, float)
    sky, ground = zenith * height + haze * (1 - height), close * depth + far * (1 - depth)
    colors = np.where(elevation[..., None] > 0, sky, ground)
    colors = np.repeat(colors, bearing.shape[1], axis=1)
    colors[(elevation > 0) & (elevation < hills)] = HILLS
    for number in range(24):
        # No two pillars are alike in colour, width, height and foot, and none stands behind the cross.
        center = 15.0 * number + 7.5 + 2.5 * np.sin(2.4 * number)
        width, top, foot = 1.5 + 0.9 * (number % 3), 9.0 + 3.0 * (number * 7 % 5), -5.0 - 2.0 * (number % 4)
        beside = np.flatnonzero(np.abs(bearing[0] - center) < width)
        inside = np.flatnonzero((elevation < top) & (elevation > foot))
        colors[inside[:, None], beside] = PILLARS[number * 3 % 5 if number % 2 else number % 5]
    return colors


@lru_cache(maxsize=8)
def _windows(resolution: int) -> Array:
    """Views of the panorama at every column (2, columns, resolution, 3 * resolution) uint8, all in one memory."""
    strips = scenery(resolution)
    columns = strips.shape[2]
    around = np.concatenate([strips, strips[:, :, :resolution]], axis=2).reshape(2, resolution, -1)
    windows = np.lib.stride_tricks.sliding_window_view(around, 3 * resolution, axis=2)
    return windows[:, :, : 3 * columns : 3].swapaxes(1, 2)
