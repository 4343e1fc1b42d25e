"""Wrappers that make a meta-environment's past visible to its learner; imported as ``meta_envs.wrappers``.

Vector twins of the same names are in `meta_envs.wrappers.vector`. `SB3VecEnv` needs Stable-Baselines3 and is imported
when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

from meta_envs.wrappers import vector
from meta_envs.wrappers.expected_reward import ExpectedReward
from meta_envs.wrappers.history import PreviousActionReward
from meta_envs.wrappers.multi_episode import MultiEpisode
from meta_envs.wrappers.privileged import Privileged

if TYPE_CHECKING:
    from meta_envs.wrappers.sb3 import SB3VecEnv as SB3VecEnv

# SB3VecEnv is left out: `import *` works without Stable-Baselines3.
__all__ = ["ExpectedReward", "MultiEpisode", "PreviousActionReward", "Privileged", "vector"]


def __getattr__(name: str) -> Any:
    """Import Stable-Baselines3 only for those who use it."""
    if name != "SB3VecEnv":
        raise AttributeError(f"module 'meta_envs.wrappers' has no attribute {name!r}")
    try:
        from meta_envs.wrappers.sb3 import SB3VecEnv
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("meta_envs"):
            raise
        raise ImportError(f'SB3VecEnv needs {error.name}: pip install "meta-envs[train]".') from error
    return SB3VecEnv


def __dir__() -> list[str]:
    return sorted({*globals(), "SB3VecEnv"})
