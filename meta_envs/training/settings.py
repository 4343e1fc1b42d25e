"""What a training run can be told: the settings of a preset, and which values they may have."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from meta_envs.arguments import is_number, is_whole, to_plain
from meta_envs.networks.kinds import ENCODERS, MEMORIES
from meta_envs.wrappers.history import ENCODINGS, INPUTS

CHOICES = {
    "optimizer": ("adam", "rmsprop"),
    "memory": MEMORIES,
    "encoder": ENCODERS,
    "reward_encoding": ENCODINGS,
}
"""Settings that are one of several words."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of one training run of `MetaRecurrentPPO`.

    Rollouts are whole lifetimes, unless `unroll` cuts them. Learning rate and entropy weight go linearly from their
    values to those at the end.
    """

    steps: int
    """Environment steps of all copies together."""
    curriculum: tuple[tuple[float, dict[str, Any]], ...] = ()
    """Easier tasks to begin with: until which share of the steps, and the values of the environment's keywords."""
    num_envs: int = 128
    """Copies."""
    lifetimes: int = 1
    """Lifetimes of every copy in a rollout, between two updates."""
    unroll: int | None = None
    """Steps of a rollout instead, where lifetimes are long; gradients then go back to the rollout's beginning."""
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
    expected_reward: bool = False
    """Whether it learns from the mean rewards of its actions (`ExpectedReward`), which are less noisy; it sees what was
    drawn."""
    regret: bool = False
    """Whether it learns from regret, the mean rewards of its actions less that of the best one, which have hardly any
    noise; of bandits only. Its values are then of regret too."""
    max_grad_norm: float = 0.5
    """Longest gradient of a minibatch; longer ones are shortened to it."""
    memory: str = "lstm"
    """"lstm", "gru", "rnn", "stacked" (two LSTMs, the paper's figure 1c), "fast_weights" (an LSTM with an associative
    memory) or "feedforward" (none)."""
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
    """Evaluations of the policy in held-out lifetimes during the run."""
    patience: int | None = None
    """Evaluations without a better return after which the run stops early; never by default."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        for field in fields(self):
            object.__setattr__(self, field.name, to_plain(getattr(self, field.name)))  # cards are JSON
        object.__setattr__(self, "curriculum", _check_curriculum(self.curriculum))
        for name in ("steps", "num_envs", "lifetimes", "minibatches", "epochs"):
            self._require(name, _is_count(getattr(self, name)), "a whole number of at least 1")
        unrolls = self.unroll is None or _is_count(self.unroll)
        self._require("unroll", unrolls, "a whole number of at least 1, or null")
        for name in ("learning_rate", "clip_range", "max_grad_norm"):
            self._require(name, is_number(value := getattr(self, name)) and value > 0, "a number above 0")
        for name in ("learning_rate_end", "entropy", "entropy_end", "value_weight"):
            self._require(name, is_number(value := getattr(self, name)) and value >= 0, "a number of at least 0")
        self._require("forget_bias", is_number(self.forget_bias), "a number")
        self._require("gamma", is_number(self.gamma) and 0 < self.gamma <= 1, "a number above 0, at most 1")
        discounts = self.gamma_end is None or (is_number(self.gamma_end) and 0 < self.gamma_end < 1 > self.gamma)
        self._require("gamma_end", discounts, "null, or a number between 0 and 1 with gamma below 1")
        self._require("gae_lambda", is_number(self.gae_lambda) and 0 <= self.gae_lambda <= 1, "a number from 0 to 1")
        for name in ("normalize_advantage", "expected_reward", "regret", "shared_memory", "action", "reward", "time"):
            self._require(name, isinstance(getattr(self, name), bool), "true or false")
        for name, choices in CHOICES.items():
            self._require(name, getattr(self, name) in choices, " or ".join(map(repr, choices)))
        shown = self.action or self.memory != "fast_weights"
        self._require("action", shown, "true, or another memory than 'fast_weights', which keeps what was done")
        sizes: Any = self.hidden_size
        if isinstance(sizes, list):  # as JSON and a command line have it
            object.__setattr__(self, "hidden_size", tuple(sizes))
        sizes = self.hidden_size if self.memory == "stacked" else (self.hidden_size, 1)
        fits = isinstance(sizes, tuple) and len(sizes) == 2 and all(map(_is_count, sizes))
        wanted = "two whole numbers, as in [256, 64]," if self.memory == "stacked" else "a whole number of at least 1"
        self._require("hidden_size", fits, f"{wanted} for memory={self.memory!r}")
        self._require("evaluations", is_whole(self.evaluations, 0), "a whole number")
        patient = self.patience is None or is_whole(self.patience, 1, self.evaluations - 1)
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
    return is_whole(value, 1)
