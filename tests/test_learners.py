"""The learners that need no training: what each does is compared with its definition, at stated levels of chance."""

from typing import Any

import numpy as np
import pytest
from families import BERNOULLI_IDS, FAMILIES, PUBLISHED_IDS, TwoRooms, Urn
from scipy.stats import binomtest

from meta_envs import CannotServe, make_family
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner, select_known
from meta_envs.learners.bandits import UCB
from meta_envs.roster import LEARNERS, make_learner, serving

NUM = 20_000
"""Copies with which a probability is measured."""
LEVEL = 1e-4
"""Chance that a test of a probability fails without reason, had its seed not been fixed."""


def begin(name: str, family: TaskFamily, num: int = NUM) -> Learner:
    """A learner at the beginning of lifetimes."""
    learner = make_learner(name)
    learner.begin(family, num, np.random.default_rng(11))
    return learner


def act(learner: Learner, num: int = NUM, state: Array | None = None, task: Array | None = None) -> Array:
    """What it does where there is nothing to see, in a bandit's only state or in given ones.

    The second arm is the better one, if no tasks are given.
    """
    task = np.tile([0.3, 0.7], (num, 1)) if task is None else task
    learner.inform(select_known(learner, IndependentBandit(), task, np.zeros((num, 0)) if state is None else state))
    return learner.act(np.zeros((num, 1), np.float32))


def pull(learner: Learner, pulls: list[tuple[int, int]], num: int = NUM) -> None:
    """All copies pull the same arms, with the same pay-offs."""
    for arm, paid in pulls:
        act(learner, num)
        learner.learn(np.full(num, arm), np.full(num, paid), np.full(num, float(paid)))


def assert_frequency(events: Array, probability: float) -> None:
    """Events (NUM,) have the probability, at the level above."""
    assert binomtest(int(events.sum()), len(events), probability).pvalue > LEVEL


def served(id: str) -> list[str]:
    """Learners that a bandit must have: all that two independent arms have, or those that serve one added later."""
    return serving(list(LEARNERS), IndependentBandit() if id in PUBLISHED_IDS else make_family(id, num_trials=5))


@pytest.mark.parametrize(("name", "id"), [(name, id) for id in BERNOULLI_IDS for name in served(id)])
def test_learners_serve_every_bandit(name: str, id: str) -> None:
    """Every learner answers every step of every registered bandit with a batch of arms."""
    family = make_family(id, num_trials=5)
    task = family.sample_task(np.random.default_rng(0).random((7, family.num_task_chance)))
    learner = begin(name, family, 7)
    for _ in range(5):
        action = act(learner, 7, task=task)
        assert action.shape == (7,)
        assert action.dtype.kind == "i"
        assert set(action.tolist()) <= set(range(FAMILIES[id].num_actions))
        learner.learn(action, np.ones(7, np.intp), np.ones(7))


@pytest.mark.parametrize("name", serving(list(LEARNERS), IndependentBandit()))
def test_learners_begin_anew(name: str) -> None:
    """A second beginning with the same stream repeats the first, whatever was learned in between."""
    family = IndependentBandit(num_trials=6)
    learner = begin(name, family, 50)
    rewards = np.random.default_rng(2).integers(2, size=(6, 50))
    runs = []
    for _ in range(2):
        learner.begin(family, 50, np.random.default_rng(3))
        actions = []
        for paid in rewards:
            actions.append(act(learner, 50))
            learner.learn(actions[-1], paid, paid.astype(float))
        runs.append(np.array(actions))
    np.testing.assert_array_equal(*runs)


def test_only_the_oracle_is_told_the_task() -> None:
    """It plays the better arm at once; rules for mazes are told state and layout, and those for bandits nothing."""
    needs = {name: make_learner(name).needs for name in LEARNERS}
    assert [name for name in LEARNERS if "task" in needs[name]] == ["oracle"]
    assert needs["searcher"] == needs["memoryless"] == ("state", "layout")
    assert [needs[name] for name in ("thompson", "random", "bayes")] == [(), (), ()]
    for task in ([0.3, 0.7], [0.7, 0.3]):
        given = np.tile(task, (9, 1))
        assert act(begin("oracle", IndependentBandit(), 9), 9, task=given).tolist() == [np.argmax(task)] * 9
        assert act(begin("bayes", IndependentBandit(), 9), 9, task=given).tolist() == [0] * 9


def test_oracle_follows_the_rooms() -> None:
    """Where states matter the oracle plays by the state that it is in, and for what comes later."""
    family = TwoRooms(length=2)
    learner, task = begin("oracle", family, 2), family.tasks()[0][[1, 1]]
    # Task (0.2, 0.3), the last step: in the first room 0.7 and 0.4 by the two actions, in the second 0.7 and 1.4.
    # The step before: 0.1 (1 + 1.4) + 0.3 * 2 + 0.6 * 0.7 = 1.26 and 0.4 (1 + 1.4) + 0.6 * 0.7 = 1.38.
    first = act(learner, 2, np.array([[0], [0]]), task)
    assert first.tolist() == [1, 1]
    learner.learn(first, np.array([0, 1]), np.array([0.0, 1.0]))
    assert act(learner, 2, np.array([[0], [1]]), task).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["random", "thompson", "thompson_independent", "ucb", "greedy"])
def test_first_pulls_are_even(name: str) -> None:
    """With nothing known both arms are alike, and are pulled alike."""
    assert_frequency(act(begin(name, IndependentBandit())), 0.5)


def test_thompson_independent_plays_the_probability_of_being_best() -> None:
    """After one success of arm 1, P(Beta(2, 1) > Beta(1, 1)) = 2/3, also where the arms depend on each other."""
    for family in (IndependentBandit(), DependentBandit()):
        learner = begin("thompson_independent", family)
        pull(learner, [(0, 1)])
        assert_frequency(act(learner) == 0, 2 / 3)


def test_thompson_takes_the_prior_of_the_family() -> None:
    """After a success of arm 1: 2/3 for independent arms, P(Beta(2, 1) > 1/2) = 3/4 for dependent ones, 0.9 if easy."""
    cases = [
        (IndependentBandit(), 2 / 3),
        (DependentBandit(), 3 / 4),
        (make_family("MetaBandit-DependentEasy-v0"), 0.9),
    ]
    for family, probability in cases:
        learner = begin("thompson", family)
        pull(learner, [(0, 1)])
        assert_frequency(act(learner) == 0, probability)


def test_ucb_pulls_every_arm_once_first() -> None:
    """The first pulls are one of every arm, in random order, whatever they pay."""
    learner = begin("ucb:chi=0", IndependentBandit(num_arms=4), 200)
    orders = []
    for _ in range(4):
        action = act(learner, 200)
        orders.append(action)
        learner.learn(action, (action == 0).astype(int), (action == 0).astype(float))
    np.testing.assert_array_equal(np.sort(orders, axis=0), np.tile(np.arange(4)[:, None], 200))
    assert len({tuple(order) for order in np.transpose(orders)}) > 15


@pytest.mark.parametrize("chi", [0.0, 0.149, 0.150, 1.0, 8.0])
def test_ucb_is_its_formula(chi: float) -> None:
    """The arm with the highest mean plus sqrt(chi ln(n) / n_i) is pulled: here 6 pulls paying 4, and 2 paying 1.

    Both are equal at chi = (1 / 6)^2 / (1 / sqrt(2) - 1 / sqrt(6))^2 / ln(8) = 0.1496.
    """
    learner = UCB(chi=chi)
    learner.begin(IndependentBandit(), 5, np.random.default_rng(0))
    pull(learner, [(0, 1)] * 4 + [(0, 0)] * 2 + [(1, 1), (1, 0)], 5)
    bounds = [4 / 6 + (chi * np.log(8) / 6) ** 0.5, 1 / 2 + (chi * np.log(8) / 2) ** 0.5]
    assert act(learner, 5).tolist() == [int(np.argmax(bounds))] * 5


def test_ucb1_is_ucb_with_chi_2() -> None:
    """Both names give the same actions from the same stream."""
    family = IndependentBandit()
    first, second = begin("ucb1", family, 100), begin("ucb:chi=2", family, 100)
    rng = np.random.default_rng(4)
    for _ in range(60):
        action = act(first, 100)
        np.testing.assert_array_equal(action, act(second, 100))
        paid = rng.integers(2, size=100)
        for learner in (first, second):
            learner.learn(action, paid, paid.astype(float))


def test_greedy_plays_the_posterior_mean() -> None:
    """After a failure of arm 1 greedy pulls arm 2, after a success arm 1, and after one of each either."""
    for pulls, probability in (([(0, 0)], 0.0), ([(0, 1)], 1.0), ([(0, 1), (0, 0)], 0.5)):
        learner = begin("greedy", DependentBandit())
        pull(learner, pulls)
        assert_frequency(act(learner) == 0, probability)


def test_epsilon_greedy_explores_by_epsilon() -> None:
    """The worse of two arms is pulled in half of the explorations."""
    learner = begin("epsilon_greedy:epsilon=0.3", IndependentBandit())
    pull(learner, [(0, 1)])
    assert_frequency(act(learner) == 1, 0.15)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("thompsn", "There is no learner 'thompsn': did you mean thompson"),
        ("gradient", "There is no learner 'gradient': .*random, oracle"),
        ("", "There is no learner ''"),
        ("ucb:kappa=2", "'ucb' has no constant 'kappa': it takes chi"),
        ("thompson:chi=2", "'thompson' has no constant 'chi': it takes none"),
        ("ucb1:chi=3", "'ucb1' has no constant 'chi': it takes none"),
        ("bayes:optimum=1", "'bayes' has no constant 'optimum': it takes none"),
        ("ucb:chi=wide", "'chi=wide' in 'ucb:chi=wide' is not possible: give a number"),
        ("ucb:chi=-1", "chi=-1.0 is not possible: give a number of at least 0"),
        ("ucb:chi=nan", "chi=nan is not possible"),
        ("epsilon_greedy:epsilon=1.5", "epsilon=1.5 is not possible: give a probability"),
    ],
)
def test_unknown_learners_and_constants_are_refused(name: str, message: str) -> None:
    """A wrong name or constant is named, with what there is instead."""
    with pytest.raises(ValueError, match=message):
        make_learner(name)


def test_learners_are_called_as_they_were_made() -> None:
    """The name keeps the constants, so that two of a kind can be told apart."""
    assert make_learner("ucb:chi=0.5").name == "ucb:chi=0.5"
    assert make_learner("ucb").name == "ucb"


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("ucb", TwoRooms(), "ucb serves bandits, and TwoRooms is none: it has 3 states"),
        ("thompson", TwoRooms(), "thompson serves bandits, and TwoRooms is none"),
        ("thompson_independent", TwoRooms(), "thompson_independent serves bandits that pay 0 or 1"),
        ("greedy", Urn(), "Urn begins in a random state"),
        ("bayes", Urn(), "Urn begins in a random state"),
        ("bayes", IndependentBandit(num_arms=3, num_trials=1000), "beliefs, more than the"),
    ],
)
def test_learners_say_whom_they_cannot_serve(name: str, family: Any, message: str) -> None:
    """A learner refuses a family that it makes no sense in, and says why."""
    with pytest.raises(CannotServe, match=message):
        make_learner(name).check(family)
    with pytest.raises(CannotServe, match=message):
        make_learner(name).begin(family, 3, np.random.default_rng(0))
