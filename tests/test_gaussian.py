"""Gaussian arms: their law, the exact stopping problem by other methods, and where it is worth to learn."""

import gymnasium as gym
import numpy as np
import pytest
from scipy import integrate, stats

import meta_envs
from meta_envs.families.gaussian import GaussianBandit
from meta_envs.learners import EpsilonGreedy, Oracle, Thompson, record
from meta_envs.solvers import gaussian, learning_boundary, learning_value

ID = "MetaBandit-Gaussian-v0"
LEVEL = 1e-4


def test_arms_pay_as_stated():
    """20,000 lifetimes, one pull of each arm: prior and noise are normal, and the sure arm pays 0."""
    family = GaussianBandit(num_arms=3, prior_mean=0.5, prior_sd=2.0, noise_sd=0.3)
    rng = np.random.default_rng(1)
    task = family.sample_task(rng.random((20_000, 3)))
    state, chance = np.zeros((20_000, 6)), rng.random((20_000, 1))
    paid = np.stack([family.outcome(task, state, np.full(20_000, arm), chance) for arm in range(3)], axis=-1)
    assert not task[:, 0].any()
    assert not paid[:, 0].any()
    for drawn, law in (
        (task[:, 1], stats.norm(0.5, 2.0)),
        (task[:, 2], stats.norm(0.5, 2.0)),
        (paid[:, 1] - task[:, 1], stats.norm(0.0, 0.3)),
        (task[:, 1] + task[:, 2], stats.norm(1.0, 2.0 * np.sqrt(2.0))),
    ):
        assert stats.kstest(drawn, law.cdf).pvalue > LEVEL


def test_all_arms_are_alike_without_a_sure_one():
    """The first arm's mean is drawn from the same prior, and the others' do not change."""
    chance = np.random.default_rng(2).random((50, 2))
    with_sure, without = (GaussianBandit(sure_arm=sure).sample_task(chance) for sure in (True, False))
    np.testing.assert_array_equal(with_sure[:, 1], without[:, 1])
    assert without[:, 0].all()


def test_the_posterior_is_that_of_a_fine_grid():
    """Means and standard deviations after 4 and 1 pulls, by Bayes' rule on 200,000 means."""
    family = GaussianBandit(num_arms=3, prior_mean=-0.4, prior_sd=0.8, noise_sd=0.5, num_trials=6)
    state, paid = np.zeros((1, 6)), {1: [0.3, -0.2, 0.9, 0.1], 2: [1.5]}
    for arm, rewards in paid.items():
        for reward in rewards:
            state = family.next_state(state, np.array([arm]), np.array([reward]))
    belief = family.read_belief(state)[0]
    grid = np.linspace(-6.0, 6.0, 200_001)
    for arm, rewards in paid.items():
        weight = stats.norm.pdf(grid, -0.4, 0.8) * np.prod(
            [stats.norm.pdf(each, grid, 0.5) for each in rewards], axis=0
        )
        weight /= weight.sum()
        mean = np.sum(weight * grid)
        assert belief[arm] == pytest.approx(mean, abs=1e-9)
        assert belief[3 + arm] == pytest.approx(np.sqrt(np.sum(weight * (grid - mean) ** 2)), abs=1e-9)
    assert belief[0] == belief[3] == 0.0


def test_beliefs_without_noise_or_width_are_sure():
    """Without noise a pull tells all; a prior without width learns nothing; both at once are no division by 0."""
    state = np.array([[0.0, 2.0, 0.0, 3.0]])
    np.testing.assert_array_equal(GaussianBandit(noise_sd=0.0).read_belief(state), [[0.0, 1.5, 0.0, 0.0]])
    for noise in (0.0, 1.0):
        sure = GaussianBandit(prior_sd=0.0, noise_sd=noise).read_belief(state)
        np.testing.assert_array_equal(sure, [[0.0, -1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (dict(num_arms=0), "at least 1"),
        (dict(noise_sd=-0.1), "at least 0"),
        (dict(prior_sd=np.inf), "finite number"),
        (dict(sure_arm=0.5), "True or False"),
    ],
    ids=str,
)
def test_nonsense_is_refused(keywords, words):
    """In one sentence that says what to give."""
    with pytest.raises(ValueError, match=words):
        gym.make(ID, **keywords)


def test_tasks_outside_the_support_are_refused():
    """A sure arm that pays something."""
    env = gym.make(ID)
    with pytest.raises(ValueError, match="outside the prior's support"):
        env.reset(options={"task": [0.1, 0.5]})
    env.reset(options={"task": [0.0, 0.5]})


def test_the_belief_is_told_to_those_who_may_know_it():
    """The wrapper tells means and standard deviations: after a pull by hand, before it the prior."""
    env = meta_envs.wrappers.Privileged(gym.make(ID, prior_sd=2.0, noise_sd=1.0))
    assert env.reset(seed=1)[1]["belief"].tolist() == [0.0, -1.0, 0.0, 2.0]
    _, reward, _, _, info = env.step(1)
    np.testing.assert_allclose(info["belief"], [0.0, -1.0 + 0.8 * (reward + 1.0), 0.0, np.sqrt(0.8)])


def tell(width, mean):
    """E max(0, X) of a normal X."""
    return mean * stats.norm.cdf(mean / width) + width * stats.norm.pdf(mean / width)


@pytest.mark.parametrize(("mean", "sd"), [(-1.0, 1.0), (-1.0, 0.5), (0.3, 2.0)])
def test_without_noise_the_value_is_known(mean, sd):
    """The first pull tells all: the mean, then 99 times the better of it and 0."""
    family = GaussianBandit(prior_mean=mean, prior_sd=sd, noise_sd=0.0)
    assert learning_value(family) == pytest.approx(mean + 99 * tell(sd, mean), rel=1e-12)
    # A noise that is all but none takes the way of all others.
    noisy = GaussianBandit(prior_mean=mean, prior_sd=sd, noise_sd=1e-7)
    assert learning_value(noisy) == pytest.approx(mean + 99 * tell(sd, mean), rel=1e-10)


@pytest.mark.parametrize(("mean", "sd", "noise"), [(-0.2, 1.0, 1.0), (-1.0, 2.0, 0.1), (0.4, 0.3, 3.0)])
def test_three_pulls_by_adaptive_quadrature(mean, sd, noise):
    """With three pulls the value is one integral of a closed form, which SciPy's adaptive quadrature finds."""
    first = sd**2 / np.sqrt(sd**2 + noise**2)
    variance = sd**2 * noise**2 / (sd**2 + noise**2)
    second = variance / np.sqrt(variance + noise**2)

    def after(z):
        now = mean + first * z
        return max(0.0, now + tell(second, now)) * stats.norm.pdf(z)

    family = GaussianBandit(prior_mean=mean, prior_sd=sd, noise_sd=noise, num_trials=3)
    kink = (gaussian.find_borders(sd, noise, 3).borders[1] - mean) / first
    whole = integrate.quad(after, -12.0, 12.0, points=[kink], epsabs=1e-13, limit=400)[0]
    assert learning_value(family) == pytest.approx(mean + whole, abs=1e-10)


def by_grid(sd, noise, trials, cells=4001):
    """The value of a first pull at prior means by brute force: means on a grid, moves by the trapezoid rule."""
    grid = np.linspace(-9.0 * sd, 9.0 * sd, cells)
    variance = [sd**2 * noise**2 / (noise**2 + pulls * sd**2) for pulls in range(trials)]
    places = np.linspace(-8.0, 8.0, 401)
    weights = stats.norm.pdf(places) / np.sum(stats.norm.pdf(places))
    value = grid
    for left in range(1, trials):
        now = variance[trials - 1 - left]
        move = now / np.sqrt(now + noise**2)
        best = np.maximum(value, 0.0)
        moved = grid[:, None] + move * places
        follow = np.interp(moved, grid, best)
        beyond = moved > grid[-1]
        follow[beyond] = left * moved[beyond]
        value = grid + follow @ weights
    return grid, value


@pytest.mark.parametrize(("sd", "noise", "trials"), [(1.0, 0.5, 12), (1.0, 3.0, 25)])
def test_the_recursion_agrees_with_a_grid(sd, noise, trials):
    """Value and border, to what linear interpolation on 4001 means leaves."""
    grid, value = by_grid(sd, noise, trials)
    problem = gaussian.find_borders(sd, noise, trials)
    shown = slice(1000, 3001, 250)
    np.testing.assert_allclose([problem.value(mean) for mean in grid[shown]], value[shown], atol=2e-3)
    assert np.interp(0.0, value, grid) == pytest.approx(problem.borders[0], abs=1e-3)


@pytest.mark.parametrize(("sd", "noise"), [(1.0, 0.1), (2.0, 5.0), (1.0, 30.0)])
def test_more_nodes_change_nothing(sd, noise, monkeypatch):
    """Panels of half the length with 20 nodes give the same value and borders to 1e-10."""
    rough = gaussian.find_borders(sd, noise, 40)
    monkeypatch.setattr(gaussian, "PANEL", 1.5)
    monkeypatch.setattr(gaussian, "LEGENDRE", np.polynomial.legendre.leggauss(20))
    fine = gaussian.find_borders.__wrapped__(sd, noise, 40)
    np.testing.assert_allclose(rough.borders, fine.borders, atol=1e-10)
    for mean in (-1.0, -0.1, 0.5):
        assert rough.value(mean) == pytest.approx(fine.value(mean), abs=1e-10)


def test_the_policy_earns_the_value():
    """10,000 lifetimes of 30 pulls: the oracle's known return less the mean regret is the value within 4 errors."""
    family = GaussianBandit(num_trials=30, prior_mean=-0.5, noise_sd=1.0)
    optimum = meta_envs.solve(family)
    assert optimum.kind == "exact"
    own, best = record([optimum.policy, Oracle()], family, range(10_000), 0)
    missed = best.expected - own.expected
    found = 30 * tell(1.0, -0.5) - missed.mean()
    error = missed.std() / 100
    assert error < 0.05
    assert abs(found - optimum.value) < 4 * error


def test_the_policy_is_optimal_after_actions_that_are_not_its_own():
    """After 10 pulls of the sure arm it plays as in lifetimes that are 10 pulls shorter, whatever happens."""
    long, short = GaussianBandit(num_trials=16, noise_sd=2.0), GaussianBandit(num_trials=6, noise_sd=2.0)
    rng = np.random.default_rng(3)
    players = []
    for family in (long, short):
        player = meta_envs.solve(family).policy
        player.begin(family, 500, rng)
        players.append(player)
    none = np.zeros(500)
    for _ in range(10):
        players[0].learn(none.astype(int), None, none)
    pulled = 0
    for _ in range(6):
        actions = [player.act(None) for player in players]
        np.testing.assert_array_equal(*actions)
        forced = rng.integers(2, size=500)
        paid = np.where(forced == 1, rng.normal(0.5, 2.0, 500), 0.0)
        pulled += actions[0].sum()
        for player in players:
            player.learn(forced, None, paid)
    assert 0 < pulled < 3000


def test_an_optimum_serves_the_same_arms_alone():
    """Of another prior and fewer pulls, not of other arms or more pulls."""
    policy = meta_envs.solve(ID, num_trials=5).policy
    policy.check(GaussianBandit(num_trials=4, prior_mean=0.0))
    for other in (GaussianBandit(num_trials=6), GaussianBandit(num_trials=5, num_arms=3)):
        with pytest.raises(meta_envs.CannotServe, match="as long lifetimes"):
            policy.check(other)


@pytest.mark.parametrize(
    "keywords", [dict(num_arms=3), dict(sure_arm=False), dict(num_arms=6, prior_mean=0.5)], ids=str
)
def test_more_arms_have_a_bound(keywords):
    """It is above what Thompson sampling achieves, by more than 4 errors, and above random play."""
    optimum = meta_envs.solve(ID, num_trials=20, noise_sd=1.0, **keywords)
    assert optimum.kind == "bound"
    assert optimum.random_value < optimum.achieved < optimum.value - 4 * optimum.achieved_se
    with pytest.raises(meta_envs.CannotServe):
        meta_envs.make_learner("bayes").check(meta_envs.make_family(ID, num_trials=20, noise_sd=1.0, **keywords))


def test_the_bound_holds_where_the_optimum_is_known():
    """Beside a sure arm and one other it is at least the exact value, and the oracle's is by Monte Carlo what it is."""
    family = GaussianBandit(num_trials=20, noise_sd=1.0, prior_mean=-0.3)
    assert gaussian._bound(family, 0.0).value >= meta_envs.solve(family).value - 1e-9
    for other in (GaussianBandit(num_arms=4), GaussianBandit(num_arms=3, sure_arm=False, prior_sd=0.5)):
        task = other.sample_task(np.random.default_rng(4).random((200_000, other.num_arms)))
        best = task.max(axis=-1)
        assert abs(best.mean() - gaussian._best_mean(other)) < 4 * best.std() / np.sqrt(len(best))


@pytest.mark.parametrize(("noise", "mean", "trials"), [(0.0, -1.0, 100), (0.5, -1.0, 30), (20.0, -2.0, 30)])
def test_learning_is_worth_nothing_on_the_boundary(noise, mean, trials):
    """On it the first pull is worth as much as the sure arm; a hundredth wider, it is chosen."""
    border = float(learning_boundary(noise, prior_mean=mean, num_trials=trials)[0])
    at = {"prior_mean": mean, "noise_sd": noise, "num_trials": trials}
    assert learning_value(GaussianBandit(prior_sd=border, **at)) == pytest.approx(0.0, abs=1e-7)
    for width, wins in ((1.01 * border, True), (0.99 * border, False)):
        family = GaussianBandit(prior_sd=width, **at)
        assert (learning_value(family) > 0.0) == wins
        optimum = meta_envs.solve(family)
        assert (optimum.value > 0.0) == wins
        player = optimum.policy
        player.begin(family, 1, np.random.default_rng(0))
        assert player.act(None).tolist() == [int(wins)]


def test_the_boundary_rises_with_noise_and_scales():
    """More noise, or a shorter lifetime, wants a wider prior; twice the mean and noise, twice the width."""
    noise = np.array([0.0, 0.3, 3.0])
    border = learning_boundary(noise, num_trials=30)
    assert (np.diff(border) > 0).all()
    assert (learning_boundary(noise, num_trials=15) > border).all()
    np.testing.assert_allclose(learning_boundary(2 * noise, prior_mean=-2.0, num_trials=30), 2 * border, rtol=1e-8)


def test_questions_without_an_answer_are_refused():
    """In one sentence."""
    for keywords in ({"noise_sd": -1.0}, {"noise_sd": 1.0, "prior_mean": 0.0}, {"noise_sd": 1.0, "num_trials": 1}):
        with pytest.raises(ValueError, match="is not possible: give"):
            learning_boundary(**keywords)
    with pytest.raises(ValueError, match="a sure arm and one other"):
        learning_value(GaussianBandit(num_arms=3))


def test_learners_hold_the_posterior():
    """Thompson's first draw is of the prior: the chance that the other arm is better; greedy stays."""
    family = GaussianBandit()
    shares = []
    for learner in (Thompson(), EpsilonGreedy(epsilon=0.0)):
        learner.begin(family, 20_000, np.random.default_rng(5))
        shares.append(learner.act(None).mean())
    better = stats.norm.cdf(-1.0)
    assert abs(shares[0] - better) < 4 * np.sqrt(better * (1 - better) / 20_000)
    assert shares[1] == 0.0


def test_rules_serve_by_their_names():
    """Those that hold a posterior or count; not those of Bernoulli arms."""
    served = meta_envs.serving(list(meta_envs.LEARNERS), ID, num_trials=5)
    assert {"random", "oracle", "bayes", "thompson", "optimistic_thompson", "ucb", "greedy"} <= set(served)
    assert not {"gittins", "thompson_independent", "thompson_walk", "psrl", "searcher"} & set(served)


def test_pictures_hide_the_means_until_the_end():
    """Two tasks in which the sure arm alone is pulled: the same pictures before the end, others at it."""
    for mode in ("rgb_array", "ansi"):
        envs = [gym.make(ID, render_mode=mode, num_trials=3) for _ in range(2)]
        for env, hidden in zip(envs, (0.5, -3.0), strict=True):
            env.reset(seed=0, options={"task": [0.0, hidden]})
        for _ in range(3):
            assert np.array_equal(envs[0].render(), envs[1].render())
            for env in envs:
                env.step(0)
        assert not np.array_equal(envs[0].render(), envs[1].render())
