"""Trained agents: a file of weights with a card in it, and a learner that plays them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from safetensors import safe_open
from safetensors.torch import save as to_bytes

from meta_envs.family import Array, TaskFamily
from meta_envs.files import write_atomically
from meta_envs.learners import Learner
from meta_envs.records import record
from meta_envs.training.policy import LstmPolicy
from meta_envs.training.presets import INPUTS
from meta_envs.wrappers.history import History

FORMAT = 1
"""Of the card."""
PLAYS = ("greedy", "sampled")
CARD = ("format", "id", "keywords", "seed", "preset", "network", "inputs", "interface", "play")
NETWORK = ("lstm_hidden_size", "shared_memory", "net_arch")
INTERFACE = ("num_actions", "inputs", "observation_low", "observation_high", "reward_values")


class Agent(Learner):
    """A trained recurrent policy as a learner: frozen weights, and a memory that is cleared when lifetimes begin.

    Args:
        policy: The network.
        card: What is known of it: id, keywords, seed, preset, network, inputs, interface, play and more; JSON-able.

    Attributes:
        play: "greedy" (the most probable action) or "sampled"; by default as the card says. Others are refused.
        label: What its name begins with, where several agents stand side by side.
        memory: Hidden states (num, num_layers * hidden_size) float32 after the newest `act`, for analysis.
    """

    def __init__(self, policy: LstmPolicy, card: dict[str, Any]) -> None:
        self.policy = policy
        self.card = card
        self.play = card.get("play", "sampled")
        self.label = "agent"

    @property
    def play(self) -> str:
        """How it chooses: "greedy" or "sampled"."""
        return self._play

    @play.setter
    def play(self, play: str) -> None:
        if play not in PLAYS:
            raise ValueError(f"play={play!r} is not possible: it is 'greedy' or 'sampled'.")
        self._play = play

    @property
    def name(self) -> str:  # type: ignore[override]
        """With the way it plays."""
        return f"{self.label} ({self.play})"

    @classmethod
    def from_policy(
        cls, policy: LstmPolicy, family: TaskFamily, network: dict[str, Any], card: dict[str, Any]
    ) -> Agent:
        """An agent with a copy of a policy that was trained on a family; ``network`` are its keyword arguments."""
        inputs = {name: card["preset"][name] for name in INPUTS}
        known = {"network": network, "inputs": inputs, "interface": describe_interface(family, inputs)}
        card = {"format": FORMAT, "play": "sampled", **card, **known}
        return cls(_make_policy(card, policy.state_dict()), card)

    def save(self, path: Path) -> None:
        """Write weights and card to one safetensors file, whole or not at all."""
        weights = {name: tensor.contiguous() for name, tensor in self.policy.state_dict().items()}
        write_atomically(path, to_bytes(weights, {"card": json.dumps(self.card)}))

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Clear the memory.

        Raises:
            ValueError: If the family's interface is not the one that the agent was trained with: actions, inputs,
                bounds of the observation and, where they are shown one-hot, the distinct rewards.
        """
        found, known = describe_interface(family, self.card["inputs"]), self.card["interface"]
        for name in INTERFACE:
            if found[name] != known[name]:
                raise ValueError(
                    f"This agent, of {self.card['id']}, has {name} {known[name]}, and {family!r} has {found[name]}: "
                    "train one for it, or evaluate this one where they are the same."
                )
        self._history = _history(family, self.card["inputs"])
        self._num, self._rng, self._steps = num, rng, 0
        self._past = np.tile(self._history.blank, (num, 1))
        zeros = th.zeros(self.policy.lstm_actor.num_layers, num, self.policy.lstm_actor.hidden_size)
        self._state, self._goes_on = (zeros, zeros), th.zeros(num)

    @property
    def memory(self) -> Array:
        """Hidden states (num, num_layers * hidden_size) float32."""
        return self._state[0].transpose(0, 1).flatten(1).numpy().copy()

    def action_probs(self, observation: Array) -> Array:
        """Probabilities of the actions (num, A) float64, given observations (num, ...); moves the memory on."""
        inputs = th.as_tensor(self._history.beside(observation, self._past))
        with th.no_grad():
            distribution, self._state = self.policy.get_distribution(inputs, self._state, self._goes_on)
        return distribution.distribution.probs.double().numpy()

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        probs = self.action_probs(observation)
        if self.play == "greedy":
            return np.argmax(probs, axis=-1)
        return np.sum(self._rng.random((self._num, 1)) >= np.cumsum(probs[:, :-1], axis=-1), axis=-1)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Remember the step; what came of it is in the next observation."""
        self._steps += 1
        self._past = self._history.past(action, reward, self._steps)


def _history(family: TaskFamily, inputs: dict[str, Any]) -> History:
    return History(family, family.observation_space, family.action_space, **inputs, horizon=None, reward_values=None)


def _make_policy(card: dict[str, Any], weights: dict[str, th.Tensor]) -> LstmPolicy:
    interface = card["interface"]
    policy = LstmPolicy(
        spaces.Box(-np.inf, np.inf, (sum(width for _, width in interface["inputs"]),)),
        spaces.Discrete(interface["num_actions"]),
        lambda _: 0.0,
        **card["network"],
    )
    try:
        policy.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError("its weights do not fit its card") from error
    policy.set_training_mode(False)
    return policy


def describe_interface(family: TaskFamily, inputs: dict[str, Any]) -> dict[str, Any]:
    """What must be alike for an agent to act.

    Returns:
        A JSON-able table: ``num_actions``; ``inputs``, name and width of each part of the flat input, in order;
        ``observation_low`` and ``observation_high``, the bounds of its first part, null where there is none; and
        ``reward_values``, where the previous reward is shown one-hot, else null.

    Raises:
        ValueError: If the observations are not flat, or the actions not counted from 0.
    """
    history, actions = _history(family, inputs), family.action_space
    if not (isinstance(history.space, spaces.Box) and isinstance(actions, spaces.Discrete) and actions.start == 0):
        raise ValueError(
            f"Agents take flat observations and discrete actions counted from 0, and {family!r} has {history.space} "
            f"and {actions}."
        )
    past = [(name, place.stop - place.start) for name, place in history._slices.items()]
    observed = history.space.shape[0] - sum(width for _, width in past)
    one_hot = inputs["reward"] and inputs["reward_encoding"] == "one_hot"
    return {
        "num_actions": int(actions.n),
        "inputs": [[name, width] for name, width in (("observation", observed), *past)],
        "observation_low": _bounds(history.space.low[:observed]),
        "observation_high": _bounds(history.space.high[:observed]),
        "reward_values": [float(value) for value in family.reward_values or ()] if one_hot else None,
    }


def _bounds(values: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def load_agent(path: str | Path, *, play: str | None = None) -> Agent:
    """Read an agent; nothing in the file is executed.

    Args:
        path: The agent's file, or the directory of its run.
        play: "greedy" or "sampled"; by default as its card says.

    Raises:
        ValueError: If there is no such file, it is not a whole agent of a known format with finite weights, or there
            is no such play.
    """
    file = Path(path)
    file = file / "agent.safetensors" if file.is_dir() else file
    if not file.is_file():
        raise ValueError(f"There is no agent at {str(path)!r}: give the file or the directory that training wrote.")
    try:
        with safe_open(file, framework="pt") as opened:
            card = json.loads((opened.metadata() or {}).get("card", "null"))
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        _require_whole(card, weights)
        agent = Agent(_make_policy(card, weights), card)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{file} is not a whole agent ({reason}): train it again, or copy it again.") from error
    if play is not None:
        agent.play = play
    return agent


def _require_whole(card: Any, weights: dict[str, th.Tensor]) -> None:
    if not isinstance(card, dict):
        raise ValueError(f"its card is {str(card)[:40]!r}, no table")
    if card.get("format", FORMAT) != FORMAT:
        raise ValueError(f"its format is {card['format']!r}, and this version reads {FORMAT}")
    if missing := [name for name in CARD if name not in card]:
        raise ValueError(f"its card lacks {', '.join(missing)}")
    for name in ("keywords", "preset", "network", "inputs", "interface"):
        if not isinstance(card[name], dict):
            raise ValueError(f"its card's {name} is {str(card[name])[:40]!r}, no table")
    for name, keys in (("network", NETWORK), ("inputs", INPUTS), ("interface", INTERFACE)):
        if card[name].keys() != set(keys):
            raise ValueError(f"its card's {name} is of {', '.join(card[name])}, not of {', '.join(keys)}")
    for name, tensor in weights.items():
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"its weights {name} are not all finite")


def choose_play(agent: Agent, family: TaskFamily, first_seed: int, num: int) -> None:
    """Let the card say which way of playing is the agent's own: that with the higher expected return.

    Args:
        agent: The agent, whose card is changed.
        family: The family that it was trained on.
        first_seed: Of the ``num`` lifetimes; training seeds, so that nothing of an evaluation is used.
        num: Lifetimes.
    """
    means = {}
    for way in PLAYS:
        agent.play = way
        (lived,) = record([agent], family, range(first_seed, first_seed + num), first_seed)
        means[way] = float(np.mean(lived.expected))
    agent.play = agent.card["play"] = max(means, key=means.__getitem__)
