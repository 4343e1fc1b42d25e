"""What torch exports of a network gives the network's own numbers, at any number of copies."""

import io
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import pytest

th = pytest.importorskip("torch")

from gymnasium import spaces  # noqa: E402

from meta_envs.networks.actor_critic import ActorCritic  # noqa: E402
from meta_envs.networks.kinds import MEMORIES  # noqa: E402

PARTS = [("observation", 3), ("previous_action", 2), ("previous_reward", 1), ("time", 1)]
SENSES = spaces.Dict(
    {
        "image": spaces.Box(0, 255, (3, 12, 12), np.uint8),
        **{name: spaces.Box(-1, 1, (width,), np.float32) for name, width in PARTS[1:]},
    }
)
Numbers = list[th.Tensor]
Network = Callable[..., Any]


def make(memory: str, sees: bool) -> ActorCritic:
    """A small network of two memories, with weights large enough for gates that are open or closed."""
    th.manual_seed(0)
    space: Any = SENSES if sees else spaces.Box(-1, 1, (7,), np.float32)
    size: Any = (6, 4) if memory == "stacked" else 6
    network = ActorCritic(space, 2, parts=PARTS, memory=memory, lstm_hidden_size=size)
    with th.no_grad():
        for weights in network.parameters():
            weights.mul_(4.0)
    return network.eval()


def draw(network: ActorCritic, num: int, sees: bool) -> tuple[Any, Any]:
    """Observations of so many copies, and states that are not zero."""
    generator = th.Generator().manual_seed(num)
    observations: Any = th.randn(num, 7, generator=generator)
    if sees:
        image = th.randint(256, (num, 3, 12, 12), generator=generator).to(th.uint8)
        rest = observations[:, 3:].split([width for _, width in PARTS[1:]], 1)
        observations = {"image": image, **dict(zip(list(SENSES)[1:], rest, strict=True))}
    states = tuple(tuple(th.randn(part.shape, generator=generator) for part in state) for state in network.begin(num))
    return observations, states


def flat(found: Any) -> Numbers:
    """Tensors, however nested."""
    if isinstance(found, th.Tensor):
        return [found]
    return [each for part in (found.values() if isinstance(found, dict) else found) for each in flat(part)]


def copies_of(example: Any, num: Any) -> Any:
    """Of every tensor, which axis counts the copies, and what to call it."""
    return th.utils._pytree.tree_map(lambda part: {1 if part.ndim == 3 else 0: num}, example)


def traced(network: ActorCritic, example: tuple[Any, Any]) -> Network:
    """By TorchScript."""
    return th.jit.trace(network, example)


def exported(network: ActorCritic, example: tuple[Any, Any]) -> Network:
    """By ``torch.export``."""
    return th.export.export(network, example, dynamic_shapes=copies_of(example, th.export.Dim("num"))).module()


def as_onnx(network: ActorCritic, example: tuple[Any, Any], dynamo: bool = False) -> Network:
    """By one of the two exporters to ONNX, played by ONNX Runtime."""
    runtime = pytest.importorskip("onnxruntime")
    names = [f"input_{number}" for number in range(len(flat(example)))]
    if dynamo:
        pytest.importorskip("onnxscript")
        given: dict[str, Any] = {"dynamic_shapes": copies_of(example, th.export.Dim("num"))}
    else:
        given = {"dynamic_axes": dict(zip(names, map(copies_of, flat(example), repeat("num")), strict=True))}
    file = io.BytesIO()
    th.onnx.export(network, example, file, dynamo=dynamo, input_names=names, **given)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])

    def run(*inputs: Any) -> Numbers:
        feed = {name: part.numpy() for name, part in zip(names, flat(inputs), strict=True)}
        return [th.as_tensor(found) for found in session.run(None, feed)]

    return run


CASES = [*((memory, False) for memory in MEMORIES), ("lstm", True)]


@pytest.mark.filterwarnings("ignore")  # of torch about its older ways
@pytest.mark.parametrize(
    ("way", "memory", "sees", "gradients"),
    [
        *((way, *case, gradients) for way in (traced, as_onnx) for case in CASES for gradients in (False, True)),
        *((exported, memory, False, False) for memory in ("lstm", "fast_weights")),
        (partial(as_onnx, dynamo=True), "lstm", False, False),
    ],
)
def test_exported_networks_give_the_same_numbers(way: Any, memory: str, sees: bool, gradients: bool) -> None:
    """Log-odds, values and states, whether gradients were recorded at the export or not."""
    network = make(memory, sees)
    with nullcontext() if gradients else th.no_grad():
        found = way(network, draw(network, 4, sees))
    for num in (4, 3, 1):
        given = draw(network, num, sees)
        with th.no_grad():
            th.testing.assert_close(flat(found(*given)), flat(network(*given)), rtol=1e-4, atol=1e-4)
