"""Recurrent networks that are called alike: sequences and a state of two tensors in, outputs and a state out.

So a policy, a rollout buffer and an algorithm that were written for ``nn.LSTM`` need not know which one it is. Whatever
a network remembers is packed into the pair of tensors (num_layers, S, hidden_size) that sb3-contrib keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import torch as th
from gymnasium.envs.registration import load_env_creator
from torch import nn

from meta_envs.networks.kinds import MEMORIES

State: TypeAlias = tuple[th.Tensor, th.Tensor]
Parts: TypeAlias = Sequence[tuple[str, int]]
"""Name and width of each part of an input, in order."""

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
"""Attributes of a module: what is called when it is."""


def make_lstm(parts: Parts, units: int) -> nn.LSTM:
    """Long short-term memory (Hochreiter & Schmidhuber 1997), as torch has it."""
    return nn.LSTM(_width(parts), units)


class GRU(nn.GRU):
    """Gated recurrent unit (Cho et al. 2014); the second tensor of its state stays as it is."""

    def __init__(self, parts: Parts, units: int) -> None:
        super().__init__(_width(parts), units)

    def forward(self, sequences: th.Tensor, state: State) -> tuple[th.Tensor, State]:  # type: ignore[override]
        """Outputs (L, S, H) and the state after sequences (L, S, F)."""
        output, hidden = super().forward(sequences, state[0])
        return output, (hidden, state[1])


class RNN(nn.RNN):
    """Vanilla recurrent network (Elman 1990) with tanh; the second tensor of its state stays as it is."""

    def __init__(self, parts: Parts, units: int) -> None:
        super().__init__(_width(parts), units)

    def forward(self, sequences: th.Tensor, state: State) -> tuple[th.Tensor, State]:  # type: ignore[override]
        """Outputs (L, S, H) and the state after sequences (L, S, F)."""
        output, hidden = super().forward(sequences, state[0])
        return output, (hidden, state[1])


class Feedforward(nn.Module):
    """No memory, the control of the paper's navigation experiment: one tanh layer, which reads no state.

    What it puts into the first tensor of the state are its newest outputs; the second one stays as it is.
    """

    num_layers = 1

    def __init__(self, parts: Parts, units: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = _width(parts), units
        self.layer = nn.Linear(self.input_size, units)

    def forward(self, sequences: th.Tensor, state: State) -> tuple[th.Tensor, State]:
        """Outputs (L, S, H) of sequences (L, S, F), and the state."""
        output = self.layer(sequences).tanh()
        return output, (output[-1:].detach(), state[1])


class StackedLSTM(nn.Module):
    """The pair of LSTMs of the paper's figure 1c and of Mirowski et al. 2016 (arXiv 1611.03673).

    The first sees the observation and the previous reward; the second the observation, what the first gives out, and
    everything else: previous action, velocity, time. Policy and value are of the second. Their states are packed side
    by side, the first one's before the second one's.

    Args:
        parts: Name and width of each part of the input, in order; ``previous_reward`` is one of them, and all that
            is neither of `BESIDE` is the observation.
        hidden_sizes: Units of the first and of the second.
    """

    num_layers = 1
    num_sizes = 2

    def __init__(self, parts: Parts, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        columns = _find_columns(parts)
        self.input_size = _width(parts)
        self.first_columns = columns["observation"] + columns["previous_reward"]
        self.second_columns = columns["observation"] + sorted(columns["previous_action"] + columns["beside"])
        self.sizes = list(hidden_sizes)
        self.hidden_size = sum(hidden_sizes)
        self.first = nn.LSTM(len(self.first_columns), hidden_sizes[0])
        self.second = nn.LSTM(len(self.second_columns) + hidden_sizes[0], hidden_sizes[1])

    def forward(self, sequences: th.Tensor, state: State) -> tuple[th.Tensor, State]:
        """Outputs (L, S, H2) and the state (1, S, H1 + H2) after sequences (L, S, F)."""
        (first_hidden, second_hidden), (first_cell, second_cell) = (
            [part.contiguous() for part in tensor.split(self.sizes, -1)] for tensor in state
        )
        middle, first = self.first(sequences[..., self.first_columns], (first_hidden, first_cell))
        seen = th.cat((sequences[..., self.second_columns], middle), -1)
        output, second = self.second(seen, (second_hidden, second_cell))
        hidden, cell = (th.cat(pair, -1) for pair in zip(first, second, strict=True))
        return output, (hidden, cell)


class FastWeightLSTM(nn.Module):
    """An LSTM that is reminded of what it did, and what it got, where it saw the same as now.

    Beside the LSTM stands an associative memory, a matrix of fast weights: with what was observed ``x_t``, scaled to
    unit length, the action ``a_t`` and its reward ``r_t`` (more than one number if it is shown one-hot),
    ``W_t = W_{t-1} + outer(x_{t-1}, (a_{t-1}, a_{t-1} r_{t-1}))`` from 0 at the beginning of a lifetime, and the LSTM
    sees ``x_t W_t`` beside its input. Each earlier action and its pay so counts as much as what was observed then is
    like what is observed now, by the cosine. For one-hot states and actions that is how often each action was taken in
    this state and what it paid in sum; all states are read alike, so that what the LSTM learns to do with it in one
    holds in the others. Where most observations are alike the sums grow with the lifetime, and are of little use.

    It is a causal linear attention (Schlag et al. 2021, arXiv 2102.11174; fast weights are Schmidhuber's, 1992) whose
    keys and values are the input itself: it has no parameters, and nothing decays within a lifetime. A memory with
    keys beside an LSTM is in meta-reinforcement learning Ritter et al.'s (2018, arXiv 1805.09692), which recalls the
    LSTM's own states.

    In the first tensor of the state, the LSTM's hidden state stands before the fast weights; in the second, its cell
    before the newest observation and zeros. A sequence takes memory by the square of its length.

    Args:
        parts: Name and width of each part of the input, in order; ``previous_action`` is one of them. What is
            observed is all but actions, rewards, velocity and time.
        units: Of the LSTM.

    Raises:
        ValueError: If there is no previous action in the input.
    """

    num_layers = 1

    def __init__(self, parts: Parts, units: int) -> None:
        super().__init__()
        self.columns = _find_columns(parts)
        if not self.columns["previous_action"]:
            raise ValueError("memory='fast_weights' keeps previous actions, and none is in its input: show it.")
        self.input_size = _width(parts)
        self.num_keys = len(self.columns["observation"])
        self.num_values = len(self.columns["previous_action"]) * (1 + len(self.columns["previous_reward"]))
        self.units = units
        self.hidden_size = units + self.num_keys * self.num_values
        self.lstm = nn.LSTM(self.input_size + self.num_values, units)

    def forward(self, sequences: th.Tensor, state: State) -> tuple[th.Tensor, State]:
        """Outputs (L, S, units) and the state (1, S, units + fast weights) after sequences (L, S, F)."""
        (hidden, fast), (cell, newest) = (
            tensor.split((self.units, self.hidden_size - self.units), -1) for tensor in state
        )
        observed, actions, rewards = (
            sequences[..., self.columns[name]].transpose(0, 1)
            for name in ("observation", "previous_action", "previous_reward")
        )
        keys = nn.functional.normalize(observed, dim=-1)
        before = th.cat((newest[0, :, None, : self.num_keys], keys[:, :-1]), 1)
        with_one = nn.functional.pad(rewards, (1, 0), value=1.0)
        values = (with_one[..., None] * actions[..., None, :]).flatten(2)
        fast = fast.reshape(fast.shape[1], self.num_keys, self.num_values)
        # Written before it is read: of the sequence's own pairs each step has those up to itself.
        recalled = keys @ fast + (keys @ before.transpose(1, 2)).tril() @ values
        output, (hidden, cell) = self.lstm(
            th.cat((sequences, recalled.transpose(0, 1)), -1), (hidden.contiguous(), cell.contiguous())
        )
        fast = (fast + before.transpose(1, 2) @ values).flatten(1)
        newest = nn.functional.pad(keys[:, -1], (0, fast.shape[1] - self.num_keys))
        return output, (th.cat((hidden, fast[None]), -1), th.cat((cell, newest[None]), -1))


def _find_columns(parts: Parts) -> dict[str, list[int]]:
    """Which numbers of an input are the previous action, the previous reward, velocity and time, or the observation."""
    columns: dict[str, list[int]] = {"observation": [], "previous_action": [], "previous_reward": [], "beside": []}
    first = 0
    for name, width in parts:
        kind = "beside" if name in ("velocity", "time") else name if name in columns else "observation"
        columns[kind] += range(first, first + width)
        first += width
    return columns


def make_memory(kind: str, parts: Parts, hidden_size: int | tuple[int, ...]) -> nn.Module:
    """A memory of a kind, for inputs of so many parts.

    Raises:
        ValueError: If there is no such kind, or the sizes do not fit it.
    """
    if kind not in MEMORIES:
        raise ValueError(f"memory={kind!r} is not possible: it is one of {', '.join(MEMORIES)}.")
    maker: Any = load_env_creator(MEMORIES[kind])
    sizes = (hidden_size,) if isinstance(hidden_size, int) else tuple(hidden_size)
    num_sizes = getattr(maker, "num_sizes", 1)
    if len(sizes) != num_sizes or not all(isinstance(size, int) and size >= 1 for size in sizes):
        wanted = "one whole number" if num_sizes == 1 else f"{num_sizes} whole numbers"
        raise ValueError(f"The size {hidden_size} does not fit memory={kind!r}: give {wanted} of units.")
    memory: nn.Module = maker(parts, sizes[0] if num_sizes == 1 else sizes)
    return memory


def _width(parts: Parts) -> int:
    return sum(width for _, width in parts)


def name_columns(memory: Any) -> dict[str, range]:
    """Which numbers of its state, both tensors side by side, are which: hidden states, cells and what else there is."""
    size = memory.num_layers * memory.hidden_size
    if isinstance(memory, StackedLSTM):
        first = memory.sizes[0]
        hidden = {"hidden 1": range(first), "hidden 2": range(first, size)}
        return hidden | {"cell 1": range(size, size + first), "cell 2": range(size + first, 2 * size)}
    if isinstance(memory, FastWeightLSTM):
        fast, cell = range(memory.units, size), range(size, size + memory.units)
        return {"hidden": range(memory.units), "cell": cell, "fast weights": fast}
    if isinstance(memory, GRU | RNN | Feedforward):
        return {"hidden": range(size)}
    return {"hidden": range(size), "cell": range(size, 2 * size)}


def add_forget_bias(lstm: nn.LSTM, bias: float) -> None:
    """Add to the biases of the forget gates of all its layers."""
    for name, weights in lstm.named_parameters():
        if name.startswith("bias_ih"):
            weights.data[lstm.hidden_size : 2 * lstm.hidden_size] += bias


def run(features: th.Tensor, state: State, memory: nn.Module) -> tuple[th.Tensor, State]:
    """Run a memory over sequences of equal length, within which no episode starts.

    Shapes: features (S * L, F), one sequence after the other; state (num_layers, S, H) twice; returns the output in the
    order of time (L, S, H), and the new state. Whatever strides they come with, the last bits are the same.
    """
    features, state = _in_order(features, state)
    return memory(features.reshape(state[0].shape[1], -1, features.shape[-1]).transpose(0, 1), state)


def step(features: th.Tensor, state: State, memory: nn.Module) -> tuple[th.Tensor, State]:
    """Run a memory for a single step.

    Shapes: features (S, F); state (num_layers, S, H) twice; returns the output (S, H) and the new state.
    """
    # A trace is of the same calls whether gradients are on or not.
    if not (th.is_grad_enabled() or th.jit.is_tracing()) and _is_plain(memory):  # type: ignore[attr-defined]
        return _step_lstm(*_in_order(features, state), memory)
    output, state = run(features, state, memory)
    return output[0], state


def _in_order(features: th.Tensor, state: State) -> tuple[th.Tensor, State]:
    """Both contiguous: for another layout in memory a kernel may add in another order."""
    return features.contiguous(), (state[0].contiguous(), state[1].contiguous())


def _step_lstm(features: th.Tensor, state: State, lstm: nn.LSTM) -> tuple[th.Tensor, State]:
    """In half the time of ``nn.LSTM``, whose fixed costs are made for sequences."""
    new: list[tuple[th.Tensor, th.Tensor]] = []
    for hidden, cell, (w_input, w_hidden, b_input, b_hidden) in zip(*state, lstm.all_weights, strict=True):
        gates = th.addmm(b_input + b_hidden, features, w_input.t()).addmm(hidden, w_hidden.t())
        candidate = gates.chunk(4, 1)[2].tanh()
        entered, forgotten, _, shown = gates.sigmoid().chunk(4, 1)
        next_cell = th.addcmul(forgotten * cell, entered, candidate)
        features = shown * next_cell.tanh()
        new.append((features, next_cell))
    hiddens, cells = zip(*new, strict=True)
    return features, (th.stack(hiddens), th.stack(cells))


def _is_plain(memory: nn.Module) -> TypeGuard[nn.LSTM]:
    """Whether a memory is an LSTM with nothing special about it, so that its weights tell all."""
    return (
        type(memory) is nn.LSTM
        and memory.bias
        and not (memory.batch_first or memory.bidirectional or memory.proj_size)
        and not (memory.dropout and memory.training)
        and not has_hooks(memory)
    )


def has_hooks(module: nn.Module) -> bool:
    """Whether more may happen than a module's own mathematics when it is called.

    Hooks, its own and those of all modules, stand under names that torch may change: where one is missing, they may be.
    """
    own, everywhere = vars(module), getattr(nn.modules.module, "_has_any_global_hook", None)
    return "forward" in own or any(own.get(name, True) for name in HOOKS) or everywhere is None or bool(everywhere())
