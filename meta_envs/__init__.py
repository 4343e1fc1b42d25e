"""Meta-environments: the Gymnasium suite for deep meta-reinforcement learning."""

from pathlib import Path
from typing import TYPE_CHECKING

from meta_envs.errors import CannotServe, Unsolvable
from meta_envs.lazy import lazily
from meta_envs.registry import ids, make_family, register
from meta_envs.version import __version__ as __version__

if Path(__file__).with_name("wrappers").is_file():
    # A checkout without symbolic links, in which Git makes files of them: wrappers/ lies beside the package.
    __path__.append(str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from meta_envs import agents as agents
    from meta_envs import analysis as analysis
    from meta_envs import behaviour as behaviour
    from meta_envs import bench as bench
    from meta_envs import evaluation as evaluation
    from meta_envs import families as families
    from meta_envs import figures as figures
    from meta_envs import learners as learners
    from meta_envs import lifetimes as lifetimes
    from meta_envs import networks as networks
    from meta_envs import rendering as rendering
    from meta_envs import solvers as solvers
    from meta_envs import testing as testing
    from meta_envs import training as training
    from meta_envs import wrappers as wrappers
    from meta_envs.agents import load_agent as load_agent
    from meta_envs.evaluation import Difference, Scorecard, compare, evaluate
    from meta_envs.figures import reproduce as reproduce
    from meta_envs.roster import LEARNERS, make_learner, serving
    from meta_envs.solvers import Optimum, solve

# load_agent is left out: `import *` works without PyTorch.
__all__ = [
    "LEARNERS",
    "CannotServe",
    "Difference",
    "Optimum",
    "Scorecard",
    "Unsolvable",
    "compare",
    "evaluate",
    "ids",
    "make_family",
    "make_learner",
    "register",
    "reproduce",
    "serving",
    "solve",
]

_NAMES = {
    "meta_envs.agents": ("load_agent",),
    "meta_envs.evaluation": ("Difference", "Scorecard", "compare", "evaluate"),
    "meta_envs.figures": ("reproduce",),
    "meta_envs.roster": ("LEARNERS", "make_learner", "serving"),
    "meta_envs.solvers": ("Optimum", "solve"),
}
_FOLDERS = (
    "agents",
    "analysis",
    "behaviour",
    "bench",
    "evaluation",
    "families",
    "figures",
    "learners",
    "lifetimes",
    "networks",
    "rendering",
    "solvers",
    "testing",
    "training",
    "wrappers",
)

if not TYPE_CHECKING:  # else every name would be of type Any
    __getattr__, __dir__ = lazily(
        __name__,
        {name: module for module, names in _NAMES.items() for name in names}
        | {folder: f"meta_envs.{folder}" for folder in _FOLDERS},
        optional={"load_agent": "agents"},
    )
