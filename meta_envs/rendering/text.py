"""A lifetime as text: one line an action, with what it paid and its last steps."""

from __future__ import annotations

import numpy as np

from meta_envs.family import TaskFamily
from meta_envs.rendering.summary import in_short, summarise
from meta_envs.rendering.trace import Trace

BLOCKS = "▁▂▃▄▅▆▇█"
LAST_STEPS = 48
"""Steps of history shown, so that lines stay within 80 characters."""


def write_table(family: TaskFamily, trace: Trace) -> str:
    """The state of a lifetime of any family, lines of at most 80 characters; higher blocks are higher rewards."""
    summary = summarise(family, trace)
    begin = max(0, len(summary.actions) - LAST_STEPS)
    recent, levels = summary.actions[begin:], summary.level(summary.rewards[begin:])
    blocks = np.rint(levels * (len(BLOCKS) - 1)).astype(int)
    lines = [
        f"{summary.title}   trial {summary.trial} / {summary.num_trials}   reward {in_short(float(summary.rewards.sum()))}",
        summary.status,
        f"{summary.noun:>6} {'times':>5} {'mean':>6} {'truth':>6}  steps {begin + 1} to {begin + LAST_STEPS}",
    ]
    for action in range(summary.num_actions):
        mean = in_short(summary.means[action], 2) if summary.counts[action] else "-"
        truth = "?" if summary.true_means is None else in_short(summary.true_means[action], 2)
        history = "".join(
            BLOCKS[block] if chosen == action else "·" for chosen, block in zip(recent, blocks, strict=True)
        )
        best = "*" if action in summary.best else " "
        lines.append(f"{action + 1:>6} {summary.counts[action]:>5} {mean:>6} {truth:>6}{best} {history}".rstrip())
    return "\n".join(lines) + "\n"
