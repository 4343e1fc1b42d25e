"""Benchmarks are commands; here it is only seen that two of the three run (that of all families takes too long)."""

import os

import pytest

from meta_envs.bench import measure, table

SETTINGS = {"num_envs": 2, "minibatches": 1, "epochs": 1, "hidden_size": 4}


@pytest.mark.parametrize("what", ["env", "training"])
def test_every_row_has_a_speed_and_what_it_is_beside_a_ratio(what: str) -> None:
    """And the process has its cores back."""
    if what == "training":
        pytest.importorskip("sb3_contrib")
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    rows = measure(what, 1e-6, **(SETTINGS if what == "training" else {}))
    names = [row["what"] for row in rows]
    assert len(set(names)) == len(names) > 3
    for row in rows:
        assert row["steps_per_second"] > 0
        assert (row["ratio"] is None) == (row["beside"] is None)
        assert row["beside"] in (*names, None)
    assert table(rows).row_count == len(rows)
    assert before is None or os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("what", "seconds"), [("envs", 1.0), ("env", 0.0), ("env", float("nan"))])
def test_nonsense_is_refused(what: str, seconds: float) -> None:
    """In a sentence, before anything is measured."""
    with pytest.raises(ValueError, match=r"^(There is nothing|seconds=).*[^.]\.$"):
        measure(what, seconds)
