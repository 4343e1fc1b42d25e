"""Gittins indices against published tables and brute force, and upper bounds against exact optima."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from meta_envs import evaluate, make_family, solve
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.two_step import TwoStep
from meta_envs.intervals import controlled_mean
from meta_envs.learners.gittins import IndexPolicy, discounted_indices, finite_horizon_indices
from meta_envs.learners.policies import PolicyPlayer
from meta_envs.learners.returns import record
from meta_envs.roster import LEARNERS, make_learner
from meta_envs.solvers import information
from meta_envs.solvers.bounds import lagrangian_bound, oracle_bound, posterior_means, value_at_prices
from meta_envs.solvers.dynamic import solve_generic
from meta_envs.solvers.independent import simulate, solve_by_bounds
from meta_envs.solvers.information import relaxed_mean, share_out
from meta_envs.solvers.optimum import Optimum


@pytest.mark.parametrize(
    ("gamma", "paid", "lost", "index"),
    [
        (0.9, 0, 0, 0.7029),
        (0.9, 1, 1, 0.6346),
        (0.9, 2, 2, 0.6010),
        (0.9, 9, 1, 0.8695),
        pytest.param(0.99, 0, 0, 0.8699, marks=pytest.mark.slow),
    ],
)
def test_discounted_indices_are_the_published_ones(gamma: float, paid: int, lost: int, index: float) -> None:
    """Gittins' tables for p ~ U[0, 1], four digits, as printed in Christian & Griffiths 2016, chapter 2."""
    pulls = paid + lost
    computed = discounted_indices(12, gamma)[pulls * (pulls + 1) // 2 + paid]
    assert computed == pytest.approx(index, abs=6e-5)


def index_by_rules(paid: float, lost: float, left: int) -> float:
    """Highest rate over all stopping rules: for each, whether to go on after every sequence of pay-offs."""

    @cache
    def outcomes(paid: float, lost: float, left: int) -> frozenset[tuple[float, float]]:
        """Expected pulls and pay-offs of every rule that pulls at least once."""
        mean = paid / (paid + lost)
        if left == 1:
            return frozenset([(1.0, mean)])
        after = [
            [(0.0, 0.0), *outcomes(paid + 1, lost, left - 1)],
            [(0.0, 0.0), *outcomes(paid, lost + 1, left - 1)],
        ]
        return frozenset(
            (1 + mean * won[0] + (1 - mean) * missed[0], mean * (1 + won[1]) + (1 - mean) * missed[1])
            for won, missed in product(*after)
        )

    return max(rewards / pulls for pulls, rewards in outcomes(paid, lost, left))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, 1.7), (2.0, 0.5)])
def test_finite_horizon_indices_equal_the_best_of_all_stopping_rules(alpha: float, beta: float) -> None:
    """For up to four pulls every rule is listed; none pays more a pull than the index."""
    table, place = finite_horizon_indices(4, alpha, beta), 0
    for pulls in range(4):
        for left in range(1, 5 - pulls):
            for paid in range(pulls + 1):
                best = index_by_rules(alpha + paid, beta + pulls - paid, left)
                assert table[place] == pytest.approx(best, abs=2e-5)
                place += 1
    assert place == len(table)


def test_indices_grow_with_the_pulls_that_are_left() -> None:
    """With one pull left the index is the posterior mean, and every pull more can only be of use."""
    table, place = finite_horizon_indices(60), 0
    for pulls in range(60):
        part = table[place : place + (60 - pulls) * (pulls + 1)].reshape(60 - pulls, pulls + 1)
        np.testing.assert_allclose(part[0], (1 + np.arange(pulls + 1)) / (2 + pulls), atol=1e-6)
        assert np.all(np.diff(part, axis=0) > -1e-3)
        assert np.all(np.diff(part, axis=1) > 0)
        place += part.size


def value_of_policy(family: IndependentBandit, policy: IndexPolicy) -> float:
    """Exact expected return of a policy, by going forward through all counts with their probabilities."""
    reached = {tuple(policy.start(1)[0]): 1.0}
    total = 0.0
    for step in range(family.num_trials):
        following: dict[tuple[int, ...], float] = {}
        nodes = np.array(list(reached))
        for node, action, prob in zip(nodes, policy.action(step, nodes), reached.values(), strict=True):
            pulls, paid = node[action], node[family.num_arms + action]
            mean = (family.alpha + paid) / (family.alpha + family.beta + pulls)
            total += prob * mean
            for outcome, chance in ((0, 1 - mean), (1, mean)):
                after = policy.follow(step, node[None], action[None], np.array([outcome]))[0]
                following[tuple(after)] = following.get(tuple(after), 0.0) + prob * chance
        reached = following
    return total


@pytest.mark.parametrize(
    ("num_arms", "num_trials", "alpha", "beta"),
    [(1, 6, 1.0, 1.0), (2, 2, 1.0, 1.0), (2, 12, 1.0, 1.0), (2, 25, 1.0, 1.0), (2, 10, 0.4, 1.3), (3, 8, 1.0, 1.0)],
)
def test_index_policy_is_nearly_optimal_and_never_better(
    num_arms: int, num_trials: int, alpha: float, beta: float
) -> None:
    """Its exact value is within 0.2 % of the optimum, and not above."""
    family = IndependentBandit(num_arms=num_arms, num_trials=num_trials, alpha=alpha, beta=beta)
    achieved, best = value_of_policy(family, IndexPolicy(family)), solve(family).value
    assert achieved <= best + 1e-9
    assert achieved >= best * 0.998


@pytest.mark.parametrize("num_arms", [1, 2, 3, 4])
@pytest.mark.parametrize("num_trials", [1, 2, 5])
def test_bounds_are_above_the_optimum(num_arms: int, num_trials: int) -> None:
    """Each of the three, for arms that are good in the mean and for bad ones."""
    for alpha, beta in ((1.0, 1.0), (0.4, 1.6)):
        family = IndependentBandit(num_arms=num_arms, num_trials=num_trials, alpha=alpha, beta=beta)
        best = solve_generic(family).value
        mean, error = relaxed_mean(family)
        assert oracle_bound(family) >= best - 1e-9
        assert lagrangian_bound(family) >= best - 1e-9
        assert mean >= best - 4 * error


@pytest.mark.parametrize("num_trials", [1, 2, 5, 12])
def test_of_one_arm_the_relaxation_has_the_value(num_trials: int) -> None:
    """There is nothing to choose, and the claimed error holds, down to rounding where controls explain everything."""
    for alpha, beta in ((1.0, 1.0), (0.4, 1.6), (0.01, 3.0)):
        mean, error = relaxed_mean(IndependentBandit(num_arms=1, num_trials=num_trials, alpha=alpha, beta=beta))
        assert abs(mean - num_trials * alpha / (alpha + beta)) <= 4 * error
        assert num_trials > 5 or error < 1e-3


def test_control_variates_give_honest_errors() -> None:
    """Over 400 samples with twin, scaled and blank controls, errors are the scatter, and nothing depends on scales."""
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        known = rng.normal(size=(30, 5))
        values = 3.0 + known @ [1.0, -2.0, 0.0, 0.0, 5.0] + rng.normal(size=30)
        variates = np.column_stack([known, 1e9 * known[:, :2], known[:, 0] - known[:, 1], np.zeros(30)])
        found.append(controlled_mean(values, variates))
        assert found[-1] == pytest.approx(controlled_mean(values, known), rel=1e-9)
    means, errors = np.transpose(found)
    assert abs(np.mean(means) - 3.0) < 4 * np.std(means) / 20
    # 400 standard deviations lie within 0.14 of the true one with probability 0.9999.
    assert np.sqrt(np.mean(errors**2)) / np.std(means) == pytest.approx(1.0, abs=0.14)


def test_any_prices_bound_the_optimum() -> None:
    """Weak duality needs no good prices: random ones do."""
    family = IndependentBandit(num_arms=3, num_trials=5)
    best, rng = solve_generic(family).value, np.random.default_rng(0)
    for _ in range(20):
        prices = rng.random(5)
        assert prices.sum() + 3 * value_at_prices(prices, posterior_means(family), 0.0)[0] >= best - 1e-9


def test_pulls_at_prices_are_the_slope_of_the_value() -> None:
    """The gradient that the search follows is that of the smoothed value, by central differences."""
    means = posterior_means(IndependentBandit(num_trials=6))
    prices = np.linspace(0.7, 0.45, 6)
    pulls = value_at_prices(prices, means, 0.05)[1]
    for step, unit in enumerate(1e-5 * np.eye(6)):
        rise = value_at_prices(prices + unit, means, 0.05)[0] - value_at_prices(prices - unit, means, 0.05)[0]
        assert -rise / 2e-5 == pytest.approx(pulls[step], abs=1e-4)


def test_pulls_are_shared_out_as_well_as_can_be() -> None:
    """Against all ways to share four pulls out among three arms."""
    paid = np.concatenate([np.zeros((7, 3, 1)), np.random.default_rng(0).normal(size=(7, 3, 4))], axis=-1)
    value, counts = share_out(paid)
    ways = [way for way in product(range(5), repeat=3) if sum(way) == 4]
    for sample in range(7):
        returns = [sum(paid[sample, arm, number] for arm, number in enumerate(way)) for way in ways]
        assert value[sample] == pytest.approx(max(returns))
        assert tuple(counts[sample]) == ways[int(np.argmax(returns))]


def test_surprises_are_nothing_in_the_mean() -> None:
    """Whatever an arm has paid, the expected surprise of its next pull is 0."""
    family = IndependentBandit(num_trials=7, alpha=0.6)
    surprises = information._surprises(family).reshape(-1, 7, 7, 2)
    means = posterior_means(family)
    for pulls in range(7):
        mean = means[pulls, : pulls + 1]
        part = surprises[:, pulls, : pulls + 1]
        np.testing.assert_allclose((1 - mean) * part[..., 0] + mean * part[..., 1], 0.0, atol=1e-12)


def test_bounds_are_close_to_the_optimum() -> None:
    """Two and three arms, where the optimum is known: within 2 % of it."""
    for num_arms, num_trials in ((2, 20), (3, 10)):
        family = IndependentBandit(num_arms=num_arms, num_trials=num_trials)
        optimum, best = solve_by_bounds(family, "is small"), solve(family)
        assert best.value <= optimum.value <= 1.02 * best.value
        assert optimum.random_value == pytest.approx(best.random_value)


def test_achieved_is_the_value_of_the_policy() -> None:
    """What the simulation finds is the exact value of the Gittins policy, within 4 standard errors."""
    family = IndependentBandit(num_trials=12)
    policy = IndexPolicy(family)
    achieved, error = simulate(family, lambda: PolicyPlayer(policy), oracle_bound(family))
    assert abs(achieved - value_of_policy(family, policy)) < 4 * error


@pytest.fixture(scope="module")
def many_arms() -> Optimum:
    """Ten arms and twelve pulls, beyond exact reach."""
    return solve("MetaBandit-Independent-v0", num_arms=10, num_trials=12)


def test_solve_bounds_what_is_beyond_exact_reach(many_arms: Optimum) -> None:
    """A bound above what is achieved, with the Gittins policy, and a note with the number of beliefs."""
    assert many_arms.kind == "bound"
    assert many_arms.random_value == 6.0
    assert 6.0 < many_arms.achieved < many_arms.value < 12 * 10 / 11
    assert many_arms.policy.name == "gittins"
    assert "84,672,315 beliefs" in many_arms.note


def test_scores_under_a_bound_do_not_pass_one(many_arms: Optimum) -> None:
    """The card says that it is a bound, and the policy scores what is achieved over the bound."""
    card, own = evaluate(
        ["gittins", many_arms.policy], "MetaBandit-Independent-v0", episodes=200, num_arms=10, num_trials=12
    )
    assert card.optimum_kind == "bound"
    assert card.note.startswith("The optimum is an upper bound: by ")
    share = (many_arms.achieved - 6.0) / (many_arms.value - 6.0)
    assert share < 1.0
    assert [card.score, own.score] == pytest.approx([share, share])


def test_the_bayes_learner_refuses_a_bound() -> None:
    """Nothing that is not optimal goes by that name."""
    family = make_family("MetaBandit-Independent-v0", num_arms=10, num_trials=12)
    with pytest.raises(ValueError, match=r"bayes plays optimal policies, .* use gittins"):
        make_learner("bayes").begin(family, 1, np.random.default_rng(0))


def test_very_long_lifetimes_are_refused() -> None:
    """In a sentence with the number of beliefs and what to do."""
    with pytest.raises(ValueError, match=r"beliefs, .* bounds are computed up to 600 trials: give it fewer"):
        solve("MetaBandit-Independent-v0", num_arms=5, num_trials=5000)


def test_gittins_learner_has_the_value_of_its_policy() -> None:
    """Played in 4000 lifetimes, it has what its policy is worth, within 4 standard errors."""
    family = IndependentBandit(num_arms=3, num_trials=8)
    returns = record([make_learner("gittins")], family, range(4000), 0)[0].expected
    error = np.std(returns) / np.sqrt(4000)
    assert abs(np.mean(returns) - value_of_policy(family, IndexPolicy(family))) < 4 * error


def test_gittins_takes_other_bernoulli_arms_for_independent() -> None:
    """As in the paper: on dependent arms it plays what it would play on uniform independent ones."""
    policies = IndexPolicy(DependentBandit(num_trials=9)), IndexPolicy(IndependentBandit(num_trials=9))
    nodes = np.array([[3, 2, 2, 1], [4, 1, 1, 1], [0, 5, 0, 3]])
    np.testing.assert_array_equal(policies[0].indices(5, nodes), policies[1].indices(5, nodes))


def test_gittins_refuses_what_has_no_index() -> None:
    """A family without Bernoulli arms, an impossible discount, and lifetimes with too many indices."""
    with pytest.raises(ValueError, match=r"gittins serves bandits whose arms pay 0 or 1 .*, and TwoStep is none"):
        make_learner("gittins").check(TwoStep())
    with pytest.raises(ValueError, match=r"gamma=1.0 is not possible: give a discount"):
        make_learner("gittins:gamma=1")
    with pytest.raises(ValueError, match=r"num_trials=5000 needs 20,845,835,000 Gittins indices: give at most 600"):
        make_learner("gittins").check(IndependentBandit(num_trials=5000))


def test_optimism_raises_samples_to_the_posterior_mean() -> None:
    """An arm is never thought to be worse than its mean: after ten pay-offs in ten, 1/12 is not an optimist's belief.

    The other arm is U[0, 1]. Thompson plays it when its draw is higher, E[1 - p^11] = 1/12 of the time; an optimist
    draws max(p, 11/12), against max(u, 1/2), and plays the other if u is above it: 1 - E max(p, 11/12).
    """
    family, num = IndependentBandit(), 40_000
    shares = {}
    for name in ("thompson", "optimistic_thompson"):
        learner = LEARNERS[name]()
        learner.begin(family, num, np.random.default_rng(0))
        for _ in range(10):
            learner.learn(np.zeros(num, np.intp), np.ones(num, np.intp), np.ones(num))
        shares[name] = np.mean(learner.act(None) == 1)
    mean = 11 / 12
    # p ~ Beta(11, 1) has the density 11 p^10: E max(p, c) = c^12 + 11/12 (1 - c^12).
    expected = 1 - (mean**12 + 11 / 12 * (1 - mean**12))
    assert shares["thompson"] == pytest.approx(1 / 12, abs=0.006)
    assert shares["optimistic_thompson"] == pytest.approx(expected, abs=0.006)
