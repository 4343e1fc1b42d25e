"""Upper bound of the Bayes-optimal return in tabular MDPs, and what the better of two learners achieves.

A learner's belief there is a point of a space of some hundred dimensions, and its optimum is out of reach. No learner
has a higher expected return than the oracle, so that the oracle's mean over the prior is an upper bound.
"""

from __future__ import annotations

import numpy as np

from meta_envs.families.tabular import TabularMDP
from meta_envs.family import Array
from meta_envs.intervals import standard_error
from meta_envs.learners.returns import record
from meta_envs.learners.tabular import BEB, UCRL2, backward_induction
from meta_envs.limits import require_room, require_seconds, tell_sizes
from meta_envs.seeds import TABULAR_OPTIMA
from meta_envs.solvers.optimum import ERRORS, Optimum
from meta_envs.terminal.progress import track

WORK = 1 << 24
"""Probabilities that are computed for the bound, and again for what is achieved."""
TASKS = (100, 20_000)
"""Fewest and most tasks that are drawn for the bound."""
LIFETIMES = (50, 2000)
"""Fewest and most lifetimes of the learner's rollout; an eighth of them decide which learner it is."""
CHUNK = 1 << 20
"""Numbers of tasks that are solved together."""


def solve_tabular(family: TabularMDP) -> Optimum:
    """The oracle's mean return plus 3 standard errors as the bound, and what a learner achieves."""
    size = family.num_pairs * family.num_states
    require_room(family, LIFETIMES[0])
    work = max(WORK, TASKS[0] * size) + max(WORK, LIFETIMES[0] * size * family.num_episodes)
    require_seconds(3e-8 * work * family.episode_length, f"The optimum of {tell_sizes(family)}")
    optima = _sample_optima(family, int(np.clip(WORK // size, *TASKS)))
    error = standard_error(optima)
    num = int(np.clip(WORK // (size * family.num_episodes), *LIFETIMES))
    # Chosen in other lifetimes than it is judged in, for the best of several seems better than it is.
    trial = TABULAR_OPTIMA.lifetimes(max(2, num // 8))
    trials = record([BEB(), UCRL2()], family, trial, 0)
    player = (BEB, UCRL2)[int(np.argmax([np.mean(each.expected) for each in trials]))]
    achieved = record([player()], family, range(trial.stop, trial.stop + num), 0)[0].expected
    return Optimum(
        value=float(np.mean(optima) + ERRORS * error),
        achieved=float(np.mean(achieved)),
        kind="bound",
        note=f"the mean return {np.mean(optima):.2f} of the oracle, over {len(optima):,} tasks, plus "
        f"{ERRORS:g} standard errors of {error:.2f}; {player.name} has {np.mean(achieved):.2f} in {num:,} lifetimes, "
        f"with a standard error of {standard_error(achieved):.2f}",
        random_value=family.horizon * family.reward_mean,
        value_se=error,
        achieved_se=standard_error(achieved),
        player=player,
    )


def _sample_optima(family: TabularMDP, num: int) -> Array:
    """The oracle's expected returns (num,), in tasks that are always the same."""
    rng = np.random.default_rng(TABULAR_OPTIMA.first)
    optima = []
    chunk = max(1, CHUNK // family.num_task_chance)
    for start in track(range(0, num, chunk), "Averaging the oracle's return"):
        task = family.sample_task(rng.random((min(chunk, num - start), family.num_task_chance)))
        values = backward_induction(family.means(task), family.transitions(task), family.episode_length)
        optima.append(family.num_episodes * np.max(values[:, 0, 0], axis=-1))
    return np.concatenate(optima)
