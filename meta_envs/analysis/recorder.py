"""A learner that lets another one act, and writes down what that one held and what the ideal learner believed."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.analysis.beliefs import expected_rewards, name_statistics
from meta_envs.errors import CannotServe, Unsolvable
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.learners.learner import Learner, sees_outcomes
from meta_envs.lifetimes.beliefs import first_belief
from meta_envs.solvers.bayes import Bayes
from meta_envs.solvers.dispatch import solve


class Recorder(Learner):
    """Plays what another learner chooses, or given actions, which the other one is told of as if they were its own.

    Args:
        learner: Who is watched. Of agents the memory, the probabilities of actions and the value are kept.
        actions: Actions (lifetimes, horizon) to take instead of the learner's.

    Attributes:
        blocks: For each time it began, arrays (num, steps, ...) by name once `finish` was called.
    """

    def __init__(self, learner: Learner, actions: Array | None = None) -> None:
        self.name, self._learner, self._actions = learner.name, learner, actions
        self.needs = tuple(dict.fromkeys(("observation", "state", *learner.needs)))
        self._is_agent = hasattr(type(learner), "columns")
        self._steps: list[dict[str, Array]] = []
        self._first = self._num = 0
        self.blocks: list[dict[str, Array]] = []

    def check(self, family: TaskFamily) -> None:
        """As the learner."""
        self._learner.check(family)

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin, and have the ideal learner begin beside it."""
        self.finish()
        self._first, self._num = self._first + self._num, num
        self._family = family
        self._learner.begin(family, num, rng)
        self._statistics, prior = name_statistics(family), first_belief(family)
        self._belief: Any = None if prior is None else np.repeat(prior, num, axis=0)
        self._table, self._player = _find_optimum(family)
        self._node = None if self._table is None else self._table.start(num)
        if self._player is not None:
            self._player.begin(family, num, np.random.default_rng(0))

    def finish(self) -> None:
        """Close the block of the lifetimes that were last begun."""
        if self._steps:
            names = self._steps[0]
            self.blocks.append({name: np.stack([step[name] for step in self._steps], axis=1) for name in names})
        self._steps = []

    def inform(self, known: dict[str, Array]) -> None:
        """Take the state, and hand on what the learner needs."""
        self._state = known["state"]
        handed = {name: values for name, values in known.items() if name in self._learner.needs}
        if handed:
            self._learner.inform(handed)
        if self._player is not None:
            self._player.inform({"state": self._state.copy()})

    def act(self, observation: Any) -> Array:
        """The learner's actions (num,), or the given ones."""
        action = self._learner.act(observation if "observation" in self._learner.needs else None)
        step = len(self._steps)
        if self._actions is not None:
            action = self._actions[self._first : self._first + self._num, step]
        kept: dict[str, Array] = {}
        if self._is_agent:
            agent: Any = self._learner
            kept = {"state": agent.state, "probs": agent.probs, "value": agent.values.astype(np.float64)}
        if isinstance(self._family, DiscreteFamily):
            kept["observation"] = np.array(observation)
        self._add_ideal(kept, step)
        self._steps.append(kept)
        return action

    def _add_ideal(self, kept: dict[str, Array], step: int) -> None:
        """What the ideal learner believes and would do before the step."""
        if self._statistics is not None and self._belief is not None:
            if not isinstance(self._family, DiscreteFamily):
                self._belief = self._family.read_belief(self._state)
            if (means := expected_rewards(self._family, self._belief, self._state)) is not None:
                kept["means"] = means
            kept["belief"] = self._statistics[1](self._belief, self._state)
        if self._table is not None:
            kept["best_action"] = self._table.action(step, self._node)
            if (values := self._table.values(step, self._node)) is not None:
                kept["action_values"] = values
        elif self._player is not None:
            kept["best_action"] = self._player.act(None)

    def learn(self, action: Array, outcome: Any, reward: Array) -> None:
        """Hand on what happened to the learner, and to the ideal one."""
        told = outcome if sees_outcomes(self._learner, self._family) else None
        self._learner.learn(action, told, reward)
        step = len(self._steps) - 1
        self._steps[-1]["outcome"] = outcome
        if isinstance(self._family, DiscreteFamily):
            with np.errstate(invalid="ignore"):  # of lifetimes that are over
                self._belief = self._family.update_belief(self._belief, self._state, action, outcome)
        if self._table is not None:
            self._node = self._table.follow(step, self._node, action, outcome)
        elif self._player is not None:
            self._player.learn(action, outcome, reward)


def _find_optimum(family: TaskFamily) -> tuple[Any, Learner | None]:
    """The optimal policy over nodes, or a learner that plays it where it has no nodes; neither where none is known."""
    try:
        Bayes().check(family)
        optimum = solve(family)
    except (CannotServe, Unsolvable):
        return None, None
    return (optimum.table, None) if optimum.table is not None else (None, optimum.policy)
