"""Mean rewards in place of drawn ones: right by hand, fair, the same alone and side by side."""

from functools import partial

import families
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from side_by_side import compare

from meta_envs import wrappers
from meta_envs.testing.playing import make_sync

MODES = [mode.value for mode in AutoresetMode]
NUM = 4
SHORT = {
    "MetaBandit-Dependent-v0": {"num_trials": 6},
    "MetaTwoStep-v0": {"num_trials": 3},
    "MetaHarlow-Symbolic-v0": {"num_trials": 3},
    "MetaMDP-Tabular-v0": {"num_episodes": 2, "episode_length": 3},
}
ExpectedReward = wrappers.ExpectedReward


def test_it_pays_the_mean_and_shows_what_was_drawn():
    """Of an arm that pays with 0.75 it pays 0.75; the previous reward that is seen is 0 or 1, as without it."""
    keywords = {"num_trials": 30}
    plain, env = (wrappers.PreviousActionReward(gym.make("MetaBandit-Dependent-v0", **keywords)) for _ in range(2))
    env = ExpectedReward(env)
    for each in (plain, env):
        each.reset(seed=0, options={"task": [0.75, 0.25]})
    drawn = []
    for action in [0, 1] * 15:
        expected, found = plain.step(action), env.step(action)
        np.testing.assert_array_equal(found[0], expected[0])
        assert found[2:] == expected[2:]
        assert (found[1], type(found[1])) == (0.75 - 0.5 * action, float)
        drawn.append(expected[1])
    assert set(drawn) == {0.0, 1.0}


def test_regret_is_what_the_best_arm_would_have_paid_in_addition():
    """Of arms of 0.25 and 0.75, 0 for the better and -0.5 for the other; what is seen stays drawn."""
    plain, env = (wrappers.PreviousActionReward(gym.make("MetaBandit-Dependent-v0")) for _ in range(2))
    env = ExpectedReward(env, regret=True)
    for each in (plain, env):
        each.reset(seed=0, options={"task": [0.25, 0.75]})
    for action in [0, 1] * 15:
        observation, paid, *_ = env.step(action)
        np.testing.assert_array_equal(observation, plain.step(action)[0])
        assert (paid, type(paid)) == (0.5 * (action - 1), float)


def test_regret_is_of_bandits():
    """Where actions lead to other states, the best of one state is no constant, and another policy would be best."""
    for make, wrapper in ((gym.make, ExpectedReward), (gym.make_vec, wrappers.vector.ExpectedReward)):
        for id in ("MetaTwoStep-v0", "MetaMDP-Tabular-v0"):
            with pytest.raises(ValueError, match=r"^regret=True is not possible for .*: leave it out\.$"):
                wrapper(make(id), regret=True)
        wrapper(make("MetaBandit-Restless-v0"), regret=True)  # its state is the clock


def test_the_state_decides_too():
    """The first stage of the two-step task pays nothing, the second its own chance, whatever is done there."""
    env = ExpectedReward(gym.make("MetaTwoStep-v0"))
    observation, _ = env.reset(seed=0, options={"task": [2]})
    paid = []
    for _ in range(20):
        stage = int(np.argmax(observation))
        observation, reward, *_ = env.step(0)
        paid.append((stage, reward))
    assert {reward for stage, reward in paid if stage == 0} == {0.0}
    assert {reward for stage, reward in paid if stage > 0} == {0.1, 0.9}


def test_with_autoreset_inside_a_new_beginning_pays_nothing():
    """The step after the end is none of the lifetime's."""
    env = ExpectedReward(gym.wrappers.Autoreset(gym.make("MetaBandit-DependentEasy-v0", num_trials=2)))
    env.reset(seed=0)
    steps = [env.step(0)[1:3] for _ in range(6)]
    assert [over for _, over in steps] == [False, True, False, False, True, False]
    assert [reward in (0.1, 0.9) for reward, _ in steps] == [True, True, False, True, True, False]


@pytest.mark.parametrize("id", ["MetaBandit-Independent-v0", "MetaMDP-Tabular-v0"])
def test_the_expected_return_stays_what_it_is(id):
    """4000 lifetimes of random play on common random numbers: the mean difference is within 4 standard errors of 0."""
    num = 4000
    plain, mean = gym.make_vec(id, num), wrappers.vector.ExpectedReward(gym.make_vec(id, num))
    rng, gap = np.random.default_rng(0), np.zeros(num)
    for venv in (plain, mean):
        venv.reset(seed=0)
    for _ in range(plain.unwrapped.family.horizon):
        actions = rng.integers(plain.single_action_space.n, size=num)
        gap += mean.step(actions)[1] - plain.step(actions)[1]
    assert gap.std() > 1.0
    assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(num)


@pytest.mark.parametrize("mode", MODES)
def test_regret_side_by_side_is_alone_many_times(mode):
    """To the last bit, over several lifetimes."""
    id = "MetaBandit-Informative-v0"
    ours = wrappers.vector.ExpectedReward(gym.make_vec(id, NUM, autoreset_mode=mode), regret=True)
    compare(ours, make_sync(id, NUM, mode, [partial(ExpectedReward, regret=True)]), mode, 25)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", [*SHORT, "ToyUrn-v0"])
def test_side_by_side_is_alone_many_times(id, mode):
    """In every mode, with seeds, tasks and masks, to the last bit."""
    with families.registered():
        keywords = SHORT.get(id, {})
        ours = wrappers.vector.ExpectedReward(gym.make_vec(id, NUM, autoreset_mode=mode, **keywords))
        compare(ours, make_sync(id, NUM, mode, [ExpectedReward], **keywords), mode, 45)


@pytest.mark.parametrize("mode", MODES)
def test_with_several_episodes_in_one_task(mode):
    """Outside of MultiEpisode."""
    id, keywords = "MetaTwoStep-v0", {"num_trials": 2}
    several = partial(wrappers.MultiEpisode, num_episodes=2)
    ours = gym.make_vec(id, NUM, autoreset_mode="NextStep", **keywords)
    ours = wrappers.vector.ExpectedReward(wrappers.vector.MultiEpisode(ours, num_episodes=2, autoreset_mode=mode))
    compare(ours, make_sync(id, NUM, mode, [several, ExpectedReward], **keywords), mode, 60)


def test_where_nobody_knows_the_means_it_is_refused():
    """One sentence, for other packages' environments and for families that do not tell."""
    with families.registered():
        with pytest.raises(ValueError, match="of vector environments a native one"):
            wrappers.vector.ExpectedReward(make_sync("MetaTwoStep-v0", 2, MODES[0], []))
        for make, wrapper in ((gym.make, ExpectedReward), (gym.make_vec, wrappers.vector.ExpectedReward)):
            for id in ("CartPole-v1", "ToyDrift-v0"):
                with pytest.raises(ValueError, match=r"^Mean rewards are not known of .*: wrap an"):
                    wrapper(make(id))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({}, (0.0, 1.0)), ({"expected_reward": True}, (0.1, 0.9)), ({"regret": True}, (0.0, -0.8))],
)
def test_a_preset_may_learn_from_mean_rewards(settings, wanted):
    """What training is paid are drawn numbers, means or regret, as the preset says; the agent sees what was drawn."""
    pytest.importorskip("sb3_contrib")
    from meta_envs.training.presets import preset_of
    from meta_envs.training.run import Run

    id = "MetaBandit-DependentEasy-v0"
    env = Run(id=id, preset=preset_of(id, num_envs=16, **settings)).make_env()
    env.reset()
    steps = [env.step(np.zeros(16, np.intp)) for _ in range(20)]
    paid = {float(reward) for _, rewards, *_ in steps for reward in rewards}
    assert paid == set(map(np.float32, wanted))
    assert {float(observation[3]) for observations, *_ in steps for observation in observations} == {0.0, 1.0}
