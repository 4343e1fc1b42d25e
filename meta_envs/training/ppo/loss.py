"""RecurrentPPO's loss and where its gradient begins: by torch, or in NumPy where calls cost more than arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch as th
from gymnasium import spaces

from meta_envs.family import Array
from meta_envs.networks.memories import State, has_hooks, run
from meta_envs.networks.policy import FastCategorical, RecurrentPolicy
from meta_envs.networks.threads import Both, in_turn
from meta_envs.training.ppo.buffer import Samples

LOGGED = ("loss", "policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")
"""Of every minibatch."""
Evaluated: TypeAlias = tuple[dict[str, float], Callable[[], Any]]
"""What is logged, and a function that completes the gradients of the weights, which have none before."""


def can_differentiate(policy: Any) -> bool:
    """Whether the loss can be differentiated by hand: discrete actions, trained linear heads of memories, on a CPU."""
    return (
        type(policy) is RecurrentPolicy
        and type(policy.action_dist) is FastCategorical
        and (policy.shared_lstm or policy.enable_critic_lstm)
        and not (len(policy.mlp_extractor.policy_net) or len(policy.mlp_extractor.value_net))
        and type(policy.action_net) is type(policy.value_net) is th.nn.Linear
        and not (has_hooks(policy.action_net) or has_hooks(policy.value_net))
        and all(weights.requires_grad for weights in (*policy.action_net.parameters(), *policy.value_net.parameters()))
        and policy.device.type == "cpu"
    )


def are_separate(policy: Any) -> bool:
    """Whether policy and value have a memory each that draws no random numbers, and nothing that is trained below."""
    encoders = policy.pi_features_extractor, policy.vf_features_extractor
    return (
        policy.enable_critic_lstm
        and not any(getattr(memory, "dropout", 0) for memory in (policy.lstm_actor, policy.lstm_critic))
        and not any(weights.requires_grad for encoder in encoders for weights in encoder.parameters())
    )


@dataclass(frozen=True, kw_only=True)
class Loss:
    """RecurrentPPO's loss of a minibatch (Schulman et al. 2017, equation 9).

    Args:
        clip_range: Of the ratio of probabilities.
        clip_range_vf: Of the change of a value, or None.
        ent_coef: Weight of the entropy.
        vf_coef: Weight of the value's squared error.
        normalize_advantage: Whether advantages are normalised within the minibatch.
    """

    clip_range: float
    clip_range_vf: float | None
    ent_coef: float
    vf_coef: float
    normalize_advantage: bool

    def by_torch(self, policy: Any, samples: Samples, mask: th.Tensor | None) -> Evaluated:
        """Evaluate a minibatch of any recurrent policy of sb3-contrib.

        Args:
            policy: The policy.
            samples: The minibatch, of N steps.
            mask: bool (N,), False where a step is padding, or None.
        """

        def valid(values: th.Tensor) -> th.Tensor:
            return values if mask is None else values[mask]

        actions = samples.actions
        if isinstance(policy.action_space, spaces.Discrete):
            actions = actions.long().flatten()
        padded = {"mask": mask} if mask is not None and isinstance(policy, RecurrentPolicy) else {}
        values, log_prob, entropy = policy.evaluate_actions(
            samples.observations, actions, samples.lstm_states, samples.episode_starts, **padded
        )
        values, log_prob, old_log_prob = valid(values.flatten()), valid(log_prob), valid(samples.old_log_prob)
        advantages, old_values = valid(samples.advantages), valid(samples.old_values)
        if self.normalize_advantage and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)

        log_ratio = log_prob - old_log_prob
        ratio = th.exp(log_ratio)
        clipped_ratio = th.clamp(ratio, 1 - self.clip_range, 1 + self.clip_range)
        policy_loss = -th.min(advantages * ratio, advantages * clipped_ratio).mean()
        if self.clip_range_vf is not None:
            values = old_values + th.clamp(values - old_values, -self.clip_range_vf, self.clip_range_vf)
        value_loss = ((valid(samples.returns) - values) ** 2).mean()
        entropy_loss = log_prob.mean() if entropy is None else -valid(entropy).mean()
        loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss

        with th.no_grad():
            beyond = ratio - 1
            approx_kl = (beyond - log_ratio).mean()
            clip_fraction = (beyond.abs() > self.clip_range).float().mean()
            numbers = th.stack((loss, policy_loss, value_loss, entropy_loss, approx_kl, clip_fraction)).tolist()
        return dict(zip(LOGGED, numbers, strict=True)), loss.backward

    @np.errstate(all="ignore")  # what is not finite is for the caller to see
    def by_hand(
        self, policy: RecurrentPolicy, samples: Samples, mask: th.Tensor | None, both: Both | None = None
    ) -> Evaluated:
        """The same where one `can_differentiate`, down to the memories' output; the gradients of the heads are set.

        Sequences begin in the states that are given, and no episode starts within one. ``both`` calls what is done for
        each of two memories that `are_separate`; without it they go one way together.
        """
        latents: Any = policy.remember(
            samples.observations, samples.lstm_states, samples.episode_starts, mask, _in_order_of_time, both or in_turn
        )[:2]
        num = samples.lstm_states.pi[0].shape[1]
        heads, rows = (policy.action_net, policy.value_net), [slice(-1), slice(-1, None)]
        weights, biases = (np.concatenate(pair) for pair in zip(*map(weights_of, heads), strict=True))
        # With one memory both heads are one.
        ways = [(latents[0], slice(None))] if latents[0] is latents[1] else list(zip(latents, rows, strict=True))
        # np.dot, since `@` is several times slower for shapes as thin as these; of contiguous arrays it is faster yet.
        outputs = np.concatenate(
            [_by_sequence(np.dot(latent.detach().numpy(), weights[own].T.copy()), num) for latent, own in ways]
        )
        outputs += biases[:, None]
        valid = slice(None) if mask is None else mask.numpy()
        numbers, *slopes = self.differentiate(
            outputs[:-1, valid],
            outputs[-1, valid],
            samples.actions.numpy().ravel()[valid].astype(np.intp),
            samples.old_log_prob.numpy()[valid],
            samples.advantages.numpy()[valid],
            samples.returns.numpy()[valid],
            samples.old_values.numpy()[valid],
        )
        outputs[:] = 0.0  # from here on their slopes
        outputs[:-1, valid], outputs[-1, valid] = slopes
        by_weights, by_biases = np.empty_like(weights), outputs.sum(1)
        roots, gradients = [], []
        for latent, own in ways:
            slope = _by_time(outputs[own], num)
            np.dot(slope.T, latent.detach().numpy(), out=by_weights[own])
            if latent.requires_grad:
                roots.append(latent)
                gradients.append(th.from_numpy(np.dot(slope, weights[own])))
        for head, own in zip(heads, rows, strict=True):
            head.weight.grad, head.bias.grad = th.from_numpy(by_weights[own]), th.from_numpy(by_biases[own])
        backward: Callable[[], Any] = partial(th.autograd.backward, roots, gradients)
        if both and len(roots) == 2:
            first, second = (partial(th.autograd.backward, *way) for way in zip(roots, gradients, strict=True))
            backward = partial(both, first, second)
        return dict(zip(LOGGED, numbers, strict=True)), backward

    def differentiate(
        self,
        logits: Array,
        values: Array,
        actions: Array,
        old_log_probs: Array,
        advantages: Array,
        returns: Array,
        old_values: Array,
    ) -> tuple[list[float], Array, Array]:
        """What is logged of the loss, and its derivatives by logits (A, N) and values (N,)."""
        num = len(values)
        if self.normalize_advantage and num > 1:
            advantages = advantages - advantages.sum() / num
            advantages /= np.sqrt(np.dot(advantages, advantages) / (num - 1)) + 1e-8

        probs, log_probs = softmax(np.ascontiguousarray(logits))
        taken = actions * num + np.arange(num)  # flat; pairs of indices take three times as long
        log_ratio = log_probs.ravel()[taken] - old_log_probs
        ratio = np.exp(log_ratio)
        gain = advantages * ratio
        clipped = advantages * np.minimum(np.maximum(ratio, 1.0 - self.clip_range), 1.0 + self.clip_range)
        # Where clipping lowers the gain, there is no slope.
        slope = np.where(gain <= clipped, gain, 0.0)

        log_probs *= probs
        entropy = -log_probs.sum(0)
        by_logits = self.ent_coef * (log_probs + probs * entropy) + probs * slope
        by_logits.ravel()[taken] -= slope
        by_logits /= num

        error = values - returns
        if self.clip_range_vf is not None:
            change = values - old_values
            error = old_values + change.clip(-self.clip_range_vf, self.clip_range_vf) - returns
        by_values = error * (2.0 * self.vf_coef / num)
        if self.clip_range_vf is not None:
            by_values *= np.abs(change) <= self.clip_range_vf

        policy_loss = -np.minimum(gain, clipped).sum() / num
        value_loss, entropy_loss = np.dot(error, error) / num, -entropy.sum() / num
        beyond = ratio - 1.0
        numbers = (
            policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss,
            policy_loss,
            value_loss,
            entropy_loss,
            (beyond - log_ratio).sum() / num,
            np.count_nonzero(np.abs(beyond) > self.clip_range) / num,
        )
        return [float(number) for number in numbers], by_logits, by_values


def _in_order_of_time(features: th.Tensor, state: State, _: th.Tensor, memory: Any) -> tuple[th.Tensor, State]:
    """`memories.run` with outputs (L * S, H): what is as long as a minibatch of them is copied nowhere."""
    output, after = run(features, state, memory)
    return output.flatten(0, 1), after


def _by_sequence(outputs: Array, num: int) -> Array:
    """Outputs (L * S, O) in the order of time as (O, S * L), one of the S sequences after the other."""
    return outputs.reshape(-1, num, outputs.shape[1]).T.reshape(outputs.shape[1], -1)


def _by_time(slopes: Array, num: int) -> Array:
    """The inverse of `_by_sequence`."""
    return slopes.reshape(len(slopes), num, -1).T.reshape(-1, len(slopes))


def weights_of(head: th.nn.Linear) -> tuple[Array, Array]:
    """Weights (outputs, inputs) and bias (outputs,)."""
    return head.weight.detach().numpy(), head.bias.detach().numpy()


def softmax(logits: Array) -> tuple[Array, Array]:
    """Probabilities and their logarithms, of logits (A, N)."""
    log_probs = logits - logits.max(0)
    probs = np.exp(log_probs)
    total = probs.sum(0)
    log_probs -= np.log(total)
    probs /= total
    return probs, log_probs
