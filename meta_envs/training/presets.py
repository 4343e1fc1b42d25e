"""How each environment's agent is trained: one readable table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import inf
from typing import Any

from meta_envs.wrappers.history import ENCODINGS

INPUTS = ("action", "reward", "time", "reward_encoding")
"""The switches of `PreviousActionReward`."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of one training run of `MetaRecurrentPPO`.

    Rollouts are whole lifetimes. The learning rate falls linearly from its value to 0, the entropy weight from
    ``entropy`` to ``entropy_end``.
    """

    steps: int
    """Environment steps of all copies together."""
    num_envs: int = 128
    """Copies."""
    lifetimes: int = 1
    """Lifetimes that every copy lives between two updates."""
    minibatches: int = 4
    """Minibatches of whole lifetimes that an epoch is divided into."""
    epochs: int = 4
    """Passes over a rollout."""
    learning_rate: float = 3e-3
    gamma: float = 0.9
    """Discount."""
    gae_lambda: float = 0.95
    entropy: float = 0.02
    entropy_end: float = 0.02
    value_weight: float = 0.5
    clip_range: float = 0.2
    hidden_size: int = 48
    """LSTM units (48 in the paper)."""
    shared_memory: bool = True
    """One LSTM for policy and value, as in the paper; else one each."""
    action: bool = True
    """Whether the agent sees its previous action."""
    reward: bool = True
    """Whether the agent sees its previous reward; without it, bandits fall to chance (the paper's control)."""
    time: bool = True
    """Whether the agent sees the time."""
    reward_encoding: str = "scalar"
    """"scalar" or "one_hot"."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        for name in ("steps", "num_envs", "lifetimes", "minibatches", "epochs", "hidden_size"):
            value = getattr(self, name)
            self._require(name, type(value) is int and value >= 1, "a whole number of at least 1")
        for name in ("learning_rate", "clip_range"):
            self._require(name, _is_number(value := getattr(self, name)) and 0 < value < inf, "a number above 0")
        for name in ("entropy", "entropy_end", "value_weight"):
            self._require(name, _is_number(value := getattr(self, name)) and 0 <= value < inf, "a number of at least 0")
        self._require("gamma", _is_number(self.gamma) and 0 < self.gamma <= 1, "a number above 0, at most 1")
        self._require("gae_lambda", _is_number(self.gae_lambda) and 0 <= self.gae_lambda <= 1, "a number from 0 to 1")
        for name in ("shared_memory", "action", "reward", "time"):
            self._require(name, isinstance(getattr(self, name), bool), "true or false")
        self._require("reward_encoding", self.reward_encoding in ENCODINGS, " or ".join(map(repr, ENCODINGS)))
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
        """Keyword arguments of `LstmPolicy`: its heads are linear in the LSTM's output, as in the paper."""
        return {"lstm_hidden_size": self.hidden_size, "shared_memory": self.shared_memory, "net_arch": []}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


DEPENDENT = Preset(steps=4_000_000, num_envs=64, epochs=8, entropy_end=0.0)

PRESETS: dict[str, Preset] = {
    "MetaBandit-Independent-v0": Preset(steps=16_000_000, minibatches=8, entropy=0.05, entropy_end=0.0),
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
    "MetaHarlow-Symbolic-v0": Preset(steps=3_000_000, num_envs=256, epochs=8, entropy_end=0.0),
}


def preset_of(id: str, **settings: Any) -> Preset:
    """The preset of an id, or for others that of the dependent arms, with other settings if any.

    Raises:
        ValueError: If there is no such setting, or a value makes no sense.
    """
    return PRESETS.get(id, DEPENDENT).change(**settings)
