"""Recurrent actor-critics in torch, which know no family and no training."""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily
from meta_envs.networks.kinds import ENCODERS, MEMORIES

if TYPE_CHECKING:
    from meta_envs.networks.actor_critic import ActorCritic as ActorCritic
    from meta_envs.networks.memories import FastWeightLSTM as FastWeightLSTM
    from meta_envs.networks.memories import StackedLSTM as StackedLSTM
    from meta_envs.networks.policy import RecurrentPolicy as RecurrentPolicy

# The networks are left out: `import *` works without PyTorch.
__all__ = ["ENCODERS", "MEMORIES"]

if not TYPE_CHECKING:  # else every name would be of type Any
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "ActorCritic": "meta_envs.networks.actor_critic",
            "FastWeightLSTM": "meta_envs.networks.memories",
            "RecurrentPolicy": "meta_envs.networks.policy",
            "StackedLSTM": "meta_envs.networks.memories",
        },
        "A network",
    )
