"""What scores hide: how a shipped agent chooses, and how it does where it was not trained, for its card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

import meta_envs
from meta_envs.agents.agent import Agent
from meta_envs.agents.interface import IMAGE
from meta_envs.analysis import Trace, agreement, exploration, symmetry, trace
from meta_envs.behaviour import Estimates
from meta_envs.errors import CannotServe, TooLarge
from meta_envs.registry import make_family

NEAR = 0.05
"""Actions are nearly equal where their posterior means differ by no more."""
PRIORS = ({"alpha": 5.0, "beta": 1.0}, {"alpha": 1.0, "beta": 5.0})
"""Of independent arms: most pay often, most pay seldom."""


def find_habits(agent: Agent, *, episodes: int = 1000, seed: int = 1) -> dict[str, Any] | None:
    """What a card tells of an agent's habits, in its own play.

    Args:
        agent: The agent.
        episodes: Unseen lifetimes of each number.
        seed: Evaluation seed.

    Returns:
        JSON-able, means with the ends of 95 % intervals (None where there is nothing to average), of all that is known
        of the agent's task: ``agreement``, the share of steps in which it chooses as the optimum would, and
        ``counted``, the share of steps in which that is not indifferent; ``exploration`` of the agent and the optimum,
        where actions are nearly equal, and the share in which they take the one that is expected to pay less;
        ``symmetry``, by action how many lifetimes ``begin`` with it, and the ``regret`` of those in which it is the
        best. And ``elsewhere``, scores in other tasks in which the agent can live. None for images, which take too
        long.
    """
    keywords = agent.card.keywords
    if len(make_family(agent.card.id, **keywords).observation_space.shape or ()) == IMAGE:
        return None
    recorded = trace(agent, agent.card.id, episodes=episodes, seed=seed, **keywords)
    found: dict[str, Any] = {"episodes": episodes, "seed": seed, "play": agent.play}
    for describe in (_agreement, _exploration, _symmetry):
        found |= _known(describe, recorded)
    return {**found, "elsewhere": list(_elsewhere(agent, episodes, seed))}


def _known(describe: Callable[[Trace], dict[str, Any]], recorded: Trace) -> dict[str, Any]:
    """What is asked, or nothing where no optimum or no belief is known."""
    try:
        return describe(recorded)
    except ValueError:
        return {}


def _agreement(recorded: Trace) -> dict[str, Any]:
    found = agreement(recorded)
    return {"agreement": _rows(found.overall)[0], "counted": round(found.counted, 4)}


def _exploration(recorded: Trace) -> dict[str, Any]:
    agent, optimum = _rows(exploration(recorded, near=NEAR))
    return {"exploration": {"near": NEAR, "agent": agent, "optimum": optimum}}


def _symmetry(recorded: Trace) -> dict[str, Any]:
    found = symmetry(recorded)
    return {"symmetry": {"begin": _rows(found.first), "regret": None if found.regret is None else _rows(found.regret)}}


def _rows(estimates: Estimates) -> list[list[float] | None]:
    """Means with the ends of their intervals; None where there are no two lifetimes."""
    columns = np.round(np.stack([estimates.mean, estimates.low, estimates.high], axis=-1).astype(np.float64), 4)
    return [row.tolist() if np.isfinite(row).all() else None for row in columns]


def _elsewhere(agent: Agent, episodes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Scores where the agent can live, and of Thompson sampling, which knows the prior there."""
    for id, keywords in _other_tasks(agent):
        try:
            agent.check(make_family(id, **keywords))
        except ValueError:  # it cannot live there, or cannot be shown the rewards
            continue
        try:
            names = meta_envs.serving(["thompson"], id, **keywords)
            own, *rules = meta_envs.evaluate([agent, *names], id, episodes=episodes, seed=seed, **keywords)
        except (CannotServe, TooLarge):
            continue
        row = {"id": id, "keywords": keywords, "return": round(own.return_mean, 4)}
        if own.score is not None:
            row["score"] = [round(number or 0.0, 4) for number in (own.score, own.score_low, own.score_high)]
            row |= {rule.learner: round(rule.score or 0.0, 4) for rule in rules}
        yield row


def _other_tasks(agent: Agent) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lifetimes of half and twice the length, other priors of the same arms, and the other ids."""
    id, keywords = agent.card.id, agent.card.keywords
    family = make_family(id, **keywords)
    known = {field.name: getattr(family, field.name) for field in fields(family)}
    for name in {"num_trials", "num_episodes"} & known.keys():
        yield from ((id, {**keywords, name: length}) for length in (max(known[name] // 2, 1), known[name] * 2))
    if {"alpha", "beta"} <= known.keys():
        yield from ((id, {**keywords, **prior}) for prior in PRIORS)
    yield from ((other, {}) for other in meta_envs.ids() if other != id and other.startswith("Meta"))
