"""Stay probabilities are those by hand, and the optimum's those derived on paper."""

from itertools import product

import numpy as np
import pytest

from meta_envs import behaviour
from meta_envs.behaviour import TrialTable, record_trials, stay_probabilities
from meta_envs.behaviour.statistics import CELLS

# Lifetime 1: RC stay, RR leave, UC stay, UR leave. Lifetime 2: UC leave, RC stay. Lifetime 3: RC leave, no trial 4.
BY_HAND = {
    "lifetime": [1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3],
    "trial": [1, 2, 3, 4, 5, 1, 2, 3, 2, 3, 5],
    "action": [0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1],
    "reward": [1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1],
    "common": [1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1],
}


def test_stay_probabilities_are_those_by_hand():
    """Pooled: rewarded common 2 of 3, rewarded rare 0 of 1, unrewarded common 1 of 2, unrewarded rare 0 of 1."""
    stay = stay_probabilities(TrialTable(BY_HAND))
    assert stay.at.tolist() == CELLS.tolist()
    assert stay.count.tolist() == [3, 1, 2, 1]
    assert stay.mean == pytest.approx([2 / 3, 0, 1 / 2, 0])


def test_the_first_transition_is_taken_alone():
    """From trial 1 to 2: lifetime 1 stays after a common reward, lifetime 2 leaves, lifetime 3 has no trial 1."""
    stay = stay_probabilities(TrialTable(BY_HAND), trials="first")
    assert stay.count.tolist() == [1, 0, 1, 0]
    assert stay.mean[[0, 2]].tolist() == [1.0, 0.0]
    twice = behaviour.join([TrialTable({**BY_HAND, "learner": [name] * 11}) for name in ("anna", "bert")])
    stay = stay_probabilities(twice, trials="first")
    assert stay.count.tolist() == [2, 0, 2, 0]
    # Wilson's, of two observations that are hits.
    assert (stay.low[0], stay.high[0]) == pytest.approx((2 / (2 + 1.959964**2), 1.0), abs=1e-6)


def test_recorded_steps_become_trials():
    """The first stage's choice and way, the second stage's reward; common is action 0 to S2 and action 1 to S3."""
    steps = {
        "lifetime": [1] * 6,
        "trial": [1, 1, 2, 2, 3, 3],
        "stage": [1, 2] * 3,
        "action": [0, 1, 1, 0, 0, 0],
        "outcome": [0, 1, 0, 0, 1, 1],
        "reward": [0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
    }
    trials = behaviour.two_step_trials(TrialTable(steps))
    assert trials["action"].tolist() == [0, 1, 0]
    assert trials["common"].tolist() == [1, 0, 0]
    assert trials["reward"].tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="a row for stage 1 and one for stage 2"):
        behaviour.two_step_trials(TrialTable(steps).where(np.arange(5)))


def pool_by_hand(at_ties: float, num_trials: int = 10, right: float = 0.9) -> float:
    """P(stay) of the optimum after a reward on the rare way, pooled over all transitions, derived on paper.

    Each trial's outcome is evidence for one state, right with probability 0.9 whatever was chosen, so the net evidence
    d for the better state walks up with 0.9 and down with 0.1. The choice follows its sign. Rewarded-rare trials are
    those whose evidence goes against the choice, times the chance of the rare way, and after them the optimum stays if
    the evidence before was 2 or more, and leaves if it was 0; if it was 1 there is a tie.
    """
    walk, stays, all_of_them = {0: 1.0}, 0.0, 0.0
    for _ in range(num_trials - 1):
        for evidence, chance in walk.items():
            # A choice that follows evidence for the better state is contradicted with 0.1, the other one with 0.9.
            against = {True: 1 - right, False: right}[evidence > 0] if evidence else 0.5
            all_of_them += chance * against
            stays += chance * against * (0.0 if evidence == 0 else at_ties if abs(evidence) == 1 else 1.0)
        after: dict[int, float] = {}
        for (evidence, chance), (step, likely) in product(walk.items(), ((1, right), (-1, 1 - right))):
            after[evidence + step] = after.get(evidence + step, 0.0) + chance * likely
        walk = after
    return stays / all_of_them


def test_the_optimum_of_the_two_step_task_stays_as_derived():
    """From trial 1 to 2: 1, 0, 0, 1. Pooled: 1, x, x, 1, with x from the walk of the evidence."""
    table = record_trials("bayes", "MetaTwoStep-v0", episodes=4000)
    first, pooled = stay_probabilities(table, trials="first"), stay_probabilities(table)
    assert first.mean.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert first.count.sum() == 4000
    assert first.count == pytest.approx([1500, 500, 1500, 500], abs=4 * np.sqrt(4000 * 0.25))
    assert pooled.mean[[0, 3]].tolist() == [1.0, 1.0]
    expected = pool_by_hand(0.5)
    assert expected == pytest.approx(0.509, abs=5e-4)
    for cell in (1, 2):
        error = (pooled.high[cell] - pooled.low[cell]) / (2 * 1.96)
        assert abs(pooled.mean[cell] - expected) < 3.5 * error
        assert error < 0.02


def test_figures_are_drawn(tmp_path):
    """Bars with an empty cell, and curves with and without intervals."""
    behaviour.stay_figure(
        {"by hand": stay_probabilities(TrialTable(BY_HAND), trials="first")}, tmp_path / "a" / "stay.png"
    )
    curve = behaviour.best_arm_by_trial(record_trials("random", "MetaTwoStep-v0", episodes=9), stage=1)
    behaviour.curve_figure({"random": curve}, tmp_path / "curve.png", ylabel="P(best arm)", chance=0.5)
    for path in ("a/stay.png", "curve.png"):
        assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no stay probabilities"):
        behaviour.stay_figure({"curve": curve}, tmp_path / "b.png")
    with pytest.raises(ValueError, match="no curves"):
        behaviour.curve_figure({}, tmp_path / "b.png", ylabel="")
    assert not (tmp_path / "b.png").exists()
