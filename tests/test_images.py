"""Images from outside: files as they look, sets in which two are the same, and arrays that claim too much."""

import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

import meta_envs
from meta_envs.families.harlow import Harlow
from meta_envs.families.worlds import images

PIXELS = "MetaHarlow-v0"
SIDE = 34
RED, GREEN, BLUE, SAND = (255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 150, 100)


def make_picture() -> np.ndarray:
    """Four squares of four colours, (34, 34, 3) uint8."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    half = SIDE // 2
    picture[:half, :half], picture[:half, half:], picture[half:, :half], picture[half:, half:] = RED, GREEN, BLUE, SAND
    return picture


def with_alpha(alpha: int) -> Image.Image:
    """The same, with the upper half transparent as ``alpha`` says, from 0 to 255."""
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    mask[: SIDE // 2] = alpha
    return Image.merge("RGBA", (*Image.fromarray(make_picture()).split(), Image.fromarray(mask)))


def read(path: Path) -> np.ndarray:
    """The picture of a file, as it is shown: the first of a set in which the others are noise."""
    for number in range(3):
        noise = np.random.default_rng(number).integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path.parent / f"z{number}.png")
    return Harlow(images=path.parent).pictures[0].astype(int)


def expected(upper: float = 1.0) -> np.ndarray:
    """The picture with its upper half ``upper`` opaque over the grey ground, by hand."""
    picture = make_picture().astype(float)
    picture[: SIDE // 2] = upper * picture[: SIDE // 2] + (1.0 - upper) * 128.0
    return picture


plain = Image.fromarray(make_picture())
palette = plain.quantize(8)
exif = Image.Exif()
exif[0x112] = 6
"""The camera was turned by 90 degrees: the picture is to be turned clockwise."""


@pytest.mark.parametrize("alpha", [0, 51, 255])
@pytest.mark.parametrize("suffix", ["png", "tga", "tiff"])
def test_what_is_transparent_becomes_grey(alpha: int, suffix: str, tmp_path: Path) -> None:
    """By hand: alpha of the picture, and the rest of the ground."""
    with_alpha(alpha).save(tmp_path / f"a.{suffix}")
    assert np.abs(read(tmp_path / f"a.{suffix}") - expected(alpha / 255)).max() <= 1


def test_black_shapes_on_transparent_ground_are_told_apart(tmp_path: Path) -> None:
    """What is only in the alpha of a picture is seen."""
    for number in range(4):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[4 + 2 * number : 20, 4:20] = 255
        black = Image.new("L", (SIDE, SIDE), 0)
        Image.merge("RGBA", (black, black, black, Image.fromarray(mask))).save(tmp_path / f"{number}.png")
    shown = Harlow(images=tmp_path).pictures
    assert sorted(np.unique(shown)) == [0, 128]
    assert len(np.unique(shown.reshape(2, -1), axis=0)) == 2


without_red = np.where(np.all(make_picture() == RED, axis=-1, keepdims=True), 128, make_picture())
grey_below = np.repeat(np.asarray(plain.convert("L"))[..., None], 3, axis=-1).copy()
grey_below[: SIDE // 2] = 128
red = {"transparency": palette.getpixel((0, 0))}
fine = {"quality": 100, "subsampling": 0}
KINDS: dict[str, tuple[str, Any, dict[str, Any], Any]] = {
    "palette": ("a.png", palette, {}, expected()),
    "palette with a transparent colour": ("a.png", palette, red, without_red),
    "GIF with a transparent colour": ("a.gif", palette, red, without_red),
    "animation": ("a.gif", palette, {"save_all": True, "append_images": [Image.new("P", (SIDE, SIDE))]}, expected()),
    "grey with alpha": ("a.png", with_alpha(0).convert("LA"), {}, grey_below),
    "CMYK JPEG": ("a.jpg", plain.convert("CMYK"), fine, expected()),
    "turned JPEG": ("a.jpg", plain, {**fine, "exif": exif}, np.rot90(expected(), -1)),
    "turned PNG": ("a.png", plain, {"exif": exif}, np.rot90(expected(), -1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_as_they_look(kind: str, tmp_path: Path) -> None:
    """Palettes, transparency without a channel of its own, animations, CMYK, and cameras that were turned."""
    name, picture, options, right = KINDS[kind]
    picture.save(tmp_path / name, **options)
    assert np.abs(read(tmp_path / name) - right).max() <= (4 if name.endswith("jpg") else 0)


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    """0 to 65,535 become 0 to 255."""
    ramp = np.linspace(0, 65535, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    assert np.abs(read(tmp_path / "a.png")[..., 0] - ramp / 257).max() <= 0.5


def noise(number: int, side: int = 40) -> np.ndarray:
    """A picture of noise."""
    return np.random.default_rng(number).integers(256, size=(side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("pair", [(0, 1), (0, 3), (2, 3)], ids=str)
def test_sets_with_two_like_images_are_refused(pair: tuple[int, int], tmp_path: Path) -> None:
    """Within a split and across both, with the names of the two; an array's with their numbers."""
    pictures = [noise(number) for number in range(4)]
    pictures[pair[1]] = pictures[pair[0]]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"picture{number}.png")
    named = f"picture{pair[0]}.png and picture{pair[1]}.png are the same at 34 x 34 pixels"
    with pytest.raises(ValueError, match=named):
        gym.make(PIXELS, images=str(tmp_path))
    with pytest.raises(ValueError, match=f"images {pair[0]} and {pair[1]} are the same"):
        gym.make(PIXELS, images=np.stack(pictures))


def test_images_that_are_the_same_only_when_small_are_refused_then() -> None:
    """One pixel of difference is lost at a low resolution, and kept at a high one."""
    pictures = np.stack([noise(number, side=170) for number in range(4)])
    pictures[3] = pictures[2]
    pictures[3, 0, 0, 0] ^= 1
    with pytest.raises(ValueError, match="images 2 and 3 are the same at 14 x 14 pixels"):
        Harlow(images=pictures, resolution=36)
    assert Harlow(images=pictures, resolution=420).num_images == 2


def test_other_files_are_left_out(tmp_path: Path) -> None:
    """Notes, folders and hidden files are no pictures."""
    for number in range(5):
        Image.fromarray(noise(number)).save(tmp_path / f"{number}.png")
    for name in ("notes.txt", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    assert [Harlow(images=tmp_path, split=split).num_images for split in images.SPLITS] == [3, 2]


@pytest.mark.parametrize("bytes_", [b"no picture", b"", b"\x89PNG\r\n\x1a\n"], ids=["text", "empty", "cut off"])
def test_broken_pictures_are_named(bytes_: bytes, tmp_path: Path) -> None:
    """A file that says that it is a picture is one, wherever it stands in the set, or is refused."""
    for number in range(5):
        Image.fromarray(noise(number)).save(tmp_path / f"{number}.png")
    (tmp_path / "2b.png").write_bytes(bytes_)
    with pytest.raises(ValueError, match=r"2b\.png cannot be read as a picture \(.*\): replace it, or take it away"):
        Harlow(images=tmp_path)


def write_header(path: Path, shape: tuple[int, ...], kind: str = "|u1") -> None:
    """A ``.npy`` file whose header claims an array, with hardly any data behind it."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
        file.write(b"\0" * 100)


@pytest.mark.parametrize(
    "shape", [(4, 10**6, 10**6, 3), (10**12, 84, 84, 3), (10**20, 84, 84, 3), (4, 6, 6, 3)], ids=str
)
def test_headers_that_claim_more_than_there_is_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Terabytes too, without being asked for: the header is compared with the size of the file."""
    write_header(tmp_path / "images.npy", shape)
    with pytest.raises(ValueError, match=r"images\.npy cannot be read as an array \(.*\): write it anew") as caught:
        gym.make(PIXELS, images=str(tmp_path / "images.npy"))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 6, 6, 3)),
        np.full((4, 6, 6, 3), np.nan),
        np.ones((4, 6, 6, 3), np.float32),
        np.zeros((4, 6, 6, 4), np.uint8),
        np.zeros((4, 6, 6, 1), np.uint8),
        np.zeros((4, 6, 6), np.uint8),
        np.zeros((4, 6, 6, 3), np.uint16),
        np.zeros((4, 6, 6, 3), bool),
        np.zeros((4, 0, 6, 3), np.uint8),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_arrays_of_other_kinds_are_refused(array: np.ndarray, tmp_path: Path) -> None:
    """Numbers from 0 to 1, other channels, other types: with what it is and what to give, from a file too."""
    told = re.escape(f"an array {array.shape} of {array.dtype}")
    with pytest.raises(ValueError, match=rf"{told}.*give an array \(N, H, W, 3\) of uint8"):
        meta_envs.make_family(PIXELS, images=array)
    np.save(tmp_path / "images.npy", array)
    with pytest.raises(ValueError, match=r"images"):
        meta_envs.make_family(PIXELS, images=str(tmp_path / "images.npy"))


def test_files_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    """A text, an empty file, and an array of objects, which would be code."""
    path = tmp_path / "images.npy"
    for write in (
        lambda: path.write_text("no array"),
        lambda: path.write_bytes(b""),
        lambda: np.save(path, np.array([{}], dtype=object), allow_pickle=True),
    ):
        write()
        with pytest.raises(ValueError, match=r"images\.npy cannot be read as an array"):
            meta_envs.make_family(PIXELS, images=str(path))
