"""The two classes that face Gymnasium, for one copy and for many copies of any task family."""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily

if TYPE_CHECKING:
    from meta_envs.envs.single import MetaEnv
    from meta_envs.envs.vector import MetaVectorEnv

__all__ = ["MetaEnv", "MetaVectorEnv"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazily(
        __name__, {"MetaEnv": "meta_envs.envs.single", "MetaVectorEnv": "meta_envs.envs.vector"}
    )
