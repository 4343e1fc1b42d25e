"""Wrappers that make a meta-environment's past visible to its learner; imported as ``meta_envs.wrappers``.

Vector twins of the same names are in `meta_envs.wrappers.vector`. `SB3VecEnv` needs Stable-Baselines3 and is imported
when it is first asked for.
"""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily
from meta_envs.wrappers import vector
from meta_envs.wrappers.expected_reward import ExpectedReward
from meta_envs.wrappers.history import PreviousActionReward
from meta_envs.wrappers.multi_episode import MultiEpisode
from meta_envs.wrappers.privileged import Privileged

if TYPE_CHECKING:
    from meta_envs.wrappers.sb3 import SB3VecEnv as SB3VecEnv

# SB3VecEnv is left out: `import *` works without Stable-Baselines3.
__all__ = ["ExpectedReward", "MultiEpisode", "PreviousActionReward", "Privileged", "vector"]

if not TYPE_CHECKING:  # else every name would be of type Any
    __getattr__, __dir__ = lazily(__name__, {"SB3VecEnv": "meta_envs.wrappers.sb3"}, "SB3VecEnv")
