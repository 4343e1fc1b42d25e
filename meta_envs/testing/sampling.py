"""Checks by sampling: the prior, the pay-offs, the beliefs, and that the first observation does not tell the task.

Every check holds at `LEVEL` as a whole (Bonferroni), with fixed seeds.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from meta_envs import wrappers
from meta_envs.family import Array, DiscreteFamily, FiniteTaskFamily
from meta_envs.lifetimes.many import make_lifetimes
from meta_envs.registry import make_family
from meta_envs.testing.playing import arrays, tasks

LEVEL = 1e-4
"""Probability with which a check rejects a family that is right."""
NUM_TASKS = 8192
"""Tasks drawn to test a prior."""
NUM_FIRST = 4096
"""First observations tested, fewer where they are images."""
NUM_STEPS = 100_000
"""Steps taken to test pay-offs, spread over 16 tasks."""
NUM_PARTICLES = 20_000
"""Tasks drawn to test a belief, weighted by the likelihood of a history."""
FEWEST = 2000
"""Effective number of them below which a history is left."""


def check_prior(id: str, **keywords: Any) -> None:
    """Tasks of environments are drawn from the prior that the family states and that its beliefs begin with."""
    venv = gym.make_vec(id, NUM_TASKS // 4, **keywords)
    drawn = []
    for number in range(4):
        venv.reset(seed=number * NUM_TASKS)
        drawn.append(tasks(venv))
    task = np.concatenate(drawn)
    family = make_family(id, **keywords)
    outside = task[~family.in_support(task)]
    assert not len(outside), f"The task {outside[:1].tolist()} was drawn but is not in_support: correct one of the two."
    if isinstance(family, FiniteTaskFamily):
        known, prior = family.tasks()
        which = np.argmin(np.sum(np.abs(task[:, None] - known), axis=-1), axis=-1)
        counts = np.bincount(which, minlength=len(prior))
        assert counts_p_value(counts, len(task) * prior) > LEVEL / 2, (
            f"Tasks come with the frequencies {counts / len(task)} and not with the prior {prior} of tasks()."
        )
    if isinstance(family, DiscreteFamily):
        _check_initial_belief(family, task)


def _check_initial_belief(family: DiscreteFamily, task: Array) -> None:
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(1)
    believed = family.sample_posterior(np.repeat(family.initial_belief(), len(task), axis=0), rng)
    # Random directions show dependence between the numbers of a task.
    directions = np.concatenate([np.eye(task.shape[1]), rng.normal(size=(task.shape[1], 8))], axis=1).round(3)
    for direction in directions.T:
        sides = [np.sum(side * direction, axis=-1).round(9) for side in (task, believed)]
        assert ks_2samp(*sides, method="asymp").pvalue > LEVEL / 4 / directions.shape[1], (
            f"Along {direction} tasks are not distributed as sample_posterior(initial_belief()) is: make sample_task "
            "and the beliefs follow one prior."
        )
    state = _first_states(family)
    for action in range(family.num_actions):
        for row in state:
            law = family.outcome_probs(task, np.tile(row, (len(task), 1)), np.full(len(task), action))
            said = family.predict(family.initial_belief(), row[None], np.array([action]))[0]
            level = LEVEL / 4 / (family.num_actions * len(state) * family.num_outcomes)
            mean, error = _average(law, np.ones(len(law)), level)
            assert np.all(np.abs(mean - said) <= error), (
                f"Before any evidence, action {action} in state {row} has the mean law {mean} over tasks, and "
                f"predict(initial_belief()) says {said}: make both follow one prior."
            )


def _average(law: Array, weight: Array, level: float) -> tuple[Array, Array]:
    """Weighted mean (K,) of laws (N, K) and how far from the truth it may be: normal, and for rare events Bernstein."""
    weights = weight / np.sum(weight)
    mean = np.sum(weights[:, None] * law, axis=0)
    deviation = np.sqrt(np.sum((weights[:, None] * (law - mean)) ** 2, axis=0))
    bound = _quantile(level)
    return mean, bound * deviation + bound**2 * np.sum(weights**2)


def _first_states(family: DiscreteFamily) -> Array:
    """Some states (N, S) in which lifetimes begin."""
    chance = np.random.default_rng(2).random((64, family.num_task_chance))
    return np.unique(family.initial_state(None, chance), axis=0)[:8]


def check_payoffs(id: str, **keywords: Any) -> None:
    """For each of 16 drawn tasks and each action, outcomes come as often as ``outcome_probs`` says."""
    family = make_family(id, **keywords)
    if not isinstance(family, DiscreteFamily):
        return
    rng = np.random.default_rng(3)
    groups, num = 16, 16 * int(np.ceil(NUM_STEPS / 16 / family.horizon))
    which = np.arange(num) % groups
    task = family.sample_task(rng.random((groups, family.num_task_chance)))[which]
    lifetimes = make_lifetimes(family, num)
    lifetimes.begin(np.arange(num), rng.random((num, family.num_chance)), task)
    counts = np.zeros((groups, family.num_actions, family.num_outcomes))
    expected = np.zeros_like(counts)
    for _ in range(family.horizon):
        action = rng.integers(family.num_actions, size=num)
        probs = family.outcome_probs(task, lifetimes.state(), action)
        outcome, _, terminated = lifetimes.step(action)
        np.add.at(counts, (which, action, outcome), 1)
        np.add.at(expected, (which, action), probs)
        over = np.flatnonzero(terminated)
        if len(over):
            lifetimes.begin(over, rng.random((len(over), family.num_chance)), task[over])
    for group, action in np.ndindex(groups, family.num_actions):
        seen, said = counts[group, action], expected[group, action]
        assert counts_p_value(seen, said) > LEVEL / groups / family.num_actions, (
            f"In the task {task[group].tolist()} action {action} had the outcomes {seen.astype(int).tolist()}, where "
            f"outcome_probs says {said.round(1).tolist()}: let `outcome` be the inverse CDF of outcome_probs."
        )


def check_beliefs(id: str, **keywords: Any) -> None:
    """Beliefs follow Bayes' rule: predictions after a history are those of prior tasks weighted by its likelihood."""
    family = make_family(id, **keywords)
    if not isinstance(family, DiscreteFamily):
        return
    rng = np.random.default_rng(4)
    prior = np.repeat(family.initial_belief(), NUM_PARTICLES, axis=0)
    particles = family.sample_posterior(prior, rng)
    histories, length = 8, min(family.horizon, 6)
    level = LEVEL / (histories * (length + 1) * family.num_actions * family.num_outcomes * 2)
    starts = _first_states(family)
    for _ in range(histories):
        state = starts[[rng.integers(len(starts))]]
        truth = particles[[rng.integers(NUM_PARTICLES)]]
        belief, weight = family.initial_belief(), np.ones(NUM_PARTICLES)
        history: list[tuple[int, int]] = []
        for _ in range(length + 1):
            posterior = family.sample_posterior(np.repeat(belief, NUM_PARTICLES // 4, axis=0), rng)
            for action in range(family.num_actions):
                said = family.predict(belief, state, np.array([action]))[0]
                for name, sample, weights in (
                    ("Bayes' rule", particles, weight),
                    ("sample_posterior", posterior, np.ones(NUM_PARTICLES // 4)),
                ):
                    mean, error = _average(_law(family, sample, state, action), weights, level)
                    assert np.all(np.abs(mean - said) <= error), (
                        f"After (action, outcome) = {history} the law of action {action} in state {state[0]} is {mean} "
                        f"by {name}, and predict says {said}: correct update_belief, predict or sample_posterior."
                    )
            action = int(rng.integers(family.num_actions))
            probs = _law(family, truth, state, action)[0]
            outcome = int(np.sum(rng.random() >= np.cumsum(probs)[:-1]))
            weight = weight * _law(family, particles, state, action)[:, outcome]
            if np.sum(weight) ** 2 < FEWEST * np.sum(weight**2):
                break
            did = np.array([action]), np.array([outcome])
            belief, state = family.update_belief(belief, state, *did), family.next_state(state, *did)
            history.append((action, outcome))
            if family.terminated(None, state)[0]:
                break


def _law(family: DiscreteFamily, task: Array, state: Array, action: int) -> Array:
    return family.outcome_probs(task, np.repeat(state, len(task), axis=0), np.full(len(task), action))


def check_first_observation(id: str, **keywords: Any) -> None:
    """First observations, wrapped or not, are independent of the task, and infos are empty."""
    info = gym.make(id, **keywords).reset(seed=0)[1]
    assert info == {}, f"reset() gives the info {info}: leave it empty, wrappers add what a user asks for."
    size = sum(array.size for array in arrays(list(gym.make_vec(id, 1, **keywords).reset(seed=0)))) + 1
    num = int(np.clip(2**22 // size, 256, NUM_FIRST))
    for wrap in (False, True):
        venv = gym.make_vec(id, num, **keywords)
        venv = wrappers.vector.PreviousActionReward(venv) if wrap else venv
        venv.action_space.seed(0)
        for seed in (5, None):
            observation, info = venv.reset(seed=seed)
            assert info == {}, f"reset() gives the info {info}: leave it empty, wrappers add what a user asks for."
            shown = np.concatenate([part.reshape(num, -1) for part in arrays([observation])], axis=1)
            found = strongest_link(shown, tasks(venv))
            assert not found, f"The first observation tells the task{' through the history wrapper' * wrap}: {found}."
            venv.step(venv.action_space.sample())


def strongest_link(shown: Array, hidden: Array) -> str:
    """Which column of ``shown`` (n, D) goes with which of ``hidden`` (n, T), by ranks or squared ranks; empty if none.

    Under independence each correlation times the root of n is standard normal to good approximation, where at least 30
    rows differ from the most common value; other columns are left out.
    """
    from scipy.stats import rankdata

    columns = [column for column in shown.T if len(column) - np.max(np.unique(column, return_counts=True)[1]) >= 30]
    if not columns:
        return ""
    ranks = [_standardise(rankdata(part, axis=0)) for part in (np.stack(columns, axis=1), hidden)]
    features = np.concatenate([ranks[1], _standardise(ranks[1] ** 2)], axis=1)
    links = np.abs(ranks[0].T @ features) / np.sqrt(len(shown))
    if np.max(links) <= _quantile(LEVEL / 4 / links.size):
        return ""
    column, feature = np.unravel_index(np.argmax(links), links.shape)
    return f"varying column {column} goes with number {feature % hidden.shape[1]} of the task (z = {np.max(links):.1f})"


def _standardise(values: Array) -> Array:
    centred = values - np.mean(values, axis=0)
    spread = np.std(values, axis=0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def counts_p_value(counts: Array, expected: Array) -> float:
    """Chi-square probability of counts (K,) so far from those expected (K,); cells expected below 5 are one."""
    from scipy.stats import chi2

    if np.any(counts[expected < 1e-9]):
        return 0.0
    rare = expected < 5
    seen, said = (np.append(side[~rare], np.sum(side[rare])) for side in (counts, expected))
    likely = said > 1e-9
    distance = np.sum((seen[likely] - said[likely]) ** 2 / said[likely])
    return float(chi2.sf(distance, max(np.count_nonzero(likely) - 1, 1)))


def _quantile(level: float) -> float:
    """Bound of a standard normal's size at a level."""
    from scipy.stats import norm

    return float(norm.isf(level / 2))
