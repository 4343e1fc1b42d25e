"""Policies from outside are evaluated like agents: models of Stable-Baselines3, callables, TorchScript and ONNX."""

import functools
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from gymnasium import wrappers as gym_wrappers
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize
from typer.testing import CliRunner

import meta_envs
from meta_envs.agents import OutsidePolicy
from meta_envs.cli import app
from meta_envs.evaluation import compare, evaluate, evaluate_seeds
from meta_envs.learners import record
from meta_envs.wrappers import ExpectedReward, MultiEpisode, PreviousActionReward, SB3VecEnv, vector

ID = "MetaBandit-Dependent-v0"
SHORT = {"num_trials": 12}
FIRST = 2**32 + 2**20
"""Seed of the first lifetime of evaluation seed 1."""
NUM = 5


def native(num: int = 2, **switches: Any) -> Any:
    """As the README has it."""
    return SB3VecEnv(vector.PreviousActionReward(gym.make_vec(ID, num_envs=num, **SHORT), **switches))


def single(*layers: Any) -> Any:
    """Two copies, each a single environment in wrappers."""

    def make() -> Any:
        env: Any = PreviousActionReward(gym.make(ID, **SHORT))
        for layer in layers:
            env = layer(env)
        return env

    return DummyVecEnv([make, make])


def stacked(env: Any) -> Any:
    """Three frames in a row."""
    return gym_wrappers.FlattenObservation(gym_wrappers.FrameStackObservation(env, 3))


PPO_SIZE = {"n_steps": 12, "batch_size": 12, "n_epochs": 1}
MODELS = {
    "recurrent": lambda: RecurrentPPO("MlpLstmPolicy", native(), **PPO_SIZE, seed=1),
    "single": lambda: PPO("MlpPolicy", PreviousActionReward(gym.make(ID, **SHORT)), **PPO_SIZE, seed=1),
    "monitored": lambda: A2C("MlpPolicy", VecMonitor(native(3, reward_encoding="one_hot")), seed=1),
    "normalised": lambda: PPO("MlpPolicy", VecNormalize(native()), **PPO_SIZE, seed=1),
    "stacked": lambda: RecurrentPPO(
        "MlpLstmPolicy", VecFrameStack(VecNormalize(native(), norm_reward=False), 3), **PPO_SIZE, seed=2
    ),
    "stacked by Gymnasium": lambda: PPO("MlpPolicy", single(stacked), **PPO_SIZE, seed=1),
    "normalised by Gymnasium": lambda: PPO("MlpPolicy", single(gym_wrappers.NormalizeObservation), **PPO_SIZE, seed=1),
    "expected rewards": lambda: PPO("MlpPolicy", single(ExpectedReward), **PPO_SIZE, seed=1),
    "values": lambda: DQN("MlpPolicy", PreviousActionReward(gym.make(ID, **SHORT)), learning_starts=10, seed=1),
}


@functools.cache
def trained(kind: str) -> Any:
    """A model after very little training."""
    return MODELS[kind]().learn(120)


def by_hand(model: Any) -> np.ndarray:
    """Actions (NUM, horizon) in the first lifetimes, by `predict` in the model's own environment."""
    env, taken = model.get_env(), []
    if isinstance(env, VecNormalize | VecFrameStack):
        (env if isinstance(env, VecNormalize) else env.venv).training = False
    for copy in getattr(env, "envs", []):
        if isinstance(copy, gym_wrappers.NormalizeObservation):
            copy.update_running_mean = False
    for start in range(0, NUM, env.num_envs):
        env.seed(FIRST + start)
        observation, state, began = env.reset(), None, np.ones(env.num_envs, bool)
        actions = []
        for _ in range(SHORT["num_trials"]):
            action, state = model.predict(observation, state=state, episode_start=began, deterministic=True)
            observation, _, began, _ = env.step(action)
            actions.append(action)
        taken.append(np.transpose(actions))
    return np.concatenate(taken)[:NUM]


class Kept(OutsidePolicy):
    """Keeps what it did."""

    def begin(self, family: Any, num: int, rng: np.random.Generator) -> None:
        super().begin(family, num, rng)
        self.did: list[Any] = []

    def learn(self, action: Any, outcome: Any, reward: Any) -> None:
        super().learn(action, outcome, reward)
        self.did.append(action)


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_plays_as_in_its_own_environment(kind: str) -> None:
    """`evaluate` has the model do what a loop with `predict` does in the same lifetimes, and leaves it as it was."""
    model = trained(kind)
    statistics = model.get_vec_normalize_env()
    before = None if statistics is None else statistics.obs_rms.mean.copy()
    learner = Kept(model)
    card = evaluate(learner, ID, episodes=NUM, **SHORT)
    np.testing.assert_array_equal(np.transpose(learner.did), by_hand(model))
    assert card.learner == f"{type(model).__name__} (greedy)"
    if statistics is not None:
        np.testing.assert_array_equal(statistics.obs_rms.mean, before)


def test_a_model_goes_wherever_a_learner_goes() -> None:
    """Alone, in a list, in comparisons and over seeds; sampled play has a random stream of its own."""
    model = trained("recurrent")
    card = evaluate(model, ID, episodes=20, **SHORT)
    assert card == evaluate([model, "ucb"], ID, episodes=20, **SHORT)[0]
    (pair,) = compare([model, "ucb"], ID, episodes=20, **SHORT)
    assert (pair.learner, pair.other) == ("RecurrentPPO (greedy)", "ucb")
    assert evaluate_seeds([model, model], ID, episodes=20, **SHORT).scores[0] == [card.score]
    np.random.seed(3)  # noqa: NPY002
    th.manual_seed(3)
    first = (np.random.random(), th.rand(1))  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    th.manual_seed(3)
    sampled = [evaluate(OutsidePolicy(model, play="sampled"), ID, episodes=20, **SHORT) for _ in range(2)]
    assert (np.random.random(), th.rand(1)) == first  # noqa: NPY002
    assert sampled[0] == sampled[1]
    assert sampled[0].return_mean != card.return_mean


def test_a_loaded_model_needs_no_environment(tmp_path: Path) -> None:
    """Where the wrapper's defaults fit, a saved model plays as it did; else a sentence says how to give them."""
    for kind in ("recurrent", "stacked"):
        trained(kind).save(tmp_path / kind)
    again = RecurrentPPO.load(tmp_path / "recurrent")
    assert evaluate(again, ID, episodes=NUM, **SHORT) == evaluate(trained("recurrent"), ID, episodes=NUM, **SHORT)
    lost = RecurrentPPO.load(tmp_path / "stacked")
    with pytest.raises(meta_envs.CannotServe, match=r"give the environment as it was trained in, by model.set_env"):
        evaluate(lost, ID, episodes=NUM, **SHORT)
    given = OutsidePolicy(lost, env=trained("stacked").get_env())
    assert evaluate(given, ID, episodes=NUM, **SHORT) == evaluate(trained("stacked"), ID, episodes=NUM, **SHORT)


def test_the_command_line_takes_a_saved_model(tmp_path: Path) -> None:
    """By the class that loads it; a file alone does not say which."""
    path = tmp_path / "model.zip"
    trained("recurrent").save(path)
    words = ["evaluate", ID, "--episodes", str(NUM), "--env", "num_trials=12", "--json", "--agent"]
    shown = CliRunner().invoke(app, [*words, f"sb3_contrib:RecurrentPPO:{path}"], catch_exceptions=False)
    greedy, sampled = json.loads(shown.stdout)
    assert greedy["return_mean"] == evaluate(trained("recurrent"), ID, episodes=NUM, **SHORT).return_mean
    assert (greedy["learner"], sampled["learner"]) == ("agent (greedy)", "agent (sampled)")
    for name, message in (
        (str(path), "does not say of which class its model is: give module:Class:"),
        (f"stable_baselines3:DQN:{path}", "is no model that stable_baselines3:DQN loads"),
        ("sb3_contrib:RecurrentPPO:none.zip", "There is no model at 'none.zip'"),
    ):
        with pytest.raises(ValueError, match=message):
            meta_envs.make_learner(name)


def win_stay(observation: Any, state: Any, start: Any) -> Any:
    """Stays with what was paid, and counts the wins."""
    previous, paid = np.argmax(observation[:, 1:3], axis=-1), observation[:, 3].astype(int)
    state = np.zeros(len(start), int) if state is None else state
    assert start.dtype == bool
    return np.where(start, 0, np.where(paid == 1, previous, 1 - previous)), np.where(start, 0, state + paid)


class WinStay(th.nn.Module):
    """The same with tensors, as log-odds."""

    def forward(self, observation: th.Tensor, state: th.Tensor | None, start: th.Tensor) -> tuple[th.Tensor, th.Tensor]:
        previous, paid = observation[:, 1:3], observation[:, 3:4]
        odds = th.where(paid > 0.5, previous, 1 - previous)
        first = th.tensor([[1.0, 0.0]])
        counted = paid if state is None else state + paid
        return th.where(start[:, None], first, odds), counted


def test_a_callable_sees_the_history() -> None:
    """A function (observation, state, start) plays what a loop by hand does, and what the same rule in torch does."""
    card = evaluate(win_stay, ID, episodes=50, **SHORT)
    assert card.learner == "win_stay (greedy)"
    family = meta_envs.make_family(ID, **SHORT)
    (found,) = record([OutsidePolicy(win_stay)], family, range(FIRST, FIRST + NUM), 1)
    env, returns = PreviousActionReward(gym.make(ID, **SHORT)), []
    for copy in range(NUM):
        observation, _ = env.reset(seed=FIRST + copy)
        state, start, total, over = None, np.ones(1, bool), 0.0, False
        while not over:
            action, state = win_stay(observation[None], state, start)
            observation, reward, over, _, _ = env.step(int(action[0]))
            start, total = np.zeros(1, bool), total + float(reward)
        returns.append(total)
    assert found.realised.tolist() == returns
    assert evaluate(WinStay(), ID, episodes=50, **SHORT).return_mean == card.return_mean


def test_a_policy_in_torchscript_plays_like_its_module(tmp_path: Path) -> None:
    """From a file, by its path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls it deprecated
        th.jit.script(WinStay()).save(str(tmp_path / "policy.pt"))
    card = evaluate(tmp_path / "policy.pt", ID, episodes=NUM, **SHORT)
    assert card.learner == "policy.pt (greedy)"
    assert card.return_mean == evaluate(win_stay, ID, episodes=NUM, **SHORT).return_mean
    (tmp_path / "torn.pt").write_bytes(b"no policy")
    with pytest.raises(ValueError, match=r"torn\.pt is no policy in TorchScript \(.*\): export it again"):
        evaluate(str(tmp_path / "torn.pt"), ID, episodes=NUM)


def test_a_policy_in_onnx_plays_with_its_states(tmp_path: Path) -> None:
    """A graph that adds up rewards in a state, and stays on arm 0 for as long as none was paid."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    make, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        make.make_node("Gather", ["observation", "three"], ["paid"], axis=1),
        make.make_node("Add", ["wins", "paid"], ["wins_after"]),
        make.make_node("Cast", ["wins_after"], ["some"], to=kinds.BOOL),
        make.make_node("Cast", ["some"], ["whole"], to=kinds.INT64),
        make.make_node("Squeeze", ["whole", "one"], ["action"]),
    ]
    graph = make.make_graph(
        nodes,
        "rule",
        [
            make.make_tensor_value_info("observation", kinds.FLOAT, ["num", 5]),
            make.make_tensor_value_info("wins", kinds.FLOAT, ["num", 1]),
        ],
        [
            make.make_tensor_value_info("action", kinds.INT64, ["num"]),
            make.make_tensor_value_info("wins_after", kinds.FLOAT, ["num", 1]),
        ],
        [make.make_tensor("three", kinds.INT64, [1], [3]), make.make_tensor("one", kinds.INT64, [1], [1])],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), tmp_path / "policy.onnx")

    def rule(observation: Any, state: Any, start: Any) -> Any:
        state = observation[:, 3] + (0.0 if state is None else state)
        return (state > 0).astype(int), state

    card = evaluate(tmp_path / "policy.onnx", ID, episodes=NUM, **SHORT)
    assert card.return_mean == evaluate(rule, ID, episodes=NUM, **SHORT).return_mean
    with pytest.raises(meta_envs.CannotServe, match="takes observations"):
        evaluate(tmp_path / "policy.onnx", "MetaBandit-Informative-v0", episodes=NUM)


def test_onnx_without_its_runtime_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence."""
    (tmp_path / "policy.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        evaluate(tmp_path / "policy.onnx", ID, episodes=NUM)


def test_a_module_names_a_policy_or_what_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:function` is a policy if it takes three arguments, and else makes one."""
    (tmp_path / "elsewhere_policies.py").write_text(
        "def first(observation, state, start):\n    return [0] * len(start), state\n\ndef make():\n    return first\n"
        "def nothing():\n    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    cards = evaluate(["elsewhere_policies:first", "elsewhere_policies:make"], ID, episodes=NUM, **SHORT)
    assert cards[0].realised_return_mean == cards[1].realised_return_mean
    with pytest.raises(ValueError, match="'elsewhere_policies:nothing' makes a int: derive it from"):
        meta_envs.make_learner("elsewhere_policies:nothing")


@pytest.mark.parametrize(
    ("players", "message"),
    [
        (3, "3 is no learner: give one, its name, or a policy, or a list of these"),
        ([None], "None is no learner: give one, its name, a model with `predict`, or a callable"),
        (meta_envs.learners.Thompson, r"Thompson is a class: give one of its kind, such as Thompson\(\)"),
        (lambda observation: 0, r"is no learner: .* callable \(observation, state, start\) -> \(action, state\)"),
        (lambda observation, state, start: [0] * len(start), r"return a pair \(action, state\)"),
        (lambda observation, state, start: ([2] * len(start), state), "gave action 2: give 5 whole numbers"),
    ],
)
def test_what_is_no_policy_gets_a_sentence(players: Any, message: str) -> None:
    """It says what is taken."""
    with pytest.raises(ValueError, match=message):
        evaluate(players, ID, episodes=NUM)


def test_where_a_model_does_not_fit_a_sentence_says_so() -> None:
    """Other actions, other observations, and lifetimes of several episodes."""
    model = trained("single")
    with pytest.raises(meta_envs.CannotServe, match=re.escape("PPO (greedy) has the actions Discrete(2)")):
        evaluate(model, "MetaBandit-Informative-v0", episodes=NUM)
    with pytest.raises(meta_envs.CannotServe, match="It was trained with the observations Box"):
        evaluate(model, meta_envs.make_family("MetaTwoStep-v0"), episodes=NUM)
    longer = PPO("MlpPolicy", PreviousActionReward(MultiEpisode(gym.make(ID, **SHORT), num_episodes=2)), **PPO_SIZE)
    with pytest.raises(meta_envs.CannotServe, match="What was trained with MultiEpisode is not evaluated"):
        evaluate(longer, ID, episodes=NUM, **SHORT)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_environment_is_no_id(wrapped: bool) -> None:
    """The sentence names the id and the keywords that stand for it."""
    env: Any = gym.make(ID, **SHORT)
    with pytest.raises(
        ValueError, match=f"neither an id nor a family: give its id and keywords, '{ID}', num_trials=12"
    ):
        evaluate("thompson", PreviousActionReward(env) if wrapped else env)
