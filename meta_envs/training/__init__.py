"""Training of recurrent meta-learners with PyTorch and Stable-Baselines3; nothing outside this package imports either."""

from meta_envs.training.buffer import LifetimeDictRolloutBuffer, LifetimeRolloutBuffer
from meta_envs.training.policy import LstmPolicy
from meta_envs.training.ppo import MetaRecurrentPPO

__all__ = ["LifetimeDictRolloutBuffer", "LifetimeRolloutBuffer", "LstmPolicy", "MetaRecurrentPPO"]
