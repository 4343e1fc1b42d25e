"""Lifetimes: look-ups give what the family's functions give, to the last bit, for one copy and for many."""

from dataclasses import dataclass

import families
import gymnasium as gym
import numpy as np
import pytest
from families import Drift, UnlistedRooms, Urn, small

import meta_envs
from meta_envs.families.dependent import DependentBandit
from meta_envs.lifetimes.chance import Streams
from meta_envs.lifetimes.many import PlainLifetimes, TabulatedLifetimes, make_lifetimes
from meta_envs.lifetimes.one import PlainLifetime, TabulatedLifetime, make_lifetime
from meta_envs.lifetimes.tables import find_rows, tabulate
from meta_envs.testing.playing import difference

FAMILIES = [*(meta_envs.make_family(id, **small(id)) for id in meta_envs.ids()), Urn(), Urn(num_draws=1)]
TABULATED = [family for family in FAMILIES if tabulate(family) is not None]


@pytest.mark.parametrize("num", [1, 2, 7])
@pytest.mark.parametrize("family", TABULATED, ids=repr)
def test_tables_give_what_the_functions_give(family, num):
    """Tabulated lifetimes are plain ones bit for bit, also where copies are born out of phase."""
    rng = np.random.default_rng(num)
    both = PlainLifetimes(family, num), TabulatedLifetimes(family, num, tabulate(family))
    born = np.arange(num)
    for _ in range(2 * family.horizon + 3):
        if len(born):
            chance = rng.random((len(born), family.num_chance))
            for lifetimes in both:
                lifetimes.begin(born, chance)
        action = rng.integers(family.num_actions, size=num)
        given = [
            [*lifetimes.step(action), lifetimes.state(), lifetimes.observe(), lifetimes.task, lifetimes.steps]
            for lifetimes in both
        ]
        assert not difference(given[0][1:], given[1][1:])
        np.testing.assert_array_equal(given[0][0], given[1][0])
        born = np.flatnonzero(given[0][2] | (rng.random(num) < 0.1))


@pytest.mark.parametrize("family", TABULATED, ids=repr)
def test_one_lifetime_is_the_first_of_many(family):
    """The single forms, tabulated and plain, run the lifetime that a batch runs."""
    rng = np.random.default_rng(0)
    one, plain, many = TabulatedLifetime(family, tabulate(family)), PlainLifetime(family), make_lifetimes(family, 3)
    for _ in range(4):
        chance = rng.random((3, family.num_chance))
        many.begin(np.arange(3), chance)
        one.begin(chance[0])
        plain.begin(chance[0])
        terminated = False
        while not terminated:
            assert not difference(one.observe(), many.observe()[0])
            assert not difference(plain.observe(), many.observe()[0])
            assert not difference(one.task, many.task[0])
            action = int(rng.integers(family.num_actions))
            _, rewards, over = many.step(np.full(3, action))
            reward, terminated = one.step(action)
            assert (reward, terminated) == plain.step(action) == (rewards[0], over[0])


@pytest.mark.parametrize(
    ("family", "many", "one"),
    [
        (DependentBandit(), TabulatedLifetimes, TabulatedLifetime),
        (Urn(), TabulatedLifetimes, TabulatedLifetime),
        (UnlistedRooms(), PlainLifetimes, PlainLifetime),
        (Drift(), PlainLifetimes, PlainLifetime),
    ],
    ids=repr,
)
def test_families_with_few_states_are_tabulated(family, many, one):
    """`make_lifetimes` and `make_lifetime` look up what they can."""
    assert type(make_lifetimes(family, 2)) is many
    assert type(make_lifetime(family)) is one


def test_environments_do_not_show_how_they_are_run():
    """The same family with and without its list of states gives the same environment, bit for bit."""
    with families.registered():
        venvs = [gym.make_vec(id, 5) for id in ("ToyRooms-v0", "ToyUnlistedRooms-v0")]
        actions = np.random.default_rng(0).integers(2, size=(40, 5))
        runs = [[venv.reset(seed=0), *(venv.step(action) for action in actions)] for venv in venvs]
    assert not difference(*runs)


def test_a_pull_pays_where_the_uniform_reaches_one_minus_p():
    """By hand: in the task (1/4, 3/4), arm 1 pays for uniforms of 3/4 and above, arm 2 for those of 1/4 and above."""
    chance = np.array([0.9, 0.74, 0.75, 0.24, 0.25])
    lifetime = make_lifetime(DependentBandit(num_trials=4))
    many = [make_lifetimes(DependentBandit(num_trials=4), 1), PlainLifetimes(DependentBandit(num_trials=4), 1)]
    task = np.array([0.25, 0.75])
    paid = {}
    for arm in (0, 1):
        lifetime.begin(chance, task)
        paid[arm] = [lifetime.step(arm) for _ in range(4)]
        for lifetimes in many:
            lifetimes.begin(np.array([0]), chance[None], task[None])
            steps = [lifetimes.step(np.array([arm])) for _ in range(4)]
            assert [(reward[0], over[0]) for _, reward, over in steps] == paid[arm]
    assert paid[0] == [(0.0, False), (1.0, False), (0.0, False), (0.0, True)]
    assert paid[1] == [(1.0, False), (1.0, False), (0.0, False), (1.0, True)]


def test_a_lifetime_with_states_by_hand():
    """In room 1 of the task (.2, .1), .73 changes the room; there .99 leads nowhere; .8 leads back, and .99 out."""
    lifetime = make_lifetime(Urn())
    lifetime.begin(np.array([0.0, 0.9, 0.73, 0.99, 0.8, 0.99, 0.0, 0.0]))
    np.testing.assert_array_equal(lifetime.task, [0.2, 0.1])
    np.testing.assert_array_equal(lifetime.observe(), np.float32([0, 1, 0, 0]))
    assert [lifetime.step(1) for _ in range(3)] == [(1.0, False), (3.0, False), (1.0, False)]
    np.testing.assert_array_equal(lifetime.observe(), np.float32([0, 1, 0, 0.5]))
    assert lifetime.step(1) == (3.0, True)
    np.testing.assert_array_equal(lifetime.observe(), np.float32([0, 0, 1, 4 / 6]))


@dataclass(frozen=True, kw_only=True)
class Incomplete(Urn):
    def states(self):
        return super().states()[:-1]


def test_states_outside_the_list_are_refused():
    """A family that leaves its listed states is found when it is tabulated, with the state and the cure."""
    with pytest.raises(ValueError, match=r"\[6 2\] is not among those of states\(\): list every reachable state"):
        make_lifetimes(Incomplete(), 1)


def test_rows_are_found_where_they_stand():
    """`find_rows` is the index of each wanted row."""
    states = np.array([[0, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(find_rows(states, states[[2, 0, 2]]), [2, 0, 2])


@pytest.mark.parametrize("ahead", [1, 3, None])
def test_uniforms_drawn_ahead_are_those_drawn_one_by_one(ahead):
    """Each copy gets its own generator's numbers in order, however many are drawn at once and whoever else draws."""
    streams = Streams(3, 4, ahead)
    streams.seed([0, 1, 2], [5, 6, 7])
    rng = np.random.default_rng(0)
    drawn = [[], [], []]
    for _ in range(40):
        index = np.flatnonzero(rng.random(3) < 0.5)
        for copy, chance in zip(index, streams.draw(index), strict=True):
            drawn[copy].append(chance)
    for copy, rows in enumerate(drawn):
        np.testing.assert_array_equal(rows, np.random.default_rng(5 + copy).random((len(rows), 4)))


def test_a_new_seed_forgets_what_was_drawn_ahead():
    """Seeding in mid-stream begins the new stream at once, and only in the seeded copies."""
    streams, others = Streams(2, 3), Streams(2, 3)
    for each in (streams, others):
        each.seed([0, 1], [1, 2])
        each.draw(np.arange(2))
    streams.seed([1], [9])
    np.testing.assert_array_equal(streams.draw(np.array([1])), np.random.default_rng(9).random((1, 3)))
    np.testing.assert_array_equal(streams.draw(np.array([0])), others.draw(np.array([0])))


def test_copies_that_end_early_are_out_of_phase():
    """The toy family does what it is for: lifetimes of several lengths side by side, none longer than the horizon."""
    rng = np.random.default_rng(0)
    lifetimes = make_lifetimes(Urn(), 200)
    lifetimes.begin(np.arange(200), rng.random((200, Urn().num_chance)))
    lengths = set()
    for _ in range(30):
        over = np.flatnonzero(lifetimes.step(np.ones(200, int)).terminated)
        lengths |= set(lifetimes.steps[over].tolist())
        if len(over):
            lifetimes.begin(over, rng.random((len(over), Urn().num_chance)))
    assert lengths == {1, 2, 3, 4, 5, 6}
