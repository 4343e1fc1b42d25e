"""Steps per second of training, beside sb3-contrib's RecurrentPPO."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np

from meta_envs.bench.envs import ID, with_history
from meta_envs.bench.timing import REPEATS, compare, cores, rate
from meta_envs.training.presets import PRESETS

TWO, ONE_CORE = "ours, two LSTMs as stock", "the same on one core"
FLOOR = "the networks alone, {}"


def prepare_training(changes: dict[str, Any]) -> None:
    """Say at once what would stop the measurement.

    Raises:
        ImportError: If what training needs is not installed.
        ValueError: If a setting makes no sense.
    """
    for name in ("torch", "sb3_contrib", "threadpoolctl"):
        if find_spec(name) is None:
            raise ImportError(f"Measuring training needs {name}: pip install 'meta-envs[train]'.")
    PRESETS[ID].change(**changes)


def measure_training(seconds: float, changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of stock, of ours and of the floor, whole updates at the recommended settings of dependent arms."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    from meta_envs.registry import make_family
    from meta_envs.training import MetaRecurrentPPO, RecurrentPolicy
    from meta_envs.training.process import keep_memory, threads_of_a_run
    from meta_envs.wrappers import PreviousActionReward, SB3VecEnv

    # The recommended settings, with constant learning rate and entropy weight, which stock takes too.
    preset, horizon = PRESETS[ID].change(**changes), make_family(ID).horizon
    num = preset.num_envs
    settings: dict[str, Any] = dict(
        n_steps=horizon,
        batch_size=num * horizon // preset.minibatches,
        n_epochs=preset.epochs,
        learning_rate=preset.learning_rate,
        gamma=preset.gamma,
        gae_lambda=preset.gae_lambda,
        ent_coef=preset.entropy,
    )
    network: dict[str, Any] = dict(lstm_hidden_size=preset.hidden_size, net_arch=[])

    def dummy() -> Any:
        return DummyVecEnv([lambda: PreviousActionReward(gym.make(ID)) for _ in range(num)])

    def native() -> Any:
        return SB3VecEnv(with_history(num))

    def with_two() -> Any:
        return MetaRecurrentPPO(RecurrentPolicy, native(), policy_kwargs=network, seed=0, device="cpu", **settings)

    models: dict[str, Callable[[], Any]] = {
        "stock on DummyVecEnv": lambda: RecurrentPPO(
            "MlpLstmPolicy", dummy(), policy_kwargs=network, seed=0, device="cpu", **settings
        ),
        "stock on SB3VecEnv": lambda: RecurrentPPO(
            "MlpLstmPolicy", native(), policy_kwargs=network, seed=0, device="cpu", **settings
        ),
        TWO: with_two,
        ONE_CORE: with_two,
        "ours, one shared LSTM": lambda: MetaRecurrentPPO(
            RecurrentPolicy,
            native(),
            policy_kwargs={**network, "shared_memory": True},
            seed=0,
            device="cpu",
            **settings,
        ),
    }
    keep_memory()  # as in training, for stock as well
    with threads_of_a_run(1):
        runs: dict[str, Callable[[], float]] = {
            name: partial(_speed_of_training, make, num * horizon, seconds / REPEATS) for name, make in models.items()
        }
        runs[ONE_CORE] = cores(1)(runs[ONE_CORE])
        stock, *_, one = runs
        width = native().observation_space.shape[0]
        for name, memories in ((FLOOR.format("two LSTMs"), 2), (FLOOR.format("one LSTM"), 1)):
            runs[name] = partial(_speed_of_floor, memories, width, num, horizon, settings, network, seconds / REPEATS)
        *_, floor_of_two, floor_of_one = runs
        rows = compare(runs, {**dict.fromkeys(list(models)[1:], stock), floor_of_two: ONE_CORE, floor_of_one: one})
        for row, make in zip(rows, models.values(), strict=False):
            row["memory"] = round(_measure_buffer(make()) / 1024 / num, 1)
        return rows


def _speed_of_training(make: Callable[[], Any], rollout: int, seconds: float) -> float:
    """Whole updates only: a rollout and all its epochs."""
    model = make()
    model.learn(rollout)

    def update() -> int:
        model.learn(rollout, reset_num_timesteps=False)
        return rollout

    return rate(update, seconds)


def _speed_of_floor(
    memories: int, width: int, num: int, horizon: int, settings: dict[str, Any], network: dict[str, Any], seconds: float
) -> float:
    """What the networks alone cost: a rollout's single steps, and every minibatch forward, backward and a step of Adam.

    The same networks and batches, computed as in training or in fewer calls, and nothing else: no environment, no loss
    (the gradient at the heads is a constant), no buffer.
    """
    import torch as th
    from torch import nn

    from meta_envs.networks.memories import run
    from meta_envs.training.ppo.fast.by_hand import weights_of
    from meta_envs.training.ppo.fast.stepper import Cell

    size, batch_size = network["lstm_hidden_size"], settings["batch_size"]
    lstms = [nn.LSTM(width, size) for _ in range(memories)]
    # One memory's heads are one matrix.
    heads = [nn.Linear(size, outputs) for outputs in ((3,) if memories == 1 else (2, 1))]
    adam = th.optim.Adam(nn.ModuleList([*lstms, *heads]).parameters(), lr=1e-3, fused=True)
    parameters = [weights for lstm in lstms for weights in lstm.parameters()]
    slopes = [np.full((head.out_features, batch_size), 1e-3, np.float32) for head in heads]
    seen: Any = th.randn(num, horizon, width)
    columns = np.zeros((size, num), np.float32)
    lifetimes = batch_size // horizon
    state = (th.zeros(1, lifetimes, size),) * 2

    def update() -> int:
        cells = [Cell(lstm, num) for lstm in lstms]
        layers = [weights_of(head) for head in heads]
        states = [(columns, columns)] * memories
        for now in seen.numpy().transpose(1, 2, 0):
            states = [cell.step(now, *state) for cell, state in zip(cells, states, strict=True)]
            for (hidden, _), (weight, bias) in zip(states, layers, strict=True):
                np.dot(weight, hidden) + bias[:, None]
        for _ in range(settings["n_epochs"]):
            for batch in seen.split(lifetimes):
                outputs = [run(batch.flatten(0, 1), state, lstm)[0].flatten(0, 1) for lstm in lstms]
                back = []
                for output, head, slope in zip(outputs, heads, slopes, strict=True):
                    latent, (weight, bias) = output.detach().numpy(), weights_of(head)
                    np.dot(latent, weight.T.copy()).T + bias[:, None]
                    head.weight.grad = th.from_numpy(np.dot(slope, latent))
                    head.bias.grad = th.from_numpy(slope.sum(1))
                    back.append(th.from_numpy(np.dot(slope.T, weight)))
                for weights in parameters:
                    weights.grad = None
                th.autograd.backward(outputs, back)
                adam.step()
        return num * horizon

    update()
    return rate(update, seconds)


def _measure_buffer(model: Any) -> int:
    """Bytes of a rollout with what is made of it for the minibatches."""
    model.learn(model.n_steps * model.n_envs)
    held: dict[int, int] = {}

    def add(value: Any) -> None:
        if isinstance(value, np.ndarray):
            owner = value if value.base is None else value.base
            held[owner.ctypes.data] = owner.nbytes
        elif hasattr(value, "untyped_storage"):
            held[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        elif isinstance(value, dict | list | tuple):
            for part in value.values() if isinstance(value, dict) else value:
                add(part)

    add(vars(model.rollout_buffer))
    return sum(held.values())
