"""Model-free and model-based play of the two-step task: values by hand, and the signatures of Daw et al. 2011."""

import numpy as np
import pytest

from meta_envs import behaviour, make_family
from meta_envs.roster import make_learner

ID = "MetaTwoStep-v0"


def test_values_follow_the_rules_by_hand() -> None:
    """Two trials with alpha 1/2 and lambda 1/2, model-free and model-based apart."""
    rng = np.random.default_rng(0)
    free, based = (make_learner(f"hybrid:weight={w},alpha=0.5,trace=0.5,perseveration=0") for w in (0, 1))
    for learner in (free, based):
        learner.begin(make_family(ID), 1, rng)
        for choice, way, paid in ((0, 0, 1.0), (1, 0, 0.0)):
            learner.learn(np.array([choice]), np.array([way]), np.zeros(1))
            learner.learn(np.array([0]), np.array([int(paid)]), np.array([paid]))
    # Trial 1: V(S2) = .5, Q(1) = .25. Trial 2: Q(2) = .25 by V(S2) = .5, then V(S2) = .25 and Q(2) = .25 - .125.
    np.testing.assert_allclose(free.values(), [[0.25, 0.125]])
    np.testing.assert_allclose(based.values(), [[0.75 * 0.25, 0.25 * 0.25]])


def test_perseveration_favours_the_last_choice() -> None:
    """The choice of the last trial gets the bonus, and no other."""
    learner = make_learner("hybrid:alpha=0,perseveration=0.3")
    learner.begin(make_family(ID), 2, np.random.default_rng(0))
    assert learner.values().tolist() == [[0.0, 0.0]] * 2
    learner.learn(np.array([0, 1]), np.array([0, 0]), np.zeros(2))
    assert learner.values().tolist() == [[0.3, 0.0], [0.0, 0.3]]


def test_signatures_are_those_of_daw() -> None:
    """Model-free play goes by the reward, model-based play by its interaction with the transition, each the most.

    Neither goes by one alone: one state pays for a whole lifetime, so that earlier trials tell of both (Akam, Costa &
    Dayan 2015, PLOS Computational Biology 11:e1004648).
    """
    for name, strong, weak in (
        ("model_free", "reward (lag 1)", "reward x transition (lag 1)"),
        ("model_based", "reward x transition (lag 1)", "reward (lag 1)"),
    ):
        fit = behaviour.choice_regression(
            behaviour.record_trials(f"{name}:trace=1,perseveration=0", ID, episodes=2000, seed=3)
        )
        found = dict(zip(fit.names, fit.coefficients, strict=True))
        assert found[strong] > 2 * abs(found[weak]) + 0.2


def test_other_tasks_are_refused() -> None:
    """With the name of the learner and of the family."""
    with pytest.raises(ValueError, match="hybrid serves two-step tasks, and IndependentBandit is none"):
        make_learner("hybrid").begin(make_family("MetaBandit-Independent-v0"), 1, np.random.default_rng(0))


@pytest.mark.parametrize("constant", ["weight=2", "alpha=-1", "trace=1.5", "beta=-1", "perseveration=inf"])
def test_constants_that_make_no_sense_are_refused(constant: str) -> None:
    """In one sentence with the name and the value."""
    with pytest.raises(ValueError, match=f"{constant.partition('=')[0]}=.* is not possible: give a"):
        make_learner(f"hybrid:{constant}")
