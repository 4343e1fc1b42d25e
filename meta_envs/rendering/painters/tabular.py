"""The tabular MDP: what every action has paid in every state, and below it the episodes, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from meta_envs.families.tabular import TabularMDP
from meta_envs.family import Array, TaskFamily
from meta_envs.rendering import theme
from meta_envs.rendering.canvas import Canvas
from meta_envs.rendering.header import paint_header
from meta_envs.rendering.raster import paint_rewards, spacing
from meta_envs.rendering.summary import Summary, in_short, summarise
from meta_envs.rendering.text import WIDTH, write_table
from meta_envs.rendering.theme import LEFT, RIGHT
from meta_envs.rendering.trace import Trace

STATES = 82
"""Height at which the states' numbers are centred."""
MEANS = (96, 196)
EPISODES = (226, 386)
"""Upper and lower edges of the two panels."""


def paint_mdp(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime in a tabular MDP, (height, width, 3) uint8."""
    assert isinstance(family, TabularMDP)
    canvas, summary = Canvas(), _summarise(family, trace)
    paint_header(canvas, summary)
    _paint_means(canvas, family, trace, summary)
    _paint_episodes(canvas, family, trace, summary)
    paint_rewards(canvas, summary, family.reward_values, EPISODES[0] - 18, theme.RIGHT - 150)
    return canvas.pixels


def write_mdp(family: TaskFamily, trace: Trace) -> str:
    """Mean rewards so far as text, a row an action and a column a state; the state of now is marked."""
    assert isinstance(family, TabularMDP)
    if 8 + 7 * family.num_states > WIDTH:
        return write_table(family, trace)
    summary, means = _summarise(family, trace), _find_means(family, trace)
    now = int(trace.states[-1][1])
    total = in_short(float(summary.rewards.sum()))
    heads = "".join(f"{f'[{state}]' if state == now else state:>7}" for state in range(family.num_states))
    rows = [
        f"{action + 1:>8}" + "".join("      -" if np.isnan(mean) else f"{mean:>7.2f}" for mean in means[:, action])
        for action in range(family.num_actions)
    ]
    title = f"{summary.title}: {summary.progress}, reward {total}"
    return "\n".join([title, summary.status[:WIDTH], f"{'state':>8}{heads}", *rows]) + "\n"


def _summarise(family: TabularMDP, trace: Trace) -> Summary:
    """With inner episodes as trials."""
    optimum = float(family.task_optimum(trace.task[None])[0]) if trace.over else np.nan
    return replace(
        summarise(family, trace),
        title="Tabular MDP",
        trial=len(trace.actions) // family.episode_length,
        num_trials=family.num_episodes,
        unit="episode",
        task=f"the oracle expects {in_short(optimum)}" if trace.over else "",
    )


def _find_means(family: TabularMDP, trace: Trace) -> Array:
    """Mean rewards so far by state and action; NaN where an action was never taken."""
    shape = (family.num_states, family.num_actions)
    totals, counts = np.zeros(shape), np.zeros(shape)
    for state, action, reward in zip(trace.states, trace.actions, trace.rewards, strict=False):
        totals[int(state[1]), action] += reward
        counts[int(state[1]), action] += 1
    return np.divide(totals, counts, out=np.full(shape, np.nan), where=counts > 0)


def _paint_means(canvas: Canvas, family: TabularMDP, trace: Trace, summary: Summary) -> None:
    top, bottom = MEANS
    width, height = (RIGHT - LEFT) / family.num_states, (bottom - top) / family.num_actions
    now = int(trace.states[-1][1])
    canvas.text("state", LEFT - 10, STATES - 6, theme.LABEL, theme.FAINT, align="right")
    every = spacing(canvas.width(str(family.num_states), theme.LABEL) + 6, width)
    for state in range(family.num_states):
        x = LEFT + width * (state + 0.5)
        if state == now:
            canvas.pill(str(state), x, STATES, theme.LABEL, theme.INK, theme.PAPER)
        elif state % every == 0 and abs(state - now) * width > 24:
            canvas.text(str(state), x, STATES - 6, theme.LABEL, theme.INK, align="center")
    for action in range(0, family.num_actions, spacing(14, height)):
        y = top + height * (action + 0.5)
        label = "action 1" if action == 0 else str(action + 1)
        canvas.text(label, LEFT - 10, y - 6, theme.LABEL, theme.INK, align="right")
    for (state, action), mean in np.ndenumerate(_find_means(family, trace)):
        place = (LEFT + width * state, top + height * action, width, height)
        _paint_cell(canvas, summary, place, None if np.isnan(mean) else float(mean), f"{mean:.1f}")
    if trace.over:
        best = np.argmax(family.action_values(trace.task[None])[0, 0], axis=-1)
        for state, action in enumerate(best.tolist()):
            canvas.frame(LEFT + width * state, top + height * action, width, height, theme.TRUTH, line=3)
    elif trace.actions:
        state, action = int(trace.states[-2][1]), int(trace.actions[-1])
        canvas.frame(LEFT + width * state, top + height * action, width, height, theme.INK, line=2)


def _paint_episodes(canvas: Canvas, family: TabularMDP, trace: Trace, summary: Summary) -> None:
    top, bottom = EPISODES
    width, height = (RIGHT - LEFT) / family.episode_length, (bottom - top) / family.num_episodes
    note = "framed: the best actions; below: " if trace.over else ""
    canvas.text(f"{note}states and rewards", LEFT, top - 18, theme.LABEL, theme.FAINT)
    canvas.text("episode", LEFT - 10, top - 18, theme.LABEL, theme.FAINT, align="right")
    for episode in range(0, family.num_episodes, spacing(14, height)):
        y = top + height * (episode + 0.5)
        canvas.text(str(episode + 1), LEFT - 10, y - 6, theme.LABEL, theme.INK, align="right")
    for step in range(family.horizon):
        episode, column = divmod(step, family.episode_length)
        place = (LEFT + width * column, top + height * episode, width, height)
        reward = trace.rewards[step] if step < len(trace.rewards) else None
        _paint_cell(canvas, summary, place, reward, str(int(trace.states[min(step, len(trace.actions))][1])))


def _paint_cell(
    canvas: Canvas, summary: Summary, place: tuple[float, float, float, float], value: float | None, text: str
) -> None:
    """A rectangle in the colour of a reward with a text on it, where there is room; empty without a reward."""
    x, y, width, height = place
    gap = 1.0 if min(width, height) >= 5 else 0.0
    level = None if value is None else float(summary.level(value))
    canvas.box(x, y, width - gap, height - gap, theme.PANEL if level is None else theme.level_color(level))
    if level is not None and height >= 13 and width >= canvas.width(text, theme.LABEL) + 2:
        ink = theme.ink_on(level)
        canvas.text(text, x + width / 2, y + height / 2 - 6, theme.LABEL, ink, align="center")
