"""Accuracy by trial in Harlow's task, latencies to goals, and first ones to later ones where lifetimes end."""

import numpy as np
import pytest

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, record_trials


def test_accuracy_by_trial_is_that_by_hand():
    """From rewards: fixations pay 0.2, images 1 or -1; the trial is the number of the choice."""
    table = TrialTable(
        {
            "lifetime": [1, 1, 1, 1, 1, 2, 2, 2],
            "step": [1, 2, 3, 4, 5, 1, 2, 3],
            "reward": [0.2, -1.0, 0.0, 0.2, 1.0, 0.2, 1.0, 1.0],
        }
    )
    choices = behaviour.choices_of_images(table)
    assert choices["trial"].tolist() == [1, 2, 1, 2]
    assert choices["correct"].tolist() == [0, 1, 1, 1]
    curve = behaviour.accuracy_by_trial(choices)
    assert curve.at.tolist() == [1, 2]
    assert curve.mean.tolist() == [0.5, 1.0]
    assert (curve.low[1], curve.high[1]) == pytest.approx((2 / (2 + 1.959964**2), 1.0))
    with pytest.raises(ValueError, match="0 or 1 in the column 'correct'"):
        behaviour.accuracy_by_trial(choices.with_columns(correct=np.array([0, 1, 2, 1])))


def test_latency_by_visit_is_that_by_hand():
    """Goals at steps 10 and 14 in one lifetime, 20 in another, none in a third: 15 first, 4 later."""
    lifetime, step = np.indices((3, 25)).reshape(2, -1)
    goal = ((lifetime == 0) & np.isin(step + 1, (10, 14))) | ((lifetime == 1) & (step + 1 == 20))
    table = TrialTable({"lifetime": lifetime, "step": step + 1, "goal": goal, "reward": np.where(goal, 10.0, 1.0)})
    for found in (
        behaviour.latency_by_visit(table),
        behaviour.latency_by_visit(table, goal_reward=10.0),
        behaviour.latency_by_visit(table.where(np.random.default_rng(0).permutation(75))),
    ):
        assert found.at.tolist() == [1, 2]
        assert found.mean.tolist() == [15.0, 4.0]
        assert found.count.tolist() == [2, 1]
        # Student's t with one degree of freedom: 12.7062.
        assert found.high[0] == pytest.approx(15 + 12.7062 * 5, rel=1e-5)


def test_a_lifetime_that_ended_loses_no_more():
    """The cumulative regret of one that ended early stays."""
    table = TrialTable({"lifetime": [1, 1, 2], "trial": [1, 2, 1], "regret": [1.0, 2.0, 5.0]})
    assert behaviour.regret_by_trial(table).mean.tolist() == [3.0, 4.0]
    assert behaviour.regret_by_trial(table, cumulative=False).mean.tolist() == [3.0, 1.0]


def test_a_trial_without_a_choice_of_image_counts():
    """In symbols the second stage is the choice: no-op is not correct, and its trial keeps its number."""
    table = record_trials("random", "MetaHarlow-Symbolic-v0", episodes=300)
    choices = behaviour.choices_of_images(table)
    assert len(choices) == 3000
    assert choices["trial"].tolist() == [*range(1, 11)] * 300
    assert np.any(choices["action"] == 2)
    assert np.all(choices["correct"][choices["action"] == 2] == 0)
    # The recipe of docs/results.md.
    later = table["reward"][(table["stage"] == 2) & (table["trial"] > 1)] > 0
    assert choices["correct"][choices["trial"] > 1].mean() == later.mean()
    # One of three actions is right.
    assert behaviour.accuracy_by_trial(choices).mean == pytest.approx(np.full(10, 1 / 3), abs=4 * np.sqrt(2 / 9 / 300))
    optimum = behaviour.choices_of_images(record_trials("bayes", "MetaHarlow-Symbolic-v0", episodes=40))
    assert optimum["correct"][optimum["trial"] > 1].all()


def walks(rng, horizon, means, lifetimes=400):
    """Lifetimes of so many steps, whose waits for the goal are geometric: their means are (lifetimes, visits)."""
    finds = np.cumsum(rng.geometric(1 / means), axis=1)
    lifetime, step = np.indices((lifetimes, horizon)).reshape(2, -1)
    goal = np.zeros((lifetimes, horizon + 1), bool)
    for row, found in zip(goal, finds, strict=True):
        row[found[found <= horizon]] = True
    return TrialTable({"lifetime": lifetime, "step": step + 1, "goal": goal[:, 1:].ravel()})


@pytest.mark.parametrize("horizon", [60, 100])
@pytest.mark.parametrize("alike", [True, False], ids=["one mean", "each lifetime its own"])
def test_who_never_learns_is_not_said_to(alike, horizon):
    """Waits with one mean seem to fall from visit to visit, since lifetimes end; first to later they are as 1 : 1."""
    rng = np.random.default_rng(horizon)
    means = 33 * np.ones((400, 1)) if alike else 5 + 20 * rng.gamma(1.5, size=(400, 1))
    table = walks(rng, horizon, np.broadcast_to(means, (400, 60)))
    curve = behaviour.latency_by_visit(table)
    assert curve.high[2] < curve.low[0]
    for visits in (2, 3):
        found = behaviour.first_to_later_latency(table, visits=visits)
        assert found.at.tolist() == ["first", "later", "first : later"]
        error = (found.high[2] - found.low[2]) / 3.92
        assert abs(found.mean[2] - 1) < 3 * error
        assert error < 0.15
        assert found.mean[2] == pytest.approx(found.mean[0] / found.mean[1])
        assert np.all(found.count == curve.count[visits - 1])


def test_who_learns_is_said_to():
    """Waits of 30 and then 10: the ratio is 3 where all lifetimes come back to the goal, else between 1 and 3."""
    means = np.where(np.arange(60) == 0, 30.0, 10.0) * np.ones((400, 1))
    rng = np.random.default_rng(1)
    found = behaviour.first_to_later_latency(walks(rng, 400, means))
    assert found.low[2] < 3 < found.high[2]
    assert 1.5 < behaviour.first_to_later_latency(walks(rng, 60, means)).low[2] < 3


def test_first_to_later_latency_is_that_by_hand():
    """Goals at 10 and 14, at 20, 25 and 40, at 30, and none: 10 + 20 first and 4 + 5 then; of three visits 20 : 10."""
    goals = {0: (10, 14), 1: (20, 25, 40), 2: (30,), 3: ()}
    lifetime, step = np.indices((4, 50)).reshape(2, -1)
    goal = [number + 1 in goals[row] for row, number in zip(lifetime.tolist(), step.tolist(), strict=True)]
    table = TrialTable({"lifetime": lifetime, "step": step + 1, "reward": 10.0 * np.array(goal)})
    found = behaviour.first_to_later_latency(table, goal_reward=10.0)
    assert found.mean == pytest.approx([15, 4.5, 10 / 3])
    assert found.count.tolist() == [2, 2, 2]
    three = behaviour.first_to_later_latency(table, goal_reward=10.0, visits=3)
    assert three.mean.tolist() == [20, 10, 2]
    assert np.isnan(three.low).all()
    none = behaviour.first_to_later_latency(table, goal_reward=10.0, visits=4)
    assert np.isnan(none.mean).all()
    assert none.count.tolist() == [0, 0, 0]
    curve = behaviour.latency_by_visit(table, goal_reward=10.0, visits=2)
    assert curve.mean.tolist() == [15, 4.5]
    for function, least in ((behaviour.first_to_later_latency, 2), (behaviour.latency_by_visit, 1)):
        with pytest.raises(ValueError, match=f"visits={least - 1} is not possible: give a whole number of at least"):
            function(table, goal_reward=10.0, visits=least - 1)
