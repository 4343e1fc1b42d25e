"""Rollout buffers that hand out whole lifetimes."""

import warnings
from collections.abc import Generator
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch as th
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer, RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import (
    RecurrentDictRolloutBufferSamples,
    RecurrentRolloutBufferSamples,
    RNNStates,
)
from stable_baselines3.common.buffers import DictRolloutBuffer, RolloutBuffer

Samples: TypeAlias = RecurrentRolloutBufferSamples | RecurrentDictRolloutBufferSamples


class _LifetimeSampling(RolloutBuffer):
    """What the two buffers below share; to be mixed in before one of sb3-contrib's recurrent rollout buffers.

    Attributes:
        sequence_length: Steps in each of the equally long sequences that episode starts cut every copy's rollout into,
            at the same steps in all copies; None where they do not. Known once the rollout is complete.
        whole_lifetimes: Whether each of these sequences is a whole lifetime, from its first step to its last.
    """

    plain: ClassVar[type[RolloutBuffer]]
    samples_class: ClassVar[type]

    def reset(self) -> None:
        """Forget the rollout."""
        self.plain.reset(self)
        self.lstm_states: list[RNNStates] = []
        self.sequence_length: int | None = None
        self.whole_lifetimes = False
        self.sequences: Samples | None = None

    def add(self, *args: Any, lstm_states: RNNStates, **kwargs: Any) -> None:
        """Add one step of every copy.

        Args:
            *args: obs, action, reward, episode_start, value, log_prob, as for SB3's buffer.
            lstm_states: Recurrent states before the step, which must not be changed in place afterwards.
            **kwargs: The same arguments, by name.
        """
        self.lstm_states.append(lstm_states)
        self.plain.add(self, *args, **kwargs)

    def compute_returns_and_advantage(self, last_values: th.Tensor, dones: np.ndarray) -> None:
        """Generalised advantage estimates as in SB3; also finds out how the rollout divides into lifetimes.

        Args:
            last_values: Value of the observation after the last step, float32, (num_envs,) or (num_envs, 1).
            dones: Whether the last step ended an episode, bool, (num_envs,).
        """
        super().compute_returns_and_advantage(last_values, dones)
        starts = self.episode_starts > 0
        cuts = np.flatnonzero(starts[1:, 0]) + 1
        lengths = np.diff(cuts, prepend=0, append=self.buffer_size)
        if (starts == starts[:, :1]).all() and (lengths == lengths[0]).all():
            self.sequence_length = int(lengths[0])
            self.whole_lifetimes = bool(starts[0, 0] and dones.all())

    def get(self, batch_size: int | None = None) -> Generator[Samples, None, None]:
        """Yield every step of the rollout once, in minibatches.

        Where ``sequence_length`` divides ``batch_size``, the sequences (whole lifetimes, as a rule) are shuffled with
        NumPy's global generator and a minibatch is ``batch_size / sequence_length`` of them, unpadded. Elsewhere
        sb3-contrib's sampling is used: many times slower, and with sequences cut at the edges of minibatches.

        Args:
            batch_size: Number of steps in a minibatch, all by default.
        """
        total = self.buffer_size * self.n_envs
        batch_size = total if batch_size is None else batch_size
        if self.sequence_length is None or batch_size % self.sequence_length:
            if self.sequence_length is not None:
                warnings.warn(
                    f"batch_size={batch_size} is not a multiple of the {self.sequence_length} steps between episode "
                    "starts, so minibatches cut lifetimes and training is many times slower than it could be.",
                    stacklevel=2,
                )
            self._stack_lstm_states()
            yield from super().get(batch_size)
            return
        if self.sequences is None:
            self.sequences = self._divide(self.sequence_length)
        order = th.as_tensor(np.random.permutation(total // self.sequence_length), device=self.device)
        for chosen in order.split(batch_size // self.sequence_length):
            yield self._choose(chosen)

    def _stack_lstm_states(self) -> None:
        if self.generator_ready:
            return
        for name in ("pi", "vf"):
            hidden, cell = zip(*(getattr(states, name) for states in self.lstm_states), strict=True)
            setattr(self, f"hidden_states_{name}", th.stack(hidden).cpu().numpy())
            setattr(self, f"cell_states_{name}", th.stack(cell).cpu().numpy())

    def _divide(self, length: int) -> Samples:
        """Every field as one tensor with the sequences along its first axis (states: second), made once a rollout."""

        def divide(array: np.ndarray) -> th.Tensor:
            flat = array if self.generator_ready else self.swap_and_flatten(array)
            return self.to_torch(flat.reshape(-1, length, *flat.shape[1:]))

        def at_sequence_starts(state: th.Tensor) -> th.Tensor:
            # Only a sequence at the rollout's first step can continue a lifetime; the others begin one.
            starts = state.new_zeros(len(state), self.n_envs, self.buffer_size // length, state.shape[-1])
            starts[:, :, 0] = state
            return starts.flatten(1, 2)

        obs = self.observations
        advantages = divide(self.advantages).squeeze(-1)
        return self.samples_class(
            observations={key: divide(part) for key, part in obs.items()} if isinstance(obs, dict) else divide(obs),
            actions=divide(self.actions),
            old_values=divide(self.values).squeeze(-1),
            old_log_prob=divide(self.log_probs).squeeze(-1),
            advantages=advantages,
            returns=divide(self.returns).squeeze(-1),
            lstm_states=RNNStates(*(tuple(map(at_sequence_starts, states)) for states in self.lstm_states[0])),
            episode_starts=divide(self.episode_starts).squeeze(-1),
            mask=th.ones_like(advantages),
        )

    def _choose(self, chosen: th.Tensor) -> Samples:
        def take(field: Any) -> Any:
            if isinstance(field, th.Tensor):
                return field.index_select(0, chosen).flatten(0, 1)
            if isinstance(field, dict):
                return {key: take(part) for key, part in field.items()}
            return RNNStates(*(tuple(state.index_select(1, chosen) for state in states) for states in field))

        assert self.sequences is not None
        return self.samples_class(*map(take, self.sequences))


class LifetimeRolloutBuffer(_LifetimeSampling, RecurrentRolloutBuffer):
    """sb3-contrib's ``RecurrentRolloutBuffer`` with minibatches of whole lifetimes; arguments as there."""

    plain = RolloutBuffer
    samples_class = RecurrentRolloutBufferSamples


class LifetimeDictRolloutBuffer(_LifetimeSampling, RecurrentDictRolloutBuffer):
    """The same for a Dict of observations."""

    plain = DictRolloutBuffer
    samples_class = RecurrentDictRolloutBufferSamples
