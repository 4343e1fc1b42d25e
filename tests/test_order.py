"""Learners are asked in order; what is out of it gets a sentence, whatever the learner."""

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import TwoRooms

import meta_envs
from meta_envs.learners import Learner, select_known
from meta_envs.lifetimes import make_lifetimes
from meta_envs.roster import LEARNERS, make_learner, serving
from meta_envs.wrappers import PreviousActionReward, vector

ID = "MetaBandit-Dependent-v0"
BANDIT = meta_envs.make_family(ID, num_trials=3)
SERVING = serving(list(LEARNERS), BANDIT)
NUM = 2


def refused(message: str) -> Any:
    """In one sentence."""
    return pytest.raises(ValueError, match=message)


def begun(name: str) -> Learner:
    """A learner at the beginning of two lifetimes."""
    learner = make_learner(name)
    learner.begin(BANDIT, NUM, np.random.default_rng(1))
    return learner


def step(learner: Learner, observation: Any) -> None:
    """A whole step, in which every action is paid."""
    lifetimes = make_lifetimes(BANDIT, NUM)
    lifetimes.begin(np.arange(NUM), np.full((NUM, BANDIT.num_chance), 0.5))
    learner.inform(select_known(learner, BANDIT, lifetimes.task, lifetimes.state()))
    action = learner.act(observation)
    learner.learn(action, np.ones(NUM, int), np.ones(NUM))


def players() -> list[Any]:
    """Rules that serve bandits, the shipped agent, and a policy from outside."""
    return [
        *SERVING,
        f"agent:{ID}",
        meta_envs.agents.OutsidePolicy(lambda seen, state, start: ([0] * len(seen), state)),
    ]


@pytest.fixture(params=players(), ids=lambda player: player if isinstance(player, str) else type(player).__name__)
def learner(request: pytest.FixtureRequest) -> Learner:
    """Each of them, that nobody has told to begin."""
    given = request.param
    return make_learner(given) if isinstance(given, str) else given


def test_the_order_is_kept(learner: Learner) -> None:
    """Before `begin`, with a wrong number, and past the horizon each learner says what is wrong, and can go on."""
    observation = np.zeros((NUM, 1), np.float32)
    learner.__dict__.pop("_asked", None)
    for ask in (lambda: learner.act(observation), lambda: learner.learn(np.zeros(NUM, int), None, np.zeros(NUM))):
        with refused(r"has not begun: call begin\(family, num, rng\) before all else"):
            ask()
    for _ in range(2):
        learner.begin(BANDIT, NUM, np.random.default_rng(1))
        step(learner, observation)
        with refused(r"was given an array \(3, 1\) of float32, and 2 lifetimes of DependentBandit show"):
            learner.act(observation[[0, 0, 0]])
        for wrong in (np.zeros(1), 1.0, np.zeros(3)):
            with refused("was given rewards of shape .*, and has 2 lifetimes: give an array with one for each"):
                learner.learn(np.zeros(NUM, int), np.zeros(NUM, int), wrong)
        step(learner, observation)
        step(learner, observation)
        for ask in (
            lambda: learner.act(observation),
            lambda: learner.learn(np.zeros(NUM, int), np.zeros(NUM, int), np.zeros(NUM)),
        ):
            with refused("was asked on past the 3 steps of its lifetimes: call begin whenever new ones begin"):
                ask()


def test_what_an_agent_is_shown_is_the_family_s() -> None:
    """A history that is there already, a missing axis of lifetimes, a table or nothing: a sentence with both shapes."""
    agent = meta_envs.load_agent(ID)
    agent.begin(BANDIT, 1, np.random.default_rng(1))
    env, venv = gym.make(ID), gym.make_vec(ID, num_envs=1)
    shown: Any = [PreviousActionReward(env).reset(seed=1)[0][None], vector.PreviousActionReward(venv).reset(seed=1)[0]]
    shown += [env.reset(seed=1)[0], {"image": np.zeros((1, 1))}, None]
    for observation in shown:
        message = r"lifetimes of DependentBandit show an array \(1, 1\) of float32: give what the environment itself"
        with refused(message):
            agent.act(observation)
    agent.act(env.reset(seed=1)[0][None])


def test_images_are_whole_numbers() -> None:
    """Images as fractions of 1 would be black."""
    agent = meta_envs.load_agent("MetaNavigation-IMaze-v0")
    env = gym.make("MetaNavigation-IMaze-v0")
    agent.begin(env.unwrapped.family, 1, np.random.default_rng(1))  # type: ignore[attr-defined]
    observation = {name: part[None] for name, part in env.reset(seed=1)[0].items()}
    with refused("image .*show a table of image"):
        agent.act({**observation, "image": observation["image"] / 255})
    agent.act(observation)


@pytest.mark.parametrize("ask", ["memory", "values"])
def test_an_agent_has_no_memory_before_it_begins(ask: str) -> None:
    """Nor probabilities."""
    agent = meta_envs.load_agent(ID)
    with refused("has not begun"):
        getattr(agent, ask)
    with refused("has not begun"):
        agent.action_probs(np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (gym.make(ID), 1, np.random.default_rng(1)),
            "begins in a family, and was given .*: give meta_envs.make_family",
        ),
        ((BANDIT, 0, np.random.default_rng(1)), "num=0 is not possible: give a whole number of at least 1"),
        ((BANDIT, 1, 1), r"rng=1 is not possible: give a stream, such as numpy.random.default_rng\(1\)"),
    ],
)
def test_a_begin_takes_a_family_a_number_and_a_stream(arguments: Any, message: str) -> None:
    """Each mistake has its sentence."""
    with refused(message):
        make_learner("thompson").begin(*arguments)


def test_who_needs_more_is_told_before_it_acts() -> None:
    """The oracle without the task says what it needs."""
    with refused("oracle needs state and task: call inform before every act"):
        begun("oracle").act(None)


class Twice(meta_envs.learners.Thompson):
    """Asks its rule twice a step."""

    def act(self, observation: Any) -> Any:
        super().act(observation)
        return super().act(observation)


def test_what_a_learner_asks_of_itself_is_no_step() -> None:
    """Three steps are three, however often its methods call one another."""
    learner = Twice()
    assert meta_envs.evaluate(learner, BANDIT, episodes=3).episodes == 3
    with refused("was asked on past the 3 steps"):
        learner.act(None)


def test_a_begin_that_is_refused_leaves_nothing_begun() -> None:
    """What follows says so."""
    learner = begun("ucb")
    with pytest.raises(meta_envs.CannotServe):
        learner.begin(TwoRooms(), 1, np.random.default_rng(1))
    with refused("has not begun"):
        learner.act(None)


def test_an_agent_of_other_settings_says_which() -> None:
    """One short sentence with the keyword, in Python and in the shell."""
    id = "MetaNavigation-RandomMaze-v0"
    with pytest.raises(meta_envs.CannotServe) as found:
        meta_envs.evaluate("agent", id, episodes=2)
    keywords = meta_envs.load_agent(id).card.keywords
    for name, value in keywords.items():
        if getattr(meta_envs.make_family(id), name) != value:
            assert re.search(rf"give .*{name}={value}.* \(.*--env {name}={value}", str(found.value))
    assert len(str(found.value)) < 200


def test_an_agent_of_another_task_says_what_differs() -> None:
    """Short, where no keyword is a cure."""
    with pytest.raises(meta_envs.CannotServe, match="has num_actions 2, and InformativeBandit has 11") as found:
        meta_envs.evaluate(f"agent:{ID}", "MetaBandit-Informative-v0", episodes=2)
    assert len(str(found.value)) < 200
