"""Model-free and model-based learners of the two-step task: Daw et al. 2011."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.errors import CannotServe
from meta_envs.families.two_step import TwoStage
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner


class Hybrid(Learner):
    """Softmax over a mixture of model-free and model-based values of the choice at S1; the action at S2 is random.

    Serves two-step tasks. The model-free values are those of SARSA(lambda): after a choice `a` that led to the state
    `s`, and a reward `r`, `Q(a) += alpha (V(s) - Q(a))`, then `V(s) += alpha (r - V(s))` and
    `Q(a) += alpha lambda (r - V(s))` with the old `V(s)`. The model-based value of a choice is the mean of `V` over
    where it leads, with the true probabilities. All values begin at 0. Source: Daw et al. 2011, *Model-based influences
    on humans' choices and striatal prediction errors*, Neuron 69:1204, where the second stage has choices too.

    Args:
        weight: Share of the model-based values, in [0, 1].
        alpha: Learning rate of both stages, in [0, 1].
        trace: Eligibility, the lambda of SARSA(lambda), in [0, 1].
        beta: Inverse temperature, at least 0.
        perseveration: What is added to the value of the last choice.
    """

    name = "hybrid"
    needs = ()

    def __init__(
        self,
        *,
        weight: float = 0.5,
        alpha: float = 0.5,
        trace: float = 0.6,
        beta: float = 5.0,
        perseveration: float = 0.1,
    ) -> None:
        for name, value in (("weight", weight), ("alpha", alpha), ("trace", trace)):
            require(0.0 <= value <= 1.0, name, value, "give a number from 0 to 1")
        require(0.0 <= beta < np.inf, "beta", beta, "give a number of at least 0")
        require(bool(np.isfinite(perseveration)), "perseveration", perseveration, "give a finite number")
        self._weight, self._alpha, self._trace = weight, alpha, trace
        self._beta, self._perseveration = beta, perseveration

    def check(self, family: TaskFamily) -> None:
        """Serves two-step tasks."""
        if not isinstance(family, TwoStage):
            raise CannotServe(f"{self.name} serves two-step tasks, and {type(family).__name__} is none.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with all values at 0."""
        self.check(family)
        assert isinstance(family, TwoStage)
        self._leads = np.array([[family.common, 1.0 - family.common], [1.0 - family.common, family.common]])
        self._rng, self._everyone, self._second = rng, np.arange(num), False
        self._choices, self._places = np.zeros((num, 2)), np.zeros((num, 2))
        self._last = np.zeros((num, 2))
        self._choice = self._place = np.zeros(num, np.intp)

    def values(self) -> Array:
        """Values (num, 2) of the choices at S1, perseveration included."""
        model_based = self._places[:, :1] * self._leads[:, 0] + self._places[:, 1:] * self._leads[:, 1]
        mixed = self._weight * model_based + (1.0 - self._weight) * self._choices
        return mixed + self._perseveration * self._last

    def act(self, observation: Any) -> Array:
        """Actions (num,)."""
        if self._second:
            return self._rng.integers(2, size=len(self._everyone))
        values = self.values()
        second = 1.0 / (1.0 + np.exp(-self._beta * (values[:, 1] - values[:, 0])))
        return (self._rng.random(len(second)) < second).astype(np.intp)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Take in where the choice led, or what was paid there."""
        every = self._everyone
        if not self._second:
            self._choice, self._place = np.asarray(action, np.intp), np.asarray(outcome, np.intp)
            error = self._places[every, self._place] - self._choices[every, self._choice]
            self._choices[every, self._choice] += self._alpha * error
            self._last = np.zeros_like(self._last)
            self._last[every, self._choice] = 1.0
        else:
            error = reward - self._places[every, self._place]
            self._places[every, self._place] += self._alpha * error
            self._choices[every, self._choice] += self._alpha * self._trace * error
        self._second = not self._second
