"""An agent from inside, in the lifetimes of `meta_envs.evaluate`, beside the Bayes-optimal learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from meta_envs.analysis.beliefs import name_statistics
from meta_envs.analysis.recorder import Recorder
from meta_envs.arguments import require, suggest
from meta_envs.behaviour import TrialTable, record_trials
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner
from meta_envs.learners.rollout import BLOCK
from meta_envs.limits import require_bytes, tell_sizes
from meta_envs.registry import make_family
from meta_envs.roster import Player, seat


@dataclass(frozen=True, eq=False)
class Trace:
    """What a learner held at every step of recorded lifetimes: arrays with one row for each row of ``table``.

    A row is the moment of a choice: what the network has seen then is the observation, the action before and its
    reward, and the belief is that of who has seen the same. What there is not is None: of learners that are no agents
    there is neither memory nor value, of some families no belief or no optimum is known.
    """

    learner: Learner
    family: TaskFamily
    seed: int
    """Evaluation seed."""
    table: TrialTable
    """The rows of `meta_envs.behaviour.record_trials`."""
    columns: dict[str, range] = field(default_factory=dict)
    """Which numbers of ``state`` are which: hidden states of each layer and cells, by name."""
    state: Array | None = None
    """All of the memory (n, numbers) float32."""
    probs: Array | None = None
    """The agent's probabilities of actions (n, A)."""
    value: Array | None = None
    """The agent's value (n,)."""
    delta: Array | None = None
    """Reward-prediction error (n,): ``r_t + gamma V_{t+1} - V_t`` with the discount of its card. Of agents that learned
    from regret, values are of regret too, and from ``r_t`` the mean reward of the best action is taken."""
    belief_names: tuple[str, ...] = ()
    belief: Array | None = None
    """Statistics of the ideal learner's belief (n, D), by ``belief_names``."""
    means: Array | None = None
    """What each action is expected to pay at once, by the belief (n, A)."""
    best_action: Array | None = None
    """The Bayes-optimal learner's action on the same history (n,), the lowest of equals."""
    action_values: Array | None = None
    """Its action values (n, A): the expected return of the rest. Of restless arms without what is equal for both."""
    observation: Array | None = None
    """Of discrete families (n, ...)."""
    outcome: Array | None = None
    """(n, ...)"""

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        whose = f"{self.learner.name} in {type(self.family).__name__}"
        held = [name for name, values in vars(self).items() if isinstance(values, np.ndarray) and name != "lifetime"]
        return f"Trace({whose}, {int(self.lifetime[-1]) + 1} lifetimes, {len(self):,} rows: {', '.join(held)})"

    @property
    def layers(self) -> dict[str, Array]:
        """Hidden states and cells (n, units) by name."""
        state = self.need("The layers", "state")
        return {name: state[:, place.start : place.stop] for name, place in self.columns.items()}

    def memory(self, layers: Sequence[str] | None = None) -> Array:
        """Layers side by side (n, units) float64: those named, by default all but the cells of LSTMs.

        Raises:
            ValueError: If there is no such layer.
        """
        known = self.layers
        for name in layers or ():
            if name not in known:
                raise ValueError(f"There is no layer {name!r}: {suggest(name, known)}")
        chosen = [name for name in known if "cell" not in name] if layers is None else layers
        return np.concatenate([known[name] for name in chosen], axis=-1).astype(np.float64)

    @cached_property
    def lifetime(self) -> Array:
        """The lifetime of every row (n,), counted from 0."""
        return self.table.lifetimes()

    @cached_property
    def control(self) -> Trace:
        """The same lifetimes with an untrained network of the same size in the agent's place: see `fed_to`.

        Raises:
            ValueError: If the learner is no agent.
        """
        if not hasattr(self.learner, "untrained"):
            raise ValueError(f"{self.learner.name} has no untrained twin: give control=, another trace, or an agent.")
        return self.fed_to(self.learner.untrained())

    def fed_to(self, agent: Learner) -> Trace:
        """The memory that another agent has of these lifetimes, in which the first one's actions are taken.

        Both have seen the same, so that their memories can be compared; the other agent's probabilities and values are
        what it would have done.

        Args:
            agent: Another agent that serves the family, such as ``agent.untrained()``.
        """
        step, number = self.table["step"], self.table["lifetime"]
        actions = np.zeros((int(np.max(number)) + 1, self.family.horizon), self.table["action"].dtype)
        actions[number, step - 1] = self.table["action"]
        return _record(agent, self.family, len(actions), self.seed, actions)

    def need(self, what: str, name: str) -> Array:
        """One of the arrays.

        Args:
            what: Who needs it; begins the sentence of a refusal.
            name: Of the field.

        Raises:
            ValueError: If there is none.
        """
        values = getattr(self, name)
        if values is None:
            whose = self.learner.name if name in ("state", "probs", "value", "delta") else type(self.family).__name__
            cure = "trace a trained agent" if name in ("state", "probs", "value", "delta") else "take another task"
            raise ValueError(f"{what} need {name}, and {whose} has none: {cure}.")
        found: Array = values
        return found


def trace(agent: Player, id: str | TaskFamily, *, episodes: int = 300, seed: int = 1, **keywords: Any) -> Trace:
    """Record what an agent holds, and what the Bayes-optimal learner believes and would do on the same history.

    Lifetimes and chance are those of `meta_envs.evaluate` and `meta_envs.behaviour.record_trials` with that seed.

    Args:
        agent: A trained agent, its name or its path as `meta_envs.make_learner` takes it. Any other learner will do
            where only choices matter.
        id: An environment's id, or a family.
        episodes: Lifetimes, from 1 to 2**20.
        seed: Evaluation seed, from 0 to 2**31.
        **keywords: Values of the family's fields, as `gymnasium.make` takes them.

    Raises:
        ValueError: If an argument makes no sense, or the learner cannot serve the family.
    """
    players = seat(agent, id)
    require(len(players) == 1, "agent", agent, "give one, and trace others apart")
    return _record(players[0], make_family(id, **keywords), episodes, seed, None)


def _record(learner: Learner, family: TaskFamily, episodes: int, seed: int, actions: Array | None) -> Trace:
    learner.check(family)
    recorder = Recorder(learner, actions)
    units = sum(map(len, getattr(learner, "columns", {}).values()))
    require_bytes(12 * units * episodes * family.horizon, f"A trace of {episodes} lifetimes of {tell_sizes(family)}")
    table = record_trials(recorder, family, episodes=episodes, seed=seed)
    recorder.finish()
    number, step = table["lifetime"], table["step"] - 1
    kept: dict[str, Array] = {}
    for name in recorder.blocks[0]:
        # The rows of a block stand together.
        parts = []
        for place, block in enumerate(recorder.blocks):
            here = number // BLOCK == place
            parts.append(block[name][number[here] - place * BLOCK, step[here]])
        kept[name] = np.concatenate(parts)
    statistics = name_statistics(family)
    if "value" in kept:
        card: Any = learner.card  # type: ignore[attr-defined]
        gamma = card.preset.get("gamma_end")
        paid = table["reward"]
        if card.preset.get("regret"):
            paid = paid - table["expected"] - table["regret"]
        kept["delta"] = _prediction_errors(table, paid, kept["value"], card.preset["gamma"] if gamma is None else gamma)
    return Trace(
        learner=learner,
        family=family,
        seed=int(seed),
        table=table,
        columns=getattr(learner, "columns", {}),
        belief_names=statistics[0] if statistics else (),
        **kept,
    )


def _prediction_errors(table: TrialTable, reward: Array, value: Array, gamma: float) -> Array:
    """``r_t + gamma V_{t+1} - V_t`` (n,); after the end of a lifetime the value is 0."""
    number = table["lifetime"]
    later = np.append(np.where(number[1:] == number[:-1], value[1:], 0.0), 0.0)
    errors: Array = reward + gamma * later - value
    return errors
