"""Several learners at once: paired differences, matrices of scores, every step as CSV, and the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import TwoRooms
from rich.console import Console
from typer.testing import CliRunner

from meta_envs import compare, evaluate, make_family
from meta_envs.behaviour import read_csv, record_trials, trials, write_trials
from meta_envs.cli import app, main
from meta_envs.cli.evaluation import usual_learners
from meta_envs.evaluation.comparison import find_differences
from meta_envs.evaluation.matrix import score_matrix
from meta_envs.evaluation.scores import assess
from meta_envs.evaluation.tables import differences_table
from meta_envs.families.independent import IndependentBandit
from meta_envs.learners import rollout
from meta_envs.learners.learner import Learner
from meta_envs.learners.returns import Record

DEPENDENT = "MetaBandit-Dependent-v0"
TWO_STEP = "MetaTwoStep-v0"
ONE_PULL = IndependentBandit(num_trials=1)


def record_of(*returns: float) -> Record:
    """What a learner with these expected returns did."""
    return Record(np.array(returns), np.array(returns), None, None)


def test_a_difference_by_hand() -> None:
    """1, 2, 3 against 2, 2, 5: mean -1; variances 1 of the differences, 1 and 3 of the two."""
    card = evaluate("random", TwoRooms(), episodes=3)
    cards = [card, replace(card, learner="other")]
    (found,) = find_differences(cards, [record_of(1, 2, 3), record_of(2, 2, 5)])
    assert (found.learner, found.other, found.episodes, found.seed) == ("random", "other", 3, 1)
    assert (found.difference, found.se, found.se_unpaired) == pytest.approx((-1, (1 / 3) ** 0.5, (4 / 3) ** 0.5))
    assert found.variance_saved == pytest.approx(0.75)
    (opposed,) = find_differences(cards, [record_of(1, 2, 3), record_of(3, 2, 1)])
    assert opposed.variance_saved == pytest.approx(-1)
    (constant,) = find_differences(cards, [record_of(1, 1, 1), record_of(2, 2, 2)])
    assert (constant.difference, constant.se, constant.variance_saved) == (-1, 0, None)


def test_differences_are_those_of_the_regrets() -> None:
    """Every pair comes once, in order; in the same tasks returns differ by what regrets do."""
    names = ["bayes", "thompson", "ucb"]
    cards = {card.learner: card for card in evaluate(names, DEPENDENT, episodes=200, num_trials=30)}
    pairs = compare(names, DEPENDENT, episodes=200, num_trials=30)
    assert [(pair.learner, pair.other) for pair in pairs] == [
        ("bayes", "thompson"),
        ("bayes", "ucb"),
        ("thompson", "ucb"),
    ]
    for pair in pairs:
        gain = cards[pair.other].regret_mean - cards[pair.learner].regret_mean
        assert pair.difference == pytest.approx(gain, abs=1e-9)
        assert (pair.id, pair.keywords, pair.episodes, pair.seed) == (DEPENDENT, {"num_trials": 30}, 200, 1)


def test_paired_errors_are_honest_and_unpaired_ones_too_large() -> None:
    """Over 40 evaluation seeds differences scatter as the paired errors say, far less than the unpaired ones would."""
    pairs = [compare(["thompson", "ucb"], DEPENDENT, episodes=60, seed=seed, num_trials=20)[0] for seed in range(40)]
    spread = np.std([pair.difference for pair in pairs], ddof=1)
    # The standard deviation of 40 normal numbers lies within a third of the true one with probability 0.997.
    assert spread / np.mean([pair.se for pair in pairs]) == pytest.approx(1, abs=0.33)
    assert spread < np.mean([pair.se_unpaired for pair in pairs]) / 2
    assert min(pair.variance_saved for pair in pairs) > 0.75


def test_the_unpaired_error_is_that_of_other_lifetimes() -> None:
    """Over 40 seeds the gap between learners in lifetimes of their own scatters as the unpaired errors say."""
    gaps, errors = [], []
    for seed in range(40):
        here, there = (
            assess(["thompson", "ucb"], DEPENDENT, episodes=60, seed=which, num_trials=20)
            for which in (seed, seed + 1000)
        )
        gaps.append(np.mean(here[1][0].expected) - np.mean(there[1][1].expected))
        errors.append(find_differences(*here)[0].se_unpaired)
    assert np.std(gaps, ddof=1) / np.mean(errors) == pytest.approx(1, abs=0.33)


@pytest.mark.parametrize("learners", ["ucb", ["ucb"], []])
def test_one_learner_is_not_compared(learners: Any) -> None:
    """It takes two, and a sentence says so."""
    with pytest.raises(ValueError, match=r"learners=.* is not possible: give at least two to compare"):
        compare(learners, DEPENDENT)


def test_a_matrix_has_a_row_a_run_and_a_column_a_task() -> None:
    """Run k is evaluated with seed + k; a run has one learner for all tasks or one for each, runs may be few."""
    family = TwoRooms()
    algorithms = {"rule": ["greedy"] * 3, "mixed": [{TWO_STEP: "bayes", family: "random"}]}
    scores = score_matrix(algorithms, [TWO_STEP, family], episodes=30, seed=5)
    assert {name: matrix.shape for name, matrix in scores.items()} == {"rule": (3, 2), "mixed": (1, 2)}
    for run in range(3):
        expected = [evaluate("greedy", id, episodes=30, seed=5 + run).score for id in (TWO_STEP, family)]
        assert scores["rule"][run].tolist() == expected
    assert scores["mixed"][0, 0] == pytest.approx(1)
    assert scores["mixed"][0, 1] == evaluate(["greedy", "random"], family, episodes=30, seed=5)[1].score
    assert len(set(scores["rule"][:, 0])) == 3
    assert all(matrix.dtype == np.float64 for matrix in scores.values())


@pytest.mark.parametrize(
    ("algorithms", "ids", "message"),
    [
        ({}, [TWO_STEP], "algorithms={} is not possible: give at least one, as a list of runs by its name"),
        ({"rule": "greedy"}, [TWO_STEP], "rule='greedy' is not possible: give a list of at least one run"),
        ({"rule": {TWO_STEP: "greedy"}}, [TWO_STEP], "give a list of at least one run"),
        ({"rule": []}, [TWO_STEP], r"rule=\[\] is not possible: give a list of at least one run"),
        ({"rule": ["greedy"]}, [], r"ids=\[\] is not possible: give a list of at least one id"),
        ({"rule": ["greedy"]}, TWO_STEP, "ids='MetaTwoStep-v0' is not possible: give a list of at least one id"),
        ({"rule": ["gready"]}, [TWO_STEP], "There is no learner 'gready': did you mean greedy"),
        ({"rule": [{TWO_STEP: "greedy"}]}, [DEPENDENT], f"Run 0 of 'rule' has no learner for {DEPENDENT}: it has some"),
        ({"rule": ["ucb"]}, [ONE_PULL], "IndependentBandit cannot stand in a score matrix. No score: random play is"),
    ],
)
def test_what_gives_no_matrix_is_refused(algorithms: Any, ids: Any, message: str) -> None:
    """In one sentence with the cure."""
    with pytest.raises(ValueError, match=message):
        score_matrix(algorithms, ids, episodes=5)


def sorted_rows(table: trials.TrialTable) -> trials.TrialTable:
    """Learner by learner, as `record_trials` has them."""
    return table.where(np.argsort(table["learner"] != table["learner"][0], kind="stable"))


@pytest.mark.parametrize("place", [TWO_STEP, TwoRooms(length=6)], ids=["two-step", "rooms"])
def test_what_is_written_is_what_is_recorded(place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has all rows of the table to the last bit, whatever the blocks and the parts it was written in."""
    monkeypatch.setattr(rollout, "BLOCK", 7)
    monkeypatch.setattr(trials, "PART", 10)
    write_trials(["random", "bayes"], place, tmp_path / "new" / "trials.csv", episodes=20, seed=3)
    written = read_csv(tmp_path / "new" / "trials.csv")
    table = record_trials(["random", "bayes"], place, episodes=20, seed=3)
    assert written.names == table.names
    assert written["learner"].tolist() != table["learner"].tolist()
    for name, column in sorted_rows(written).columns.items():
        assert np.array_equal(column, table[name]), name
    for name in ("bayes", "random"):
        card = evaluate(name, place, episodes=20, seed=3)
        assert table.split("learner")[name]["regret"].sum() / 20 == pytest.approx(card.regret_mean, abs=1e-9)


class Failing(Learner):
    """Breaks off in the second block."""

    name = "failing"

    def begin(self, family: Any, num: int, rng: np.random.Generator) -> None:
        self._num = num

    def act(self, observation: Any) -> Any:
        if self._num < 7:
            raise RuntimeError("no more")
        return np.zeros(self._num, np.intp)


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks off leaves the old file, and no other."""
    monkeypatch.setattr(rollout, "BLOCK", 7)
    (tmp_path / "trials.csv").write_text("old")
    with pytest.raises(RuntimeError, match="no more"):
        write_trials(Failing(), TWO_STEP, tmp_path / "trials.csv", episodes=9)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("trials.csv", "old")]


def call(*words: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, ["evaluate", *words], env={"COLUMNS": "80"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_shows_differences() -> None:
    """`--paired` adds a table of 80 columns; with `--json` scorecards and differences have a key each."""
    words = (DEPENDENT, "--episodes", "50", "--agent", "thompson", "--agent", "ucb", "--paired")
    shown = call(*words)
    (pair,) = compare(["thompson", "ucb"], DEPENDENT, episodes=50)
    assert f"{pair.difference:+.2f} ± {pair.se:.2f}" in shown
    assert f"± {pair.se_unpaired:.2f}" in shown
    assert f"{100 * pair.variance_saved:.1f} %" in shown
    assert max(map(len, shown.splitlines())) <= 80
    content = json.loads(call(*words, "--json"))
    assert content["differences"] == [pair.to_dict()]
    assert [card["learner"] for card in content["scorecards"]] == ["thompson", "ucb"]
    assert isinstance(json.loads(call(*words[:-1], "--json")), list)


def test_nothing_saved_has_no_minus_sign() -> None:
    """A share next to 0 is shown as 0."""
    (pair,) = compare(["thompson", "ucb"], DEPENDENT, episodes=20)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(differences_table([replace(pair, variance_saved=-1e-5), replace(pair, variance_saved=None)]))
    assert " 0.0 %" in capture.get()
    assert "-0.0" not in capture.get()


def test_the_command_writes_every_step(tmp_path: Path) -> None:
    """`--csv` writes the trials of the lifetimes that the scorecards count, and says where."""
    path = tmp_path / "trials.csv"
    words = (TWO_STEP, "--episodes", "20", "--seed", "4", "--env", "num_trials=5", "--csv", str(path))
    card, *_ = json.loads(call(*words, "--agent", "random", "--json"))
    table = read_csv(path)
    assert len(table) == 20 * 10
    assert table["regret"].sum() / 20 == pytest.approx(card["regret_mean"])
    assert [name for name in table.names if name.startswith("task_")] == [
        f"task_{name}" for name in make_family(TWO_STEP).task_names
    ]
    assert str(path) in call(*words, "--agent", "random").replace("\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((TWO_STEP, DEPENDENT, "--csv", "trials.csv"), "--csv writes one environment, not 2: give one ID"),
        ((TWO_STEP, "--csv", "."), ". is not possible: give a file, such as trials.csv."),
        ((TWO_STEP, "--csv", "x.csv", "--agent", "ucb"), "ucb serves bandits, and TwoStep is none"),
        (
            (TWO_STEP, "--csv", "x.csv", "--agent", "random", "--agent", "random"),
            "learners=['random', 'random'] is not possible: give each learner a name of its own.",
        ),
        ((TWO_STEP, "--agent", "bayes", "--paired"), "--paired compares learners, and bayes is one alone"),
    ],
)
def test_bad_commands_are_refused(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence, exit status 2, and no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["meta-envs", "evaluate", *words, "--episodes", "5"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("id", "keywords", "names"),
    [
        (DEPENDENT, {}, ["random", "ucb1", "thompson", "bayes"]),
        (TWO_STEP, {}, ["random", "bayes"]),
        ("MetaBandit-Independent-v0", {"num_arms": 5, "num_trials": 5}, ["random", "ucb1", "thompson", "bayes"]),
        ("MetaBandit-Independent-v0", {"num_arms": 5, "num_trials": 30}, ["random", "ucb1", "thompson", "gittins"]),
        ("MetaBandit-Independent-v0", {"num_arms": 3, "num_trials": 700}, ["random", "ucb1", "thompson"]),
        ("MetaMDP-Tabular-v0", {"num_episodes": 2}, ["random", "psrl", "beb"]),
    ],
)
def test_the_usual_learners_end_with_the_best_that_is_known(id: str, keywords: Any, names: list[str]) -> None:
    """The optimum's policy where there is one, and the oracle where that is not known to be optimal."""
    usual = [learner if isinstance(learner, str) else learner.name for learner in usual_learners(id, **keywords)]
    assert usual == names + ["oracle"] * (names[-1] != "bayes")
