"""Training of recurrent meta-learners with PyTorch and Stable-Baselines3, which nothing outside imports."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from meta_envs.training.presets import PRESETS
from meta_envs.training.settings import Preset

if TYPE_CHECKING:
    from meta_envs.training.agent import Agent, load_agent
    from meta_envs.training.buffer import LifetimeDictRolloutBuffer, LifetimeRolloutBuffer
    from meta_envs.training.policy import RecurrentPolicy
    from meta_envs.training.ppo import MetaRecurrentPPO
    from meta_envs.training.trainer import train
    from meta_envs.training.watch import TrainingStopped

_LAZY = {
    "Agent": "agent",
    "LifetimeDictRolloutBuffer": "buffer",
    "LifetimeRolloutBuffer": "buffer",
    "RecurrentPolicy": "policy",
    "MetaRecurrentPPO": "ppo",
    "TrainingStopped": "watch",
    "load_agent": "agent",
    "train": "trainer",
}

__all__ = [
    "PRESETS",
    "Agent",
    "LifetimeDictRolloutBuffer",
    "LifetimeRolloutBuffer",
    "MetaRecurrentPPO",
    "Preset",
    "RecurrentPolicy",
    "TrainingStopped",
    "load_agent",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import torch and Stable-Baselines3 when they are first needed."""
    if name not in _LAZY:
        raise AttributeError(f"module 'meta_envs.training' has no attribute {name!r}")
    try:
        return getattr(import_module(f"meta_envs.training.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("meta_envs"):
            raise
        raise ImportError(f"Training needs {error.name}: pip install 'meta-envs[train]'.") from error
