"""Runs survive a kill, agents survive a file, and what does not fit is refused in one sentence."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from families import BERNOULLI_IDS
from gymnasium import spaces
from safetensors.torch import load_file, save_file

import meta_envs
from meta_envs import cli
from meta_envs.families.dependent import DependentBandit
from meta_envs.training import Agent, MetaRecurrentPPO, TrainingStopped, load_agent, train
from meta_envs.training.agent import describe_interface
from meta_envs.training.presets import PRESETS, preset_of
from meta_envs.training.run import Run

ID = "MetaBandit-Dependent-v0"
TINY: dict[str, Any] = {"steps": 4000, "num_envs": 8, "minibatches": 2, "epochs": 2, "hidden_size": 8}
KEYWORDS = {"num_trials": 10}


def tiny(directory: Path, **changes: Any) -> Path:
    """A run of a second or two."""
    return train(ID, directory=directory, **{"keywords": KEYWORDS, "progress": False, **TINY, **changes})


@pytest.fixture(scope="module")
def agent_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny trained agent."""
    return tiny(tmp_path_factory.mktemp("run"))


def assert_same_weights(one: Path, other: Path) -> None:
    """Equal to the last bit."""
    weights, others = load_file(one), load_file(other)
    assert weights.keys() == others.keys()
    for name, tensor in weights.items():
        assert th.equal(tensor, others[name]), name


def test_the_same_seed_gives_the_same_agent_and_another_seed_another(agent_path: Path, tmp_path: Path) -> None:
    """A run is decided by id, keywords, settings and seed alone."""
    assert_same_weights(agent_path, tiny(tmp_path / "again"))
    with pytest.raises(AssertionError):
        assert_same_weights(agent_path, tiny(tmp_path / "other", seed=2))


def test_a_killed_run_resumes_to_the_same_weights(agent_path: Path, tmp_path: Path) -> None:
    """SIGKILL at arbitrary moments, three times over, changes nothing in the end."""
    script = (
        "from meta_envs.training import train; import sys\n"
        f"train({ID!r}, directory={str(tmp_path / 'killed')!r}, keywords={KEYWORDS!r}, progress=False,"
        f" resume='resume' in sys.argv, checkpoint_seconds=0, **{TINY!r})"
    )
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    kills = 0
    for delay in (0.0, 0.15, 0.3):
        resume = ["resume"] if checkpoint.exists() else []
        process = subprocess.Popen([sys.executable, "-c", script, *resume])
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
            time.sleep(0.005)
        time.sleep(delay)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 1
    agent = tiny(tmp_path / "killed", resume=True)
    assert_same_weights(agent_path, agent)
    assert not checkpoint.exists()


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_resume(tmp_path: Path) -> None:
    """SIGINT ends the command with status 130, a checkpoint, and the word --resume; other settings are refused."""
    command = [sys.executable, "-m", "meta_envs.cli", "train", ID, "--directory", str(tmp_path)]
    command += ["--set", "steps=100000000", "--set", "num_envs=8", "--env", "num_trials=10"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # the first line of progress: training goes on
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with raises_sentence("another run, of steps=100000000, not 4000"):
        tiny(tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_ctrl_c_in_the_last_update_stops_after_the_agent(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is whole, the caller is stopped, and resuming gives the agent."""
    update = MetaRecurrentPPO.train

    def interrupted(model: MetaRecurrentPPO) -> None:
        if model.num_timesteps >= TINY["steps"]:
            signal.raise_signal(signal.SIGINT)
        update(model)

    monkeypatch.setattr(MetaRecurrentPPO, "train", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingStopped, match=r"agent\.safetensors"):
        tiny(tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "checkpoint.pt").exists()
    assert_same_weights(agent_path, tiny(tmp_path, resume=True))


@pytest.mark.parametrize("error", [None, FloatingPointError])
def test_threads_are_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None) -> None:
    """Training takes one thread, and gives the others back, whatever happens."""
    seen = []

    def learn(*_: Any, **__: Any) -> None:
        seen.append(th.get_num_threads())
        if error is not None:
            raise error

    monkeypatch.setattr(MetaRecurrentPPO, "learn", learn)
    before = th.get_num_threads()
    th.set_num_threads(2)
    try:
        if error is None:
            tiny(tmp_path)
        else:
            with pytest.raises(error):
                tiny(tmp_path)
        assert (seen, th.get_num_threads()) == ([1], 2)
    finally:
        th.set_num_threads(before)


def test_a_worker_thread_leaves_no_progress_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar's own thread ends with the run, also where there is no Ctrl-C to catch."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    before = set(threading.enumerate())
    worker = threading.Thread(target=lambda: tiny(tmp_path, progress=True, steps=160))
    worker.start()
    worker.join()
    assert (tmp_path / "agent.safetensors").exists()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5.0)  # a bar that is stopped does not wait for its thread
        assert not thread.is_alive()


def test_a_run_clears_what_a_kill_left(tmp_path: Path) -> None:
    """Half a checkpoint beside its place goes; other files stay."""
    (tmp_path / ".checkpoint.pt.123").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    agent = tiny(tmp_path, steps=160)
    assert {path.name for path in tmp_path.iterdir()} == {agent.name, "notes.txt"}


def test_the_module_of_an_id_is_imported_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``module:id`` has the preset, the directory and the card of the id."""
    monkeypatch.chdir(tmp_path)
    independent = "MetaBandit-Independent-v0"
    settings = {"num_envs": 8, "hidden_size": 8, "steps": 80, "keywords": KEYWORDS, "progress": False}
    path = train(f"meta_envs:{independent}", **settings)
    assert path == Path("runs") / independent / "seed-1" / "agent.safetensors"
    card = load_agent(path).card
    assert card["id"] == independent
    assert card["preset"]["entropy"] == PRESETS[independent].entropy != PRESETS[ID].entropy
    assert train(independent, resume=True, **settings) == path


def test_an_agent_survives_its_file(agent_path: Path, tmp_path: Path) -> None:
    """Saved and loaded, it plays the same lifetimes the same way, and its card is whole."""
    agent = load_agent(agent_path)
    agent.save(tmp_path / "copy.safetensors")
    again = load_agent(tmp_path / "copy.safetensors")
    assert again.card == agent.card
    assert agent.card["play"] in ("greedy", "sampled")
    assert agent.card["preset"]["steps"] == TINY["steps"]
    cards = meta_envs.evaluate([agent, again], ID, episodes=50, **KEYWORDS)
    assert cards[0].regret_curve == cards[1].regret_curve


def test_the_learner_sees_what_training_saw(agent_path: Path) -> None:
    """An agent that plays by `act` and `learn` has the action probabilities of its policy behind the vector wrapper."""
    agent = load_agent(agent_path)
    venv = meta_envs.wrappers.vector.PreviousActionReward(gym.make_vec(ID, num_envs=5, **KEYWORDS))
    observation, _ = venv.reset(seed=3)
    family = meta_envs.make_family(ID, **KEYWORDS)
    agent.begin(family, 5, np.random.default_rng(0))
    hidden = agent.policy.lstm_actor.hidden_size
    state, starts = (th.zeros(1, 5, hidden), th.zeros(1, 5, hidden)), th.zeros(5)
    for _ in range(10):
        with th.no_grad():
            expected, state = agent.policy.get_distribution(th.as_tensor(observation), state, starts)
        probs = agent.action_probs(np.zeros((5, 1), np.float32))
        np.testing.assert_allclose(probs, expected.distribution.probs.numpy(), rtol=1e-6)
        assert agent.memory.shape == (5, hidden)
        action = np.argmax(probs, axis=-1)
        observation, reward, _, _, _ = venv.step(action)
        agent.learn(action, reward.astype(int), reward)


def test_an_agent_is_evaluated_on_a_changed_prior(agent_path: Path) -> None:
    """One trained on one prior plays every other with the same interface."""
    for id in BERNOULLI_IDS:
        card = meta_envs.evaluate(str(agent_path), id, episodes=20)
        assert 0.0 <= card.return_mean <= 100.0


def raises_sentence(message: str) -> Any:
    """A ValueError of one sentence that matches."""
    return pytest.raises(ValueError, match=message)


def test_an_agent_for_other_actions_is_refused(agent_path: Path) -> None:
    """Three arms are not two: the sentence names both."""
    agent = load_agent(agent_path)
    with raises_sentence("has num_actions 2, and .* has 3: train one for it"):
        meta_envs.evaluate(agent, "MetaBandit-Independent-v0", episodes=10, num_arms=3)


@dataclass(frozen=True, kw_only=True)
class Other(DependentBandit):
    """Dependent arms with another interface of the same width."""

    high_observation: float = 1.0
    width: int = 1
    first_action: int = 0
    paid: float = 1.0

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, self.high_observation, (self.width,), np.float32)

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2, start=self.first_action)

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (0.0, self.paid)


@pytest.mark.parametrize(
    ("encoding", "family", "message"),
    [
        ("scalar", {"high_observation": 2.0}, r"has observation_high \[1.0\], and .* has \[2.0\]: "),
        ("scalar", {"high_observation": np.inf}, r"has observation_high \[1.0\], and .* has \[None\]: "),
        ("scalar", {"width": 2}, r"has inputs \[\['observation', 1\], .* has \[\['observation', 2\]"),
        ("scalar", {"first_action": 1}, "counted from 0"),
        ("scalar", {"paid": 2.0}, None),
        ("one_hot", {"paid": 2.0}, r"has reward_values \[0.0, 1.0\], and .* has \[0.0, 2.0\]: "),
        ("one_hot", {}, None),
    ],
)
def test_an_agent_for_another_interface_is_refused(
    agent_path: Path, encoding: str, family: dict[str, Any], message: str | None
) -> None:
    """What differs is named with both values; what the agent does not see may differ."""
    agent = load_agent(agent_path)
    inputs = {**agent.card["inputs"], "reward_encoding": encoding}
    agent.card |= {"inputs": inputs, "interface": describe_interface(meta_envs.make_family(ID), inputs)}
    json.dumps(agent.card, allow_nan=False)
    if message is None:
        agent.begin(Other(**family), 2, np.random.default_rng(0))
        return
    with raises_sentence(message):
        agent.begin(Other(**family), 2, np.random.default_rng(0))


def test_inputs_in_another_order_are_refused(agent_path: Path) -> None:
    """A wrapper that writes the same parts elsewhere is another interface, of the same width."""
    agent = load_agent(agent_path)
    agent.card["interface"]["inputs"].reverse()
    with raises_sentence("has inputs"):
        agent.begin(meta_envs.make_family(ID), 2, np.random.default_rng(0))


def test_a_truncated_agent_is_refused(agent_path: Path, tmp_path: Path) -> None:
    """Half a file is no agent."""
    whole = agent_path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "half.safetensors").write_bytes(whole[:size])
        with raises_sentence("not a whole agent"):
            load_agent(tmp_path / "half.safetensors")


def test_a_missing_agent_is_refused(tmp_path: Path) -> None:
    """The path is in the sentence."""
    with raises_sentence("no agent at"):
        load_agent(tmp_path / "nowhere")


def test_weights_that_do_not_fit_the_card_are_refused(agent_path: Path, tmp_path: Path) -> None:
    """A card that speaks of another network is found out."""
    agent = load_agent(agent_path)
    card = json.loads(json.dumps(agent.card))
    card["network"]["lstm_hidden_size"] = 9
    Agent(agent.policy, card).save(tmp_path / "other.safetensors")
    with raises_sentence("do not fit its card") as raised:
        load_agent(tmp_path / "other.safetensors")
    assert "\n" not in str(raised.value)


def write_agent(path: Path, weights: dict[str, th.Tensor], card: Any) -> Path:
    """An agent's file with any card."""
    save_file(weights, path, {"card": json.dumps(card)})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: [], "card is"),
        (lambda card: None, "card is"),
        (lambda card: {}, "lacks format, id"),
        (lambda card: {**card, "format": 3}, "format is 3"),
        (lambda card: {name: value for name, value in card.items() if name != "preset"}, "lacks preset"),
        (lambda card: {**card, "network": {**card["network"], "n_lstm_layers": 1}}, "network"),
        (lambda card: {**card, "network": {**card["network"], "lstm_hidden_size": -1}}, "negative dimension"),
        (lambda card: {**card, "network": {**card["network"], "lstm_hidden_size": "8"}}, "hidden_size|str"),
        (lambda card: {**card, "inputs": {}}, "inputs"),
        (lambda card: {**card, "interface": None}, "interface"),
        (lambda card: {**card, "interface": {**card["interface"], "inputs": 5}}, "int"),
        (lambda card: {**card, "play": "best"}, "play='best'"),
    ],
)
def test_a_card_that_is_not_whole_is_refused(
    agent_path: Path, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    """One sentence, whatever stands in the card."""
    path = write_agent(tmp_path / "agent.safetensors", load_file(agent_path), change(load_agent(agent_path).card))
    with raises_sentence(f"not a whole agent.*({message})") as raised:
        load_agent(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(agent_path: Path, tmp_path: Path, value: float) -> None:
    """They are named."""
    weights = load_file(agent_path)
    weights["action_net.bias"][1] = value
    path = write_agent(tmp_path / "agent.safetensors", weights, load_agent(agent_path).card)
    with raises_sentence("not a whole agent .*action_net.bias"):
        load_agent(path)


def test_other_plays_are_refused(agent_path: Path) -> None:
    """When loading and later; the play stays."""
    with raises_sentence("play='best'"):
        load_agent(agent_path, play="best")
    agent = load_agent(agent_path, play="greedy")
    with raises_sentence("play='Sampled'"):
        agent.play = "Sampled"
    assert agent.play == "greedy"


def test_a_directory_with_a_run_is_not_overwritten_unasked(agent_path: Path) -> None:
    """Nothing is lost, and resuming a finished run gives its agent."""
    before = agent_path.read_bytes()
    with raises_sentence("holds a run already"):
        tiny(agent_path.parent)
    assert agent_path.read_bytes() == before
    assert tiny(agent_path.parent, resume=True) == agent_path


def test_resuming_needs_a_checkpoint_of_the_same_run(tmp_path: Path) -> None:
    """Nothing there, half a file, and other settings: three sentences."""
    with raises_sentence("no checkpoint"):
        tiny(tmp_path / "none", resume=True)
    broken = tmp_path / "broken" / "checkpoint.pt"
    broken.parent.mkdir()
    broken.write_bytes(b"PK\x03\x04 half")
    with raises_sentence("not a whole checkpoint"):
        tiny(tmp_path / "broken", resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 2}, "seed=1, not 2"),
        ({"keywords": {"num_trials": 11}}, "keywords={'num_trials': 10}, not {'num_trials': 11}"),
        ({"gamma": 0.8}, "gamma=0.9, not 0.8"),
        ({"id": "MetaBandit-DependentHard-v0"}, f"id='{ID}', not 'MetaBandit-DependentHard-v0'"),
    ],
)
def test_resuming_a_finished_run_as_another_is_refused(agent_path: Path, changes: dict[str, Any], message: str) -> None:
    """The card of the agent tells, and both values are named."""
    before = agent_path.read_bytes()
    wanted: dict[str, Any] = {"id": ID, "keywords": KEYWORDS, "progress": False, **TINY, **changes}
    with raises_sentence(re.escape(f"another run, of {message}: ")):
        train(directory=agent_path.parent, resume=True, **wanted)
    assert agent_path.read_bytes() == before


@pytest.mark.parametrize("content", [[1], None, {"policy": 1}, {"version": meta_envs.__version__}])
def test_another_pickle_is_no_checkpoint(content: Any, tmp_path: Path) -> None:
    """One sentence, whatever was pickled."""
    th.save(content, tmp_path / "checkpoint.pt")
    with raises_sentence("not a whole checkpoint"):
        tiny(tmp_path, resume=True)


def test_overwriting_loses_nothing_before_it_has_something_new(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused settings, or a run that ends early, leave the old checkpoint and the old agent."""
    shutil.copy(agent_path, tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"old")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with raises_sentence("gamma=1.5"):
        tiny(tmp_path, overwrite=True, gamma=1.5)
    monkeypatch.setattr(Run, "make_model", lambda *_: np.linalg.inv(np.zeros((2, 2))))
    with pytest.raises(np.linalg.LinAlgError):
        tiny(tmp_path, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_loss_that_is_not_finite_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line ends with status 2, without a traceback."""

    def fail(*_: Any, **__: Any) -> None:
        raise FloatingPointError("The loss is nan.")

    monkeypatch.setattr(MetaRecurrentPPO, "learn", fail)
    monkeypatch.setattr(sys, "argv", ["meta-envs", "train", ID, "--directory", str(tmp_path)])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    assert "Error: The loss is nan." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1.0}, "learning_rate"),
        ({"steps": 0}, "steps=0"),
        ({"minibatches": 3, "num_envs": 8}, "minibatches=3"),
        *(
            ({name: value}, f"{name}={value!r} is not possible: give ")
            for names, values in (
                (("action", "reward", "time", "shared_memory"), ("no", 0, None)),
                (("learning_rate", "clip_range"), (0, -1.0, np.inf, np.nan, True, "fast")),
                (("entropy", "entropy_end", "value_weight"), (-0.1, np.inf, np.nan, False, None)),
                (("gamma",), (0.0, 1.1, np.nan, "0.9")),
                (("gae_lambda",), (-0.1, 1.1, np.nan, [0.9])),
                (("reward_encoding",), ("onehot", None, True)),
                (("hidden_size", "epochs"), (True, 8.0, 0)),
            )
            for name in names
            for value in values
        ),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """One sentence with the value or the near name, before anything is written."""
    with raises_sentence(re.escape(message)):
        preset_of(ID, **settings)


def test_keywords_that_no_card_can_hold_are_refused(tmp_path: Path) -> None:
    """Before the training, not at its end."""
    with raises_sentence("keywords="):
        tiny(tmp_path / "run", keywords={"num_trials": np.int64(10)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [-1, 2**20, 1.5, True])
def test_impossible_seeds_are_refused(seed: Any, tmp_path: Path) -> None:
    """Training seeds stay below those of evaluation."""
    with raises_sentence("seed="):
        tiny(tmp_path / "run", seed=seed)
    assert not list(tmp_path.iterdir())


def test_presets_are_of_registered_ids() -> None:
    """No preset is left behind under an old name."""
    assert set(PRESETS) <= set(meta_envs.ids())


@pytest.mark.parametrize("id", ["MetaHarlow-v0", "MetaNavigation-IMaze-v0"])
def test_images_are_refused_before_anything_is_written(id: str, tmp_path: Path) -> None:
    """Agents take flat observations; the sentence comes at once and nothing is written."""
    with pytest.raises(ValueError, match="Agents take flat observations"):
        train(id, directory=tmp_path / "run")
    assert not list(tmp_path.iterdir())
