"""The contract of `meta_envs.testing` holds for every registered environment, and priors are as published."""

import subprocess
import sys

import families
import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

import meta_envs
from meta_envs import testing
from meta_envs.testing.sampling import counts_p_value

IDS = meta_envs.ids()
LEVEL = testing.LEVEL
NUM = 10_000


@pytest.fixture(autouse=True)
def _toys():
    with families.registered():
        yield


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("id", [*IDS, *families.TOYS])
def test_environment_keeps_the_contract(id, check):
    """Every registered environment, and families that use what no registered one does, pass every check."""
    check(id, **families.small(id))


@pytest.mark.slow
@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("id", families.SMALL)
def test_environment_keeps_the_contract_at_full_size(id, check):
    """So do long lifetimes and large images as they are registered."""
    check(id)


@pytest.mark.parametrize(
    ("id", "keywords"),
    [
        ("MetaBandit-Independent-v0", dict(num_arms=5, num_trials=7, alpha=0.5, beta=2.0)),
        ("MetaBandit-Independent-v0", dict(num_arms=1, num_trials=1)),
        ("MetaBandit-Dependent-v0", dict(num_trials=3, low=0.2, high=0.7)),
        ("MetaBandit-DependentEasy-v0", dict(num_trials=4, num_values=5)),
        ("ToyUrn-v0", dict(num_draws=1)),
    ],
    ids=str,
)
def test_environment_keeps_the_contract_with_keywords(id, keywords):
    """The contract does not depend on the defaults."""
    testing.check(id, **keywords)


def test_every_id_can_be_made_with_its_module_before_any_import():
    """``gymnasium.make("meta_envs:ID")`` works in a fresh interpreter, for every id."""
    code = f"import gymnasium\nfor id in {IDS}: gymnasium.make('meta_envs:' + id).reset(seed=0)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_contract_needs_no_test_framework():
    """`meta_envs.testing` imports neither pytest nor Stable-Baselines3, so that a user's own tests can call it."""
    code = "import sys, meta_envs.testing\nassert not {'pytest', 'stable_baselines3', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def draw_tasks(id, **keywords):
    """NUM tasks of the vector environment, of one lifetime each."""
    venv = gym.make_vec(id, NUM, num_trials=1, **keywords)
    venv.reset(seed=2024)
    return venv.unwrapped.task


@pytest.mark.parametrize(
    ("keywords", "alpha", "beta"),
    [({}, 1, 1), (dict(alpha=2.0, beta=5.0), 2, 5), (dict(num_arms=5), 1, 1)],
    ids=str,
)
def test_independent_arms_have_the_stated_prior(keywords, alpha, beta):
    """Means are U[0, 1] (Wang et al. 2016, section 3.1.1) or Beta: Kolmogorov-Smirnov, 10,000 draws, level 1e-4."""
    task = draw_tasks("MetaBandit-Independent-v0", **keywords)
    for arm in task.T:
        assert stats.kstest(arm, stats.beta(alpha, beta).cdf).pvalue > LEVEL / task.shape[1]


def test_independent_arms_are_independent():
    """The rank correlation of 10,000 pairs of arms is zero at the level 1e-4."""
    task = draw_tasks("MetaBandit-Independent-v0")
    assert stats.spearmanr(task[:, 0], task[:, 1]).pvalue > LEVEL


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.7)])
def test_dependent_uniform_arm_has_the_stated_prior(low, high):
    """p_1 is U[low, high]: Kolmogorov-Smirnov, 10,000 draws, level 1e-4."""
    task = draw_tasks("MetaBandit-Dependent-v0", low=low, high=high)
    assert stats.kstest(task[:, 0], stats.uniform(low, high - low).cdf).pvalue > LEVEL


@pytest.mark.parametrize(
    ("id", "keywords", "values"),
    [
        ("MetaBandit-DependentEasy-v0", {}, [0.1, 0.9]),
        ("MetaBandit-DependentMedium-v0", {}, [0.25, 0.75]),
        ("MetaBandit-DependentHard-v0", {}, [0.4, 0.6]),
        ("MetaBandit-Dependent-v0", dict(low=0.1, high=0.9, num_values=5), [0.1, 0.3, 0.5, 0.7, 0.9]),
    ],
    ids=str,
)
def test_dependent_values_have_the_stated_prior(id, keywords, values):
    """p_1 takes the published values (Wang et al. 2016, section 3.1.2) equally often: chi-square, level 1e-4."""
    first = draw_tasks(id, **keywords)[:, 0]
    counts = np.array([np.count_nonzero(np.isclose(first, value, rtol=0, atol=1e-12)) for value in values])
    assert counts.sum() == NUM
    assert stats.chisquare(counts).pvalue > LEVEL


@pytest.mark.parametrize("id", families.DEPENDENT_IDS)
def test_dependent_arms_add_up_to_one(id):
    """p_2 = 1 - p_1, exactly."""
    task = draw_tasks(id)
    np.testing.assert_array_equal(task[:, 1], 1.0 - task[:, 0])


@pytest.mark.parametrize(
    ("id", "arm"), [(id, arm) for id in families.BERNOULLI_IDS for arm in range(families.FAMILIES[id].num_actions)]
)
def test_bandits_pay_with_the_pulled_arms_mean(id, arm):
    """Rewards are 0 or 1, and 1 as often as the pulled arm's mean: 40,000 pulls in the easiest task, level 1e-4."""
    horizon = families.FAMILIES[id].horizon
    num = -(-40_000 // horizon)
    venv = gym.make_vec(id, num)
    venv.reset(seed=8)
    task = venv.unwrapped.task[np.argmax(venv.unwrapped.task[:, 0])]
    venv.reset(seed=9, options={"task": task})
    rewards = np.array([venv.step(np.full(num, arm))[1] for _ in range(horizon)])
    assert set(np.unique(rewards)) <= {0.0, 1.0}
    assert stats.binomtest(int(rewards.sum()), rewards.size, task[arm]).pvalue > LEVEL


@pytest.mark.parametrize("id", families.BERNOULLI_IDS)
def test_bandits_show_nothing(id):
    """A bandit's observation is the constant 0, at the start and after every pull."""
    env, family = gym.make(id), families.FAMILIES[id]
    seen = [env.reset(seed=0)[0], *(env.step(pull % family.num_actions)[0] for pull in range(family.horizon))]
    assert all(np.array_equal(observation, np.zeros(1, np.float32)) for observation in seen)


def test_chi_square_agrees_with_scipy():
    """The contract's chi-square is SciPy's where no cell is rare."""
    counts, expected = np.array([18.0, 55.0, 27.0]), np.array([25.0, 50.0, 25.0])
    assert counts_p_value(counts, expected) == pytest.approx(stats.chisquare(counts, expected).pvalue)


def test_chi_square_refuses_the_impossible():
    """One outcome of probability zero refutes a law, however many others agree."""
    assert counts_p_value(np.array([500.0, 499.0, 1.0]), np.array([500.0, 500.0, 0.0])) == 0.0
