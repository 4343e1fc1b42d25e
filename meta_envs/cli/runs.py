"""Training runs of several seeds, as ``meta-envs evaluate ID --seeds runs/*/`` takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import meta_envs
from meta_envs.cli.options import tell
from meta_envs.files import write_atomically
from meta_envs.roster import is_agent
from meta_envs.terminal import Screen


def evaluate_runs(
    ids: list[str],
    runs: list[Path],
    keywords: dict[str, Any],
    *,
    episodes: int,
    seed: int,
    output: Path | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Evaluate runs of several seeds, and sum their scores up: in every environment, and in several all together."""
    from meta_envs.evaluation import Aggregate, aggregate, aggregates_table, evaluate_seeds, profile_figure

    if several_trainings(runs):
        Screen(stderr=True).say(
            "These runs are not of one training: their tasks or settings differ by more than seeds."
        )
    found: dict[str, Aggregate] = {}
    for id in ids:
        found[id] = evaluate_seeds(runs, id, episodes=episodes, seed=seed, **keywords)
    if len(ids) > 1:
        found["all"] = aggregate(np.concatenate([each.scores for each in found.values()], axis=1))
    facts = {"paths": [str(run) for run in runs], "keywords": keywords, "episodes": episodes, "seed": seed}
    content = [{"id": id, **facts, **each.to_dict()} for id, each in found.items()]
    if output is not None:
        write_atomically(output, (json.dumps(content, indent=2) + "\n").encode())
    if figure is not None:
        profile_figure({id: {"agents": each} for id, each in found.items()}, figure)
    tell(content if as_json else None, [aggregates_table(found, episodes=episodes, seed=seed)], output, figure)


def several_trainings(runs: list[Path]) -> bool:
    """Whether runs differ by more than their seed, as their agents' cards tell; policies from outside have none."""
    cards = [meta_envs.load_agent(run).card for run in runs if run.is_dir() or run.suffix == ".safetensors"]
    return any(
        (card.id, card.keywords, card.preset) != (cards[0].id, cards[0].keywords, cards[0].preset) for card in cards
    )


def split_runs(words: list[str], first: list[Path]) -> tuple[list[str], list[Path]]:
    """Ids, and runs: what a shell makes of ``--seeds runs/*/`` are the first of them and words that follow.

    Raises:
        ValueError: If a run is not there, is named twice, or there is no id.
    """
    known = meta_envs.ids()
    more = [word for word in words if word.rpartition(":")[2] not in known and is_agent(word)]
    ids = [word for word in words if word not in more]
    if not ids:
        raise ValueError("--seeds needs an environment: give its ID before it.")
    runs = [run for pattern in [*map(str, first), *more] for run in _expand(pattern)]
    for run in runs:
        if not run.exists():
            raise ValueError(f"There is no run at {run}: give the directories that training wrote, such as runs/*/.")
    if len(set(runs)) < len(runs):
        raise ValueError(f"--seeds has {len(runs)} runs of which some are the same: give each once.")
    return ids, runs


def _expand(pattern: str) -> list[Path]:
    """The paths that a pattern names, where the shell has not expanded it."""
    if not any(sign in pattern for sign in "*?["):
        return [Path(pattern)]
    path = Path(pattern)
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) or [path]
