"""Intervals over lifetimes are those published or by hand, and there is none from one lifetime."""

import numpy as np
import pytest

from meta_envs.behaviour.estimates import average, proportions, ratios
from meta_envs.intervals import mean_interval, standard_error, wilson


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_intervals_are_those_published(hits, count, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3; and mirrored."""
    lows, highs = wilson(np.array([hits, count - hits]), np.array([count, count]))
    assert lows == pytest.approx([low, 1 - high], abs=5e-5)
    assert highs == pytest.approx([high, 1 - low], abs=5e-5)


def test_means_have_students_intervals():
    """1, 2, 3, 4: mean 2.5, standard error sqrt(5/12), times 3.182446 (tables of t with 3 degrees of freedom)."""
    found = average(np.array([1.0, 2, 3, 4, 7]), np.array([0, 0, 0, 0, 1]), np.array([1, 2, 3]))
    assert found.mean[:2].tolist() == [2.5, 7.0]
    assert found.high[0] - 2.5 == pytest.approx(3.182446 * np.sqrt(5 / 12), rel=1e-6)
    assert np.isnan([found.low[1], found.high[1], found.mean[2]]).all()
    assert found.count.tolist() == [4, 1, 0]


def test_a_bootstrap_counts_lifetimes_not_trials():
    """Where all trials of a lifetime are alike, 900 of them tell no more than 100 lifetimes do."""
    outcome = np.arange(100) < 30
    lifetime = np.repeat(np.arange(100), 9)
    found = proportions(outcome[lifetime], np.zeros(900, int), lifetime, np.array(["all"]))
    low, high = wilson(np.array([30]), np.array([100]))
    assert found.mean[0] == 0.3
    assert found.count[0] == 900
    assert found.high[0] - found.low[0] == pytest.approx((high - low)[0], rel=0.08)


def test_what_always_happens_is_not_certain():
    """Where all trials are hits the interval is Wilson's over lifetimes: of 20, down to 1 - 0.1611."""
    found = proportions(np.ones(60, bool), np.zeros(60, int), np.repeat(np.arange(20), 3), np.array(["all"]))
    assert (found.low[0], found.high[0]) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)


def test_intervals_cover_what_they_should():
    """Of 200 experiments with 40 lifetimes of unequal, dependent trials, 95 % of the intervals hold the true value."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        chance = rng.beta(2, 2, 40)
        lifetime = np.repeat(np.arange(40), rng.integers(2, 8, 40))
        found = proportions(rng.random(len(lifetime)) < chance[lifetime], 0 * lifetime, lifetime, np.array([0]))
        hits += found.low[0] <= 0.5 <= found.high[0]
    # Standard error .015; a percentile bootstrap of 40 covers a little less than 95 %.
    assert 0.89 <= hits / 200 <= 0.985


def test_one_lifetime_has_no_interval():
    """Of however many trials: no mean, proportion or ratio of one says how lifetimes differ, and that is printed."""
    one = np.zeros(200, int)
    hits = np.random.default_rng(0).random(200) < 0.5
    for found in (
        proportions(hits, one, one, np.array(["all"])),
        proportions(np.ones(200, bool), one, one, np.array(["all"])),
        proportions(np.ones(1, bool), one[:1], one[:1], np.array(["all"])),
        average(np.array([3.0]), one[:1], np.array(["all"])),
        ratios(np.array([[3.0]]), np.array([[2.0]]), np.array(["all"])),
    ):
        assert np.isfinite(found.mean[0])
        assert np.isnan([found.low[0], found.high[0]]).all()
        assert "(one lifetime: no interval)" in str(found)
    assert np.isnan(mean_interval(np.array([3.0]))).all()
    assert np.isnan(standard_error(np.array([3.0])))


def test_one_lifetime_among_those_that_never_came_there_has_no_interval():
    """Of 50 lifetimes only one has trials at the second place; at the third there is none."""
    at = np.append(np.zeros(100, int), np.ones(6, int))
    lifetime = np.append(np.repeat(np.arange(50), 2), np.full(6, 7))
    found = proportions(np.arange(106) % 2 == 0, at, lifetime, np.array(["first", "second", "third"]))
    assert found.count.tolist() == [100, 6, 0]
    assert found.low[0] <= 0.5 <= found.high[0]
    assert np.isnan([found.low[1], found.high[1], found.mean[2], found.low[2]]).all()
    assert str(found).splitlines()[2].split() == ["third", "–", "n", "=", "0"]


def test_lifetimes_that_are_alike_are_counted_once_each():
    """Ten that each have half of their trials right leave a bootstrap nothing to vary: Wilson's of 5 of 10."""
    lifetime = np.repeat(np.arange(10), 6)
    found = proportions(np.arange(60) % 2 == 0, 0 * lifetime, lifetime, np.array(["all"]))
    low, high = wilson(np.array([5]), np.array([10]))
    assert (found.low[0], found.high[0]) == (low[0], high[0])
