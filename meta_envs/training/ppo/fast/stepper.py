"""Single steps of a policy in NumPy, for rollouts on a CPU, where torch's calls cost more than their arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as th
from sb3_contrib.common.recurrent.type_aliases import RNNStates

from meta_envs.family import Array
from meta_envs.networks.policy import RecurrentPolicy
from meta_envs.training.ppo.fast.by_hand import softmax, weights_of


class Cell:
    """A plain LSTM for single steps of B copies, with the weights that it has now; copies are columns.

    The logistic function is taken from the hyperbolic tangent, so that all gates are one call, and the bias has a
    constant input.
    """

    def __init__(self, lstm: Any, num: int) -> None:
        self.size = size = lstm.hidden_size
        w_input, w_hidden, b_input, b_hidden = (weights.detach().numpy() for weights in lstm.all_weights[0])
        weights = np.concatenate((w_input, w_hidden, (b_input + b_hidden)[:, None]), 1)
        weights[: 2 * size] *= 0.5
        weights[3 * size :] *= 0.5
        entered, forgotten, candidate, shown = np.split(weights, 4)
        self.weights = np.concatenate((entered, forgotten, shown, candidate))
        self.inputs = np.ones((self.weights.shape[1], num), np.float32)
        self.gates = np.empty((4 * size, num), np.float32)

    def step(self, features: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        """Hidden state and cell (H, B) float32 after features (F, B)."""
        size = self.size
        self.inputs[: -1 - size], self.inputs[-1 - size : -1] = features, hidden
        tangents = np.tanh(np.dot(self.weights, self.inputs, out=self.gates), out=self.gates)
        logistic, candidate = tangents[: 3 * size], tangents[3 * size :]
        logistic *= 0.5
        logistic += 0.5
        candidate *= logistic[:size]
        cell = logistic[size : 2 * size] * cell
        cell += candidate
        hidden = np.tanh(cell)
        hidden *= logistic[2 * size :]
        return hidden, cell


class Stepper:
    """A policy in a rollout of B copies: called like it, with the weights that it has at the time."""

    def __init__(self, policy: RecurrentPolicy, num: int) -> None:
        self._lstms = [policy.lstm_actor] if policy.shared_memory else [policy.lstm_actor, policy.lstm_critic]
        self._heads = policy.action_net, policy.value_net
        self._parameters = list(policy.parameters())
        self._version = -1
        self._num = num
        self._copies = np.arange(num)
        self._noise = th.empty(num, policy.action_net.out_features)

    def _take_weights(self) -> None:
        """Take them again where torch has counted a change, as of a callback's ``load_state_dict``.

        Torch does not count the steps of its fused Adam, which are none of a rollout's.
        """
        version = sum([weights._version for weights in self._parameters])
        if version != self._version:
            self._version = version
            self._cells = [Cell(lstm, self._num) for lstm in self._lstms]
            self._layers = [(weights, bias[:, None]) for weights, bias in map(weights_of, self._heads)]

    @np.errstate(all="ignore")  # what is not finite shows in the loss
    def __call__(
        self, obs: th.Tensor, lstm_states: RNNStates, episode_starts: th.Tensor
    ) -> tuple[th.Tensor, th.Tensor, th.Tensor, RNNStates]:
        """Actions (B,) int64, drawn as the policy draws them, values (B, 1), log-probabilities (B,) and new states."""
        self._take_weights()
        seen = obs.numpy().reshape(self._num, -1).T
        starts = episode_starts.numpy()
        keep = 1.0 - starts if starts.any() else None
        after = []
        for cell, state in zip(self._cells, lstm_states, strict=False):
            before = [part.numpy()[0].T if keep is None else part.numpy()[0].T * keep for part in state]
            after.append(cell.step(seen, *before))
        logits, values = (
            np.dot(weights, latent) + bias
            for (latent, _), (weights, bias) in zip((after[0], after[-1]), self._layers, strict=True)
        )
        probs, log_probs = softmax(logits)
        actions = (probs / self._noise.exponential_().numpy().T).argmax(0)
        chosen = log_probs[actions, self._copies]
        states = [tuple(th.from_numpy(part.T[None]) for part in pair) for pair in after]
        return (
            th.from_numpy(actions),
            th.from_numpy(values.T),
            th.from_numpy(chosen),
            RNNStates(states[0], states[-1]),
        )
