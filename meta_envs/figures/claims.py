"""The rule of verdicts: what is measured with its interval, and whether a claim holds of it.

The rule was fixed before any figure was made. A claim is an inequality or a pattern between quantities that are
measured, with 95 % intervals, in unseen lifetimes. It *holds* where the interval lies wholly on the claimed side,
*fails* where it lies wholly on the other, and is else *not determined*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from meta_envs.arguments import require
from meta_envs.behaviour.estimates import Estimates
from meta_envs.family import Array
from meta_envs.intervals import widen, wilson

READING = 0.02
"""By how much a number that is read off a published figure may be wrong; and what is still ceiling or chance."""
HOLDS, FAILS, OPEN = "holds", "fails", "not determined"
"""Verdicts."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """A number with a 95 % interval."""

    value: float
    low: float
    high: float
    lifetimes: int
    """In which it was measured."""
    agents: int = 1
    """Trained agents, or learners, over which it is a mean."""
    scatter: float = 0.0
    """What of half of the interval is of agents, and does not get smaller with more lifetimes."""

    def __sub__(self, other: float) -> Measured:
        """Relative to a number that has no error."""
        return replace(self, value=self.value - other, low=self.low - other, high=self.high - other)

    def __neg__(self) -> Measured:
        return replace(self, value=-self.value, low=-self.high, high=-self.low)

    def show(self, digits: int = 2) -> str:
        """The number and its interval."""
        if not np.isfinite(self.value):
            return "not observed"
        if not np.isfinite(self.low + self.high):
            return f"{self.value:.{digits}f} (too few lifetimes for an interval)"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def measure(values: Array) -> Measured:
    """The mean of values (lifetimes,) or (agents, lifetimes), the same lifetimes for all agents.

    Of one agent the interval is Student's t of the mean over lifetimes. Of several it has, beside, that of
    the mean over agents. Where all values are 0, or all are 1, it is Wilson's, for nothing scatters there.
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    lifetimes = table.shape[1]
    require(lifetimes > 1, "lifetimes", lifetimes, "give at least 2")
    each, mean = table.mean(axis=1), float(table.mean())
    half = _half_width(table.mean(axis=0))
    low, high = mean - half, mean + half
    if half == 0.0 and mean in (0.0, 1.0):
        ends = wilson(np.array([mean * lifetimes]), np.array([lifetimes]))
        low, high = (float(end[0]) for end in ends)
    return _over_agents(mean, low, high, each, lifetimes)


def difference(more: Array, less: Array) -> Measured:
    """How much higher the mean of the one sample is: some agents, and other ones, each however many.

    Args:
        more: Values (lifetimes,) or (agents, lifetimes).
        less: The same of others, in the same lifetimes. Where these are the same agents, or one rule, `measure` takes
            the difference itself.
    """
    samples = [np.atleast_2d(np.asarray(values, dtype=np.float64)) for values in (more, less)]
    found = measure(samples[0].mean(axis=0) - samples[1].mean(axis=0))
    scatter = [(np.var(each.mean(axis=1), ddof=1) / len(each), len(each)) for each in samples if len(each) > 1]
    total, agents = sum(spread for spread, _ in scatter), max(map(len, samples))
    half = 0.0
    if total > 0.0:  # Welch's t interval
        from scipy.stats import t as student

        freedom = total**2 / sum(spread**2 / (size - 1) for spread, size in scatter)
        half = float(student.ppf(0.975, freedom) * np.sqrt(total))
    low, high = widen((found.low, found.high), found.value, half)
    return Measured(found.value, low, high, found.lifetimes, agents, half)


def pool(estimates: Sequence[Measured]) -> Measured:
    """The mean of what was measured of each of several agents in the same lifetimes.

    Its interval has the mean of theirs, as if they had all luck in common, and the Student's t interval over agents.
    """
    value, low, high = (float(np.mean([getattr(each, end) for each in estimates])) for end in ("value", "low", "high"))
    return _over_agents(value, low, high, np.array([each.value for each in estimates]), estimates[0].lifetimes)


def pool_estimates(estimates: Sequence[Estimates], lifetimes: int) -> list[Measured]:
    """`pool` of every place of several agents' estimates."""
    return [
        pool(
            [
                Measured(float(each.mean[place]), float(each.low[place]), float(each.high[place]), lifetimes)
                for each in estimates
            ]
        )
        for place in range(len(estimates[0].at))
    ]


def combine(parts: Sequence[Measured], weights: Sequence[float]) -> Measured:
    """A weighted sum of numbers whose errors are independent, as of observations that are all different ones."""
    value = sum(weight * part.value for weight, part in zip(weights, parts, strict=True))
    turned = [(weight, part if weight > 0 else -part) for weight, part in zip(weights, parts, strict=True)]
    down = np.linalg.norm([weight * (part.value - part.low) for weight, part in turned])
    up = np.linalg.norm([weight * (part.high - part.value) for weight, part in turned])
    scatter = float(np.linalg.norm([weight * part.scatter for weight, part in zip(weights, parts, strict=True)]))
    return Measured(value, value - float(down), value + float(up), parts[0].lifetimes, parts[0].agents, scatter)


def _over_agents(value: float, low: float, high: float, each: Array, lifetimes: int) -> Measured:
    """With the scatter of the agents (agents,) beside that of lifetimes."""
    scatter = _half_width(each) if len(each) > 1 else 0.0
    low, high = widen((low, high), value, scatter)
    return Measured(value, low, high, lifetimes, len(each), scatter)


def _half_width(values: Array) -> float:
    """Half of Student's t interval of a mean."""
    from scipy.stats import t as student

    return float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Check:
    """One comparison, and what came of it."""

    what: str
    """Such as "thompson - agent > 0"."""
    measured: Measured
    verdict: str
    margin: float
    """Distance of the number from where the verdict would change."""

    @property
    def needed(self) -> int | None:
        """About how many lifetimes would settle it, where it is not determined; None where none would."""
        half = max(self.measured.high - self.measured.value, self.measured.value - self.measured.low)
        room = self.margin**2 - self.measured.scatter**2
        if self.verdict != OPEN or not room > ROUNDING**2 or not np.isfinite(half):
            return None
        exact = round(self.measured.lifetimes * max((half**2 - self.measured.scatter**2) / room, 1.1), 6)
        step = 10 ** max(int(np.floor(np.log10(exact))) - 1, 0)
        return int(np.ceil(exact / step) * step)


def above(what: str, measured: Measured, bound: float = 0.0) -> Check:
    """Whether it is above a bound."""
    found = measured - bound
    verdict = HOLDS if found.low > 0.0 else FAILS if found.high < 0.0 else OPEN
    return Check(f"{what} > {bound:g}", measured, verdict, found.value)


def below(what: str, measured: Measured, bound: float = 0.0) -> Check:
    """Whether it is below a bound."""
    found = above(what, -measured, -bound)
    return Check(f"{what} < {bound:g}", measured, found.verdict, found.margin)


def within(what: str, measured: Measured, target: float, error: float = READING) -> Check:
    """Whether it is a pattern's number, such as ceiling or chance: the whole interval within an error of it."""
    found = measured - target
    inside = found.low >= -error - ROUNDING and found.high <= error + ROUNDING
    outside = found.low > error or found.high < -error
    verdict = HOLDS if inside else FAILS if outside else OPEN
    return Check(f"{what} = {target:g} ± {error:.2g}", measured, verdict, error - abs(found.value))


def published(what: str, measured: Measured, number: float, error: float = READING) -> Check:
    """Whether it is a published number: the interval contains it, or lies within the error of reading it."""
    found = measured - number
    inside = found.low >= -error - ROUNDING and found.high <= error + ROUNDING
    outside = found.low > error or found.high < -error
    verdict = HOLDS if found.low <= 0.0 <= found.high or inside else FAILS if outside else OPEN
    return Check(f"{what} = {number:g} (difference {found.value:+.3f})", measured, verdict, error - abs(found.value))


def rising(samples: dict[str, Array]) -> list[Check]:
    """Whether each sample's mean is below the next one's: paired differences in the same lifetimes.

    Args:
        samples: Values (lifetimes,) or (agents, lifetimes) by name, in the claimed order.
    """
    return [
        above(f"{more} - {less}", measure(np.atleast_2d(samples[more]) - np.atleast_2d(samples[less])))
        for less, more in pairwise(samples)
    ]


@dataclass(frozen=True)
class Verdict:
    """A published claim, what was measured, and whether it holds."""

    figure: str
    claim: str
    source: str
    """Where it stands: "text", "figure" (read off it), or another publication."""
    paper: str
    """What is published."""
    ours: str
    """What was measured."""
    verdict: str
    """Holds where all its checks hold; fails where one of them fails; else not determined."""
    checks: tuple[Check, ...] = field(repr=False)
    note: str = ""

    @property
    def needed(self) -> int | None:
        """About how many lifetimes would settle what is not determined."""
        known = [check.needed for check in self.checks if check.needed]
        return max(known) if known and self.verdict == OPEN else None

    @property
    def settles(self) -> str:
        """What would settle what is not determined, if anything would."""
        if self.needed:
            return f"about {self.needed:,} lifetimes would settle it"
        scatters = self.verdict == OPEN and any(
            check.verdict == OPEN and check.measured.scatter for check in self.checks
        )
        return "more agents would settle it, more lifetimes would not" if scatters else ""

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, as JSON has it."""
        checks = [_without_nan({**asdict(check), "needed": check.needed}) for check in self.checks]
        return {
            **{name: getattr(self, name) for name in NAMES},
            "needed": self.needed,
            "settles": self.settles,
            "checks": checks,
        }


def _without_nan(content: Any) -> Any:
    """JSON has no NaN, which stands where nothing was observed."""
    if isinstance(content, dict):
        return {name: _without_nan(value) for name, value in content.items()}
    return None if isinstance(content, float) and not np.isfinite(content) else content


NAMES = ("figure", "claim", "source", "paper", "ours", "verdict", "note")


def judge(
    figure: str, claim: str, checks: Sequence[Check], *, source: str, paper: str, ours: str, note: str = ""
) -> Verdict:
    """The verdict on a claim that holds where all of its checks do."""
    verdicts = {check.verdict for check in checks}
    verdict = FAILS if FAILS in verdicts else OPEN if OPEN in verdicts else HOLDS
    return Verdict(figure, claim, source, paper, ours, verdict, tuple(checks), note)
