"""Speeds, as ratios taken in one run on one core.

The bandit is ``MetaBandit-Dependent-v0``, its history `PreviousActionReward`, CartPole is Gymnasium's ``CartPole-v1``,
native where there are several copies, and stock is sb3-contrib's RecurrentPPO.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

ID = "MetaBandit-Dependent-v0"
PARTS = ("env", "training")
REPEATS = 3


def measure(what: str = "", seconds: float = 2.0, **settings: Any) -> list[dict[str, Any]]:
    """Steps per second of environments, of training, or of both.

    The fastest of three repetitions is taken, and what is compared is measured in turn, so that a busy machine disturbs
    both alike.

    Args:
        what: "env", "training" or "" for both.
        seconds: Time for each measurement.
        **settings: Values of the training preset's settings, such as ``epochs=4``; by default the demo's.

    Returns:
        Rows with the keys ``what``, ``steps_per_second``, ``beside`` (what it is compared with) and ``ratio``.

    Raises:
        ValueError: If ``what`` is none of these, or the time is not positive.
    """
    if what and what not in PARTS:
        raise ValueError(f"There is nothing to measure called {what!r}: it is one of {', '.join(PARTS)}.")
    if not seconds > 0:
        raise ValueError(f"seconds={seconds!r} is not possible: give a positive number.")
    with _one_core():
        rows = _measure_envs(seconds) if what in ("", "env") else []
        return rows + (_measure_training(seconds, settings) if what in ("", "training") else [])


@contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _compare(runs: dict[str, Callable[[], float]], beside: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of the best of several repetitions of each run, beside those that they are compared with."""
    best = dict.fromkeys(runs, 0.0)
    for _ in range(REPEATS):
        for name, run in runs.items():
            best[name] = max(best[name], run())
    return [
        {
            "what": name,
            "steps_per_second": round(speed),
            "beside": beside.get(name),
            "ratio": round(speed / best[beside[name]], 2) if name in beside else None,
        }
        for name, speed in best.items()
    ]


def _measure_envs(seconds: float) -> list[dict[str, Any]]:
    from meta_envs.wrappers import PreviousActionReward

    def single(make: Callable[[], gym.Env[Any, Any]]) -> Callable[[], float]:
        return lambda: _speed_of_single(make(), seconds / REPEATS)

    def many(make: Callable[[], Any]) -> Callable[[], float]:
        return lambda: _speed_of_vector(make(), seconds / REPEATS)

    runs: dict[str, Callable[[], float]] = {
        "CartPole, gym.make": single(lambda: gym.make("CartPole-v1")),
        "bandit, gym.make": single(lambda: gym.make(ID)),
        "bandit + history, gym.make": single(lambda: PreviousActionReward(gym.make(ID))),
    }
    beside = dict.fromkeys(list(runs)[1:], "CartPole, gym.make")
    for num in (32, 1024, 4096):
        cartpole, bandit = f"CartPole, {num} copies", f"bandit, {num} copies"
        runs[cartpole] = many(partial(gym.make_vec, "CartPole-v1", num_envs=num))
        runs[bandit] = many(partial(gym.make_vec, ID, num_envs=num))
        runs[f"bandit + history, {num} copies"] = many(partial(_with_history, num))
        beside |= {bandit: cartpole, f"bandit + history, {num} copies": cartpole}
    return _compare(runs, beside)


def _with_history(num: int) -> Any:
    from meta_envs.wrappers import vector

    return vector.PreviousActionReward(gym.make_vec(ID, num_envs=num))


def _speed_of_single(env: gym.Env[Any, Any], seconds: float) -> float:
    actions = np.random.default_rng(0).integers(0, 2, 1000).tolist()
    env.reset(seed=0)
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        steps += len(actions)
    return steps / (time.perf_counter() - began)


def _speed_of_vector(env: Any, seconds: float) -> float:
    actions = np.random.default_rng(0).integers(0, 2, (100, env.num_envs))
    env.reset(seed=0)
    for action in actions:
        env.step(action)
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for action in actions:
            env.step(action)
        steps += actions.size
    return steps / (time.perf_counter() - began)


def _measure_training(seconds: float, changes: dict[str, Any]) -> list[dict[str, Any]]:
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
        return SB3VecEnv(_with_history(num))

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
        return _compare(runs, dict.fromkeys(list(runs)[1:], first))
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


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows for people."""
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("what")
    shown.add_column("steps/s", justify="right")
    shown.add_column("ratio", justify="right")
    shown.add_column("beside")
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        shown.add_row(row["what"], f"{row['steps_per_second']:,}", ratio, row["beside"] or "")
    return shown
