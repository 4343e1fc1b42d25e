"""Which policies may be trained by hand: one question, asked before every rollout and every update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch as th
from gymnasium.envs.registration import load_env_creator
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from meta_envs.networks import kinds
from meta_envs.networks.memories import has_hooks
from meta_envs.networks.policy import FastCategorical, RecurrentPolicy

MEMORIES = (nn.LSTM, *(load_env_creator(place) for place in kinds.MEMORIES.values()))
SPECIAL = ("batch_first", "bidirectional", "dropout", "proj_size")
"""Arguments of recurrent layers that none of ours has."""


@dataclass(frozen=True, kw_only=True)
class FastPaths:
    """What may be done by hand for a policy, beside its loss.

    Attributes:
        steps: Whether `Stepper` may stand for it in rollouts: flat float32 observations, and LSTMs of one layer.
        apart: Whether its two memories may run at once: nothing that is trained lies below both.
    """

    steps: bool
    apart: bool


def fast_paths(policy: Any) -> FastPaths | None:
    """What may be done by hand for a policy as it is now; None where torch has to do everything.

    `by_hand` may be called for our own policy with linear heads that are trained, a categorical distribution, one of
    our memories or two, and all of it float32 on a CPU, as long as nobody listens in or has put something special in
    its place. Where torch does not say whether anybody listens, somebody may.
    """
    if type(policy) is not RecurrentPolicy or not (_has_plain_heads(policy) and _has_plain_memories(policy)):
        return None
    if any(has_hooks(module) for module in policy.modules()):
        return None
    if any(weights.dtype != th.float32 or weights.device.type != "cpu" for weights in policy.parameters()):
        return None
    encoders = policy.pi_features_extractor, policy.vf_features_extractor
    memories = _memories_of(policy)
    return FastPaths(
        steps=(
            all(type(encoder) is FlattenExtractor for encoder in encoders)
            and policy.observation_space.dtype == np.float32
            and len(memories) == (1 if policy.shared_memory else 2)
            and all(type(memory) is nn.LSTM and memory.num_layers == 1 for memory in memories)
            # By this torch tells of weights that were changed; without it a change would be missed.
            and all(hasattr(weights, "_version") for weights in policy.parameters())
        ),
        apart=len(memories) == 2
        and not any(weights.requires_grad for encoder in encoders for weights in encoder.parameters()),
    )


def _memories_of(policy: RecurrentPolicy) -> list[Any]:
    return [memory for memory in (policy.lstm_actor, policy.lstm_critic) if memory is not None]


def _has_plain_heads(policy: RecurrentPolicy) -> bool:
    heads = policy.action_net, policy.value_net
    return (
        type(policy.action_dist) is FastCategorical
        and not (len(policy.mlp_extractor.policy_net) or len(policy.mlp_extractor.value_net))
        and all(type(head) is nn.Linear and head.bias is not None for head in heads)
        and all(weights.requires_grad for head in heads for weights in head.parameters())
    )


def _has_plain_memories(policy: RecurrentPolicy) -> bool:
    memories = _memories_of(policy)
    layers = [layer for memory in memories for layer in memory.modules() if isinstance(layer, nn.RNNBase)]
    return (
        (policy.shared_lstm or policy.enable_critic_lstm)
        and all(type(memory) in MEMORIES for memory in memories)
        and all(layer.bias and not any(getattr(layer, name) for name in SPECIAL) for layer in layers)
    )
