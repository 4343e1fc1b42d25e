"""What is done by hand is done for every preset, and for nothing that it was not made for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from gymnasium import spaces  # noqa: E402
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy  # noqa: E402
from stable_baselines3.common.distributions import CategoricalDistribution  # noqa: E402
from stable_baselines3.common.torch_layers import FlattenExtractor  # noqa: E402
from torch import nn  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs.networks import memories  # noqa: E402
from meta_envs.training import RecurrentPolicy  # noqa: E402
from meta_envs.training.ppo.fast.gate import FastPaths, fast_paths  # noqa: E402
from meta_envs.training.presets import KINDS, preset_of  # noqa: E402
from meta_envs.training.run import Run  # noqa: E402

IMAGES = [id for id in meta_envs.ids() if "uint8" in str(meta_envs.make_family(id).observation_space)]
BOX, TWO = spaces.Box(-1, 1, (3,)), spaces.Discrete(2)
PARTS = [("observation", 1), ("previous_action", 2)]


def make(
    space: spaces.Space[Any] = BOX, actions: spaces.Space[Any] = TWO, cls: Any = RecurrentPolicy, **kwargs: Any
) -> Any:
    """A small policy, with two LSTMs by default."""
    return cls(space, actions, lambda _: 1e-3, **{"lstm_hidden_size": 4, "net_arch": [], **kwargs})


def test_presets_of_every_sort_go_through_the_gate() -> None:
    """Ids with images and without, and a preset with fast weights, are among those below."""
    assert 0 < len(IMAGES) < len(meta_envs.ids())
    assert {preset_of(id).memory for id in meta_envs.ids()} >= {"lstm", "fast_weights"}


@pytest.mark.parametrize("id", meta_envs.ids())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [True, False])
def test_the_gate_opens_for_every_preset(id: str, kind: str, shared: bool) -> None:
    """For the loss of all; for steps and for two memories at once, of all but these.

    Those with images step by torch, and so do fast weights; and an encoder of images lies below both memories, so that
    these are not run at once.
    """
    preset = preset_of(id, kind, num_envs=2, minibatches=1, unroll=2, shared_memory=shared)
    run = Run(id=id, preset=preset)
    found = fast_paths(run.make_model(run.make_env()).policy)
    steps = id not in IMAGES and preset.memory != "fast_weights"
    assert found == FastPaths(steps=steps, apart=not shared and id not in IMAGES)


class Scaled(FlattenExtractor):
    """Features that are not the observation."""

    def forward(self, observations: Any) -> Any:
        return 100.0 * super().forward(observations)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"space": spaces.Dict({"a": BOX, "b": spaces.Discrete(3)})},
        {"space": spaces.Box(-1, 1, (3,), np.float64)},
        {"space": spaces.Box(0, 255, (3,), np.uint8)},
        {"space": spaces.Discrete(3)},
        {"n_lstm_layers": 2},
        {"memory": "gru"},
        {"memory": "rnn"},
        {"memory": "feedforward"},
        {"memory": "stacked", "lstm_hidden_size": (4, 3), "parts": PARTS},
        {"memory": "fast_weights", "parts": PARTS},
        {"shared_lstm": True, "enable_critic_lstm": False},
        {"features_extractor_class": Scaled},
    ],
    ids=str,
)
def test_other_networks_step_by_torch(kwargs: dict[str, Any]) -> None:
    """Their loss is differentiated by hand; the steps by hand are not made for them."""
    found = fast_paths(make(**kwargs))
    assert found is not None
    assert not found.steps


class OwnPolicy(RecurrentPolicy):
    """Somebody's, in which anything may be different."""


class OwnLSTM(nn.LSTM):
    """Likewise."""


@pytest.mark.parametrize(
    "kwargs",
    [
        {"net_arch": [7]},
        {"net_arch": {"pi": [], "vf": [7]}},
        {"actions": spaces.Box(-1, 1, (2,))},
        {"actions": spaces.MultiDiscrete([2, 3])},
        {"actions": spaces.MultiBinary(2)},
        {"enable_critic_lstm": False},
        {"n_lstm_layers": 2, "lstm_kwargs": {"dropout": 0.3}},
        {"lstm_kwargs": {"batch_first": True}},
        {"lstm_kwargs": {"bidirectional": True}},
        {"lstm_kwargs": {"proj_size": 2}},
        {"lstm_kwargs": {"bias": False}},
        {"cls": OwnPolicy},
        {"cls": RecurrentActorCriticPolicy},
    ],
    ids=str,
)
def test_the_gate_is_shut_for_other_policies(kwargs: dict[str, Any]) -> None:
    """Layers before the heads, other actions, a value without memory, special LSTMs, classes of others."""
    assert fast_paths(make(**kwargs)) is None


def replace(name: str, module: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Put something made of a part in its place."""
    return lambda policy: setattr(policy, name, module(getattr(policy, name)))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "frozen policy head": lambda policy: policy.action_net.requires_grad_(False),
    "frozen bias of the value": lambda policy: policy.value_net.bias.requires_grad_(False),
    "head without a bias": replace("value_net", lambda _: nn.Linear(4, 1, bias=False)),
    "sequential head": replace("action_net", nn.Sequential),
    "parametrised head": lambda policy: nn.utils.parametrizations.weight_norm(policy.action_net),
    "parametrised memory": lambda policy: nn.utils.parametrizations.weight_norm(policy.lstm_actor, "weight_hh_l0"),
    "memory of another class": replace("lstm_critic", lambda _: OwnLSTM(3, 4)),
    "memory in a wrapper": replace("lstm_actor", nn.Sequential),
    "distribution of stock": lambda policy: setattr(policy, "action_dist", CategoricalDistribution(2)),
    "float64": lambda policy: policy.double(),
    "one head in float16": lambda policy: policy.value_net.half(),
    "another device": lambda policy: policy.to("meta"),
    "a forward of one's own": lambda policy: setattr(policy.lstm_actor, "forward", policy.lstm_actor.forward),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_gate_shuts_where_a_part_is_changed(change: Callable[[Any], Any]) -> None:
    """Whatever was put in the place of what is known by heart."""
    policy = make()
    assert fast_paths(policy) == FastPaths(steps=True, apart=True)
    change(policy)
    assert fast_paths(policy) is None


PLACES = ["", "action_net", "value_net", "lstm_actor", "lstm_critic", "features_extractor", "mlp_extractor"]


@pytest.mark.parametrize("kind", ["forward_pre_hook", "forward_hook", "full_backward_pre_hook", "full_backward_hook"])
@pytest.mark.parametrize("place", [*PLACES, "everywhere"])
def test_the_gate_shuts_where_somebody_listens(place: str, kind: str) -> None:
    """To the policy, to any part of it, or to all modules; and opens again afterwards."""
    policy = make()
    if place == "everywhere":
        register = getattr(nn.modules.module, f"register_module_{kind}")
    else:
        register = getattr(policy.get_submodule(place), f"register_{kind}")
    handle = register(lambda *_: None)
    try:
        assert fast_paths(policy) is None
    finally:
        handle.remove()
    assert fast_paths(policy) is not None


def missing_function(patch: pytest.MonkeyPatch) -> None:
    """That tells of hooks of all modules."""
    patch.delattr(nn.modules.module, "_has_any_global_hook")


def missing_attribute(patch: pytest.MonkeyPatch) -> None:
    """That holds a module's own."""
    patch.setattr(memories, "HOOKS", ("_hooks_by_another_name",))


@pytest.mark.parametrize("take_away", [missing_function, missing_attribute])
def test_without_private_names_of_torch_training_is_slower_and_the_same(
    take_away: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate shuts, and what is learned differs by no more than the order of sums."""
    run = Run(id="MetaTwoStep-v0", preset=preset_of("MetaTwoStep-v0", num_envs=8, minibatches=2, hidden_size=6))
    weights = []
    for there in (True, False):
        if not there:
            take_away(monkeypatch)
        model = run.make_model(run.make_env())
        assert (fast_paths(model.policy) is not None) == there
        model.learn(3 * 8 * 20)
        weights.append(model.policy.state_dict())
    th.testing.assert_close(*weights, rtol=1e-3, atol=1e-4)


def test_without_a_count_of_changes_steps_are_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since a callback's would be missed."""
    policy = make()

    def fail(_: Any) -> int:
        raise AttributeError

    monkeypatch.setattr(nn.Parameter, "_version", property(fail), raising=False)
    assert fast_paths(policy) == FastPaths(steps=False, apart=True)
