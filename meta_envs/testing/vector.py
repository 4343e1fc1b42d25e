"""Checks of many copies at once: the native vector environment, the history wrapper and the SB3 adapter."""

from __future__ import annotations

import copy
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np

from meta_envs import wrappers
from meta_envs.registry import make_family
from meta_envs.testing.playing import Venv, begin, difference, horizon, make_sync, run_lifetime, tasks


def check_vector_same_step(id: str, **keywords: Any) -> None:
    """In "SameStep", native copies are Gymnasium's and the single environments seeded ``seed + i``, to the last bit."""
    _check_vector(id, "SameStep", **keywords)
    for num in (1, 2, 7):
        venv = gym.make_vec(id, num, **keywords)
        singles = [gym.make(id, **keywords) for _ in range(num)]
        venv.action_space.seed(0)
        shown = [venv.reset(seed=40)[0], tasks(venv)]
        shown_alone = [begin(env, seed=40 + number) for number, env in enumerate(singles)]
        for _ in range(2 * horizon(venv) + 3):
            for number, alone in enumerate(shown_alone):
                found = difference([_row(shown[0], number), shown[1][number]], [_row(alone[0]), alone[-1]])
                assert not found, f"Copy {number} of {num} is not the single environment seeded 40 + {number}, {found}."
            actions = venv.action_space.sample()
            observation, rewards, terminated, truncated, infos = venv.step(actions)
            shown = [observation, tasks(venv)]
            for number, env in enumerate(singles):
                step = env.step(actions[number])
                given = [float(rewards[number]), bool(terminated[number]), bool(truncated[number])]
                found = difference(given, [float(step[1]), bool(step[2]), bool(step[3])])
                ended = step[2] or step[3]
                if ended:
                    found = found or difference(_row(infos["final_obs"][number]), _row(step[0]))
                assert not found, f"Copy {number} of {num} is not the single environment seeded 40 + {number}, {found}."
                shown_alone[number] = begin(env) if ended else [step[0], env.unwrapped.task]  # type: ignore[attr-defined]


def _row(observation: Any, number: int | None = None) -> Any:
    """One copy's observation, as an array: a number is an array of itself."""
    if isinstance(observation, dict):
        return {key: _row(value, number) for key, value in observation.items()}
    return np.asarray(observation if number is None else observation[number])


def check_vector_next_step(id: str, **keywords: Any) -> None:
    """In "NextStep", native copies are Gymnasium's to the last bit, in and out of phase."""
    _check_vector(id, "NextStep", **keywords)


def check_vector_disabled(id: str, **keywords: Any) -> None:
    """With "Disabled" and reset masks, native copies are Gymnasium's to the last bit, in and out of phase."""
    _check_vector(id, "Disabled", **keywords)


def _check_vector(id: str, mode: str, **keywords: Any) -> None:
    for num in (1, 2, 7):
        ours = gym.make_vec(id, num, autoreset_mode=mode, **keywords)
        theirs = make_sync(id, num, mode, **keywords)
        _compare(ours, theirs, mode, infos=True)


def check_history(id: str, **keywords: Any) -> None:
    """The vector history wrapper is the single one around every copy, in every mode and with every switch."""
    switches: list[dict[str, Any]] = [{}, {"reward": False}, {"action": False, "time": False}]
    if make_family(id, **keywords).reward_values is not None:
        switches.append({"reward_encoding": "one_hot"})
    for switch in switches:
        for mode in ("SameStep", "NextStep", "Disabled"):
            native = gym.make_vec(id, 3, autoreset_mode=mode, **keywords)
            ours = wrappers.vector.PreviousActionReward(native, **switch)
            theirs = make_sync(id, 3, mode, [partial(wrappers.PreviousActionReward, **switch)], **keywords)
            assert ours.single_observation_space == theirs.single_observation_space, (
                f"With {switch} the wrappers' spaces differ: {ours.single_observation_space} and "
                f"{theirs.single_observation_space}."
            )
            _compare(ours, theirs, mode, infos=False)


def _compare(ours: Venv, theirs: Venv, mode: str, *, infos: bool) -> None:
    """Both through the same resets, seeds, masks and actions, several lifetimes long."""
    num = ours.num_envs
    rng = np.random.default_rng(num)
    ours.action_space.seed(num)
    over = np.zeros(num, dtype=bool)
    place = f"{num} copies, {mode}"

    def expect(results: list[Any], when: str) -> None:
        if not infos:
            results = [[*result[:-1], result[-1].get("final_obs")] for result in results]
        found = difference(results[0], results[1]) or difference(tasks(ours), tasks(theirs), "task")
        assert not found, (
            f"The vector environment is not Gymnasium's over single ones ({place}, {when}), {found}: copy i takes its "
            "chance from its own generator, seeded seed + i, and the family's functions work on each row alone."
        )

    def reset(seed: Any = None, options: dict[str, Any] | None = None) -> None:
        kept = copy.deepcopy(options)
        results = [ours.reset(seed=seed, options=options), theirs.reset(seed=seed, options=copy.deepcopy(kept))]
        found = difference(options, kept)
        assert not found, f"reset() changes the options that it is given, {found}: read them only ({place})."
        expect([[*result] for result in results], f"reset(seed={seed}, options={kept})")

    reset(seed=7)
    reset(seed=[100 - copy for copy in range(num)])
    task = tasks(ours)[0].copy()
    for number in range(2 * horizon(ours) + 5):
        if number in (1, 2, horizon(ours) // 2, horizon(ours) + 1):
            mask = rng.random(num) < 0.5
            mask[rng.integers(num)] = True
            # With "Disabled", copies that are over do not stay so.
            mask |= over if mode == "Disabled" else False
            seed = [None if copy % 2 else 200 + number + copy for copy in range(num)] if number == 2 else None
            options = {"reset_mask": mask, **({"task": task.tolist()} if number == 1 else {})}
            reset(seed, options)
        elif mode == "Disabled" and over.any():
            reset(options={"reset_mask": over})
        actions = ours.action_space.sample()
        results = [[*each.step(actions)] for each in (ours, theirs)]
        expect(results, f"step {number}")
        over = results[1][2] | results[1][3]
    if mode == "Disabled" and over.any():
        reset()
    reset(seed=8, options={"task": task.tolist()})


def check_adapter(id: str, **keywords: Any) -> None:
    """The SB3 adapter is SB3's ``DummyVecEnv``: observations, rewards, ends, infos and final observations."""
    if find_spec("stable_baselines3") is None:
        return
    from stable_baselines3.common.vec_env import DummyVecEnv

    for wrap in (False, True):
        venv = gym.make_vec(id, 3, **keywords)
        ours = wrappers.SB3VecEnv(wrappers.vector.PreviousActionReward(venv) if wrap else venv)

        def make(wrap: bool = wrap) -> Any:
            env = gym.make(id, **keywords)
            return wrappers.PreviousActionReward(env) if wrap else env

        theirs = DummyVecEnv([make] * 3)
        venv.action_space.seed(1)
        task = run_lifetime(gym.make(id, **keywords), seed=0)[0][2].tolist()
        for options in (None, {"task": task}):
            results = []
            for each in (ours, theirs):
                each.seed(11)
                each.set_options(options)
                results.append([each.reset(), each.reset_infos])
            _expect_adapted(results, "reset")
            for number in range(2 * horizon(venv) + 3):
                actions = venv.action_space.sample()
                results = [[*each.step(actions), each.reset_infos] for each in (ours, theirs)]
                _expect_adapted(results, f"step {number}")


def _expect_adapted(results: list[Any], when: str) -> None:
    found = difference(results[0], results[1])
    assert not found, f"SB3VecEnv is not DummyVecEnv ({when}), {found}: both give what the copies alone would give."
