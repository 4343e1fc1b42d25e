"""Runs survive a kill, agents survive a file, and what does not fit is refused in one sentence."""

import io
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from children import start
from families import TWO_ARMED_IDS
from gymnasium import spaces
from safetensors.torch import load_file
from stable_baselines3.common.callbacks import BaseCallback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import meta_envs
from meta_envs import cli
from meta_envs.agents import AgentCard
from meta_envs.agents.interface import describe_interface
from meta_envs.agents.tensors import pack, unpack
from meta_envs.families.dependent import DependentBandit
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.returns import record
from meta_envs.training import Agent, MetaRecurrentPPO, RecurrentPolicy, TrainingStopped, load_agent, snapshots, train
from meta_envs.training.held_out import HeldOut
from meta_envs.training.presets import KINDS, PRESETS, preset_of
from meta_envs.training.run import Run
from meta_envs.training.settings import Preset

ID = "MetaBandit-Dependent-v0"
TINY: dict[str, Any] = {"steps": 2400, "num_envs": 8, "minibatches": 2, "epochs": 2, "hidden_size": 8}
KEYWORDS = {"num_trials": 10}


def tiny(directory: Path, id: str = ID, **changes: Any) -> Path:
    """A run of a second or two."""
    return train(id, directory=directory, **{"keywords": KEYWORDS, "progress": False, **TINY, **changes})


@pytest.fixture(scope="module")
def agent_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny trained agent."""
    return tiny(tmp_path_factory.mktemp("run"), tensorboard=True)


def assert_same_weights(one: Path, other: Path) -> None:
    """Equal to the last bit."""
    weights, others = load_file(one), load_file(other)
    assert weights.keys() == others.keys()
    for name, tensor in weights.items():
        assert th.equal(tensor, others[name]), name


OTHER_VALUES: dict[str, Any] = {
    "steps": 400,
    "curriculum": ((0.5, {"low": 0.9}),),
    "num_envs": 6,
    "lifetimes": 2,
    "unroll": 5,
    "minibatches": 4,
    "epochs": 1,
    "optimizer": "rmsprop",
    "learning_rate": 1e-3,
    "learning_rate_end": 2e-3,
    "gamma": 0.5,
    "gamma_end": 0.5,
    "gae_lambda": 0.5,
    "entropy": 0.5,
    "entropy_end": 0.5,
    "value_weight": 0.1,
    "clip_range": 0.01,
    "normalize_advantage": False,
    "expected_reward": True,
    "regret": True,
    "max_grad_norm": 0.01,
    "memory": "gru",
    "hidden_size": 7,
    "forget_bias": 2.0,
    "shared_memory": False,
    "action": False,
    "reward": False,
    "time": False,
    "reward_encoding": "one_hot",
}
NOT_OF_THE_WEIGHTS = {"evaluations", "patience", "encoder"}
"""What a run without images and with a fixed end learns does not depend on these."""


@pytest.fixture(scope="module")
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shorter run than `agent_path`."""
    return tiny(tmp_path_factory.mktemp("short"), steps=800, evaluations=0)


def test_every_setting_has_another_value() -> None:
    """Below; none is forgotten."""
    assert OTHER_VALUES.keys() | NOT_OF_THE_WEIGHTS == {field.name for field in fields(Preset)}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_every_setting_reaches_the_training(name: str, short_path: Path, tmp_path: Path) -> None:
    """With another value another agent is made."""
    other = tiny(tmp_path, **{"steps": 800, "evaluations": 0, name: OTHER_VALUES[name]})
    with pytest.raises(AssertionError):
        assert_same_weights(short_path, other)


def test_the_same_seed_gives_the_same_agent_and_another_seed_another(agent_path: Path, tmp_path: Path) -> None:
    """A run is decided by id, keywords, settings and seed alone."""
    assert_same_weights(agent_path, tiny(tmp_path / "again"))
    with pytest.raises(AssertionError):
        assert_same_weights(agent_path, tiny(tmp_path / "other", seed=2))


def die(directory: Path, step: int, delay: float, changes: dict[str, Any]) -> None:
    """Train until SIGKILL, so many seconds after the beginning of the rollout that a step is in."""

    def kill() -> None:
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGKILL)

    killer, collect = threading.Thread(target=kill), MetaRecurrentPPO.collect_rollouts

    def collect_rollouts(model: MetaRecurrentPPO, *arguments: Any, **keywords: Any) -> bool:
        if model.num_timesteps + model.n_steps * model.n_envs > step and not killer.is_alive():
            killer.start()
        return collect(model, *arguments, **keywords)

    MetaRecurrentPPO.collect_rollouts = collect_rollouts
    tiny(directory, **changes)
    killer.join()


def die_and_resume(directory: Path, edges: Sequence[int], **changes: Any) -> Path:
    """A run that is killed once between any two of the steps, at other moments every time, and then finished."""
    checkpoint, agent = directory / "checkpoint.pt", directory / "agent.safetensors"
    rng = np.random.default_rng()
    for low, high in itertools.pairwise(edges):
        step, delay = int(rng.integers(low, high)), rng.uniform(0.0, 0.03)
        print(f"killed {delay:.4f} s after the beginning of the rollout of step {step}")
        begun = {**changes, "resume": checkpoint.exists(), "checkpoint_seconds": 0.0}  # one every rollout
        process = start(die, directory, step, delay, begun)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        if changes.get("tensorboard"):
            second = int(time.time())  # its files are in the order of their seconds
            while int(time.time()) == second:
                time.sleep(0.01)
    return tiny(directory, **changes, resume=checkpoint.exists() or agent.exists())


def read_curves(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every curve, as TensorBoard shows them; without the speed, which is the machine's."""
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag != "time/fps"]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


@pytest.mark.bits
def test_a_killed_run_resumes_to_the_same_weights_and_the_same_curves(agent_path: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments changes nothing in the end: no weight, no evaluation, no point of TensorBoard's."""
    killed = die_and_resume(tmp_path, (0, 800, 1600, 2400), tensorboard=True)
    assert_same_weights(agent_path, killed)
    assert load_agent(killed).card.curve == load_agent(agent_path).card.curve
    curves = read_curves(tmp_path)
    assert curves == read_curves(agent_path.parent)
    assert [step for step, _ in curves["train/loss"]] == [step for step, _ in curves["rollout/lifetime_return_mean"]]
    assert [step for step, _ in curves["train/loss"]] == list(range(80, 2401, 80))
    assert [step for step, _ in curves["eval/score"]] == [-(-120 * k // 80) * 80 for k in range(1, 21)]


def test_curves_of_steps_that_are_made_again_are_not_shown_twice(
    agent_path: Path, checkpoint_path: Path, tmp_path: Path
) -> None:
    """A checkpoint that is older than what TensorBoard has seen: the later steps are those of the resumed run."""
    for path in (checkpoint_path, *agent_path.parent.glob("events.*")):
        shutil.copy(path, tmp_path)
    tiny(tmp_path, resume=True, tensorboard=True)
    assert len(list(tmp_path.glob("events.*"))) == 2
    assert read_curves(tmp_path) == read_curves(agent_path.parent)


EASIER: dict[str, Any] = {"num_values": 2, "low": 0.1, "high": 0.9}


@pytest.mark.parametrize("unroll", [None, 7])
def test_a_killed_curriculum_resumes_to_the_same_weights(unroll: int | None, tmp_path: Path) -> None:
    """It died once in every stage, and also where rollouts cut lifetimes."""
    changes = {"curriculum": [[0.3, EASIER], [0.6, {**EASIER, "low": 0.25}]], "unroll": unroll, "gamma_end": 0.95}
    changes |= {"memory": "stacked", "hidden_size": [6, 4], "steps": 1600}
    whole = tiny(tmp_path / "whole", **changes)
    assert_same_weights(whole, die_and_resume(tmp_path / "killed", (0, 480, 960, 1600), **changes))


@pytest.mark.bits
def test_a_killed_run_on_images_resumes_to_the_same_weights(tmp_path: Path) -> None:
    """What SB3 puts around environments with images is no part of a checkpoint."""
    changes: dict[str, Any] = {"id": "MetaHarlow-v0", "keywords": {"resolution": 36, "num_decisions": 40}}
    changes |= {"curriculum": [[0.5, {"num_trials": 1}]], "steps": 800, "unroll": 10, "hidden_size": [6, 4]}
    whole = tiny(tmp_path / "whole", **changes)
    assert_same_weights(whole, die_and_resume(tmp_path / "killed", (0, 400, 800), **changes))


@pytest.mark.bits
def test_networks_see_contiguous_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """In rollouts and in updates: a kernel, and with it the last bits, hangs on the layout of what it is given."""
    changes: dict[str, Any] = {"steps": 80, "unroll": 10, "num_envs": 4, "minibatches": 2, "evaluations": 0}
    keywords = {"resolution": 36, "num_decisions": 40}
    run = Run(id="MetaHarlow-v0", keywords=keywords, preset=preset_of("MetaHarlow-v0", **changes))
    model = run.make_model(run.make_env())
    seen: list[bool] = []
    extract = RecurrentPolicy.extract_features

    def watch(self: Any, obs: Any, *args: Any) -> Any:
        seen.extend(part.is_contiguous() for part in obs.values())
        return extract(self, obs, *args)

    monkeypatch.setattr(RecurrentPolicy, "extract_features", watch)
    model.learn(80)
    assert len(seen) > 100
    assert all(seen)


def test_a_curriculum_goes_from_stage_to_stage_and_ends_at_the_environment(tmp_path: Path) -> None:
    """At the first rollout that ends past a share; every stage begins with a lifetime, with the memory cleared."""
    settings = {**TINY, "steps": 400, "curriculum": [[0.4, EASIER], [0.6, {**EASIER, "low": 0.2, "high": 0.8}]]}
    run = Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **settings))
    model = run.make_model(run.make_env())
    found = []

    class Follow(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            tasks = np.concatenate(self.training_env.get_attr("task"))
            found.append(
                (self.num_timesteps, float(tasks.min()), bool(self.model.rollout_buffer.episode_starts[0].all()))
            )
            run.go_on(self.model)

    model.learn(400, callback=Follow())
    assert [steps for steps, *_ in found] == [80, 160, 240, 320, 400]
    assert all(begins for *_, begins in found)
    assert [low for _, low, _ in found[:3]] == pytest.approx([0.1, 0.1, 0.2])
    assert not {0.1, 0.2, 0.8, 0.9} & {round(low, 6) for _, low, _ in found[3:]}


@pytest.mark.parametrize(
    ("curriculum", "message"),
    [
        ([[0.5]], "curriculum=.* is not possible: give pairs of a share"),
        ([[1.5, {}]], "rising between 0 and 1"),
        ([[0.5, {}], [0.4, {}]], "rising between 0 and 1"),
        ([[0.5, {"num_trials": 5}]], "has other lifetimes, observations or actions than"),
        ([[0.5, {"low": 2}]], "low=2"),
    ],
)
def test_impossible_curricula_are_refused(curriculum: Any, message: str, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=message):
        tiny(tmp_path / "run", curriculum=curriculum)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_stops_early_where_it_would_have(tmp_path: Path) -> None:
    """What the patience has seen is part of the checkpoint; so is RMSProp's state."""
    changes = {
        "steps": 4000,
        "preset": "a2c",
        "patience": 3,
        "learning_rate": 1e-9,
        "learning_rate_end": 0.0,
        "memory": "gru",
    }
    whole = tiny(tmp_path / "whole", **changes)
    card = load_agent(whole).card
    # Nothing is learned after the first evaluation, which is at the first rollout's end (80 steps each) from 200 on.
    assert [step for step, *_ in card.curve["held_out"]] == [240, 400, 640, 800]
    assert card.steps == 800
    stop_at(640, tmp_path / "stopped", **changes)
    resumed = tiny(tmp_path / "stopped", **changes, resume=True)
    for other in (resumed, die_and_resume(tmp_path / "killed", (0, 400, 800), **changes)):
        assert_same_weights(whole, other)
        assert load_agent(other).card.curve == card.curve


@pytest.mark.parametrize(
    ("gain", "stops"), [(0.0, 4), (0.01, None), (-1.0, 4), ("noise", 4)], ids=["flat", "rising", "falling", "noise"]
)
def test_a_plateau_is_where_returns_rise_by_no_more_than_their_noise(
    gain: Any, stops: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every lifetime a little better is a rise; some better and some worse by ten times as much is none."""
    means = itertools.count()

    def evaluate(*_: Any) -> Array:
        number = next(means)
        if gain == "noise":
            return 5.0 + 0.01 * number + np.random.default_rng(number).permutation(np.tile([0.2, -0.2], 8))
        return np.arange(16.0) + gain * number

    monkeypatch.setattr(HeldOut, "evaluate", evaluate)
    card = load_agent(tiny(tmp_path, patience=3, steps=1600, epochs=1)).card
    assert len(card.curve["held_out"]) == (stops or 20)
    assert card.steps < 1600 if stops else card.steps == 1600


def test_patience_begins_with_the_environment_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No easier stage of a curriculum ends a run, for its agent has yet to see what it is measured by."""
    monkeypatch.setattr(HeldOut, "evaluate", lambda *_: np.arange(16.0))
    card = load_agent(tiny(tmp_path, patience=3, steps=1600, epochs=1, curriculum=[[0.5, EASIER]])).card
    # An evaluation every rollout of 80 steps; the first that counts is that at which the last stage has begun.
    assert card.steps == 960


def test_rates_end_at_their_end_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the steps are no multiple of the rollout, and the last one overshoots."""
    update, rates = MetaRecurrentPPO.train, []

    def follow(model: MetaRecurrentPPO) -> None:
        update(model)
        assert callable(model.ent_coef)
        entropy = model.ent_coef(model._current_progress_remaining)
        rates.append((model.policy.optimizer.param_groups[0]["lr"], entropy))

    monkeypatch.setattr(MetaRecurrentPPO, "train", follow)
    tiny(tmp_path, steps=200, learning_rate=1e-3, learning_rate_end=0.0, entropy=0.5, entropy_end=0.25)
    assert np.array(rates) == pytest.approx(np.array([[6e-4, 0.4], [2e-4, 0.3], [0.0, 0.25]]))


def test_a_kill_after_the_training_loses_nothing(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's play is still to be chosen, which may take long: resuming needs no update again."""

    def kill(_: Agent, family: TaskFamily, seeds: range) -> None:
        assert 2 * len(seeds) * family.horizon == 0.3 * TINY["steps"]
        raise KeyboardInterrupt

    monkeypatch.setattr("meta_envs.training.trainer.choose_play", kill)
    with pytest.raises(KeyboardInterrupt):
        tiny(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(MetaRecurrentPPO, "train", None)
    resumed = tiny(tmp_path, resume=True)
    assert_same_weights(agent_path, resumed)
    assert load_agent(resumed).card.curve == load_agent(agent_path).card.curve


@pytest.mark.parametrize("id", [id for id in PRESETS if meta_envs.make_family(id).horizon <= 200])
def test_presets_choose_their_play_by_many_lifetimes(id: str) -> None:
    """Where lifetimes are short: as a third of the steps makes in both plays, and all seeds of a run at most."""
    preset, horizon = preset_of(id), meta_envs.make_family(id).horizon
    num = len(Run(id=id, preset=preset).choosing_seeds)
    assert num == min(4096, int(0.3 * preset.steps / (2 * horizon))) >= 450


def test_long_lifetimes_are_few() -> None:
    """Neither the choice of a play nor the evaluations take more than a share of the run, except for 16 lifetimes."""
    id = "MetaNavigation-IMaze-v0"
    run = Run(id=id, preset=preset_of(id, steps=4_000_000, evaluations=20))
    assert len(run.choosing_seeds) == 666  # twice 900 steps each of 1,200,000
    assert len(HeldOut(run, run.held_out_seeds)._seeds) == 22  # 20 times 900 steps each of 400,000
    short = Run(id=id, preset=preset_of(id, steps=1))
    assert len(short.choosing_seeds) == len(HeldOut(short, short.held_out_seeds)._seeds) == 16


@pytest.mark.bits
def test_evaluation_leaves_the_training_alone(agent_path: Path, tmp_path: Path) -> None:
    """A run without evaluation gives the same weights; no global random stream moves."""
    never = tiny(tmp_path, evaluations=0)
    assert load_agent(never).card.curve["held_out"] == []
    assert_same_weights(agent_path, never)
    run = Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **TINY))
    model = run.make_model(run.make_env())
    before = th.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    held_out = HeldOut(run, run.held_out_seeds)
    assert np.array_equal(held_out.evaluate(model.policy), held_out.evaluate(model.policy))
    held_out.scale()
    assert th.equal(th.get_rng_state(), before[0])
    assert (random.getstate(), str(np.random.get_state())) == before[1:]  # noqa: NPY002


def test_the_last_evaluation_is_of_the_agent(agent_path: Path) -> None:
    """The curve ends with what the written agent does in the run's held-out lifetimes, scored against the optimum's."""
    agent = load_agent(agent_path, play="sampled")
    run = Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **TINY))
    family = meta_envs.make_family(ID, **KEYWORDS)
    optimum = meta_envs.solve(family)
    # A tenth of the 2400 steps, for 20 evaluations of lifetimes of 10 steps, would be one lifetime: 16 are the least.
    played, best = record([agent, optimum.policy], family, run.held_out_seeds[:16], run.held_out_seeds.start)
    step, value, score = agent.card.curve["held_out"][-1]
    assert (step, value) == (TINY["steps"], round(float(np.mean(played.expected)), 4))
    lost = np.mean(best.expected) - np.mean(played.expected)
    assert score == pytest.approx(1 - lost / (optimum.value - optimum.random_value), abs=1e-4)


@pytest.mark.parametrize("scored", [True, False])
def test_the_bar_shows_intervals_and_no_bare_score(
    scored: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the score lifetime by lifetime beside the optimum, whose luck is the same, or of the mean return."""
    evaluate, found = HeldOut.evaluate, []

    def follow(held_out: HeldOut, policy: Any) -> Array:
        found.append((evaluate(held_out, policy), held_out.scale()))
        return found[-1][0]

    monkeypatch.setattr(HeldOut, "evaluate", follow)
    if not scored:
        monkeypatch.setattr(HeldOut, "scale", lambda _: None)
    path = tiny(tmp_path, progress=True, steps=800, evaluations=5)
    intervals = []
    for (returns, scale), (_, mean, score) in zip(found, load_agent(path).card.curve["held_out"], strict=True):
        lowest, unit = scale or (0.0, 1.0)
        shown = (returns - lowest) / unit
        assert np.mean(shown) == pytest.approx(score if scored else mean, abs=1e-4)
        half = 2.1314 * np.std(shown, ddof=1) / 4  # 16 lifetimes; Student's t with 15 degrees of freedom
        name, low, high = "score" if scored else "held out", np.mean(shown) - half, np.mean(shown) + half
        intervals.append(f"{name} {low:.2f} to {high:.2f}")
    printed = re.findall(r"(?:score|held out) -?\d+\.\d\d to -?\d+\.\d\d", capsys.readouterr().err)
    assert printed
    assert set(printed) <= set(intervals)


@pytest.mark.parametrize(("num_trials", "scored"), [(100, True), (101, False)])
def test_scores_are_where_the_optimum_is_quick_to_have(num_trials: int, scored: bool) -> None:
    """Lifetimes longer than the id's own may take minutes to solve."""
    run = Run(id=ID, keywords={"num_trials": num_trials}, preset=preset_of(ID, steps=1))
    assert (HeldOut(run, run.held_out_seeds).scale() is not None) == scored


def test_a_missing_tensorboard_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setattr("meta_envs.training.curves.SummaryWriter", None)
    with pytest.raises(ImportError, match=r"^TensorBoard is not installed: pip install 'meta-envs\[train\]'"):
        tiny(tmp_path / "run", tensorboard=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device", ["cuda:99", "meta", "gpu"])
def test_a_device_that_is_not_there_is_one_sentence(tmp_path: Path, device: str) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=rf"^device='{device}' is not possible \(.*give 'cpu', or 'cuda' where there"):
        tiny(tmp_path / "run", device=device)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not th.cuda.is_available(), reason="there is no GPU")
def test_runs_on_a_gpu_go_on_where_they_were(tmp_path: Path) -> None:
    """Its random stream is in the checkpoint too; agents are loaded on the CPU."""
    whole = tiny(tmp_path / "whole", device="cuda")
    killed = die_and_resume(tmp_path / "killed", (0, 1200, 2400), device="cuda")
    weights = load_file(whole)
    for name, tensor in load_file(killed).items():
        th.testing.assert_close(tensor, weights[name])
    assert load_agent(killed).policy.device.type == "cpu"


def test_beginning_anew_leaves_no_curve_of_the_run_before(agent_path: Path, tmp_path: Path) -> None:
    """Nor does a run without curves keep those of another agent."""
    shutil.copytree(agent_path.parent, tmp_path / "run")
    assert list((tmp_path / "run").glob("events.*"))
    tiny(tmp_path / "run", overwrite=True, steps=160)
    assert not list((tmp_path / "run").glob("events.*"))


def contents(directory: Path) -> dict[str, Any]:
    """The snapshots of a run, by name: card and weights."""
    files = {path.name: unpack(path.read_bytes()) for path in snapshots(directory)}
    return {
        name: (texts["card"], {key: array.tobytes() for key, array in arrays.items()})
        for name, (arrays, texts) in files.items()
    }


@pytest.fixture(scope="module")
def snapshots_path(agent_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run with five snapshots."""
    return tiny(tmp_path_factory.mktemp("snapshots") / "run", snapshots=5)


def test_snapshots_are_agents_from_the_first_weights_to_the_last(agent_path: Path, snapshots_path: Path) -> None:
    """Due at the shares 0, 1/16, 1/4, 9/16 and 1 of 2,400 steps; whether they are taken changes nothing."""
    assert_same_weights(agent_path, snapshots_path)
    assert load_agent(agent_path).card.curve == load_agent(snapshots_path).card.curve
    found = snapshots(snapshots_path.parent)
    assert [load_agent(path).card.steps for path in found] == [0, 160, 640, 1360, 2400]  # in rollouts of 80
    assert [path.name for path in found] == [f"step-{steps:08}.safetensors" for steps in (0, 160, 640, 1360, 2400)]
    assert_same_weights(found[-1], agent_path)
    card = load_agent(found[0]).card
    run = Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **TINY))
    untrained = run.make_model(run.make_env()).policy.state_dict()
    for name, tensor in load_file(found[0]).items():
        assert th.equal(tensor, untrained[name]), name
    assert (card.id, card.seed, card.keywords, card.date, card.wall_seconds) == (ID, 1, KEYWORDS, None, None)
    assert snapshots(agent_path.parent) == []


def test_a_killed_run_leaves_the_same_snapshots(snapshots_path: Path, tmp_path: Path) -> None:
    """To the last bit of weights and cards; and what a kill left of one is gone."""
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / ".step-00000160.safetensors.17.4").touch()
    die_and_resume(tmp_path, (0, 800, 2400), snapshots=5)
    assert contents(tmp_path) == contents(snapshots_path.parent)
    assert {path.name for path in (tmp_path / "snapshots").iterdir()} == contents(tmp_path).keys()


def test_snapshots_go_on_in_a_longer_run_and_begin_anew_in_a_new_one(snapshots_path: Path, tmp_path: Path) -> None:
    """Those of the steps before stay; of a run that is begun anew there are its own alone."""
    before = shutil.copytree(snapshots_path.parent, tmp_path / "run")
    tiny(before, resume=True, steps=4800, snapshots=5)
    assert [load_agent(path).card.steps for path in snapshots(before)] == [0, 160, 640, 1360, 2400, 2720, 4800]
    tiny(before, overwrite=True, steps=160, snapshots=9)  # in two rollouts
    assert [load_agent(path).card.steps for path in snapshots(before)] == [0, 80, 160]
    tiny(before, overwrite=True, steps=160)
    assert not contents(before)


def test_a_run_that_stops_early_has_its_last_weights(tmp_path: Path) -> None:
    """Where a callback ends it, before the last snapshot was due."""
    path = tiny(tmp_path, snapshots=3, callback=lambda known, _: known["self"].num_timesteps < 1200)
    assert [load_agent(each).card.steps for each in snapshots(tmp_path)] == [0, 640, 1200]
    assert_same_weights(snapshots(tmp_path)[-1], path)


@pytest.mark.parametrize("num", [1, -2, 2.0, True, "8", None])
def test_impossible_numbers_of_snapshots_are_refused(num: Any, tmp_path: Path) -> None:
    """One alone would be neither the first nor the last."""
    with pytest.raises(
        ValueError, match=rf"^snapshots={num!r} is not possible: give a whole number of at least 2.*\.$"
    ):
        tiny(tmp_path / "run", snapshots=num)
    assert not (tmp_path / "run").exists()


def stop_at(step: int, directory: Path, **changes: Any) -> Path:
    """The checkpoint of a run with Ctrl-C in the update at a step."""
    update = MetaRecurrentPPO.train

    def interrupted(model: MetaRecurrentPPO) -> None:
        if model.num_timesteps == step:
            signal.raise_signal(signal.SIGINT)
        update(model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetaRecurrentPPO, "train", interrupted)
        with pytest.raises(TrainingStopped):
            tiny(directory, **changes)
    return directory / "checkpoint.pt"


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the run of `agent_path`, half way."""
    return stop_at(1200, tmp_path_factory.mktemp("half"))


def train_with_little_room(most: int, directory: Path, **changes: Any) -> None:
    """Train where no file can be larger than ``most`` bytes, and write down what is said."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        tiny(directory, **changes)
    except OSError as error:
        (directory / "said.txt").write_text(str(error))


@pytest.mark.parametrize(("seconds", "step"), [(0.0, "1,200"), (1e9, "2,400")], ids=["checkpoint", "agent"])
def test_a_full_disk_leaves_the_last_checkpoint_whole(
    agent_path: Path, checkpoint_path: Path, tmp_path: Path, seconds: float, step: str
) -> None:
    """Neither a checkpoint nor an agent that finds no room harms the last checkpoint, from which the run goes on."""
    shutil.copy(checkpoint_path, tmp_path)
    before = checkpoint_path.read_bytes()
    start(train_with_little_room, 2000, tmp_path, resume=True, checkpoint_seconds=seconds).join()
    said = (tmp_path / "said.txt").read_text()
    assert re.fullmatch(rf".* takes no more at step {step} \(File too large\): make room there and resume .*\.", said)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "said.txt"}
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert_same_weights(agent_path, tiny(tmp_path, resume=True))


def test_only_writing_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that an update misses is named as such."""

    def miss(_: MetaRecurrentPPO) -> None:
        raise FileNotFoundError("no picture")

    monkeypatch.setattr(MetaRecurrentPPO, "train", miss)
    with pytest.raises(FileNotFoundError, match=r"^no picture$"):
        tiny(tmp_path)


def test_curves_that_find_no_room_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are opened, written and closed."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("SummaryWriter", "_Curves.write", "_Curves.close"):
        with monkeypatch.context() as patch:
            patch.setattr(f"meta_envs.training.curves.{name}", full)
            with pytest.raises(OSError, match=r"takes no more at step \d+ \(No space left on device\): "):
                tiny(tmp_path / name, steps=80, tensorboard=True)


@pytest.mark.parametrize("directory", ["file", "file/below", "/proc/below"])
def test_a_directory_that_takes_no_files_is_refused_before_the_training(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at the first checkpoint."""
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr(MetaRecurrentPPO, "learn", None)
    with pytest.raises(OSError, match=rf"{directory} cannot be written to \(.*\): choose another directory\.$"):
        tiny(tmp_path / directory)
    assert (tmp_path / "file").read_text() == "mine"


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_resume(tmp_path: Path) -> None:
    """SIGINT ends the command with status 130, a checkpoint, and the word --resume; other settings are refused."""
    command = [sys.executable, "-m", "meta_envs.cli", "train", ID, "--directory", str(tmp_path)]
    command += ["--set", "steps=100000000", "--set", "num_envs=8", "--env", "num_trials=10"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # the first line of progress: training goes on
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with raises_sentence("another run, of steps=100000000, not 2400"):
        tiny(tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_ctrl_c_in_the_last_update_stops_after_the_agent(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is whole, the caller is stopped, and resuming gives the agent."""
    update = MetaRecurrentPPO.train

    def interrupted(model: MetaRecurrentPPO) -> None:
        if model.num_timesteps >= TINY["steps"]:
            signal.raise_signal(signal.SIGINT)
        update(model)

    monkeypatch.setattr(MetaRecurrentPPO, "train", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingStopped, match=r"agent\.safetensors"):
        tiny(tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "checkpoint.pt").exists()
    assert_same_weights(agent_path, tiny(tmp_path, resume=True))


@pytest.mark.parametrize("threads", [0, -1, 257, 1.0, True, "2"])
def test_nonsense_for_threads_is_one_sentence(tmp_path: Path, threads: Any) -> None:
    """Before anything is written."""
    with raises_sentence(f"threads={threads!r} is not possible: give a whole number from 1 to 256."):
        tiny(tmp_path / "run", threads=threads)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("error", [None, FloatingPointError])
def test_threads_are_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None, threads: int
) -> None:
    """Training takes one thread, or as many as asked for, and gives the others back, whatever happens."""
    seen = []

    def learn(*_: Any, **__: Any) -> None:
        seen.append(th.get_num_threads())
        if error is not None:
            raise error

    monkeypatch.setattr(MetaRecurrentPPO, "learn", learn)
    before = th.get_num_threads()
    th.set_num_threads(2)
    try:
        if error is None:
            tiny(tmp_path, threads=threads)
        else:
            with pytest.raises(error):
                tiny(tmp_path, threads=threads)
        assert (seen, th.get_num_threads()) == ([threads], 2)
    finally:
        th.set_num_threads(before)


class Terminal(io.StringIO):
    """Keeps what is shown on a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_worker_thread_leaves_no_progress_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar's own thread ends with the run, also where there is no Ctrl-C to catch."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    before = set(threading.enumerate())
    worker = threading.Thread(target=lambda: tiny(tmp_path, progress=True, steps=160))
    worker.start()
    worker.join()
    assert (tmp_path / "agent.safetensors").exists()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5.0)  # a bar that is stopped does not wait for its thread
        assert not thread.is_alive()
    assert "%" in terminal.getvalue()
    assert re.search(r"seed 1: 160 of 160 steps, return -?\d+\.\d\d.*\n$", terminal.getvalue())


def test_a_run_clears_what_a_kill_left(tmp_path: Path) -> None:
    """Half a checkpoint beside its place goes; other files stay."""
    (tmp_path / ".checkpoint.pt.123").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    agent = tiny(tmp_path, steps=160)
    assert {path.name for path in tmp_path.iterdir()} == {agent.name, "end.pt", "notes.txt"}


def test_the_module_of_an_id_is_imported_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``module:id`` has the preset, the directory and the card of the id."""
    monkeypatch.chdir(tmp_path)
    independent = "MetaBandit-Independent-v0"
    settings = {"num_envs": 8, "hidden_size": 8, "steps": 80, "keywords": KEYWORDS, "progress": False}
    path = train(f"meta_envs:{independent}", **settings)
    assert path == Path("runs") / independent / "seed-1" / "agent.safetensors"
    card = load_agent(path).card
    assert card.id == independent
    assert card.preset["gamma"] == PRESETS[independent].gamma != PRESETS[ID].gamma
    assert train(independent, resume=True, **settings) == path


def test_an_agent_survives_its_file(agent_path: Path, tmp_path: Path) -> None:
    """Saved and loaded, it plays the same lifetimes the same way, and its card is whole."""
    agent = load_agent(agent_path)
    agent.save(tmp_path / "copy.safetensors")
    again = load_agent(tmp_path / "copy.safetensors")
    assert again.card == agent.card
    assert agent.card.play in ("greedy", "sampled")
    assert agent.card.preset["steps"] == TINY["steps"]
    cards = [meta_envs.evaluate(each, ID, episodes=50, **KEYWORDS) for each in (agent, again)]
    assert cards[0].regret_curve == cards[1].regret_curve


def test_the_learner_sees_what_training_saw(agent_path: Path) -> None:
    """An agent that plays by `act` and `learn` has the action probabilities of its policy behind the vector wrapper."""
    agent = load_agent(agent_path)
    venv = meta_envs.wrappers.vector.PreviousActionReward(gym.make_vec(ID, num_envs=5, **KEYWORDS))
    observation, _ = venv.reset(seed=3)
    family = meta_envs.make_family(ID, **KEYWORDS)
    agent.begin(family, 5, np.random.default_rng(0))
    run = Run(id=ID, keywords=KEYWORDS, preset=preset_of(ID, **TINY))
    policy = run.make_model(run.make_env()).policy
    policy.load_state_dict(agent.policy.state_dict())
    hidden = policy.lstm_actor.hidden_size
    state, starts = (th.zeros(1, 5, hidden), th.zeros(1, 5, hidden)), th.zeros(5)
    for _ in range(10):
        with th.no_grad():
            expected, state = policy.get_distribution(th.as_tensor(observation), state, starts)
        probs = agent.action_probs(np.zeros((5, 1), np.float32))
        np.testing.assert_allclose(probs, expected.distribution.probs.numpy(), rtol=1e-6)
        assert agent.memory.shape == (5, hidden)
        action = np.argmax(probs, axis=-1)
        observation, reward, _, _, _ = venv.step(action)
        agent.learn(action, reward.astype(int), reward)


def test_an_agent_is_evaluated_on_a_changed_prior(agent_path: Path) -> None:
    """One trained on one prior plays every other with the same interface."""
    for id in TWO_ARMED_IDS:
        card = meta_envs.evaluate(str(agent_path), id, episodes=20)
        assert 0.0 <= card.return_mean <= meta_envs.make_family(id).horizon


def raises_sentence(message: str) -> Any:
    """A ValueError of one sentence that matches."""
    return pytest.raises(ValueError, match=message)


def test_an_agent_for_other_actions_is_refused(agent_path: Path) -> None:
    """Three arms are not two: the sentence names both."""
    agent = load_agent(agent_path)
    with raises_sentence("has num_actions 2, and IndependentBandit has 3: evaluate it where they are alike"):
        agent.begin(meta_envs.make_family("MetaBandit-Independent-v0", num_arms=3), 2, np.random.default_rng(0))


@dataclass(frozen=True, kw_only=True)
class Other(DependentBandit):
    """Dependent arms with another interface of the same width."""

    high_observation: float = 1.0
    width: int = 1
    first_action: int = 0
    paid: float = 1.0

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(0.0, self.high_observation, (self.width,), np.float32)

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(2, start=self.first_action)

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (0.0, self.paid)


@pytest.mark.parametrize(
    ("encoding", "family", "message"),
    [
        ("scalar", {"high_observation": 2.0}, r"has observation_high \[1.0\], and .* has \[2.0\]: "),
        ("scalar", {"high_observation": np.inf}, r"has observation_high \[1.0\], and .* has \[None\]: "),
        ("scalar", {"width": 2}, r"has inputs \[\['observation', 1\], .* has \[\['observation', 2\]"),
        ("scalar", {"first_action": 1}, "counted from 0"),
        ("scalar", {"paid": 2.0}, None),
        ("one_hot", {"paid": 2.0}, r"has reward_values \[0.0, 1.0\], and .* has \[0.0, 2.0\]: "),
        ("one_hot", {}, None),
    ],
)
def test_an_agent_for_another_interface_is_refused(
    agent_path: Path, encoding: str, family: dict[str, Any], message: str | None
) -> None:
    """What differs is named with both values; what the agent does not see may differ."""
    agent = load_agent(agent_path)
    inputs = {**agent.card.inputs, "reward_encoding": encoding}
    agent.card = replace(agent.card, inputs=inputs, interface=describe_interface(meta_envs.make_family(ID), inputs))
    json.dumps(agent.card.to_dict(), allow_nan=False)
    if message is None:
        agent.begin(Other(**family), 2, np.random.default_rng(0))
        return
    with raises_sentence(message):
        agent.begin(Other(**family), 2, np.random.default_rng(0))


def test_inputs_in_another_order_are_refused(agent_path: Path) -> None:
    """A wrapper that writes the same parts elsewhere is another interface, of the same width."""
    agent = load_agent(agent_path)
    agent.card.interface["inputs"].reverse()
    with raises_sentence("has inputs"):
        agent.begin(meta_envs.make_family(ID), 2, np.random.default_rng(0))


def test_a_truncated_agent_is_refused(agent_path: Path, tmp_path: Path) -> None:
    """Half a file is no agent."""
    whole = agent_path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "half.safetensors").write_bytes(whole[:size])
        with raises_sentence("not a whole agent"):
            load_agent(tmp_path / "half.safetensors")


def test_a_missing_agent_is_refused(tmp_path: Path) -> None:
    """The path is in the sentence."""
    with raises_sentence("no agent at"):
        load_agent(tmp_path / "nowhere")


def test_weights_that_do_not_fit_the_card_are_refused(agent_path: Path, tmp_path: Path) -> None:
    """A card that speaks of another network is found out."""
    agent = load_agent(agent_path)
    card = json.loads(json.dumps(agent.card.to_dict()))
    card["network"]["lstm_hidden_size"] = 9
    Agent(agent.policy, AgentCard.from_dict(card)).save(tmp_path / "other.safetensors")
    with raises_sentence("do not fit its card") as raised:
        load_agent(tmp_path / "other.safetensors")
    assert "\n" not in str(raised.value)


def write_agent(path: Path, weights: dict[str, th.Tensor], card: Any) -> Path:
    """An agent's file with any card."""
    path.write_bytes(pack({name: tensor.numpy() for name, tensor in weights.items()}, card=json.dumps(card)))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: [], "card is"),
        (lambda card: None, "card is"),
        (lambda card: {}, "lacks format, id"),
        (lambda card: {**card, "format": 3}, "format is 3"),
        (lambda card: {name: value for name, value in card.items() if name != "preset"}, "lacks preset"),
        (lambda card: {**card, "network": {**card["network"], "n_lstm_layers": 1}}, "network"),
        (lambda card: {**card, "network": {**card["network"], "lstm_hidden_size": -1}}, "size -1 does not fit"),
        (lambda card: {**card, "network": {**card["network"], "lstm_hidden_size": "8"}}, "does not fit memory"),
        (lambda card: {**card, "inputs": {}}, "inputs"),
        (lambda card: {**card, "interface": None}, "interface"),
        (lambda card: {**card, "interface": {**card["interface"], "inputs": 5}}, "int"),
        (lambda card: {**card, "play": "best"}, "play='best'"),
    ],
)
def test_a_card_that_is_not_whole_is_refused(
    agent_path: Path, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    """One sentence, whatever stands in the card."""
    path = write_agent(
        tmp_path / "agent.safetensors", load_file(agent_path), change(load_agent(agent_path).card.to_dict())
    )
    with raises_sentence(f"not a whole agent.*({message})") as raised:
        load_agent(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(agent_path: Path, tmp_path: Path, value: float) -> None:
    """They are named."""
    weights = load_file(agent_path)
    weights["action_net.bias"][1] = value
    path = write_agent(tmp_path / "agent.safetensors", weights, load_agent(agent_path).card.to_dict())
    with raises_sentence("not a whole agent .*action_net.bias"):
        load_agent(path)


def test_other_plays_are_refused(agent_path: Path) -> None:
    """When loading and later; the play stays."""
    with raises_sentence("play='best'"):
        load_agent(agent_path, play="best")
    agent = load_agent(agent_path, play="greedy")
    with raises_sentence("play='Sampled'"):
        agent.play = "Sampled"
    assert agent.play == "greedy"


def test_a_directory_with_a_run_is_not_overwritten_unasked(agent_path: Path) -> None:
    """Nothing is lost, and resuming a finished run gives its agent."""
    before = agent_path.read_bytes()
    with raises_sentence("holds a run already"):
        tiny(agent_path.parent)
    assert agent_path.read_bytes() == before
    assert tiny(agent_path.parent, resume=True) == agent_path


def test_resuming_needs_a_checkpoint(tmp_path: Path) -> None:
    """Where there is none, there is nothing to go on from."""
    with raises_sentence("no checkpoint"):
        tiny(tmp_path / "none", resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 2}, "seed=1, not 2"),
        ({"keywords": {"num_trials": 11}}, "keywords={'num_trials': 10}, not {'num_trials': 11}"),
        ({"gamma": 0.8}, "gamma=0.2, not 0.8"),
        ({"id": "MetaBandit-DependentHard-v0"}, f"id='{ID}', not 'MetaBandit-DependentHard-v0'"),
    ],
)
def test_resuming_a_finished_run_as_another_is_refused(agent_path: Path, changes: dict[str, Any], message: str) -> None:
    """The card of the agent tells, and both values are named."""
    before = agent_path.read_bytes()
    wanted: dict[str, Any] = {"id": ID, "keywords": KEYWORDS, "progress": False, **TINY, **changes}
    with raises_sentence(re.escape(f"another run, of {message}: ")):
        train(directory=agent_path.parent, resume=True, **wanted)
    assert agent_path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "MetaBandit-DependentHard-v0"}, f"id='{ID}', not 'MetaBandit-DependentHard-v0'"),
        ({"keywords": {"num_trials": 11}}, "keywords={'num_trials': 10}, not {'num_trials': 11}"),
        ({"hidden_size": 9}, "hidden_size=8, not 9"),
        ({"patience": 4}, "patience=None, not 4"),
    ],
)
def test_resuming_another_run_is_refused(
    checkpoint_path: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """Of another task, or with another setting; both values are named and the checkpoint stays."""
    shutil.copy(checkpoint_path, tmp_path)
    wanted: dict[str, Any] = {"id": ID, "keywords": KEYWORDS, "progress": False, **TINY, **changes}
    with raises_sentence(re.escape(f"another run, of {message}: ")):
        train(directory=tmp_path, resume=True, **wanted)
    assert (tmp_path / "checkpoint.pt").read_bytes() == checkpoint_path.read_bytes()


@pytest.mark.parametrize("rest", [None, "of a form that is no longer there"])
def test_a_checkpoint_of_another_version_is_refused(checkpoint_path: Path, tmp_path: Path, rest: str | None) -> None:
    """The version is read first."""
    arrays, texts = unpack(checkpoint_path.read_bytes())
    head = json.dumps({**json.loads(texts["head"]), "version": "0.0.1"})
    (tmp_path / "checkpoint.pt").write_bytes(pack(arrays, head=head, content=rest or texts["content"]))
    with raises_sentence(
        rf"written by version 0\.0\.1, and this is {re.escape(meta_envs.__version__)}: resume it with"
    ):
        tiny(tmp_path, resume=True)


def test_what_is_no_whole_checkpoint_is_refused(checkpoint_path: Path, tmp_path: Path) -> None:
    """One sentence, whatever is there."""
    whole = checkpoint_path.read_bytes()
    for content in (b"", b"[1]\n", b"{}\n", whole[:6], whole[:80], whole[: len(whole) // 2], whole[:-9], whole + b"0"):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        with raises_sentence("not a whole checkpoint"):
            tiny(tmp_path, resume=True)


def test_overwriting_loses_nothing_before_it_has_something_new(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused settings, or a run that ends early, leave the old checkpoint and the old agent."""
    shutil.copy(agent_path, tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"old")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with raises_sentence("gamma=1.5"):
        tiny(tmp_path, overwrite=True, gamma=1.5)
    monkeypatch.setattr(Run, "make_model", lambda *_: np.linalg.inv(np.zeros((2, 2))))
    with pytest.raises(np.linalg.LinAlgError):
        tiny(tmp_path, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit status of ``meta-envs train``."""
    monkeypatch.setattr(sys, "argv", ["meta-envs", "train", *arguments])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    return int(raised.value.code or 0)


def test_a_loss_that_is_not_finite_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A learning rate without measure ends the command with status 2, and says where; no agent is written."""
    settings = ["--env", "num_trials=10", "--set", "num_envs=8", "--set", "learning_rate=1e30"]
    assert run_command(monkeypatch, ID, "--directory", str(tmp_path), *settings) == 2
    assert re.search(
        r"\nError: The loss is \S+ and its gradient's norm \S+ in minibatch 1 of update 1 \(step 80\);"
        r".*: lower the learning rate.*\.\n$",
        capsys.readouterr().err,
    )
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_of_finite_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that an update has ruined are not written: the checkpoint before stays, and can be resumed."""
    update = MetaRecurrentPPO.train

    def ruin(model: MetaRecurrentPPO) -> None:
        update(model)
        if model.num_timesteps == 800:
            next(model.policy.parameters()).data.view(-1)[0] = np.nan

    whole = tiny(tmp_path / "whole", steps=1600)
    monkeypatch.setattr(MetaRecurrentPPO, "train", ruin)
    with pytest.raises(FloatingPointError, match="weights are not finite after the update at step 800: "):
        tiny(tmp_path / "ruined", steps=1600, checkpoint_seconds=0.0)
    monkeypatch.undo()
    assert_same_weights(whole, tiny(tmp_path / "ruined", steps=1600, resume=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["MetaBandit-Dependnt-v0"], "MetaBandit-Dependent"),
        ([ID, "--set", "learning_rat=1"], "it is one of learning_rate, "),
        ([ID, "--preset", "a2"], "There is no preset 'a2': it is 'recommended' or 'a2c'."),
        ([ID, "--set", "patience=20"], "patience=20 is not possible: give a whole number from 1, below the 20"),
        ([ID, "--set", "steps"], "give KEY=VALUE"),
        ([ID, "--resume", "--overwrite"], "resume and overwrite are not possible together"),
    ],
)
def test_a_mistyped_command_gets_the_near_name(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, and nothing is written."""
    assert run_command(monkeypatch, *arguments, "--directory", str(tmp_path / "run")) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("Error: ")
    assert said in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_help_names_what_is_written_and_every_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, settings, and how to see the curves."""
    monkeypatch.setenv("COLUMNS", "200")
    assert run_command(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    files = ["agent.safetensors", "checkpoint.pt", "events.out.tfevents", "tensorboard --logdir runs"]
    settings = " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    assert ", ".join(field.name for field in fields(Preset)) in settings
    for word in files:
        assert word in shown


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1.0}, "learning_rate"),
        ({"steps": 0}, "steps=0"),
        ({"minibatches": 3, "num_envs": 8}, "minibatches=3"),
        *(
            ({name: value}, f"{name}={value!r} is not possible: give ")
            for names, values in (
                (("action", "reward", "time", "shared_memory"), ("no", 0, None)),
                (("learning_rate", "clip_range"), (0, -1.0, np.inf, np.nan, True, "fast")),
                (("entropy", "entropy_end", "value_weight"), (-0.1, np.inf, np.nan, False, None)),
                (("gamma",), (0.0, 1.1, np.nan, "0.9")),
                (("gae_lambda",), (-0.1, 1.1, np.nan, [0.9])),
                (("reward_encoding",), ("onehot", None, True)),
                (("hidden_size", "epochs"), (True, 8.0, 0)),
            )
            for name in names
            for value in values
        ),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """One sentence with the value or the near name, before anything is written."""
    with raises_sentence(re.escape(message)):
        preset_of(ID, **settings)


@pytest.mark.parametrize(
    "changes",
    [
        *({"keywords": keywords} for keywords in ({"num_trials": np.int64(10)}, [1], {1: 2})),
        *({"curriculum": [[0.5, easier]]} for easier in ({"num_values": np.int64(2)}, {1: 2})),
    ],
)
def test_keywords_that_no_card_can_hold_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    """Before the training, not at its end; those of a curriculum too."""
    with raises_sentence(r"^keywords=.* are not possible: give names with plain numbers and strings\.$"):
        tiny(tmp_path / "run", **changes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seconds", ["x", None, -1, np.nan])
def test_impossible_times_between_checkpoints_are_refused(seconds: Any, tmp_path: Path) -> None:
    """Before the training, not at its first rollout."""
    with raises_sentence(rf"^checkpoint_seconds={seconds!r} is not possible: give a number of at least 0\.$"):
        tiny(tmp_path / "run", checkpoint_seconds=seconds)
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_both_resumed_and_overwritten(agent_path: Path) -> None:
    """Either would lose what the other means to keep."""
    before = agent_path.read_bytes()
    with raises_sentence("^resume and overwrite are not possible together: give one of them.$"):
        tiny(agent_path.parent, resume=True, overwrite=True)
    assert agent_path.read_bytes() == before


@pytest.mark.parametrize("seed", [-1, 2**20, 1.5, True])
def test_impossible_seeds_are_refused(seed: Any, tmp_path: Path) -> None:
    """Training seeds stay below those of evaluation."""
    with raises_sentence("seed="):
        tiny(tmp_path / "run", seed=seed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_presets_are_of_registered_ids(kind: str) -> None:
    """No preset is left behind under an old name."""
    presets, _ = KINDS[kind]
    assert set(presets) <= set(meta_envs.ids())


@pytest.mark.parametrize(
    ("id", "kind", "said"),
    [(ID, "recommended", False), (ID, "a2c", False), ("MetaNavigation-IMazeGrid-v0", "a2c", True)],
)
def test_an_id_without_a_preset_is_told_so(
    id: str, kind: str, said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and the run goes on."""
    short: dict[str, Any] = {"num_envs": 8, "steps": 80, "minibatches": 1, "evaluations": 0}
    train(id, directory=tmp_path, preset=kind, progress=False, **short)
    line = f"{id} has no preset of its own, but one for unknown tasks: expect to tune it.\n"
    assert capsys.readouterr().err == line * said
