"""The recurrent actor-critic as agents play it, in plain torch: `RecurrentPolicy` is what trains the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, TypeAlias

import torch as th
from gymnasium import spaces
from torch import nn
from torch.distributions import Categorical

from meta_envs.networks.encoders import Senses
from meta_envs.networks.memories import State, make_memory, name_columns, step

States: TypeAlias = tuple[State, ...]
"""Of the one memory; or of the policy's and the value's."""


class ActorCritic(nn.Module):
    """A memory with linear heads for policy and value, and encoders below it where there are images.

    It computes single steps as `RecurrentPolicy` does, and its parameters have the same names and shapes. Of the
    optimizer and of Stable-Baselines3 it knows nothing.

    Args:
        observation_space: Of one observation: a flat Box, or a Dict of images (channels, height, width), uint8 from 0
            to 255, and of flat Boxes.
        num_actions: A, actions counted from 0.
        parts: Name and width of each part of a flat observation; a Dict has names.
        memory: As for `RecurrentPolicy`, and so are the three that follow.
        lstm_hidden_size: Units of the memory, two numbers for "stacked".
        shared_memory: Whether policy and value have one memory.
        encoder: Of images in a Dict.
        forget_bias: What training began with, and no matter here: the weights are read from somewhere.
        net_arch: Layers between memory and heads, of which there are none.

    Raises:
        ValueError: If there is no such memory or encoder, sizes do not fit, or there are layers before the heads.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        num_actions: int,
        *,
        parts: Sequence[tuple[str, int]] | None = None,
        memory: str = "lstm",
        lstm_hidden_size: int | Sequence[int] = 256,
        shared_memory: bool = False,
        encoder: str = "small",
        forget_bias: float = 0.0,
        net_arch: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if net_arch:
            raise ValueError(f"net_arch={net_arch!r} is not possible: the heads of agents are linear.")
        self.features_extractor: nn.Module = nn.Flatten()
        if isinstance(observation_space, spaces.Dict):
            self.features_extractor = Senses(observation_space, encoder)
            parts = self.features_extractor.parts
        parts = parts or [("observation", spaces.flatdim(observation_space))]
        size = lstm_hidden_size if isinstance(lstm_hidden_size, int) else tuple(lstm_hidden_size)
        self.lstm_actor: Any = make_memory(memory, parts, size)
        self.lstm_critic: Any = None if shared_memory else make_memory(memory, parts, size)
        units = size if isinstance(size, int) else size[-1]
        self.action_net, self.value_net = nn.Linear(units, num_actions), nn.Linear(units, 1)

    @property
    def device(self) -> th.device:
        """Where its weights are."""
        return self.action_net.weight.device

    @property
    def _memories(self) -> list[Any]:
        return [memory for memory in (self.lstm_actor, self.lstm_critic) if memory is not None]

    def begin(self, num: int) -> States:
        """The state of so many copies at the beginning of a lifetime."""
        shapes = [(memory.num_layers, num, memory.hidden_size) for memory in self._memories]
        return tuple((th.zeros(shape, device=self.device), th.zeros(shape, device=self.device)) for shape in shapes)

    @property
    def columns(self) -> dict[str, range]:
        """Which numbers of its states, all tensors of a copy side by side, are which: see `name_columns`."""
        found, first = {}, 0
        for memory, whose in zip(self._memories, ("policy ", "value "), strict=False):
            for name, columns in name_columns(memory).items():
                key = name if self.lstm_critic is None else whose + name
                found[key] = range(first + columns.start, first + columns.stop)
            first += 2 * memory.num_layers * memory.hidden_size
        return found

    def flatten(self, states: States) -> th.Tensor:
        """All tensors of each copy side by side (B, numbers)."""
        return th.cat([tensor.transpose(0, 1).flatten(1) for pair in states for tensor in pair], 1)

    def unflatten(self, numbers: th.Tensor) -> States:
        """The states that `flatten` made these (B, numbers) of."""
        shapes = [(memory.num_layers, memory.hidden_size) for memory in self._memories for _ in range(2)]
        parts = numbers.split([layers * units for layers, units in shapes], 1)
        made = [
            part.unflatten(1, shape).transpose(0, 1).contiguous() for part, shape in zip(parts, shapes, strict=True)
        ]
        return tuple(zip(made[::2], made[1::2], strict=True))

    def forward(
        self, observations: th.Tensor | dict[str, th.Tensor], states: States
    ) -> tuple[th.Tensor, th.Tensor, States]:
        """Take one step in B copies.

        Args:
            observations: Of any dtype, (B, ...), or a dictionary of these in any order; images (B, channels, height,
                width), uint8 from 0 to 255.
            states: Before the step, two float32 tensors (num_layers, B, units) for each memory; see `begin`.

        Returns:
            Logits of the actions, float32, (B, A), values, float32, (B,), and the states after the step.
        """
        features = self.features_extractor(observations).float()
        latents, after = zip(*map(step, repeat(features), states, self._memories), strict=True)
        return self.action_net(latents[0]), self.value_net(latents[-1]).flatten(), after


def log_probs_of(logits: th.Tensor) -> th.Tensor:
    """Log-probabilities of actions, float32, one column (A, B) for each row of logits (B, A)."""
    # Across rows torch is vectorised; along rows as short as these it is several times slower.
    return logits.t().log_softmax(0)


def distribution_of(log_probs: th.Tensor) -> Categorical:
    """The distribution of torch's, of what `log_probs_of` gives."""
    return Categorical(logits=log_probs.t(), validate_args=False)
