"""How each environment's agent is trained: one readable table."""

from __future__ import annotations

from typing import Any

from meta_envs.training.settings import Preset

OTHERS = Preset(steps=4_000_000, num_envs=64, epochs=8, entropy_end=0.0)
"""For ids that have none of their own, of which nothing is known: many steps, and it looks ten steps ahead."""

# What is chosen decides little about what is learned of these tasks, so that nothing is lost by looking less far ahead;
# short horizons have less noise.
SHORT = Preset(steps=1_000_000, num_envs=64, learning_rate=5e-3, gamma=0.2, entropy_end=0.0, forget_bias=1.0)

PRESETS: dict[str, Preset] = {
    "MetaBandit-Independent-v0": Preset(
        steps=12_000_000,
        num_envs=256,
        minibatches=8,
        gamma_end=0.995,
        gae_lambda=0.9,
        entropy_end=0.0,
        regret=True,
    ),
    "MetaBandit-Dependent-v0": SHORT.change(steps=800_000),
    "MetaBandit-DependentEasy-v0": SHORT.change(steps=800_000),
    "MetaBandit-DependentMedium-v0": SHORT.change(steps=800_000),
    "MetaBandit-DependentHard-v0": SHORT.change(steps=2_000_000),
    # Returns are up to 25: with a heavier value the shared LSTM would learn little else.
    "MetaBandit-Informative-v0": Preset(
        steps=1_000_000, num_envs=256, entropy=0.1, entropy_end=0.0, value_weight=0.02, reward_encoding="one_hot"
    ),
    "MetaBandit-Restless-v0": SHORT,
    "MetaBandit-RestlessLow-v0": SHORT,
    "MetaBandit-RestlessHigh-v0": SHORT,
    # Where the other arm is given up before it is known what a good one is worth, nothing is found.
    "MetaBandit-Gaussian-v0": Preset(
        steps=1_500_000,
        curriculum=((0.3, {"prior_mean": 0.0}),),
        num_envs=64,
        learning_rate=5e-3,
        gamma=1.0,
        entropy=0.03,
        entropy_end=0.0,
        value_weight=0.002,
        expected_reward=True,
        hidden_size=24,
    ),
    "MetaTwoStep-v0": SHORT.change(num_envs=256, gamma=0.5),
    "MetaTwoStep-Switching-v0": SHORT.change(steps=2_000_000, gamma=0.5),
    # By chance a goal of the full size is found once in 9,000 lifetimes.
    "MetaNavigation-IMazeGrid-v0": Preset(
        steps=12_000_000,
        curriculum=(
            (0.15, {"corridor": 2, "arm": 4}),
            (0.25, {"corridor": 3, "arm": 6}),
            (0.35, {"corridor": 5, "arm": 10}),
            (0.6, {"corridor": 7, "arm": 14}),
        ),
        num_envs=64,
        epochs=8,
        gamma=0.97,
        entropy=0.03,
        entropy_end=0.0,
        value_weight=0.02,
        hidden_size=64,
    ),
    "MetaNavigation-IMaze-v0": Preset(
        steps=16_000_000,
        num_envs=96,
        unroll=150,
        minibatches=16,
        epochs=3,
        learning_rate=7e-4,
        gamma=0.985,
        gae_lambda=0.97,
        entropy=0.01,
        entropy_end=0.001,
        value_weight=0.02,
        memory="stacked",
        hidden_size=(64, 64),
        forget_bias=2.0,
        encoder="places",
    ),
    # Apples everywhere teach to see and to steer. From goal to goal it is farther than in the I-maze, hence the unroll.
    "MetaNavigation-RandomMaze-v0": Preset(
        steps=8_000_000,
        curriculum=((0.2, {"num_apples": 10}),),
        num_envs=48,
        unroll=300,
        minibatches=16,
        epochs=3,
        learning_rate=1e-3,
        gamma=0.985,
        gamma_end=0.992,
        gae_lambda=0.97,
        entropy=0.01,
        entropy_end=0.001,
        value_weight=0.02,
        memory="stacked",
        hidden_size=(64, 64),
        forget_bias=2.0,
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
    "MetaHarlow-Symbolic-v0": SHORT.change(gamma=0.6),
    # The fast weights are read alike in all states, so that what is learned in one holds in the others.
    "MetaMDP-Tabular-v0": Preset(
        steps=4_000_000,
        minibatches=16,
        learning_rate=2e-3,
        gamma=0.3,
        gamma_end=0.85,
        gae_lambda=0.9,
        entropy=0.05,
        entropy_end=0.0,
        memory="fast_weights",
        hidden_size=64,
    ),
}
"""The recommended presets by id."""

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

KINDS = {
    "recommended": (PRESETS, OTHERS),
    "a2c": (A2C_PRESETS, A2C),
}
"""Of each kind the presets by id, and that of all other ids."""


def preset_of(id: str, kind: str = "recommended", /, **settings: Any) -> Preset:
    """The preset of an id, or for others one that is not tuned, with other settings if any.

    Args:
        id: The environment.
        kind: "recommended"; or "a2c": the paper's own algorithm and values, which are slower to learn.
        **settings: Values of `Preset`'s fields.

    Raises:
        ValueError: If there is no such kind or setting, or a value makes no sense.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no preset {kind!r}: it is {' or '.join(map(repr, KINDS))}.")
    presets, other = KINDS[kind]
    return presets.get(id, other).change(**settings)
