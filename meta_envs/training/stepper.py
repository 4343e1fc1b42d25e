"""Single steps of a policy in NumPy, for rollouts on a CPU, where torch's calls cost more than their arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as th
from sb3_contrib.common.recurrent.type_aliases import RNNStates

from meta_envs.family import Array
from meta_envs.training.loss import can_differentiate, softmax, weights_of
from meta_envs.training.memories import is_plain
from meta_envs.training.policy import RecurrentPolicy


def can_step(policy: Any) -> bool:
    """Whether `Stepper` may stand for a policy: what `can_differentiate` asks for, flat observations, plain LSTMs."""
    lstms = [lstm for lstm in (policy.lstm_actor, policy.lstm_critic) if lstm is not None]
    return (
        can_differentiate(policy)
        and (policy.shared_memory or len(lstms) == 2)
        and all(is_plain(lstm) and lstm.num_layers == 1 for lstm in lstms)
        and policy.is_flat
    )


class Cell:
    """A plain LSTM for single steps, with the weights that it has now.

    The logistic function is taken from the hyperbolic tangent, so that all gates are one call.
    """

    def __init__(self, lstm: Any) -> None:
        size = lstm.hidden_size
        w_input, w_hidden, b_input, b_hidden = (weights.detach().numpy() for weights in lstm.all_weights[0])
        scale = np.full(4 * size, 0.5, np.float32)
        scale[2 * size : 3 * size] = 1.0  # the candidate's own tangent
        self.weights = np.ascontiguousarray((np.concatenate((w_input, w_hidden), 1) * scale[:, None]).T)
        self.bias = (b_input + b_hidden) * scale
        self.size = size

    def step(self, features: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        """Hidden state and cell (B, H) float32 after features (B, F)."""
        size = self.size
        tangents = np.concatenate((features, hidden), 1) @ self.weights
        tangents += self.bias
        np.tanh(tangents, out=tangents)
        gates = tangents * 0.5
        gates += 0.5
        cell = gates[:, size : 2 * size] * cell
        cell += gates[:, :size] * tangents[:, 2 * size : 3 * size]
        return gates[:, 3 * size :] * np.tanh(cell), cell


class Stepper:
    """A policy in a rollout: called like it, with the weights that it has at the time."""

    def __init__(self, policy: RecurrentPolicy) -> None:
        self._lstms = [policy.lstm_actor] if policy.shared_memory else [policy.lstm_actor, policy.lstm_critic]
        self._heads = policy.action_net, policy.value_net
        self._parameters = list(policy.parameters())
        self._version = -1

    def _take_weights(self) -> None:
        """Take them again where torch has changed one, as a callback may by ``load_state_dict``."""
        version = sum(weights._version for weights in self._parameters)
        if version != self._version:
            self._version = version
            self._cells = [Cell(lstm) for lstm in self._lstms]
            self._layers = [weights_of(head) for head in self._heads]

    @np.errstate(all="ignore")  # what is not finite shows in the loss
    def __call__(
        self, obs: th.Tensor, lstm_states: RNNStates, episode_starts: th.Tensor
    ) -> tuple[th.Tensor, th.Tensor, th.Tensor, RNNStates]:
        """Actions (B,) int64, drawn as the policy draws them, values (B, 1), log-probabilities (B,) and new states."""
        self._take_weights()
        flat = obs.float().flatten(1).numpy()
        starts = episode_starts.numpy()[:, None]
        keep = 1.0 - starts if starts.any() else None
        after = []
        for cell, state in zip(self._cells, lstm_states, strict=False):
            before = [part[0].numpy() if keep is None else part[0].numpy() * keep for part in state]
            after.append(cell.step(flat, *before))
        logits, values = (
            latent @ weights.T + bias
            for latent, (weights, bias) in zip((after[0][0], after[-1][0]), self._layers, strict=True)
        )
        probs, log_probs = softmax(np.ascontiguousarray(logits.T))
        noise = th.empty(logits.shape).exponential_().numpy()
        actions = np.argmax(probs.T / noise, axis=1)
        chosen = log_probs[actions, np.arange(len(actions))]
        states = [(th.from_numpy(hidden)[None], th.from_numpy(cell)[None]) for hidden, cell in after]
        return th.from_numpy(actions), th.from_numpy(values), th.from_numpy(chosen), RNNStates(states[0], states[-1])
