"""RecurrentPPO's loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch as th
from gymnasium import spaces

from meta_envs.networks.policy import RecurrentPolicy
from meta_envs.training.ppo.buffer import Samples

LOGGED = ("loss", "policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")
"""Of every minibatch."""
Evaluated: TypeAlias = tuple[dict[str, float], Callable[[], Any]]
"""What is logged, and a function that completes the gradients of the weights, which have none before."""


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
