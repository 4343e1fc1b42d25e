"""What is counted in a lifetime: its trials, or its steps where there are no trials."""

from __future__ import annotations

import numpy as np

from meta_envs.family import Array, TaskFamily
from meta_envs.lifetimes.tables import is_bandit


def number_trials(family: TaskFamily) -> tuple[Array, Array]:
    """Trial of every step of a lifetime and the step's place in it (horizon,), both from 1, by the family's time."""
    trial = np.unique(family.elapsed(np.arange(family.horizon)), return_inverse=True)[1] + 1
    first = np.searchsorted(trial, trial)
    return trial, np.arange(family.horizon) - first + 1


def count_trials(family: TaskFamily) -> int:
    """Trials of a lifetime; its steps where there are no trials of several steps."""
    return int(getattr(family, family.trial_counter[1]) if family.trial_counter else number_trials(family)[0][-1])


def has_long_trials(family: TaskFamily) -> bool:
    """Whether there are trials of several steps."""
    return family.trial_counter is not None or count_trials(family) < family.horizon


def name_unit(family: TaskFamily) -> str:
    """What curves go over: "trial", of which a pull of a bandit is one, or "step"."""
    return "trial" if has_long_trials(family) or is_bandit(family) else "step"
