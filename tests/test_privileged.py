"""Privileged information: right by hand, in infos only, the same alone and side by side."""

import pickle
from dataclasses import dataclass
from functools import cache, partial

import families
import gymnasium as gym
import numpy as np
import pytest
from families import UnlistedRooms, Urn
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import TransformAction
from gymnasium.wrappers import vector as gym_vector
from side_by_side import compare
from test_wrappers import expect_sentence

import meta_envs
from meta_envs import wrappers
from meta_envs.envs import advice
from meta_envs.testing.playing import arrays, difference, make_sync

MODES = [mode.value for mode in AutoresetMode]
DEPENDENT = "MetaBandit-Dependent-v0"
TWO_STEP = "MetaTwoStep-v0"
KEYS = {"task", "best_action", "expected_rewards", "belief"}
NUM = 4
SHORT = {DEPENDENT: {"num_trials": 6}, "MetaBandit-Independent-v0": {"num_trials": 6}, TWO_STEP: {"num_trials": 3}}

Privileged = wrappers.Privileged


@dataclass(frozen=True, kw_only=True)
class Told(UnlistedRooms):
    """Says what is best by itself: in the first room the second action."""

    def best_action(self, task, state):
        return np.where(state[:, 0] == 0, 1, 0)


def test_bandits_by_hand():
    """The best arm is the one that pays most, the rewards are the task, the belief counts the evidence."""
    for task, best in (([0.75, 0.25], 0), ([0.25, 0.75], 1), ([0.5, 0.5], 0)):
        env = Privileged(gym.make(DEPENDENT, num_trials=20))
        _, info = env.reset(seed=1, options={"task": task})
        evidence = [0, 0]
        for action in [0, 1] * 10:
            assert info.keys() == KEYS
            assert info["task"].tolist() == info["expected_rewards"].tolist() == task
            assert (info["best_action"], info["belief"].tolist()) == (best, evidence)
            assert env.unwrapped.best_action == best
            assert env.unwrapped.expected_rewards.tolist() == task
            _, reward, over, _, info = env.step(action)
            # A paid pull of one arm and an unpaid one of the other say the same.
            evidence[action if reward else 1 - action] += 1
            assert env.unwrapped.belief.tolist() == evidence
        assert over
        assert info.keys() == {"task", "belief"}
        assert info["belief"].tolist() == evidence
        assert (env.unwrapped.best_action, env.unwrapped.expected_rewards) == (None, None)


def test_two_steps_by_hand():
    """At S1 one goes the common way to the better state; behind it, the belief is Bayes' rule for one reward."""
    for better in (2.0, 3.0):
        env = Privileged(gym.make(TWO_STEP, num_trials=1))
        ways = set()
        for seed in range(100):
            _, info = env.reset(seed=seed, options={"task": [better]})
            assert info["best_action"] == better - 2
            assert info["expected_rewards"].tolist() == [0.0, 0.0]
            assert info["belief"].tolist() == [0.5, 0.5]
            observation, *_, info = env.step(seed % 2)
            place = 1 + int(np.argmax(observation))
            # There both actions are as good: the first is named.
            assert info["best_action"] == 0
            assert info["expected_rewards"].tolist() == [0.9 if place == better else 0.1] * 2
            assert info["belief"].tolist() == [0.5, 0.5]
            _, reward, over, _, info = env.step(1)
            likely = 0.9 if reward else 0.1
            np.testing.assert_allclose(info["belief"][place - 2], likely, rtol=1e-12)
            assert over
            assert info.keys() == {"task", "belief"}
            ways.add((place, reward))
        assert len(ways) == 4


def best_by_search(family, task):
    """Of every state and step the oracle's return, by search over all that can happen."""

    @cache
    def returns(clock, room):
        """Of each action, from so many steps on."""
        state = np.array([[clock, room]])
        if clock == family.horizon or family.terminated(None, state)[0]:
            return (0.0,)
        values = []
        for action in range(2):
            probs = family.outcome_probs(task[None], state, np.array([action]))[0]
            value = 0.0
            for outcome, prob in enumerate(probs):
                event = state, np.array([action]), np.array([outcome])
                value += prob * (family.reward(*event)[0] + max(returns(*family.next_state(*event)[0].tolist())))
            values.append(value)
        return tuple(values)

    return returns


def test_best_actions_are_those_of_a_search():
    """Where the law moves with the clock and a lifetime may end early, in every state on the way."""
    with families.registered():
        env = Privileged(gym.make("ToyUrn-v0"))
    rng, seen = np.random.default_rng(0), set()
    for seed in range(150):
        info = env.reset(seed=seed)[1]
        returns = best_by_search(Urn(), info["task"])
        while "best_action" in info:
            clock, room = env.unwrapped._lifetime.state().tolist()
            values = returns(clock, room)
            assert values[info["best_action"]] == pytest.approx(max(values), abs=1e-12)
            seen.add((room, info["best_action"], clock > 0))
            # A draw of 0 or 1 pays 1, of 2 pays 3.
            lucky = info["task"][1] * (1.0 - clock / 12) * np.array([0.5 if room == 1 else 1.0, 1.0])
            np.testing.assert_allclose(info["expected_rewards"], 1.0 + 2.0 * lucky, rtol=1e-12)
            info = env.step(int(rng.integers(2)))[-1]
    assert {(1, 0, True), (1, 1, True)} <= seen


def test_many_lifetimes_are_solved_in_pieces(monkeypatch):
    """However many are looked at together, the best actions are the same."""
    task = np.random.default_rng(0).random((9, 2))
    task[:, 1] = 1.0 - task[:, 0]
    family = meta_envs.make_family(DEPENDENT, num_trials=3)
    view = task, np.zeros((9, 0)), np.arange(9) % 3, np.ones(9, dtype=bool)
    whole = advice.Advice(family, 9).best_action(*view)
    monkeypatch.setattr(advice, "CHUNK", 8)
    np.testing.assert_array_equal(advice.Advice(family, 9).best_action(*view), whole)
    np.testing.assert_array_equal(whole, np.argmax(task, axis=-1))


def test_tasks_are_solved_once_and_only_when_asked_for(monkeypatch):
    """Nothing is computed for those who do not ask, nor twice for the same task."""
    solved = []

    def count(family, task):
        solved.append(len(task))
        return best_actions(family, task)

    best_actions = advice.best_actions
    monkeypatch.setattr(advice, "best_actions", count)
    venv = gym.make_vec(DEPENDENT, NUM, num_trials=5)
    venv.reset(seed=0)
    for _ in range(12):
        venv.step(np.zeros(NUM, int))
    assert solved == []
    for _ in range(5):
        assert venv.unwrapped.best_action.shape == (NUM,)
        venv.step(np.zeros(NUM, int))
    assert solved == [NUM, NUM]


def test_another_task_has_another_best_action():
    """Also where only one of its numbers is another."""
    env = Privileged(gym.make("MetaBandit-Independent-v0"))
    for second, best in ((0.25, 0), (0.75, 1), (0.25, 0)):
        assert env.reset(options={"task": [0.5, second]})[1]["best_action"] == best


def test_a_family_may_say_what_is_best():
    """Where states are not listed, it is asked; where it says nothing, the key is left out."""
    with families.registered(Told=Told):
        told, silent, drift = (gym.make(id) for id in ("Told-v0", "ToyUnlistedRooms-v0", "ToyDrift-v0"))
    info = Privileged(told).reset(seed=0)[1]
    assert info.keys() == KEYS
    assert info["best_action"] == 1
    assert Privileged(silent).reset(seed=0)[1].keys() == KEYS - {"best_action"}
    assert Privileged(drift).reset(seed=0)[1].keys() == {"task"}
    assert (drift.unwrapped.best_action, drift.unwrapped.expected_rewards, drift.unwrapped.belief) == (None,) * 3


@pytest.mark.parametrize("id", [DEPENDENT, TWO_STEP])
def test_only_infos_are_added_to(id):
    """Observations, rewards and ends are the same to the last bit, and plain infos are empty."""
    plain, told = gym.make(id, **SHORT[id]), Privileged(gym.make(id, **SHORT[id]))
    assert told.observation_space == plain.observation_space
    for seed in range(3):
        results = [[*env.reset(seed=seed)] for env in (plain, told)]
        while True:
            assert results[0][-1] == {}
            assert results[1][-1].keys() >= {"task", "belief"}
            assert not difference(*(each[:-1] for each in results))
            if results[0][2:] and results[0][2]:
                break
            results = [[*env.step(1)] for env in (plain, told)]
    venvs = gym.make_vec(id, NUM, **SHORT[id]), wrappers.vector.Privileged(gym.make_vec(id, NUM, **SHORT[id]))
    results = [[*venv.reset(seed=0)] for venv in venvs]
    for _ in range(15):
        assert not results[0][-1].keys() - {"final_obs", "_final_obs", "final_info", "_final_info"}
        assert results[0][-1].get("final_info", {}) == {}
        assert not difference(*(each[:-1] for each in results))
        results = [[*venv.step(np.ones(NUM, int))] for venv in venvs]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", [*SHORT, "MetaBandit-Informative-v0", *families.TOYS, "Told-v0"])
def test_side_by_side_is_alone_many_times(id, mode):
    """Gymnasium's infos over single wrappers, in every mode, with seeds, tasks and masks, to the last bit."""
    with families.registered(Told=Told):
        keywords = SHORT.get(id, {})
        ours = wrappers.vector.Privileged(gym.make_vec(id, NUM, autoreset_mode=mode, **keywords))
        theirs = make_sync(id, NUM, mode, [Privileged], **keywords)
        compare(ours, theirs, mode, 45)


@pytest.mark.parametrize("outside", [False, True], ids=["inside", "outside"])
@pytest.mark.parametrize("mode", MODES)
def test_with_several_episodes_in_one_task(mode, outside):
    """Inside and outside of MultiEpisode; the belief begins anew with every inner episode."""
    several = partial(wrappers.MultiEpisode, num_episodes=2)
    with families.registered():
        inner = gym.make_vec("ToyUrn-v0", NUM, autoreset_mode="NextStep")
        ours = inner if outside else wrappers.vector.Privileged(inner)
        ours = wrappers.vector.MultiEpisode(ours, num_episodes=2, autoreset_mode=mode)
        ours = wrappers.vector.Privileged(ours) if outside else ours
        order = [several, Privileged] if outside else [Privileged, several]
        compare(ours, make_sync("ToyUrn-v0", NUM, mode, order), mode, 60)
    env = several(Privileged(gym.make(DEPENDENT, num_trials=1)))
    env.reset(seed=0)
    assert env.step(0)[-1]["belief"].tolist() == [0, 0]


def test_sb3_gets_them_with_the_infos():
    """One dictionary a copy, that of the ended lifetime where one ended."""
    env = wrappers.SB3VecEnv(wrappers.vector.Privileged(gym.make_vec(DEPENDENT, 2, num_trials=2)))
    env.reset()
    assert all(info.keys() == KEYS for info in env.reset_infos)
    tasks = env.get_attr("task")
    infos = [env.step(np.zeros(2, int))[3] for _ in range(2)]
    assert all(info.keys() == KEYS | {"TimeLimit.truncated"} for info in infos[0])
    for info, task in zip(infos[1], tasks, strict=True):
        assert info.keys() == {"task", "belief", "terminal_observation", "TimeLimit.truncated"}
        assert info["task"].tolist() == task.tolist()
        assert info["belief"].sum() == 2
    assert all(info.keys() == KEYS for info in env.reset_infos)


def test_the_belief_is_about_the_action_that_was_taken():
    """Not about the one that a wrapper between makes another of."""
    swapped = TransformAction(gym.make(DEPENDENT), lambda action: 1 - action, None)
    env = Privileged(swapped)
    env.reset(seed=0, options={"task": [1.0, 0.0]})
    assert env.step(0)[1] == 0.0
    assert env.unwrapped.belief.tolist() == [1, 0]
    assert env.step(1)[-1]["belief"].tolist() == [2, 0]


def test_a_lifetime_that_has_begun_is_not_followed():
    """A belief is known from the next reset on; without being asked for, it is not followed."""
    env = gym.make(DEPENDENT)
    for name in ("task", "best_action", "expected_rewards", "belief"):
        with pytest.raises(ResetNeeded):
            getattr(env.unwrapped, name)
    env.reset(seed=0)
    with pytest.raises(ResetNeeded, match="follow_belief") as caught:
        _ = env.unwrapped.belief
    expect_sentence(str(caught.value))
    two_steps = gym.make(TWO_STEP)
    two_steps.reset(seed=0)
    assert Privileged(two_steps).step(0)[-1].keys() == KEYS - {"belief"}
    told = Privileged(env)
    assert told.step(0)[-1].keys() == KEYS - {"belief"}
    told.reset()
    assert told.step(0)[-1].keys() == KEYS
    venv = gym.make_vec(DEPENDENT, NUM, num_trials=3)
    for name in ("task", "best_action", "expected_rewards", "belief", "alive"):
        with pytest.raises(ResetNeeded):
            getattr(venv.unwrapped, name)
    venv.reset(seed=0)
    many = wrappers.vector.Privileged(venv)
    assert "belief" not in many.step(np.zeros(NUM, int))[-1]
    mask = np.arange(NUM) == 1
    infos = many.reset(options={"reset_mask": mask})[1]
    np.testing.assert_array_equal(infos["_belief"], mask)
    with pytest.raises(ResetNeeded, match="follow_belief"):
        _ = venv.unwrapped.belief
    infos = [many.step(np.zeros(NUM, int))[-1] for _ in range(2)][-1]
    np.testing.assert_array_equal(infos["_final_info"], ~mask)
    assert "belief" not in infos["final_info"]
    assert infos["_belief"].all()
    assert venv.unwrapped.belief.sum(axis=-1).tolist() == [0, 2, 0, 0]


def test_results_share_no_memory():
    """Writing into what was handed out changes nothing that follows."""
    for many in (False, True):
        runs = []
        for spoil in (False, True):
            env = gym.make_vec(TWO_STEP, NUM, num_trials=2) if many else gym.make(TWO_STEP, num_trials=2)
            env = wrappers.vector.Privileged(env) if many else Privileged(env)
            results = [env.reset(seed=0)]
            runs.append([pickle.dumps(results)])
            for step in range(8):
                for array in arrays(results) if spoil else ():
                    array[...] = ~array if array.dtype == bool else 1
                if spoil:
                    for name in ("task", "best_action", "expected_rewards", "belief"):
                        value = getattr(env.unwrapped, name)
                        if isinstance(value, np.ndarray):
                            value[...] = 1
                if not many and step == 4:
                    env.reset()
                results = [env.step(np.ones(NUM, int) if many else 1)]
                runs[-1].append(pickle.dumps(results))
        assert runs[0] == runs[1]


def test_specs_are_json_and_copies_can_be_pickled():
    """A copy in the middle of a lifetime goes on as the first does."""
    env = Privileged(gym.make(TWO_STEP))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert not difference(*([each.reset(seed=0), each.step(1), each.step(0)] for each in (env, again)))
    again = pickle.loads(pickle.dumps(env))
    assert not difference(*([each.step(1), each.step(0)] for each in (env, again)))
    venv = wrappers.vector.Privileged(gym.make_vec(TWO_STEP, NUM, num_trials=2))
    venv.reset(seed=0)
    venv.step(np.ones(NUM, int))
    again = pickle.loads(pickle.dumps(venv))
    assert not difference(*([each.step(np.ones(NUM, int)) for _ in range(5)] for each in (venv, again)))


def test_foreign_environments_are_refused():
    """Nobody knows their secrets; copies in Gymnasium's vector environment are wrapped one by one."""
    venv = gym.make_vec(DEPENDENT, 2)
    for wrap, env, word in (
        (Privileged, gym.make("CartPole-v1"), "of this package"),
        (wrappers.vector.Privileged, make_sync(DEPENDENT, 2, "SameStep"), "every copy in the single Privileged"),
        (wrappers.vector.Privileged, gym_vector.DictInfoToList(venv), "put DictInfoToList outside"),
    ):
        with pytest.raises(ValueError, match=word) as caught:
            wrap(env)
        expect_sentence(str(caught.value))


@pytest.mark.parametrize("id", ["MetaHarlow-v0", "MetaHarlow-Symbolic-v0"])
def test_harlows_ideal_learner_guesses_once(id):
    """Before the first choice both sides may pay, after it one does for certain, the one that is best to turn to."""
    env = wrappers.Privileged(gym.make(id))
    _, info = env.reset(seed=4)
    beliefs, over = [info["belief"].tolist()], False
    while not over:
        _, _, over, _, info = env.step(info["best_action"])
        beliefs.append(info["belief"].tolist())
    assert beliefs[0] == [0.5, 0.5]
    certain = beliefs.index(next(belief for belief in beliefs if belief != [0.5, 0.5]))
    assert all(belief == [0.5, 0.5] for belief in beliefs[:certain])
    assert {tuple(belief) for belief in beliefs[certain:]} == {(0.0, 1.0), (1.0, 0.0)}


def test_where_chance_does_not_pay_the_rewards_of_all_actions_are_known():
    """At Harlow's choice the rewarded side promises 1 and the other -1."""
    env = gym.make("MetaHarlow-Symbolic-v0")
    env.reset(seed=1)
    assert env.unwrapped.expected_rewards.tolist() == [0.0, 0.0, 0.2]
    env.step(2)
    best = env.unwrapped.best_action
    assert env.unwrapped.expected_rewards.tolist() == [(1.0 if side == best else -1.0) for side in (0, 1)] + [0.0]
