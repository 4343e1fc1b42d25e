"""Our recurrent PPO is sb3-contrib's: the same numbers, in less time."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from gymnasium import spaces  # noqa: E402
from sb3_contrib import RecurrentPPO  # noqa: E402
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy  # noqa: E402
from sb3_contrib.common.recurrent.type_aliases import RNNStates  # noqa: E402
from stable_baselines3.common.callbacks import BaseCallback  # noqa: E402
from stable_baselines3.common.torch_layers import FlattenExtractor  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv  # noqa: E402

from meta_envs.networks import memories  # noqa: E402
from meta_envs.training import MetaRecurrentPPO, RecurrentPolicy  # noqa: E402
from meta_envs.training.ppo.fast.by_hand import by_hand  # noqa: E402
from meta_envs.training.ppo.fast.gate import fast_paths  # noqa: E402
from meta_envs.training.ppo.fast.stepper import Stepper  # noqa: E402
from meta_envs.training.ppo.loss import Loss  # noqa: E402

NUM_ENVS, LENGTH = 6, 8
LINEAR: dict[str, Any] = {"policy_kwargs": {"net_arch": []}}
"""Heads that are linear, as in the papers, and so differentiated by hand."""


class Lifetime(gym.Env[Any, Any]):
    """Random observations, rewards that depend on them, and on request early endings, time limits, other spaces."""

    def __init__(self, early: bool = False, truncate: bool = False, as_dict: bool = False, box: bool = False) -> None:
        self.early, self.truncate, self.as_dict = early, truncate, as_dict
        self.flat = spaces.Box(-1, 1, (3,), np.float32)
        self.observation_space = spaces.Dict({"a": self.flat, "b": spaces.Discrete(3)}) if as_dict else self.flat
        self.action_space = spaces.Box(-1, 1, (2,), np.float32) if box else spaces.Discrete(3)

    def observe(self) -> Any:
        self.seen = self.np_random.uniform(-1, 1, 3).astype(np.float32)
        return {"a": self.seen, "b": self.t % 3} if self.as_dict else self.seen

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.t += 1
        reward = float(self.seen[0] > 0) * float(np.sum(action)) + 0.1 * self.t
        over = self.t == LENGTH or (self.early and self.np_random.random() < 0.1)
        return self.observe(), reward, over and not self.truncate, over and self.truncate, {}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks run fastest, and reproducibly, on one thread."""
    threads = th.get_num_threads()
    th.set_num_threads(1)
    yield
    th.set_num_threads(threads)


def learner(cls: type[RecurrentPPO], env: dict[str, bool] | None = None, **kwargs: Any) -> RecurrentPPO:
    """A small learner, ours or stock, on copies of ``Lifetime``."""
    venv = DummyVecEnv([lambda: Lifetime(**(env or {}))] * NUM_ENVS)
    as_dict = isinstance(venv.observation_space, spaces.Dict)
    stock_policy = "MultiInputLstmPolicy" if as_dict else "MlpLstmPolicy"
    policy = RecurrentPolicy if cls is MetaRecurrentPPO else stock_policy
    settings = {"n_steps": 2 * LENGTH, "batch_size": 4 * LENGTH, "n_epochs": 3, "learning_rate": 3e-3, "ent_coef": 0.02}
    policy_kwargs = {"lstm_hidden_size": 12, "net_arch": [7]} | kwargs.pop("policy_kwargs", {})
    return cls(policy, venv, seed=3, device="cpu", policy_kwargs=policy_kwargs, **(settings | kwargs))


def policies(shared: bool = False, layers: int = 1) -> tuple[RecurrentActorCriticPolicy, RecurrentPolicy]:
    """Stock and ours with the same weights, copied there and back."""
    kwargs: dict[str, Any] = {"lstm_hidden_size": 12, "n_lstm_layers": layers, "net_arch": [7]}
    observation_space, action_space = spaces.Box(-1, 1, (3,)), spaces.Discrete(3)
    th.manual_seed(0)
    stock_kwargs = kwargs | ({"shared_lstm": True, "enable_critic_lstm": False} if shared else {})
    stock = RecurrentActorCriticPolicy(observation_space, action_space, lambda _: 1e-3, **stock_kwargs)
    ours = RecurrentPolicy(observation_space, action_space, lambda _: 1e-3, shared_memory=shared, **kwargs)
    ours.load_state_dict(stock.state_dict())
    stock.load_state_dict(ours.state_dict())
    return stock, ours


def minibatch(layers: int, inside: bool) -> tuple[Any, ...]:
    """Sequences that begin with a cleared memory or not, from states that are not zero."""
    generator = th.Generator().manual_seed(1)
    starts = (th.arange(NUM_ENVS)[:, None] % 2 == 0) & (th.arange(LENGTH) == 0)
    if inside:
        starts[1, 3] = starts[2, 5] = starts[2, 6] = True
    obs = th.randn(NUM_ENVS * LENGTH, 3, generator=generator)
    actions = th.randint(3, (NUM_ENVS * LENGTH,), generator=generator)
    states = [th.randn(layers, NUM_ENVS, 12, generator=generator) for _ in range(4)]
    return obs, actions, RNNStates((states[0], states[1]), (states[2], states[3])), starts.float().flatten()


def gradients(policy: RecurrentActorCriticPolicy, outputs: tuple[th.Tensor, ...]) -> dict[str, th.Tensor]:
    """Of a fixed weighted sum of all outputs, by parameter."""
    policy.zero_grad()
    sum((output.flatten() * th.linspace(0.5, 1.5, output.numel())).sum() for output in outputs).backward()
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


def assert_close(ours: Any, stock: Any) -> None:
    """Equal up to what the order of float32 sums explains."""
    th.testing.assert_close(ours, stock, rtol=1e-4, atol=2e-5)


def assert_evaluations_equal(layers: int, inside: bool, process: Callable[..., Any] | None = None) -> None:
    """Compare outputs and gradients of ``evaluate_actions`` with stock's."""
    stock, ours = policies(layers=layers)
    if process is not None:
        ours._process_sequence = process  # type: ignore[method-assign]
    batch = minibatch(layers, inside)
    stock_outputs, outputs = stock.evaluate_actions(*batch), ours.evaluate_actions(*batch)
    assert_close(outputs, stock_outputs)
    assert_close(gradients(ours, outputs), gradients(stock, stock_outputs))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("inside", [False, True])
def test_values_log_probabilities_entropies_and_gradients_equal_stock(layers: int, inside: bool) -> None:
    """One LSTM call over a sequence is the step-by-step loop, also where a start stands inside a sequence."""
    assert_evaluations_equal(layers, inside)


def unmasked(features: Any, states: Any, starts: Any, lstm: Any) -> Any:
    """Ignore every episode start."""
    return RecurrentPolicy._process_sequence(features, states, th.zeros_like(starts), lstm)


def only_first(features: Any, states: Any, starts: Any, lstm: Any) -> Any:
    """Ignore episode starts inside a sequence."""
    first = starts.reshape(NUM_ENVS, -1).clone()
    first[:, 1:] = 0
    return RecurrentPolicy._process_sequence(features, states, first.flatten(), lstm)


@pytest.mark.parametrize(("broken", "inside"), [(unmasked, False), (only_first, True)])
def test_a_memory_that_is_not_cleared_is_noticed(broken: Callable[..., Any], inside: bool) -> None:
    """The comparison has teeth: it fails if a start is overlooked, at the edge of a sequence or inside."""
    with pytest.raises(AssertionError):
        assert_evaluations_equal(1, inside, broken)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_single_steps_equal_stock(layers: int, shared: bool) -> None:
    """Acting, valuing and predicting give stock's numbers, states included, and draw the same actions."""
    stock, ours = policies(shared, layers)
    obs, _, states, starts = minibatch(layers, False)
    obs, starts = obs[:NUM_ENVS], starts[::LENGTH]
    results = []
    for policy in (stock, ours):
        th.manual_seed(5)
        with th.no_grad():
            acted = policy(obs, states, starts)
            valued = policy.predict_values(obs, states.vf, starts)
        predicted = policy.predict(obs.numpy(), None, starts.numpy() > 0, deterministic=True)
        again = policy.predict(obs.numpy(), predicted[1], None)
        results.append((tuple(acted), valued, predicted, again))
    assert_close(results[1], results[0])


@pytest.mark.parametrize("inside", [False, True])
def test_shared_memory_is_trained_by_both_heads(inside: bool) -> None:
    """With one LSTM, outputs and gradients are those of a network written by hand, not stock's detached ones."""
    stock, ours = policies(shared=True, layers=2)
    obs, actions, states, starts = minibatch(2, inside)
    sequences, cleared = obs.reshape(NUM_ENVS, LENGTH, 3), starts.reshape(NUM_ENVS, LENGTH)
    outputs = []
    for one in range(NUM_ENVS):
        hidden, cell = (state[:, one] for state in states.pi)
        for t in range(LENGTH):
            keep = 1 - cleared[one, t]
            output, (hidden, cell) = stock.lstm_actor(sequences[one, t : t + 1], (keep * hidden, keep * cell))
            outputs.append(output)
    latent = th.cat(outputs)
    values = stock.value_net(stock.mlp_extractor.value_net(latent))
    log_probs = th.log_softmax(stock.action_net(stock.mlp_extractor.policy_net(latent)), -1)
    reference = (values, log_probs[th.arange(len(actions)), actions], -(log_probs.exp() * log_probs).sum(-1))
    evaluated = ours.evaluate_actions(obs, actions, states, starts)
    assert_close(evaluated, reference)
    expected = gradients(stock, reference)
    assert_close(gradients(ours, evaluated), expected)
    detached = gradients(stock, stock.evaluate_actions(obs, actions, states, starts))
    with pytest.raises(AssertionError):
        assert_close(detached, expected)


class Encoder(FlattenExtractor):
    """With weights of its own."""

    def __init__(self, space: spaces.Box) -> None:
        super().__init__(space)
        self.layer = th.nn.Linear(self.features_dim, self.features_dim)

    def forward(self, observations: th.Tensor) -> th.Tensor:
        return self.layer(super().forward(observations)).tanh()


def gradients_of_loss(model: MetaRecurrentPPO, samples: Any, way: Any, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """What is logged of a minibatch's loss, and its gradients, by hand or by torch."""
    known = {"clip_range": 0.1, "clip_range_vf": None, "ent_coef": 0.3, "vf_coef": 0.7, "normalize_advantage": True}
    loss = Loss(**(known | settings))
    mask = None if model.rollout_buffer.sequence_length else samples.mask > 0
    model.policy.zero_grad()
    numbers, backward = way(loss, model.policy, samples, mask)
    backward()
    found = {
        name: weights.grad.clone() for name, weights in model.policy.named_parameters() if weights.grad is not None
    }
    return th.tensor(list(numbers.values())), found


@pytest.mark.parametrize("settings", [{}, {"clip_range_vf": 0.02, "normalize_advantage": False}], ids=str)
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(
    "network",
    [
        {},
        {"shared_memory": True},
        {"shared_memory": True, "memory": "gru"},
        {"shared_memory": True, "memory": "stacked", "lstm_hidden_size": (6, 4), "parts": [("observation", 3)]},
        {"shared_memory": True, "memory": "fast_weights", "parts": [("observation", 2), ("previous_action", 1)]},
    ],
    ids=str,
)
def test_the_loss_by_hand_is_that_of_torch(network: dict[str, Any], early: bool, settings: dict[str, Any]) -> None:
    """Every number and every gradient, far from the policy of the rollout, so that ratios are clipped."""
    model = learner(MetaRecurrentPPO, {"early": early}, policy_kwargs={"net_arch": [], **network})
    run(model, 2)
    for weights in model.policy.parameters():
        weights.data += 0.3 * th.randn(weights.shape, generator=th.Generator().manual_seed(weights.numel()))
    assert fast_paths(model.policy)
    (samples,) = model.rollout_buffer.get(None)
    numbers, found = gradients_of_loss(model, samples, by_hand, **settings)
    assert numbers[-1] > 0.05
    expected, by_torch = gradients_of_loss(model, samples, Loss.by_torch, **settings)
    assert_close((numbers, found), (expected, by_torch))
    _, others = gradients_of_loss(model, samples, Loss.by_torch, **settings | {"ent_coef": 0.29})
    with pytest.raises(AssertionError):
        assert_close(found, others)


ENCODERS: dict[str, Any] = {"features_extractor_class": Encoder}
DROPOUT: dict[str, Any] = {"n_lstm_layers": 2, "lstm_kwargs": {"dropout": 0.3}}


@pytest.mark.parametrize(
    ("network", "frozen", "separate"),
    [
        ({}, False, True),
        ({"share_features_extractor": False}, False, True),
        ({"memory": "gru"}, False, True),
        ({"shared_memory": True}, False, False),
        (ENCODERS, False, False),
        (ENCODERS, True, True),
        (ENCODERS | {"share_features_extractor": False}, False, False),
        (DROPOUT, False, False),
    ],
    ids=str,
)
@pytest.mark.bits
@pytest.mark.parametrize("early", [False, True])
def test_two_memories_at_once_learn_the_same(
    network: dict[str, Any], frozen: bool, separate: bool, early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two cores as on one, bit for bit; at once only where they draw nothing, and nothing is trained below them."""
    weights = []
    for cores in (1, 2):
        there, back = set(), set()
        monkeypatch.setattr("meta_envs.training.process.num_cores", lambda cores=cores: cores)
        model = learner(MetaRecurrentPPO, {"early": early}, policy_kwargs={"net_arch": [], **network})
        model.policy.features_extractor.requires_grad_(not frozen)
        monkeypatch.setattr(
            "meta_envs.training.ppo.fast.by_hand.run",
            lambda *arguments, there=there: (there.add(threading.current_thread()), memories.run(*arguments))[1],
        )
        memory = model.policy.lstm_critic or model.policy.lstm_actor
        memory.weight_hh_l0.register_hook(lambda _, back=back: back.add(threading.current_thread()))
        run(model)
        weights.append(model.policy.state_dict())
        for threads in (there, back):
            assert any(thread is not threading.main_thread() for thread in threads) == (separate and cores == 2)
    th.testing.assert_close(*weights, rtol=0, atol=0)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 255, (8, 8, 3), np.uint8),
        spaces.Box(0, 255, (3,), np.uint8),
        spaces.Box(-1, 1, (3,), np.float64),
        spaces.Discrete(4),
    ],
    ids=str,
)
def test_observations_of_other_kinds_are_prepared_by_stock(space: Any) -> None:
    """Images are scaled, and what is discrete becomes one-hot."""
    kwargs: dict[str, Any] = {"lstm_hidden_size": 5, "net_arch": [], "features_extractor_class": FlattenExtractor}
    stock = RecurrentActorCriticPolicy(space, spaces.Discrete(3), lambda _: 1e-3, **kwargs)
    ours = RecurrentPolicy(space, spaces.Discrete(3), lambda _: 1e-3, **kwargs)
    ours.load_state_dict(stock.state_dict())
    obs = th.as_tensor(np.stack([space.sample() for _ in range(4)]))
    states = RNNStates(*(tuple(th.zeros(1, 4, 5) for _ in range(2)) for _ in range(2)))
    arguments = obs, th.zeros(4), states, th.ones(4)
    assert_close(ours.evaluate_actions(*arguments), stock.evaluate_actions(*arguments))


def test_a_policy_of_ones_own_may_see_something_else() -> None:
    """What it does to observations is not passed over."""

    class Blind(RecurrentPolicy):
        def extract_features(self, obs: Any, *args: Any) -> Any:
            return 0 * super().extract_features(obs, *args)

    blind = Blind(spaces.Box(-1, 1, (3,)), spaces.Discrete(3), lambda _: 1e-3, lstm_hidden_size=5, net_arch=[])
    states = RNNStates(*(tuple(th.zeros(1, 2, 5) for _ in range(2)) for _ in range(2)))
    values, *_ = blind.evaluate_actions(th.tensor([[1.0, 0.5, 0.0], [0.0, -1.0, 1.0]]), th.zeros(2), states, th.ones(2))
    assert values[0] == values[1]


def test_observations_of_another_shape_are_refused() -> None:
    """They are not read in another order."""
    buffer = learner(MetaRecurrentPPO).rollout_buffer
    zeros = np.zeros(NUM_ENVS)
    for shape in ((3, NUM_ENVS), (NUM_ENVS, 1, 4), (NUM_ENVS + 1, 3)):
        with pytest.raises(ValueError, match="broadcast"):
            buffer.add(np.zeros(shape), zeros, zeros, zeros, th.zeros(NUM_ENVS), th.zeros(NUM_ENVS), lstm_states=None)


def test_other_heads_are_differentiated_by_torch() -> None:
    """Weights that are computed from others, and heads that are no linear layer, are trained as ever."""
    for change in (th.nn.utils.parametrizations.weight_norm, th.nn.Sequential):
        model = learner(MetaRecurrentPPO, **LINEAR)
        model.policy.action_net = change(model.policy.action_net)
        model.policy.optimizer = th.optim.Adam(model.policy.parameters(), lr=1e-2)
        before = [weights.clone() for weights in model.policy.action_net.parameters()]
        run(model, 1)
        changed = zip(before, model.policy.action_net.parameters(), strict=True)
        assert not any(th.equal(old, new) for old, new in changed)


def test_weights_of_the_loss_may_be_numpy_numbers() -> None:
    """As a sweep draws them: the same weights are learned as with Python's."""
    drawn, plain = (
        learner(MetaRecurrentPPO, vf_coef=number(0.5), ent_coef=number(0.02), **LINEAR)
        for number in (np.float64, float)
    )
    assert_same_learning(drawn, plain)


def test_what_is_frozen_stays() -> None:
    """Heads that are not to be trained are not, and all else is."""
    model = learner(MetaRecurrentPPO, **LINEAR)
    for weights in model.policy.action_net.parameters():
        weights.requires_grad = False
    before = {name: weights.clone() for name, weights in model.policy.state_dict().items()}
    run(model, 1)
    changed = {name for name, weights in model.policy.state_dict().items() if not th.equal(weights, before[name])}
    assert changed == {name for name in before if not name.startswith("action_net")}


@pytest.mark.parametrize("shared", [False, True])
def test_single_steps_by_hand_are_those_of_the_policy(shared: bool) -> None:
    """The same actions are drawn, with the same values, log-probabilities and states; starts clear the memory."""
    model = learner(MetaRecurrentPPO, policy_kwargs={"net_arch": [], "shared_memory": shared, "forget_bias": 1.0})
    assert fast_paths(model.policy).steps
    obs, _, states, starts = minibatch(1, False)
    results = []
    for act in (Stepper(model.policy, NUM_ENVS), model.policy):
        th.manual_seed(5)
        with th.inference_mode():
            first = act(obs[:NUM_ENVS].double(), states, starts[::LENGTH])
            results.append((*first, *act(obs[-NUM_ENVS:], first[-1], th.zeros(NUM_ENVS))))
    assert_close(*results)


def test_weights_that_a_callback_changes_are_used_at_once() -> None:
    """Also in the middle of a rollout."""
    models = [learner(MetaRecurrentPPO, **LINEAR) for _ in range(2)]
    actor, other = (Stepper(model.policy, NUM_ENVS) for model in models)
    for weights in models[1].policy.parameters():
        weights.data += 0.1
    arguments = th.ones(NUM_ENVS, 3), models[0]._last_lstm_states, th.zeros(NUM_ENVS)
    before, expected = actor(*arguments)[1], other(*arguments)[1]
    models[0].policy.load_state_dict(models[1].policy.state_dict())
    assert not th.allclose(before, expected)
    assert_close(actor(*arguments)[1], expected)


def test_callbacks_find_the_variables_of_stock() -> None:
    """All of those that stock's rollout has, by the same names."""

    def names(model: RecurrentPPO) -> set[str]:
        found: set[str] = set()
        model.learn(1, callback=lambda variables, _: bool(found.update(variables) or True))
        return found - {"idx", "done_", "terminal_obs", "terminal_value", "terminal_lstm_state"}

    assert names(learner(MetaRecurrentPPO, **LINEAR)) >= names(learner(RecurrentPPO, **LINEAR))


def test_hooks_of_memories_are_called() -> None:
    """At every step and in every minibatch; and what a hook gives in the place of the output is used."""
    model = learner(MetaRecurrentPPO, policy_kwargs={"net_arch": [], "shared_memory": True})
    lengths: list[int] = []

    def silence(_: Any, arguments: Any, result: Any) -> Any:
        lengths.append(len(arguments[0]))
        return 0.0 * result[0], result[1]

    model.policy.lstm_actor.register_forward_hook(silence)
    assert not fast_paths(model.policy)
    before = model.policy.lstm_actor.weight_hh_l0.clone()
    run(model, 1)
    assert lengths.count(1) >= model.n_steps
    assert len(lengths) > model.n_steps + 1
    assert th.equal(model.policy.lstm_actor.weight_hh_l0, before)


@pytest.mark.parametrize("part", ["action_net", "value_net"])
def test_hooks_of_heads_are_called(part: str) -> None:
    """In rollouts and in updates."""
    model, modes = learner(MetaRecurrentPPO, **LINEAR), set()
    head = getattr(model.policy, part)
    head.register_forward_hook(lambda *_: modes.add(model.policy.training))
    run(model, 1)
    assert modes == {False, True}


def test_hooks_of_the_policy_are_called() -> None:
    """At every step."""
    model, called = learner(MetaRecurrentPPO, **LINEAR), []
    model.policy.register_forward_hook(lambda *_: called.append(1))
    run(model, 1)
    assert len(called) == model.n_steps


def run(model: RecurrentPPO, rollouts: int = 3) -> None:
    """Train from the same random state."""
    model.set_random_seed(3)
    model.learn(rollouts * model.n_steps * NUM_ENVS)


def assert_same_learning(ours: RecurrentPPO, stock: RecurrentPPO) -> None:
    """Train both from the same weights and compare weights and logs."""
    initial = {name: value.clone() for name, value in stock.policy.state_dict().items()}
    ours.policy.load_state_dict(initial)
    run(stock)
    run(ours)
    assert ours._n_updates == stock._n_updates
    assert_close(ours.policy.state_dict(), stock.policy.state_dict())
    assert any(not th.allclose(value, initial[name], atol=1e-3) for name, value in ours.policy.state_dict().items())
    logged, expected = ours.logger.name_to_value, stock.logger.name_to_value
    for name in (name for name in expected if name.startswith("train/")):
        assert logged[name] == pytest.approx(expected[name], rel=2e-3, abs=2e-5), name


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"env": {"truncate": True}},
        {"env": {"as_dict": True}},
        {"env": {"box": True}},
        {"env": {"box": True}, "use_sde": True, "sde_sample_freq": 4},
        {"policy_kwargs": {"n_lstm_layers": 2}},
        {"clip_range_vf": 0.2, "normalize_advantage": False},
        {"target_kl": 1e-3},
        {"n_steps": 13},
        {"env": {"early": True}},
        {"env": {"early": True, "truncate": True, "as_dict": True}},
        {"batch_size": 3 * LENGTH + 1},
        LINEAR,
        LINEAR | {"env": {"truncate": True}},
        LINEAR | {"env": {"as_dict": True}},
        LINEAR | {"clip_range_vf": 0.2, "normalize_advantage": False},
        LINEAR | {"target_kl": 1e-3},
        {"policy_kwargs": {"share_features_extractor": False}},
        LINEAR | {"n_steps": 13},
        LINEAR | {"env": {"early": True, "truncate": True}},
        {"policy_kwargs": {"net_arch": [], "shared_lstm": True, "enable_critic_lstm": False}},
        {"policy_kwargs": {"net_arch": [], "enable_critic_lstm": False}},
    ],
    ids=str,
)
def test_learning_from_the_same_minibatches_equals_stock(kwargs: dict[str, Any]) -> None:
    """Given our minibatches, padded where lifetimes are cut or end early, stock ends at our parameters and logs."""
    ours, stock = learner(MetaRecurrentPPO, **kwargs), learner(RecurrentPPO, **kwargs)
    stock.rollout_buffer = learner(MetaRecurrentPPO, **kwargs).rollout_buffer
    assert_same_learning(ours, stock)
    aligned = "n_steps" not in kwargs and not kwargs.get("env", {}).get("early")
    assert ours.rollout_buffer.sequence_length == (LENGTH if aligned else None)


@pytest.mark.parametrize(
    ("n_steps", "env"), [(2 * LENGTH, {}), (LENGTH // 2, {}), (13, {}), (2 * LENGTH, {"early": True})], ids=str
)
def test_learning_from_the_whole_rollout_equals_stock(
    n_steps: int, env: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stock untouched, except for where it would cut a lifetime in two; wherever lifetimes begin and end."""
    monkeypatch.setattr(np.random, "randint", lambda *_: 0)
    kwargs: dict[str, Any] = {"n_steps": n_steps, "batch_size": n_steps * NUM_ENVS, "env": env}
    assert_same_learning(learner(MetaRecurrentPPO, **kwargs), learner(RecurrentPPO, **kwargs))


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("n_steps", [3 * LENGTH, LENGTH // 2, 13])
def test_minibatches_hold_the_rollout_as_stock_does(
    as_dict: bool, n_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their original order our sequences are stock's, field by field, but for what is in the padding."""
    kwargs = {"n_steps": n_steps, "batch_size": n_steps * NUM_ENVS, "n_epochs": 1, "learning_rate": 0.0}
    models = [learner(cls, {"as_dict": as_dict}, **kwargs) for cls in (MetaRecurrentPPO, RecurrentPPO)]
    models[0].policy.load_state_dict(models[1].policy.state_dict())
    for model in models:
        run(model, 2)
    monkeypatch.setattr(np.random, "randint", lambda *_: 0)
    monkeypatch.setattr(np.random, "permutation", np.arange)
    (ours,), (stock,) = (list(model.rollout_buffer.get(None)) for model in models)
    assert_close(ours.mask, stock.mask)
    for name in ("actions", "old_values", "old_log_prob", "advantages", "returns", "episode_starts"):
        assert_close(getattr(ours, name)[ours.mask > 0], getattr(stock, name)[ours.mask > 0])
    for key in ours.observations if as_dict else [...]:
        assert_close(ours.observations[key][ours.mask > 0], stock.observations[key][ours.mask > 0])
    keep = 1 - stock.episode_starts.reshape(stock.lstm_states.pi[0].shape[1], -1)[:, :1]
    ours_states, stock_states = ([keep * s for pair in batch.lstm_states for s in pair] for batch in (ours, stock))
    assert_close(ours_states, stock_states)


@pytest.mark.parametrize("kwargs", [{}, {"n_steps": 13}, {"env": {"early": True}}], ids=str)
@pytest.mark.parametrize("batch_size", [1, LENGTH, 4 * LENGTH + 3, None])
def test_every_step_is_handed_out_once(kwargs: dict[str, Any], batch_size: int | None) -> None:
    """Shuffled, in whole sequences, with minibatches as long as asked for, give or take half a sequence at each end."""
    model = learner(MetaRecurrentPPO, **kwargs)
    run(model, 1)
    minibatches = list(model.rollout_buffer.get(batch_size))
    found = th.cat([batch.returns[batch.mask > 0] for batch in minibatches])
    everything = th.as_tensor(model.rollout_buffer.returns.ravel())
    assert not th.equal(found, everything)
    assert sorted(found.tolist()) == sorted(everything.tolist())
    num_sequences = int((model.rollout_buffer.episode_starts > 0).sum() + NUM_ENVS * ("n_steps" in kwargs))
    num = min(round(len(everything) / (batch_size or len(everything))), num_sequences)
    if not kwargs:
        assert len(minibatches) == num
    for batch in minibatches:
        sequences = batch.mask.reshape(batch.lstm_states.pi[0].shape[1], -1)
        assert sequences.sum() <= len(everything) / num + LENGTH
        assert not batch.episode_starts.reshape(len(sequences), -1)[:, 1:].any()


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_observed_in_padding_is_not_looked_at(shared: bool) -> None:
    """So encoders of images have half of the work; values, log-probabilities, entropies and gradients are the same."""
    _, ours = policies(shared)
    obs, actions, states, starts = minibatch(1, False)
    mask = th.ones(NUM_ENVS, LENGTH, dtype=th.bool)
    mask[1, 3:] = mask[2, 1:] = False
    mask = mask.flatten()
    outputs = [part.flatten()[mask] for part in ours.evaluate_actions(obs, actions, states, starts)]
    expected = gradients(ours, tuple(outputs))
    obs[~mask] = th.nan
    looked = [part.flatten()[mask] for part in ours.evaluate_actions(obs, actions, states, starts, mask)]
    assert_close(looked, outputs)
    assert_close(gradients(ours, tuple(looked)), expected)


def test_recurrent_states_are_kept_for_the_first_step_alone() -> None:
    """Stock keeps four arrays of them for every step."""
    ours, stock = learner(MetaRecurrentPPO), learner(RecurrentPPO)
    names = [name for name in vars(stock.rollout_buffer) if "_states_" in name]
    assert len(names) == 4
    assert not [name for name in names if hasattr(ours.rollout_buffer, name)]
    run(ours, 1)
    assert all(state.shape == (1, NUM_ENVS, 12) for pair in ours.rollout_buffer.initial_states for state in pair)


@pytest.mark.parametrize(
    ("n_steps", "env"), [(2 * LENGTH, {"truncate": True}), (13, {}), (LENGTH // 2, {}), (20, {"early": True})], ids=str
)
def test_return_of_lifetimes_is_logged(n_steps: int, env: dict[str, bool]) -> None:
    """The mean undiscounted return of those that ended in the rollout, without what a time limit adds to a reward."""
    model = learner(MetaRecurrentPPO, env, n_steps=n_steps, batch_size=n_steps * NUM_ENVS)
    returns, ended = np.zeros(NUM_ENVS), []

    class Follow(BaseCallback):
        def _on_step(self) -> bool:
            nonlocal returns
            returns = returns + self.locals["rewards"]
            ended.extend(returns[self.locals["dones"]])
            returns[self.locals["dones"]] = 0.0
            return True

        def _on_rollout_end(self) -> None:
            expected = pytest.approx(np.mean(ended), rel=1e-5) if ended else None
            assert self.logger.name_to_value.get("rollout/lifetime_return_mean") == expected
            ended.clear()

    model.learn(4 * n_steps * NUM_ENVS, log_interval=1, callback=Follow())


def test_entropy_coefficient_may_be_a_schedule() -> None:
    """A function of the progress remaining acts as the number it returns."""
    fixed, scheduled = (
        learner(MetaRecurrentPPO, ent_coef=0.3),
        learner(MetaRecurrentPPO, ent_coef=lambda left: 0.3 + 0 * left),
    )
    assert_same_learning(scheduled, fixed)
    assert scheduled.logger.name_to_value["train/ent_coef"] == 0.3


def test_arguments_may_come_in_the_order_of_stock() -> None:
    """The entropy's weight is the twelfth, the discount the seventh."""
    venv = DummyVecEnv([Lifetime] * NUM_ENVS)
    given = (3e-3, 2 * LENGTH, 4 * LENGTH, 3, lambda left: 0.9 * left, 0.95, 0.2, None, True, 0.02)
    model = MetaRecurrentPPO(RecurrentPolicy, venv, *given, device="cpu")
    assert (model.gamma, model.ent_coef, model.n_epochs) == (0.9, 0.02, 3)


def test_the_discount_may_be_a_schedule() -> None:
    """A constant function acts as its number; another one gives each rollout the discount of its beginning."""
    scheduled = learner(MetaRecurrentPPO, gamma=lambda left: 0.8 + 0 * left)
    assert_same_learning(scheduled, learner(MetaRecurrentPPO, gamma=0.8))
    found = []
    falling = learner(MetaRecurrentPPO, gamma=lambda left: 0.5 + 0.4 * left)
    rollout = falling.n_steps * NUM_ENVS
    falling.learn(2 * rollout, callback=lambda *_: bool(found.append(falling.rollout_buffer.gamma) or True))
    assert found == pytest.approx([0.9] * falling.n_steps + [0.7] * falling.n_steps)


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    """Before it can spoil the weights."""
    model = learner(MetaRecurrentPPO)
    run(model, 1)
    weights = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.rollout_buffer.reset()
    model.collect_rollouts(model.env, model._init_callback(None), model.rollout_buffer, model.n_steps)
    model.rollout_buffer.returns[3, 2] = np.nan
    model.batch_size = model.n_steps * NUM_ENVS
    with pytest.raises(FloatingPointError, match="minibatch 0 of update 4"):
        model.train()
    assert_close(model.policy.state_dict(), weights)


PARTS = [("observation", 2), ("time", 1)]
STACKED: dict[str, Any] = {"memory": "stacked", "lstm_hidden_size": (6, 4), "parts": PARTS}
FAST_WEIGHTS: dict[str, Any] = {"memory": "fast_weights", "parts": [("observation", 1), ("previous_action", 2)]}


@pytest.mark.parametrize("memory", [{}, {"memory": "gru"}, STACKED, FAST_WEIGHTS], ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_saved_models_and_policies_come_back(memory: dict[str, Any], shared: bool, tmp_path: Any) -> None:
    """Through SB3's own save and load, schedules included, and the policy alone through its own."""
    kwargs: dict[str, Any] = {"gamma": lambda left: 0.9 - 0.1 * left, "ent_coef": lambda left: 0.1 * left}
    model = learner(MetaRecurrentPPO, policy_kwargs={"shared_memory": shared, **memory}, **kwargs)
    run(model, 1)
    model.save(tmp_path / "model")
    model.policy.save(tmp_path / "policy")
    loaded = MetaRecurrentPPO.load(tmp_path / "model", env=model.env, device="cpu")
    assert_close(loaded.policy.state_dict(), model.policy.state_dict())
    assert loaded.policy.shared_memory == shared
    run(loaded, 1)
    policy = RecurrentPolicy.load(tmp_path / "policy", device="cpu")
    obs = np.ones((2, 3), np.float32)
    assert_close(policy.predict(obs, deterministic=True), model.policy.predict(obs, deterministic=True))
