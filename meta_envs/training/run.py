"""What a training run is: everything that decides it, and with it the agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import torch as th

from meta_envs.agents.cards import refuse_family
from meta_envs.agents.interface import describe_interface
from meta_envs.agents.plays import PLAYS
from meta_envs.arguments import require_whole
from meta_envs.networks.policy import RecurrentPolicy
from meta_envs.registry import make_family
from meta_envs.seeds import CHOOSING, TRAINING
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.settings import Preset
from meta_envs.wrappers import SB3VecEnv
from meta_envs.wrappers.vector import history

LEAST = 16
"""Lifetimes of an evaluation, whatever they cost, and of the choice of an agent's play."""
CHOOSING_SHARE = 0.3
"""Steps of that choice, beside those of the training; without backward passes they cost a small part of that."""


def afford(share: float, steps: int, cost: int) -> int:
    """As many lifetimes, of a cost in steps, as a share of a run's steps makes, but no fewer than `LEAST`."""
    return max(int(share * steps / cost), LEAST)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What decides a training run, and with it the agent.

    Args:
        id: The environment.
        seed: At least 0, below 2**19.
        keywords: Values of the environment's keywords.
        preset: The settings; by default those of the id.
        init: Of the agent whose weights it begins with, id, seed and the SHA-256 of the weights.
        extends: Steps of the finished runs that it extends, one after the other.
    """

    id: str
    seed: int = 1
    keywords: dict[str, Any] = field(default_factory=dict)
    preset: Preset
    init: dict[str, Any] | None = None
    extends: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse nonsense before anything is written."""
        for keywords in (self.keywords, *(easier for _, easier in self.preset.curriculum)):
            if not _is_table(keywords):
                raise ValueError(f"keywords={keywords!r} are not possible: give names with plain numbers and strings.")
            refuse_family(keywords)
        self._refuse_other_stages()
        object.__setattr__(self, "seed", require_whole("seed", self.seed, 0, TRAINING.last_seed))
        require_whole("num_envs", self.preset.num_envs, 1, TRAINING.size)

    def _refuse_other_stages(self) -> None:
        family = make_family(self.id, **self.keywords)
        interface = describe_interface(family, self.preset.inputs)
        for _, easier in self.preset.curriculum:
            stage = make_family(self.id, **{**self.keywords, **easier})
            if stage.horizon != family.horizon or describe_interface(stage, self.preset.inputs) != interface:
                raise ValueError(
                    f"The stage {easier} of the curriculum has other lifetimes, observations or actions than {self.id} "
                    "itself: leave those keywords out."
                )

    @property
    def card(self) -> dict[str, Any]:
        """The same as it stands in an agent's card, JSON."""
        card = {"id": self.id, "keywords": self.keywords, "seed": self.seed, "preset": asdict(self.preset)}
        began = {"init": self.init, "extends": self.extends}
        card |= {name: value for name, value in began.items() if value}
        return dict(json.loads(json.dumps(card)))

    @property
    def choosing_seeds(self) -> range:
        """Of the lifetimes by which its agent's play is chosen, as many as are worth their time."""
        horizon = make_family(self.id, **self.keywords).horizon
        return self.held_out_seeds[: afford(CHOOSING_SHARE, self.preset.steps, len(PLAYS) * horizon)]

    @property
    def held_out_seeds(self) -> range:
        """Of the lifetimes by which the run is followed, and its agent's play chosen."""
        return CHOOSING.lifetimes(CHOOSING.size, self.seed)

    def stage_at(self, steps: int) -> int:
        """Stage of the curriculum after so many steps; the last one, and that of extended runs, is the id's own."""
        if self.extends:
            return len(self.preset.curriculum)
        return sum(steps >= until * self.preset.steps for until, _ in self.preset.curriculum)

    def make_env(self, steps: int = 0) -> SB3VecEnv:
        """The copies, of the curriculum's stage after so many steps, with the history that the agent sees."""
        stages = [*(easier for _, easier in self.preset.curriculum), {}]
        keywords = {**self.keywords, **stages[self.stage_at(steps)]}
        venv = gym.make_vec(self.id, num_envs=self.preset.num_envs, **keywords)
        venv = history.PreviousActionReward(venv, **self.preset.inputs)
        if self.preset.expected_reward or self.preset.regret:
            venv = history.ExpectedReward(venv, regret=self.preset.regret)
        env = SB3VecEnv(venv)
        env.seed(TRAINING.lifetimes(self.preset.num_envs, self.seed).start)
        return env

    def go_on(self, model: MetaRecurrentPPO) -> None:
        """At the end of a rollout, change the model's copies for those of the next stage, if it has come to that."""
        steps, rollout = model.num_timesteps, model.n_steps * model.n_envs
        if self.stage_at(steps) != self.stage_at(steps - rollout):
            model.set_env(self.make_env(steps))
            assert model.env is not None
            model._last_obs = model.env.reset()
            model._last_episode_starts = np.ones(model.n_envs, bool)

    def make_model(self, env: SB3VecEnv, device: str = "cpu") -> MetaRecurrentPPO:
        """RecurrentPPO as the preset has it."""
        preset, family = self.preset, make_family(self.id, **self.keywords)
        num_steps = preset.unroll or preset.lifetimes * family.horizon
        network: dict[str, Any] = dict(preset.network)
        if isinstance(env.observation_space, gym.spaces.Box):
            network["parts"] = describe_interface(family, preset.inputs)["inputs"]
        if preset.optimizer == "rmsprop":
            network |= {"optimizer_class": th.optim.RMSprop, "optimizer_kwargs": {"alpha": 0.99, "eps": 1e-5}}
        model = MetaRecurrentPPO(
            RecurrentPolicy,
            env,
            n_steps=num_steps,
            batch_size=preset.num_envs * num_steps // preset.minibatches,
            n_epochs=preset.epochs,
            learning_rate=_linear(preset.learning_rate, preset.learning_rate_end),
            ent_coef=_linear(preset.entropy, preset.entropy_end),
            gamma=preset.gamma if preset.gamma_end is None else _farther(preset.gamma, preset.gamma_end),
            gae_lambda=preset.gae_lambda,
            vf_coef=preset.value_weight,
            clip_range=preset.clip_range,
            normalize_advantage=preset.normalize_advantage,
            max_grad_norm=preset.max_grad_norm,
            policy_kwargs=network,
            seed=self.seed,
            device=device,
        )
        # The model's own seed() is for its generators; the copies have seeds that no other run uses.
        env.seed(TRAINING.lifetimes(self.preset.num_envs, self.seed).start)
        return model


def _is_table(keywords: Any) -> bool:
    """Whether they are keywords that a card can hold."""
    try:
        json.dumps(keywords)
    except TypeError:
        return False
    return isinstance(keywords, dict) and all(isinstance(name, str) for name in keywords)


def _linear(start: float, end: float) -> Callable[[float], float]:
    """As a function of the progress remaining, from 1 to 0; below that, where the last rollout overshoots, as at 0."""
    return lambda remaining: end + (start - end) * max(remaining, 0.0)


def _farther(start: float, end: float) -> Callable[[float], float]:
    """Discounts whose horizons are equally far apart, as a function of the progress remaining, from 1 to 0."""
    horizon = _linear(1.0 / (1.0 - start), 1.0 / (1.0 - end))
    return lambda remaining: 1.0 - 1.0 / horizon(remaining)
