"""Evaluation: learners run in the same unseen lifetimes on common random numbers, and are compared."""

from meta_envs.evaluation.cards import Difference, Scorecard, load_cards, save_cards
from meta_envs.evaluation.comparison import compare, find_differences
from meta_envs.evaluation.figure import regret_figure
from meta_envs.evaluation.matrix import score_matrix
from meta_envs.evaluation.scores import assess, evaluate
from meta_envs.evaluation.tables import differences_table, table
from meta_envs.seeds import evaluation_seeds

__all__ = [
    "Difference",
    "Scorecard",
    "assess",
    "compare",
    "differences_table",
    "evaluate",
    "evaluation_seeds",
    "find_differences",
    "load_cards",
    "regret_figure",
    "save_cards",
    "score_matrix",
    "table",
]
