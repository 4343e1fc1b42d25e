"""The command that measures speeds."""

from __future__ import annotations

from typing import Annotated

import typer

from meta_envs.cli.options import AsJson, parse_pairs, print_json
from meta_envs.terminal import Screen


def bench(
    what: Annotated[str, typer.Argument(metavar="env|families|training", help="What to measure; all by default.")] = "",
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 2.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the training, such as epochs=4; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure speeds.

    They are those of one core, in training of two. Environments stand beside CartPole-v1, all families beside the
    two-armed bandit (or, if they show images, beside a mere copy of those), training beside stock RecurrentPPO.
    """
    from meta_envs.bench import PARTS, measure, table
    from meta_envs.bench.training import prepare_training

    changes = parse_pairs(settings, "--set", bench)
    if not what:
        prepare_training(changes)  # before what is measured first
    rows = {part: measure(part, seconds, **changes) for part in ([what] if what else PARTS)}
    if as_json:
        print_json([row for part in rows.values() for row in part])
        return
    for part in rows.values():
        Screen().print(table(part), "")
