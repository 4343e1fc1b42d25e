"""A lifetime as text: one line an action, with what it paid and its last steps."""

from __future__ import annotations

import numpy as np

from meta_envs.family import TaskFamily
from meta_envs.rendering.summary import Summary, in_decimals, in_short, summarise
from meta_envs.rendering.trace import Trace

WIDTH = 80
BLOCKS = "▁▂▃▄▅▆▇█"
LAST_STEPS = 48


def write_table(family: TaskFamily, trace: Trace) -> str:
    """The state of a lifetime of any family, in lines of at most 80 characters; higher blocks are higher rewards."""
    return write_summary(summarise(family, trace))


def write_summary(summary: Summary) -> str:
    """The same from a lifetime's summary."""
    begin = max(0, len(summary.actions) - LAST_STEPS)
    recent, levels = summary.actions[begin:], summary.level(summary.rewards[begin:])
    blocks = [BLOCKS[block] for block in np.rint(levels * (len(BLOCKS) - 1)).astype(int)]
    total = in_short(float(summary.rewards.sum()))
    lines = [
        f"{summary.title}: {summary.progress}, reward {total}",
        summary.status,
        f"{summary.noun:>6} {summary.verb:>5} {'mean':>6}" + (f" {'truth':>6}" if summary.fixed else ""),
    ]
    if blocks:
        lines[-1] += f"   steps {begin + 1} to {len(summary.actions)}"
    for action in range(summary.num_actions):
        row = f"{action + 1:>6} {summary.counts[action]:>5} {in_decimals(summary.means[action]):>6}"
        if summary.fixed:
            shown = "?" if summary.true_means is None else in_decimals(summary.true_means[action])
            row += f" {shown:>6}"
        mark = "*" if action in summary.best else " "
        history = (block if chosen == action else "·" for chosen, block in zip(recent, blocks, strict=True))
        lines.append(f"{row} {mark} {''.join(history)}".rstrip())
    return "\n".join(line[:WIDTH] for line in lines) + "\n"
