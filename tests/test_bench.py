"""Benchmarks are commands; here it is only seen that two of the three run (that of all families takes too long)."""

import importlib.util
import os
from functools import partial
from typing import Any

import pytest

from meta_envs.bench import measure, table
from meta_envs.cli.bench import bench

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
    assert len(table(rows).rows) == len(rows)
    assert before is None or os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("what", "seconds"),
    [("envs", 1.0), ("env", 0.0), ("env", float("nan")), ("env", float("inf")), ("", -1.0), ("env", True)],
)
def test_nonsense_is_refused(what: str, seconds: float) -> None:
    """In a sentence, before anything is measured."""
    with pytest.raises(ValueError, match=r"^(There is nothing|seconds=).*[^.]\.$"):
        measure(what, seconds)


@pytest.mark.parametrize(
    ("missing", "settings", "said"),
    [
        ("sb3_contrib", {}, r"^Measuring training needs sb3_contrib: pip install 'meta-envs\[train\]'\.$"),
        (None, {"gamma": 2}, r"^gamma=2 is not possible"),
        (None, {"gama": 0.9}, r"^There is no setting 'gama'"),
    ],
)
@pytest.mark.parametrize("command", [False, True])
def test_what_stops_a_measurement_stops_it_at_once(
    missing: str | None, settings: dict[str, Any], said: str, command: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured before is not lost: it is not measured."""
    find = importlib.util.find_spec
    monkeypatch.setattr("meta_envs.bench.training.find_spec", lambda name: None if name == missing else find(name))
    monkeypatch.setattr("meta_envs.bench.measure_envs", None)
    pairs = [f"{name}={value}" for name, value in settings.items()]
    way = partial(bench, "", 1.0, pairs) if command else partial(measure, "", 1.0, **settings)
    with pytest.raises(ImportError if missing else ValueError, match=said):
        way()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux binds a process to cores")
def test_training_is_measured_on_two_cores_and_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the rows say."""
    training = pytest.importorskip("meta_envs.bench.training")
    seen = []

    def speed(*_: object) -> float:
        seen.append(len(os.sched_getaffinity(0)))
        return 1.0

    monkeypatch.setattr(training, "_speed_of_training", speed)
    monkeypatch.setattr(training, "_speed_of_floor", speed)
    monkeypatch.setattr(training, "_measure_buffer", lambda _: 0)
    names = [row["what"] for row in measure("training", 1.0, **SETTINGS)]
    two = min(2, len(os.sched_getaffinity(0)))
    cores = dict(zip(names, seen, strict=False))
    assert cores == {name: 1 if name == training.ONE_CORE else two for name in names}
