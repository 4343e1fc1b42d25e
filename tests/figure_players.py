"""A player that verdicts on figures have to tell from trained agents."""

from typing import Any

import numpy as np

from meta_envs.learners import Learner


class Withheld(Learner):
    """A learner that is never told a reward."""

    def __init__(self, learner: Learner) -> None:
        self.learner, self.name, self.needs = learner, learner.name, learner.needs

    def begin(self, family: Any, num: int, rng: np.random.Generator) -> None:
        self.learner.begin(family, num, rng)

    def inform(self, known: dict[str, Any]) -> None:
        self.learner.inform(known)

    def act(self, observation: Any) -> Any:
        return self.learner.act(observation)

    def learn(self, action: Any, outcome: Any, reward: Any) -> None:
        self.learner.learn(action, None, 0.0 * reward)
