"""Steps per second of training, beside sb3-contrib's RecurrentPPO."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym

from meta_envs.bench.envs import ID, with_history
from meta_envs.bench.timing import REPEATS, compare


def measure_training(seconds: float, changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of stock and ours, whole updates at the demo's settings."""
    try:
        import torch as th
        from sb3_contrib import RecurrentPPO
        from stable_baselines3.common.vec_env import DummyVecEnv
    except ModuleNotFoundError as error:
        raise ImportError(f"Measuring training needs {error.name}: pip install 'meta-envs[train]'.") from error

    from meta_envs.registry import make_family
    from meta_envs.training import PRESETS, LstmPolicy, MetaRecurrentPPO
    from meta_envs.wrappers import PreviousActionReward, SB3VecEnv

    # The demo's own settings, with constant learning rate and entropy weight, which stock takes too.
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

    models = {
        "stock on DummyVecEnv": lambda: RecurrentPPO(
            "MlpLstmPolicy", dummy(), policy_kwargs=network, seed=0, device="cpu", **settings
        ),
        "stock on SB3VecEnv": lambda: RecurrentPPO(
            "MlpLstmPolicy", native(), policy_kwargs=network, seed=0, device="cpu", **settings
        ),
        "ours, two LSTMs as stock": lambda: MetaRecurrentPPO(
            LstmPolicy, native(), policy_kwargs=network, seed=0, device="cpu", **settings
        ),
        "ours, one shared LSTM": lambda: MetaRecurrentPPO(
            LstmPolicy, native(), policy_kwargs={**network, "shared_memory": True}, seed=0, device="cpu", **settings
        ),
    }
    threads = th.get_num_threads()
    th.set_num_threads(1)
    try:
        runs: dict[str, Callable[[], float]] = {
            name: partial(_speed_of_training, make, num * horizon, seconds / REPEATS) for name, make in models.items()
        }
        first = next(iter(runs))
        return compare(runs, dict.fromkeys(list(runs)[1:], first))
    finally:
        th.set_num_threads(threads)


def _speed_of_training(make: Callable[[], Any], rollout: int, seconds: float) -> float:
    """Whole updates only: a rollout and all its epochs."""
    model = make()
    model.learn(rollout)
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.learn(rollout, reset_num_timesteps=False)
        steps += rollout
    return steps / (time.perf_counter() - began)
