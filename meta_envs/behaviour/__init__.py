"""Behaviour: what learners, agents and people do in the tasks, from one table of trials.

`record_trials` makes the table from learners, `read_csv` from people's data; every analysis takes it.
"""

from meta_envs.behaviour.estimates import Estimates
from meta_envs.behaviour.latency import first_to_later_latency, latency_by_visit
from meta_envs.behaviour.logistic import LogisticFit, choice_regression, fit_logistic
from meta_envs.behaviour.plots import curve_figure, stay_figure
from meta_envs.behaviour.reading import read_csv
from meta_envs.behaviour.recording import record_trials, write_trials
from meta_envs.behaviour.rescorla_wagner import RescorlaWagnerFit, add_blocks, compare_models, fit_rescorla_wagner
from meta_envs.behaviour.statistics import (
    accuracy_by_trial,
    best_arm_by_trial,
    choices_of_images,
    regret_by_trial,
    stay_probabilities,
    two_step_trials,
)
from meta_envs.behaviour.trials import TrialTable, join

__all__ = [
    "Estimates",
    "LogisticFit",
    "RescorlaWagnerFit",
    "TrialTable",
    "accuracy_by_trial",
    "add_blocks",
    "best_arm_by_trial",
    "choice_regression",
    "choices_of_images",
    "compare_models",
    "curve_figure",
    "first_to_later_latency",
    "fit_logistic",
    "fit_rescorla_wagner",
    "join",
    "latency_by_visit",
    "read_csv",
    "record_trials",
    "regret_by_trial",
    "stay_figure",
    "stay_probabilities",
    "two_step_trials",
    "write_trials",
]
