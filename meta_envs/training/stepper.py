"""Single steps of a policy in NumPy, for rollouts on a CPU, where torch's calls cost more than their arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as th
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import FlattenExtractor

from meta_envs.family import Array
from meta_envs.training.loss import has_linear_heads, softmax, weights_of
from meta_envs.training.memories import is_plain
from meta_envs.training.policy import RecurrentPolicy


def has_plain_memory(policy: Any) -> bool:
    """Whether `Stepper` may stand for a policy: linear heads, plain LSTMs of one layer, flat observations."""
    lstms = (policy.lstm_actor, policy.lstm_critic)
    return (
        has_linear_heads(policy)
        and isinstance(policy.features_extractor, FlattenExtractor)
        and policy.observation_space.dtype == np.float32
        and not is_image_space(policy.observation_space)
        and (policy.shared_memory or policy.enable_critic_lstm)
        and all(is_plain(lstm) and lstm.num_layers == 1 for lstm in lstms if lstm is not None)
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
    """A policy in a rollout, with the weights that it has now: `RecurrentPolicy.forward` on arrays."""

    def __init__(self, policy: RecurrentPolicy) -> None:
        lstms = (policy.lstm_actor,) if policy.shared_memory else (policy.lstm_actor, policy.lstm_critic)
        self.cells = [Cell(lstm) for lstm in lstms]
        self.heads = [weights_of(head) for head in (policy.action_net, policy.value_net)]

    @np.errstate(all="ignore")  # weights that are not finite are found after every update
    def __call__(
        self, obs: Array, lstm_states: RNNStates, episode_starts: Array
    ) -> tuple[Array, th.Tensor, th.Tensor, RNNStates]:
        """Actions (B,) int64, drawn as the policy draws them, values (B, 1), log-probabilities (B,) and new states."""
        flat = obs.reshape(len(obs), -1)
        keep = None if not np.any(episode_starts) else 1.0 - np.asarray(episode_starts, np.float32)[:, None]
        after = []
        for cell, state in zip(self.cells, lstm_states, strict=False):
            before = [part[0].numpy() if keep is None else part[0].numpy() * keep for part in state]
            after.append(cell.step(flat, *before))
        logits, values = (
            latent @ weights.T + bias
            for latent, (weights, bias) in zip((after[0][0], after[-1][0]), self.heads, strict=True)
        )
        columns = np.ascontiguousarray(logits.T)
        probs, log_probs = softmax(columns)
        noise = th.empty(logits.shape).exponential_().numpy()
        actions = np.argmax(probs.T / noise, axis=1)
        states = [(th.from_numpy(hidden)[None], th.from_numpy(cell)[None]) for hidden, cell in after]
        chosen = log_probs[actions, np.arange(len(actions))]
        return actions, th.from_numpy(values), th.from_numpy(chosen), RNNStates(states[0], states[-1])
