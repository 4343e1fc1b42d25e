"""Training of recurrent meta-learners with PyTorch and Stable-Baselines3, which nothing outside imports."""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily
from meta_envs.training.presets import KINDS, PRESETS
from meta_envs.training.settings import Preset

if TYPE_CHECKING:
    from meta_envs.agents.agent import Agent, load_agent
    from meta_envs.networks.policy import RecurrentPolicy
    from meta_envs.training.callback import TrainingStopped
    from meta_envs.training.ppo.buffer import LifetimeDictRolloutBuffer, LifetimeRolloutBuffer
    from meta_envs.training.ppo.ppo import MetaRecurrentPPO
    from meta_envs.training.process import keep_memory
    from meta_envs.training.snapshot import snapshots
    from meta_envs.training.trainer import train

__all__ = [
    "KINDS",
    "PRESETS",
    "Agent",
    "LifetimeDictRolloutBuffer",
    "LifetimeRolloutBuffer",
    "MetaRecurrentPPO",
    "Preset",
    "RecurrentPolicy",
    "TrainingStopped",
    "keep_memory",
    "load_agent",
    "snapshots",
    "train",
]

if not TYPE_CHECKING:  # else every name would be of type Any
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "Agent": "meta_envs.agents.agent",
            "LifetimeDictRolloutBuffer": "meta_envs.training.ppo.buffer",
            "LifetimeRolloutBuffer": "meta_envs.training.ppo.buffer",
            "MetaRecurrentPPO": "meta_envs.training.ppo.ppo",
            "RecurrentPolicy": "meta_envs.networks.policy",
            "TrainingStopped": "meta_envs.training.callback",
            "keep_memory": "meta_envs.training.process",
            "load_agent": "meta_envs.agents.agent",
            "snapshots": "meta_envs.training.snapshot",
            "train": "meta_envs.training.trainer",
        },
        "Training",
    )
