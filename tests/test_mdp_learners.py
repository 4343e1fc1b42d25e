"""Learners of tabular MDPs: backward induction by enumeration, posteriors and widths by hand, and who beats whom."""

from itertools import product
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import binomtest

import meta_envs
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.tabular import TabularMDP
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.basic import Oracle, Random
from meta_envs.learners.learner import Learner
from meta_envs.learners.returns import record
from meta_envs.learners.tabular import BEB, PSRL, UCRL2, EpisodePlanner, OptimisticPSRL, Posterior, backward_induction
from meta_envs.roster import LEARNERS, make_learner, serving

NAMES = ("psrl", "optimistic_psrl", "ucrl2", "beb", "mdp_greedy", "mdp_epsilon_greedy")
SMALL = TabularMDP(num_states=3, num_actions=2, episode_length=3, num_episodes=6)
TINY = TabularMDP(num_states=1, num_actions=1, episode_length=1, num_episodes=3)
EXAMPLE = Path(__file__).parents[1] / "examples" / "rl2_mdps.py"


def draw(family: TabularMDP, num: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Tasks, their mean rewards and their transitions."""
    task = family.sample_task(np.random.default_rng(seed).random((num, family.num_task_chance)))
    return task, family.means(task), family.transitions(task)


def begin(name: str, family: TaskFamily = SMALL, num: int = 4) -> EpisodePlanner:
    """A learner at the beginning of lifetimes."""
    learner = make_learner(name)
    learner.begin(family, num, np.random.default_rng(3))
    assert isinstance(learner, EpisodePlanner)
    return learner


def step(learner: Learner, action: int, following: int, reward: float, num: int = 4) -> Array:
    """What the copies would do, before all of them do and get the same."""
    acted = learner.act(np.zeros((num, 1)))
    learner.learn(np.full(num, action), np.tile([float(following), reward], (num, 1)), np.full(num, reward))
    return acted


def test_backward_induction_is_the_best_of_all_policies() -> None:
    """Two states, two actions, two steps: no one of the 16 policies is better, followed along all paths."""
    _, means, laws = draw(TabularMDP(num_states=2, num_actions=2, episode_length=2), 20)
    values = backward_induction(means, laws, 2)
    for copy, start in product(range(20), range(2)):
        returns = []
        for first, *second in product(range(2), repeat=3):
            paths = [laws[copy, start, first, state] * means[copy, state, second[state]] for state in range(2)]
            returns.append(means[copy, start, first] + sum(paths))
        assert np.max(values[copy, 0, start]) == pytest.approx(max(returns))
        np.testing.assert_allclose(values[copy, 1], means[copy])


def test_backward_induction_agrees_with_the_family() -> None:
    """The quick backward induction is the family's own; what pays by the step counts at its step."""
    family = TabularMDP()
    task, means, laws = draw(family, 30)
    np.testing.assert_allclose(
        backward_induction(means, laws, family.episode_length), family.action_values(task), rtol=1e-12
    )
    late = np.stack([np.zeros_like(means), means], axis=1)
    values = np.sum(laws * np.max(means, axis=-1)[:, None, None], axis=-1)
    np.testing.assert_allclose(backward_induction(late, laws, 2), np.stack([values, means], axis=1))


def test_slack_is_used_as_well_as_possible() -> None:
    """Within the slack no probabilities of the next state have a higher mean, as a linear program finds them."""
    rng, size = np.random.default_rng(1), 4
    _, means, laws = draw(TabularMDP(num_states=size, num_actions=2), 10)
    slack = rng.choice([0.0, 0.1, 0.5, 1.0, 1.9, 3.0], means.shape)
    gained = backward_induction(means, laws, 2, slack)[:, 0] - means
    best = np.max(means, axis=-1)
    for copy, state, action in np.ndindex(means.shape):
        law = laws[copy, state, action]
        # Probabilities p, and differences d of at least |p - law|, of which the sum is within the slack.
        eye, nothing = np.eye(size), np.zeros(size)
        result = linprog(
            np.concatenate([-best[copy], nothing]),
            np.block([[eye, -eye], [-eye, -eye], [nothing[None], np.ones((1, size))]]),
            np.concatenate([law, -law, [slack[copy, state, action]]]),
            np.concatenate([np.ones(size), nothing])[None],
            [1.0],
        )
        assert gained[copy, state, action] == pytest.approx(-result.fun, abs=1e-7)


def test_posterior_by_hand() -> None:
    """N(1, 1) after rewards 3 and 0 is N(4/3, 1/3); a flat prior of two states after one move is Beta(1, 2)."""
    posterior = Posterior(TabularMDP(num_states=2, num_actions=2), 20_000)
    state, action = np.ones(20_000, np.intp), np.zeros(20_000, np.intp)
    posterior.learn(state, action, np.full(20_000, 3.0), np.ones(20_000))
    posterior.learn(state, action, np.zeros(20_000), None)
    means, spreads = posterior.rewards()
    np.testing.assert_allclose(means[0], [[1, 1], [4 / 3, 1]])
    np.testing.assert_allclose(spreads[0] ** 2, [[1, 1], [1 / 3, 1]])
    np.testing.assert_allclose(posterior.transitions()[0, 1], [[1 / 3, 2 / 3], [1 / 2, 1 / 2]])
    drawn, laws = posterior.sample(np.random.default_rng(2))
    np.testing.assert_allclose(np.sum(laws, axis=-1), 1.0)
    # Bounds of 5 standard errors; the variance of Beta(1, 2) is 1/18.
    assert np.mean(drawn[:, 1, 0]) == pytest.approx(4 / 3, abs=5 * np.sqrt(1 / 3 / 20_000))
    assert np.var(drawn[:, 1, 0]) == pytest.approx(1 / 3, abs=5 / 3 * np.sqrt(2 / 20_000))
    assert np.mean(laws[:, 1, 0, 0]) == pytest.approx(1 / 3, abs=5 * np.sqrt(1 / 18 / 20_000))
    assert np.var(laws[:, 1, 0, 0]) == pytest.approx(1 / 18, rel=0.05)


@pytest.mark.parametrize(
    ("family", "keywords", "mean", "spread"),
    [
        (TabularMDP(noise_sd=0.0), {}, 5.0, 0.0),
        (TabularMDP(reward_sd=0.0), {}, 1.0, 0.0),
        (TabularMDP(noise_sd=0.0, reward_sd=0.0), {}, 1.0, 0.0),
        (TabularMDP(reward_mean=2.0, reward_sd=2.0, noise_sd=1.0), {}, 2.0 + 0.8 * 3.0, np.sqrt(0.8)),
        (TabularMDP(), {"prior_mean": 0.0}, 2.5, np.sqrt(0.5)),
        (TabularMDP(), {"prior_mean": 0.0, "prior_weight": 3.0}, 1.25, 0.5),
    ],
)
def test_posterior_has_the_familys_prior_and_noise(
    family: TabularMDP, keywords: dict[str, float], mean: float, spread: float
) -> None:
    """After one reward of 5: precisions of prior and noise add up, and means are weighted by them."""
    posterior = Posterior(family, 1, **keywords)
    posterior.learn(np.zeros(1, np.intp), np.zeros(1, np.intp), np.full(1, 5.0), None)
    means, spreads = posterior.rewards()
    assert (means[0, 0, 0], spreads[0, 0, 0]) == pytest.approx((mean, spread))


@pytest.mark.parametrize("name", NAMES)
def test_last_steps_tell_no_transition(name: str) -> None:
    """Each episode of three steps tells three rewards, and the two moves that are seen; the next begins in state 0."""
    learner = begin(name)
    for episode in range(1, 3):
        for following in (1, 2, 1):
            step(learner, 1, following, 2.0)
        moves = learner.posterior.weights - learner.prior_weight
        np.testing.assert_allclose(np.sum(moves, axis=(1, 2, 3)), 2 * episode)
        np.testing.assert_allclose(moves[:, 0, 1, 1], episode)
        np.testing.assert_allclose(moves[:, 1, 1, 2], episode)
        np.testing.assert_array_equal(learner.posterior.visits[:, :, 1], np.full((4, 3), episode))
        np.testing.assert_array_equal(learner.posterior.paid, 2.0 * learner.posterior.visits)


class Certain(PSRL):
    """PSRL whose prior is all on the task."""

    needs = ("task",)

    def inform(self, known: dict[str, Array]) -> None:
        """Have seen everything a trillion times."""
        family, posterior, task = self._family, self.posterior, known["task"]
        posterior.visits[:] = 1e12
        posterior.paid = 1e12 * family.means(task)
        posterior.weights = 1.0 + 1e12 * family.transitions(task)


def test_psrl_with_a_point_prior_is_the_oracle() -> None:
    """With nothing left to learn it does what the oracle does."""
    oracle, certain = record([Oracle(), Certain()], TabularMDP(num_episodes=3), range(50), 0)
    np.testing.assert_array_equal(certain.realised, oracle.realised)


def test_constants_that_make_one_learner_another() -> None:
    """One sample is PSRL, no bonus and no chance of a random act are greedy, and without slack UCRL2 is nearly so."""
    for one, other in (
        ("optimistic_psrl:samples=1", "psrl"),
        ("beb:beta=0", "mdp_greedy"),
        ("mdp_epsilon_greedy:epsilon=0", "mdp_greedy"),
        ("ucrl2:scaling=0", "mdp_greedy:prior_weight=0.0001"),
    ):
        first, second = (record([make_learner(name)], SMALL, range(40), 1)[0] for name in (one, other))
        np.testing.assert_array_equal(first.realised, second.realised, err_msg=f"{one} and {other}")


def test_optimism_takes_the_highest_of_the_samples() -> None:
    """Several samples are worth as much as the best of as many single ones, for every action at every step."""
    several, single = begin("optimistic_psrl:samples=3"), begin("psrl")
    assert isinstance(several, OptimisticPSRL)
    draws = [single._plan() for _ in range(3)]
    np.testing.assert_array_equal(several._plan(), np.max(draws, axis=0))


def test_widths_by_hand() -> None:
    """One state and action, episodes of one step: what UCRL2 and BEB take an action to be worth."""
    careful, bonus = begin("ucrl2:scaling=0.5,delta=0.1", TINY), begin("beb:beta=6", TINY)
    assert isinstance(careful, UCRL2)
    assert isinstance(bonus, BEB)
    # Before the first episode: sqrt(4 ln(2 * 1 * 2 / 0.1)) with one visit for none, and 6 / (1 + 1).
    np.testing.assert_allclose(careful._plan(), 1 + 0.5 * np.sqrt(4 * np.log(40)))
    np.testing.assert_allclose(bonus._plan(), 1 + 6 / 2)
    for learner in (careful, bonus):
        step(learner, 0, 0, 3.0)
    np.testing.assert_allclose(careful._plan(), 3 + 0.5 * np.sqrt(4 * np.log(60)), atol=1e-3)
    # The transition of a last step is not seen, so that the bonus stays.
    np.testing.assert_allclose(bonus._plan(), 2 + 6 / 2)


@pytest.mark.parametrize("name", NAMES)
def test_first_actions_are_even(name: str) -> None:
    """With nothing known all actions are alike, and are played alike."""
    first = begin(name, TabularMDP(num_states=2, num_actions=2), 4000).act(np.zeros((4000, 1)))
    assert binomtest(int(np.sum(first)), 4000).pvalue > 1e-4


def test_oracle_beats_all_and_all_beat_chance() -> None:
    """On common random numbers, up to 3 standard errors: the oracle >= learners, and those > random play."""
    family = TabularMDP(num_episodes=5)
    assert serving(list(LEARNERS), family) == ["random", "oracle", *NAMES]
    oracle, chance, *others = record([Oracle(), Random(), *map(make_learner, NAMES)], family, range(300), 2)
    optimum = family.task_optimum(draw(family, 4000)[0])
    assert np.mean(oracle.expected) == pytest.approx(np.mean(optimum), abs=5 * np.std(optimum) / np.sqrt(300))
    for name, other in zip(NAMES, others, strict=True):
        for better, worse in ((oracle, other), (other, chance)):
            gap = better.expected - worse.expected
            assert np.mean(gap) > -3 * np.std(gap) / np.sqrt(300), name
        gap = other.expected - chance.expected
        assert np.mean(gap) > 3 * np.std(gap) / np.sqrt(300), name


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name: str) -> None:
    """The same streams give the same actions, also in a second beginning; another stream gives others."""
    learner = make_learner(name)
    first, again, other = (record([learner], SMALL, range(30), stream)[0].realised for stream in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("optimistic_psrl:samples=0", "samples=0.* whole number of at least 1"),
        ("optimistic_psrl:samples=2.5", "samples=2.5"),
        ("optimistic_psrl:samples=inf", "samples=inf"),
        ("ucrl2:delta=0", "delta=0"),
        ("ucrl2:delta=1", "delta=1"),
        ("ucrl2:scaling=-1", "scaling=-1"),
        ("beb:beta=-1", "beta=-1"),
        ("beb:beta=nan", "beta=nan"),
        ("mdp_epsilon_greedy:epsilon=1.5", "epsilon=1.5"),
        ("mdp_greedy:prior_weight=0", "prior_weight=0"),
        ("psrl:prior_mean=inf", "prior_mean=inf"),
        ("psrl:samples=3", "psrl' has no constant 'samples': it takes prior_mean"),
    ],
)
def test_bad_constants_are_refused(name: str, message: str) -> None:
    """In a sentence with the name and the value."""
    with pytest.raises(ValueError, match=message):
        make_learner(name)


@pytest.mark.parametrize("name", NAMES)
def test_other_families_are_refused(name: str) -> None:
    """Bandits are no tabular MDPs here."""
    with pytest.raises(ValueError, match=f"{name} serves tabular MDPs, and IndependentBandit is none"):
        begin(name, IndependentBandit())


def test_solve_gives_a_bound_and_a_learner() -> None:
    """The bound is the mean of the oracle, a little above; random play has the prior's mean; the learner is between."""
    optimum = meta_envs.solve(SMALL)
    assert optimum.kind == "bound"
    assert "standard error" in optimum.note
    assert optimum.random_value == 18.0
    others = SMALL.task_optimum(draw(SMALL, 20_000, seed=5)[0])
    error = np.std(others) / np.sqrt(20_000)
    assert optimum.value == pytest.approx(np.mean(others) + 3 * error, abs=5 * np.sqrt(2) * error)
    assert optimum.random_value < optimum.achieved < optimum.value
    assert optimum.policy.name in ("beb", "ucrl2")
    assert optimum.policy is not optimum.policy
    returns = record([optimum.policy], SMALL, range(2000), 4)[0].expected
    spread = np.std(returns) * np.sqrt(1 / 2000 + 1 / 2000)
    assert np.mean(returns) == pytest.approx(optimum.achieved, abs=4 * spread)
    played = record([Random()], SMALL, range(2000), 4)[0].expected
    assert np.mean(played) == pytest.approx(18.0, abs=4 * np.std(played) / np.sqrt(2000))


def test_bound_is_exact_where_nothing_varies() -> None:
    """If every action pays the same, all policies have the same return."""
    optimum = meta_envs.solve(TabularMDP(reward_sd=0.0, reward_mean=2.0, num_episodes=2, num_states=2))
    assert (optimum.value, optimum.achieved, optimum.random_value) == pytest.approx((40.0, 40.0, 40.0))


def test_scorecards_of_learners() -> None:
    """Cards score by the bound, say so, and `bayes` names what can be played instead."""
    cards = meta_envs.evaluate(["mdp_greedy", "random", meta_envs.solve(SMALL).policy], SMALL, episodes=100)
    assert [card.optimum_kind for card in cards] == ["bound"] * 3
    assert all("upper bound" in card.note for card in cards)
    assert 0 < cards[0].score < 1
    assert abs(cards[1].score) < 0.2
    with pytest.raises(ValueError, match=r"bayes plays .*: use (beb|ucrl2)"):
        meta_envs.evaluate("bayes", SMALL, episodes=100)


@pytest.mark.slow
def test_published_table() -> None:
    """The columns of RL^2's table come out within the sampling error of both sides, for 10 episodes."""
    rows = list(run_path(str(EXAMPLE))["measure"](10, 1000, 1, False))
    assert [row["published"] for row in rows] == [100.1, 138.1, 144.1, 146.6, 150.2, 132.8, 134.8]
    assert all(abs(row["z"]) < 3 for row in rows), rows
