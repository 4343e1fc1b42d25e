"""Whatever a network remembers with, policy, buffer and algorithm treat it alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

import gymnasium as gym  # noqa: E402
from gymnasium import spaces  # noqa: E402
from sb3_contrib.common.recurrent.type_aliases import RNNStates  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs.networks.kinds import MEMORIES  # noqa: E402
from meta_envs.networks.memories import has_hooks, make_memory, step  # noqa: E402
from meta_envs.training import RecurrentPolicy, load_agent, train  # noqa: E402
from meta_envs.training.presets import preset_of  # noqa: E402
from meta_envs.training.run import Run  # noqa: E402
from meta_envs.training.settings import CHOICES  # noqa: E402
from meta_envs.wrappers.vector.history import PreviousActionReward  # noqa: E402

PARTS = [("observation", 3), ("previous_action", 2), ("previous_reward", 1), ("time", 1)]
ACTION, REWARD, TIME = slice(3, 5), slice(5, 6), slice(6, 7)
NUM, LENGTH = 4, 6
CASES = [(memory, shared) for memory in MEMORIES for shared in (True, False)]


def make(memory: str, shared: bool = True, **kwargs: Any) -> RecurrentPolicy:
    """A small policy on inputs of `PARTS`."""
    th.manual_seed(0)
    size = (8, 5) if memory == "stacked" else 8
    settings: dict[str, Any] = {"lstm_hidden_size": size, "net_arch": [], "parts": PARTS} | kwargs
    return RecurrentPolicy(
        spaces.Box(-1, 1, (7,)), spaces.Discrete(2), lambda _: 1e-3, memory=memory, shared_memory=shared, **settings
    )


def draw(policy: RecurrentPolicy) -> tuple[th.Tensor, th.Tensor, RNNStates]:
    """Inputs (NUM * LENGTH, 7), actions, and states before the first step that are not zero."""
    generator = th.Generator().manual_seed(1)
    states = [th.randn(1, NUM, policy.lstm_actor.hidden_size, generator=generator) for _ in range(4)]
    obs = th.randn(NUM * LENGTH, 7, generator=generator)
    return obs, th.randint(2, (NUM * LENGTH,), generator=generator), RNNStates(tuple(states[:2]), tuple(states[2:]))


@pytest.mark.parametrize(("memory", "shared"), CASES)
@pytest.mark.parametrize("inside", [False, True])
def test_a_sequence_is_its_steps(memory: str, shared: bool, inside: bool) -> None:
    """Values and log-probabilities of one call are those of step after step, the packed state handed on between."""
    policy = make(memory, shared)
    obs, actions, states = draw(policy)
    starts = th.zeros(NUM, LENGTH)
    starts[0, 0] = 1
    starts[1, 3] = float(inside)
    values, log_probs, _ = policy.evaluate_actions(obs, actions, states, starts.flatten())
    sequences = obs.reshape(NUM, LENGTH, 7)
    for t in range(LENGTH):
        with th.no_grad():
            _, value, _, after = policy(sequences[:, t], states, starts[:, t])
            distribution, _ = policy.get_distribution(sequences[:, t], states.pi, starts[:, t])
        log_prob = distribution.log_prob(actions.reshape(NUM, LENGTH)[:, t])
        th.testing.assert_close(values.reshape(NUM, LENGTH)[:, t], value.squeeze(1))
        th.testing.assert_close(log_probs.reshape(NUM, LENGTH)[:, t], log_prob)
        states = after


@pytest.mark.parametrize(("memory", "shared"), CASES)
def test_all_weights_are_trained_and_only_a_memory_remembers(memory: str, shared: bool) -> None:
    """Both heads' losses reach every weight; an early input changes later outputs, unless the memory is none."""
    policy = make(memory, shared)
    obs, actions, states = draw(policy)
    zeros = RNNStates(*(tuple(th.zeros_like(state) for state in pair) for pair in states))
    obs.requires_grad_()
    values, log_probs, _ = policy.evaluate_actions(obs, actions, zeros, th.zeros(len(obs)))
    (values.sum() + log_probs.sum()).backward(retain_graph=True)
    unused = [name for name, weights in policy.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert not unused
    (later,) = th.autograd.grad(values.reshape(NUM, LENGTH)[:, -1].sum(), obs)
    assert bool(later.reshape(NUM, LENGTH, 7)[:, 0].any()) == (memory != "feedforward")


@pytest.mark.parametrize(
    ("inputs", "first", "second"), [(ACTION, 0, 1), (TIME, 0, 1), (REWARD, 1, 0), (slice(3), 1, 1)]
)
def test_the_stacked_pair_is_wired_as_in_the_paper(inputs: slice, first: int, second: int) -> None:
    """The first sees observation and reward, the second observation, action, time, and the first."""
    stacked: Any = make("stacked").lstm_actor
    base, changed = th.zeros(1, 1, 7), th.zeros(1, 1, 7)
    changed[..., inputs] = 1.0
    states = (th.zeros(1, 1, 13), th.zeros(1, 1, 13))
    with th.no_grad():
        (_, (before, _)), (_, (after, _)) = stacked(base, states), stacked(changed, states)
        assert th.equal(before[..., :8], after[..., :8]) != bool(first)
        stacked.second.weight_ih_l0[:, -8:] = 0.0  # cut off from the first, it shows what it sees itself
        (_, (before, _)), (_, (after, _)) = stacked(base, states), stacked(changed, states)
        assert th.equal(before[..., 8:], after[..., 8:]) != bool(second)


WIDE = [("observation", 3), ("previous_action", 2), ("previous_reward", 2), ("time", 1), ("velocity", 2)]


def test_fast_weights_recall_what_was_done_where_one_saw_the_same() -> None:
    """Beside its input the LSTM sees past actions and their pay, by the cosine to what was observed then, by hand."""
    memory = make_memory("fast_weights", WIDE, 8)
    generator = np.random.default_rng(1)
    sequences = generator.normal(size=(9, 2, 10)).astype(np.float32)
    sequences[::2, :, :3] = np.eye(3)[generator.integers(3, size=(5, 2))]  # every other one a state
    expected = np.zeros((9, 2, 6), np.float32)
    for copy in range(2):
        for t in range(9):
            now = sequences[t, copy, :3] / np.linalg.norm(sequences[t, copy, :3])
            for earlier in range(t):
                then, after = sequences[earlier, copy, :3], sequences[earlier + 1, copy]
                kept = [after[3:5], after[5] * after[3:5], after[6] * after[3:5]]
                expected[t, copy] += now @ then / np.linalg.norm(then) * np.concatenate(kept)
    shown = []
    memory.lstm.register_forward_pre_hook(lambda _, arguments: shown.append(arguments[0][..., 10:]))
    empty = (th.zeros(1, 2, memory.hidden_size), th.zeros(1, 2, memory.hidden_size))
    memory(th.as_tensor(sequences), empty)
    th.testing.assert_close(shown.pop(), th.as_tensor(expected))
    state = empty
    for part in np.split(sequences, [1, 2, 6]):
        _, state = memory(th.as_tensor(part), state)
    th.testing.assert_close(th.cat(shown), th.as_tensor(expected))


def test_fast_weights_count_what_was_done_in_the_states_of_an_mdp() -> None:
    """In lifetimes as agents see them: of each state without the flag, actions taken and their pay since the birth."""
    venv = PreviousActionReward(gym.make_vec("MetaMDP-Tabular-v0", num_envs=4, num_episodes=1))
    memory = make_memory("fast_weights", [("observation", 11), ("previous_action", 5), ("previous_reward", 1)], 8)
    shown = []
    memory.lstm.register_forward_pre_hook(lambda _, arguments: shown.append(arguments[0][0, :, 17:].detach().numpy()))
    state = (th.zeros(1, 4, memory.hidden_size), th.zeros(1, 4, memory.hidden_size))
    observed, _ = venv.reset(seed=2)
    counts, paid = np.zeros((2, 4, 10, 5))
    copies, generator = np.arange(4), np.random.default_rng(0)
    for _ in range(10):
        _, state = memory(th.as_tensor(observed[None, :, :17]), state)
        states = observed[:, :10].argmax(1)
        np.testing.assert_allclose(shown.pop(), np.hstack([counts[copies, states], paid[copies, states]]), atol=1e-5)
        actions = generator.integers(5, size=4)
        observed, rewards, _, _, _ = venv.step(actions)
        counts[copies, states, actions] += 1
        paid[copies, states, actions] += rewards
    assert counts.max() > 1


def test_gradients_go_through_what_fast_weights_recall() -> None:
    """To observations, actions and rewards, also of earlier steps, as differences say; an encoder learns from them."""
    memory = make_memory("fast_weights", WIDE, 3).double()
    generator = th.Generator().manual_seed(1)
    sequences = th.randn(4, 2, 10, dtype=th.float64, generator=generator, requires_grad=True)
    state = th.zeros(1, 2, memory.hidden_size, dtype=th.float64)
    assert th.autograd.gradcheck(lambda inputs: memory(inputs, (state, state))[0], sequences)
    with th.no_grad():
        memory.lstm.weight_ih_l0[:, :10] = 0.0  # nothing but what is recalled
    memory(sequences, (state, state))[0][-1].sum().backward()
    assert sequences.grad is not None
    assert sequences.grad[..., :7].all(-1).tolist() == [[False] * 2] + 3 * [[True] * 2]


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_forget_bias_opens_the_forget_gates_and_nothing_else(memory: str) -> None:
    """Of every LSTM the second quarter of one bias, in torch's order of gates; other memories have no such gate."""
    plain, biased = (make(memory, shared=False, forget_bias=bias) for bias in (0.0, 1.5))
    for (name, before), after in zip(plain.named_parameters(), biased.parameters(), strict=True):
        added = th.zeros_like(before)
        if "bias_ih" in name and memory in ("lstm", "stacked", "fast_weights"):
            added.view(4, -1)[1] = 1.5
        th.testing.assert_close(after - before, added)


@pytest.mark.parametrize("memory", MEMORIES)
def test_runs_learn_with_every_memory_on_flat_inputs(memory: str) -> None:
    """A run's model takes the preset's memory, moves its weights, and predicts as SB3's models do."""
    size = (12, 6) if memory == "stacked" else 12
    settings: dict[str, Any] = {"steps": 3200, "num_envs": 16, "epochs": 1, "memory": memory, "hidden_size": size}
    run = Run(id="MetaBandit-Dependent-v0", preset=preset_of("MetaBandit-Dependent-v0", **settings))
    model = run.make_model(run.make_env())
    before = {name: weights.clone() for name, weights in model.policy.state_dict().items()}
    model.learn(3200)
    assert all(not th.equal(weights, before[name]) for name, weights in model.policy.state_dict().items())
    assert model.rollout_buffer.sequence_length == 100
    action, state = model.predict(np.zeros((2, 5), np.float32))
    again, _ = model.predict(np.zeros((2, 5), np.float32), state, np.array([False, True]))
    assert action.shape == again.shape == (2,)


@pytest.mark.parametrize(
    ("encoder", "memory", "size"),
    [*((encoder, "stacked", (16, 8)) for encoder in CHOICES["encoder"]), ("small", "fast_weights", 8)],
)
def test_images_and_what_goes_with_them_are_learned_from(encoder: str, memory: str, size: Any) -> None:
    """The paper's encoder and stacked LSTMs, and fast weights, take a Dict; its parts go where their names say."""
    settings: dict[str, Any] = {"memory": memory, "hidden_size": size, "num_envs": 2, "minibatches": 2}
    keywords = {"num_trials": 2, "num_decisions": 40}
    run = Run(
        id="MetaHarlow-v0",
        keywords=keywords,
        preset=preset_of("MetaHarlow-v0", steps=100, epochs=1, encoder=encoder, **settings),
    )
    model = run.make_model(run.make_env())
    units = {"small": 64, "places": 16 * 5 * 5, "paper": 256}[encoder]
    assert model.policy.features_extractor.parts == [
        ("image", units),
        ("previous_action", 3),
        ("previous_reward", 1),
        ("time", 1),
    ]
    if memory == "stacked":
        assert len(model.policy.lstm_actor.first_columns) == units + 1
    else:
        assert model.policy.lstm_actor.hidden_size == 8 + units * 3 * 2
    before = {name: weights.clone() for name, weights in model.policy.state_dict().items()}
    model.learn(160)
    assert all(not th.equal(weights, before[name]) for name, weights in model.policy.state_dict().items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": "gruu"}, "memory='gruu' is not possible: give 'lstm' or 'gru' or"),
        ({"memory": "stacked"}, "hidden_size=48 is not possible: give two whole numbers"),
        ({"hidden_size": (4, 4)}, r"hidden_size=\(4, 4\) is not possible: give a whole number"),
        ({"memory": "stacked", "hidden_size": [8, 0]}, r"hidden_size=\(8, 0\) is not possible"),
        ({"memory": "fast_weights", "action": False}, "action=False is not possible: give true, or another memory"),
        ({"encoder": "big"}, "encoder='big' is not possible"),
        ({"optimizer": "sgd"}, "optimizer='sgd' is not possible"),
    ],
)
def test_impossible_networks_are_refused(settings: dict[str, Any], message: str) -> None:
    """In one sentence, before anything is made."""
    with pytest.raises(ValueError, match=message):
        preset_of("MetaBandit-Dependent-v0", **settings)


def test_unknown_memories_and_parts_that_do_not_fit_are_refused() -> None:
    """Also without a preset."""
    with pytest.raises(ValueError, match="memory='lstmm' is not possible"):
        make("lstmm")
    with pytest.raises(ValueError, match="do not add up to the 7 numbers"):
        make("stacked", parts=PARTS[:-1])
    with pytest.raises(ValueError, match=r"The size \(4, 4\) does not fit memory='lstm'"):
        make("lstm", lstm_hidden_size=(4, 4))
    with pytest.raises(ValueError, match="memory='stacked' has to know what is where"):
        make("stacked", parts=None)
    with pytest.raises(ValueError, match="memory='fast_weights' has to know what is where"):
        make("fast_weights", parts=None)
    with pytest.raises(ValueError, match="memory='fast_weights' keeps previous actions, and none is in its input"):
        make("fast_weights", parts=[("observation", 7)])
    with pytest.raises(ValueError, match="n_lstm_layers and lstm_kwargs are of LSTMs"):
        make("gru", n_lstm_layers=2)


def test_fast_weights_without_an_observation_are_an_lstm() -> None:
    """There is nothing to be alike, and nothing is recalled."""
    policy = make("fast_weights", parts=[("previous_action", 6), ("previous_reward", 1)])
    assert policy.lstm_actor.hidden_size == 8
    obs, actions, states = draw(policy)
    shown: list[th.Tensor] = []
    policy.lstm_actor.lstm.register_forward_pre_hook(lambda _, arguments: shown.append(arguments[0][..., 7:]))
    assert policy.evaluate_actions(obs, actions, states, th.zeros(len(obs)))[0].isfinite().all()
    assert shown[0].shape == (LENGTH, NUM, 12)
    assert not shown[0].any()


def input_and_state(lstm: th.nn.LSTM) -> tuple[th.Tensor, tuple[th.Tensor, th.Tensor]]:
    """Of one step, and not zero."""
    generator = th.Generator().manual_seed(1)
    state = [th.randn(lstm.num_layers, NUM, lstm.hidden_size, generator=generator) for _ in range(2)]
    return th.randn(NUM, 3, generator=generator), (state[0], state[1])


@pytest.mark.parametrize("kwargs", [{}, {"num_layers": 2}, {"bias": False}, {"num_layers": 2, "dropout": 0.5}], ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_single_steps_of_lstms_are_as_they_would_be_called(kwargs: dict[str, Any], training: bool) -> None:
    """Output and state; what is dropped is drawn alike, and with a gradient to record it is torch's."""
    lstm = th.nn.LSTM(3, 4, **kwargs).train(training)
    features, state = input_and_state(lstm)
    results = []
    for call in (lambda: step(features, state, lstm), lambda: lstm(features[None], state)):
        th.manual_seed(2)
        with th.no_grad():
            output, after = call()
        results.append([output.reshape(NUM, 4), *after])
    th.testing.assert_close(*results)
    assert step(features, state, lstm)[0].requires_grad


@pytest.mark.parametrize("kind", ["forward_pre_hook", "forward_hook", "full_backward_pre_hook", "full_backward_hook"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_hooks_of_an_lstm_are_called(kind: str, everywhere: bool) -> None:
    """Its own, and those of all modules."""
    lstm, called = th.nn.LSTM(3, 4), []
    features, state = input_and_state(lstm)
    if everywhere:
        register = getattr(th.nn.modules.module, f"register_module_{kind}")
    else:
        register = getattr(lstm, f"register_{kind}")
    handle = register(lambda *_: called.append(kind))
    try:
        assert has_hooks(lstm)
        with th.set_grad_enabled("backward" in kind):
            output, _ = step(features.requires_grad_(), state, lstm)
        if "backward" in kind:
            output.sum().backward()
    finally:
        handle.remove()
    assert kind in called
    assert not has_hooks(lstm)


@th.no_grad()
def test_a_forward_in_the_place_of_an_lstms_own_is_called() -> None:
    """As tools that trace or quantise put one there."""
    lstm = th.nn.LSTM(3, 4)
    features, state = input_and_state(lstm)
    lstm.forward = lambda *_: (th.full((1, NUM, 4), 7.0), state)
    assert (step(features, state, lstm)[0] == 7.0).all()


@th.no_grad()
def test_where_torch_does_not_tell_of_hooks_an_lstm_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that it keeps for itself may go, and agents play on."""
    lstm = th.nn.LSTM(3, 4)
    features, state = input_and_state(lstm)
    expected, _ = step(features, state, lstm)
    calls = []
    monkeypatch.setattr(th.nn.LSTM, "forward", lambda *_: (calls.append(1), (expected[None], state))[1])
    step(features, state, lstm)
    assert not calls
    monkeypatch.delattr(th.nn.modules.module, "_has_any_global_hook")
    assert has_hooks(lstm)
    step(features, state, lstm)
    assert calls == [1]
    monkeypatch.undo()
    monkeypatch.setattr("meta_envs.networks.memories.HOOKS", ("_hooks_of_a_later_torch",))
    assert has_hooks(lstm)
    th.testing.assert_close(step(features, state, lstm)[0], expected)


@th.no_grad()
@pytest.mark.parametrize(("width", "layers", "size"), [(4, 1, 4), (2, 1, 4), (3, 2, 4), (3, 1, 5), (3, 1, 3)])
def test_wrong_shapes_are_refused(width: int, layers: int, size: int) -> None:
    """And not stretched to those that fit."""
    state = (th.zeros(layers, NUM, size),) * 2
    with pytest.raises((RuntimeError, ValueError)):
        step(th.zeros(NUM, width), state, th.nn.LSTM(3, 4))


@th.no_grad()
def test_states_of_other_copies_are_refused() -> None:
    """Where hidden state and cell are not of equally many."""
    with pytest.raises(RuntimeError, match="size"):
        step(th.zeros(NUM, 3), (th.zeros(1, NUM, 4), th.zeros(1, NUM - 1, 4)), th.nn.LSTM(3, 4))


LEAKY = '''
from torch import nn


class Leaky(nn.Module):
    """Forgets a fixed part at every step."""

    num_layers = 1

    def __init__(self, parts, units):
        super().__init__()
        self.input_size, self.hidden_size = sum(width for _, width in parts), units
        self.layer = nn.Linear(self.input_size, units)

    def forward(self, sequences, state):
        outputs, (hidden, unused) = [], state
        for features in sequences:
            hidden = 0.9 * hidden + self.layer(features).tanh()
            outputs.append(hidden[0])
        return __import__("torch").stack(outputs), (hidden, unused)
'''


def test_a_memory_is_one_file_and_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its row in `MEMORIES` it is a setting of presets, is trained, saved, loaded and played."""
    (tmp_path / "leaky_memory.py").write_text(LEAKY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MEMORIES, "leaky", "leaky_memory:Leaky")  # type: ignore[arg-type]
    settings: dict[str, Any] = {"steps": 2000, "num_envs": 8, "hidden_size": 6, "memory": "leaky", "evaluations": 0}
    path = train("MetaTwoStep-v0", directory=tmp_path / "run", progress=False, **settings)
    agent = load_agent(path)
    assert type(agent.policy.lstm_actor).__name__ == "Leaky"
    assert 5 < meta_envs.evaluate(agent, "MetaTwoStep-v0", episodes=50).return_mean + 1 < 11
