"""Scores over training seeds, and the files that an evaluation writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import trim_mean
from typer.testing import CliRunner

import meta_envs
from meta_envs.cli import app, main
from meta_envs.evaluation import (
    Scorecard,
    aggregate,
    evaluate_seeds,
    load_cards,
    profile_figure,
    regret_figure,
    save_cards,
    score_matrix,
)

ID, OTHER = "MetaBandit-Dependent-v0", "MetaBandit-DependentEasy-v0"
SHORT = {"num_trials": 5}


def test_known_scores_come_to_what_they_are_by_hand() -> None:
    """Of 1 to 8, the middle half is 3 to 6; the profile counts what is above, not at, a threshold."""
    found = aggregate([8, 1, 7, 2, 6, 3, 5, 4], thresholds=[0, 1, 4.5, 8])
    assert (found.runs, found.tasks, found.iqm, found.median) == (8, 1, 4.5, 4.5)
    assert found.profile == [1, 7 / 8, 4 / 8, 0]
    scores = np.random.default_rng(1).random((5, 3))
    found = aggregate(scores)
    assert found.iqm == pytest.approx(trim_mean(scores, 0.25, axis=None))
    assert found.median == np.median(scores)
    assert found.scores == scores.tolist()
    assert found.iqm_low < found.iqm < found.iqm_high
    assert found.median_low <= found.median <= found.median_high
    for low, middle, high in zip(found.profile_low, found.profile, found.profile_high, strict=True):
        assert low <= middle <= high
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_tasks_are_drawn_by_themselves() -> None:
    """Where each task has one score for all runs nothing scatters, however far apart the tasks are."""
    found = aggregate([[0.1, 0.5, 0.9]] * 4)
    assert found.iqm_low == found.iqm == found.iqm_high == pytest.approx(0.5)
    assert found.profile_low == found.profile == found.profile_high


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of 200 intervals for the IQM of ten normal scores in two tasks, 95 % hold it, within 3.5 standard errors."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        found = aggregate(rng.normal(0.7, 0.1, (10, 2)), resamples=400, thresholds=[0.5])
        held += found.iqm_low <= 0.7 <= found.iqm_high
    assert held / 200 >= 0.95 - 3.5 * (0.05 * 0.95 / 200) ** 0.5


def test_one_run_has_no_interval() -> None:
    """And says so."""
    found = aggregate([[0.4, 0.6]])
    assert (found.iqm, found.iqm_low, found.median_high, found.profile_low) == (0.5, None, None, None)
    assert found.note == "One run has no interval over runs: train more seeds."


@pytest.mark.parametrize("scores", [[], [[[1.0]]], [1.0, np.nan]], ids=str)
def test_what_are_no_scores_is_refused(scores: Any) -> None:
    """In one sentence."""
    with pytest.raises(ValueError, match=r"scores=.* is not possible: give"):
        aggregate(scores)


def test_runs_are_evaluated_and_summed_up() -> None:
    """One function gives what the matrix of scores comes to."""
    names = ["thompson", "ucb", "random"]
    scores = score_matrix({"runs": names}, [ID, OTHER], episodes=20, seed=4, **SHORT)["runs"]
    assert evaluate_seeds(names, [ID, OTHER], episodes=20, seed=4, **SHORT) == aggregate(scores)
    with pytest.raises(ValueError, match="runs='ucb' is not possible: give a list of at least one run"):
        evaluate_seeds("ucb", ID)
    with pytest.raises(ValueError, match="There is no agent at 'runs/none'"):
        evaluate_seeds(["random", "runs/none"], ID, episodes=2**20)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs of hardly any training."""
    from meta_envs.training import train

    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        train(ID, steps=400, seed=seed, directory=folder / f"seed-{seed}")
    return folder


def call(*words: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, ["evaluate", *words], env={"COLUMNS": "80"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_sums_training_seeds_up(runs: Path, tmp_path: Path) -> None:
    """The shell's words or a pattern: a table of 80 columns, JSON, a file of it, and the profile's picture."""
    paths = [f"{path}/" for path in sorted(runs.iterdir())]
    words = (ID, "--seeds", *paths, "--episodes", "20")
    (found,) = json.loads(call(*words, "--json"))
    expected = evaluate_seeds(paths, ID, episodes=20)
    assert {name: found[name] for name in expected.to_dict() if name != "runs"} == {
        name: value for name, value in expected.to_dict().items() if name != "runs"
    }
    assert (found["id"], found["episodes"], found["seed"], len(found["paths"])) == (ID, 20, 1, 3)
    output, figure = tmp_path / "new" / "seeds.json", tmp_path / "profile.png"
    shown = call(
        ID, OTHER, "--seeds", f"{runs}/*/", "--episodes", "20", "--output", str(output), "--figure", str(figure)
    )
    assert [each["id"] for each in json.loads(output.read_text())] == [ID, OTHER, "all"]
    assert json.loads(output.read_text())[0] == found
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert f"{expected.iqm:.3f} ({expected.iqm_low:.3f}, {expected.iqm_high:.3f})" in shown
    table = shown.split(str(output)[:20])[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "train more seeds" in call(ID, "--seeds", paths[0], "--episodes", "5")


def test_runs_of_several_trainings_are_told(runs: Path, tmp_path: Path) -> None:
    """They may be compared, and never seem to be seeds of one."""
    from meta_envs.cli.runs import several_trainings
    from meta_envs.training import train

    train(ID, steps=320, seed=9, directory=tmp_path / "shorter", progress=False)
    same = sorted(runs.iterdir())
    assert not several_trainings(same)
    assert several_trainings([*same, tmp_path / "shorter" / "agent.safetensors"])


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command that ends with a sentence before any work: nothing is evaluated, and no file is left."""
    monkeypatch.chdir(tmp_path)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("evaluated")

    monkeypatch.setattr("meta_envs.learners.rollout.make_lifetimes", never)

    def say(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["meta-envs", "evaluate", *words])
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before
        return capsys.readouterr().err.replace("\n", " ")

    return say


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((ID, "--seeds", "none"), "There is no run at none: give the directories that training wrote"),
        ((ID, "--seeds", ".", "./"), "--seeds has 2 runs of which some are the same: give each once"),
        (("--seeds", ".", "."), "--seeds needs an environment: give its ID before it"),
        ((ID, "--seeds", ".", "--paired"), "--seeds sums up the scores of runs, without --paired"),
        ((ID, "--seeds", ".", "--agent", "ucb"), "--seeds sums up the scores of runs, without --agent"),
        ((ID, "--output", "file.txt/cards.json"), "--output cannot write file.txt/cards.json (Not a directory)"),
        ((ID, "--csv", "file.txt/new/trials.csv"), "--csv cannot write file.txt/new/trials.csv (Not a directory)"),
        ((ID, "--figure", "file.txt/x.png"), "--figure cannot write file.txt/x.png (Not a directory)"),
        ((ID, "--output", f"{'x' * 300}.json"), "(File name too long): give another place"),
        ((ID, "--figure", "regret.foo"), "regret.foo is of no format that can be drawn: end its name in one of"),
        ((ID, "--output", "a.png", "--figure", "./a.png"), "--output and --figure both write a.png"),
        (("ToyUnlistedRooms-v0", "--figure", "x.png"), "--figure draws regret, which UnlistedRooms does not tell"),
    ],
)
def test_what_cannot_be_written_is_said_first(words: tuple[str, ...], message: str, refused: Any) -> None:
    """Before any lifetime."""
    from families import registered

    Path("file.txt").write_text("")
    with registered():
        assert message in refused(*words)


def test_a_figure_without_matplotlib_is_said_first(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert 'pip install "meta-envs[plots]"' in refused(ID, "--figure", "x.png")


def test_files_are_written_before_anything_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where printing fails, the results are there."""
    output, figure = tmp_path / "cards.json", tmp_path / "regret.png"

    def fail(*_: Any, **__: Any) -> None:
        raise UnicodeEncodeError("ascii", "±", 0, 1, "no such character")

    monkeypatch.setattr("meta_envs.cli.options.Screen.print", fail)
    words = [
        "evaluate",
        ID,
        OTHER,
        "--agent",
        "ucb",
        "--episodes",
        "5",
        "--output",
        str(output),
        "--figure",
        str(figure),
    ]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UnicodeEncodeError)
    assert [card.id for card in load_cards(output)] == [ID, OTHER]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_figures_give_their_axes_back(tmp_path: Path) -> None:
    """One a panel, to restyle; without a path nothing is written."""
    cards = [meta_envs.evaluate("ucb", id, episodes=5, **SHORT) for id in (ID, OTHER)]
    figure, axes = regret_figure(cards)
    assert len(axes) == 2
    axes[0].set_title("mine")
    figure.savefig(tmp_path / "mine.png")
    found = aggregate([0.2, 0.4, 0.9])
    _, (panel,) = profile_figure({"task": {"ours": found, "theirs": aggregate([0.5])}})
    assert [line.get_label() for line in panel.get_lines()] == ["ours (3 runs)", "theirs (1 run)"]
    assert panel.get_lines()[0].get_ydata().tolist() == found.profile
    for nothing in ({}, {"task": {}}):
        with pytest.raises(ValueError, match="There are no profiles to draw"):
            profile_figure(nothing)


@pytest.mark.parametrize("cut", [0, 1, 200, -1])
def test_a_torn_card_is_refused(cut: int, tmp_path: Path) -> None:
    """Wherever it was cut off."""
    card = meta_envs.evaluate("ucb", ID, episodes=3, **SHORT)
    with pytest.raises(ValueError, match="This is no scorecard, since it is no JSON"):
        Scorecard.from_json(card.to_json()[:cut])
    save_cards([card], tmp_path / "cards.json")
    assert load_cards(tmp_path / "cards.json") == [card]
