"""What a training run has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from meta_envs.family import Array


@dataclass
class History:
    """What a run has found so far: part of its checkpoints."""

    spent: float = 0.0
    """Seconds of training."""
    rollouts: list[list[float]] = field(default_factory=list)
    """Steps and mean return of the lifetimes in the rollouts up to there, at `POINTS` places or less."""
    newest: list[float] = field(default_factory=list)
    """Mean returns of the rollouts since then."""
    held_out: list[list[float | None]] = field(default_factory=list)
    """Steps, mean return and score (None where there is none), of every evaluation."""
    interval: tuple[float, float] | None = None
    """95 % interval of the newest score, or of the mean return where there is none."""
    scale: tuple[Array, float] | None = None
    """Returns (num,) in the held-out lifetimes that have the score 0, and how far above them the score is 1."""
    best: Array | None = None
    """Returns (num,) in the held-out lifetimes, at the newest evaluation that was better than those before."""
    stopped: bool = False
    """Whether a callback has ended the run."""
    waited: int = 0
    """Evaluations since then, in the last stage of the curriculum."""
