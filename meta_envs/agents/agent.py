"""Trained agents: a file of weights with a card in it, and a learner that plays them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch as th

from meta_envs.agents import cards
from meta_envs.agents.cards import AgentCard
from meta_envs.agents.interface import (
    IMAGE,
    INTERFACE,
    describe_interface,
    history_of,
    space_of,
)
from meta_envs.agents.plays import PolicyLearner
from meta_envs.agents.tensors import pack, unpack
from meta_envs.arguments import in_a_line, require_whole
from meta_envs.errors import CannotServe
from meta_envs.family import Array, TaskFamily
from meta_envs.files import is_there, parse_json, reading, write_atomically
from meta_envs.learners.order import watch_act, where
from meta_envs.networks.actor_critic import ActorCritic, distribution_of, log_probs_of
from meta_envs.networks.memories import add_forget_bias
from meta_envs.networks.threads import torch_threads
from meta_envs.registry import ids, suggest_id
from meta_envs.wrappers.history import INPUTS


class Agent(PolicyLearner):
    """A trained recurrent policy as a learner: frozen weights, and a memory that is cleared when lifetimes begin.

    It needs PyTorch and safetensors, and nothing that trains.

    Args:
        policy: The network.
        card: What is known of it.

    Attributes:
        play: "greedy" (the most probable action) or "sampled"; by default as the card says. Others are refused.
        label: What its name begins with, where several agents stand side by side.
        memory: Hidden states (num, units) float32 after the newest `act`, for analysis.
        state: All that it remembers (num, numbers) float32 then, cells included; ``columns`` says what is where.
        probs: Probabilities of the actions (num, A) float64 at the newest `act`.
        values: Values (num,) float32 that the network gave at the newest `act`, for analysis.
    """

    def __init__(self, policy: ActorCritic, card: AgentCard) -> None:
        self.policy = policy
        self.card = card
        self.play = card.play
        self.label = "agent"

    @classmethod
    def from_policy(cls, policy: Any, family: TaskFamily, network: dict[str, Any], card: dict[str, Any]) -> Agent:
        """An agent with a copy of a policy's weights.

        Args:
            policy: A `RecurrentPolicy` or an `ActorCritic`, on any device.
            family: What it was trained on.
            network: The policy's keyword arguments, `meta_envs.networks.kinds.NETWORK`.
            card: What else is known of it, by the names of `AgentCard`: id, keywords, seed, preset and more.

        Raises:
            ValueError: If the weights are not of such a network.
        """
        inputs = {name: card["preset"][name] for name in INPUTS}
        made = AgentCard(**card, network=network, inputs=inputs, interface=describe_interface(family, inputs))
        weights = {name: tensor.cpu().numpy() for name, tensor in _weights(policy).items()}
        return cls(_make_policy(made, weights).to(policy.device), made)

    def untrained(self, seed: int = 0) -> Agent:
        """An agent with the same network and fresh weights, drawn as training draws those of the memory.

        Args:
            seed: Of the weights, from 0 to 2**63 - 1.
        """
        seed = require_whole("seed", seed, 0, 2**63 - 1)
        inputs = self.card.interface["inputs"]
        with th.random.fork_rng(devices=[]):
            th.manual_seed(seed)
            policy = ActorCritic(
                space_of(inputs), self.card.interface["num_actions"], parts=inputs, **self.card.network
            )
        for module in policy.modules():
            if isinstance(module, th.nn.LSTM):
                add_forget_bias(module, self.card.network.get("forget_bias", 0.0))
        unknown: dict[str, Any] = dict.fromkeys(("steps", *cards.SHIPPED))
        agent = Agent(policy.eval().to(self.policy.device), replace(self.card, **unknown))
        agent.label = "untrained"
        return agent

    def save(self, path: Path, *, card_beside: bool = False) -> None:
        """Write weights and card, each file whole or not at all.

        Args:
            path: A safetensors file, with the card and the SHA-256 of all of it in its header.
            card_beside: Write the card beside it instead, as readable JSON with the SHA-256 of both, as shipped agents
                have it.
        """
        weights = {name: tensor.cpu().numpy() for name, tensor in _weights(self.policy).items()}
        if not card_beside:
            write_atomically(path, pack(weights, card=json.dumps(self.card.to_dict())))
            return
        content = pack(weights)
        write_atomically(path, content)
        write_atomically(path.with_suffix(".json"), cards.write_card(self.card, content))

    def check(self, family: TaskFamily) -> None:
        """Refuse families that look otherwise than the one that it was trained on.

        Raises:
            CannotServe: If the family's interface is not the one that the agent was trained with: actions, inputs,
                bounds of the observation and, where they are shown one-hot, the distinct rewards.
        """
        found, known = describe_interface(family, self.card.inputs), self.card.interface
        differing = [name for name in INTERFACE if found[name] != known[name]]
        if not differing:
            return
        if changes := cards.find_changes(self.card, family):
            python, shell = ", ".join(changes), " ".join(f"--env {change}" for change in changes)
            raise CannotServe(f"This agent of {self.card.id} was trained with {python}: give {python} ({shell}).")
        what, one, other = differing[0], known[differing[0]], found[differing[0]]
        raise CannotServe(
            f"This agent of {self.card.id} has {what} {in_a_line(one, 60)}, and {type(family).__name__} has "
            f"{in_a_line(other, 60)}: evaluate it where they are alike, or train one for it."
        )

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Clear the memory."""
        self.check(family)
        self._history = history_of(family, self.card.inputs)
        self._num, self._rng, self._steps = num, rng, 0
        self._past = np.tile(self._history.blank, (num, 1))
        self._state, self._values = self.policy.begin(num), np.full(num, np.nan, np.float32)
        self._probs = np.full((num, self.card.interface["num_actions"]), np.nan)

    @property
    def memory(self) -> Array:
        """Hidden states (num, units) float32, of all layers side by side."""
        where(self)
        return self._state[0][0].transpose(0, 1).flatten(1).cpu().numpy().copy()

    @property
    def columns(self) -> dict[str, range]:
        """Which numbers of ``state`` are which, by name: hidden states of each layer, cells, fast weights.

        Where policy and value have a memory each, names begin with whose it is.
        """
        return self.policy.columns

    @property
    def state(self) -> Array:
        """All that it remembers (num, numbers) float32."""
        where(self)
        return self.policy.flatten(self._state).cpu().numpy()

    def resume(self, state: Array, action: Array, reward: Array, steps: int) -> None:
        """Go on from another memory, as if so many steps had been taken, of which these were the last.

        Args:
            state: As ``state`` gives it (num, numbers).
            action: The newest actions (num,).
            reward: Their rewards (num,).
            steps: How many there were, at least 1.
        """
        where(self)
        self._state = self.policy.unflatten(th.from_numpy(np.array(state, np.float32)).to(self.policy.device))
        self._steps, self._past = steps, self._history.past(action, reward, steps)

    @property
    def probs(self) -> Array:
        """Probabilities of the actions (num, A) float64 at the newest `act`; NaN before the first."""
        where(self)
        return self._probs.copy()

    @property
    def values(self) -> Array:
        """Discounted rewards (num,) float32 that the network expects from the newest `act` on; NaN before the first.

        The discount is the one at the end of its training: of its card's preset ``gamma_end``, or else ``gamma``. Of an
        agent that learned from ``regret`` they are of that, and not above 0.
        """
        where(self)
        return self._values.copy()

    @watch_act
    def action_probs(self, observation: Any) -> Array:
        """Probabilities of the actions (num, A) float64, given observations (num, ...); moves the memory on."""
        shown = _to_tensors(self._history.beside(observation, self._past), self.policy.device)
        with torch_threads(1), th.no_grad():
            logits, values, self._state = self.policy(shown, self._state)
            probs = distribution_of(log_probs_of(logits)).probs
        self._values, self._probs = values.cpu().numpy(), probs.double().cpu().numpy()
        return self._probs.copy()

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        probs = self.action_probs(observation)
        if self.play == "greedy":
            return np.argmax(probs, axis=-1)
        return np.sum(self._rng.random((self._num, 1)) >= np.cumsum(probs[:, :-1], axis=-1), axis=-1)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Remember the step; what came of it is in the next observation."""
        self._steps += 1
        self._past = self._history.past(action, reward, self._steps)


def _to_tensors(shown: Any, device: th.device) -> Any:
    """Observations (num, ...), or a Dict of these, with the channels of images first, each contiguous as in training.

    For another layout in memory a convolution takes another kernel, with other last bits.
    """
    if isinstance(shown, dict):
        return {name: _to_tensors(part, device) for name, part in shown.items()}
    if shown.ndim == 1 + IMAGE:
        shown = shown.transpose(0, 3, 1, 2)
    return th.from_numpy(np.array(shown, order="C")).to(device)


def _make_policy(card: AgentCard, weights: dict[str, Array]) -> ActorCritic:
    inputs = card.interface["inputs"]
    make = partial(ActorCritic, space_of(inputs), card.interface["num_actions"], parts=inputs, **card.network)
    with th.random.fork_rng(devices=[]):  # a network draws its first weights when it is made
        # First without memory: what a card asks for has no bounds, and the weights that are there have.
        with th.device("meta"):
            _require_fit(_weights(make()), weights)
        policy = make()
    for name, tensor in _weights(policy).items():
        tensor.copy_(th.from_numpy(weights[name]))
    return policy.eval()


def _require_fit(wanted: dict[str, th.Tensor], weights: dict[str, Array]) -> None:
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise ValueError(f"its weights {name} are {array.dtype}, not float32")
        if not np.isfinite(array).all():
            raise ValueError(f"its weights {name} are not all finite")
    if {name: array.shape for name, array in weights.items()} != {name: (*w.shape,) for name, w in wanted.items()}:
        raise ValueError("its weights do not fit its card")


def _weights(policy: th.nn.Module) -> dict[str, th.Tensor]:
    """What a network has learned, each once: in a `RecurrentPolicy`'s ``state_dict`` encoders have three names."""
    return {name: tensor.detach() for name, tensor in (*policy.named_parameters(), *policy.named_buffers())}


def load_agent(source: str | Path, *, play: str | None = None) -> Agent:
    """An agent: the shipped one of an environment, or one from a file; nothing in the files is executed.

    Args:
        source: An environment's id, also ``"module:id"``, for its shipped agent, with ``"@NAME"`` behind it for one of
            the agent's `meta_envs.agents.variants`; or an agent's file, or the directory of its run.
        play: "greedy" or "sampled"; by default as its card says.

    Raises:
        ValueError: If no such agent is shipped for the id, there is no such file, it is not a whole agent of a known
            format with finite weights, one of its files was changed after they were shipped, or there is no such play.
    """
    shipped = isinstance(source, str) and _id_of(source) in ids()
    file = cards.find(str(source)) if shipped else Path(source)
    file = file / "agent.safetensors" if is_there(file) and file.is_dir() else file
    if not (is_there(file) and file.is_file()):
        cure = "give an environment's id, or the file or the directory that training wrote."
        hint = suggest_id(_id_of(str(source)), cure) if len(file.parts) < 2 else cure
        raise ValueError(f"There is no agent at {str(source)!r}: {hint}")
    with reading(file, cards.NOT_WHOLE, "install meta-envs again" if shipped else "train it again, or copy it again"):
        card, weights = _read(file)
        agent = Agent(_make_policy(card, weights), card)
    if play is not None:
        agent.play = play
    return agent


def _id_of(source: str) -> str:
    """Without the module and the variant."""
    return source.rpartition(":")[2].partition("@")[0]


def _read(file: Path) -> tuple[AgentCard, dict[str, Array]]:
    """Card and weights, of bytes that are read once: the file may be replaced at any moment."""
    content = file.read_bytes()
    if file.with_suffix(".json").is_file():
        card = cards.read_card_beside(file, content)
        return card, unpack(content)[0]
    weights, texts = unpack(content)
    return AgentCard.from_dict(parse_json(texts.get("card", "null"))), weights
