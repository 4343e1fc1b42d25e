"""The Bayes optimum: exact or bounded from above, mostly one file a family, and the learner that plays it."""

from meta_envs.solvers.bayes import Bayes
from meta_envs.solvers.dispatch import solve
from meta_envs.solvers.dynamic import solve_generic
from meta_envs.solvers.gaussian import learning_boundary, learning_value
from meta_envs.solvers.optimum import Optimum

__all__ = ["Bayes", "Optimum", "learning_boundary", "learning_value", "solve", "solve_generic"]
