"""The wrappers: their arguments, what they stand around, and the specs, seeds, options and actions that pass them."""

import json
import re
import subprocess
import sys
from functools import partial

import families
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import Autoreset, NormalizeReward, TransformReward
from gymnasium.wrappers import vector as gym_vector
from stable_baselines3.common.torch_layers import CombinedExtractor
from stable_baselines3.common.vec_env import DummyVecEnv

import meta_envs
from meta_envs import wrappers
from meta_envs.testing.playing import difference, make_sync

DEPENDENT = "MetaBandit-Dependent-v0"
EASY = "MetaBandit-DependentEasy-v0"
NUM = 3
NAN = float("nan")

PreviousActionReward = wrappers.PreviousActionReward


class Foreign(gym.Env):
    """An environment of another package: random observations and rewards, lifetimes of five steps."""

    def __init__(self, observation_space, action_space=None, values=(0.0, 1.0)):
        self.observation_space = observation_space
        self.action_space = action_space or spaces.Discrete(2)
        self.values = values
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action):
        self.steps += 1
        return self._observe(), float(self.np_random.choice(self.values)), self.steps == 5, False, {}

    def _observe(self):
        self.observation_space.seed(int(self.np_random.integers(1000)))
        return self.observation_space.sample()


class Silent(gym.vector.VectorEnv):
    """A vector environment that does not say how it resets its copies."""

    metadata: dict = {}  # noqa: RUF012
    num_envs = NUM
    single_observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
    single_action_space = spaces.Discrete(2)


def expect_sentence(message, *words):
    """One sentence with these words, and a cure behind a colon."""
    assert re.fullmatch(r"[^.\s].*: .+\.", message, re.DOTALL), message
    assert ". " not in message
    for word in words:
        assert word in message, message


def make_both(id=DEPENDENT):
    """The environment, single and vector, each with its history wrapper."""
    return (PreviousActionReward, gym.make(id)), (wrappers.vector.PreviousActionReward, gym.make_vec(id, NUM))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("horizon", value) for value in (2.5, True, "a", 0, -3, NAN, [5])),
        *(("reward_values", value) for value in ([], [0.0, NAN], [float("inf")], "ab", ["a"], 3.0, [[0.0, 1.0]])),
        *((name, value) for name in ("action", "reward", "time") for value in ("no", 1, None)),
        *(("reward_encoding", value) for value in ("onehot", None, 1)),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(name, value):
    """The sentence gives the argument, its value and the cure, for one copy and for many."""
    others = {"reward_encoding": "one_hot"} if name == "reward_values" else {}
    for wrap, env in make_both():
        with pytest.raises(ValueError, match=re.escape(f"{name}={value!r} is not possible: ")) as caught:
            wrap(env, **others, **{name: value})
        expect_sentence(str(caught.value))


def test_reward_values_without_their_encoding_are_refused():
    """They would have no effect."""
    for wrap, env in make_both():
        with pytest.raises(ValueError, match=r"reward_values=\[0, 1\].*'one_hot'") as caught:
            wrap(env, reward_values=[0, 1])
        expect_sentence(str(caught.value))


SCALED = [
    lambda: PreviousActionReward(TransformReward(gym.make(DEPENDENT), lambda reward: 9.0 * reward + 1.0)),
    lambda: PreviousActionReward(NormalizeReward(gym.make(DEPENDENT))),
    lambda: wrappers.vector.PreviousActionReward(
        gym_vector.TransformReward(gym.make_vec(DEPENDENT, NUM), lambda reward: 9.0 * reward + 1.0)
    ),
    lambda: wrappers.vector.PreviousActionReward(gym_vector.NormalizeReward(gym.make_vec(DEPENDENT, NUM))),
    lambda: wrappers.vector.PreviousActionReward(make_sync(DEPENDENT, NUM, "SameStep", [NormalizeReward])),
]


@pytest.mark.parametrize("make", SCALED)
def test_changed_rewards_stay_in_the_space(make):
    """Behind a wrapper of rewards the family's range does not hold, and the observations are still in their space."""
    env = make()
    observation, _ = env.reset(seed=0)
    for _ in range(10):
        assert env.observation_space.contains(observation)
        observation = env.step(env.action_space.sample())[0]


@pytest.mark.parametrize(
    "env",
    [
        (PreviousActionReward, lambda: TransformReward(gym.make(DEPENDENT), float)),
        (wrappers.vector.PreviousActionReward, lambda: gym_vector.NormalizeReward(gym.make_vec(DEPENDENT, NUM))),
    ],
    ids=["single", "vector"],
)
def test_changed_rewards_are_not_known(env):
    """A one-hot encoding of them needs the distinct rewards."""
    wrap, make = env
    with pytest.raises(ValueError, match="give reward_values=") as caught:
        wrap(make(), reward_encoding="one_hot")
    expect_sentence(str(caught.value))
    assert wrap(make(), reward_encoding="one_hot", reward_values=[1.0, 10.0]).history.blank.shape == (1 + 2 + 3 + 1,)


@pytest.mark.parametrize(
    ("key", "switch"), [("time", "time"), ("previous_action", "action"), ("previous_reward", "reward")]
)
def test_keys_are_never_overwritten(key, switch):
    """An environment's own key of the same name is refused, unless that part is off."""
    own = spaces.Dict({key: spaces.Box(0.0, 1.0, (2,), np.float32)})
    with pytest.raises(ValueError, match=f"'{key}'.*{switch}=False") as caught:
        PreviousActionReward(Foreign(own), horizon=5)
    expect_sentence(str(caught.value))
    env = PreviousActionReward(Foreign(own), horizon=5, **{switch: False})
    assert env.observation_space.contains(env.reset(seed=0)[0])


@pytest.mark.parametrize(
    ("observed", "key"),
    [
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), "image"),
        (spaces.Box(0.0, 1.0, (8, 8, 3), np.float32), "image"),
        (spaces.Box(0.0, 1.0, (4, 1), np.float32), "observation"),
    ],
    ids=str,
)
def test_only_images_are_called_images(observed, key):
    """Stacked flat observations are no image; SB3's extractor takes both."""
    single = PreviousActionReward(Foreign(observed), horizon=5)
    venv = SyncVectorEnv([partial(Foreign, observed)] * NUM, autoreset_mode="SameStep")
    many = wrappers.vector.PreviousActionReward(venv, horizon=5)
    for env in (single, many):
        observation, _ = env.reset(seed=0)
        assert list(observation) == [key, "previous_action", "previous_reward", "time"]
        assert env.observation_space.contains(observation)
    if observed.shape != (8, 8, 3):
        assert CombinedExtractor(single.observation_space).features_dim == 4 + 2 + 1 + 1


def test_the_observation_space_is_refused_first():
    """A tuple of observations has no horizon that would help."""
    with pytest.raises(ValueError, match=r"The observation space Tuple.*FlattenObservation") as caught:
        PreviousActionReward(gym.make("Blackjack-v1"))
    expect_sentence(str(caught.value))


@pytest.mark.parametrize("switch", [{}, {"action": False}, {"reward": False}, {"time": False}], ids=str)
@pytest.mark.parametrize("actions", [spaces.Discrete(3, start=2), spaces.Box(-2.0, 3.0, (2,), np.float32)], ids=str)
@pytest.mark.parametrize(
    "observed",
    [
        spaces.Box(0.0, 1.0, (2,), np.float64),
        spaces.Box(0.0, 1.0, (), np.float32),
        spaces.Discrete(4, start=1),
        spaces.Box(0.0, 1.0, (2, 2), np.float32),
    ],
    ids=str,
)
def test_foreign_environments_are_the_same_alone_and_side_by_side(observed, actions, switch):
    """One copy and many write the same past to the last bit, beyond the horizon that was given too."""
    make = partial(Foreign, observed, actions, (0.1, 0.7))
    for encoding in ({}, {"reward_encoding": "one_hot", "reward_values": (0.7, 0.1)}):
        wrap = dict(**switch, **encoding, horizon=3)
        theirs = SyncVectorEnv([lambda: PreviousActionReward(make(), **wrap)] * NUM, autoreset_mode="SameStep")  # noqa: B023
        ours = wrappers.vector.PreviousActionReward(SyncVectorEnv([make] * NUM, autoreset_mode="SameStep"), **wrap)
        assert ours.single_observation_space == theirs.single_observation_space
        ours.action_space.seed(0)
        results = [[*env.reset(seed=0)] for env in (ours, theirs)]
        for _ in range(12):
            assert not difference(*results)
            sampled = ours.action_space.sample()
            results = [[*env.step(sampled)] for env in (ours, theirs)]


def test_handed_out_observations_share_no_memory():
    """Writing into an observation changes nothing that follows, for one copy and for many."""
    for wrap, env in make_both():
        runs = []
        for spoil in (False, True):
            wrapped = wrap(env)
            seen = [wrapped.reset(seed=0)[0]]
            for _ in range(5):
                kept = seen[-1].copy()
                if spoil:
                    seen[-1][...] = 7.0
                seen[-1] = kept
                seen.append(wrapped.step(np.zeros(NUM, int) if wrap is not PreviousActionReward else 0)[0])
            runs.append(seen)
        assert not difference(*runs)


def test_a_silent_vector_environment_is_refused():
    """Without its autoreset mode, nobody knows where lifetimes begin."""
    with pytest.raises(ValueError, match="autoreset_mode=None") as caught:
        wrappers.vector.PreviousActionReward(Silent(), horizon=5)
    expect_sentence(str(caught.value), "Silent", "AutoresetMode.SAME_STEP")


def test_lists_of_infos_go_outside():
    """A list of infos holds no final observations; outside, the list is made of what they have become."""
    with pytest.raises(ValueError, match="put DictInfoToList outside") as caught:
        wrappers.vector.PreviousActionReward(gym_vector.DictInfoToList(gym.make_vec(DEPENDENT, NUM)))
    expect_sentence(str(caught.value))
    venv = gym_vector.DictInfoToList(wrappers.vector.PreviousActionReward(gym.make_vec(DEPENDENT, NUM, num_trials=1)))
    venv.reset(seed=0)
    infos = venv.step(np.zeros(NUM, int))[-1]
    assert [info["final_obs"].shape for info in infos] == [(5,)] * NUM


def test_autoreset_goes_outside():
    """Inside, lifetimes would begin unseen; outside, nothing is past at the reset."""
    with pytest.raises(ValueError, match="put Autoreset outside") as caught:
        PreviousActionReward(Autoreset(gym.make(DEPENDENT)))
    expect_sentence(str(caught.value))
    env = Autoreset(PreviousActionReward(gym.make(DEPENDENT, num_trials=1)))
    env.reset(seed=0)
    assert env.step(1)[0][-1] == 1.0
    np.testing.assert_array_equal(env.step(1)[0], np.zeros(5, np.float32))


def round_trip(spec):
    """The spec through JSON."""
    return EnvSpec.from_json(spec.to_json())


@pytest.mark.parametrize("mode", AutoresetMode)
def test_specs_of_vector_environments_are_json(mode):
    """Also where the mode is Gymnasium's enum, and keywords and copies are NumPy's numbers."""
    venv = gym.make_vec(DEPENDENT, np.int64(NUM), autoreset_mode=mode, num_trials=np.int64(7), low=np.float64(0.25))
    assert json.loads(venv.spec.to_json())["kwargs"]["autoreset_mode"] == mode.value
    again = gym.make_vec(round_trip(venv.spec))
    assert (again.num_envs, again.metadata, again.family) == (NUM, venv.metadata, venv.family)


def test_specs_of_single_environments_are_json():
    """Also where keywords are NumPy's numbers, of the family and of the wrapper."""
    env = gym.make(DEPENDENT, num_trials=np.int64(7), low=np.float32(0.25))
    values = np.array([0.0, 1.0])
    env = PreviousActionReward(env, horizon=np.int32(9), reward_encoding="one_hot", reward_values=values)
    again = gym.make(round_trip(env.spec))
    assert again.unwrapped.family == env.unwrapped.family
    assert again.observation_space == env.observation_space
    results = [[each.reset(seed=0), *(each.step(1) for _ in range(7))] for each in (env, again)]
    assert not difference(*results)


@pytest.mark.parametrize("seed", [True, np.True_, 2.5, "one", {}], ids=repr)
def test_seeds_are_whole_numbers(seed):
    """Truth is no number; single and vector environments refuse alike."""
    for env in (gym.make(DEPENDENT), gym.make_vec(DEPENDENT, NUM)):
        with pytest.raises(ValueError, match=re.escape(f"seed={seed!r} is not possible")) as caught:
            env.reset(seed=seed)
        expect_sentence(str(caught.value))


def test_truth_among_seeds_is_refused():
    """In a list too."""
    with pytest.raises(ValueError, match=r"seed=\[1, True, 3\]"):
        gym.make_vec(DEPENDENT, NUM).reset(seed=[1, True, 3])


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_numpy_seeds_are_seeds(kind):
    """A NumPy integer seeds as Python's own, in single and vector environments."""
    for env in (gym.make(DEPENDENT), gym.make_vec(DEPENDENT, NUM)):
        tasks = [env.reset(seed=seed) and env.unwrapped.task for seed in (5, kind(5))]
        np.testing.assert_array_equal(*tasks)


def let_end(id, num, **keywords):
    """Copies in NEXT_STEP mode, ours and Gymnasium's, all but copy 0 at the end of their lifetimes."""
    venvs = gym.make_vec(id, num, autoreset_mode="NextStep", **keywords), make_sync(id, num, "NextStep", **keywords)
    venvs[0].action_space.seed(0)
    first = venvs[0].action_space.sample()
    for venv in venvs:
        venv.reset(seed=0)
        venv.step(first)
        venv.reset(options={"reset_mask": np.arange(num) == 0})
        assert venv.step(first)[2].tolist() == [False] + [True] * (num - 1)
    return venvs


def test_a_dead_step_does_not_look_at_the_action():
    """Copies about to begin anew take any number, as Gymnasium's do; the live copy's action is still checked."""
    ours, theirs = let_end(DEPENDENT, NUM, num_trials=2)
    for actions in ([7, 1, -1], [0.0, 1.0, 0.0], [2, 0, 0]):
        with pytest.raises(InvalidAction):
            ours.step(np.array(actions))
    actions = np.array([1, 99, -1])
    assert not difference(*([*venv.step(actions)] for venv in (ours, theirs)))
    assert actions.tolist() == [1, 99, -1]
    assert not difference(*([*venv.step(np.array([0, 1, 1]))] for venv in (ours, theirs)))


def test_a_dead_step_does_not_look_at_the_continuous_action():
    """Not even at one that is no number."""
    with families.registered():
        ours, theirs = let_end("ToyDrift-v0", NUM, num_steps=2)
    actions = np.full((NUM, 2), 0.5, np.float32)
    actions[1:] = NAN
    assert not difference(*([*venv.step(actions)] for venv in (ours, theirs)))


@pytest.mark.parametrize(
    "options",
    [
        {"task": np.array([0.1, 0.9])},
        [{"task": np.array([0.9, 0.1])} for _ in range(NUM)],
        [{"task": np.array(task)} for task in ([0.9, 0.1], [0.1, 0.9], [0.9, 0.1])],
        [{"task": task} for task in ([0.9, 0.1], [0.1, 0.9], [0.1, 0.9])],
    ],
    ids=["one for all", "equal arrays", "arrays", "lists"],
)
def test_options_of_copies_are_those_of_sb3(options):
    """Arrays are options too, and tasks may differ from copy to copy, as in DummyVecEnv."""
    ours = wrappers.SB3VecEnv(wrappers.vector.PreviousActionReward(gym.make_vec(EASY, NUM)))
    theirs = DummyVecEnv([lambda: PreviousActionReward(gym.make(EASY))] * NUM)
    results = []
    for env in (ours, theirs):
        env.seed(3)
        env.set_options(options)
        results.append([env.reset(), np.stack([task.copy() for task in env.unwrapped.get_attr("task")])])
        results[-1] += [env.step(np.zeros(NUM, int))[1] for _ in range(20)]
    assert not difference(*results)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([{"task": [0.1, 0.9]}, {}, {}], "[0.1, 0.9]"),
        ([{"task": [0.1, 0.9]}] * 2, "2 options"),
        ([{"task": [0.1, 0.9]}, {"task": [0.1, 0.9], "other": 1}, {}], "other"),
    ],
)
def test_options_that_cannot_be_joined_are_refused(options, word):
    """One vector environment takes one dictionary: all copies have a task, or none."""
    env = wrappers.SB3VecEnv(gym.make_vec(EASY, NUM))
    env.set_options(options)
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        env.reset()
    expect_sentence(str(caught.value))


def test_a_base_installation_says_what_is_missing():
    """Without PyTorch and SB3, `import *` works, and what needs them says how to install them."""
    code = """
import sys
import meta_envs
assert not {"scipy", "torch", "stable_baselines3", "pygame"} & set(sys.modules)
for name in ("torch", "stable_baselines3", "sb3_contrib", "safetensors", "tensorboard", "tqdm"):
    sys.modules[name] = None
from meta_envs import *
from meta_envs.wrappers import *
PreviousActionReward, vector, solve, evaluate
for module, name, extra in ((meta_envs, "load_agent", "agents"), (meta_envs.wrappers, "SB3VecEnv", "train")):
    try:
        getattr(module, name)
    except ImportError as error:
        assert not isinstance(error, ModuleNotFoundError), repr(error)
        assert f"pip install 'meta-envs[{extra}]'" in str(error), error
    else:
        raise AssertionError(name)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_what_is_imported_late_is_listed():
    """Tab completion shows it."""
    assert {"solve", "evaluate", "load_agent", "wrappers", "testing"} <= set(dir(meta_envs))
    assert {"PreviousActionReward", "SB3VecEnv", "vector"} <= set(dir(wrappers))
    assert meta_envs.load_agent is meta_envs.training.load_agent


@pytest.mark.parametrize("key", ["episode", "statistics"])
@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("privileged", [True, False])
def test_statistics_of_ended_episodes_reach_sb3(privileged, outside, key):
    """In the info of the step that ended one, as `DummyVecEnv` has them; what is true of the new one is not there."""
    statistics = partial(gym_vector.RecordEpisodeStatistics, stats_key=key)
    order = [statistics, wrappers.vector.PreviousActionReward] + [wrappers.vector.Privileged] * privileged
    venv = gym.make_vec("MetaBandit-Informative-v0", NUM)
    for wrap in order[::-1] if outside else order:
        venv = wrap(venv)
    singles = [gym.wrappers.RecordEpisodeStatistics] + [wrappers.Privileged] * privileged
    theirs = DummyVecEnv([partial(make_wrapped, "MetaBandit-Informative-v0", singles)] * NUM)
    ours, ended = wrappers.SB3VecEnv(venv), 0
    for env in (ours, theirs):
        env.seed(0)
        env.reset()
    for _ in range(17):
        actions = np.array([ours.action_space.sample() for _ in range(NUM)])
        results = [env.step(actions) for env in (ours, theirs)]
        for mine, other, over in zip(results[0][3], results[1][3], results[0][2], strict=True):
            assert (key in mine) == over
            assert mine.keys() - {key} == other.keys() - {"episode"}
            if over:
                assert [mine[key][name] for name in "rl"] == [other["episode"][name] for name in "rl"]
                ended += 1
        assert not difference(*([*map(dict.keys, env.reset_infos)] for env in (ours, theirs)))
    assert ended == 17 // 5 * NUM


def make_wrapped(id, wraps):
    """A single environment in these wrappers, the first one innermost."""
    env = gym.make(id)
    for wrap in wraps:
        env = wrap(env)
    return env


class Counting(Foreign):
    """Counts its steps, and takes whatever it is given."""

    taken = 0

    def step(self, action):
        self.taken += 1
        return super().step(action)


BOX = spaces.Box(-2.0, 3.0, (2,), np.float32)


@pytest.mark.parametrize(
    ("space", "action"),
    [
        *((BOX, action) for action in ([5.0, 0.0], [NAN, 0.0], [0.0], [[0.0, 0.0]], ["a", "b"], 1.0, None)),
        *((spaces.Discrete(3, start=2), action) for action in (1, 5, -1, 2.0, True, "2", [2], None)),
    ],
    ids=str,
)
def test_what_is_no_action_is_refused_before_the_environment_sees_it(space, action):
    """Environments of others take much; what is shown stays in the declared space, and all goes on as before."""
    make = partial(Counting, spaces.Box(0.0, 1.0, (2,), np.float32), space)
    fine = [2.5, -1.0] if space is BOX else 4
    for wrap, env in (
        (PreviousActionReward, make()),
        *(
            (wrappers.vector.PreviousActionReward, SyncVectorEnv([make] * 2, autoreset_mode=mode))
            for mode in AutoresetMode
        ),
    ):
        many = isinstance(env, SyncVectorEnv)
        wrapped = wrap(env, horizon=5)
        wrapped.reset(seed=0)
        with pytest.raises(InvalidAction, match="is not possible: give one of") as caught:
            wrapped.step([fine, action] if many else action)
        expect_sentence(str(caught.value))
        assert [each.taken for each in (env.envs if many else [env])] == [0] * (2 if many else 1)
        observation = wrapped.step(np.array([fine] * 2) if many else fine)[0]
        assert wrapped.observation_space.contains(observation)
        expected = [2.5, -1.0] if space is BOX else [0, 0, 1]
        np.testing.assert_array_equal(np.atleast_2d(observation)[0, 2:-2], expected)


class Paying(gym.Wrapper):
    """Somebody's wrapper that pays what it likes."""

    def __init__(self, env, reward):
        super().__init__(env)
        self.reward = reward

    def step(self, action):
        observation, _, *rest = self.env.step(action)
        return observation, self.reward, *rest


@pytest.mark.parametrize("reward", [-7.0, 40.0, NAN, float("inf"), 1e300])
def test_rewards_of_others_are_shown_or_refused(reward):
    """A range that a wrapper may leave is not declared, and what no observation can hold is refused."""
    single = PreviousActionReward(Paying(gym.make(DEPENDENT), reward))
    many = wrappers.vector.PreviousActionReward(make_sync(DEPENDENT, 2, "SameStep", [partial(Paying, reward=reward)]))
    for env, action in ((single, 1), (many, np.ones(2, int))):
        env.reset(seed=0)
        if abs(reward) < 100:
            observation = env.step(action)[0]
            assert env.observation_space.contains(observation)
            assert np.all(observation[..., 3] == reward)
        else:
            with pytest.raises(ValueError, match="cannot be shown: ") as caught:
                env.step(action)
            expect_sentence(str(caught.value).replace("1e+300", ""))
