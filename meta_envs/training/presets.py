"""How each environment's agent is trained: one readable table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import pairwise
from math import inf
from typing import Any

from meta_envs.wrappers.history import ENCODINGS

MEMORIES = ("lstm", "gru", "rnn", "stacked", "feedforward")
ENCODERS = ("small", "places", "paper")
CHOICES = {
    "optimizer": ("adam", "rmsprop"),
    "memory": MEMORIES,
    "encoder": ENCODERS,
    "reward_encoding": ENCODINGS,
}
"""Settings that are one of several words."""
INPUTS = ("action", "reward", "time", "reward_encoding")
"""The switches of `PreviousActionReward`."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of one training run of `MetaRecurrentPPO`.

    Rollouts are whole lifetimes. Learning rate and entropy weight go linearly from their values to those at the end.
    """

    steps: int
    """Environment steps of all copies together."""
    curriculum: tuple[tuple[float, dict[str, Any]], ...] = ()
    """Easier tasks to begin with: until which share of the steps, and the values of the environment's keywords."""
    num_envs: int = 128
    """Copies."""
    lifetimes: int = 1
    """Lifetimes that every copy lives between two updates."""
    unroll: int | None = None
    """Steps that it lives instead, where lifetimes are long; gradients then go back to the rollout's beginning."""
    minibatches: int = 4
    """Minibatches of whole lifetimes that an epoch is divided into."""
    epochs: int = 4
    """Passes over a rollout."""
    optimizer: str = "adam"
    """"adam", or "rmsprop" as in the paper."""
    learning_rate: float = 3e-3
    learning_rate_end: float = 0.0
    gamma: float = 0.9
    """Discount."""
    gamma_end: float | None = None
    """Discount at the end, if another: the horizon, 1 / (1 - discount), goes there linearly."""
    gae_lambda: float = 0.95
    entropy: float = 0.02
    entropy_end: float = 0.02
    value_weight: float = 0.5
    clip_range: float = 0.2
    normalize_advantage: bool = True
    max_grad_norm: float = 0.5
    """Longest gradient of a minibatch; longer ones are shortened to it."""
    memory: str = "lstm"
    """"lstm", "gru", "rnn", "stacked" (two LSTMs, the paper's figure 1c) or "feedforward" (none)."""
    hidden_size: int | tuple[int, int] = 48
    """Units of the memory (48 in the paper), two numbers if it is stacked."""
    forget_bias: float = 0.0
    """Added to the first bias of an LSTM's forget gates: above 0 it remembers for longer from the beginning."""
    shared_memory: bool = True
    """One memory for policy and value, as in the paper; else one each."""
    encoder: str = "small"
    """Of images: "small"; "places", features of each place of the image; or "paper" (Mirowski et al. 2016)."""
    action: bool = True
    """Whether the agent sees its previous action."""
    reward: bool = True
    """Whether the agent sees its previous reward; without it, bandits fall to chance (the paper's control)."""
    time: bool = True
    """Whether the agent sees the time."""
    reward_encoding: str = "scalar"
    """"scalar" or "one_hot"."""
    evaluations: int = 20
    """Times that the policy lives held-out lifetimes during the run."""
    patience: int | None = None
    """Evaluations without a better return after which the run stops early; never by default."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        object.__setattr__(self, "curriculum", _check_curriculum(self.curriculum))
        for name in ("steps", "num_envs", "lifetimes", "minibatches", "epochs"):
            self._require(name, _is_count(getattr(self, name)), "a whole number of at least 1")
        unrolls = self.unroll is None or _is_count(self.unroll)
        self._require("unroll", unrolls, "a whole number of at least 1, or null")
        for name in ("learning_rate", "clip_range", "max_grad_norm"):
            self._require(name, _is_number(value := getattr(self, name)) and 0 < value < inf, "a number above 0")
        for name in ("learning_rate_end", "entropy", "entropy_end", "value_weight"):
            self._require(name, _is_number(value := getattr(self, name)) and 0 <= value < inf, "a number of at least 0")
        self._require("forget_bias", _is_number(self.forget_bias) and abs(self.forget_bias) < inf, "a number")
        self._require("gamma", _is_number(self.gamma) and 0 < self.gamma <= 1, "a number above 0, at most 1")
        discounts = self.gamma_end is None or (_is_number(self.gamma_end) and 0 < self.gamma_end < 1 > self.gamma)
        self._require("gamma_end", discounts, "null, or a number between 0 and 1 with gamma below 1")
        self._require("gae_lambda", _is_number(self.gae_lambda) and 0 <= self.gae_lambda <= 1, "a number from 0 to 1")
        for name in ("normalize_advantage", "shared_memory", "action", "reward", "time"):
            self._require(name, isinstance(getattr(self, name), bool), "true or false")
        for name, choices in CHOICES.items():
            self._require(name, getattr(self, name) in choices, " or ".join(map(repr, choices)))
        sizes: Any = self.hidden_size
        if isinstance(sizes, list):  # as JSON and a command line have it
            object.__setattr__(self, "hidden_size", tuple(sizes))
        sizes = self.hidden_size if self.memory == "stacked" else (self.hidden_size, 1)
        fits = isinstance(sizes, tuple) and len(sizes) == 2 and all(map(_is_count, sizes))
        wanted = "two whole numbers, as in [256, 64]," if self.memory == "stacked" else "a whole number of at least 1"
        self._require("hidden_size", fits, f"{wanted} for memory={self.memory!r}")
        self._require("evaluations", type(self.evaluations) is int and self.evaluations >= 0, "a whole number")
        patient = self.patience is None or (type(self.patience) is int and 1 <= self.patience < self.evaluations)
        self._require("patience", patient, f"a whole number from 1, below the {self.evaluations} evaluations, or null")
        if self.num_envs * self.lifetimes % self.minibatches:
            raise ValueError(
                f"minibatches={self.minibatches} do not divide the {self.num_envs * self.lifetimes} lifetimes of a "
                "rollout: give a divisor."
            )

    def _require(self, name: str, fits: bool, wanted: str) -> None:
        if not fits:
            raise ValueError(f"{name}={getattr(self, name)!r} is not possible: give {wanted}.")

    def change(self, **settings: Any) -> Preset:
        """The same preset with other values.

        Raises:
            ValueError: If there is no such setting, or a value makes no sense.
        """
        known = [field.name for field in fields(self)]
        for name, value in settings.items():
            if name not in known:
                near = get_close_matches(name, known, 3) or known
                raise ValueError(
                    f"There is no setting {name!r} (given as {value!r}): it is one of {', '.join(near)}; "
                    "keywords of the environment are given apart, with --env or keywords=."
                )
        return replace(self, **settings)

    @property
    def inputs(self) -> dict[str, Any]:
        """The switches of `PreviousActionReward`."""
        return {name: getattr(self, name) for name in INPUTS}

    @property
    def network(self) -> dict[str, Any]:
        """Keyword arguments of `RecurrentPolicy`: its heads are linear in the memory's output, as in the paper."""
        return {
            "memory": self.memory,
            "lstm_hidden_size": self.hidden_size,
            "forget_bias": self.forget_bias,
            "shared_memory": self.shared_memory,
            "encoder": self.encoder,
            "net_arch": [],
        }


def _check_curriculum(stages: Any) -> tuple[tuple[float, dict[str, Any]], ...]:
    """The stages as tuples, which JSON and a command line have as lists."""
    try:
        checked = tuple((float(until), dict(keywords)) for until, keywords in stages)
        shares = [0.0, *(until for until, _ in checked), 1.0]
        rising = all(before < after for before, after in pairwise(shares))
    except (TypeError, ValueError):
        rising = False
    if not rising:
        raise ValueError(
            f"curriculum={stages!r} is not possible: give pairs of a share, rising between 0 and 1, and a table of "
            'keywords, as in [[0.5, {"corridor": 2}]].'
        )
    return checked


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


DEPENDENT = Preset(steps=4_000_000, num_envs=64, epochs=8, entropy_end=0.0)

PRESETS: dict[str, Preset] = {
    "MetaBandit-Independent-v0": Preset(
        steps=20_000_000,
        minibatches=8,
        learning_rate=2e-3,
        gamma_end=0.98,
        entropy=0.05,
        entropy_end=0.0,
        hidden_size=96,
    ),
    "MetaBandit-Dependent-v0": DEPENDENT,
    "MetaBandit-DependentEasy-v0": DEPENDENT,
    "MetaBandit-DependentMedium-v0": DEPENDENT,
    "MetaBandit-DependentHard-v0": DEPENDENT,
    # Returns are up to 25: with a heavier value the shared LSTM would learn little else.
    "MetaBandit-Informative-v0": Preset(
        steps=1_000_000, num_envs=256, entropy=0.1, entropy_end=0.0, value_weight=0.02, reward_encoding="one_hot"
    ),
    "MetaBandit-Restless-v0": DEPENDENT,
    "MetaBandit-RestlessLow-v0": DEPENDENT,
    "MetaBandit-RestlessHigh-v0": DEPENDENT,
    "MetaTwoStep-v0": Preset(steps=2_000_000, num_envs=256, entropy_end=0.0),
    "MetaTwoStep-Switching-v0": Preset(steps=6_000_000, num_envs=64, epochs=8, entropy_end=0.0),
    # By chance a goal of the full size is found once in 9,000 lifetimes.
    "MetaNavigation-IMazeGrid-v0": Preset(
        steps=6_000_000,
        curriculum=(
            (0.2, {"corridor": 2, "arm": 4}),
            (0.3, {"corridor": 3, "arm": 6}),
            (0.4, {"corridor": 5, "arm": 10}),
        ),
        num_envs=64,
        epochs=8,
        gamma=0.97,
        entropy=0.03,
        entropy_end=0.0,
        value_weight=0.02,
        hidden_size=64,
    ),
    # Apples everywhere teach to see and to steer; then there are fewer, and the goal is worth more.
    "MetaNavigation-RandomMaze-v0": Preset(
        steps=4_000_000,
        curriculum=((0.15, {"num_apples": 40}), (0.3, {"num_apples": 15})),
        num_envs=48,
        unroll=150,
        minibatches=8,
        epochs=3,
        learning_rate=1e-3,
        gamma=0.97,
        entropy=0.005,
        entropy_end=0.001,
        value_weight=0.02,
        memory="stacked",
        hidden_size=(64, 64),
        encoder="places",
    ),
    "MetaHarlow-v0": Preset(
        steps=2_000_000,
        unroll=60,
        minibatches=8,
        epochs=3,
        learning_rate=7e-4,
        gamma=0.93,
        entropy=0.01,
        entropy_end=0.001,
        memory="stacked",
        hidden_size=(64, 64),
        encoder="places",
    ),
    "MetaHarlow-Symbolic-v0": Preset(steps=3_000_000, num_envs=256, epochs=8, entropy_end=0.0),
    # From a bandit in state 0 to longer inner episodes; a reward that has no noise is known once it is seen.
    "MetaMDP-Tabular-v0": Preset(
        steps=24_000_000,
        curriculum=(
            (0.08, {"num_episodes": 50, "episode_length": 2, "noise_sd": 0.0}),
            (0.2, {"num_episodes": 20, "episode_length": 5, "noise_sd": 0.0}),
            (0.35, {"noise_sd": 0.0}),
        ),
        minibatches=16,
        learning_rate=2e-3,
        gamma=0.3,
        gamma_end=0.85,
        gae_lambda=0.9,
        entropy=0.05,
        entropy_end=0.0,
        hidden_size=128,
        forget_bias=1.0,
    ),
}


A2C = Preset(
    steps=2_000_000,
    num_envs=1,
    minibatches=1,
    epochs=1,
    optimizer="rmsprop",
    learning_rate=7e-4,
    learning_rate_end=7e-4,
    gamma=0.8,
    gae_lambda=1.0,
    entropy=1.0,
    entropy_end=0.0,
    value_weight=0.05,
    normalize_advantage=False,
)
"""Advantage actor-critic with the values of the paper's table 1 for bandits: one epoch over one full batch of one
lifetime, 20,000 lifetimes, RMSProp, entropy weight annealed from 1 to 0. Learning rate and discount were tuned there,
and stand here as others use them. The loss of the value is SB3's, its squared error without a half, RMSProp is torch's
with SB3's constants, and gradients are clipped as by SB3; none of it has been compared with the paper's equations."""

A2C_PRESETS: dict[str, Preset] = {
    "MetaBandit-Independent-v0": A2C,
    "MetaBandit-Dependent-v0": A2C,
    "MetaBandit-DependentEasy-v0": A2C,
    "MetaBandit-DependentMedium-v0": A2C,
    "MetaBandit-DependentHard-v0": A2C,
    "MetaBandit-Restless-v0": A2C,
    "MetaBandit-Informative-v0": A2C.change(
        steps=100_000, learning_rate=1e-3, learning_rate_end=1e-3, reward_encoding="one_hot"
    ),
    "MetaTwoStep-v0": A2C.change(steps=400_000, gamma=0.9, entropy=0.05, entropy_end=0.05),
    "MetaTwoStep-Switching-v0": A2C.change(steps=4_000_000, gamma=0.9, entropy=0.05, entropy_end=0.05),
    "MetaHarlow-Symbolic-v0": A2C.change(
        steps=20_000_000,
        num_envs=32,
        learning_rate=7.5e-4,
        learning_rate_end=7.5e-4,
        gamma=0.91,
        entropy=0.001,
        entropy_end=0.001,
        value_weight=0.4,
        hidden_size=256,
    ),
}

KINDS = {"recommended": (PRESETS, DEPENDENT), "a2c": (A2C_PRESETS, A2C)}
"""Of each kind the presets by id, and that of all other ids."""


def preset_of(id: str, kind: str = "recommended", **settings: Any) -> Preset:
    """The preset of an id, or for others that of the bandits, with other settings if any.

    Args:
        id: The environment.
        kind: "recommended", or "a2c": the paper's own algorithm and values, which are slower to learn.
        **settings: Values of `Preset`'s fields.

    Raises:
        ValueError: If there is no such kind or setting, or a value makes no sense.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no preset {kind!r}: it is {' or '.join(map(repr, KINDS))}.")
    presets, other = KINDS[kind]
    return presets.get(id, other).change(**settings)
