"""Evaluation: learners run in the same unseen lifetimes on common random numbers, and are compared."""

from meta_envs.evaluation.aggregate import Aggregate, aggregate, evaluate_seeds
from meta_envs.evaluation.cards import Difference, Scorecard, load_cards, save_cards
from meta_envs.evaluation.comparison import compare, find_differences
from meta_envs.evaluation.figure import profile_figure, regret_figure
from meta_envs.evaluation.matrix import score_matrix
from meta_envs.evaluation.scores import assess, evaluate
from meta_envs.evaluation.tables import aggregates_table, differences_table, table
from meta_envs.seeds import evaluation_seeds

__all__ = [
    "Aggregate",
    "Difference",
    "Scorecard",
    "aggregate",
    "aggregates_table",
    "assess",
    "compare",
    "differences_table",
    "evaluate",
    "evaluate_seeds",
    "evaluation_seeds",
    "find_differences",
    "load_cards",
    "profile_figure",
    "regret_figure",
    "save_cards",
    "score_matrix",
    "table",
]
