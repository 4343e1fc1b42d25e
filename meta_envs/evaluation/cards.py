"""Scorecards: the results of one learner's evaluation, as numbers and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from meta_envs.arguments import require
from meta_envs.files import BLANK, HASH, parse_json, reading, reason_of, require_seal, seal, write_atomically


@dataclass(frozen=True)
class Scorecard:
    """Return, regret and score of one learner in ``episodes`` unseen lifetimes.

    Returns are of a whole lifetime, standard errors over lifetimes. ``return_mean`` is of *expected* return, the sum of
    the true means of what was chosen. Where the optimum is known, the optimal learner's return in the same lifetimes,
    on common random numbers, is a control variate: its mean there is ``m``, and its computed value ``v``, so that
    ``return_mean = mean - c (m - v)``, with ``c`` the least squares slope of the learner's returns on the optimal
    learner's. ``return_se`` is that of what is left, and of ``v`` where that was simulated; it is 0 for the optimal
    learner itself where its value is exact and needs no sample. ``score`` is ``return_mean`` in units in which random
    play is 0 and the optimum 1: ``(return_mean - random_return) / (optimal_return - random_return)``. Its interval has
    the errors of all that was simulated in it.
    """

    id: str
    """The environment, or the class of a family that was given without one."""
    learner: str
    episodes: int
    seed: int
    return_mean: float
    return_se: float
    realised_return_mean: float
    """Of the rewards that were paid, plain."""
    realised_return_se: float
    regret_mean: float | None
    """Expected return of the oracle minus that of the learner; the last of ``regret_curve``. None where the family does
    not tell the oracle's."""
    regret_se: float | None
    score: float | None
    """None where there is no optimum to compare with; ``note`` says why."""
    score_low: float | None
    """Ends of a 95 % interval over lifetimes, by bootstrap, of fewer than 100 by Student's t; wider by the errors of
    simulated ends of the scale."""
    score_high: float | None
    optimal_return: float | None
    optimum_kind: str | None
    """Of ``optimal_return``: "exact", "simulated" where the optimal policy is known but not its exact value, or
    "bound" where it is an upper bound."""
    random_return: float | None
    """Of uniformly random play."""
    regret_curve: list[float] | None = field(repr=False)
    """Cumulative expected regret after every trial, or step where there are no trials (``curve_unit``)."""
    regret_curve_se: list[float] | None = field(repr=False)
    keywords: dict[str, Any] = field(default_factory=dict)
    """Values of the family's fields, where they are not those of the id."""
    note: str = ""
    optimal_return_se: float | None = None
    """Standard error of ``optimal_return`` where that was simulated, else 0; of a bound, which has three of them in it
    already. None where there is none, and on cards of before it was kept."""
    random_return_se: float | None = None
    """Of ``random_return``, likewise."""
    curve_unit: str = "step"
    """What the curves go over: "trial" or "step"; steps on cards of before it was kept."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)

    def to_json(self) -> str:
        """All fields, as JSON."""
        return _to_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Scorecard:
        """The card that `to_json` wrote; older ones lack what has a default value.

        Raises:
            ValueError: If the text is none.
        """
        try:
            data = parse_json(text)
        except ValueError as error:
            reason = reason_of(error)
            raise ValueError(f"This is no scorecard, since it is no JSON ({reason}): evaluate again.") from error
        return cls._from_dict(data)

    @classmethod
    def _from_dict(cls, data: Any) -> Scorecard:
        names = {entry.name: entry.default is MISSING and entry.default_factory is MISSING for entry in fields(cls)}
        needed = {name for name, needed in names.items() if needed}
        if not isinstance(data, dict) or not needed <= data.keys() <= names.keys():
            raise ValueError(f"This is no scorecard: it needs exactly the keys {', '.join(names)}.")
        return cls(**data)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, as `save_cards` does with several."""
        save_cards([self], path)


@dataclass(frozen=True)
class Difference:
    """Paired difference of two learners' expected returns of a whole lifetime.

    Both run on common random numbers, the same task and chance in every lifetime, so that the two returns rise and fall
    together, and their difference scatters less than on independent chance. It is also the difference of the learners'
    regrets, with the sign reversed. Plain, without the control variate of `Scorecard.return_mean`.
    """

    id: str
    learner: str
    other: str
    episodes: int
    seed: int
    difference: float
    """Mean of ``learner`` minus that of ``other``."""
    se: float
    """Standard error, paired: of the differences in single lifetimes."""
    se_unpaired: float
    """Standard error of as many lifetimes if each learner ran in lifetimes of its own."""
    variance_saved: float | None
    """``1 - (se / se_unpaired)**2``; below 0 where returns are negatively correlated, None where nothing scatters."""
    keywords: dict[str, Any] = field(default_factory=dict)
    """As of `Scorecard`."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def save_cards(cards: Sequence[Scorecard], path: str | os.PathLike[str]) -> None:
    """Write scorecards to a file, all or nothing: JSON, with the list as ``scorecards`` and the SHA-256 of the file."""
    content = {HASH: BLANK, "scorecards": [card.to_dict() for card in cards]}
    write_atomically(Path(path), seal((_to_json(content) + "\n").encode()))


def load_cards(path: str | os.PathLike[str]) -> list[Scorecard]:
    """The scorecards that `save_cards` wrote, or ``meta-envs evaluate --json`` printed.

    Raises:
        ValueError: If the file holds none, or was changed since it was written; with its name.
        OSError: If it cannot be read.
    """
    content = Path(path).read_bytes()
    with reading(Path(path), "holds no whole scorecards", "evaluate again, or copy it again"):
        data = parse_json(content)
        if isinstance(data, dict) and HASH in data:
            require_seal(content)
            data = data["scorecards"]
        require(data != [], "scorecards", data, "there is none")
        return [Scorecard._from_dict(card) for card in (data if isinstance(data, list) else [data])]


def _to_json(content: Any) -> str:
    # A family's field may be a NumPy number.
    return json.dumps(content, indent=2, allow_nan=False, default=lambda number: number.item())


def describe(card: Scorecard | Difference) -> str:
    """The environment with its keywords, for headings."""
    return ", ".join([card.id, *(f"{key}={value}" for key, value in card.keywords.items())])
