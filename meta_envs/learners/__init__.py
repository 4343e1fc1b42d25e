"""Learners: their protocol, the rules, and the loop that rolls them out; `meta_envs.roster` names them."""

from meta_envs.learners.bandits import (
    UCB,
    BeliefLearner,
    CountingLearner,
    EpsilonGreedy,
    OptimisticThompson,
    RescorlaWagner,
    Thompson,
    ThompsonIndependent,
    ThompsonWalk,
)
from meta_envs.learners.basic import Oracle, Random
from meta_envs.learners.gittins import Gittins
from meta_envs.learners.learner import Learner, select_known
from meta_envs.learners.mazes import Memoryless, Searcher
from meta_envs.learners.returns import Record, record
from meta_envs.learners.rollout import Rollout, roll_out
from meta_envs.learners.tabular import (
    BEB,
    PSRL,
    UCRL2,
    EpisodePlanner,
    MDPEpsilonGreedy,
    OptimisticPSRL,
    backward_induction,
)
from meta_envs.learners.two_step import Hybrid

__all__ = [
    "BEB",
    "PSRL",
    "UCB",
    "UCRL2",
    "BeliefLearner",
    "CountingLearner",
    "EpisodePlanner",
    "EpsilonGreedy",
    "Gittins",
    "Hybrid",
    "Learner",
    "MDPEpsilonGreedy",
    "Memoryless",
    "OptimisticPSRL",
    "OptimisticThompson",
    "Oracle",
    "Random",
    "Record",
    "RescorlaWagner",
    "Rollout",
    "Searcher",
    "Thompson",
    "ThompsonIndependent",
    "ThompsonWalk",
    "backward_induction",
    "record",
    "roll_out",
    "select_known",
]
