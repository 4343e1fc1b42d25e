"""Speeds, as ratios taken in one run on one core, those of training on two.

The bandit is ``MetaBandit-Dependent-v0`` (of the families ``MetaBandit-Independent-v0``), its history
`PreviousActionReward`, CartPole is Gymnasium's ``CartPole-v1``, native where there are several copies, and stock is
sb3-contrib's RecurrentPPO. The networks alone are the floor of training: the forward passes of a rollout and all
forward and backward passes and optimiser steps of its epochs, of the same networks at the same batch shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meta_envs.arguments import is_number, require
from meta_envs.bench.envs import measure_envs
from meta_envs.bench.families import measure_families
from meta_envs.bench.timing import cores
from meta_envs.bench.training import measure_training, prepare_training

if TYPE_CHECKING:
    from meta_envs.terminal import Table

__all__ = ["PARTS", "measure", "table"]

PARTS = ("env", "families", "training")
"""What can be measured."""
HEADINGS = {
    "what": "what",
    "steps_per_second": "steps/s",
    "ratio": "ratio",
    "beside": "beside",
    "birth": "us/birth",
    "memory": "KiB/copy",
}
"""Keys of the rows, and what stands above them in a table."""


def measure(what: str = "", seconds: float = 2.0, **settings: Any) -> list[dict[str, Any]]:
    """Steps per second of environments, of all task families, of training, or of everything.

    Of speeds the fastest of three repetitions is taken, and what is compared is measured in turn, so that a busy
    machine disturbs both alike.

    Args:
        what: "env", "families", "training", or "" for all of them.
        seconds: Time for each measurement.
        **settings: Values of the training preset, such as ``epochs=4``; by default the recommended ones of the bandit.

    Returns:
        Rows with the keys ``what``, ``steps_per_second``, ``beside`` (what it is compared with) and ``ratio``; those of
        families also have ``birth`` (microseconds that a birth takes), and these and those of training ``memory`` (KiB
        that one more copy holds, or its part of the rollout buffer).

    Raises:
        ValueError: If ``what`` is none of these, the time is not positive and finite, or a setting makes no sense.
        ImportError: If training is to be measured, and what it needs is not installed; nothing is measured before.
    """
    if what and what not in PARTS:
        raise ValueError(f"There is nothing to measure called {what!r}: it is one of {', '.join(PARTS)}.")
    require(is_number(seconds) and seconds > 0, "seconds", seconds, "give a positive number, and a finite one")
    if what in ("", "training"):
        prepare_training(settings)
    rows: list[dict[str, Any]] = []
    with cores(1):
        if what in ("", "env"):
            rows += measure_envs(seconds)
        if what in ("", "families"):
            rows += measure_families(seconds)
    with cores(2):
        if what in ("", "training"):
            rows += measure_training(seconds, settings)
    return rows


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows for people; columns that no row has are left out. Rich shows it."""
    from meta_envs.terminal import Table

    columns = [name for name in HEADINGS if any(row.get(name) for row in rows)]
    if all((row["beside"] or "copying").startswith(("Meta", "copying")) for row in rows):
        # Families are all beside the first row, images beside the copied frames.
        columns.remove("beside")
    numbers = [name for name in columns if name not in ("what", "beside")]
    words = [name for name in columns if name not in numbers]
    shown = Table([HEADINGS[name] for name in words], [HEADINGS[name] for name in numbers])
    for row in rows:
        shown.add_row(*(_show(row.get(name)) for name in (*words, *numbers)))
    return shown


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
