"""Summaries of traces in numbers, for picture and text. Nothing hidden is in them before the end."""

from __future__ import annotations

import re
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from meta_envs.family import Array, TaskFamily
from meta_envs.lifetimes.tables import is_bandit, tabulate
from meta_envs.rendering.trace import Trace


@dataclass(frozen=True)
class Summary:
    """A lifetime up to now. ``A`` actions (1 where they cannot be counted), ``n`` steps.

    Attributes:
        title: The family in words.
        trial: Trials that are over.
        num_trials: Trials of a lifetime.
        horizon: Steps of a lifetime.
        actions: (n,) int64 in ``range(A)``.
        rewards: (n,) float64.
        counts: (A,) int64, how often each action was taken.
        means: (A,) float64, mean reward of each action; NaN where it was never taken.
        scale: Lowest and highest reward to draw; 0 lies between them.
        true_means: (A,) float64, expected rewards in the hidden task; None until the lifetime is over, and in families
            where they depend on the state.
        task: The hidden task's first numbers in words; empty until the lifetime is over.
        over: Whether the lifetime is over.
        bandit: Whether the family is a bandit: its actions are arms.
        fixed: Whether it is one whose arms have fixed means.
        unit: What a trial is called.
        names: (A,) what the actions are called; empty where they have numbers only.
    """

    title: str
    trial: int
    num_trials: int
    horizon: int
    actions: Array
    rewards: Array
    counts: Array
    means: Array
    scale: tuple[float, float]
    true_means: Array | None
    task: str
    over: bool
    bandit: bool
    fixed: bool
    unit: str
    names: tuple[str, ...]

    def level(self, reward: Array | float) -> Array:
        """Rewards as fractions of the scale, in [0, 1]; the shape is kept."""
        low, high = self.scale
        return np.clip((reward - low) / (high - low), 0.0, 1.0)

    @property
    def progress(self) -> str:
        """How many trials are over, and of how many."""
        return f"{self.unit} {self.trial} / {self.num_trials}"

    @property
    def num_actions(self) -> int:
        """Columns of the picture, ``A``."""
        return len(self.counts)

    @property
    def noun(self) -> str:
        """What an action is called."""
        return "arm" if self.bandit else "action"

    @property
    def verb(self) -> str:
        """What the number of an action's uses is called."""
        return "pulls" if self.bandit else "times"

    @property
    def status(self) -> str:
        """What happened last, in a few words; when the lifetime is over, what was hidden."""
        if self.over:
            best = ", ".join(str(action + 1) for action in self.best)
            return f"over; best {self.noun}: {best}" if best else f"over; {self.task}"
        if not len(self.rewards):
            return f"no {self.noun} chosen yet"
        last = int(self.actions[-1])
        chosen = self.names[last] if self.names else f"{self.noun} {last + 1}"
        return f"last: {chosen}, reward {in_short(self.rewards[-1])}"

    @property
    def best(self) -> list[int]:
        """The actions with the highest true mean; none until the lifetime is over."""
        if self.true_means is None:
            return []
        return np.flatnonzero(self.true_means >= self.true_means.max() - 1e-9).tolist()


def summarise(family: TaskFamily, trace: Trace) -> Summary:
    """Count what has happened in a lifetime of a family."""
    space = family.action_space
    countable = isinstance(space, spaces.Discrete)
    width = int(space.n) if isinstance(space, spaces.Discrete) else 1
    steps = len(trace.rewards)
    actions = np.array(trace.actions if countable else [0] * steps, np.int64)
    rewards = np.array(trace.rewards, np.float64)
    counts = np.bincount(actions, minlength=width)
    totals = np.bincount(actions, weights=rewards, minlength=width)
    means = np.full(width, np.nan)
    np.divide(totals, counts, out=means, where=counts > 0)
    # Trials may have several steps: they are over where the family's clock ticks.
    ticks = np.diff(family.elapsed(np.arange(family.horizon + 1))) > 0
    bandit, true_means = is_bandit(family), None
    tables = tabulate(family)
    fixed = family.bandit or (bandit and tables is not None and len(tables.states) == 1)
    if trace.over and fixed:
        expected = family.expected_rewards(trace.task[None], trace.states[-1][None])
        true_means = None if expected is None else expected[0]
    return Summary(
        title=name_family(family),
        trial=int(np.count_nonzero(ticks[:steps])),
        num_trials=int(np.count_nonzero(ticks)),
        horizon=family.horizon,
        actions=actions,
        rewards=rewards,
        counts=counts,
        means=means,
        scale=_find_scale(family, rewards if true_means is None else np.append(rewards, true_means)),
        true_means=true_means,
        task=_describe(family, trace.task) if trace.over else "",
        over=trace.over,
        bandit=bandit,
        fixed=fixed,
        unit="trial",
        names=(),
    )


def name_family(family: TaskFamily) -> str:
    """A family in words, and its level where it is one of the registered ones: ``Dependent bandit, easy``."""
    kind = type(family)
    place, level = f"{kind.__module__}:{kind.__qualname__}", ""
    rows = {id: spec.kwargs for id, spec in gym.registry.items() if spec.kwargs.get("family") == place}
    plain = next((id for id, keywords in rows.items() if len(keywords) == 1), "").partition("-v")[0]
    for id, keywords in rows.items():
        own = {name: value for name, value in keywords.items() if name != "family"}
        if own and plain and id.startswith(plain) and all(getattr(family, name) == own[name] for name in own):
            level = id.removeprefix(plain).partition("-v")[0].strip("-")
    return in_words(kind.__name__) + (f", {in_words(level).lower()}" if level else "")


def in_words(name: str) -> str:
    """A class name such as ``IndependentBandit`` as words: ``Independent bandit``."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: " " + match[0].lower(), name)


def in_short(number: float, digits: int = 3) -> str:
    """A number with few digits, such as ``24``, ``-1`` or ``0.25``."""
    return f"{number:.{digits}g}" if abs(number) < 1000 else f"{number:.0f}"


def in_decimals(mean: float) -> str:
    """A mean with two decimals; a dash for the mean of nothing."""
    if np.isnan(mean):
        return "-"
    return f"{mean:.2f}" if abs(mean) < 10 else in_short(mean)


def _find_scale(family: TaskFamily, shown: Array) -> tuple[float, float]:
    """The family's bounds where there are any, else those of what is shown; 0 is always inside."""
    low, high = family.reward_range
    seen = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 0.0)
    low = min(0.0, low if np.isfinite(low) else seen[0])
    high = max(0.0, high if np.isfinite(high) else seen[1])
    return (low, high) if high > low else (0.0, 1.0)


def _describe(family: TaskFamily, task: Array) -> str:
    """The first few numbers of a task, by name: a line has no room for more."""
    named = [f"{name} = {in_short(number)}" for name, number in zip(family.task_names[:8], task[:8], strict=True)]
    return ", ".join(named)
