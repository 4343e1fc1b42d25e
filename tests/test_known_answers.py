"""Families against answers from the paper or by hand: frequencies at the stated level, pay-offs and optima exactly."""

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

import meta_envs
from meta_envs.wrappers import PreviousActionReward

LEVEL = 1e-4
INFORMATIVE, TWO_STEP = "MetaBandit-Informative-v0", "MetaTwoStep-v0"


@pytest.mark.parametrize("other_reward", [1.0, 1.1])
@pytest.mark.parametrize("target", range(1, 11))
def test_arms_of_the_informative_bandit_pay_what_the_paper_says(target: int, other_reward: float) -> None:
    """The target pays 5, the other nine 1 (or 1.1), arm 11 a tenth of the target's number."""
    env = gym.make(INFORMATIVE, num_trials=11, other_reward=other_reward)
    env.reset(seed=0, options={"task": [target]})
    paid = [env.step(arm)[1] for arm in range(11)]
    assert paid == [5.0 if arm == target else other_reward for arm in range(1, 11)] + [target / 10]


def test_each_of_ten_arms_is_the_target_as_often() -> None:
    """10,000 lifetimes, chi-square."""
    venv = gym.make_vec(INFORMATIVE, 10_000)
    venv.reset(seed=1)
    counts = np.bincount(venv.unwrapped.task[:, 0].astype(int), minlength=11)
    assert counts[0] == 0
    assert chisquare(counts[1:]).pvalue > LEVEL


def test_asking_and_then_taking_the_target_is_optimal() -> None:
    """By hand: 0.55 on average for asking, then 5 in each of four pulls; random play has 5 (14 / 11 + 0.05)."""
    optimum = meta_envs.solve(INFORMATIVE)
    assert optimum.value == pytest.approx(0.55 + 4 * 5)
    assert optimum.random_value == pytest.approx(5 * (5 + 9 * 1 + 0.55) / 11)
    learner = optimum.policy
    learner.begin(meta_envs.make_family(INFORMATIVE), 1, np.random.default_rng(0))
    assert learner.act(np.zeros((1, 1))).tolist() == [10]


def test_one_trial_is_too_few_to_ask() -> None:
    """With one pull every arm but the last is worth 1.4, the last 0.55; with two, asking pays: 0.55 + 5."""
    assert meta_envs.solve(INFORMATIVE, num_trials=1).value == pytest.approx((5 + 9) / 10)
    assert meta_envs.solve(INFORMATIVE, num_trials=2).value == pytest.approx(5.55)


def live_two_steps(num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First-stage choices, second-stage states, rewards and better states (num * 10,) under random choices."""
    venv = gym.make_vec(TWO_STEP, num)
    venv.reset(seed=2)
    better = venv.unwrapped.task[:, 0]
    rng = np.random.default_rng(3)
    trials = []
    for _ in range(10):
        choice = rng.integers(2, size=num)
        state, nothing, *_ = venv.step(choice)
        assert not nothing.any()
        _, reward, *_ = venv.step(rng.integers(2, size=num))
        trials.append((choice, 1 + np.argmax(state, axis=-1), reward, better))
    choice, state, reward, better = (np.concatenate(parts) for parts in zip(*trials, strict=True))
    return choice, state, reward, better


def test_transitions_of_the_two_step_task_have_the_papers_frequencies() -> None:
    """0.75 on the common way, of either choice, in 20,000 trials: binomial tests."""
    choice, state, _, _ = live_two_steps(2000)
    assert set(state.tolist()) == {2, 3}
    for action, common in ((0, 2), (1, 3)):
        went = state[choice == action] == common
        assert binomtest(int(went.sum()), len(went), 0.75).pvalue > LEVEL


def test_rewards_of_the_two_step_task_have_the_papers_frequencies() -> None:
    """0.9 in the better state, 0.1 in the other, whichever they are and however they were reached: binomial tests."""
    choice, state, reward, better = live_two_steps(2000)
    for place in (2, 3):
        for action in (0, 1):
            for pays in (2, 3):
                paid = reward[(state == place) & (choice == action) & (better == pays)]
                probability = 0.9 if place == pays else 0.1
                assert binomtest(int(paid.sum()), len(paid), probability).pvalue > LEVEL


def test_the_two_step_optimum_by_hand() -> None:
    """One trial has 0.5; knowing the better state is worth 0.7 a trial; random play has 0.5 a trial."""
    assert meta_envs.solve(TWO_STEP, num_trials=1).value == pytest.approx(0.5)
    # After one trial the state that was seen to pay, or not to pay, is right with 0.9: 0.9 * 0.7 + 0.1 * 0.3.
    assert meta_envs.solve(TWO_STEP, num_trials=2).value == pytest.approx(0.5 + 0.66)
    assert meta_envs.solve(TWO_STEP).random_value == pytest.approx(5.0)
    assert 6.5 < meta_envs.solve(TWO_STEP).value < 7.0


def test_the_time_of_the_two_step_task_is_the_trials() -> None:
    """0, 0, 0.1, 0.1, ... and 1 at the end [paper: the trial number; ours: scaled]."""
    env = PreviousActionReward(gym.make(TWO_STEP))
    seen = [env.reset(seed=0)[0][-1], *(env.step(0)[0][-1] for _ in range(20))]
    np.testing.assert_allclose(seen, [(step // 2) / 10 for step in range(21)], rtol=1e-6)


def test_the_two_step_task_shows_its_states_in_turn() -> None:
    """S1 one-hot, then S2 or S3, and so on; 20 steps, the last of which ends the lifetime."""
    env = gym.make(TWO_STEP)
    observation, _ = env.reset(seed=4)
    for step in range(20):
        assert observation.sum() == 1
        assert (observation[0] == 1) == (step % 2 == 0)
        observation, _, terminated, truncated, _ = env.step(step % 2)
        assert terminated == (step == 19)
        assert not truncated
