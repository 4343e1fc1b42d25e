"""Meta-environments: the Gymnasium suite for deep meta-reinforcement learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from meta_envs.registry import ids, make_family, register

if TYPE_CHECKING:
    from meta_envs.evaluation import Scorecard, evaluate
    from meta_envs.solver import Optimum, solve
    from meta_envs.training.agent import load_agent

__version__ = "0.1.0"
__all__ = [
    "Optimum",
    "Scorecard",
    "evaluate",
    "ids",
    "load_agent",
    "make_family",
    "register",
    "solve",
]

_LAZY = {
    "Optimum": "meta_envs.solver",
    "Scorecard": "meta_envs.evaluation",
    "evaluate": "meta_envs.evaluation",
    "load_agent": "meta_envs.training.agent",
    "solve": "meta_envs.solver",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first needed."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in ("wrappers", "testing"):
        return import_module(f"meta_envs.{name}")
    raise AttributeError(f"module 'meta_envs' has no attribute {name!r}")
