"""The bandit table of RL^2, whose authors' own lifetimes can be replayed, against its printed digits."""

import sys
from pathlib import Path
from runpy import run_path

import pytest

from meta_envs.learners.learner import Learner

EXAMPLES = Path(__file__).parents[1] / "examples"
sys.path.append(str(EXAMPLES))  # as for a script there
EXAMPLE = run_path(str(EXAMPLES / "rl2_bandits.py"))


def replayed_rows(num_arms: int, num_trials: int, columns: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Of each column what is replayed and what is printed, both to one digit."""
    found: dict[str, tuple[str, str]] = {}
    learners: list[tuple[str, list[Learner]]] = EXAMPLE["list_learners"](num_arms, num_trials, False)
    for column, (learner,) in learners:
        if column in columns and (column == "Random" or learner.name.startswith("rl2:")):
            published = EXAMPLE["PUBLISHED"][num_arms, num_trials][EXAMPLE["COLUMNS"].index(column)]
            found[column] = f"{EXAMPLE['replay'](learner, num_arms, num_trials):.1f}", f"{published:.1f}"
    return found


@pytest.mark.parametrize("num_arms", [5, 10, 50])
def test_published_numbers_come_out_to_the_digit(num_arms: int) -> None:
    """All seven columns for 10 pulls: the paper's bandits, its random numbers, and its learners."""
    rows = replayed_rows(num_arms, 10, EXAMPLE["COLUMNS"])
    assert tuple(rows) == EXAMPLE["COLUMNS"]
    assert all(replayed == published for replayed, published in rows.values()), rows


@pytest.mark.slow
@pytest.mark.parametrize(("num_arms", "num_trials"), [(5, 500), (10, 500), (50, 500)])
def test_long_published_numbers_come_out_to_the_digit(num_arms: int, num_trials: int) -> None:
    """All columns but the slow OTS for 500 pulls, where Gittins is a closed form once and a table twice."""
    columns = tuple(column for column in EXAMPLE["COLUMNS"] if column != "OTS")
    rows = replayed_rows(num_arms, num_trials, columns)
    assert tuple(rows) == columns
    assert all(replayed == published for replayed, published in rows.values()), rows


def test_other_constants_miss_the_published_numbers() -> None:
    """Constants that the paper leaves open are no matter of taste: with others 10 pulls of 5 arms pay other digits."""
    for name, constant, published in (
        ("LikeliestDraw", 20, "6.5"),
        ("PriorUCB", 0.4, "6.7"),
        ("PriorGreedy", 0.1, "6.6"),
    ):
        assert f"{EXAMPLE['replay'](EXAMPLE[name](constant), 5, 10):.1f}" != published, name
