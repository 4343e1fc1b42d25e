"""Who plays the roles of a figure: agents that are shipped, that are trained for it, or that are given."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from meta_envs import agents
from meta_envs.agents.plays import PolicyLearner
from meta_envs.figures.figure import Role
from meta_envs.files import is_there
from meta_envs.learners.learner import Learner
from meta_envs.roster import Player, is_single, seat

Given = Player | Sequence[Player] | Mapping[str, Player | Sequence[Player]] | None
"""Players in place of a figure's agents: of all roles that they fit, or by the name of a role."""
SEED = re.compile(r"(.*?)-?seed-(\d+)")
"""Names of shipped variants that are other seeds of the same training."""
KIND = {"memory": "lstm", "reward": True}
"""Settings that make a role one of a kind of agents, with their defaults."""
MOMENT = re.compile(r"step-\d+")
"""Names of shipped variants that are moments of one training."""


def find_shipped(role: Role) -> list[str]:
    """What `load_agent` calls the shipped agents of a role: one for each seed, none where it has to be trained."""
    names = agents.variants(role.id)
    if role.snapshots:
        return [f"{role.id}@{name}" for name in names if MOMENT.fullmatch(name)]
    others = [name for name in names if (found := SEED.fullmatch(name)) and found[1] == role.variant]
    first = [role.variant] if role.variant in names else []
    if not role.variant and role.id in agents.ids():
        return [role.id, *(f"{role.id}@{name}" for name in others)]
    return [f"{role.id}@{name}" for name in (*first, *others)]


def load_shipped(role: Role) -> list[Learner]:
    """The shipped agents of a role; none of one that kept numbers stand in for.

    Raises:
        ValueError: If there are none.
    """
    names = find_shipped(role)
    if not names and not role.kept:
        raise ValueError(
            f"No agent of {role.id} is shipped for {role.name!r}: train it with --train (train=True in Python)."
        )
    return [agents.load_agent(name) for name in names]


def train_cast(role: Role, seeds: int, directory: Path) -> list[Learner]:
    """Agents of a role that are trained now, or were in the same directory; of seeds 1, 2 and so on."""
    from meta_envs.training import train

    trained: list[Learner] = []
    for seed in range(1, seeds + 1):
        place = directory / role.id / (role.variant or "recommended") / f"seed-{seed}"
        begun = any(is_there(place / name) for name in ("checkpoint.pt", "agent.safetensors"))
        along = {"snapshots": role.snapshots} if role.snapshots else {}
        settings = {**role.settings, **along}
        path = train(role.id, seed=seed, directory=place, keywords=role.keywords, resume=begun, **settings)
        moments = sorted((place / "snapshots").glob("step-*.safetensors")) if along else [path]
        trained += [agents.load_agent(moment) for moment in moments]
    return trained


def give(figure: str, roles: Sequence[Role], given: Given) -> dict[str, list[Learner]]:
    """The roles that given players take, as learners by the name of the role.

    Raises:
        ValueError: If there is no such role, or an agent is of another environment than all roles.
    """
    if given is None:
        return {}
    names = [role.name for role in roles]
    if not names:
        raise ValueError(f"Figure {figure} has no agent: leave it out.")
    if isinstance(given, Mapping):
        if wrong := [name for name in given if name not in names]:
            raise ValueError(f"Figure {figure} has no role {wrong[0]!r}: it is one of {', '.join(names)}.")
        return {name: _seat(players) for name, players in given.items()}
    players = _seat(given)
    taken = {role.name: [each for each in players if _fits(each, role)] for role in roles}
    taken |= {role.name: [] for role in roles if role.snapshots and len(taken[role.name]) < 2}  # one is no training
    for player in players:
        if not any(player in fitting for fitting in taken.values()):
            ids = " or ".join(dict.fromkeys(role.id for role in roles))
            kinds = {name: value for role in roles for name, value in role.settings.items() if name in KIND}
            told = "".join(f", trained with {name}={value}" for name, value in kinds.items())
            whose = f"{player.name}, an agent of {_card(player).id}"
            raise ValueError(f"Figure {figure} has no place for {whose}: give one of {ids}{told}.")
    return {name: fitting for name, fitting in taken.items() if fitting}


def _seat(given: Any) -> list[Learner]:
    players: Iterable[Player] = [given] if is_single(given) else given
    return [each for player in players for each in seat(player)]


def _card(player: Learner) -> Any:
    return getattr(player, "card", None)


def _fits(player: Learner, role: Role) -> bool:
    """Rules play every role; an agent those of its environment, and of its kind where a role is of one."""
    card = _card(player)
    if card is None:
        return True
    asked = {name: value for name, value in role.settings.items() if name in KIND}
    alike = {name: card.preset.get(name, KIND[name]) for name in asked} == asked
    return card.id == role.id and card.keywords == role.keywords and alike


def describe(cast: dict[str, list[Learner]]) -> list[dict[str, Any]]:
    """Who plays, as JSON has it: of agents with the SHA-256 of their weights."""
    told = []
    for role, players in cast.items():
        for player in players:
            facts: dict[str, Any] = {"role": role, "learner": player.name}
            if (card := _card(player)) is not None:
                facts |= {"id": card.id, "seed": card.seed, "weights": digest(player)}
            if isinstance(player, PolicyLearner):
                facts["play"] = player.play
            told.append(facts)
    return told


def digest(player: Any) -> str:
    """SHA-256 of an agent's weights."""
    found = hashlib.sha256()
    for name, weights in sorted(player.policy.state_dict().items()):
        found.update(name.encode())
        found.update(weights.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
