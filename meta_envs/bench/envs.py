"""Steps per second of environments, beside Gymnasium's CartPole-v1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from meta_envs.bench.timing import REPEATS, compare, rate

ID = "MetaBandit-Dependent-v0"


def measure_envs(seconds: float) -> list[dict[str, Any]]:
    """Rows of the bandit and CartPole, single and native, resets included."""
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
    for num in (1, 32, 1024, 4096):
        copies = f"{num} copies" if num > 1 else "1 copy"
        cartpole, bandit = f"CartPole, {copies}", f"bandit, {copies}"
        runs[cartpole] = many(partial(gym.make_vec, "CartPole-v1", num_envs=num))
        runs[bandit] = many(partial(gym.make_vec, ID, num_envs=num))
        runs[f"bandit + history, {copies}"] = many(partial(with_history, num))
        beside |= {bandit: cartpole, f"bandit + history, {copies}": cartpole}
    return compare(runs, beside)


def with_history(num: int) -> Any:
    """Native copies of the bandit in the history wrapper."""
    from meta_envs.wrappers.vector import history

    return history.PreviousActionReward(gym.make_vec(ID, num_envs=num))


def _speed_of_single(env: gym.Env[Any, Any], seconds: float) -> float:
    actions = np.random.default_rng(0).integers(0, 2, 1000).tolist()
    env.reset(seed=0)

    def live() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(actions)

    return rate(live, seconds)


def _speed_of_vector(env: Any, seconds: float) -> float:
    actions = np.random.default_rng(0).integers(0, 2, (100, env.num_envs))
    env.reset(seed=0)

    def live() -> int:
        for action in actions:
            env.step(action)
        return actions.size

    live()
    return rate(live, seconds)
