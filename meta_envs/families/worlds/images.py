"""Sets of square images: generated ones, a folder of picture files, or an array; train and held-out ones apart."""

from __future__ import annotations

import colorsys
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.family import Array
from meta_envs.files import is_there
from meta_envs.limits import require_bytes

GENERATED = "generated"
SPLITS = ("train", "test")
NUM_GENERATED = 1000
"""Generated images of each split."""
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tga", ".tif", ".tiff", ".webp")

GROUND = (128, 128, 128)
"""Colour that shows where a picture is transparent: grey, on which both black and white shapes are seen."""

LEVELS = 13
"""Levels of each visual factor of a generated image; a prime, and 13 ** 3 words of three digits cover both splits."""
NUM_FACTORS = 5
STRIDE = 811
"""Coprime to ``LEVELS ** 3``: neighbours in a set are far apart in the code, and all levels are in both splits."""
FINE = 4
"""Samples a pixel along each side, for smooth edges."""


@dataclass(frozen=True)
class ImageArray:
    """An array of images as a value: hashable, equal to its like, and cheap to copy.

    Attributes:
        data: Bytes of the C-contiguous uint8 array.
        shape: (N, H, W, 3).
    """

    data: bytes = field(repr=False)
    shape: tuple[int, int, int, int]

    def array(self) -> Array:
        """The images (N, H, W, 3) uint8, read-only."""
        return np.frombuffer(self.data, np.uint8).reshape(self.shape)


Images = str | ImageArray


def as_images(images: Any) -> Images:
    """A set of images as a plain value.

    Args:
        images: "generated", a folder of picture files, a ``.npy`` file of an array, or the array (N, H, W, 3) uint8.
            Files are read once in a program.

    Raises:
        ValueError: If it is none of these, or has fewer than four images: each split needs two.
    """
    if isinstance(images, np.ndarray):
        _check_array(images)
        images = ImageArray(images.tobytes(), images.shape)
    if isinstance(images, os.PathLike):
        images = os.fspath(images)
    if not isinstance(images, ImageArray):
        known = isinstance(images, str) and (images == GENERATED or _holds_images(Path(images)))
        shown = images if isinstance(images, str | int | float) else f"a {type(images).__name__}"
        require(known, "images", shown, f"give {GENERATED!r}, a folder or .npy file that exists, or an array")
        if images != GENERATED:
            # The folder stays the same when the program goes to another.
            images = str(Path(images).resolve())
    count = sum(count_images(images, split) for split in SPLITS)
    require(count >= 4, "images", images, f"give a set of at least 4, two a split; there are {count}")
    return images


def _check_array(array: Array) -> None:
    fits = array.dtype == np.uint8 and array.ndim == 4 and array.shape[3] == 3 and 0 not in array.shape
    require(fits, "images", f"an array {array.shape} of {array.dtype}", "give an array (N, H, W, 3) of uint8")


def _holds_images(path: Path) -> bool:
    return is_there(path) and (path.is_dir() or (path.suffix == ".npy" and path.is_file()))


@lru_cache(maxsize=16)
def require_unlike(images: Images, size: int) -> None:
    """Refuse a set in which two images are the same, of one split or of both, once they are ``size`` pixels large.

    Raises:
        ValueError: If there are two such images, or a file is no picture.
    """
    if images == GENERATED:
        return
    seen: dict[bytes, int] = {}
    source = _source(images)
    for number, image in enumerate(np.concatenate([load_images(images, split, size) for split in SPLITS])):
        other = seen.setdefault(image.tobytes(), number)
        if other != number:
            first, second = (source[each].name if isinstance(source, tuple) else each for each in (other, number))
            raise ValueError(
                f"The images {first} and {second} are the same at {size} x {size} pixels, so that nobody could tell "
                "them apart: take one of them out, or give a higher resolution."
            )


def count_images(images: Images, split: str) -> int:
    """Images in a split: of a user's set the first half (and the odd one) are for training, the rest are held out."""
    if images == GENERATED:
        return NUM_GENERATED
    total = len(_source(images))
    return (total + 1) // 2 if split == "train" else total // 2


@lru_cache(maxsize=16)
def load_images(images: Images, split: str, size: int) -> Array:
    """The images of a split (N, size, size, 3) uint8, read-only, made once.

    Others than generated ones are cut to their middle square, and resized by the mean over a pixel's area.
    """
    if images == GENERATED:
        made = _generate(split, size)
    else:
        source, border = _source(images), count_images(images, "train")
        chosen = source[:border] if split == "train" else source[border:]
        made = np.stack([_resize(_read(each) if isinstance(each, Path) else each, size) for each in chosen])
    made.flags.writeable = False
    return made


@lru_cache(maxsize=4)
def _source(images: Images) -> Array | tuple[Path, ...]:
    """All images of a user's set: the array, or the files of the folder in the order of their names."""
    if isinstance(images, ImageArray):
        return images.array()
    path = Path(images)
    if path.is_file():
        try:
            # Mapped, what the header claims is compared with the file's size before any of it is read.
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OverflowError) as error:
            raise ValueError(f"{path} cannot be read as an array ({error}): write it anew with numpy.save.") from error
        _check_array(array)
        require_bytes(array.nbytes, f"The array in {path}")
        return np.array(array)
    return tuple(sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file()))


def _read(path: Path) -> Array:
    """A picture file (H, W, 3) uint8: its first frame, turned upright, on `GROUND` where it is transparent.

    Raises:
        ValueError: If it is none.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith("I;16"):
                picture = Image.fromarray(np.rint(np.asarray(picture) / 257.0).astype(np.uint8))
            if picture.mode in ("I", "F"):
                raise ValueError("its samples have 32 bits")
            picture = picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as a picture ({error}): replace it, or take it away.") from error
    return np.array(Image.alpha_composite(Image.new("RGBA", picture.size, GROUND), picture).convert("RGB"))


def _resize(image: Array, size: int) -> Array:
    """The middle square of an image (H, W, 3) as (size, size, 3) uint8."""
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side].astype(np.float64)
    edges = np.linspace(0.0, side, size + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.maximum(overlap, 0.0) * (size / side)
    return np.rint(np.einsum("yh,hwc,xw->yxc", weights, square, weights, optimize=True)).astype(np.uint8)


def _generate(split: str, size: int) -> Array:
    """Generated images: a shape on a patterned ground, (NUM_GENERATED, size, size, 3) uint8, in whole numbers."""
    shapes, patterns, full = _cover(_shapes, size), _cover(_patterns, size), np.uint16(FINE**2)
    lights, middles, darks = (_palette(*tones) for tones in TONES)
    made = np.empty((NUM_GENERATED, size, size, 3), np.uint8)
    for image, (shape, shape_color, ground_color, pattern, pattern_color) in zip(made, factors(split), strict=True):
        figure, marks = shapes[shape, :, :, None], patterns[pattern, :, :, None]
        behind = marks * middles[pattern_color] + (full - marks) * darks[ground_color]
        light = lights[shape_color] * full
        image[:] = (figure * light + (full - figure) * behind + full * full // 2) // (full * full)
    return made


def factors(split: str) -> Array:
    """Levels of the generated images' factors (NUM_GENERATED, NUM_FACTORS).

    These are the shape, its colour, the ground's colour, the pattern on the ground, and the pattern's colour. They are
    words of a Reed-Solomon code, so that any two images, of one split or of both, differ in three factors of five:
    factor j of the word (a, b, c) is a + b j + c j^2 modulo 13.
    """
    number = (np.arange(NUM_GENERATED) + NUM_GENERATED * SPLITS.index(split)) * STRIDE % LEVELS**3
    a, b, c = (number[:, None] // LEVELS**digit % LEVELS for digit in range(3))
    place = np.arange(NUM_FACTORS)
    return (a + b * place + c * place**2) % LEVELS


TONES: tuple[tuple[tuple[float, float], tuple[float, float], float], ...] = (
    ((0.3, 1.0), (0.85, 1.0), 1.0),
    ((0.9, 0.7), (0.35, 0.6), 0.5),
    ((1.0, 0.4), (0.6, 0.2), 0.0),
)
"""Saturation and value of the two tones of every hue, and the grey, of shapes, of patterns and of grounds."""


def _palette(strong: tuple[float, float], pale: tuple[float, float], grey: float) -> Array:
    """Thirteen colours (LEVELS, 3) uint16: six hues in two tones, and a grey."""
    colors = [colorsys.hsv_to_rgb(hue / 6, *tone) for hue in range(6) for tone in (strong, pale)]
    return np.rint(255 * np.array([*colors, (grey, grey, grey)])).astype(np.uint16)


def _cover(draw: Any, size: int) -> Array:
    """How much of each pixel the forms cover (LEVELS, size, size), in FINE^2-ths, uint16."""
    place = (np.arange(FINE * size) + 0.5) / (FINE * size) * 2 - 1
    forms = np.stack(draw(place[None, :] + 0 * place[:, None], place[:, None] + 0 * place[None, :]))
    return forms.reshape(LEVELS, size, FINE, size, FINE).sum(axis=(2, 4), dtype=np.uint16)


def _shapes(x: Array, y: Array) -> list[Array]:
    """Thirteen shapes in the middle of the square [-1, 1]^2; y points down."""
    across, down = np.abs(x), np.abs(y)
    longest, shortest = np.maximum(across, down), np.minimum(across, down)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    return [
        radius < 0.64,
        (radius > 0.38) & (radius < 0.7),
        longest < 0.56,
        across + down < 0.82,
        (shortest < 0.21) & (longest < 0.72),
        (longest - shortest < 0.3) & (longest < 0.66),
        (down < 0.62) & (across < 0.36 * (y + 0.62) + 0.08 * (y > -0.62)),
        (down < 0.62) & (across < 0.36 * (0.62 - y) + 0.08 * (y < 0.62)),
        (down < 0.66) & (across < 0.1 + 0.85 * down),
        (radius < 0.74) & (np.hypot(x - 0.34, y) > 0.5),
        radius < 0.5 + 0.24 * np.cos(5 * (angle + np.pi / 2)),
        (across < 0.74) & (down < 0.26),
        (longest < 0.68) & (longest > 0.36),
    ]


def _patterns(x: Array, y: Array) -> list[Array]:
    """Thirteen patterns on the square [-1, 1]^2; each covers about half of it."""
    right, low = x > 0, y > 0
    rows, columns = np.floor(2 * y + 2) % 2 > 0, np.floor(2 * x + 2) % 2 > 0
    longest, angle = np.maximum(np.abs(x), np.abs(y)), np.arctan2(y, x)
    return [
        rows,
        columns,
        np.floor(1.5 * (x + y) + 3) % 2 > 0,
        np.floor(1.5 * (x - y) + 3) % 2 > 0,
        rows ^ columns,
        right,
        low,
        right ^ low,
        x + y > 0,
        x - y > 0,
        longest > 0.72,
        np.floor(4 * angle / np.pi + 8) % 2 > 0,
        (np.abs(x) < 0.3) | (np.abs(y) < 0.3),
    ]
