"""Tables from files: every value comes back, outside files are read as they are meant or refused with their name."""

import numpy as np
import pytest

from meta_envs.behaviour import TrialTable, read_csv, record_trials, stay_probabilities


def test_a_table_survives_a_csv(tmp_path):
    """Every value comes back to the last bit: whole numbers, numbers, missing ones, and awkward strings."""
    rng = np.random.default_rng(0)
    table = TrialTable(
        {
            "learner": np.array(["a, b", 'say "x"', "ucb:chi=2", "ß"]),
            "seed": np.array([2**32, 2**62, 0, -5]),
            "number": rng.normal(size=4) * 10.0 ** np.array([-300, 0, 3, 300]),
            "missing": np.array([0.1, np.nan, 3.0, np.inf]),
        }
    )
    table.to_csv(tmp_path / "new" / "table.csv")
    again = read_csv(tmp_path / "new" / "table.csv")
    assert again.names == table.names
    for name in table.names:
        assert np.array_equal(again.columns[name], table.columns[name], equal_nan=name == "missing")
        assert again.columns[name].dtype.kind == table.columns[name].dtype.kind
    recorded = record_trials("random", "MetaTwoStep-v0", episodes=3)
    recorded.to_csv(tmp_path / "table.csv")
    again = read_csv(tmp_path / "table.csv")
    assert all(np.array_equal(again[name], recorded[name]) for name in recorded.names)


PEOPLE = """subject,game,trial,choice,reward,common,rt
anna,1,1,0,1,TRUE,0.71
anna,1,2,0,0,FALSE,NA
anna,1,3,0,1,TRUE,0.50
bert,1,1,1,0,TRUE,0.93
bert,1,2,0,1,TRUE,0.44
"""
"""Both play game 1. Anna: rewarded common, stays; unrewarded rare, stays. Bert: unrewarded common, leaves."""
RENAME = {"subject": "learner", "game": "lifetime", "choice": "action"}


def test_peoples_data_go_through_the_same_functions(tmp_path):
    """A tidy CSV with other names, a byte order mark, TRUE and NA is read, and optional columns may be missing."""
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8-sig")
    table = read_csv(tmp_path / "people.csv", rename=RENAME)
    assert table["common"].tolist() == [1, 0, 1, 1, 1]
    assert np.isnan(table.columns["rt"][1])
    assert table.lifetimes().tolist() == [0, 0, 0, 1, 1]
    stay = stay_probabilities(table)
    assert stay.count.tolist() == [1, 0, 1, 1]
    assert stay.mean[[0, 2, 3]].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan([stay.mean[1], stay.low[1], stay.high[1]]).all()
    shuffled = table.where(np.array([4, 1, 3, 0, 2]))
    assert stay_probabilities(shuffled).count.tolist() == [1, 0, 1, 1]
    (tmp_path / "semicolons.csv").write_text(PEOPLE.replace(",", ";"))
    assert read_csv(tmp_path / "semicolons.csv", delimiter=";", rename=RENAME)["action"].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "keywords", "told"),
    [
        ("", {}, "is empty"),
        ("a,b\n1\n", {}, "Row 2 of .* has 1 values for 2 columns"),
        ("a,a\n1,2\n", {}, "several columns 'a'"),
        ("a,b\n1,2\n", {"rename": {"c": "action"}}, "no column 'c' to rename: it has a, b"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, keywords, told):
    """What is wrong, in one sentence."""
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_csv(tmp_path / "bad.csv", **keywords)
