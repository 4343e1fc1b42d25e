"""The rule of verdicts: every kind of claim is seen to hold, to fail, and to stay undetermined."""

import json

import numpy as np
import pytest

from meta_envs.figures.claims import (
    FAILS,
    HOLDS,
    OPEN,
    Measured,
    above,
    below,
    combine,
    judge,
    measure,
    pool,
    published,
    rising,
    within,
)


def number(value: float, half: float) -> Measured:
    """A number with a symmetric interval, in 1000 lifetimes."""
    return Measured(value, value - half, value + half, 1000)


@pytest.mark.parametrize(
    ("value", "half", "verdict"), [(0.3, 0.2, HOLDS), (-0.3, 0.2, FAILS), (0.1, 0.2, OPEN), (0.0, 0.0, OPEN)]
)
def test_an_inequality_is_settled_by_the_side_of_its_interval(value: float, half: float, verdict: str) -> None:
    """Above a bound and below it, wherever the bound is."""
    assert above("x", number(value, half)).verdict == verdict
    assert below("x", number(-value, half)).verdict == verdict
    assert above("x", number(value + 5, half), 5.0).verdict == verdict


@pytest.mark.parametrize(
    ("value", "half", "pattern", "bar"),
    [
        (0.99, 0.005, HOLDS, HOLDS),  # all of it within .02
        (0.97, 0.04, OPEN, HOLDS),  # contains the number, but is wide
        (0.975, 0.01, OPEN, OPEN),  # half in, half out
        (0.90, 0.05, FAILS, FAILS),
        (0.98, 0.0, HOLDS, HOLDS),  # the edge itself
    ],
)
def test_patterns_and_published_numbers_have_the_error_of_reading(
    value: float, half: float, pattern: str, bar: str
) -> None:
    """Patterns have to lie within it; a published number may also be inside a wide interval."""
    assert within("x", number(value, half), 1.0).verdict == pattern
    check = published("x", number(value, half), 1.0)
    assert check.verdict == bar
    assert f"{value - 1:+.3f}" in check.what


def test_what_is_undetermined_says_how_many_lifetimes_would_settle_it() -> None:
    """Half the interval takes four times the lifetimes, and so many do settle it."""
    check = above("x", number(0.1, 0.2))
    assert check.needed == 4000
    assert above("x", number(0.3, 0.2)).needed is None
    assert above("x", number(0.0, 0.2)).needed is None
    # And so many do: the interval of a mean shrinks as the root.
    rng = np.random.default_rng(1)
    few = above("x", measure(rng.normal(0.05, 1.0, 400)))
    assert few.verdict == OPEN
    assert few.needed is not None
    assert above("x", measure(rng.normal(few.measured.value, 1.0, 2 * few.needed))).verdict != OPEN


def test_lifetimes_do_not_settle_what_scatters_over_agents() -> None:
    """Where agents alone are wider than the margin, it says so; else it takes what is left of the interval."""
    means, noise = np.array([[0.9], [1.0], [1.1]]), np.random.default_rng(1).normal(size=(3, 1000))
    found = above("x", measure(means + noise), 0.95)
    verdict = judge("1", "x", [found], source="", paper="", ours="")
    assert found.verdict == OPEN
    assert found.needed is None
    assert verdict.settles == "more agents would settle it, more lifetimes would not"
    # Of a half of .2, .06 stays: the rest, of a variance of .0364, has to become .0064.
    assert above("x", Measured(0.1, -0.1, 0.3, 1000, 3, scatter=0.06)).needed == 5700


def test_a_claim_holds_where_all_checks_do_and_fails_where_one_does() -> None:
    """Verdicts of several checks."""
    good, bad, vague = above("x", number(1, 0.1)), above("y", number(-1, 0.1)), above("z", number(0.1, 1))
    facts = {"source": "text", "paper": "-", "ours": "-"}
    assert judge("1", "c", [good, good], **facts).verdict == HOLDS
    assert judge("1", "c", [good, vague], **facts).verdict == OPEN
    assert judge("1", "c", [good, vague], **facts).needed == 100_000
    verdict = judge("1", "c", [good, vague, bad], **facts)
    assert verdict.verdict == FAILS
    assert verdict.needed is None
    assert json.loads(json.dumps(verdict.to_dict()))["checks"][2]["verdict"] == FAILS


def test_intervals_cover_the_truth_of_lifetimes_and_of_agents() -> None:
    """In 1000 simulated experiments each, of one agent 95 %; of several at least that."""
    rng = np.random.default_rng(7)
    inside = {1: 0, 5: 0}
    trials = 1000
    for agents in inside:
        for _ in range(trials):
            skill = rng.normal(0.0, 0.1, (agents, 1)) if agents > 1 else 0.0
            found = measure(rng.normal(0.0, 1.0, (1, 100)) + rng.normal(0.0, 0.3, (agents, 100)) + skill)
            inside[agents] += found.low <= 0.0 <= found.high
    # Of one agent 95 %; of several at least that, since the lifetimes' scatter is in both parts.
    assert abs(inside[1] / trials - 0.95) < 0.025
    assert inside[5] / trials > 0.94


def test_proportions_at_the_ends_have_an_interval() -> None:
    """Where all succeed, or none."""
    found = measure(np.ones((3, 400)))
    assert found.value == found.high == 1.0
    assert 0.985 < found.low < 1.0
    assert measure(np.zeros(400)).low == 0.0


def test_means_over_agents_and_sums_have_the_errors_of_their_parts() -> None:
    """Computed by hand."""
    same = pool([number(0.5, 0.1)] * 3)
    assert (same.value, same.agents) == (0.5, 3)
    assert same.high == pytest.approx(0.6)
    apart = pool([number(0.4, 0.1), number(0.6, 0.1)])
    assert apart.high - apart.value == pytest.approx(np.hypot(0.1, 12.706 * 0.1), rel=1e-3)
    total = combine([number(0.9, 0.03), number(0.2, 0.04)], (1, -1))
    assert total.value == pytest.approx(0.7)
    assert total.high - total.value == pytest.approx(0.05)
    skewed = combine([Measured(1.0, 0.9, 1.0, 10), Measured(0.0, 0.0, 0.2, 10)], (1, -1))
    assert (skewed.low, skewed.high) == (pytest.approx(1 - np.hypot(0.1, 0.2)), 1.0)


def test_orders_are_paired_in_the_same_lifetimes() -> None:
    """Luck that is common to all does not blur them."""
    rng = np.random.default_rng(3)
    luck = rng.normal(0.0, 10.0, 500)
    samples = {"gittins": luck, "agent": luck + 0.1 + rng.normal(0.0, 0.1, (2, 500)), "thompson": luck + 0.5}
    assert [check.verdict for check in rising(samples)] == [HOLDS, HOLDS]
    backwards = rising(dict(reversed(samples.items())))
    assert [check.verdict for check in backwards] == [FAILS, FAILS]
    assert [check.what for check in backwards] == ["agent - thompson > 0", "gittins - agent > 0"]


def test_what_was_never_observed_is_not_determined() -> None:
    """And is JSON all the same."""
    nothing = Measured(np.nan, np.nan, np.nan, 1000)
    for check in (above("x", nothing), within("x", nothing, 1.0), published("x", nothing, 1.0)):
        assert check.verdict == OPEN
        assert check.needed is None
        json.dumps(judge("1", "c", [check], source="", paper="", ours="").to_dict(), allow_nan=False)
