"""Runs survive a kill, agents survive a file, and what does not fit is refused in one sentence."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from safetensors.torch import load_file

import meta_envs
from meta_envs.training import Agent, load_agent, train
from meta_envs.training.presets import PRESETS, preset_of

ID = "MetaBandit-Dependent-v0"
TINY: dict[str, Any] = {"steps": 4000, "num_envs": 8, "minibatches": 2, "epochs": 2, "hidden_size": 8}
KEYWORDS = {"num_trials": 10}


def tiny(directory: Path, **changes: Any) -> Path:
    """A run of a second or two."""
    return train(ID, directory=directory, keywords=KEYWORDS, progress=False, **{**TINY, **changes})


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
    assert not list(agent.parent.glob(".checkpoint*")) or kills, "only a kill may leave a partial file behind"


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_resume(tmp_path: Path) -> None:
    """SIGINT ends the command with status 130, a checkpoint, and the word --resume."""
    command = [sys.executable, "-m", "meta_envs.cli", "train", ID, "--directory", str(tmp_path / "run")]
    command += ["--set", "steps=100000000", "--set", "num_envs=8", "--env", "num_trials=10"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # the first line of progress: training goes on
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    assert (tmp_path / "run" / "checkpoint.pt").exists()


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
    import gymnasium as gym

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
    for id in meta_envs.ids():
        card = meta_envs.evaluate(str(agent_path), id, episodes=20)
        assert 0.0 <= card.return_mean <= 100.0


def refuse(message: str) -> Any:
    """A ValueError of one sentence that matches."""
    return pytest.raises(ValueError, match=message)


def test_an_agent_for_other_actions_is_refused(agent_path: Path) -> None:
    """Three arms are not two: the sentence names both."""
    agent = load_agent(agent_path)
    with refuse("observation_shape"):
        meta_envs.evaluate(agent, "MetaBandit-Independent-v0", episodes=10, num_arms=3)


def test_a_truncated_agent_is_refused(agent_path: Path, tmp_path: Path) -> None:
    """Half a file is no agent."""
    whole = agent_path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "half.safetensors").write_bytes(whole[:size])
        with refuse("not a whole agent"):
            load_agent(tmp_path / "half.safetensors")


def test_a_missing_agent_is_refused(tmp_path: Path) -> None:
    """The path is in the sentence."""
    with refuse("no agent at"):
        load_agent(tmp_path / "nowhere")


def test_weights_that_do_not_fit_the_card_are_refused(agent_path: Path, tmp_path: Path) -> None:
    """A card that speaks of another network is found out."""
    agent = load_agent(agent_path)
    card = json.loads(json.dumps(agent.card))
    card["network"]["lstm_hidden_size"] = 9
    Agent(agent.policy, card).save(tmp_path / "other.safetensors")
    with refuse("do not fit its card") as raised:
        load_agent(tmp_path / "other.safetensors")
    assert "\n" not in str(raised.value)


def test_a_directory_with_a_run_is_not_overwritten_unasked(agent_path: Path) -> None:
    """Nothing is lost, and resuming a finished run gives its agent."""
    before = agent_path.read_bytes()
    with refuse("holds a run already"):
        tiny(agent_path.parent)
    assert agent_path.read_bytes() == before
    assert tiny(agent_path.parent, resume=True) == agent_path


def test_resuming_needs_a_checkpoint_of_the_same_run(tmp_path: Path) -> None:
    """Nothing there, half a file, and other settings: three sentences."""
    with refuse("no checkpoint"):
        tiny(tmp_path / "none", resume=True)
    broken = tmp_path / "broken" / "checkpoint.pt"
    broken.parent.mkdir()
    broken.write_bytes(b"PK\x03\x04 half")
    with refuse("not a whole checkpoint"):
        tiny(tmp_path / "broken", resume=True)


def test_resuming_with_other_settings_is_refused(tmp_path: Path) -> None:
    """A checkpoint knows its run."""
    command = [sys.executable, "-m", "meta_envs.cli", "train", ID, "--directory", str(tmp_path)]
    command += ["--set", "steps=100000000", "--set", "num_envs=8", "--env", "num_trials=10"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with refuse("another run"):
        tiny(tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1.0}, "learning_rate"),
        ({"steps": 0}, "steps=0"),
        ({"minibatches": 3, "num_envs": 8}, "minibatches=3"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """One sentence with the value or the near name, before anything is written."""
    with refuse(message):
        preset_of(ID, **settings)


@pytest.mark.parametrize("seed", [-1, 2**20, 1.5, True])
def test_impossible_seeds_are_refused(seed: Any, tmp_path: Path) -> None:
    """Training seeds stay below those of evaluation."""
    with refuse("seed="):
        tiny(tmp_path / "run", seed=seed)
    assert not list(tmp_path.iterdir())


def test_every_registered_id_has_a_preset() -> None:
    """One command trains each."""
    assert set(PRESETS) == {id for id in meta_envs.ids() if id.startswith("Meta")}
