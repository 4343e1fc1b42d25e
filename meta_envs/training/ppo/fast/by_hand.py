"""RecurrentPPO's loss, and where its gradient begins, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch as th

from meta_envs.family import Array
from meta_envs.networks.memories import State, run
from meta_envs.networks.policy import RecurrentPolicy
from meta_envs.networks.threads import Both, in_turn
from meta_envs.training.ppo.buffer import Samples
from meta_envs.training.ppo.loss import LOGGED, Evaluated, Loss


@np.errstate(all="ignore")  # what is not finite is for the caller to see
def by_hand(
    loss: Loss, policy: RecurrentPolicy, samples: Samples, mask: th.Tensor | None, both: Both | None = None
) -> Evaluated:
    """`Loss.by_torch` down to the memories' output, for policies that have `fast_paths`; heads have their gradients.

    Sequences begin in the states that are given, and no episode starts within one.

    Args:
        loss: The loss.
        policy: The policy.
        samples: The minibatch, of N steps.
        mask: bool (N,), False where a step is padding, or None.
        both: Calls what is done for each of two memories, where they are apart; without it they go one way together.
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
    numbers, *slopes = differentiate(
        loss,
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
    loss: Loss,
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
    if loss.normalize_advantage and num > 1:
        advantages = advantages - advantages.sum() / num
        advantages /= np.sqrt(np.dot(advantages, advantages) / (num - 1)) + 1e-8

    probs, log_probs = softmax(np.ascontiguousarray(logits))
    taken = actions * num + np.arange(num)  # flat; pairs of indices take three times as long
    log_ratio = log_probs.ravel()[taken] - old_log_probs
    ratio = np.exp(log_ratio)
    gain = advantages * ratio
    clipped = advantages * np.minimum(np.maximum(ratio, 1.0 - loss.clip_range), 1.0 + loss.clip_range)
    # Where clipping lowers the gain, there is no slope.
    slope = np.where(gain <= clipped, gain, 0.0)

    log_probs *= probs
    entropy = -log_probs.sum(0)
    by_logits = loss.ent_coef * (log_probs + probs * entropy) + probs * slope
    by_logits.ravel()[taken] -= slope
    by_logits /= num

    error = values - returns
    if loss.clip_range_vf is not None:
        change = values - old_values
        error = old_values + change.clip(-loss.clip_range_vf, loss.clip_range_vf) - returns
    by_values = error * (2.0 * loss.vf_coef / num)
    if loss.clip_range_vf is not None:
        by_values *= np.abs(change) <= loss.clip_range_vf

    policy_loss = -np.minimum(gain, clipped).sum() / num
    value_loss, entropy_loss = np.dot(error, error) / num, -entropy.sum() / num
    beyond = ratio - 1.0
    numbers = (
        policy_loss + loss.ent_coef * entropy_loss + loss.vf_coef * value_loss,
        policy_loss,
        value_loss,
        entropy_loss,
        (beyond - log_ratio).sum() / num,
        np.count_nonzero(np.abs(beyond) > loss.clip_range) / num,
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
