"""From an observation to the features that a memory takes in."""

from __future__ import annotations

from typing import Any

import torch as th
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from meta_envs.networks.kinds import ENCODERS


class Senses(BaseFeaturesExtractor):
    """Every part of a Dict of observations side by side, images through a convolutional encoder.

    Args:
        observation_space: Dict of images (channels, height, width) and of whatever flattens.
        encoder: "paper": 16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, 256 units (Mirowski et al. 2016,
            from which the paper's navigation experiment is taken); "small": 16, 32 and 32 filters of 3 x 3 with stride
            2, 64 units, for images of 8 x 8 and more; "places": 16 filters of a twelfth of the image's side, one beside
            the other, 32 of 5 x 5 of these with stride 2, and of what they find 16 linear features at each of 5 x 5
            places, which are never mixed; from each 5/12 of the side is looked at.

    Attributes:
        parts: Name and width of each part of the features, in order.

    Raises:
        ValueError: If there is no such encoder, or an image is too small for it.
    """

    def __init__(self, observation_space: spaces.Dict, encoder: str = "small") -> None:
        encoders, self.parts = {}, []
        for name, space in observation_space.spaces.items():
            width = get_flattened_obs_dim(space)
            if is_image_space(space):
                encoders[name], width = make_encoder(encoder, space)
            self.parts.append((name, width))
        super().__init__(observation_space, sum(width for _, width in self.parts))
        self.encoders = nn.ModuleDict(encoders)

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features (B, F) of preprocessed observations, each (B, ...), in whatever order they come."""
        return th.cat(
            [
                self.encoders[name](observations[name]) if name in self.encoders else observations[name].flatten(1)
                for name, _ in self.parts
            ],
            1,
        )


def make_encoder(kind: str, space: spaces.Space[Any]) -> tuple[nn.Sequential, int]:
    """A convolutional encoder of images (channels, height, width), and the number of its features.

    Raises:
        ValueError: If there is no such encoder, or the images are too small for it.
    """
    if kind not in ENCODERS:
        raise ValueError(f"encoder={kind!r} is not possible: it is one of {', '.join(ENCODERS)}.")
    shape = space.shape
    assert shape is not None
    patch = max(shape[1] // 12, 1)
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
    try:
        with th.no_grad():
            width = convolutions(th.zeros(1, *shape)).shape[1]
    except RuntimeError as error:
        raise ValueError(f"Images of {shape[1]} x {shape[2]} are too small for encoder={kind!r}.") from error
    if not units:
        return convolutions, width
    return nn.Sequential(convolutions, nn.Linear(width, units), nn.ReLU()), units
