"""The two-step task of 2018 against its published numbers, brute force, and the task of 2016."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import binom, binomtest, chisquare

import meta_envs
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.two_step import TwoStep
from meta_envs.learners.returns import record
from meta_envs.rendering import Trace
from meta_envs.rendering.painters.two_step import write_two_step
from meta_envs.solvers.switching import solve_switching
from meta_envs.wrappers import PreviousActionReward

LEVEL = 1e-4
SWITCHING = "MetaTwoStep-Switching-v0"


def draw(num: int, seed: int = 0) -> np.ndarray:
    """Schedules (num, 100)."""
    family = SwitchingTwoStep()
    return family.sample_task(np.random.default_rng(seed).random((num, family.num_task_chance)))


def run_at_random(num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First-stage choices, second-stage states, rewards and better states (num * 100,) under random choices."""
    venv = gym.make_vec(SWITCHING, num)
    venv.reset(seed=2)
    schedule, rng, trials = venv.unwrapped.task, np.random.default_rng(3), []
    for trial in range(100):
        choice = rng.integers(2, size=num)
        state, nothing, *_ = venv.step(choice)
        assert not nothing.any()
        _, reward, *_ = venv.step(rng.integers(2, size=num))
        trials.append((choice, 1 + np.argmax(state, axis=-1), reward, schedule[:, trial]))
    choice, state, reward, better = (np.concatenate(parts) for parts in zip(*trials, strict=True))
    return choice, state, reward, better


def test_frequencies_are_those_of_2018() -> None:
    """0.8 on the common way of either choice; 0.9 in the better state and 0.1 in the other: binomial tests."""
    choice, state, reward, better = run_at_random(100)
    assert set(state.tolist()) == {2, 3}
    for action, common in ((0, 2), (1, 3)):
        went = state[choice == action] == common
        assert binomtest(int(went.sum()), len(went), 0.8).pvalue > LEVEL
    for place, pays, action in product((2, 3), (2, 3), (0, 1)):
        paid = reward[(state == place) & (better == pays) & (choice == action)]
        assert len(paid) > 200
        assert binomtest(int(paid.sum()), len(paid), 0.9 if place == pays else 0.1).pvalue > LEVEL


def test_the_better_state_switches_once_in_forty_trials() -> None:
    """0.025 before every trial but the first, whichever it is, independently: counts a lifetime are binomial."""
    schedule = draw(10_000)
    assert set(np.unique(schedule)) == {2.0, 3.0}
    assert binomtest(int(np.sum(schedule[:, 0] == 2)), len(schedule), 0.5).pvalue > LEVEL
    switches = schedule[:, 1:] != schedule[:, :-1]
    for place in (2, 3):
        from_here = switches[schedule[:, :-1] == place]
        assert binomtest(int(from_here.sum()), len(from_here), 0.025).pvalue > LEVEL
    for trials in (slice(0, 10), slice(89, 99)):
        assert binomtest(int(switches[:, trials].sum()), switches[:, trials].size, 0.025).pvalue > LEVEL
    counts = np.bincount(np.minimum(switches.sum(axis=-1), 8), minlength=9)
    law = binom(99, 0.025)
    assert chisquare(counts, len(schedule) * np.append(law.pmf(np.arange(8)), law.sf(7))).pvalue > LEVEL
    after = switches[:, 1:][switches[:, :-1]]
    assert binomtest(int(after.sum()), len(after), 0.025).pvalue > LEVEL


def test_choices_do_not_move_the_schedule() -> None:
    """The same seed has the same schedule, ways and pay-offs at each step, whatever was done before."""
    seen = []
    for first in range(2):
        env = gym.make(SWITCHING, num_trials=30)
        env.reset(seed=5)
        actions = [first] * 30 + [0] * 30
        seen.append((env.unwrapped.task.tolist(), [env.step(action)[0].tolist() for action in actions][30:]))
    assert seen[0] == seen[1]


def test_given_schedules_are_followed() -> None:
    """With certain ways and pay-offs nothing is left to chance: the reward tells the schedule."""
    schedule = [2, 3, 3, 2, 2]
    for choice in range(2):
        env = gym.make(SWITCHING, num_trials=5, common=1.0, high=1.0, low=0.0)
        env.reset(seed=0, options={"task": schedule})
        paid = []
        for trial in range(5):
            observation, *_ = env.step(choice)
            assert np.argmax(observation) == 1 + choice
            _, reward, terminated, truncated, _ = env.step(0)
            paid.append(reward)
            assert terminated == (trial == 4)
            assert not truncated
        assert paid == [float(better == choice + 2) for better in schedule]


def test_beliefs_are_those_of_all_schedules() -> None:
    """Bayes' rule over all 32 schedules of five trials gives the same predictions; drawn schedules go on."""
    family = SwitchingTwoStep(num_trials=5, switch=0.2, low=0.3)
    schedules = np.array(list(product((2.0, 3.0), repeat=5)))
    switched = np.sum(schedules[:, 1:] != schedules[:, :-1], axis=-1)
    prior = 0.5 * 0.2**switched * 0.8 ** (4 - switched)
    rng = np.random.default_rng(0)
    for _ in range(20):
        weight, belief, state = prior.copy(), family.initial_belief(), np.zeros((1, 2), np.intp)
        for step in range(10):
            action = np.array([rng.integers(2)])
            laws = family.outcome_probs(schedules, np.repeat(state, 32, axis=0), np.repeat(action, 32))
            weight /= np.sum(weight)
            np.testing.assert_allclose(family.predict(belief, state, action)[0], weight @ laws, atol=1e-12)
            assert belief[0, 1] == pytest.approx(np.sum(weight[schedules[:, step // 2] == 2]), abs=1e-12)
            outcome = np.array([rng.integers(2)])
            weight *= laws[:, outcome[0]]
            belief, state = (
                family.update_belief(belief, state, action, outcome),
                family.next_state(state, action, outcome),
            )
    belief = np.repeat([[2.0, 0.3]], 20_000, axis=0)
    drawn = family.sample_posterior(belief, rng)
    assert (drawn[:, :2] == drawn[:, 2:3]).all()
    assert binomtest(int(np.sum(drawn[:, 2] == 2)), len(drawn), 0.3).pvalue > LEVEL
    # After one more trial 0.3 * 0.8 + 0.7 * 0.2.
    assert binomtest(int(np.sum(drawn[:, 3] == 2)), len(drawn), 0.38).pvalue > LEVEL


def test_the_optimum_by_hand() -> None:
    """After a trial the state that paid is better with 0.9, in the next with 0.9 * 0.975 + 0.1 * 0.025 = 0.88."""
    assert meta_envs.solve(SWITCHING, num_trials=1).value == pytest.approx(0.5)
    assert meta_envs.solve(SWITCHING, num_trials=2).value == pytest.approx(0.5 + 0.88 * 0.74 + 0.12 * 0.26)
    assert meta_envs.solve(SWITCHING, num_trials=2).random_value == pytest.approx(1.0)


@pytest.mark.parametrize(
    "keywords",
    [{}, dict(switch=0.3), dict(common=0.6, high=0.7, low=0.2), dict(common=0.3, high=0.4, low=0.8, switch=0.5)],
    ids=str,
)
def test_the_grid_of_beliefs_gives_the_exact_optimum(keywords: dict[str, float]) -> None:
    """Where all histories can be gone through, the grid gives their value to 1e-4, never less."""
    family = meta_envs.make_family(SWITCHING, num_trials=5, **keywords)
    exact, grid = meta_envs.solve(family).value, solve_switching(family)
    assert 0 <= grid.value - exact + 1e-12 < 1e-4
    played, best = record([grid.policy, meta_envs.solve(family).policy], family, range(2000), 0)
    assert abs(np.mean(played.expected - best.expected)) < 0.01


def test_one_who_knows_the_schedule_has_three_quarters() -> None:
    """0.8 * 0.9 + 0.2 * 0.1 = 0.74 a trial, in every schedule; random play has 0.5."""
    knows, random = meta_envs.evaluate(["oracle", "random"], SWITCHING, episodes=1000, num_trials=10)
    assert knows.regret_mean == pytest.approx(0.0, abs=1e-12)
    assert abs(knows.return_mean - 7.4) < 4 * knows.return_se
    assert abs(random.regret_mean - 2.4) < 4 * random.regret_se


def test_without_switches_it_is_the_task_of_2016() -> None:
    """The same optimum, and in the same task and on the same chance the same rewards."""
    still = dict(switch=0.0, common=0.75, num_trials=6)
    assert meta_envs.solve(SWITCHING, **still).value == pytest.approx(
        meta_envs.solve("MetaTwoStep-v0", num_trials=6).value
    )
    one, other = SwitchingTwoStep(**still), TwoStep(num_trials=6)  # type: ignore[arg-type]
    place, action = np.indices((3, 2)).reshape(2, -1)
    for better in (2.0, 3.0):
        trial = np.stack([np.full(6, 4), place], axis=-1)
        here = one.outcome_probs(np.full((6, 6), better), trial, action)
        np.testing.assert_array_equal(here, other.outcome_probs(np.full((6, 1), better), place[:, None], action))


def test_support() -> None:
    """Schedules of 2 and 3; where they never or always switch, only such."""
    tasks = np.array([[2, 2, 2], [2, 3, 2], [2, 2, 3], [2, 4, 2], [np.nan, 2, 2]], float)
    expected = {0.0: [1, 0, 0, 0, 0], 0.5: [1, 1, 1, 0, 0], 1.0: [0, 1, 0, 0, 0]}
    for switch, inside in expected.items():
        assert SwitchingTwoStep(num_trials=3, switch=switch).in_support(tasks).tolist() == [
            bool(each) for each in inside
        ]
    for wrong in (dict(switch=1.1), dict(switch=np.nan), dict(common=-0.1), dict(num_trials=0)):
        with pytest.raises(ValueError, match="is not possible"):
            SwitchingTwoStep(**wrong)  # type: ignore[arg-type]


def test_the_time_is_the_trials() -> None:
    """0, 0, 0.01, 0.01, ... and 1 at the end."""
    env = PreviousActionReward(gym.make(SWITCHING))
    seen = [env.reset(seed=0)[0][-1], *(env.step(0)[0][-1] for _ in range(200))]
    np.testing.assert_allclose(seen, [(step // 2) / 100 for step in range(201)], rtol=1e-6)


def test_the_text_tells_ways_and_rewards() -> None:
    """A common way rewarded, a rare one not: C and r; at the end the runs of the better state."""
    family = SwitchingTwoStep(num_trials=2)
    trace = Trace(np.array([2.0, 3.0]), [np.array([0, 0])])
    steps = [(0, 0, [0, 1], 0.0), (1, 1, [1, 0], 1.0), (1, 0, [1, 1], 0.0)]
    for action, outcome, state, reward in steps:
        trace.add(action, outcome, np.array(state), reward, over=False)
    lines = write_two_step(family, trace).splitlines()
    assert lines[:2] == ["Switching two step: trial 1 / 2, reward 1", "last: choice 2, rare way to S2"]
    assert [line.split() for line in lines[3:]] == [["1", "1", "1.00", "C"], ["2", "0", "-", "·"]]
    trace.add(0, 0, np.array([2, 0]), 0.0, over=True)
    lines = write_two_step(family, trace).splitlines()
    assert lines[1] == "over; better: S2 1x, S3 1x"
    assert [line.split() for line in lines[3:]] == [["1", "1", "1.00", "C·"], ["2", "1", "0.00", "·r"]]
