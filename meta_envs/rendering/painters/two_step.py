"""The two-step task: the tree with the path just taken, what both states have paid, and the trials so far."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from meta_envs.families.two_step import TwoStage
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.raster import LOWEST_MARK, WIDEST_MARK, paint_rewards, spacing
from meta_envs.rendering.summary import Summary, in_decimals, in_short, summarise
from meta_envs.rendering.text import LAST_STEPS, WIDTH
from meta_envs.rendering.theme import LEFT, RIGHT
from meta_envs.rendering.trace import Trace

ROOT, CHOICES, STATES = 70, 200, 400
"""Where the tree's columns are centred."""
ROWS = (100, 178)
"""Heights of its upper and lower branch."""
LANES = (244, 364)
"""Upper and lower edge of the history."""
NAMES = ("1", "2", "S2", "S3")


@dataclass(frozen=True, kw_only=True)
class TwoStepSummary(Summary):
    """A lifetime by its trials. ``n`` trials whose choice was made, the last of them perhaps without reward yet.

    Attributes:
        choices: (n,) 0 or 1.
        ways: (n,) 0 to S2, 1 to S3.
        paid: (n,) or (n - 1,) rewards.
        better: (num_trials,) the better state, 0 for S2 and 1 for S3; None until the lifetime is over.
    """

    choices: Array
    ways: Array
    paid: Array
    better: Array | None

    @property
    def status(self) -> str:
        """The last trial in words; when the lifetime is over, the better state of all trials."""
        if self.better is not None:
            runs = [(f"S{2 + state}", len(list(run))) for state, run in groupby(self.better.tolist())]
            if len(runs) == 1:
                return f"over; better: {runs[0][0]}"
            return f"over; better: {', '.join(f'{name} {length}x' for name, length in runs)}"
        if not len(self.choices):
            return "no choice made yet"
        way = "common" if self.ways[-1] == self.choices[-1] else "rare"
        reward = f", reward {in_short(self.paid[-1])}" if len(self.paid) == len(self.choices) else ""
        return f"last: choice {self.choices[-1] + 1}, {way} way to S{2 + self.ways[-1]}{reward}"


def paint_two_step(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in a two-step task, (height, width, 3) uint8."""
    assert isinstance(family, TwoStage)
    canvas, summary = Canvas(), _summarise(family, trace)
    paint_header(canvas, summary)
    _paint_tree(canvas, family, summary)
    _paint_trials(canvas, summary)
    paint_rewards(canvas, summary, family.reward_values, LANES[0] - 19, theme.RIGHT - 150)
    return canvas.pixels


def write_two_step(family: TaskFamily, trace: Trace) -> str:
    """The same as text: a line a choice, with a letter a trial."""
    assert isinstance(family, TwoStage)
    summary = _summarise(family, trace)
    done = len(summary.paid)
    begin = max(0, done - LAST_STEPS)
    heading = f"choice times {'paid':>6}"
    if done:
        heading += f"   trials {begin + 1} to {done} (c common, r rare; capital: rewarded)"
    total = in_short(float(summary.rewards.sum()))
    lines = [f"{summary.title}: trial {done} / {summary.num_trials}, reward {total}", summary.status, heading]
    choices, ways = summary.choices[:done], summary.ways[:done]
    for choice in range(2):
        mine = choices == choice
        mean = in_decimals(float(np.mean(summary.paid[mine])) if mine.any() else np.nan)
        letters = [("c" if ways[trial] == choice else "r") if mine[trial] else "·" for trial in range(begin, done)]
        written = (
            letter.upper() if paid else letter for letter, paid in zip(letters, summary.paid[begin:], strict=True)
        )
        lines.append(f"{choice + 1:>6} {np.count_nonzero(mine):>5} {mean:>6}   {''.join(written)}".rstrip())
    return "\n".join(line[:WIDTH] for line in lines) + "\n"


def _summarise(family: TwoStage, trace: Trace) -> TwoStepSummary:
    better = None
    if trace.over:
        trials = np.stack([np.arange(family.num_trials), np.zeros(family.num_trials, np.intp)], axis=-1)
        better = family.better(np.repeat(trace.task[None], family.num_trials, axis=0), trials).astype(np.intp) - 2
    return TwoStepSummary(
        **vars(summarise(family, trace)),
        choices=np.array(trace.actions[::2], np.intp),
        ways=np.array(trace.outcomes[::2], np.intp),
        paid=np.array(trace.rewards[1::2], np.float64),
        better=better,
    )


def _paint_tree(canvas: Canvas, family: TwoStage, summary: TwoStepSummary) -> None:
    """S1, both choices, and both states; thick lines are the common ways, dark ones the path just taken."""
    middle = sum(ROWS) / 2
    taken = (int(summary.choices[-1]), int(summary.ways[-1])) if len(summary.choices) else None
    edges = []
    for choice, row in enumerate(ROWS):
        used = taken is not None and choice == taken[0]
        edges.append((used, (ROOT, middle), (CHOICES, row), 4.0, ""))
        for way, goal in enumerate(ROWS):
            share = family.common if way == choice else 1.0 - family.common
            edges.append((taken == (choice, way), (CHOICES, row), (STATES, goal), 2.0 + 6.0 * share, in_short(share)))
    for used, start, end, thickness, text in sorted(edges, key=lambda edge: edge[0]):
        color = theme.INK if used else theme.LINE
        _paint_edge(canvas, start, end, thickness, color)
        if text:
            x, y = start[0] + 0.3 * (end[0] - start[0]), start[1] + 0.3 * (end[1] - start[1])
            half = canvas.width(text, theme.LABEL) / 2 + 3
            canvas.box(x - half, y - 8, 2 * half, 16, theme.PAPER)
            canvas.text(text, x, y - 6, theme.LABEL, theme.INK if used else theme.FAINT, align="center")
    _paint_node(canvas, "S1", ROOT, middle, taken is not None)
    for place, row in enumerate(ROWS):
        _paint_node(canvas, str(place + 1), CHOICES, row, taken is not None and place == taken[0])
        _paint_node(canvas, f"S{place + 2}", STATES, row, taken is not None and place == taken[1])
        _paint_state(canvas, summary, place, row)


def _paint_state(canvas: Canvas, summary: TwoStepSummary, place: int, row: float) -> None:
    """What a state has just paid, and in all; at the end, how often it was the better one."""
    done = len(summary.paid)
    here = summary.ways[:done] == place
    left = STATES + 28
    canvas.text(f"paid {int(summary.paid[here].sum())} of {here.sum()}", left, row - 6, theme.LABEL, theme.INK)
    if done == len(summary.choices) and done and here[-1]:
        level = float(summary.level(summary.paid[-1]))
        ink = theme.ink_on(level)
        text = ("+" if level > 0.5 else "") + in_short(summary.paid[-1])
        canvas.pill(text, RIGHT - 16, row, theme.LABEL, theme.level_color(level), ink)
    if summary.better is not None:
        times = np.count_nonzero(summary.better == place)
        canvas.text(f"better in {times} trials", left, row + 10, theme.LABEL, theme.TRUTH)


def _paint_node(canvas: Canvas, text: str, x: float, y: float, used: bool) -> None:
    color, ink = (theme.INK, theme.PAPER) if used else (theme.LINE, theme.INK)
    canvas.pill(text, x, y, theme.BODY, color, ink)


def _paint_edge(
    canvas: Canvas, start: tuple[float, float], end: tuple[float, float], thickness: float, color: theme.Color
) -> None:
    """A straight line of some thickness."""
    across, down = end[0] - start[0], end[1] - start[1]
    half = thickness / 2 / (across**2 + down**2) ** 0.5
    shift = (-down * half, across * half)
    corners = [(x + side * shift[0], y + side * shift[1]) for side, (x, y) in ((1, start), (1, end), (-1, end))]
    canvas.polygon([*corners, (start[0] - shift[0], start[1] - shift[1])], color)


def _paint_trials(canvas: Canvas, summary: TwoStepSummary) -> None:
    """A column a trial: which choice, then which state, in the colour of its reward; at the end the better states."""
    top, bottom = LANES
    slot, lane = (RIGHT - LEFT) / summary.num_trials, (bottom - top) / len(NAMES)
    note = "choice, then state and its reward" + ("; lines: the better state" if summary.over else "")
    canvas.text(note, LEFT, top - 19, theme.LABEL, theme.FAINT)
    for row, name in enumerate(NAMES):
        canvas.box(LEFT, top + lane * row, RIGHT - LEFT, lane - 2, theme.PANEL)
        canvas.text(name, LEFT - 10, top + lane * (row + 0.5) - 7, theme.LABEL, theme.INK, align="right")
    gap = 1.0 if slot >= 4 else 0.0
    wide = max(min(slot - gap, WIDEST_MARK), 1.0)

    def mark(trial: int, row: int, share: float, color: theme.Color) -> None:
        height = share * (lane - 8)
        canvas.box(LEFT + slot * (trial + 0.5) - wide / 2, top + lane * (row + 1) - 2 - height, wide, height, color)

    for trial, (choice, way) in enumerate(zip(summary.choices.tolist(), summary.ways.tolist(), strict=True)):
        mark(trial, choice, 1.0, theme.FAINT)
        if trial < len(summary.paid):
            level = float(summary.level(summary.paid[trial]))
            mark(trial, 2 + way, LOWEST_MARK + (1.0 - LOWEST_MARK) * level, theme.level_color(level))
        else:
            # Where the trial is now, before it has paid.
            mark(trial, 2 + way, LOWEST_MARK / 2, theme.level_color(0.5))
    if summary.better is not None:
        for trial, state in enumerate(summary.better.tolist()):
            canvas.box(LEFT + slot * trial, top + lane * (2 + state), max(slot, 1.0), 4, theme.TRUTH)
    canvas.text("trial", LEFT - 10, bottom + 6, theme.LABEL, theme.FAINT, align="right")
    every = spacing(canvas.width(str(summary.num_trials), theme.LABEL) + 18, slot)
    for trial in {1, *range(every, summary.num_trials + 1, every)}:
        x = LEFT + slot * (trial - 0.5)
        half = canvas.width(str(trial), theme.LABEL) / 2
        canvas.text(str(trial), min(x, RIGHT - half), bottom + 6, theme.LABEL, theme.INK, align="center")
