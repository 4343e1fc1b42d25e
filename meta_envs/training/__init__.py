"""Training of recurrent meta-learners with PyTorch and Stable-Baselines3; no other package imports either."""

from meta_envs.training.agent import Agent, load_agent
from meta_envs.training.buffer import LifetimeDictRolloutBuffer, LifetimeRolloutBuffer
from meta_envs.training.policy import LstmPolicy
from meta_envs.training.ppo import MetaRecurrentPPO
from meta_envs.training.presets import PRESETS, Preset
from meta_envs.training.run import TrainingStopped, train

__all__ = [
    "PRESETS",
    "Agent",
    "LifetimeDictRolloutBuffer",
    "LifetimeRolloutBuffer",
    "LstmPolicy",
    "MetaRecurrentPPO",
    "Preset",
    "TrainingStopped",
    "load_agent",
    "train",
]
