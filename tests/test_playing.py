"""Agents are played by plain torch, with the numbers of the policy that was trained."""

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from sb3_contrib.common.recurrent.type_aliases import RNNStates  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs import agents  # noqa: E402
from meta_envs.networks import ENCODERS, MEMORIES, ActorCritic  # noqa: E402
from meta_envs.training import Agent, Preset, RecurrentPolicy, load_agent  # noqa: E402
from meta_envs.training.run import Run  # noqa: E402
from meta_envs.wrappers.vector import PreviousActionReward  # noqa: E402

FLAT, IMAGES = "MetaTwoStep-v0", "MetaHarlow-v0"
SMALL = {"resolution": 36}
NUM = 4

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
PLAY = """
import gymnasium as gym
import numpy as np
import meta_envs

shipped = meta_envs.agents.ids()
for id in shipped:
    agent = meta_envs.load_agent(id)
    keywords = agent.card.keywords
    venv = gym.make_vec(id, num_envs=3, **keywords)
    observation, _ = venv.reset(seed=1)
    agent.begin(meta_envs.make_family(id, **keywords), 3, np.random.default_rng(1))
    for _ in range(3):
        action = agent.act(observation)
        assert np.isfinite(agent.memory).all() and agent.memory.any() and np.isfinite(agent.values).all()
        observation, reward, *_ = venv.step(action)
        agent.learn(action, observation, reward)
    assert np.allclose(agent.action_probs(observation).sum(1), 1.0)
assert meta_envs.evaluate("agent", "MetaTwoStep-v0", episodes=5).learner.startswith("agent")
assert not {"stable_baselines3", "sb3_contrib", "threadpoolctl", "tensorboard"} & set(sys.modules)
print(*shipped)
try:
    meta_envs.training.RecurrentPolicy
except ImportError as error:
    print(error)
"""
NEEDING = [
    f"meta_envs.load_agent({FLAT!r})",
    "from meta_envs.agents import Agent",
    f"meta_envs.evaluate('agent', {FLAT!r}, episodes=5)",
]
TRY = f"""
import meta_envs
for code in {NEEDING!r}:
    try:
        exec(code)
    except ImportError as error:
        print(error)
"""


def call(code: str, *missing: str) -> subprocess.CompletedProcess[str]:
    """Python where packages are missing."""
    code = WITHOUT.format(names=missing) + code
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)


def test_every_shipped_agent_plays_without_sb3() -> None:
    """With torch and safetensors alone it is loaded, acts, and shows its memory and its values."""
    missing = ("stable_baselines3", "sb3_contrib", "tensorboard", "threadpoolctl", "tqdm")
    done = call(PLAY, *missing)
    assert done.returncode == 0, done.stderr
    played, refused = done.stdout.splitlines()
    assert played.split() == agents.ids()
    assert refused == "Training needs sb3_contrib: pip install 'meta-envs[train]'."


@pytest.mark.parametrize("missing", ["torch", "safetensors"])
def test_what_playing_needs_is_said_in_a_sentence(missing: str) -> None:
    """With the extra that has it."""
    done = call(TRY, missing)
    assert done.returncode == 0, done.stderr
    said = f"Playing a trained agent needs {missing}: pip install 'meta-envs[agents]'."
    assert done.stdout.splitlines() == [said] * len(NEEDING)


def both(id: str, keywords: dict[str, Any], **settings: Any) -> tuple[Run, RecurrentPolicy, Agent]:
    """A policy before its training, less cautious than such policies are, and the agent that is a copy of it."""
    size = (6, 5) if settings.get("memory") == "stacked" else 6
    run = Run(id=id, keywords=keywords, preset=Preset(steps=1, num_envs=NUM, hidden_size=size, **settings))
    policy = run.make_model(run.make_env()).policy
    th.nn.init.normal_(policy.action_net.weight, std=1.0)
    family = meta_envs.make_family(id, **keywords)
    return run, policy, Agent.from_policy(policy, family, run.preset.network, run.card)


def as_training_shows_it(part: np.ndarray) -> th.Tensor:
    """Images have their channels first."""
    return th.as_tensor(np.ascontiguousarray(part.transpose(0, 3, 1, 2) if part.ndim == 4 else part))


def assert_plays_alike(id: str, keywords: dict[str, Any], steps: int, **settings: Any) -> None:
    """Live with both, the policy behind the wrapper of training, and compare all that comes out, bit for bit."""
    run, policy, agent = both(id, keywords, **settings)
    venv = PreviousActionReward(gym.make_vec(id, num_envs=NUM, **keywords))
    agent.begin(meta_envs.make_family(id, **keywords), NUM, np.random.default_rng(0))
    assert len(agent.policy.begin(NUM)) == (1 if run.preset.shared_memory else 2)
    assert np.isnan(agent.values).all()
    zeros = tuple(th.zeros(1, NUM, policy.lstm_actor.hidden_size) for _ in range(2))
    states, never = RNNStates(zeros, zeros), th.zeros(NUM)
    generator = np.random.default_rng(2)
    shown, _ = venv.reset(seed=1)
    for _ in range(steps):
        if isinstance(shown, dict):
            own = shown["image"]
            inputs: Any = {name: as_training_shows_it(part) for name, part in shown.items()}
        else:
            own = shown[:, : agent.card.interface["inputs"][0][1]]
            inputs = as_training_shows_it(shown)
        with th.no_grad():
            distribution, _ = policy.get_distribution(inputs, states.pi, never)
            _, values, _, states = policy(inputs, states, never)
        probs = agent.action_probs(own)
        np.testing.assert_array_equal(probs, distribution.distribution.probs.double().numpy())
        np.testing.assert_array_equal(agent.values, values.flatten().numpy())
        np.testing.assert_array_equal(agent.memory, states.pi[0][0].numpy())
        for found, known in zip(agent._state, states, strict=False):
            th.testing.assert_close(found, known, rtol=0, atol=0)
        action = generator.integers(probs.shape[1], size=NUM)
        shown, reward, *_ = venv.step(action)
        agent.learn(action, own, reward)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("memory", MEMORIES)
def test_agents_play_as_their_policy_does(memory: str, shared: bool) -> None:
    """Over a lifetime probabilities, values and every state are those of training's network, to the last bit."""
    assert_plays_alike(FLAT, {}, meta_envs.make_family(FLAT).horizon, memory=memory, shared_memory=shared)


@pytest.mark.parametrize(
    ("memory", "encoder", "shared"),
    [*(("stacked", encoder, True) for encoder in ENCODERS), ("lstm", "small", False), ("fast_weights", "small", True)],
)
def test_agents_see_images_as_their_policy_does(memory: str, encoder: str, shared: bool) -> None:
    """Through every encoder, with one memory and with two."""
    assert_plays_alike(IMAGES, SMALL, 6, memory=memory, encoder=encoder, shared_memory=shared)


def test_the_comparison_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of the wrong memory, and images that are not scaled, are noticed."""
    _, _, agent = both(FLAT, {}, shared_memory=False)
    agent.begin(meta_envs.make_family(FLAT), NUM, np.random.default_rng(0))
    agent.action_probs(np.zeros((NUM, 3), np.float32))
    own = agent.values
    agent.policy.lstm_critic = agent.policy.lstm_actor
    agent.begin(meta_envs.make_family(FLAT), NUM, np.random.default_rng(0))
    agent.action_probs(np.zeros((NUM, 3), np.float32))
    assert not np.array_equal(own, agent.values)
    monkeypatch.setattr("meta_envs.networks.encoders.WHITE", 1.0)
    with pytest.raises(AssertionError):
        assert_plays_alike(IMAGES, SMALL, 1)


def test_weights_go_either_way() -> None:
    """Those of a shipped agent are a policy's that can be trained on, and back they play the same."""
    agent = load_agent(FLAT)
    run = Run(id=FLAT, preset=Preset(**{**agent.card.preset, "num_envs": NUM}))
    policy = run.make_model(run.make_env()).policy
    policy.load_state_dict(agent.policy.state_dict())
    again = Agent.from_policy(policy, meta_envs.make_family(FLAT), run.preset.network, run.card)
    again.play = agent.play
    cards = [meta_envs.evaluate(one, FLAT, episodes=50) for one in (agent, again)]
    assert cards[0].return_mean == cards[1].return_mean


def test_values_are_copies_of_the_newest_act() -> None:
    """One for each copy; who changes them changes nothing."""
    agent = load_agent(FLAT)
    agent.begin(meta_envs.make_family(FLAT), NUM, np.random.default_rng(0))
    agent.act(np.eye(3, dtype=np.float32)[[0, 0, 0, 0]])
    first = agent.values
    assert (first.shape, first.dtype) == ((NUM,), np.float32)
    agent.values[:] = 7.0
    np.testing.assert_array_equal(agent.values, first)


def test_the_values_of_a_trained_agent_are_its_returns() -> None:
    """Over lifetimes they go with the discounted reward that came."""
    agent = load_agent(FLAT, play="sampled")
    family, num = meta_envs.make_family(FLAT), 500
    gamma = agent.card.preset["gamma"]
    venv = gym.make_vec(FLAT, num_envs=num)
    observation, _ = venv.reset(seed=1)
    agent.begin(family, num, np.random.default_rng(1))
    values, rewards = [], []
    for _ in range(family.horizon):
        action = agent.act(observation)
        values.append(agent.values)
        observation, reward, *_ = venv.step(action)
        rewards.append(reward)
        agent.learn(action, observation, reward)
    returns, after = [], np.zeros(num)
    for reward in reversed(rewards):
        after = reward + gamma * after
        returns.insert(0, after)
    later = slice(4, None)
    assert np.corrcoef(np.ravel(values[later]), np.ravel(returns[later]))[0, 1] > 0.5
    assert np.mean(values[later]) == pytest.approx(np.mean(returns[later]), rel=0.1)


def test_other_heads_are_refused() -> None:
    """A network that is none of an agent's is said to be so."""
    space = gym.spaces.Box(-1, 1, (3,))
    with pytest.raises(ValueError, match=r"net_arch=\[7\] is not possible: the heads of agents are linear"):
        ActorCritic(space, 2, net_arch=[7])
    with pytest.raises(ValueError, match="memory='lstmm' is not possible"):
        ActorCritic(space, 2, memory="lstmm")
    run, policy, _ = both(FLAT, {})
    with pytest.raises(ValueError, match="its weights do not fit its card"):
        Agent.from_policy(policy, meta_envs.make_family(FLAT), {**run.preset.network, "lstm_hidden_size": 9}, run.card)
