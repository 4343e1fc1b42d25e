"""Figures 2 and 3: every verdict is seen to hold of who must meet it, and to fail of who cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from scipy.stats import t, ttest_ind

import meta_envs
from meta_envs.agents.agent import Agent, load_agent
from meta_envs.families.dependent import DependentBandit
from meta_envs.figures import reproduce
from meta_envs.figures.catalogue import FIGURES
from meta_envs.figures.claims import FAILS, HOLDS, OPEN, difference
from meta_envs.figures.figure import DECLARED, OTHER, where
from meta_envs.figures.panels.bandits import PRIORS, ROLES
from meta_envs.figures.panels.priors import (
    CHANCE,
    WITHHELD,
    compare_to_counting,
    judge_optima,
    measure_beside_chance,
)
from meta_envs.learners import Learner, Random
from meta_envs.solvers.bayes import Bayes
from meta_envs.training.presets import preset_of
from meta_envs.training.run import Run


def fresh(id: str, **settings: Any) -> Agent:
    """An agent of an id before its training."""
    th.manual_seed(1)
    run = Run(id=id, preset=preset_of(id, steps=1, num_envs=8, hidden_size=8, **settings))
    policy = run.make_model(run.make_env()).policy
    return Agent.from_policy(policy, meta_envs.make_family(id), run.preset.network, run.card)


def verdicts(name: str, agent: Any, episodes: int) -> list[str]:
    """Verdicts of a figure with an agent in all of its roles, or a table of them."""
    return [verdict.verdict for verdict in reproduce(name, agent=agent, episodes=episodes).verdicts]


class Forgets(Learner):
    """Knows the better arm for ten trials, and pulls the other one from then on."""

    name = "forgets"
    needs = ("task",)

    def begin(self, family: Any, num: int, rng: Any) -> None:
        self._step = 0

    def inform(self, known: dict[str, Any]) -> None:
        self._task = known["task"]

    def act(self, observation: Any) -> Any:
        self._step += 1
        return np.argmax(self._task if self._step <= 10 else -self._task, axis=-1)


@pytest.mark.parametrize("settings", [{}, {"reward": False}], ids=["untrained", "reward withheld"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2a", [FAILS]),
        ("2b", [OPEN, FAILS]),  # as often wrong at the end as in the beginning
        ("2c", [FAILS]),
        ("2d", [FAILS]),
        ("2e", [FAILS]),
        ("3", [FAILS, FAILS, FAILS]),
    ],
)
def test_who_has_not_learned_or_sees_no_reward_fails(name: str, expected: list[str], settings: dict[str, Any]) -> None:
    """What has to be learned, and what needs rewards."""
    agent = fresh(FIGURES[name].roles[0].id, **settings)
    assert verdicts(name, agent, 150) == expected


def test_the_shipped_agent_is_where_the_paper_has_it() -> None:
    """Above Gittins and below Thompson, which the optimum is not."""
    assert verdicts("2a", load_agent(PRIORS["independent"]), 2000) == [HOLDS]


@pytest.mark.parametrize(("name", "number"), [("2b", 2), ("2c", 1), ("2d", 1), ("2e", 1), ("3", 3)])
def test_the_optimum_meets_every_claim_of_dependent_arms(name: str, number: int) -> None:
    """It knows the structure, and rules do not."""
    assert verdicts(name, "bayes", 3000) == [HOLDS] * number


def test_who_forgets_fails_where_errors_are_to_fade() -> None:
    """It has more errors at the end than in the beginning."""
    assert verdicts("2b", Forgets(), 50) == [FAILS, FAILS]


def test_the_matrix_tells_who_was_made_for_what() -> None:
    """With optima all claims hold, and each fails where the rows are swapped."""
    optima = {name: Bayes(meta_envs.solve(id)) for name, id in PRIORS.items()}
    made = reproduce("2f", agent=optima, episodes=2000)
    assert [verdict.verdict for verdict in made.verdicts] == [HOLDS] * 4
    best = where(made.data, learner="bayes")
    rows = {row: where(best, trained=row)["regret"] for row in PRIORS}
    for row in ("easy", "medium", "hard"):
        np.testing.assert_array_equal(rows[row], rows["uniform"])
    assert np.all(rows["independent"][1:] > rows["uniform"][1:])
    # Swapped: all roles but one by who knows nothing, and that one alone.
    nothing = dict.fromkeys(PRIORS, Random())
    assert verdicts("2f", nothing | {"independent": Bayes()}, 100) == [FAILS, FAILS, HOLDS, HOLDS]
    assert verdicts("2f", optima | {"independent": Random()}, 100)[1:3] == [HOLDS, FAILS]


def test_the_matrix_of_who_has_not_learned_is_upside_down() -> None:
    """At chance regret is the higher the more the arms differ, and all agents are alike."""
    players = dict.fromkeys(PRIORS, Random()) | {
        "uniform": fresh(PRIORS["uniform"]),
        "hard": fresh(PRIORS["hard"], reward=False),
    }
    found = reproduce("2f", agent=players, episodes=50).verdicts
    assert {check.verdict for check in found[0].checks} == {FAILS}
    assert HOLDS not in [verdict.verdict for verdict in found[1:3]]


def test_optima_of_lopsided_priors_are_other_policies() -> None:
    """Rows coincide because their priors are symmetric, and else they do not."""
    differing, beliefs, lowest = compare_to_counting(PRIORS["hard"])
    assert (differing, beliefs, round(lowest, 9)) == (0, 5050, 0.4)
    lopsided = DependentBandit(low=0.1, high=0.6, num_values=2)
    assert compare_to_counting(lopsided)[0] > 100
    assert judge_optima([PRIORS["easy"], lopsided]).verdict == FAILS


def test_without_rewards_there_is_chance_and_with_them_there_is_not() -> None:
    """Networks that see no rewards, and the optimum."""
    blind = {WITHHELD[name].name: fresh(id, reward=False) for name, id in PRIORS.items()}
    assert verdicts("2-control", blind, 1000) == [HOLDS]
    assert verdicts("2-control", {WITHHELD[name].name: Bayes() for name in PRIORS}, 100) == [FAILS]


def test_chance_is_measured_without_the_chance_of_the_tasks() -> None:
    """Whoever always pulls the first arm is at chance, to the last digit."""
    rng = np.random.default_rng(1)
    for prior, id in PRIORS.items():
        family = meta_envs.make_family(id)
        task = family.sample_task(rng.random((400, family.num_task_chance)))
        found = measure_beside_chance(100 * (task.max(axis=1) - task[:, 0])[None], task, CHANCE[prior])
        assert found.value == pytest.approx(CHANCE[prior], abs=1e-9)
        assert found.high - found.low < 1e-9


def test_curves_are_those_of_the_evaluation() -> None:
    """The same lifetimes, the same regret; and both plays are there."""
    made = reproduce("2d", agent=load_agent(PRIORS["medium"]), episodes=100)
    card = meta_envs.evaluate(["gittins"], PRIORS["easy"], episodes=100, seed=2016)[0]
    shown = where(made.data, learner="gittins")
    np.testing.assert_allclose(shown["regret"], card.regret_curve)
    assert set(where(made.data, learner="agent")["play"]) == {DECLARED, OTHER}


def test_groups_of_agents_are_compared_as_welch_does() -> None:
    """SciPy's interval, where all lifetimes are alike."""
    rng = np.random.default_rng(1)
    more, less = rng.normal(1.0, 1.0, 5), rng.normal(0.0, 3.0, 4)
    found = difference(np.tile(more[:, None], 50), np.tile(less[:, None], 50))
    expected = ttest_ind(more, less, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    # And of one agent each, nothing but lifetimes.
    one, other = rng.normal(size=(2, 400))
    half = t.ppf(0.975, 399) * np.std(one - other, ddof=1) / 20
    assert difference(one, other).high - difference(one, other).value == pytest.approx(half, rel=1e-4)


def test_all_of_figure_2_is_drawn_from_its_data() -> None:
    """Six panels, a curve of them and the raster."""
    made = reproduce("2", agent=dict.fromkeys(ROLES, "bayes"), episodes=20)
    axes = {part.texts[0].get_text(): part.axes[0] for row in made.figure.subfigs for part in row.subfigs}
    assert sorted(axes) == list("abcdef")
    line = axes["d"].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), where(made.data["2d"], learner="agent")["regret"])
    marks = axes["b"].get_images()[0].get_array().sum()
    assert marks == len(where(made.data["2b"], learner="agent")["trial"])


@pytest.mark.parametrize("name", ["2-control", "3"])
def test_the_others_are_drawn(name: str, tmp_path: Path) -> None:
    """Four files each."""
    players = {role.name: "random" for role in FIGURES[name].roles}
    assert all(file.stat().st_size > 0 for file in reproduce(name, agent=players, episodes=20).save(tmp_path))
