"""Trained agents: a file of weights with a card in it, and a learner that plays them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from meta_envs.family import Array, TaskFamily
from meta_envs.files import write_atomically
from meta_envs.learners import Learner
from meta_envs.records import record
from meta_envs.training.policy import LstmPolicy
from meta_envs.wrappers.history import History

FORMAT = 1
PLAYS = ("greedy", "sampled")


class Agent(Learner):
    """A trained recurrent policy as a learner: frozen weights, and a memory that is cleared when lifetimes begin.

    Args:
        policy: The network.
        card: What is known of it: id, keywords, seed, preset, network, inputs, interface, play and more; JSON-able.

    Attributes:
        play: "greedy" (the most probable action) or "sampled"; by default as the card says.
        memory: Hidden states (num, num_layers * hidden_size) float32 after the newest `act`, for analysis.
    """

    def __init__(self, policy: LstmPolicy, card: dict[str, Any]) -> None:
        self.policy = policy
        self.card = card
        self.play: str = card.get("play", "sampled")

    @property
    def name(self) -> str:  # type: ignore[override]
        """With the way it plays."""
        return f"agent ({self.play})"

    @classmethod
    def from_policy(
        cls, policy: LstmPolicy, family: TaskFamily, network: dict[str, Any], card: dict[str, Any]
    ) -> Agent:
        """An agent with a copy of a policy that was trained on a family; ``network`` are its keyword arguments."""
        inputs = {name: card["preset"][name] for name in ("action", "reward", "time", "reward_encoding")}
        interface = describe_interface(family, inputs)
        card = {"format": FORMAT, **card, "network": network, "inputs": inputs, "interface": interface}
        return cls(_make_policy(card, policy.state_dict()), card)

    def save(self, path: Path) -> None:
        """Write weights and card to one safetensors file, whole or not at all."""
        weights = {name: tensor.contiguous() for name, tensor in self.policy.state_dict().items()}
        write_atomically(path, to_bytes(weights, {"card": json.dumps(self.card)}))

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Clear the memory.

        Raises:
            ValueError: If the family's observations or actions are not those that the agent was trained with.
        """
        found, known = describe_interface(family, self.card["inputs"]), self.card["interface"]
        for name, value in known.items():
            if found[name] != value:
                raise ValueError(
                    f"This agent, of {self.card['id']}, has {name} {value}, and {family!r} has {found[name]}: "
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
        spaces.Box(-np.inf, np.inf, tuple(interface["observation_shape"])),
        spaces.Discrete(interface["num_actions"]),
        lambda _: 0.0,
        **card["network"],
    )
    policy.load_state_dict(weights)
    policy.set_training_mode(False)
    return policy


def describe_interface(family: TaskFamily, inputs: dict[str, Any]) -> dict[str, Any]:
    """What must be alike for an agent to act: numbers seen (shape of the flat input) and actions."""
    space, actions = _history(family, inputs).space, family.action_space
    if not isinstance(space, spaces.Box) or not isinstance(actions, spaces.Discrete):
        raise ValueError(
            f"Agents take flat observations and discrete actions, and {family!r} has {space} and {actions}."
        )
    return {"observation_shape": list(space.shape), "num_actions": int(actions.n)}


def load_agent(path: str | Path, *, play: str | None = None) -> Agent:
    """Read an agent; nothing in the file is executed.

    Args:
        path: The agent's file, or the directory of its run.
        play: "greedy" or "sampled"; by default as its card says.

    Raises:
        ValueError: If there is no such file, it is not a whole agent, or it is of another format.
    """
    file = Path(path)
    file = file / "agent.safetensors" if file.is_dir() else file
    if not file.is_file():
        raise ValueError(f"There is no agent at {str(path)!r}: give the file or the directory that training wrote.")
    try:
        with safe_open(file, framework="pt") as opened:
            card = json.loads((opened.metadata() or {})["card"])
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ValueError(f"{file} is not a whole agent ({error}): train it again, or copy it again.") from error
    if card.get("format") != FORMAT:
        raise ValueError(f"{file} has format {card.get('format')}, and this version reads {FORMAT}: train it again.")
    try:
        agent = Agent(_make_policy(card, weights), card)
    except RuntimeError as error:
        raise ValueError(f"The weights in {file} do not fit its card: train it again.") from error
    if play is not None:
        if play not in PLAYS:
            raise ValueError(f"play={play!r} is not possible: it is 'greedy' or 'sampled'.")
        agent.play = play
    return agent


def choose_play(agent: Agent, family: TaskFamily, first_seed: int, num: int = 2000) -> None:
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
