"""What is computed does not hang on how its input lies in memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from gymnasium import spaces  # noqa: E402
from sb3_contrib.common.recurrent.type_aliases import RNNStates  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs.networks.kinds import MEMORIES  # noqa: E402
from meta_envs.networks.memories import make_memory, run, step  # noqa: E402
from meta_envs.training import Agent, RecurrentPolicy  # noqa: E402
from meta_envs.training.presets import preset_of  # noqa: E402
from meta_envs.training.run import Run  # noqa: E402

pytestmark = pytest.mark.bits
NUM = 5
PARTS = [("observation", 9), ("previous_action", 2), ("previous_reward", 1)]


def misaligned(array: np.ndarray) -> np.ndarray:
    """One byte beside where its numbers would lie."""
    memory = np.empty(array.nbytes + 1, np.uint8)
    shifted = memory[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    return shifted


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran": np.asfortranarray,
    "negative": lambda array: array[::-1, ..., ::-1].copy()[::-1, ..., ::-1],
    "every other": lambda array: np.repeat(array, 2, -1)[..., ::2],
    "misaligned": misaligned,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "float64": lambda array: array if array.dtype == np.uint8 else array.astype(np.float64),
}


def in_layout(seen: Any, layout: str) -> Any:
    """The same numbers, elsewhere."""
    return (
        {name: LAYOUTS[layout](part) for name, part in seen.items()}
        if isinstance(seen, dict)
        else LAYOUTS[layout](seen)
    )


def policy_of(kind: str) -> RecurrentPolicy:
    """A policy with a memory, or one that sees images beside."""
    th.manual_seed(0)
    space: Any = spaces.Box(-9, 9, (12,), np.float32)
    network: dict[str, Any] = {"memory": kind, "parts": PARTS}
    if kind == "images":
        space = spaces.Dict({"image": spaces.Box(0, 255, (3, 36, 36), np.uint8), "time": spaces.Box(-9, 9, (3,))})
        network = {"encoder": "places"}
    size = (7, 5) if kind == "stacked" else 7
    return RecurrentPolicy(space, spaces.Discrete(2), lambda _: 1e-3, lstm_hidden_size=size, net_arch=[], **network)


def draw(space: spaces.Space[Any]) -> Any:
    """Observations of some copies."""
    space.seed(1)
    seen = [space.sample() for _ in range(NUM)]
    return (
        {name: np.stack([each[name] for each in seen]) for name in space}
        if isinstance(space, spaces.Dict)
        else np.stack(seen)
    )


def watch(policy: RecurrentPolicy) -> list[bool]:
    """Whether what goes into every layer with weights is contiguous: of this kernels, and last bits, depend."""
    seen: list[bool] = []

    def look(_: Any, given: Any) -> None:
        for part in given:
            seen.extend(each.is_contiguous() for each in (part if isinstance(part, tuple) else (part,)))

    for module in policy.modules():
        if isinstance(module, th.nn.Conv2d | th.nn.RNNBase | th.nn.Linear):
            module.register_forward_pre_hook(look)
    return seen


@pytest.mark.parametrize("kind", [*MEMORIES, "images"])
@pytest.mark.parametrize("layout", [each for each in LAYOUTS if each != "big-endian"])
def test_a_policy_predicts_the_same_from_every_layout(kind: str, layout: str) -> None:
    """Actions and states, to the last bit; every layer sees one layout."""
    policy = policy_of(kind)
    seen = draw(policy.observation_space)
    first = policy.predict(seen, deterministic=True)
    assert np.abs(first[1][0]).max() > 0 or kind == "feedforward"
    for state in (None, first[1]):
        expected = policy.predict(seen, state, deterministic=True)
        given = state and tuple(np.asfortranarray(part) for part in state)
        found = policy.predict(in_layout(seen, layout), given, deterministic=True)
        for one, other in zip((expected[0], *expected[1]), (found[0], *found[1]), strict=True):
            np.testing.assert_array_equal(one, other)
    contiguous = watch(policy)
    policy.predict(in_layout(seen, layout), given, deterministic=True)
    assert contiguous
    assert all(contiguous)


@pytest.mark.parametrize("kind", MEMORIES)
@pytest.mark.parametrize("gradients", [False, True])
def test_memories_compute_the_same_from_every_layout(kind: str, gradients: bool) -> None:
    """Steps and sequences, of features and states as a rollout in NumPy, or a checkpoint, leaves them."""
    memory: Any = make_memory(kind, PARTS, (7, 5) if kind == "stacked" else 7)
    contiguous: list[bool] = []
    memory.register_forward_pre_hook(lambda _, given: contiguous.extend(part.is_contiguous() for part in given[1]))
    features = th.randn(NUM, 12)
    state = tuple(th.randn(1, NUM, memory.hidden_size) for _ in range(2))
    turned = tuple(part.transpose(1, 2).contiguous().transpose(1, 2) for part in state)
    assert not turned[0].is_contiguous()
    with th.set_grad_enabled(gradients):
        for way, copies in ((step, 1), (run, 1), (run, 4)):
            rows = features.repeat_interleave(copies, 0)
            expected = way(rows, state, memory)
            contiguous.clear()
            found = way(rows.t().contiguous().t(), turned, memory)
            assert contiguous
            assert all(contiguous)
            th.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_run_is_the_same_whatever_the_layout_of_its_states() -> None:
    """Where rollouts cut lifetimes, their states go from a rollout into the update, and through a checkpoint."""
    weights = []
    for turn in (False, True):
        settings = {"num_envs": 4, "minibatches": 2, "hidden_size": 9, "unroll": 7, "steps": 140, "evaluations": 0}
        one = Run(id="MetaBandit-Dependent-v0", preset=preset_of("MetaBandit-Dependent-v0", **settings))
        model = one.make_model(one.make_env())
        for steps in (28, 56, 84):
            model.learn(steps - model.num_timesteps, reset_num_timesteps=False)
            states = model._last_lstm_states
            model._last_lstm_states = RNNStates(
                *(tuple(part.contiguous() if turn else part.mT.contiguous().mT for part in pair) for pair in states)
            )
        weights.append(model.policy.state_dict())
    th.testing.assert_close(*weights, rtol=0, atol=0)


@pytest.mark.parametrize("id", ["MetaTwoStep-v0", "MetaHarlow-v0"])
def test_an_agent_acts_the_same_from_every_layout(id: str) -> None:
    """Probabilities, values and hidden states, to the last bit."""
    agent: Agent = meta_envs.load_agent(id)
    family = meta_envs.make_family(id, **agent.card.keywords)
    seen = draw(family.observation_space)
    found: list[Any] = []
    for layout in (None, *LAYOUTS):
        agent.begin(family, NUM, np.random.default_rng(0))
        given = in_layout(seen, layout) if layout else seen
        found.append([*(agent.action_probs(given) for _ in range(2)), agent.values, agent.memory])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
