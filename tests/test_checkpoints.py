"""Checkpoints are whole or refused, nothing in them is executed, and a directory is of one run at a time."""

import json
import os
import pickle
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from children import start
from faults import flips

import meta_envs
from meta_envs.agents.tensors import pack, unpack
from meta_envs.training import MetaRecurrentPPO, TrainingStopped, checkpoint, load_agent, train
from meta_envs.training.copies import put_state, state_of
from meta_envs.training.history import History
from meta_envs.training.lock import holding
from meta_envs.training.plain import Reader, Writer
from meta_envs.training.presets import preset_of
from meta_envs.training.run import Run

ID = "MetaBandit-Dependent-v0"
KEYWORDS = {"num_trials": 10}
TINY: dict[str, Any] = {"steps": 800, "num_envs": 8, "minibatches": 2, "epochs": 2, "hidden_size": 8, "evaluations": 0}


def tiny(directory: Path, **changes: Any) -> Path:
    """A run of a second."""
    return train(ID, directory=directory, **{"keywords": KEYWORDS, "progress": False, **TINY, **changes})


def tiny_run(**changes: Any) -> Run:
    """The same, not yet begun."""
    return Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **{**TINY, **changes}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of it, after two rollouts."""
    run = tiny_run()
    model = run.make_model(run.make_env())
    model.learn(160)
    path = tmp_path_factory.mktemp("saved") / "checkpoint.pt"
    checkpoint.save(path, run.card, model, History())
    return path


@pytest.fixture
def directory(saved: Path, tmp_path: Path) -> Path:
    """A directory with it."""
    shutil.copy(saved, tmp_path)
    return tmp_path


def rewritten(whole: bytes, **changes: Callable[[Any], Any]) -> bytes:
    """The checkpoint with its texts changed, and a SHA-256 of its own."""
    arrays, texts = unpack(whole)
    kept = {name: text for name, text in texts.items() if name != "sha256"}
    return pack(
        arrays, **{**kept, **{name: json.dumps(change(json.loads(texts[name]))) for name, change in changes.items()}}
    )


SMALL: dict[str, dict[str, Any]] = {
    "MetaHarlow-v0": {"resolution": 36, "num_decisions": 30},
    "MetaNavigation-IMaze-v0": {"resolution": 36},
    "MetaNavigation-RandomMaze-v0": {"resolution": 36},
}
"""Keywords by id, where images would take long."""


@pytest.mark.parametrize("id", meta_envs.ids())
def test_copies_of_every_id_go_on_as_they_were(id: str) -> None:
    """Given back as plain data to others that were made alike, they live the same lifetimes, also the next ones."""
    run = Run(id=id, keywords=SMALL.get(id, {}), preset=preset_of(id, num_envs=3, minibatches=1))
    one, other = run.make_env(), run.make_env()
    rng = np.random.default_rng(0)
    observed = one.reset()
    for _ in range(7):
        observed, *_ = one.step(rng.integers(one.action_space.n, size=3))
    writer = Writer()
    taken = json.loads(json.dumps(writer.take(state_of(one))))
    other.reset()
    put_state(other, Reader({name: array.copy() for name, array in writer.arrays.items()}).give(taken))
    ended = 0
    for _ in range(min(110, 3 * meta_envs.make_family(id, **run.keywords).horizon)):
        actions = rng.integers(one.action_space.n, size=3)
        (observed, rewards, over, _), (again, *found, _) = one.step(actions), other.step(actions)
        for name in observed if isinstance(observed, dict) else [...]:
            np.testing.assert_array_equal(observed[name], again[name])
        np.testing.assert_array_equal((rewards, over), found)
        ended += int(over.sum())
    assert ended or id.startswith(("MetaNavigation", "MetaMDP", "MetaHarlow", "MetaTwoStep"))


def test_copies_in_gymnasiums_own_vector_environment_go_on_too() -> None:
    """Each an environment of its own, with its own generator."""
    one, other = (gym.make_vec(ID, 2, "sync", vector_kwargs={"autoreset_mode": "SameStep"}, **KEYWORDS) for _ in "ab")
    one.reset(seed=3)
    for _ in range(4):
        one.step(np.array([0, 1]))
    other.reset(seed=9)
    put_state(other, state_of(one))
    for _ in range(30):
        for found, again in zip(one.step(np.array([1, 0])), other.step(np.array([1, 0])), strict=False):
            if isinstance(found, np.ndarray):
                np.testing.assert_array_equal(found, again)


def test_an_environment_that_no_file_can_keep_is_refused_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it is that cannot be kept."""
    make_env = Run.make_env

    log = (tmp_path / "log").open("w")

    def with_a_file(run: Run, steps: int = 0) -> Any:
        env = make_env(run, steps)
        env.venv.log = log
        return env

    monkeypatch.setattr(Run, "make_env", with_a_file)
    monkeypatch.setattr(MetaRecurrentPPO, "learn", None)
    with pytest.raises(ValueError, match=r"cannot be trained on: checkpoints would have to keep a _io\.TextIOWrapper"):
        tiny(tmp_path / "run")
    log.close()


def test_flipped_bits_in_a_checkpoint_are_found(directory: Path) -> None:
    """In each region, and nothing of the run is touched."""
    file = directory / "checkpoint.pt"
    whole = file.read_bytes()
    head = 8 + int.from_bytes(whole[:8], "little")
    run = tiny_run()
    for changed in flips(whole, 150, range(8), range(8, head), range(head, len(whole))):
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is not a whole checkpoint \(.*\): start the run anew\.$"):
            checkpoint.restore(file, run)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (self.place,)


@pytest.mark.parametrize("form", ["pickle", "torch", "first line and torch"])
def test_resuming_executes_nothing(form: str, directory: Path) -> None:
    """Not of a pickle, not of a file of torch's, not of a checkpoint as it once was."""
    file, trap = directory / "checkpoint.pt", Trap(directory / "executed")
    th.save({"history": trap, "env": trap}, directory / "trap")
    head = json.dumps({"version": meta_envs.__version__, "run": tiny_run().card}).encode() + b"\n"
    content = (directory / "trap").read_bytes()
    file.write_bytes({"pickle": pickle.dumps(trap), "torch": content}.get(form, head + content))
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        tiny(directory, resume=True)
    assert not (directory / "executed").exists()


@pytest.mark.parametrize("run", [{}, None, [], 5, "x", {"id": ID}, {"id": ID, "seed": 1, "keywords": [], "preset": {}}])
def test_a_head_of_no_run_is_refused(run: Any, directory: Path) -> None:
    """One sentence."""
    file = directory / "checkpoint.pt"
    for changed in ({"version": meta_envs.__version__, "run": run}, run):
        file.write_bytes(rewritten(file.read_bytes(), head=lambda _, changed=changed: changed))
        with pytest.raises(ValueError, match="not a whole checkpoint") as raised:
            tiny(directory, resume=True)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: None,
        lambda content: {"dict": []},
        lambda content: {"dict": [["history", 5]]},
        lambda content: {"class": "os:system"},
        lambda content: {"array": "none"},
        lambda content: {"dict": [pair for pair in content["dict"] if pair[0] != "env"]},
        lambda content: {"dict": [["env", None] if pair[0] == "env" else pair for pair in content["dict"]]},
        lambda content: {"dict": [["last", {"tuple": []}] if pair[0] == "last" else pair for pair in content["dict"]]},
    ],
)
def test_a_content_of_something_else_is_refused(change: Callable[[Any], Any], directory: Path) -> None:
    """One sentence."""
    file = directory / "checkpoint.pt"
    file.write_bytes(rewritten(file.read_bytes(), content=change))
    with pytest.raises(ValueError, match="not a whole checkpoint") as raised:
        tiny(directory, resume=True)
    assert "\n" not in str(raised.value)


def hold(directory: Path) -> None:
    """Train until it is killed."""
    tiny(directory, steps=10**9, checkpoint_seconds=0.0)


def wait_for(condition: Callable[[], bool]) -> None:
    """At most a minute."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def test_a_directory_is_of_one_run_at_a_time_and_free_after_a_kill(tmp_path: Path) -> None:
    """The second is refused, whatever it is told; after SIGKILL it goes on from the checkpoint."""
    process = start(hold, tmp_path)
    try:
        wait_for((tmp_path / "checkpoint.pt").exists)
        for how in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(ValueError, match=r"is in use by another run: wait for its end, or choose another dir"):
                tiny(tmp_path, steps=10**9, **how)
        assert process.is_alive()
    finally:
        process.kill()
        process.join()
    agent = tiny(tmp_path, overwrite=True)
    assert {*tmp_path.iterdir()} == {agent, tmp_path / "end.pt"}


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"overwrite": True}])
def test_a_run_without_a_checkpoint_yet_holds_its_directory(tmp_path: Path, how: dict[str, bool]) -> None:
    """That another run is going on is said before what the directory lacks."""
    with holding(tmp_path), pytest.raises(ValueError, match="is in use by another run"):
        tiny(tmp_path, **how)


def test_a_second_run_of_one_process_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the first goes on."""
    said: list[str] = []
    update = MetaRecurrentPPO.train

    def second(model: MetaRecurrentPPO) -> None:
        if not said:
            said.append("")
            try:
                tiny(tmp_path, seed=2)
            except ValueError as error:
                said.append(str(error))
        update(model)

    monkeypatch.setattr(MetaRecurrentPPO, "train", second)
    agent = tiny(tmp_path)
    assert "in use by another run" in said[1]
    assert load_agent(agent).card.seed == 1


def train_where_nothing_fits(directory: Path, most: int, other: Path) -> None:
    """Let no file grow beyond ``most`` bytes once training has begun, but for the agent's in the other place."""
    update = MetaRecurrentPPO.train

    def full(model: MetaRecurrentPPO) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        update(model)

    MetaRecurrentPPO.train = full  # type: ignore[method-assign]
    os.environ["TMPDIR"] = str(other)
    try:
        tiny(directory, checkpoint_seconds=1e9)
    except OSError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        (other / "said.txt").write_text(str(error))


@pytest.mark.parametrize(("most", "fits"), [(30_000, True), (100, False)])
def test_a_disk_that_fills_before_the_first_checkpoint(most: int, fits: bool, tmp_path: Path) -> None:
    """The agent is written where it fits though the checkpoint did not; and no checkpoint is spoken of."""
    other, run = tmp_path / "other", tmp_path / "run"
    other.mkdir()
    start(train_where_nothing_fits, run, most, other).join()
    assert (run / "agent.safetensors").exists() == fits
    assert (other / "said.txt").exists() != fits
    if not fits:
        said = (other / "said.txt").read_text()
        assert said == (
            f"{run} takes no more at step 800 (File too large): make room there and begin the run again, or do so in "
            "another directory."
        )
        assert not [*run.iterdir()]


def test_an_agent_that_finds_no_room_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the sentence says where."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = tmp_path / "run"
    update = MetaRecurrentPPO.train

    def replace_directory(model: MetaRecurrentPPO) -> None:
        if model.num_timesteps >= TINY["steps"]:
            shutil.rmtree(run)
            run.write_text("not a directory any more")
        update(model)

    monkeypatch.setattr(MetaRecurrentPPO, "train", replace_directory)
    with pytest.raises(OSError, match=r"run takes no more \(.*\): the agent is .*, move it from there\.$") as raised:
        tiny(run, checkpoint_seconds=1e9)
    (found,) = tmp_path.glob("meta-envs-*/agent.safetensors")
    assert str(found) in str(raised.value)
    assert load_agent(found).card.id == ID


def test_a_directory_that_vanishes_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made again, and the agent is the same."""
    whole = tiny(tmp_path / "whole")
    update = MetaRecurrentPPO.train

    def vanish(model: MetaRecurrentPPO) -> None:
        shutil.rmtree(tmp_path / "run", ignore_errors=model.num_timesteps != 80)
        update(model)

    monkeypatch.setattr(MetaRecurrentPPO, "train", vanish)
    agent = tiny(tmp_path / "run", tensorboard=True, checkpoint_seconds=0.0)
    for name, tensor in load_agent(agent).policy.state_dict().items():
        assert th.equal(tensor, load_agent(whole).policy.state_dict()[name])


def interrupt_twice(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Ctrl-C in the second update, and again, not in haste, in a function of the package."""
    monkeypatch.setattr("meta_envs.training.callback.IMPATIENT_SECONDS", -1.0)
    update = MetaRecurrentPPO.train

    def first(model: MetaRecurrentPPO) -> None:
        update(model)
        if model.num_timesteps == 160:
            signal.raise_signal(signal.SIGINT)
            if where == "update":
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(MetaRecurrentPPO, "train", first)
    if where == "write":
        write = checkpoint.write_atomically

        def second(*arguments: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            write(*arguments)

        monkeypatch.setattr(checkpoint, "write_atomically", second)


def test_a_second_ctrl_c_waits_for_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first one asked for is written."""
    whole = tiny(tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_twice(patch, "write")
        with pytest.raises(TrainingStopped, match=r"Stopped at step 160; the checkpoint is "):
            tiny(tmp_path / "run")
    agent = tiny(tmp_path / "run", resume=True)
    for name, tensor in load_agent(agent).policy.state_dict().items():
        assert th.equal(tensor, load_agent(whole).policy.state_dict()[name])


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0.0, r"^Abandoned at step 160; the last checkpoint is .*checkpoint\.pt\.$"),
        (1e9, r"^Abandoned at step 160, before the first checkpoint\.$"),
    ],
)
def test_a_second_ctrl_c_abandons_the_update(
    seconds: float, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, which names a checkpoint if there is one."""
    interrupt_twice(monkeypatch, "update")
    with pytest.raises(KeyboardInterrupt, match=message):
        tiny(tmp_path, checkpoint_seconds=seconds)
    assert (tmp_path / "checkpoint.pt").exists() == (seconds == 0.0)
    assert not (tmp_path / ".lock").exists()
