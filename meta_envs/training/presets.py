"""How each environment's agent is trained: one readable table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any


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
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} is not possible: give a whole number of at least 1.")
        if self.num_envs * self.lifetimes % self.minibatches:
            raise ValueError(
                f"minibatches={self.minibatches} do not divide the {self.num_envs * self.lifetimes} lifetimes of a "
                "rollout: give a divisor."
            )

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
        return {name: getattr(self, name) for name in ("action", "reward", "time", "reward_encoding")}


DEPENDENT = Preset(steps=4_000_000, num_envs=64, epochs=8, entropy_end=0.0)

PRESETS: dict[str, Preset] = {
    "MetaBandit-Independent-v0": Preset(steps=16_000_000, minibatches=8, entropy=0.05, entropy_end=0.0),
    "MetaBandit-Dependent-v0": DEPENDENT,
    "MetaBandit-DependentEasy-v0": DEPENDENT,
    "MetaBandit-DependentMedium-v0": DEPENDENT,
    "MetaBandit-DependentHard-v0": DEPENDENT,
}


def preset_of(id: str, **settings: Any) -> Preset:
    """The preset of an id, or for others that of the dependent arms, with other settings if any.

    Raises:
        ValueError: If there is no such setting, or a value makes no sense.
    """
    return PRESETS.get(id, DEPENDENT).change(**settings)
