"""Restless bandits: the walk's law, the filter against brute force, the baselines, and the calibration."""

import importlib.util
import inspect
import re
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import binomtest, kstest, norm, pearsonr

import meta_envs
from meta_envs.families import restless
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.restless import RestlessBandit, fold, walk_kernels
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.bandits import RescorlaWagner, ThompsonWalk
from meta_envs.learners.learner import Learner
from meta_envs.roster import make_learner
from meta_envs.solvers.restless import solve_restless

LEVEL = 1e-4
MIXED, LOW, HIGH = (f"MetaBandit-Restless{level}-v0" for level in ("", "Low", "High"))


def draw(num: int, seed: int = 0, **keywords: object) -> Array:
    """Tasks (num, num_trials + 1)."""
    family = RestlessBandit(**keywords)  # type: ignore[arg-type]
    return family.sample_task(np.random.default_rng(seed).random((num, family.num_task_chance)))


def test_steps_away_from_the_walls_are_gaussian() -> None:
    """From places that no step leads out of [0, 1] from, increments are N(0, sigma^2), and independent in time."""
    task = draw(4000, volatility="low", sigma_low=0.05)
    walk = task[:, 1:]
    steps = np.diff(walk, axis=-1)
    inside = (walk[:, :-1] > 0.4) & (walk[:, :-1] < 0.6)
    assert kstest(steps[inside][:50_000], norm(scale=0.05).cdf).pvalue > LEVEL
    both = inside[:, :-1] & inside[:, 1:] & (np.abs(walk[:, 2:] - 0.5) < 0.5)
    assert pearsonr(steps[:, :-1][both], steps[:, 1:][both]).pvalue > LEVEL


def reflect(place: float) -> float:
    """Bounce off the walls as often as needed."""
    while not 0.0 <= place <= 1.0:
        place = -place if place < 0.0 else 2.0 - place
    return place


def test_folding_is_bouncing() -> None:
    """The formula and bouncing off the walls, one at a time, lead to the same place, however far out."""
    places = np.concatenate([np.linspace(-7, 7, 1401), np.random.default_rng(0).normal(scale=5, size=500)])
    np.testing.assert_allclose(fold(places), [reflect(place) for place in places], atol=1e-12)


@pytest.mark.parametrize("volatility", ["low", "high"])
def test_steps_at_the_walls_are_reflected(volatility: str) -> None:
    """Wherever it is, the next place is distributed as a Gaussian step that bounces off the walls."""
    task = draw(2000, seed=1, volatility=volatility, sigma_low=0.1, sigma_high=0.4)
    now, then = task[:, 1:-1].ravel(), task[:, 2:].ravel()
    noise = np.random.default_rng(2).normal(scale=task[0, 0], size=len(now))
    for low in (0.0, 0.45, 0.9):
        near = np.flatnonzero((now >= low) & (now < low + 0.1))[:5000]
        bounced = [reflect(place) for place in now[near] + noise[near]]
        assert kstest(then[near], bounced).pvalue > LEVEL


@pytest.mark.parametrize("volatility", ["low", "high"])
def test_every_trial_is_uniform(volatility: str) -> None:
    """A uniform start stays uniform under reflection."""
    for trial in (0, 1, 10, 99):
        task = draw(20_000, seed=trial, volatility=volatility)
        assert kstest(task[:, 1 + trial], "uniform").pvalue > LEVEL


def test_volatilities_are_as_probable() -> None:
    """Half of the lifetimes are of each step size; the single rows have one."""
    family, drawn = RestlessBandit(), {}
    for id in (MIXED, LOW, HIGH):
        venv = gym.make_vec(id, 4000, num_trials=2)
        venv.reset(seed=3)
        drawn[id] = venv.unwrapped.task[:, 0]
    assert set(drawn[MIXED]) == {family.sigma_low, family.sigma_high}
    assert binomtest(int(np.sum(drawn[MIXED] == family.sigma_low)), 4000, 0.5).pvalue > LEVEL
    assert set(drawn[LOW]) == {family.sigma_low}
    assert set(drawn[HIGH]) == {family.sigma_high}


def test_volatilities_share_their_chance() -> None:
    """With the same uniforms the walks differ in nothing but the length of their steps."""
    short = {"num_trials": 3, "sigma_low": 0.001, "sigma_high": 0.002}
    slow, fast = (draw(50, volatility=level, **short) for level in ("low", "high"))
    np.testing.assert_array_equal(slow[:, 1], fast[:, 1])
    far = np.abs(slow[:, 1] - 0.5) < 0.45
    np.testing.assert_allclose(2 * np.diff(slow[far, 1:]), np.diff(fast[far, 1:]), atol=1e-12)


def test_a_uniform_of_zero_is_a_number() -> None:
    """The normal quantile of 0 is not finite; the walk is."""
    family = RestlessBandit(num_trials=4)
    task = family.sample_task(np.zeros((1, family.num_task_chance)))
    assert family.in_support(task).all()


def test_support() -> None:
    """Known step sizes with walks in [0, 1], and nothing else."""
    family = RestlessBandit(num_trials=2, sigma_low=0.1, sigma_high=0.2, volatility="low")
    tasks = np.array([[0.1, 0.0, 1.0], [0.2, 0.5, 0.5], [0.1, -0.01, 0.5], [0.1, 0.5, 1.01], [np.nan, 0.5, 0.5]])
    assert family.in_support(tasks).tolist() == [True, False, False, False, False]
    for wrong in (dict(sigma_low=0.0), dict(sigma_high=0.01), dict(volatility="medium"), dict(sigma_low=np.nan)):
        with pytest.raises(ValueError, match="is not possible"):
            RestlessBandit(**wrong)  # type: ignore[arg-type]


def test_both_arms_pay_as_the_walk_says() -> None:
    """p_1(t) for arm 1, 1 - p_1(t) for arm 2, at that trial: with certain pay-offs nothing is left to chance."""
    walk = [1.0, 0.0, 0.0, 1.0, 1.0]
    for arm in range(2):
        env = gym.make(MIXED, num_trials=5)
        env.reset(seed=0, options={"task": [0.3, *walk]})
        assert [env.step(arm)[1] for _ in walk] == [place if arm == 0 else 1.0 - place for place in walk]


class First(Learner):
    """Always pulls the first arm."""

    name = "first"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        self._num = num

    def act(self, observation: Array) -> Array:
        return np.zeros(self._num, np.intp)


def test_regret_is_against_the_best_arm_of_each_trial() -> None:
    """Of the first arm: the sum over trials of max(p, 1 - p) - p; of the oracle: nothing."""
    cards = meta_envs.evaluate([First(), "oracle"], MIXED, episodes=20, seed=2, num_trials=8)
    env = gym.make(MIXED, num_trials=8)
    lost = []
    for lifetime in range(20):
        env.reset(seed=2**32 + 2 * 2**20 + lifetime)
        walk = env.unwrapped.task[1:]
        lost.append(np.cumsum(np.maximum(walk, 1.0 - walk) - walk))
    np.testing.assert_allclose(cards[0].regret_curve, np.mean(lost, axis=0), atol=1e-12)
    assert cards[1].regret_mean == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3, 1.5])
def test_the_kernel_is_that_of_reflected_diffusion(sigma: float) -> None:
    """Between any two cells it is 1 + 2 sum of cos(k pi x) cos(k pi y) exp(-(k pi sigma)^2 / 2); no mass is lost."""
    cells = 50
    kernel = walk_kernels((sigma,), cells)[0]
    centers, order = (np.arange(cells) + 0.5) / cells, np.arange(1, 200)
    waves = np.cos(np.pi * order * centers[:, None])
    density = 1.0 + 2.0 * (waves * np.exp(-0.5 * (np.pi * order * sigma) ** 2)) @ waves.T
    np.testing.assert_allclose(kernel, density / cells, atol=1e-8)
    np.testing.assert_allclose(np.sum(kernel, axis=0), 1.0, atol=1e-8)
    np.testing.assert_allclose(np.sum(kernel, axis=1), 1.0, atol=1e-13)


def filter_along(family: RestlessBandit, evidence: Array) -> tuple[Array, Array]:
    """Predicted p_1 and probability of the high volatility (n, num_trials) along evidence for arm 1 (n, num_trials)."""
    belief = np.repeat(family.initial_belief(), len(evidence), axis=0)
    arms = np.random.default_rng(0).integers(2, size=evidence.shape)
    means, volatile = np.empty(evidence.shape), np.empty(evidence.shape)
    for trial, (said, action) in enumerate(zip(evidence.T, arms.T, strict=True)):
        state = np.full((len(said), 1), trial)
        means[:, trial] = family.predict(belief, state, np.zeros_like(action))[:, 1]
        volatile[:, trial] = np.sum(belief[:, 1 + family.num_cells :], axis=-1)
        outcome = np.where(action == 0, said, 1 - said)
        belief = family.update_belief(belief, state, action, outcome)
    return means, volatile


def test_the_filter_is_bayes_rule() -> None:
    """After ten pulls it agrees, within 5 standard errors, with walks of the prior weighted by their likelihood."""
    family = RestlessBandit(num_trials=11)
    walks = draw(400_000, seed=5, num_trials=11)
    for history in ([1] * 10, [1, 0] * 5, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]):
        evidence = np.array([[*history, 0]])
        weight = np.prod(np.where(evidence[:, :10] == 1, walks[:, 1:11], 1.0 - walks[:, 1:11]), axis=-1)
        weight /= np.sum(weight)
        means, volatile = filter_along(family, evidence)
        for said, values in ((means, walks[:, 11]), (volatile, walks[:, 0] == family.sigma_high)):
            mean = np.sum(weight * values)
            error = np.sqrt(np.sum((weight * (values - mean)) ** 2))
            assert abs(said[0, -1] - mean) < 5 * error
            assert error < 0.005


def test_the_filter_follows_a_particle_filter_to_the_end() -> None:
    """Over 100 trials, 50,000 particles that bounce off the walls are nowhere further off than their own noise."""
    family, rng = RestlessBandit(), np.random.default_rng(6)
    truth = draw(2, seed=7)[:, 1:]
    evidence = (rng.random(truth.shape) < truth).astype(int)
    means, volatile = filter_along(family, evidence)
    num = 50_000
    for said, mean, share in zip(evidence, means, volatile, strict=True):
        sigma = np.where(rng.random(num) < 0.5, family.sigma_low, family.sigma_high)
        place = rng.random(num)
        for trial in range(100):
            assert abs(np.mean(place) - mean[trial]) < 0.02
            assert abs(np.mean(sigma == family.sigma_high) - share[trial]) < 0.03
            weight = place if said[trial] else 1.0 - place
            kept = np.searchsorted(np.cumsum(weight / np.sum(weight)), (np.arange(num) + rng.random()) / num)
            kept = np.minimum(kept, num - 1)
            sigma = sigma[kept]
            place = place[kept] + sigma * rng.normal(size=num)
            # The longest step is about five times 0.3, which takes at most two bounces.
            for _ in range(3):
                place = np.where(place < 0.0, -place, np.where(place > 1.0, 2.0 - place, place))


def test_the_grid_is_fine_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions are within 0.0005 of those on a grid four times as fine."""
    truth = draw(40, seed=8)[:, 1:]
    evidence = (np.random.default_rng(9).random(truth.shape) < truth).astype(int)
    coarse, _ = filter_along(RestlessBandit(), evidence)
    monkeypatch.setattr(restless, "FEWEST_CELLS", 4 * RestlessBandit().num_cells)
    fine, _ = filter_along(RestlessBandit(), evidence)
    assert 0.0 < np.max(np.abs(fine - coarse)) < 5e-4


def test_beliefs_are_alike_in_any_company() -> None:
    """The filter of one lifetime among many is that of the lifetime alone, to the last bit."""
    family = RestlessBandit(num_trials=20)
    evidence = np.random.default_rng(1).integers(2, size=(33, 20))
    arms = np.random.default_rng(2).integers(2, size=(33, 20))
    together, alone = np.repeat(family.initial_belief(), 33, axis=0), family.initial_belief()
    for trial in range(20):
        state = np.full((33, 1), trial)
        together = family.update_belief(together, state, arms[:, trial], evidence[:, trial])
        alone = family.update_belief(alone, state[:1], arms[7:8, trial], evidence[7:8, trial])
        np.testing.assert_array_equal(together[7:8], alone)


def test_without_drift_the_filter_is_that_of_dependent_arms() -> None:
    """With the shortest steps, means are those of counts, (1 + evidence for arm 1) / (2 + pulls)."""
    family = RestlessBandit(num_trials=8, sigma_low=0.004, volatility="low")
    evidence = np.array(list(product((0, 1), repeat=7)))
    evidence = np.concatenate([evidence, np.zeros((len(evidence), 1), int)], axis=-1)
    belief = np.repeat(family.initial_belief(), len(evidence), axis=0)
    for trial in range(7):
        state, arm = np.full((len(evidence), 1), trial), np.zeros(len(evidence), np.intp)
        belief = family.update_belief(belief, state, arm, evidence[:, trial])
    means = family.predict(belief, np.full((len(evidence), 1), 7), np.zeros(len(evidence), np.intp))[:, 1]
    np.testing.assert_allclose(means, (1 + evidence[:, :7].sum(axis=-1)) / 9, atol=1e-3)
    slow = meta_envs.solve(family).value
    assert slow == pytest.approx(meta_envs.solve(DependentBandit(num_trials=8)).value, abs=2e-3)


def test_greedy_is_optimal() -> None:
    """The optimum is the mean, over all evidence, of the better arm's posterior mean, summed over the trials."""
    family = RestlessBandit(num_trials=5)
    value, beliefs, chances = 0.0, family.initial_belief(), np.ones(1)
    for trial in range(5):
        state, first = np.full((len(beliefs), 1), trial), np.zeros(len(beliefs), np.intp)
        mean = family.predict(beliefs, state, first)[:, 1]
        value += np.sum(chances * np.maximum(mean, 1.0 - mean))
        chances = np.concatenate([chances * mean, chances * (1.0 - mean)])
        beliefs = np.concatenate([family.update_belief(beliefs, state, first, first + paid) for paid in (1, 0)])
    optimum = meta_envs.solve(family)
    assert optimum.value == pytest.approx(value, abs=1e-9)
    assert optimum.random_value == pytest.approx(2.5)


@pytest.mark.parametrize("volatility", ["mixed", "low", "high"])
def test_the_simulated_optimum_is_the_exact_one(volatility: str) -> None:
    """Where both can be had, the simulated value is within 4 of its standard errors."""
    family = RestlessBandit(num_trials=9, volatility=volatility)
    exact, simulated = meta_envs.solve(family).value, solve_restless(family)
    assert 0 < simulated.value_se == simulated.achieved_se < 0.01
    assert abs(simulated.value - exact) < 4 * simulated.value_se
    assert (simulated.kind, simulated.achieved) == ("simulated", simulated.value)


def test_sampled_tasks_go_on_from_the_belief() -> None:
    """Drawn walks stand still up to now, have the belief's mean now, and then the steps of their volatility."""
    family = RestlessBandit(num_trials=12, sigma_low=0.01, sigma_high=0.02)
    evidence = np.array([[1, 1, 0, 1, 0, 0]])
    belief = family.initial_belief()
    for trial, said in enumerate(evidence[0]):
        belief = family.update_belief(belief, np.array([[trial]]), np.array([0]), np.array([said]))
    drawn = family.sample_posterior(np.repeat(belief, 20_000, axis=0), np.random.default_rng(3))
    assert family.in_support(drawn).all()
    np.testing.assert_array_equal(drawn[:, 1:7], np.tile(drawn[:, 7:8], 6))
    expected = family.predict(belief, np.array([[6]]), np.array([0]))[0, 1]
    assert abs(np.mean(drawn[:, 7]) - expected) < 5 * np.std(drawn[:, 7]) / np.sqrt(len(drawn))
    inside = np.abs(drawn[:, 7] - 0.5) < 0.2
    steps = (np.diff(drawn[:, 7:], axis=-1) / drawn[:, :1])[inside]
    assert kstest(steps.ravel()[:50_000], "norm").pvalue > LEVEL


@pytest.mark.parametrize("name", ["random", "thompson", "thompson_independent", "ucb", "rescorla_wagner", "greedy"])
def test_bandit_rules_serve_restless_arms(name: str) -> None:
    """They run through them, and all but random play beat it."""
    cards = meta_envs.evaluate(["random", name], MIXED, episodes=200, seed=1, num_trials=30)
    assert name == "random" or cards[1].regret_mean < cards[0].regret_mean


@pytest.mark.parametrize("name", ["thompson", "thompson_independent", "ucb", "rescorla_wagner"])
def test_bandit_rules_refuse_what_actions_change(name: str) -> None:
    """Two steps are no bandit."""
    for id in ("MetaTwoStep-v0", "MetaTwoStep-Switching-v0"):
        with pytest.raises(ValueError, match="serves bandits"):
            make_learner(name).begin(meta_envs.make_family(id), 1, np.random.default_rng(0))


def test_rescorla_wagner_is_its_formula() -> None:
    """Pulls 1, 0 of arm 1 and 1 of arm 2 with alpha 0.2: 0.5, 0.6, 0.48; 0.6. Then softmax of beta Q, here 5."""
    learner, num = RescorlaWagner(alpha=0.2, beta=5.0), 40_000
    learner.begin(RestlessBandit(), num, np.random.default_rng(0))
    for arm, paid in ((0, 1.0), (0, 0.0), (1, 1.0)):
        learner.learn(np.full(num, arm), np.full(num, int(paid)), np.full(num, paid))
    pulls = learner.act(np.zeros((num, 1)))
    assert binomtest(int(np.sum(pulls == 1)), num, 1 / (1 + np.exp(-5 * (0.6 - 0.48)))).pvalue > LEVEL


@pytest.mark.parametrize("constants", ["alpha=1.5", "alpha=nan", "beta=-1"])
def test_rescorla_wagner_refuses_nonsense(constants: str) -> None:
    """A learning rate is from 0 to 1, an inverse temperature at least 0."""
    with pytest.raises(ValueError, match="is not possible"):
        make_learner(f"rescorla_wagner:{constants}")


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    """The script as a module."""
    path = Path(__file__).parents[1] / "examples" / "calibrate_restless.py"
    spec = importlib.util.spec_from_file_location("calibrate_restless", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_calibration_simulates_the_packages_learners(calibration: ModuleType) -> None:
    """Its direct simulations have the regrets of the learners in the environment, within 4 standard errors."""
    sample = calibration.draw(0.3, 3000, [1])
    alpha, beta, chi = calibration.ALPHAS.index(0.5), calibration.BETAS.index(10.0), calibration.CHIS.index(0.3)
    simulated = calibration.simulate_rescorla_wagner(sample)[alpha, beta], calibration.simulate_ucb(sample)[chi]
    walk = calibration.SIGMAS.index(0.05)
    simulated += (calibration.simulate_thompson_walk(sample)[walk],)
    names = ["rescorla_wagner:alpha=0.5,beta=10", "ucb:chi=0.3", "thompson_walk:sigma=0.05"]
    cards = meta_envs.evaluate(names, HIGH, episodes=500, seed=3, sigma_high=0.3)
    for card, regrets in zip(cards, simulated, strict=True):
        error = np.hypot(card.regret_se, np.std(regrets) / np.sqrt(len(regrets)))
        assert abs(card.regret_mean - np.mean(regrets)) < 4 * error


def test_the_calibration_chooses_by_its_rule(calibration: ModuleType) -> None:
    """Pairs in which both facts hold come first, then the score; of ties the widest ratio."""

    def pair(low: float, high: float, *, alpha: float = 0.5, costs: float = 0.0, noise: float = 0.0) -> object:
        scatter = noise * np.tile([1.0, -1.0], 25)[:, None]
        curves = {}
        for name, best, near in (("alpha", alpha, 0.5), ("chi", 1.0, 1.0)):
            curve = np.where(np.isin(calibration.GRIDS[name], best), 10.0, 11.0)
            if best != near:
                curve[calibration.GRIDS[name].index(near)] += costs - 1.0
            curves[name] = curve + scatter * (np.array(calibration.GRIDS[name]) == near)
        return calibration.Pair(low, high, curves, [1.0] * 10)

    far = pair(0.02, 0.3, alpha=0.9, costs=0.001)
    worse, near, wide = (pair(0.02, 0.25, alpha=0.6, costs=0.1), pair(0.1, 0.3), pair(0.02, 0.2))
    noisy = pair(0.02, 0.3, alpha=0.6, costs=0.01, noise=0.1)
    assert calibration.choose([far, worse, near])[0] is near
    assert calibration.choose([far, near, wide])[0] is wide
    assert calibration.choose([near, wide, noisy])[0] is noisy
    assert calibration.choose([far])[0] is far


def test_the_baselines_have_the_constants_that_the_calibration_found(calibration: ModuleType) -> None:
    """On the page, the defaults are the rows that are above the best by nothing."""
    page = (Path(__file__).parents[1] / "docs" / "calibration.md").read_text(encoding="utf-8")
    table = page.partition("Thompson sampling on a walk")[2].partition("└")[0]
    rows = re.findall(r"│ +([\d.]+) │[^│]+│ +([\d.]+) ±", table)
    assert [float(sigma) for sigma, _ in rows] == list(calibration.SIGMAS)
    (best,) = (float(sigma) for sigma, above in rows if float(above) == 0.0)
    default = inspect.signature(ThompsonWalk).parameters["sigma"].default
    assert default == best
    assert f"| `thompson_walk` | `sigma={best:g}` |" in page


def test_the_defaults_are_the_calibrations() -> None:
    """The page's last line of output has the family's defaults."""
    page = (Path(__file__).parents[1] / "docs" / "calibration.md").read_text(encoding="utf-8")
    family = RestlessBandit()
    assert f"\nsigma_low={family.sigma_low:g}, sigma_high={family.sigma_high:g}\n" in page
