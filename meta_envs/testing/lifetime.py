"""Checks of single lifetimes: seeds, chance, memory, copies."""

from __future__ import annotations

import copy
import pickle
from collections import deque
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import VectorEnv

from meta_envs.family import DiscreteFamily, FiniteTaskFamily, TaskFamily
from meta_envs.lifetimes.many import pick
from meta_envs.registry import make_family
from meta_envs.testing.playing import act, arrays, begin, difference, go_on, horizon, run_lifetime, tasks

COPIERS: dict[str, Callable[[Any], Any]] = {
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
}


def check_seeding(id: str, **keywords: Any) -> None:
    """A seed decides the lifetimes that follow it; other seeds, later lifetimes and unseeded ones are others."""
    env, other = (gym.make(id, **keywords) for _ in range(2))

    def run_many(env: Any, **first: Any) -> list[Any]:
        return [run_lifetime(env, steps=25, **(first if number == 0 else {})) for number in range(32)]

    runs = run_many(env, seed=5)
    for again in (run_many(env, seed=5), run_many(other, seed=5)):
        found = difference(runs, again)
        assert not found, f"The same seed gives other lifetimes, {found}: take all chance from self.np_random."
    cure = "pass the seed to super().reset(seed=seed), and nothing where it is None."
    assert difference([runs[0]] * 31, runs[1:]), f"reset() without a seed repeats the lifetime: {cure}"
    seeded = [run_lifetime(env, steps=25, seed=seed) for seed in range(32)]
    assert difference([seeded[0]] * 31, seeded[1:]), f"All seeds give the same lifetime: {cure}"
    family = env.unwrapped.family  # type: ignore[attr-defined]
    alone = isinstance(family, FiniteTaskFamily) and np.count_nonzero(family.tasks()[1]) == 1
    drawn = [run[0][2] for run in runs]
    assert alone or difference([drawn[0]] * 31, drawn[1:]), "All lifetimes have the same task: draw one in every reset."
    first, second = (run_many(gym.make(id, **keywords)) for _ in range(2))
    assert difference(first, second), f"Environments that were never seeded have the same lifetimes: {cure}"


def replay(family: TaskFamily, seed: int, actions: list[Any], task: Any = None) -> list[Any]:
    """The lifetime of a seed as the family's functions give it, called one after the other."""
    chance = seeding.np_random(seed)[0].random(family.num_chance)[None]
    task_chance = chance[:, : family.num_task_chance]
    step_chance = chance[:, family.num_task_chance :].reshape(1, family.horizon, family.num_step_chance)
    task = family.sample_task(task_chance) if task is None else np.asarray(task)[None]
    visible = None if isinstance(family, DiscreteFamily) else task
    state = family.initial_state(visible, task_chance)
    steps: list[Any] = [[pick(family.observe(visible, state), 0), task[0]]]
    for number, each in enumerate(actions):
        action = np.asarray(each)[None]
        outcome = family.outcome(task, state, action, step_chance[:, number])
        reward = float(family.reward(state, action, outcome)[0])
        state = family.next_state(state, action, outcome)
        over = number + 1 == family.horizon or bool(family.terminated(visible, state)[0])
        steps.append([pick(family.observe(visible, state), 0), reward, over])
    return copy.deepcopy(steps)


def check_chance(id: str, **keywords: Any) -> None:
    """All chance is drawn in ``reset``: the numbers of a step depend neither on earlier choices nor on a given task."""
    env = gym.make(id, **keywords)
    family = make_family(id, **keywords)
    given = begin(env, seed=99)[2]
    for seed in range(6):
        for options in (None, {"task": given.tolist()}):
            results = run_lifetime(env, seed=seed, actions=seed % 3, options=options)
            env.action_space.seed(seed % 3)
            actions = [env.action_space.sample() for _ in results[1:]]
            kept = [[step[0], float(step[1]), bool(step[2] or step[3])] for step in results[1:]]
            told = replay(family, seed, actions, None if options is None else given)
            found = difference([results[0][0], results[0][2]], told[0], "reset")
            found = found or difference(kept, told[1:], "steps")
            assert not found, (
                f"Seed {seed} with options={options} is not the family's functions on np_random.random(num_chance), "
                f"{found}: draw all uniforms once, in reset, and use those of step t at step t, whatever was chosen."
            )


def check_memory(id: str, **keywords: Any) -> None:
    """Arrays handed out, or taken in, never share memory between calls: writing into them changes nothing."""
    for makers in (
        [lambda: gym.make(id, **keywords)] * 2,
        [lambda: gym.make_vec(id, 3, **keywords)] * 2,
    ):
        env, spoiled = (make() for make in makers)
        env.action_space.seed(0)
        handed: deque[Any] = deque(maxlen=6)
        over = True
        for number in range(2 * horizon(env) + 3):
            if over:
                results = [[*each.reset(seed=number), _task(each)] for each in (env, spoiled)]
            else:
                action = env.action_space.sample()
                given = np.array(action) if isinstance(action, np.ndarray) else action
                results = [[*each.step(given if each is spoiled else action), _task(each)] for each in (env, spoiled)]
                _spoil(given)
            found = difference(results[0], results[1])
            assert not found, f"Writing into arrays of earlier calls changes later ones, {found}: hand out copies."
            over = isinstance(env, gym.Env) and not over and bool(results[0][2] or results[0][3])
            shared = [
                (old, new) for old in arrays(list(handed)) for new in arrays(results[1]) if np.shares_memory(old, new)
            ]
            assert not shared, f"Successive calls hand out the same memory ({shared[:1]}): hand out new arrays."
            handed.append(results[1])
            _spoil(results[1])


def _task(env: Any) -> Any:
    return tasks(env) if isinstance(env, VectorEnv) else env.unwrapped.task


def _spoil(data: Any) -> None:
    for array in arrays(data):
        if array.flags.writeable:
            array[...] = ~array if array.dtype == bool else array + 1


def check_copying(id: str, **keywords: Any) -> None:
    """Pickled and deep-copied in mid-lifetime, an environment and its copy go on identically and independently."""
    for name, copier in COPIERS.items():
        env = gym.make(id, **keywords)
        span = horizon(env)
        begin(env, seed=3)
        for number in range(span // 2):
            if act(env, env.action_space.sample())[2]:
                begin(env, seed=4 + number)
        twin = _copied(name, copier, env)
        found = difference(go_on(env, 2 * span + 1, 1), go_on(twin, 2 * span + 1, 1))
        assert not found, f"After {name} the environment and its copy differ, {found}: keep all state in it."
        for mode in ("SameStep", "NextStep"):
            venv = gym.make_vec(id, 3, autoreset_mode=mode, **keywords)
            venv.reset(seed=3)
            for number in range(span // 2 + 1):
                venv.step(venv.action_space.sample())
                if number == span // 4:
                    venv.reset(options={"reset_mask": np.array([False, True, False])})
            twin = _copied(name, copier, venv)
            runs = []
            for each in (venv, twin):
                each.action_space.seed(1)
                steps = [copy.deepcopy(each.step(each.action_space.sample())) for _ in range(2 * span + 1)]
                runs.append([*steps, tasks(each)])
            found = difference(runs[0], runs[1])
            assert not found, f"After {name} the vector environment and its copy differ, {found}: keep all state in it."


def _copied(name: str, copier: Callable[[Any], Any], env: Any) -> Any:
    try:
        return copier(env)
    except Exception as error:
        raise AssertionError(f"{name} does not work in mid-lifetime ({error}): keep plain state only.") from error
