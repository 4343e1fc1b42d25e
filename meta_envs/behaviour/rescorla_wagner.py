"""Rescorla-Wagner models of choices between arms, fitted to blocks of lifetimes by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from meta_envs.arguments import is_number, require, require_whole
from meta_envs.behaviour.likelihood import PARAMETERS, Block, Peak
from meta_envs.behaviour.trials import TrialTable, refuse_twins, warn_of_pooling
from meta_envs.family import Array

MODELS = ("b", "ab", "be", "abe")
"""What differs from block to block: the inverse temperature beta, the learning rate alpha, the lapse rate epsilon."""
STEEPEST = 50.0
"""Largest inverse temperature, times the range of the rewards."""


@dataclass(frozen=True, eq=False)
class RescorlaWagnerFit:
    """A model fitted to ``G`` blocks."""

    model: str
    blocks: Array
    """Labels (G,)."""
    estimates: dict[str, Array]
    """``alpha``, ``beta`` and ``epsilon`` (G,); what the model does not let vary is the same in all."""
    standard_errors: dict[str, Array]
    """(G,) from the observed information, NaN for what was not estimated or is at its bound."""
    notes: dict[str, list[str]]
    """Why an estimate is not to be trusted, a sentence a block; empty where it is."""
    log_likelihood: Array
    """(G,)"""
    num_choices: Array
    """(G,)"""
    num_parameters: int
    """Of all blocks together."""

    @property
    def bic(self) -> float:
        """Bayesian information criterion over all blocks; less is better."""
        return float(self.num_parameters * np.log(self.num_choices.sum()) - 2 * self.log_likelihood.sum())

    def identified(self, name: str) -> Array:
        """Which blocks' estimates of a parameter can be trusted (G,)."""
        return np.array([not note for note in self.notes[name]])

    def to_table(self) -> TrialTable:
        """One row a block: its estimates, their standard errors, log-likelihood and notes."""
        columns: dict[str, Array] = {"block": self.blocks, "choices": self.num_choices}
        for name in PARAMETERS:
            columns |= {name: self.estimates[name], f"{name}_se": self.standard_errors[name]}
        notes = [" ".join(filter(None, note)) for note in zip(*self.notes.values(), strict=True)]
        return TrialTable({**columns, "log_likelihood": self.log_likelihood, "note": np.array(notes)})


def add_blocks(table: TrialTable, *, size: int = 10, by: str | None = None) -> TrialTable:
    """The table with a column ``block``: so many lifetimes of one learner, in order; the last one may have fewer.

    Args:
        table: With ``lifetime``.
        size: Lifetimes of a block, at least 1. [paper: 10 of one volatility]
        by: A column that is the same in all lifetimes of a block, such as ``"task_sigma"``.
    """
    require_whole("size", size, 1)
    lifetime = table.lifetimes()
    first = np.unique(lifetime, return_index=True)[1]
    kind = np.zeros(len(first), np.intp)
    for name in ("learner", *([by] if by is not None else [])):
        if name == by or name in table:
            values, place = np.unique(table[name][first], return_inverse=True)
            if not np.array_equal(values[place][lifetime], table[name]):
                raise ValueError(f"by={name!r} is not possible: its values change within lifetimes.")
            kind = kind * len(values) + place
    order = np.argsort(kind, kind="stable")
    nth = np.empty(len(first), np.intp)
    nth[order] = np.arange(len(first)) - np.searchsorted(kind[order], kind[order])
    block = np.unique(kind * len(first) + nth // size, return_inverse=True)[1]
    return table.with_columns(block=block[lifetime])


def fit_rescorla_wagner(
    table: TrialTable,
    model: str = "abe",
    *,
    alpha: float | None = None,
    initial_value: float = 0.5,
    num_arms: int | None = None,
) -> RescorlaWagnerFit:
    """Fit a Rescorla-Wagner model with softmax and lapses to every block of a table.

    The value of the chosen arm moves by ``Q_a <- Q_a + alpha (r - Q_a)``, others stay, and ``P(a) = (1 - epsilon)
    softmax_beta(Q)_a + epsilon / A``, with ``A`` arms: for two ``epsilon / 2``, as in the paper. The letters of the
    model say what each block has of its own: ``b`` beta, ``a`` alpha, ``e`` epsilon. Without ``a`` one alpha is fitted
    to all blocks together, without ``e`` epsilon is 0 [ours: the paper does not say]. Exact gradients, several starts,
    bounds: alpha and epsilon in [0, 1], beta from 0 to 50 divided by the range of the rewards.

    An estimate is noted as one not to be trusted if it is at a bound, if the likelihood has no peak there, or if both
    ends of the parameter's range are within the 95 % interval of the profile likelihood: the data then do not say. Nor
    do they where all choices of a block are the same, or where nobody chose one of the arms.

    Args:
        table: With ``lifetime``, ``trial``, ``action`` (counted from 0 or from 1, which is the same to the model),
            ``reward``, and ``block``, as `add_blocks` makes it; without it each ``learner`` is a block, and without
            that all lifetimes are one. A warning says where one block has several learners, or several lifetimes of
            nobody knows whom.
        model: "b", "ab", "be" or "abe".
        alpha: A fixed learning rate for the models "b" and "be", in place of one that is fitted.
        initial_value: All arms' value at the start of a lifetime [ours].
        num_arms: Arms; by default as many as the table's actions need, at least 2. Needed where actions have gaps.

    Raises:
        ValueError: If a column is missing or has values that it may not have, or an argument makes no sense.
    """
    require(model in MODELS, "model", model, f"give one of {', '.join(MODELS)}")
    require(
        alpha is None or ("a" not in model and is_number(alpha) and 0 <= alpha <= 1),
        "alpha",
        alpha,
        'give it from 0 to 1, for "b" or "be"',
    )
    require(is_number(initial_value), "initial_value", initial_value, "give a finite number")
    what = "Rescorla-Wagner models"
    table = table.ready(what, "trial", "action", "reward")
    refuse_twins(table, what, "trial")
    arms, unchosen, table = _count_arms(table, num_arms)
    name = next((name for name in ("block", "learner") if name in table), None)
    labels, place = np.unique(table[name] if name else np.zeros(len(table), np.int64), return_inverse=True)
    parts = [table.where(place == number) for number in range(len(labels))]
    if "learner" in table or name is None:
        for part in parts:
            warn_of_pooling(part, what)
    blocks = [Block(part.lifetimes(), part["action"], part["reward"], arms, initial_value) for part in parts]
    spread = float(np.ptp(np.append(table["reward"], initial_value)))
    upper = np.array([1.0, STEEPEST / (spread or 1.0), 1.0])
    own = [name for name in PARAMETERS if name[0] in model]
    groups = [[block] for block in blocks] if "a" in model else [blocks]
    fits = [Peak(group, own, upper, alpha) for group in groups]
    theta = np.concatenate([fit.theta for fit in fits])
    errors = np.concatenate([fit.errors for fit in fits])
    notes = [note for fit in fits for note in fit.notes]
    fitted = own + (["alpha"] if "a" not in model and alpha is None else [])
    reasons = _find_silent(parts, arms, unchosen)
    for (number, reason), name in product(enumerate(reasons), fitted):
        # One alpha of all blocks is told by those that tell something.
        if reason and (name in own or all(reasons)):
            errors[number, PARAMETERS.index(name)] = np.nan
            notes[number][PARAMETERS.index(name)] = f"{name} cannot be identified: {reason}."
    return RescorlaWagnerFit(
        model=model,
        blocks=labels,
        estimates={name: theta[:, column] for column, name in enumerate(PARAMETERS)},
        standard_errors={name: errors[:, column] for column, name in enumerate(PARAMETERS)},
        notes={name: [note[column] for note in notes] for column, name in enumerate(PARAMETERS)},
        log_likelihood=np.array([block.evaluate(row)[0] for block, row in zip(blocks, theta, strict=True)]),
        num_choices=np.array([len(part) for part in parts]),
        num_parameters=len(blocks) * len(own) + len(fitted) - len(own),
    )


def _count_arms(table: TrialTable, num_arms: int | None) -> tuple[int, int, TrialTable]:
    """How many arms there are, how many of them nobody chose, and the table with choices counted from 0.

    All arms begin alike, so that a model does not care which of them is called 1.
    """
    used = np.unique(table["action"])
    if len(used) == 0:
        raise ValueError("Rescorla-Wagner models need at least one row.")
    first = min(int(used[0]), 1)
    needed = int(used[-1]) + 1 - first
    if num_arms is None and needed > len(used):
        raise ValueError(
            f"Rescorla-Wagner models need choices counted from 0 or 1 without gaps, and these are {used[:9].tolist()}: "
            "leave out what is no choice, or say by num_arms= how many arms there are."
        )
    arms = max(2, needed) if num_arms is None else require_whole("num_arms", num_arms, max(2, needed))
    return arms, arms - len(used), table.with_columns(action=table["action"] - first)


def _find_silent(parts: Sequence[TrialTable], arms: int, unchosen: int) -> list[str]:
    """Why a block's choices tell nothing of its parameters, a reason each; empty where they do."""
    if unchosen and arms > 2:
        return [f"nobody chose {unchosen} of the {arms} arms"] * len(parts)
    return ["all choices are the same" if np.ptp(part["action"]) == 0 else "" for part in parts]


def compare_models(fits: Sequence[RescorlaWagnerFit]) -> TrialTable:
    """Models fitted to the same choices, the best by BIC first: one row each.

    Raises:
        ValueError: If there are none, or their choices differ in number.
    """
    if not fits or any(not np.array_equal(fit.num_choices, fits[0].num_choices) for fit in fits):
        raise ValueError("Models are compared if there are some, fitted to the same blocks of the same choices.")
    ranked = sorted(fits, key=lambda fit: fit.bic)
    return TrialTable(
        {
            "model": np.array([fit.model for fit in ranked]),
            "log_likelihood": np.array([fit.log_likelihood.sum() for fit in ranked]),
            "parameters": np.array([fit.num_parameters for fit in ranked]),
            "choices": np.array([fit.num_choices.sum() for fit in ranked]),
            "bic": np.array([fit.bic for fit in ranked]),
            "delta_bic": np.array([fit.bic - ranked[0].bic for fit in ranked]),
        }
    )
