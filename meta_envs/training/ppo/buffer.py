"""Rollout buffers that hand out whole lifetimes."""

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
SCALARS = ("values", "log_probs", "advantages", "returns", "episode_starts")


class _LifetimeSampling(RolloutBuffer):
    """What the two buffers below share; to be mixed in before one of sb3-contrib's recurrent rollout buffers.

    Episode starts cut every copy's rollout into sequences: whole lifetimes, as a rule, or where the rollout begins or
    ends within one, a part. A sequence begins with a lifetime or with the rollout, so that of the recurrent states
    those before the first step are enough.

    Attributes:
        sequence_length: Steps in each of the sequences, if these are equally long; else None, and minibatches are
            padded. Known once the rollout is complete.
    """

    plain: ClassVar[type[RolloutBuffer]]
    samples_class: ClassVar[type]

    def reset(self) -> None:
        """Forget the rollout."""
        self.plain.reset(self)
        self.initial_states: RNNStates | None = None
        self.sequence_length: int | None = None

    def add(
        self,
        obs: Any,
        action: np.ndarray,
        reward: np.ndarray,
        episode_start: np.ndarray,
        value: th.Tensor,
        log_prob: th.Tensor,
        *,
        lstm_states: RNNStates,
    ) -> None:
        """Add one step of every copy; all but the last argument as for SB3's buffer, which copies each of them twice.

        Args:
            obs: Observation, (num_envs, ...) or a dictionary of these.
            action: (num_envs, ...).
            reward: (num_envs,).
            episode_start: Whether a lifetime begins with the step, (num_envs,).
            value: (num_envs,) or (num_envs, 1).
            log_prob: (num_envs,).
            lstm_states: Recurrent states before the step, which must not be changed in place afterwards.
        """
        if self.pos == 0:
            self.initial_states = lstm_states
        if isinstance(self.observations, dict):
            for name, kept in self.observations.items():
                self._keep(kept, obs[name])
        else:
            self._keep(self.observations, obs)
        self.actions[self.pos] = action.reshape(self.n_envs, self.action_dim)
        self.rewards[self.pos], self.episode_starts[self.pos] = reward, episode_start
        self.values[self.pos] = value.cpu().numpy().ravel()
        self.log_probs[self.pos] = log_prob.cpu().numpy()
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def _keep(self, kept: np.ndarray, obs: np.ndarray) -> None:
        # What a Discrete space shows is one number a copy.
        kept[self.pos] = np.reshape(obs, (-1, 1)) if np.ndim(obs) == 1 else obs

    def compute_returns_and_advantage(self, last_values: th.Tensor, dones: np.ndarray) -> None:
        """Generalised advantage estimates as in SB3; also finds out how the rollout divides into lifetimes.

        Args:
            last_values: Value of the observation after the last step, float32, (num_envs,) or (num_envs, 1).
            dones: Whether the last step ended an episode, bool, (num_envs,).
        """
        super().compute_returns_and_advantage(last_values, dones)
        starts = self.episode_starts.T > 0
        cuts = starts.copy()
        cuts[:, 0] = True
        self._first = np.flatnonzero(cuts)
        self._lengths = np.diff(self._first, append=cuts.size)
        self._all_begin = bool(starts[:, 0].all())
        if (self._lengths == self._lengths[0]).all():
            self.sequence_length = int(self._lengths[0])

    def get(self, batch_size: int | None = None) -> Generator[Samples, None, None]:
        """Yield every step of the rollout once, in minibatches of whole sequences.

        The sequences are shuffled with NumPy's global generator and divided into as many minibatches as there would be
        of ``batch_size`` steps; where sequences do not fit into that, some are longer and some shorter. Minibatches may
        share masks and states, which are not to be changed.

        Args:
            batch_size: Number of steps in a minibatch, all by default.
        """
        if not self.generator_ready:
            self._flatten()
        order = np.random.permutation(len(self._first))
        total = self.buffer_size * self.n_envs
        num = min(max(round(total / (batch_size or total)), 1), len(order))
        middles = np.cumsum(self._lengths[order]) - self._lengths[order] / 2
        for chosen in np.split(order, np.searchsorted(middles, total / num * np.arange(1, num))):
            if len(chosen):
                yield self._choose(chosen)

    def _flatten(self) -> None:
        """Put every copy's steps one after the other, as stock does, and into tensors."""
        flatten, obs = self.swap_and_flatten, self.observations
        self.observations = {key: flatten(part) for key, part in obs.items()} if isinstance(obs, dict) else flatten(obs)
        for name in ("actions", *SCALARS):
            setattr(self, name, flatten(getattr(self, name)))
        self.generator_ready = True
        # Sequences of one length are taken whole; of others, step by step.
        unit = self.sequence_length or 1

        def divide(array: np.ndarray) -> th.Tensor:
            return self.to_torch(array, copy=False).reshape(-1, unit, *array.shape[1:])

        seen = self.observations if isinstance(self.observations, dict) else {"": self.observations}
        self._seen = {name: divide(part) for name, part in seen.items()}
        self._acted = divide(self.actions)
        scalars = np.stack([getattr(self, name)[:, 0] for name in SCALARS])
        self._scalars = self.to_torch(scalars, copy=False).reshape(len(SCALARS), -1, unit)
        self._ones = th.ones(1, device=self.device).expand(scalars.shape[1])
        self._cleared: dict[int, RNNStates] = {}

    def _choose(self, chosen: np.ndarray) -> Samples:
        first, lengths = self._first[chosen], self._lengths[chosen]
        units = chosen
        if self.sequence_length is None:
            offset = np.arange(lengths.max())
            # Padding repeats a sequence's last step.
            units = (first[:, None] + np.minimum(offset, lengths[:, None] - 1)).ravel()
        index = th.from_numpy(units).to(self.device)
        seen = {name: part.index_select(0, index).flatten(0, 1) for name, part in self._seen.items()}
        values, log_probs, advantages, returns, starts = self._scalars.index_select(1, index).flatten(1)
        if self.sequence_length is None:
            starts.view(len(chosen), -1)[:, 1:] = 0.0  # the last step may be the first
            mask = th.as_tensor(offset < lengths[:, None], dtype=th.float32, device=self.device).flatten()
        else:
            mask = self._ones[: len(values)]
        return self.samples_class(
            observations=seen if isinstance(self.observations, dict) else seen[""],
            actions=self._acted.index_select(0, index).flatten(0, 1),
            old_values=values,
            old_log_prob=log_probs,
            advantages=advantages,
            returns=returns,
            lstm_states=self._states_before(first),
            episode_starts=starts,
            mask=mask,
        )

    def _states_before(self, first: np.ndarray) -> RNNStates:
        """Recurrent states before the first steps of sequences, cleared where these begin lifetimes."""
        assert self.initial_states is not None
        if self._all_begin and len(first) in self._cleared:
            return self._cleared[len(first)]
        copies = th.as_tensor(first // self.buffer_size, device=self.device)
        keep = 1.0 - self._scalars[-1].flatten()[th.as_tensor(first, device=self.device), None]
        states = RNNStates(*(tuple(keep * state[:, copies] for state in pair) for pair in self.initial_states))
        if self._all_begin:
            self._cleared[len(first)] = states
        return states


class LifetimeRolloutBuffer(_LifetimeSampling, RecurrentRolloutBuffer):
    """sb3-contrib's ``RecurrentRolloutBuffer`` with minibatches of whole lifetimes; arguments as there."""

    plain = RolloutBuffer
    samples_class = RecurrentRolloutBufferSamples


class LifetimeDictRolloutBuffer(_LifetimeSampling, RecurrentDictRolloutBuffer):
    """The same for a Dict of observations."""

    plain = DictRolloutBuffer
    samples_class = RecurrentDictRolloutBufferSamples
