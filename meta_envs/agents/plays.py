"""The two ways to play a policy."""

from __future__ import annotations

from meta_envs.learners.learner import Learner

PLAYS = ("greedy", "sampled")


class PolicyLearner(Learner):
    """A learner whose policy was made before, by training or by hand, and that plays it in one of two ways.

    Attributes:
        play: "greedy" or "sampled". Others are refused.
        label: What its name begins with, where several learners stand side by side.
    """

    label: str

    @property
    def play(self) -> str:
        """How it chooses: "greedy" (the most probable action) or "sampled"."""
        return self._play

    @play.setter
    def play(self, play: str) -> None:
        if play not in PLAYS:
            raise ValueError(f"play={play!r} is not possible: it is {' or '.join(map(repr, PLAYS))}.")
        self._play = play

    @property
    def name(self) -> str:  # type: ignore[override]
        """With the way it plays."""
        return f"{self.label} ({self.play})"
