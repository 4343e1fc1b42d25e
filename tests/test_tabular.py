"""The tabular MDP: moments of its prior, its law and its clock, and the oracle by enumeration."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

import meta_envs
from meta_envs import testing
from meta_envs.families.tabular import TabularMDP
from meta_envs.lifetimes.many import make_lifetimes

ID = "MetaMDP-Tabular-v0"
LEVEL = 1e-4
SMALL = dict(num_episodes=2, num_states=3, num_actions=2, episode_length=4)
NUM = 2000


@pytest.fixture(scope="module")
def tasks():
    """NUM tasks of the default family (NUM, 550)."""
    family = TabularMDP()
    return family.sample_task(np.random.default_rng(1).random((NUM, family.num_task_chance)))


@pytest.mark.parametrize("keywords", [SMALL, dict(num_states=1, num_actions=1, episode_length=1), dict(noise_sd=0.0)])
def test_small_families_keep_the_contract(keywords):
    """Also with a single state, which has no thresholds, and without noise."""
    testing.check(ID, **{**SMALL, **keywords})


def test_means_are_normal_around_one(tasks):
    """100,000 means are N(1, 1): Kolmogorov-Smirnov; and uncorrelated with their neighbours."""
    means = tasks[:, :50]
    assert stats.kstest(means.ravel(), stats.norm(1.0, 1.0).cdf).pvalue > LEVEL
    assert stats.pearsonr(means[:, :-1].ravel(), means[:, 1:].ravel()).pvalue > LEVEL


def test_transitions_are_flat_dirichlet(tasks):
    """Each is Beta(1, 9), of mean 1/10 and variance (K - 1) / (K^2 (K + 1)); rows sum to 1; pairs correlate by -1/9."""
    probs = tasks[:, 50:].reshape(-1, 10)
    np.testing.assert_allclose(probs.sum(-1), 1.0, atol=1e-12)
    for column in probs.T:
        assert stats.kstest(column, stats.beta(1, 9).cdf).pvalue > LEVEL / 10
    num = len(probs)
    variance = 9 / (100 * 11)
    assert np.all(np.abs(probs.mean(0) - 0.1) < 5 * np.sqrt(variance / num))
    # Squared deviations of Beta(1, 9) have a standard deviation below 3 times their mean.
    assert np.all(np.abs(probs.var(0) / variance - 1) < 5 * 3 / np.sqrt(num))
    assert np.corrcoef(probs[:, 0], probs[:, 1])[0, 1] == pytest.approx(-1 / 9, abs=5 / np.sqrt(num))


def test_keywords_scale_the_means():
    """With mean 3 and standard deviation 2; with 0 all means are the same, and others are refused."""
    family = TabularMDP(reward_mean=3.0, reward_sd=2.0)
    task = family.sample_task(np.random.default_rng(2).random((200, 550)))
    assert stats.kstest(task[:, :50].ravel(), stats.norm(3.0, 2.0).cdf).pvalue > LEVEL
    sure = TabularMDP(reward_mean=3.0, reward_sd=0.0)
    known = sure.sample_task(np.random.default_rng(2).random((1, 550)))
    assert np.all(known[:, :50] == 3.0)
    assert sure.in_support(known).all()
    assert not sure.in_support(task[:1]).any()


def test_steps_follow_the_tasks_law(tasks):
    """One task, 4000 lifetimes: next states by chi-square, rewards less their mean N(0, 1), for pairs met often."""
    family, task = TabularMDP(num_episodes=1), tasks[0]
    rng = np.random.default_rng(3)
    lifetimes = make_lifetimes(family, 4000)
    lifetimes.begin(np.arange(4000), rng.random((4000, family.num_chance)), np.tile(task, (4000, 1)))
    seen = []
    for _ in range(9):
        before, action = lifetimes.state()[:, 1].copy(), rng.integers(5, size=4000)
        reward = lifetimes.step(action).reward
        seen.append(np.stack([before, action, lifetimes.state()[:, 1], reward], axis=-1))
    steps = np.concatenate(seen)
    means, probs = task[:50].reshape(10, 5), task[50:].reshape(10, 5, 10)
    tested = 0
    for state, action in np.ndindex(10, 5):
        mine = steps[(steps[:, 0] == state) & (steps[:, 1] == action)]
        if len(mine) < 300:
            continue
        tested += 1
        counts = np.bincount(mine[:, 2].astype(int), minlength=10)
        assert testing.sampling.counts_p_value(counts, len(mine) * probs[state, action]) > LEVEL / 100
        assert stats.kstest(mine[:, 3] - means[state, action], stats.norm.cdf).pvalue > LEVEL / 100
    assert tested > 20


def test_episodes_begin_in_state_0_every_ten_steps():
    """100 steps; the flag is 1 on exactly the observations after every tenth step, the last one included."""
    env = gym.make(ID)
    observation, _ = env.reset(seed=5)
    assert observation.tolist() == [1.0] + [0.0] * 10
    elsewhere = 0
    for step in range(1, 101):
        observation, _, terminated, truncated, _ = env.step(step % 5)
        assert observation[:10].sum() == 1
        assert observation[10] == (step % 10 == 0)
        assert observation[0] == 1 or step % 10 != 0
        elsewhere += observation[0] == 0
        assert terminated == (step == 100)
        assert not truncated
    assert elsewhere > 50


def test_chance_at_its_ends_is_finite():
    """Uniforms of 0, and the largest below 1, give a task in the support, finite rewards and states in range."""
    family = TabularMDP()
    for value in (0.0, 1.0 - 2**-53):
        chance = np.full((1, family.num_task_chance), value)
        task = family.sample_task(chance)
        assert np.isfinite(task).all()
        assert family.in_support(task).all()
        outcome = family.outcome(task, np.zeros((1, 2), int), np.zeros(1, int), np.full((1, 2), value))
        assert np.isfinite(outcome).all()
        assert 0 <= outcome[0, 0] < 10


def test_a_certain_law_is_followed():
    """A ring in which action 0 leads on and pays the state's number, action 1 stays and pays 0; no noise."""
    probs = np.zeros((3, 2, 3))
    for state in range(3):
        probs[state, 0, (state + 1) % 3] = probs[state, 1, state] = 1.0
    means = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    task = np.concatenate([means.ravel(), probs.ravel()])
    env = gym.make(ID, num_states=3, num_actions=2, episode_length=4, num_episodes=2, noise_sd=0.0)
    env.reset(seed=0, options={"task": task})
    steps = [env.step(action) for action in (0, 1, 0, 0, 0, 0, 0, 1)]
    assert [float(step[1]) for step in steps] == [0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0]
    assert [int(np.argmax(step[0][:3])) for step in steps] == [1, 1, 2, 0, 1, 2, 0, 0]


def value_of_policy(means, probs, policy, length):
    """Expected return of a deterministic policy (length, states) of an episode from state 0, by following its law."""
    law, total = np.eye(len(means))[0], 0.0
    for step in range(length):
        chosen = [(state, policy[step][state]) for state in range(len(means))]
        total += sum(law[state] * means[state, action] for state, action in chosen)
        law = sum(law[state] * probs[state, action] for state, action in chosen)
    return total


def test_the_task_optimum_is_the_best_of_all_policies():
    """Two states, two actions, two steps: all 16 policies are tried, in 50 tasks; three episodes have it thrice."""
    family = TabularMDP(num_states=2, num_actions=2, episode_length=2, num_episodes=3)
    task = family.sample_task(np.random.default_rng(6).random((50, family.num_task_chance)))
    optima = family.task_optimum(task)
    for each, optimum in zip(task, optima, strict=True):
        means, probs = each[:4].reshape(2, 2), each[4:].reshape(2, 2, 2)
        policies = product(product(range(2), repeat=2), repeat=2)
        best = max(value_of_policy(means, probs, policy, 2) for policy in policies)
        assert optimum == pytest.approx(3 * best, abs=1e-12)


def test_playing_the_best_action_earns_the_task_optimum(tasks):
    """40 tasks, 100 lifetimes each, by expected rewards: the mean ratio of earned to optimal is 1 within 4 errors."""
    family = TabularMDP()
    task = np.repeat(tasks[:40], 100, axis=0)
    lifetimes = make_lifetimes(family, len(task))
    lifetimes.begin(np.arange(len(task)), np.random.default_rng(7).random((len(task), family.num_chance)), task)
    earned = np.zeros(len(task))
    for _ in range(family.horizon):
        state = lifetimes.state()
        action = family.best_action(task, state)
        earned += np.take_along_axis(family.expected_rewards(task, state), action[:, None], axis=-1)[:, 0]
        lifetimes.step(action)
    excess = earned - family.task_optimum(task)
    assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(len(excess))
    assert excess.std() / np.sqrt(len(excess)) < 0.2


def test_the_last_action_of_an_episode_looks_no_further(tasks):
    """With one step to go, the best action has the highest mean, and expected rewards are the means of the state."""
    family = TabularMDP()
    place = np.arange(NUM) % 10
    state = np.stack([np.full(NUM, 19), place], axis=-1)
    means = tasks[:, :50].reshape(NUM, 10, 5)[np.arange(NUM), place]
    np.testing.assert_array_equal(family.expected_rewards(tasks, state), means)
    np.testing.assert_array_equal(family.best_action(tasks, state), np.argmax(means, axis=-1))
    first = np.stack([np.full(NUM, 20), place], axis=-1)
    assert np.mean(family.best_action(tasks, first) != np.argmax(means, axis=-1)) > 0.1


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (dict(num_states=0), "at least 1"),
        (dict(noise_sd=-1.0), "at least 0"),
        (dict(reward_mean=np.nan), "finite number"),
    ],
    ids=str,
)
def test_nonsense_is_refused(keywords, words):
    """In one sentence that says what to give."""
    with pytest.raises(ValueError, match=words):
        gym.make(ID, **keywords)


def test_tasks_outside_the_support_are_refused(tasks):
    """Probabilities that do not sum to 1, or are negative."""
    env = gym.make(ID)
    for number, change in ((50, 0.5), (51, -1.5)):
        task = tasks[0].copy()
        task[number] += change
        with pytest.raises(ValueError, match="outside the prior's support"):
            env.reset(options={"task": task})
    env.reset(options={"task": tasks[0]})


def test_pictures_hide_the_task_until_the_end():
    """Two tasks that differ in one mean not met: the same pictures and texts before the end, others at it."""
    task = TabularMDP(**SMALL).sample_task(np.full((1, 24), 0.4))[0]
    # From each state, every action leads to state 0, so that only action 0 of state 0 is ever tried.
    task[6:] = np.tile([1.0, 0.0, 0.0], 6)
    other = task.copy()
    other[1] += 9.0
    for mode in ("rgb_array", "ansi"):
        envs = [gym.make(ID, render_mode=mode, **SMALL) for _ in range(2)]
        for env, hidden in zip(envs, (task, other), strict=True):
            env.reset(seed=0, options={"task": hidden})
        for _ in range(8):
            assert np.array_equal(envs[0].render(), envs[1].render())
            for env in envs:
                env.step(0)
        assert not np.array_equal(envs[0].render(), envs[1].render())


def test_the_text_of_many_states_falls_back_to_the_table():
    """Lines of text have at most 80 characters."""
    for num_states in (10, 11):
        env = gym.make(ID, render_mode="ansi", num_states=num_states)
        env.reset(seed=0)
        env.step(0)
        assert max(map(len, env.render().splitlines())) <= 80


def test_names_are_one_a_number():
    """550, by state and action, counted from 0 as in the text."""
    names = meta_envs.make_family(ID).task_names
    assert (len(names), names[0], names[49], names[50], names[-1]) == (
        550,
        "mean_0_0",
        "mean_9_4",
        "p_0_0_0",
        "p_9_4_9",
    )
