"""The two classes that face Gymnasium, for one copy and for many copies of any task family."""

from meta_envs.envs.single import MetaEnv
from meta_envs.envs.vector import MetaVectorEnv

__all__ = ["MetaEnv", "MetaVectorEnv"]
