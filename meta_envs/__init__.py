"""Meta-environments: the Gymnasium suite for deep meta-reinforcement learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from meta_envs.registry import ids, make_family, register

if TYPE_CHECKING:
    from meta_envs.comparison import Difference, compare
    from meta_envs.evaluation import evaluate
    from meta_envs.scorecards import Scorecard
    from meta_envs.solver import Optimum, solve
    from meta_envs.training import load_agent as load_agent

__version__ = "0.1.0"
# load_agent is left out: `import *` works without PyTorch.
__all__ = [
    "Difference",
    "Optimum",
    "Scorecard",
    "compare",
    "evaluate",
    "ids",
    "make_family",
    "register",
    "solve",
]

_SUBMODULES = ("agents", "behaviour", "testing", "training", "wrappers")
_LAZY = {
    "Difference": "meta_envs.comparison",
    "Optimum": "meta_envs.solver",
    "Scorecard": "meta_envs.scorecards",
    "compare": "meta_envs.comparison",
    "evaluate": "meta_envs.evaluation",
    "load_agent": "meta_envs.training",
    "solve": "meta_envs.solver",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first needed."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _SUBMODULES:
        return import_module(f"meta_envs.{name}")
    raise AttributeError(f"module 'meta_envs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_SUBMODULES})
