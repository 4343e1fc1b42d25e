"""MultiEpisode: several episodes in one task are one, with a flag where one ends (Duan et al. 2016, section 2.2)."""

import pickle
import re
from functools import partial

import families
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import Autoreset, TimeLimit
from gymnasium.wrappers import vector as gym_vector
from side_by_side import compare
from stable_baselines3.common.vec_env import DummyVecEnv
from test_wrappers import expect_sentence

from meta_envs import wrappers
from meta_envs.testing.playing import arrays, difference, make_sync

MODES = [mode.value for mode in AutoresetMode]
DEPENDENT = "MetaBandit-Dependent-v0"
TWO_STEP = "MetaTwoStep-v0"
LEFT, RIGHT = 0, 1
NUM = 4

MultiEpisode = wrappers.MultiEpisode


class Hidden(gym.Env):
    """A foreign environment: places 0 to 4, and a hidden goal that is drawn anew unless it is to be kept."""

    observation_space = spaces.Box(0.0, 4.0, (1,), np.float64)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(1, 5))
        self.goal = self.choose(options or {}, drawn)
        self.place, self.steps = 0, 0
        return self.observe(), {"begun": True, "where": {"place": 0}}

    def choose(self, options, drawn):
        return self.goal if options.get("keep_goal") else drawn

    def step(self, action):
        self.steps += 1
        self.place = min(max(self.place + 2 * int(action) - 1, 0), 4)
        found = self.place == self.goal
        where = {"place": self.place, "found": found}
        info = {"steps": self.steps, "where": where, **({"note": "found"} if found else {})}
        return self.observe(), float(found), found, False, info

    def observe(self):
        return np.array([self.place], np.float64)


class Stubborn(Hidden):
    """Shows its goal as its task, and draws it anew whatever it is told."""

    @property
    def task(self):
        return self.goal


class Rewriting(Hidden):
    """Likewise, in a list that is always the same object."""

    def __init__(self):
        self.task = [0]

    def choose(self, options, drawn):
        self.task[0] = drawn
        return drawn


class Corridor(Stubborn):
    """Its goal is its task, and may be given; its place can be shown in other kinds of spaces."""

    def __init__(self, kind="box"):
        self.kind = kind
        self.observation_space = {
            "box": spaces.Box(0.0, 4.0, (1,), np.float64),
            "discrete": spaces.Discrete(5, start=3),
            "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
            "dict": spaces.Dict({"place": spaces.Box(0.0, 4.0, (1,), np.float32)}),
        }[kind]

    def choose(self, options, drawn):
        return options.get("task", drawn)

    def observe(self):
        return {
            "box": np.array([self.place], np.float64),
            "discrete": 3 + self.place,
            "image": np.full((8, 8, 3), self.place, np.uint8),
            "dict": {"place": np.array([self.place], np.float32)},
        }[self.kind]


def both(id=DEPENDENT, **keywords):
    """The wrapper for one copy and for many, and what goes into it."""
    return (
        (MultiEpisode, gym.make(id, **keywords)),
        (wrappers.vector.MultiEpisode, gym.make_vec(id, NUM, autoreset_mode="NextStep", **keywords)),
    )


def test_episodes_follow_each_other_in_the_same_task():
    """By hand: goal 2, 3 episodes of at most 3 steps; found, out of time, found."""
    env = MultiEpisode(TimeLimit(Corridor(), 3), num_episodes=3)
    assert env.observation_space == spaces.Box(np.zeros(2, np.float32), np.array([4, 1], np.float32))
    observation, _ = env.reset(seed=0, options={"task": 2})
    assert observation.tolist() == [0.0, 0.0]
    assert observation.dtype == np.float32
    steps = []
    for action in (RIGHT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, RIGHT):
        assert env.unwrapped.task == 2
        observation, reward, terminated, truncated, _ = env.step(action)
        steps.append((*observation.tolist(), reward, terminated, truncated))
    assert steps == [
        (1, 0, 0, False, False),
        (0, 1, 1, False, False),  # found: the next episode's first place
        (0, 0, 0, False, False),
        (1, 0, 0, False, False),
        (0, 1, 0, False, False),  # out of time: likewise
        (1, 0, 0, False, False),
        (2, 1, 1, True, False),  # the last place itself
    ]


def test_the_last_time_limit_is_a_termination():
    """The end of the last inner episode is the end, whatever ended it."""
    env = MultiEpisode(TimeLimit(Corridor(), 1), num_episodes=2)
    env.reset(options={"task": 4})
    assert env.step(LEFT)[2:4] == (False, False)
    assert env.step(LEFT)[2:4] == (True, False)


def test_inner_episodes_are_resets_by_hand():
    """The same as resetting the bare environment in its own task, with chance of its own each time."""
    env, bare = MultiEpisode(gym.make(DEPENDENT, num_trials=10), num_episodes=5), gym.make(DEPENDENT, num_trials=10)
    for lifetime in range(2):
        env.reset(seed=3 if lifetime == 0 else None)
        bare.reset(seed=3 if lifetime == 0 else None)
        task = bare.unwrapped.task
        rewards = []
        for episode in range(5):
            if episode:
                bare.reset(options={"task": task})
            rewards.append([bare.step(0)[1] for _ in range(10)])
            np.testing.assert_array_equal(env.unwrapped.task, task)
            assert [env.step(0)[1] for _ in range(10)] == rewards[-1]
        assert len(set(map(tuple, rewards))) > 1


def test_every_whole_has_a_task_of_its_own():
    """After the last inner episode, reset draws a new one; options of reset go to the whole."""
    env = MultiEpisode(gym.make(DEPENDENT, num_trials=1), num_episodes=2)
    tasks = []
    for options in (None, None, {"task": [0.25, 0.75]}, None):
        env.reset(options=options)
        for _ in range(2):
            tasks.append(env.unwrapped.task.tolist())
            over = env.step(0)[2]
        assert over
    assert tasks[::2] == tasks[1::2]
    assert tasks[4] == [0.25, 0.75]
    assert len({tuple(task) for task in tasks}) == 4


@pytest.mark.parametrize(
    ("kind", "first", "ended"),
    [
        ("box", [0, 0], [0, 1]),
        ("discrete", [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1]),
        ("dict", {"place": 0, "termination": 0}, {"place": 0, "termination": 1}),
        ("image", {"image": 0, "termination": 0}, {"image": 0, "termination": 1}),
    ],
)
def test_every_kind_of_observation_has_its_flag(kind, first, ended):
    """Flat ones as their last number, others under a key; the same side by side."""
    env = MultiEpisode(Corridor(kind), num_episodes=2)
    for observation, expected in ((env.reset(options={"task": 1})[0], first), (env.step(RIGHT)[0], ended)):
        assert env.observation_space.contains(observation)
        if isinstance(expected, dict):
            assert {key: int(value.max()) for key, value in observation.items()} == expected
        else:
            assert observation.tolist() == expected
    wrap = dict(num_episodes=2, keep={"task": 2})

    def make():
        return TimeLimit(Corridor(kind), 3)

    for mode in MODES:
        theirs = SyncVectorEnv([lambda: MultiEpisode(make(), **wrap)] * NUM, autoreset_mode=mode)
        compare(make_many(wrap, mode, make), theirs, mode, 40, task=False)


def make_many(wrap, mode, make):
    """The vector wrapper around Gymnasium's vector environment."""
    return wrappers.vector.MultiEpisode(SyncVectorEnv([make] * NUM), autoreset_mode=mode, **wrap)


@pytest.mark.parametrize("mode", MODES)
def test_an_environment_that_keeps_its_task_when_asked(mode):
    """The option goes to every inner reset but the first; infos are those of Gymnasium, nested ones too."""
    wrap = dict(num_episodes=3, keep={"keep_goal": True})

    def make():
        return TimeLimit(Hidden(), 5)

    env = MultiEpisode(make(), **wrap)
    goals = []
    for lifetime in range(20):
        env.reset(seed=0 if lifetime == 0 else None)
        goals.append([env.unwrapped.goal])
        while not env.step(RIGHT)[2]:
            goals[-1].append(env.unwrapped.goal)
    assert all(len(set(each)) == 1 for each in goals)
    assert {each[0] for each in goals} == {1, 2, 3, 4}
    theirs = SyncVectorEnv([lambda: MultiEpisode(make(), **wrap)] * NUM, autoreset_mode=mode)
    compare(make_many(wrap, mode, make), theirs, mode, 80, task=False)


def test_infos_of_both_sides_of_a_boundary():
    """By hand: what the ended episode said stays, unless the new one says the same."""
    env = MultiEpisode(Corridor(), num_episodes=2)
    env.reset(options={"task": 1})
    assert env.step(RIGHT)[4] == {"steps": 1, "note": "found", "begun": True, "where": {"place": 0}}
    assert env.step(RIGHT)[4] == {"steps": 1, "note": "found", "where": {"place": 1, "found": True}}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("id", "keywords"),
    [
        (TWO_STEP, {"num_trials": 2}),
        ("MetaBandit-Informative-v0", {}),
        ("ToyUrn-v0", {}),
        ("ToyUnlistedRooms-v0", {}),
        ("ToyDrift-v0", {}),
    ],
)
def test_side_by_side_is_alone_many_times(id, keywords, mode):
    """In every mode, bit for bit, with seeds, tasks and masks; also where inner episodes end early."""
    with families.registered():
        inner = gym.make_vec(id, NUM, autoreset_mode="NextStep", **keywords)
        ours = wrappers.vector.MultiEpisode(inner, num_episodes=3, autoreset_mode=mode)
        theirs = make_sync(id, NUM, mode, [partial(MultiEpisode, num_episodes=3)], **keywords)
        compare(ours, theirs, mode, 70)


@pytest.mark.parametrize("mode", MODES)
def test_history_around_it(mode):
    """The past runs on over inner episodes, and the time is that of the whole; alone and side by side."""
    keywords = dict(num_trials=2)
    env = wrappers.PreviousActionReward(MultiEpisode(gym.make(TWO_STEP, **keywords), num_episodes=2))
    seen = [env.reset(seed=0)[0]] + [env.step(1)[0] for _ in range(8)]
    assert [observation[3] for observation in seen] == [0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert [observation[4:6].tolist() for observation in seen] == [[0, 0]] + [[0, 1]] * 8
    assert [observation[-1] for observation in seen] == [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1]
    inner = gym.make_vec(TWO_STEP, NUM, autoreset_mode="NextStep", **keywords)
    many = wrappers.vector.MultiEpisode(inner, num_episodes=2, autoreset_mode=mode)
    wrap = [partial(MultiEpisode, num_episodes=2), wrappers.PreviousActionReward]
    compare(wrappers.vector.PreviousActionReward(many), make_sync(TWO_STEP, NUM, mode, wrap, **keywords), mode, 40)


def test_history_knows_the_length_of_the_whole():
    """From a foreign time limit, around copies here and in other processes, and never from one inner episode."""

    def times(env, **keywords):
        history = wrappers.PreviousActionReward if isinstance(env, gym.Env) else wrappers.vector.PreviousActionReward
        steps = np.arange(9)
        return history(env, **keywords).history.past(0 * steps, 0.0 * steps, steps)[:, -1].tolist()

    quarters = [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    gym.register("Corridor-v0", Corridor, max_episode_steps=2)
    try:
        assert times(MultiEpisode(gym.make("Corridor-v0"), num_episodes=2)) == quarters
    finally:
        del gym.registry["Corridor-v0"]
    wrap = [partial(MultiEpisode, num_episodes=2)]
    for kind in ("sync", "async"):
        venv = gym.make_vec(DEPENDENT, 2, kind, wrappers=wrap, num_trials=2)
        try:
            assert times(venv) == quarters
        finally:
            venv.close()
    nested = MultiEpisode(MultiEpisode(gym.make(DEPENDENT, num_trials=1), num_episodes=2), num_episodes=2)
    assert times(nested) == quarters
    unknown = MultiEpisode(Corridor(), num_episodes=2)
    with pytest.raises(ValueError, match="give horizon="):
        times(unknown)
    assert times(unknown, horizon=4) == quarters


def test_sb3_sees_one_episode():
    """Adapter and DummyVecEnv agree over several wholes, terminal observations included."""
    inner = gym.make_vec(TWO_STEP, NUM, autoreset_mode="NextStep", num_trials=2)
    ours = wrappers.SB3VecEnv(wrappers.vector.MultiEpisode(inner, num_episodes=2))
    theirs = DummyVecEnv([lambda: MultiEpisode(gym.make(TWO_STEP, num_trials=2), num_episodes=2)] * NUM)
    results = []
    for env in (ours, theirs):
        env.seed(3)
        env.action_space.seed(0)
        results.append([env.reset()])
        for _ in range(20):
            results[-1].append(env.step(np.array([env.action_space.sample() for _ in range(NUM)])))
    assert not difference(*results)
    assert sum(step[2].sum() for step in results[0][1:]) == 2 * NUM


@pytest.mark.parametrize("value", [0, -1, 2.5, True, None, "2"], ids=repr)
def test_numbers_that_make_no_sense_are_refused(value):
    """Inner episodes are counted."""
    for wrap, env in both():
        with pytest.raises(ValueError, match=re.escape(f"num_episodes={value!r} is not possible: ")) as caught:
            wrap(env, num_episodes=value)
        expect_sentence(str(caught.value))


@pytest.mark.parametrize("value", [{}, "task", 1], ids=repr)
def test_options_that_keep_nothing_are_refused(value):
    """What is kept is said by a dictionary."""
    for wrap, env in both():
        with pytest.raises(ValueError, match=re.escape(f"keep={value!r} is not possible: ")) as caught:
            wrap(env, num_episodes=2, keep=value)
        expect_sentence(str(caught.value))


def test_without_task_or_keep_it_is_refused():
    """An environment that neither shows its task nor was told how to keep it, or that does not listen."""
    for wrap, make in (
        (MultiEpisode, lambda each: each()),
        (wrappers.vector.MultiEpisode, lambda each: SyncVectorEnv([each] * 2)),
    ):
        with pytest.raises(ValueError, match=r"has no attribute 'task' to be kept: .*keep=\{\.\.\.\}") as caught:
            wrap(make(Hidden), num_episodes=2).reset(seed=0)
        expect_sentence(str(caught.value).replace("...", ""))
    for each in (Stubborn, Rewriting):
        env = MultiEpisode(TimeLimit(each(), 1), num_episodes=100)
        env.reset(seed=0)
        with pytest.raises(ValueError, match=r"was reset with the task \S+ and is in \S+: let it take") as caught:
            all(not env.step(RIGHT)[2] for _ in range(100))
        expect_sentence(str(caught.value))


class Deaf(Hidden):
    """Looks at no option, and draws its goal anew."""

    def choose(self, options, drawn):
        return drawn


def by_keyword(keep_goal):
    """An option that is taken as an argument."""
    return keep_goal


@pytest.mark.parametrize(
    "look",
    [
        lambda options: options["keep_goal"],
        lambda options: "keep_goal" in options,
        lambda options: options.pop("keep_goal"),
        lambda options: dict(options).get("keep_goal"),
        lambda options: [value for name, value in options.items() if name == "keep_goal"],
        lambda options: by_keyword(**options),
        lambda options: options == {"keep_goal": True},
    ],
)
def test_however_an_option_is_looked_at(look, monkeypatch):
    """An environment may read its options as it likes, alone and side by side; one that does not is refused."""

    def run(each, wrap=MultiEpisode, batch=lambda each: each()):
        env = wrap(batch(lambda: TimeLimit(each(), 1)), num_episodes=3, keep={"keep_goal": True})
        action = RIGHT if wrap is MultiEpisode else np.full(2, RIGHT)
        env.reset(seed=0)
        env.step(action)
        return env.step(action)

    monkeypatch.setattr(Hidden, "choose", lambda self, options, drawn: self.goal if look_at(options) else drawn)

    def look_at(options):
        return bool(options and look(options))

    many = dict(wrap=wrappers.vector.MultiEpisode, batch=lambda each: SyncVectorEnv([each] * 2))
    for how in ({}, many):
        run(Hidden, **how)
        with pytest.raises(ValueError, match=r"does not look at the reset options 'keep_goal'") as caught:
            run(Deaf, **how)
        expect_sentence(str(caught.value))


@pytest.mark.parametrize("id", ["MetaBandit-Restless-v0", "MetaTwoStep-Switching-v0"])
def test_a_walk_or_schedule_is_part_of_the_task(id):
    """Every inner episode goes through the same one from its beginning, and pays by chance of its own."""
    for env in (each(env, num_episodes=3) for each, env in both(id, num_trials=20)):
        single, rewards = isinstance(env, gym.Env), []
        env.reset(seed=0)
        task = env.unwrapped.task
        assert len(np.unique(np.atleast_2d(task)[0])) > 1
        for episode in range(3):
            np.testing.assert_array_equal(env.unwrapped.task, task)
            steps = [env.step(0 if single else np.zeros(NUM, int))[:3] for _ in range(env.unwrapped.family.horizon)]
            rewards.append(tuple(np.ravel([reward for _, reward, _ in steps]).tolist()))
            assert np.all(steps[-1][2]) == (episode == 2)
        assert len(set(rewards)) == 3


def test_what_stands_wrong_is_refused():
    """Autoreset and lists of infos inside, a vector environment that begins new tasks by itself, and no such mode."""
    venv = gym.make_vec(DEPENDENT, 2, autoreset_mode="NextStep")
    for wrap, env, keywords, word in (
        (MultiEpisode, Autoreset(gym.make(DEPENDENT)), {}, "put Autoreset outside"),
        (wrappers.vector.MultiEpisode, gym_vector.DictInfoToList(venv), {}, "put DictInfoToList outside"),
        (wrappers.vector.MultiEpisode, gym.make_vec(DEPENDENT, 2), {}, "autoreset_mode='NextStep'"),
        (wrappers.vector.MultiEpisode, venv, {"autoreset_mode": "Never"}, "autoreset_mode='Never'"),
    ):
        with pytest.raises(ValueError, match=word) as caught:
            wrap(env, num_episodes=2, **keywords)
        expect_sentence(str(caught.value))


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_nothing_goes_on_after_the_end(mode):
    """Alone as in the bare environment, side by side where copies are not reset by themselves."""
    alone = MultiEpisode(gym.make(DEPENDENT, num_trials=1), num_episodes=1)
    alone.reset(seed=0)
    alone.step(0)
    with pytest.raises(ResetNeeded):
        alone.step(0)
    inner = gym.make_vec(DEPENDENT, NUM, autoreset_mode="NextStep", num_trials=1)
    many = wrappers.vector.MultiEpisode(inner, num_episodes=1, autoreset_mode=mode)
    many.reset(seed=0)
    many.step(np.zeros(NUM, int))
    if mode == "Disabled":
        with pytest.raises(ResetNeeded, match="reset_mask"):
            many.step(np.zeros(NUM, int))
    else:
        assert many.step(np.zeros(NUM, int))[2].all()


def test_results_share_no_memory():
    """Writing into what was handed out changes nothing that follows."""
    for wrap, env in both(num_trials=2):
        action = 0 if wrap is MultiEpisode else np.zeros(NUM, int)
        runs = []
        for spoil in (False, True):
            wrapped = wrap(env, num_episodes=2)
            results = [wrapped.reset(seed=0)]
            runs.append([pickle.dumps(results)])
            for _ in range(12):
                for array in arrays(results) if spoil else ():
                    array[...] = ~array if array.dtype == bool else 1
                if wrap is MultiEpisode and results[-1][2:] and results[-1][2]:
                    wrapped.reset()
                results = [wrapped.step(action)]
                runs[-1].append(pickle.dumps(results))
        assert runs[0] == runs[1]


@pytest.mark.parametrize("keep", [None, {"keep_goal": True}])
def test_specs_are_json_and_copies_can_be_pickled(keep):
    """NumPy's numbers too; a copy in the middle of an episode goes on as the first does."""
    gym.register("Corridor-v0", families.place(Corridor if keep is None else Hidden), max_episode_steps=3)
    try:
        env = MultiEpisode(gym.make("Corridor-v0"), num_episodes=np.int64(2), keep=keep)
        again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    finally:
        del gym.registry["Corridor-v0"]
    assert again.get_wrapper_attr("num_episodes") == 2
    results = [[each.reset(seed=5), *(each.step(RIGHT) for _ in range(2))] for each in (env, again)]
    assert not difference(*results)
    again = pickle.loads(pickle.dumps(env))
    assert not difference(*([each.step(LEFT) for _ in range(2)] for each in (env, again)))
