"""From an observation to the features that a memory takes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from torch import nn

from meta_envs.networks.kinds import ENCODERS

WHITE = 255.0
"""Of images as they are; to networks it is 1."""


class Senses(nn.Module):
    """Every part of a Dict of observations side by side, images through a convolutional encoder.

    To Stable-Baselines3 it is a features extractor.

    Args:
        observation_space: Dict of images (channels, height, width) and of whatever flattens.
        encoder: "paper": 16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, 256 units (Mirowski et al. 2016,
            from which the paper's navigation experiment is taken); "small": 16, 32 and 32 filters of 3 x 3 with stride
            2, 64 units, for images of 8 x 8 and more; "places": 16 filters of a twelfth of the image's side, one beside
            the other, 32 of 5 x 5 of these with stride 2, and of what they find 16 linear features at each of 5 x 5
            places, which are never mixed; from each 5/12 of the side is looked at.

    Attributes:
        parts: Name and width of each part of the features, in order.
        features_dim: F, the sum of the widths.

    Raises:
        ValueError: If there is no such encoder, or an image is too small for it.
    """

    def __init__(self, observation_space: spaces.Dict, encoder: str = "small") -> None:
        super().__init__()
        self.parts: list[tuple[str, int]] = []
        self.encoders = nn.ModuleDict()
        for name, space in observation_space.spaces.items():
            width = spaces.flatdim(space)
            if is_image(space):
                self.encoders[name], width = make_encoder(encoder, space)
            self.parts.append((name, width))
        self.features_dim = sum(width for _, width in self.parts)

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features, float32, (B, F), of observations, each (B, ...), in whatever order they come.

        Images are uint8 from 0 to 255, or float32 from 0 to 1 as Stable-Baselines3 shows them.
        """
        return th.cat([self._encode(name, observations[name]) for name, _ in self.parts], 1)

    def _encode(self, name: str, observation: th.Tensor) -> th.Tensor:
        observation = observation.contiguous()  # for another layout a convolution takes another kernel
        if name not in self.encoders:
            return observation.flatten(1).float()
        return self.encoders[name](observation.float() / WHITE if observation.dtype == th.uint8 else observation)


def is_image(space: spaces.Space[Any]) -> bool:
    """Whether a space is of images as Stable-Baselines3 knows them: three dimensions, uint8 from 0 to 255."""
    return (
        isinstance(space, spaces.Box)
        and len(space.shape) == 3
        and space.dtype == np.uint8
        and bool((space.low == 0).all() and (space.high == 255).all())
    )


def patch_of(height: int) -> int:
    """Side of the patches that "places" divides images into, in pixels."""
    return max(height // 12, 1)


def resize_patches(kernel: th.Tensor, side: int) -> th.Tensor:
    """First filters of "places" for patches of another side, which give the same for the same picture.

    Each weight is shared out over the pixels that cover its own, by area, so that the sum of each colour's is kept. Of
    a picture that is as coarse as the old pixels the new filters give what the old ones gave.

    Args:
        kernel: (filters, channels, old side, old side), float32.
        side: The new side, in pixels.

    Returns:
        (filters, channels, side, side), float32.
    """
    old = kernel.shape[-1]
    edges = th.linspace(0.0, old, side + 1)
    cells = th.arange(old)[:, None]
    shares = (th.minimum(edges[1:], cells + 1) - th.maximum(edges[:-1], cells)).clamp(min=0.0)
    return th.einsum("fcij,ia,jb->fcab", kernel, shares, shares)


def make_encoder(kind: str, space: spaces.Space[Any]) -> tuple[nn.Sequential, int]:
    """A convolutional encoder of images (channels, height, width), and the number of its features.

    Raises:
        ValueError: If there is no such encoder, or the images are too small for it.
    """
    if kind not in ENCODERS:
        raise ValueError(f"encoder={kind!r} is not possible: it is one of {', '.join(ENCODERS)}.")
    shape = space.shape
    assert shape is not None
    patch = patch_of(shape[1])
    layers, units = {
        "small": ([(shape[0], 16, 3, 2, 1), (16, 32, 3, 2, 1), (32, 32, 3, 2, 1)], 64),
        "places": ([(shape[0], 16, patch, patch, 0), (16, 32, 5, 2, 1)], 0),
        "paper": ([(shape[0], 16, 8, 4, 0), (16, 32, 4, 2, 0)], 256),
    }[kind]
    filters = [
        module
        for entered, left, size, stride, padding in layers
        for module in (nn.Conv2d(entered, left, size, stride, padding), nn.ReLU())
    ]
    if not units:
        filters.append(nn.Conv2d(32, 16, 1))
    convolutions = nn.Sequential(*filters, nn.Flatten())
    height, width = shape[1:]
    for _, _, size, stride, padding in layers:
        height, width = ((side + 2 * padding - size) // stride + 1 for side in (height, width))
    if min(height, width) < 1:
        raise ValueError(f"Images of {shape[1]} x {shape[2]} are too small for encoder={kind!r}.")
    features = (32 if units else 16) * height * width
    if not units:
        return convolutions, features
    return nn.Sequential(convolutions, nn.Linear(features, units), nn.ReLU()), units
