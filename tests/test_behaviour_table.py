"""Recording: the table holds what happened, and what the scorecard counts."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import Drift, UnlistedRooms, Urn

from meta_envs import behaviour, evaluate
from meta_envs.behaviour import record_trials
from meta_envs.behaviour.recording import name_task_columns
from meta_envs.envs.single import MetaEnv
from meta_envs.families.independent import IndependentBandit
from meta_envs.families.restless import RestlessBandit
from meta_envs.families.switching import SwitchingTwoStep
from meta_envs.families.two_step import TwoStep
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner
from meta_envs.lifetimes.trials import number_trials


class Sampler(Learner):
    """Plays at random in any family, continuous ones too."""

    name = "sampler"

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        self._space, self._num = family.action_space, num
        self._space.seed(int(rng.integers(2**31)))

    def act(self, observation: Any) -> Array:
        return np.stack([self._space.sample() for _ in range(self._num)])


@pytest.mark.parametrize(
    ("learner", "id", "keywords"),
    [
        ("ucb", "MetaBandit-Independent-v0", {"num_trials": 6}),
        ("random", "MetaTwoStep-v0", {"num_trials": 3}),
    ],
)
def test_the_table_holds_what_the_scorecard_counts(learner, id, keywords):
    """Regret and rewards of the rows add up to those of `evaluate`, over more lifetimes than run at once."""
    table = record_trials(learner, id, episodes=1100, seed=3, **keywords)
    card = evaluate(learner, id, episodes=1100, seed=3, **keywords)
    assert table["reward"].sum() / 1100 == pytest.approx(card.realised_return_mean, rel=1e-12)
    assert table["regret"].sum() / 1100 == pytest.approx(card.regret_mean, rel=1e-12)
    curve = behaviour.regret_by_trial(table)
    assert curve.mean == pytest.approx(card.regret_curve)


@pytest.mark.parametrize(
    "family",
    [
        IndependentBandit(num_arms=3, num_trials=5),
        TwoStep(num_trials=4),
        SwitchingTwoStep(num_trials=9, switch=0.3),
        RestlessBandit(num_trials=12),
        Urn(),
        UnlistedRooms(),
        Drift(),
    ],
    ids=lambda family: type(family).__name__,
)
def test_a_recorded_lifetime_is_the_environments(family):
    """The environment, reset with a row's seed and given the recorded actions, has its rewards, task and end."""
    table = record_trials(Sampler(), family, episodes=20, seed=2)
    env = MetaEnv(family)
    assert len(table.split("lifetime")) == 20
    for lifetime, rows in table.split("lifetime").items():
        seed = 2**32 + 2 * 2**20 + lifetime
        assert set(rows["seed"].tolist()) == {seed}
        env.reset(seed=seed)
        names = [name for name in rows.names if name.split("_")[0] == "action"]
        actions = np.stack([rows[name] for name in names], axis=1)
        ended = False
        for step, action in enumerate(actions):
            assert not ended
            _, reward, ended, _, _ = env.step(action if len(names) > 1 else action[0])
            assert reward == rows["reward"][step]
            assert rows["step"][step] == step + 1
        assert ended
        task = dict(zip(family.task_names, env.unwrapped.task, strict=True))
        for name, number in task.items():
            if f"task_{name}" in rows:
                assert np.all(rows[f"task_{name}"] == number)


def test_long_tasks_are_shown_as_they_are_now():
    """p_1(t) of a restless bandit and the better state of a switching task stand in the row of their trial."""
    for family, column, first in (
        (RestlessBandit(num_trials=30), "task_p_1", 1),
        (SwitchingTwoStep(), "task_better", 0),
    ):
        rows = record_trials("random", family, episodes=2).split("lifetime")[1]
        env = MetaEnv(family)
        env.reset(seed=int(rows["seed"][0]))
        assert np.array_equal(rows[column], env.unwrapped.task[first + rows["trial"] - 1])
    assert record_trials("random", RestlessBandit(num_trials=30), episodes=1)["task_sigma"][0] in (0.05, 0.2, 0.03, 0.3)


def test_arms_are_not_taken_for_trials():
    """Ten arms pulled ten times keep a column each, or none: what was p_7 is never shown as trial 7's."""
    assert name_task_columns(IndependentBandit(num_arms=10, num_trials=10)) == {}
    assert list(name_task_columns(IndependentBandit(num_arms=3, num_trials=3))) == ["task_p_1", "task_p_2", "task_p_3"]


def test_trials_and_stages_are_counted_from_one():
    """A two-step task has two stages a trial, a bandit one."""
    trial, stage = number_trials(TwoStep(num_trials=3))
    assert trial.tolist() == [1, 1, 2, 2, 3, 3]
    assert stage.tolist() == [1, 2, 1, 2, 1, 2]
    assert "stage" not in record_trials("random", "MetaBandit-Dependent-v0", episodes=1)


def test_regret_and_the_best_arm_are_those_by_hand():
    """On two arms the best has the higher p, and regret is the difference where it was not pulled."""
    table = record_trials("random", "MetaBandit-Independent-v0", episodes=30, num_trials=8)
    means = np.stack([table["task_p_1"], table["task_p_2"]], axis=1)
    chosen = means[np.arange(len(table)), table["action"]]
    assert np.array_equal(table["expected"], chosen)
    assert table["regret"] == pytest.approx(means.max(axis=1) - chosen, abs=1e-12)
    assert np.array_equal(table["best_action"], means.argmax(axis=1))
    assert np.array_equal(table["optimal"], (means.argmax(axis=1) == table["action"]).astype(int))
    best = behaviour.best_arm_by_trial(table)
    assert best.mean == pytest.approx([table["optimal"][table["trial"] == trial].mean() for trial in range(1, 9)])


def test_learners_are_recorded_on_the_same_lifetimes():
    """Two learners' rows have the same tasks, and one learner's rows do not depend on the one after it."""
    both = record_trials(["thompson", "random"], "MetaBandit-Dependent-v0", episodes=10).split("learner")
    alone = record_trials("thompson", "MetaBandit-Dependent-v0", episodes=10)
    assert np.array_equal(both["random"]["task_p_1"], both["thompson"]["task_p_1"])
    assert all(np.array_equal(both["thompson"][name], alone[name]) for name in alone.names)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"episodes": 0}, "episodes=0 is not possible: give a whole number from 1"),
        ({"seed": -1}, "seed=-1"),
        ({"learners": []}, "learners=.. is not possible: give at least one"),
        ({"learners": ["random", "random"]}, "a name of its own"),
        ({"learners": "bayse"}, "did you mean bayes"),
    ],
)
def test_recording_refuses_nonsense(arguments, told):
    """One sentence with the value and the cure."""
    with pytest.raises(ValueError, match=told):
        record_trials(**{"learners": "random", "id": "MetaTwoStep-v0", "episodes": 2, **arguments})


@pytest.mark.parametrize("action", [np.zeros(3, int), np.full(2, 2), np.full(2, 0.5), np.zeros((2, 1), int)])
def test_a_learner_that_answers_nonsense_is_found_out(action):
    """Too many, out of range, not whole, or of the wrong shape."""

    class Wrong(Sampler):
        def act(self, observation: Any) -> Array:
            return action

    with pytest.raises(ValueError, match="'sampler' gave"):
        record_trials(Wrong(), "MetaTwoStep-v0", episodes=2)


def test_registered_ids_are_recorded_with_their_keywords():
    """Keywords are those of `gymnasium.make`."""
    table = record_trials("random", "MetaTwoStep-v0", episodes=2, num_trials=3)
    assert len(table) == 2 * gym.make("MetaTwoStep-v0", num_trials=3).unwrapped.family.horizon
