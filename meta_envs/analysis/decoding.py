"""Is the belief in the memory? Its statistics, read from the hidden state by a linear regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meta_envs.analysis.recording import Trace
from meta_envs.analysis.ridge import errors_by_lifetime, predict_held_out, share
from meta_envs.behaviour import Estimates
from meta_envs.family import Array


@dataclass(frozen=True, eq=False)
class Decoding:
    """Cross-validated R^2 by statistic and, last, of all together, with 95 % intervals over lifetimes.

    Intervals are those of the lifetimes that were predicted, given the regressions.
    """

    trained: Estimates
    untrained: Estimates
    """Of an untrained network of the same size that was fed the same lifetimes."""
    difference: Estimates
    """Trained less untrained, lifetime by lifetime."""
    predicted: Array
    """What was read from the trained memory for each row (n, D), by the regression on other lifetimes."""

    def __str__(self) -> str:
        parts = {"trained": self.trained, "untrained": self.untrained, "difference": self.difference}
        return "\n".join(f"R^2, {name}\n{part}" for name, part in parts.items())


def decode_belief(
    trace: Trace, *, control: Trace | None = None, layers: Sequence[str] | None = None, folds: int = 5
) -> Decoding:
    """Predict the statistics of the Bayes-optimal learner's belief from an agent's hidden state by ridge regression.

    Lifetimes are split into folds, and those of one fold are predicted by a regression on the others, whose penalty is
    chosen among these alone. Statistics that do not vary have no R^2.

    Source: Mikulik et al. 2020, arXiv 2010.11223, who compare the same states; the regression is ours.

    Args:
        trace: Of an agent.
        control: A trace of the same lifetimes to compare with, by default ``trace.control``: an untrained network of
            the same size that is told the agent's observations, actions and rewards as if they were its own.
        layers: Names of the layers to read, by default all but the cells of LSTMs.
        folds: Parts that the lifetimes are split into.

    Raises:
        ValueError: If no belief is known, the learner has no memory, or there are fewer lifetimes than folds.
    """
    belief = trace.need("Decodings", "belief")
    control = trace.control if control is None else control
    names = (*trace.belief_names, "all")
    num = int(trace.lifetime[-1]) + 1
    read = [predict_held_out(each.memory(layers), belief, trace.lifetime, folds) for each in (trace, control)]
    (trained, all_there_is), (untrained, _) = (errors_by_lifetime(belief, each, trace.lifetime, num) for each in read)
    return Decoding(
        trained=share(trained, all_there_is, names, less=1.0, sign=-1.0),
        untrained=share(untrained, all_there_is, names, less=1.0, sign=-1.0),
        difference=share(untrained - trained, all_there_is, names),
        predicted=read[0],
    )
