"""The paper's figures: what is written, what is kept, what is refused; figure 5 and its verdicts."""

import csv
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_hex
from typer.testing import CliRunner

import meta_envs
from meta_envs import figures
from meta_envs.agents.agent import Agent, load_agent
from meta_envs.cli import app
from meta_envs.figures import SHEETS, Production, names, whole
from meta_envs.figures.cast import find_shipped
from meta_envs.figures.claims import FAILS, HOLDS, OPEN
from meta_envs.figures.look import LEARNERS
from meta_envs.figures.panels.two_step import ID, SWITCHING
from meta_envs.figures.reproduce import panels_of
from meta_envs.figures.reproduction import FILES, find_finished, read_verdicts
from meta_envs.registry import make_family
from meta_envs.training import train
from meta_envs.training.presets import preset_of
from meta_envs.training.run import Run


def untrained(id: str, **settings: Any) -> Agent:
    """An agent with weights as a training begins with them."""
    run = Run(id=id, seed=1, keywords={}, preset=preset_of(id, num_envs=4, minibatches=1, **settings))
    policy = run.make_model(run.make_env(), "cpu").policy
    return Agent.from_policy(policy, make_family(id), run.preset.network, run.card)


def verdicts(name: str, **options: Any) -> dict[str, str]:
    """Verdicts by claim."""
    return {verdict.claim: verdict.verdict for verdict in meta_envs.reproduce(name, **options).verdicts}


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent of the two-step task that does not see its rewards, as far as it learns in a moment."""
    return train(ID, directory=tmp_path_factory.mktemp("blind"), steps=60_000, reward=False, progress=False)


def test_three_lines_give_data_and_a_figure_to_restyle(tmp_path: Path) -> None:
    """And `save` writes what they hold."""
    found = meta_envs.reproduce("5c", episodes=200)
    assert set(found.data["learner"]) == {"agent", "bayes"}
    assert set(found.data["play"]) == {"declared", "other"}
    assert all(found.data["low"] <= found.data["stay"] + 1e-12)
    assert all(found.data["stay"] <= found.data["high"] + 1e-12)
    found.figure.axes[0].set_title("mine")
    files = found.save(tmp_path)
    assert [file.name for file in files] == [f"5c{ending}" for ending in FILES]
    assert files[0].read_bytes()[:4] == b"\x89PNG"
    assert files[1].read_bytes()[:4] == b"%PDF"
    rows = list(csv.DictReader(files[2].read_text().splitlines()))
    assert [float(row["stay"]) for row in rows] == pytest.approx(found.data["stay"].tolist(), rel=1e-5)
    told = read_verdicts(files[3])
    assert [claim["verdict"] for claim in told["claims"]] == [verdict.verdict for verdict in found.verdicts]
    assert {agent["role"] for agent in told["settings"]["agents"]} == {"agent"}
    assert len({agent["weights"] for agent in told["settings"]["agents"]}) == len(told["settings"]["agents"])


def test_a_figure_is_the_same_every_time(tmp_path: Path) -> None:
    """To the last byte of all four files; another seed is another figure."""
    one, two = (meta_envs.reproduce("5c", episodes=200) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert [f.read_bytes() for f in one.save(tmp_path / "1")] == [f.read_bytes() for f in two.save(tmp_path / "2")]
    other = meta_envs.reproduce("5c", episodes=200, seed=3)
    assert any((one.data[name] != other.data[name]).any() for name in ("stay", "low"))


def test_every_figure_is_in_the_whole_once() -> None:
    """By itself or as a panel."""
    panels = [panel.name for name in whole() for panel in panels_of(name)]
    assert sorted(panels) == sorted(figures.FIGURES)
    assert not set(SHEETS) & set(figures.FIGURES)
    assert set(names()) == {*SHEETS, *figures.FIGURES}


def test_every_role_can_be_trained() -> None:
    """Its settings and its environment's keywords are possible, and are those of the agents that are shipped for it."""
    for role in {(panel.name, role.name): role for panel in figures.FIGURES.values() for role in panel.roles}.values():
        preset = preset_of(role.id, **role.settings)
        Run(id=role.id, seed=1, keywords=role.keywords, preset=preset).make_env().close()
        for name in find_shipped(role):
            shown = load_agent(name).card
            assert {name: shown.keywords.get(name) for name in role.keywords} == role.keywords
            for part in ("memory", "lstm_hidden_size"):
                assert json.loads(json.dumps(preset.network[part])) == shown.network[part], (role.name, name)


def test_learners_look_alike_in_no_figure() -> None:
    """By colour or by line."""
    looks = [(to_hex(colour), str(line)) for colour, line in LEARNERS.values()]
    same = [name for name, look in zip(LEARNERS, looks, strict=True) if looks.count(look) > 1]
    assert set(same) <= {"untrained", "random"}


def test_figure_5b_is_drawn_of_the_packages_own_learners() -> None:
    """The model-based one has the interaction, and nothing is claimed wrongly of the other."""
    free, based = verdicts("5b", episodes=2000).values()
    assert free != FAILS
    assert based == HOLDS


def test_the_optimum_and_the_shipped_agent_are_model_based() -> None:
    """In both two-step tasks."""
    claim = "the agent's choices are those of a model-based learner"
    for players in ({}, {"agent": "bayes"}):
        for name in ("5c", "2018-5"):
            assert verdicts(name, episodes=300, **players)[claim] == HOLDS


@pytest.mark.parametrize(("name", "id"), [("5c", ID), ("2018-5", SWITCHING)])
def test_who_learned_nothing_fails_all_of_figure_5(name: str, id: str) -> None:
    """Fresh weights, and random play."""
    found = verdicts(name, episodes=300, agent=untrained(id))
    assert set(found.values()) == {FAILS} or set(found.values()) == {FAILS, OPEN}
    assert found[next(claim for claim in found if "P(stay)" in claim)] == FAILS
    assert set(verdicts(name, episodes=300, agent="random").values()) <= {FAILS, OPEN}


def test_who_sees_no_reward_fails_all_of_figure_5c(blind: Path) -> None:
    """No claim holds."""
    assert HOLDS not in verdicts("5c", episodes=500, agent=blind).values()


def test_the_control_holds_without_rewards_and_fails_with_them(blind: Path) -> None:
    """Of an agent without rewards, and of the shipped one."""
    assert set(verdicts("5-control", episodes=4000, agent=blind).values()) == {HOLDS}
    assert set(verdicts("5-control", episodes=500, agent={"reward withheld": f"agent:{ID}"}).values()) == {FAILS}


def run(*words: str) -> Any:
    """The command line's answer."""
    return CliRunner().invoke(app, ["reproduce", *words])


def test_the_list_tells_minutes_and_whether_agents_are_shipped() -> None:
    """For programs, too."""
    rows = json.loads(run("--json").stdout)
    assert [row["figure"] for row in rows] == names()
    assert all(row["title"] and row["minutes"] >= 0 for row in rows)
    assert next(row for row in rows if row["figure"] == "5c")["shipped"] is True


def test_what_is_there_is_kept_until_it_is_asked_for_again(tmp_path: Path) -> None:
    """With the same settings, and as long as it is whole."""
    words = ["5c", "--episodes", "200", "--output", str(tmp_path), "--json"]
    first = run(*words)
    assert first.exit_code == 0, first.output
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    kept = run(*words)
    assert json.loads(kept.stdout) == json.loads(first.stdout)
    assert "kept, since" in kept.stderr
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert "kept, since" not in run(*words, "--again").stderr
    assert "kept, since" not in run("5c", "--episodes", "210", "--output", str(tmp_path)).stderr
    (tmp_path / "5c.json").write_text("{}")
    settings = Production("5c", episodes=210).settings
    assert find_finished("5c", tmp_path, settings) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["5x"], "There is no figure '5x': did you mean 5"),
        (["5c", "nonsense"], "There is no figure 'nonsense'"),
        (["5c", "--seeds", "3"], "--train"),
        (["5c", "--episodes", "1"], "episodes=1 is not possible"),
        (["5c", "--agent", "agent:MetaBandit-Dependent-v0"], "an agent of MetaBandit-Dependent-v0: give one of"),
        (["5b", "--agent", "bayes"], "Figure 5b has no agent"),
        (["5c", "--agent", "thomson"], "There is no learner 'thomson'"),
        (["5c", "--output", "/dev/null/x"], "--output /dev/null/x cannot be written to"),
        (["5c", "--output", ""], "output='' is not possible: give a folder"),
        (["5-control", "--agent", f"agent:{ID}"], f"give one of {ID}, trained with reward=False"),
    ],
)
def test_bad_input_gets_one_sentence(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no file."""
    monkeypatch.chdir(tmp_path)
    found = run(*words)
    assert isinstance(found.exception, ValueError)
    assert told in str(found.exception)
    assert "\n" not in str(found.exception)
    assert not list(tmp_path.rglob("*.*"))


def test_figures_that_cannot_be_made_do_not_stop_the_others(tmp_path: Path) -> None:
    """The table has what is done, and what is left out is told."""
    found = run("5b", "5c", "--agent", "bayes", "--episodes", "100", "--output", str(tmp_path), "--json")
    assert "5b: left out. Figure 5b has no agent" in found.stderr
    assert {claim["figure"] for claim in json.loads(found.stdout)} == {"5c"}
    assert found.exit_code == 1


def test_an_agent_takes_no_role_of_another_kind() -> None:
    """One LSTM is not two, and one agent is no training."""
    cast = Production("6e", episodes=50, agent="agent:MetaHarlow-Symbolic-v0").settings["agents"]
    assert {one["role"] for one in cast if one["learner"] != "kept"} == {"one LSTM, symbols"}
    cast = Production("agreement", episodes=50, agent="agent:MetaBandit-Dependent-v0").settings["agents"]
    assert [one["role"] for one in cast].count("during training") == 8


def test_without_matplotlib_the_extra_is_named(tmp_path: Path) -> None:
    """Before anything is computed."""
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError('none', name='matplotlib')")
    command = [sys.executable, "-m", "meta_envs.cli", "reproduce", "5b"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert found.returncode == 2
    assert 'pip install "meta-envs[plots]"' in found.stderr


def test_ctrl_c_leaves_what_is_finished_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """The finished figure is kept."""
    command = [sys.executable, "-m", "meta_envs.cli", "reproduce", "5c", "2018-5", "--output", str(tmp_path)]
    command += ["--episodes", "400"]
    # What runs in the background is told to ignore Ctrl-C, and so would be what it starts.
    heard = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.default_int_handler)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **heard) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("5c: ")
        running.send_signal(signal.SIGINT)
        told = running.communicate()[1]
    assert running.returncode == 130
    assert "5c is finished. The same command goes on from there." in told
    assert not (tmp_path / "2018-5.json").exists()
    before = (tmp_path / "5c.png").stat().st_mtime_ns
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "5c: kept" in again.stderr
    assert (tmp_path / "5c.png").stat().st_mtime_ns == before
    assert (tmp_path / "2018-5.json").exists()
