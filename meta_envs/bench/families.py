"""Steps per second of every registered family, beside the two-armed bandit, with births and memory apart."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import gymnasium as gym
import numpy as np

from meta_envs.bench.timing import REPEATS, compare, rate
from meta_envs.registry import ids, make_family
from meta_envs.terminal.progress import track

BANDIT = "MetaBandit-Independent-v0"
NUM_TABLE = 1024
"""Copies of families that show numbers."""
NUM_PIXELS = 64
"""Copies of families that show images."""


def measure_families(seconds: float) -> list[dict[str, Any]]:
    """Rows of every registered family: native copies within lifetimes, and one copy through ``gym.make``.

    Stepping of many is measured without births, which are reported apart: a birth is the draw of a task, its tables,
    and the first observation. Images stand beside a copy of as many bytes, the least that handing them out can cost.
    """
    runs: dict[str, Callable[[], float]] = {}
    beside: dict[str, str] = {}
    costs: dict[str, dict[str, float]] = {}
    bandit, frames = f"{BANDIT}, {NUM_TABLE}", f"copying frames, {NUM_PIXELS}"
    for id in track([BANDIT, *(id for id in ids() if id != BANDIT)], "Measuring births and memory"):
        images = frame_bytes(id) > 0
        num = NUM_PIXELS if images else NUM_TABLE
        name, single = f"{id}, {num}", f"{id}, 1"
        runs[name] = partial(_speed_within_lifetimes, id, num, seconds / REPEATS)
        runs[single] = partial(_speed_of_one, id, seconds / REPEATS)
        if images and frames not in runs:
            runs[frames] = partial(_speed_of_copying, frame_bytes(id), seconds / REPEATS)
        if name != bandit:
            beside[name] = frames if images else bandit
        costs[name] = {"birth": round(_birth(id, num), 1), "memory": round(_memory(id, num) / 1024, 1)}
    return [{**row, **costs.get(row["what"], {})} for row in compare(runs, beside)]


def frame_bytes(id: str) -> int:
    """Bytes of the images in one observation of an environment, 0 where it shows none."""
    space = make_family(id).observation_space
    shapes = [box.shape or () for box in (space.spaces.values() if isinstance(space, gym.spaces.Dict) else [space])]
    return sum(prod(shape) for shape in shapes if len(shape) == 3)


def _speed_within_lifetimes(id: str, num: int, seconds: float) -> float:
    venv: Any = gym.make_vec(id, num_envs=num, autoreset_mode="Disabled")
    steps, spent = 0, 0.0
    venv.action_space.seed(0)
    venv.reset(seed=0)
    while spent < seconds:
        actions = [venv.action_space.sample() for _ in range(min(100, venv.family.horizon))]
        begun = time.perf_counter()
        taken = next(
            (taken for taken, action in enumerate(actions, start=1) if venv.step(action)[2].any()), len(actions)
        )
        spent += time.perf_counter() - begun
        steps += taken * num
        venv.reset()
    return steps / spent


def _speed_of_one(id: str, seconds: float) -> float:
    env: Any = gym.make(id)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(1000)]
    if isinstance(env.action_space, gym.spaces.Discrete):
        actions = [int(action) for action in actions]
    env.reset(seed=0)

    def live() -> int:
        for action in actions[:100]:
            if env.step(action)[2]:
                env.reset()
        actions[:] = actions[100:] + actions[:100]
        return 100

    return rate(live, seconds)


def _speed_of_copying(size: int, seconds: float) -> float:
    source = np.zeros((NUM_PIXELS, size), np.uint8)
    return rate(lambda: len(source.copy()), seconds)


def _birth(id: str, num: int) -> float:
    """Microseconds that a birth takes, the mean of 20 resets."""
    venv = gym.make_vec(id, num_envs=num)
    venv.reset(seed=0)
    spent = []
    for _ in range(20):
        begun = time.perf_counter()
        venv.reset()
        spent.append(time.perf_counter() - begun)
    # Uniforms are drawn for several lifetimes at once: the mean has its share of that.
    return 1e6 * float(np.mean(spent)) / num


def _memory(id: str, num: int) -> float:
    """Bytes that one more copy holds."""
    held = []
    for copies in (num, 2 * num):
        tracemalloc.start()
        venv = gym.make_vec(id, num_envs=copies)
        kept = venv.reset(seed=0), venv.step(venv.action_space.sample())
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del kept
    return (held[1] - held[0]) / num
