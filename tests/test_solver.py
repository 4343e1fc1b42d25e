"""The exact optimum against first principles: recursions over all histories, closed forms, hand answers, simulation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import comb, prod

import numpy as np
import pytest
from families import BERNOULLI_IDS, SMALL, SOLVED_IDS, TwoRooms, UnlistedRooms, Urn, small
from scipy.integrate import quad
from scipy.special import beta as beta_function

from meta_envs import make_family, solve
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.i_maze_grid import IMazeGrid
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.informative import InformativeBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.two_step import TwoStep
from meta_envs.family import Array, DiscreteFamily, FiniteTaskFamily
from meta_envs.learners.returns import record
from meta_envs.lifetimes.beliefs import first_state, merge
from meta_envs.lifetimes.oracle import task_action_values
from meta_envs.solvers import Optimum, dispatch, dynamic
from meta_envs.solvers.bayes import Bayes
from meta_envs.solvers.dynamic import solve_generic
from meta_envs.solvers.independent import solve_two_arms

History = tuple[tuple[int, int], ...]
"""Actions and outcomes so far."""
Evidence = Callable[[History], float]
"""Probability of a history's outcomes, given its actions, averaged over the prior."""


def independent_evidence(num_arms: int, alpha: float, beta: float) -> Evidence:
    """By the Beta function: for each arm B(alpha + s, beta + f) / B(alpha, beta)."""

    def evidence(history: History) -> float:
        paid = [sum(outcome for pulled, outcome in history if pulled == arm) for arm in range(num_arms)]
        lost = [sum(1 - outcome for pulled, outcome in history if pulled == arm) for arm in range(num_arms)]
        counts = zip(paid, lost, strict=True)
        return prod(beta_function(alpha + s, beta + f) / beta_function(alpha, beta) for s, f in counts)

    return evidence


def dependent_evidence(low: float, high: float, num_values: int) -> Evidence:
    """By the sum over the listed values of p_1, or by numerical integration."""

    @cache
    def average(first: int, second: int) -> float:
        if num_values:
            values = [low + (high - low) * index / (num_values - 1) for index in range(num_values)]
            return sum(p**first * (1 - p) ** second for p in values) / num_values
        return float(quad(lambda p: p**first * (1 - p) ** second, low, high, epsabs=1e-13)[0]) / (high - low)

    def evidence(history: History) -> float:
        first = sum((action == 0) == (outcome == 1) for action, outcome in history)
        return average(first, len(history) - first)

    return evidence


def bandit_evidence(family: DependentBandit | IndependentBandit) -> Evidence:
    """Of either family, by its parameters."""
    if isinstance(family, DependentBandit):
        return dependent_evidence(family.low, family.high, family.num_values)
    return independent_evidence(family.num_arms, family.alpha, family.beta)


def best_by_histories(num_actions: int, horizon: int, evidence: Evidence) -> float:
    """Optimal expected return of a Bernoulli bandit, by going through all histories."""

    def value(history: History) -> float:
        if len(history) == horizon:
            return 0.0
        return max(
            sum(
                evidence((*history, (action, paid))) / evidence(history) * (paid + value((*history, (action, paid))))
                for paid in (0, 1)
                if evidence((*history, (action, paid))) > 0
            )
            for action in range(num_actions)
        )

    return value(())


def policy_by_histories(optimum: Optimum, horizon: int, evidence: Evidence) -> float:
    """Expected return of a bandit's policy, by going through all histories that it can meet."""

    def value(history: History, node: np.ndarray) -> float:
        step = len(history)
        if step == horizon:
            return 0.0
        action = optimum.table.action(step, node)
        total = 0.0
        for paid in (0, 1):
            longer = (*history, (int(action[0]), paid))
            if evidence(longer) > 0:
                after = optimum.table.follow(step, node, action, np.array([paid]))
                total += evidence(longer) / evidence(history) * (paid + value(longer, after))
        return total

    return value((), optimum.table.start(1))


def small_families() -> list[DependentBandit | IndependentBandit]:
    """Every registered prior, and priors that are not registered, at small horizons."""
    registered = [make_family(id, num_trials=horizon) for id in BERNOULLI_IDS for horizon in (1, 2, 3, 5)]
    return [
        *(family for family in registered if isinstance(family, DependentBandit | IndependentBandit)),
        IndependentBandit(num_arms=1, num_trials=4),
        IndependentBandit(num_arms=3, num_trials=4),
        IndependentBandit(num_arms=4, num_trials=3, alpha=0.3, beta=1.7),
        IndependentBandit(num_trials=5, alpha=2.0, beta=0.5),
        DependentBandit(num_trials=5, low=0.2, high=0.9),
        DependentBandit(num_trials=5, low=0.1, high=0.6, num_values=4),
        DependentBandit(num_trials=5, num_values=2),
        DependentBandit(num_trials=4, low=0.3, high=1.0, num_values=3),
    ]


@pytest.mark.parametrize("family", small_families(), ids=repr)
def test_optimum_equals_brute_force_over_histories(family: DependentBandit | IndependentBandit) -> None:
    """The optimum is that of a recursion over all histories, with each posterior from first principles."""
    expected = best_by_histories(family.arms, family.num_trials, bandit_evidence(family))
    assert solve(family).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("family", small_families(), ids=repr)
def test_policy_achieves_the_optimum_over_histories(family: DependentBandit | IndependentBandit) -> None:
    """The policy, followed through all histories, has exactly the value that is computed for it."""
    optimum = solve(family)
    achieved = policy_by_histories(optimum, family.num_trials, bandit_evidence(family))
    assert optimum.achieved == optimum.value == pytest.approx(achieved, abs=1e-9)


@pytest.mark.parametrize("family", small_families(), ids=repr)
def test_random_play_pulls_every_arm_alike(family: DependentBandit | IndependentBandit) -> None:
    """Random play's value is the number of pulls times the average of the arms' prior means."""
    evidence = bandit_evidence(family)
    mean = np.mean([evidence(((arm, 1),)) for arm in range(family.arms)])
    assert solve(family).random_value == pytest.approx(family.num_trials * mean, abs=1e-9)


@pytest.mark.parametrize("num_trials", [1, 2, 7, 12])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (2.0, 0.5), (0.1, 3.0)])
def test_two_arms_equal_the_generic_solver(num_trials: int, alpha: float, beta: float) -> None:
    """The special solver for two independent arms gives the generic one's values, and the same actions."""
    family = IndependentBandit(num_trials=num_trials, alpha=alpha, beta=beta)
    special, generic = solve_two_arms(family), solve_generic(family)
    assert special.value == pytest.approx(generic.value, abs=1e-12)
    assert special.random_value == pytest.approx(generic.random_value, abs=1e-12)
    rng = np.random.default_rng(5)
    walks = [(optimum.table, optimum.table.start(500)) for optimum in (special, generic)]
    for step in range(num_trials):
        first, second = (policy.action(step, node) for policy, node in walks)
        np.testing.assert_array_equal(first, second)
        action, paid = rng.integers(2, size=500), rng.integers(2, size=500)
        walks = [(policy, policy.follow(step, node, action, paid)) for policy, node in walks]


@pytest.mark.parametrize(
    ("id", "num_trials", "expected"),
    [
        ("MetaBandit-Independent-v0", 1, 1 / 2),
        # Stay after a success, where the mean is now 2/3; change after a failure, to a fresh arm's 1/2.
        ("MetaBandit-Independent-v0", 2, 1 / 2 + 1 / 2 * 2 / 3 + 1 / 2 * 1 / 2),
        # Whatever the first pull showed, one arm's mean is now 2/3.
        ("MetaBandit-Dependent-v0", 2, 1 / 2 + 2 / 3),
        # With p_1 in {q, 1 - q}: after one pull q^2 + (1 - q)^2.
        ("MetaBandit-DependentEasy-v0", 2, 1 / 2 + 0.82),
        ("MetaBandit-DependentMedium-v0", 2, 1 / 2 + 0.625),
        ("MetaBandit-DependentHard-v0", 2, 1 / 2 + 0.52),
        # After two pulls q^3 + (1 - q)^3 where they agree, and 1/2 in the 2 q (1 - q) where they do not.
        ("MetaBandit-DependentMedium-v0", 3, 1 / 2 + 0.625 + 0.625),
    ],
)
def test_hand_answers(id: str, num_trials: int, expected: float) -> None:
    """Optima worked out by hand."""
    assert solve(id, num_trials=num_trials).value == pytest.approx(expected, abs=1e-12)


def test_uniform_dependent_arms_have_a_closed_form() -> None:
    """After t pulls the count s for arm 1 is uniform on 0..t; the better mean is max(s + 1, t + 1 - s) / (t + 2)."""
    means = (np.mean([max(s + 1, t + 1 - s) / (t + 2) for s in range(t + 1)]) for t in range(100))
    assert solve("MetaBandit-Dependent-v0").value == pytest.approx(sum(means), abs=1e-9)


@pytest.mark.parametrize(("level", "q"), [("Easy", 0.9), ("Medium", 0.75), ("Hard", 0.6)])
def test_two_valued_dependent_arms_have_a_closed_form(level: str, q: float) -> None:
    """Evidence comes whatever is pulled, so the optimum pulls the arm that more pieces of evidence speak for."""
    expected = 0.0
    for t in range(100):
        for s in range(t + 1):
            first = (q ** (s + 1) * (1 - q) ** (t - s) + (1 - q) ** (s + 1) * q ** (t - s)) / 2
            second = (q**s * (1 - q) ** (t - s + 1) + (1 - q) ** s * q ** (t - s + 1)) / 2
            expected += comb(t, s) * max(first, second)
    assert solve(f"MetaBandit-Dependent{level}-v0").value == pytest.approx(expected, abs=1e-9)


def assert_that_the_policy_has_its_value(family: DiscreteFamily, num: int) -> None:
    """Over so many lifetimes the policy's mean expected return is within 3 standard errors of its value."""
    optimum = solve(family)
    returns = record([optimum.policy], family, range(num), 7)[0].expected
    assert abs(np.mean(returns) - optimum.achieved) <= 3 * np.std(returns) / num**0.5 + 1e-9


@pytest.mark.parametrize("id", SOLVED_IDS)
def test_simulated_policy_has_the_computed_value(id: str) -> None:
    """Over 4000 lifetimes, where long ones are slow shorter ones."""
    assert_that_the_policy_has_its_value(make_family(id, **small(id)), 4000)


@pytest.mark.slow
@pytest.mark.parametrize("id", [id for id in SOLVED_IDS if id in SMALL])
def test_simulated_policy_has_the_computed_value_at_full_size(id: str) -> None:
    """As they are registered."""
    family = make_family(id)
    assert_that_the_policy_has_its_value(family, 10_000 if family.horizon <= 200 else 200)


def rooms_by_histories(family: TwoRooms, play: str) -> float:
    """Expected return by all histories: "best" under the prior, "random", or "task 0" for the oracle of that task."""
    tasks, prior = family.tasks()
    if play == "task 0":
        prior = np.array([1.0, 0.0, 0.0])

    def law(room: int, action: int, outcome: int) -> np.ndarray:
        move = 0.5 * (tasks[:, 0] if action == 0 else 1 - tasks[:, 0])
        out = np.zeros(3) if action == 1 and room == 0 else tasks[:, 1] + 0.2 * action
        return np.array([1 - move - out, move, out][outcome])

    def value(weights: np.ndarray, room: int, left: int) -> float:
        if left == 0 or room == 2:
            return 0.0
        values = []
        for action in range(2):
            joints = [weights * law(room, action, outcome) for outcome in range(3)]
            rooms = [room, 1 - room, 2]
            following = [joint.sum() * o + value(joint, rooms[o], left - 1) for o, joint in enumerate(joints)]
            values.append(sum(following))
        return float(np.mean(values)) if play == "random" else max(values)

    return value(prior, 0, family.length)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("rooms", [TwoRooms, UnlistedRooms])
def test_rooms_with_an_early_end_equal_brute_force(rooms: type[TwoRooms], length: int) -> None:
    """States, three outcomes, impossible branches and an early end are solved as a recursion over histories does."""
    family = rooms(length=length)
    optimum = solve(family)
    assert optimum.value == pytest.approx(rooms_by_histories(family, "best"), abs=1e-10)
    assert optimum.random_value == pytest.approx(rooms_by_histories(family, "random"), abs=1e-10)


def test_optimum_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many beliefs are expanded at once, values are the same and no branch leads elsewhere."""
    family = IndependentBandit(num_arms=3, num_trials=8, alpha=0.5)
    whole = solve_generic(family)
    monkeypatch.setattr(dynamic, "CHUNK", 7)
    parts = solve_generic(family)
    assert (parts.note, parts.value) == (whole.note, pytest.approx(whole.value, abs=1e-12))


def test_beliefs_of_rooms_are_merged() -> None:
    """Histories that lead to the same posterior and room are one node: far fewer nodes than histories."""
    nodes = int(solve(TwoRooms(length=12)).note.split()[-3].replace(",", ""))
    assert 100 < nodes < 10_000 < 4**11


def test_merge_finds_equal_rows_only() -> None:
    """Equal pairs of belief and state get one number, different ones different numbers, also where keys overflow."""
    rng = np.random.default_rng(0)
    belief = rng.integers(0, 2, (500, 12)) * 10**9
    state = rng.integers(0, 2, (500, 3)) * 0.1
    first, place = merge(belief, state)
    rows = np.concatenate([belief, state], axis=-1)
    np.testing.assert_array_equal(rows[first][place], rows)
    assert len(first) == len(np.unique(rows, axis=0))


def test_knowing_the_task_equals_brute_force() -> None:
    """Values of the oracle are those of the recursion with that task alone in the prior."""
    family = TwoRooms(length=4)
    *_, (rows, values) = task_action_values(family, family.tasks()[0])
    assert (rows.tolist(), values.shape) == ([0], (3, 1, 2))
    assert values[0, 0].max() == pytest.approx(rooms_by_histories(family, "task 0"), abs=1e-12)
    rows, values = next(task_action_values(family, family.tasks()[0]))
    assert (rows.tolist(), values.shape) == ([0, 1, 2], (3, 3, 2))
    shorter = rooms_by_histories(TwoRooms(length=1), "task 0")
    assert values[0, 0].max() == pytest.approx(shorter, abs=1e-12)


def test_knowing_the_task_of_a_bandit_is_knowing_the_best_arm() -> None:
    """In a bandit the value of an arm is its mean and, for all later pulls, the best arm's."""
    task = np.array([[0.2, 0.7, 0.4], [0.9, 0.1, 0.3]])
    values = list(task_action_values(IndependentBandit(num_arms=3, num_trials=5), task))[-2][1][:, 0]
    np.testing.assert_allclose(values, task + 3 * task.max(axis=-1, keepdims=True))


def test_optimum_for_another_prior_is_worse_at_home_only_for_others() -> None:
    """The optimum for uniform arms, played on the easy ones, is below the optimum for these and far above chance."""
    easy = make_family("MetaBandit-DependentEasy-v0")
    own, foreign = record([Bayes(), solve("MetaBandit-Independent-v0").policy], easy, range(2000), 3)
    difference = own.expected - foreign.expected
    assert np.mean(difference) > 3 * np.std(difference) / np.sqrt(2000)
    assert np.mean(foreign.expected) > 80.0


def test_what_cannot_happen_under_the_prior_is_survived() -> None:
    """A policy that meets what its own prior excludes goes on, with action 0."""
    certain = solve(DependentBandit(num_trials=6, num_values=2))
    learner = certain.policy
    learner.begin(DependentBandit(num_trials=6), 1, np.random.default_rng(0))
    for paid in (1, 0, 1, 0):
        learner.learn(learner.act(np.zeros((1, 1))), np.array([paid]), np.array([float(paid)]))
    assert learner.act(np.zeros((1, 1))).tolist() == [0]


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (IndependentBandit(num_trials=601), "IndependentBandit has 5,490,526,251 beliefs, .*give it fewer trials"),
        (Urn(), "Urn begins in a random state"),
    ],
)
def test_infeasible_optima_are_refused(family: Urn | IndependentBandit, message: str) -> None:
    """What cannot be solved is refused in one sentence with the number and the cure, at once."""
    with pytest.raises(ValueError, match=message):
        solve(family)


def test_too_many_beliefs_are_noticed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the number is not known beforehand, the search stops and says how far it came."""
    monkeypatch.setattr(dynamic, "MAX_BRANCHES", 6 * 100)
    with pytest.raises(ValueError, match=r"TwoRooms has at least 1\d\d beliefs in its 30 steps, more than the 100"):
        solve(TwoRooms(length=30))
    dispatch._solve.cache_clear()


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (make_family("MetaBandit-Dependent-v0", num_trials=9), "is for 5 steps, and a lifetime has 9"),
        (IndependentBandit(num_arms=3, num_trials=5), "is for 2 actions and 2 outcomes, and the family has 3 and 2"),
    ],
)
def test_policies_refuse_families_they_do_not_fit(family: DependentBandit, message: str) -> None:
    """A policy for other actions or shorter lifetimes says so."""
    policy = solve("MetaBandit-Dependent-v0", num_trials=5).policy
    with pytest.raises(ValueError, match=message):
        policy.begin(family, 3, np.random.default_rng(0))


@dataclass(frozen=True, kw_only=True)
class PaidOtherwise(IndependentBandit):
    """Two independent arms that pay 50, and else cost 7."""

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (-7.0, 50.0)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return np.where(outcome == 1, 50.0, -7.0)


def test_a_family_derived_from_a_special_one_is_solved_with_its_own_rewards() -> None:
    """The special solver of two arms that pay 0 and 1 is not taken for arms that pay something else."""
    plain = solve("MetaBandit-Independent-v0", num_trials=3).value
    assert solve(PaidOtherwise(num_trials=3)).value == pytest.approx(57.0 * plain - 7.0 * 3, abs=1e-9)


def best_by_weighing(family: DiscreteFamily, tasks: Array, weights: Array, state: Array, left: int) -> float:
    """Optimal return by all histories, with the laws of tasks (G, T) weighed by their joint probabilities (G,)."""
    if left == 0 or family.terminated(None, state)[0]:
        return 0.0
    values = []
    for number in range(family.num_actions):
        action = np.array([number])
        law = family.outcome_probs(tasks, np.repeat(state, len(tasks), axis=0), np.repeat(action, len(tasks)))
        total = 0.0
        for outcome in range(family.num_outcomes):
            joint, seen = weights * law[:, outcome], np.array([outcome])
            if joint.sum() > 0.0:
                following = family.next_state(state, action, seen)
                total += joint.sum() * float(family.reward(state, action, seen)[0])
                total += best_by_weighing(family, tasks, joint, following, left - 1)
        values.append(total)
    return max(values)


@pytest.mark.parametrize(
    "family",
    [
        InformativeBandit(num_arms=4, num_trials=3),
        InformativeBandit(num_arms=5, num_trials=2, target_reward=2.0, other_reward=1.1),
        TwoStep(num_trials=3),
        TwoStep(num_trials=3, common=0.6, high=0.7, low=0.4),
        IMazeGrid(corridor=1, arm=2, num_moves=6),
    ],
    ids=repr,
)
def test_families_that_list_their_tasks_are_solved_as_by_histories(family: FiniteTaskFamily) -> None:
    """The optimum is that of a recursion over all histories that knows of no beliefs, only of the tasks' laws."""
    expected = best_by_weighing(family, *family.tasks(), first_state(family), family.horizon)
    assert solve(family).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("keywords", [{}, dict(switch=0.4, high=0.8, low=0.3)], ids=str)
def test_switching_schedules_are_solved_as_by_histories(keywords: dict[str, float]) -> None:
    """The same over all schedules of three trials, each with the product of its switches' probabilities."""
    family = SwitchingTwoStep(num_trials=3, **keywords)  # type: ignore[arg-type]
    tasks = 2.0 + np.indices((2, 2, 2)).reshape(3, -1).T
    switches = np.sum(tasks[:, 1:] != tasks[:, :-1], axis=-1)
    prior = 0.5 * family.switch**switches * (1.0 - family.switch) ** (2 - switches)
    expected = best_by_weighing(family, tasks, prior, first_state(family), family.horizon)
    assert solve(family).value == pytest.approx(expected, abs=1e-9)
