"""Accuracy by trial in Harlow's task, latencies to goals, and first ones to later ones where lifetimes end."""

import numpy as np
import pytest

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable


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
