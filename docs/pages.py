"""Pages and tables that are made from the package whenever the documentation is built: they cannot be out of date."""

import inspect
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import reference

import meta_envs
from meta_envs import LEARNERS, agents, make_learner
from meta_envs.family import TaskFamily
from meta_envs.rendering import take_picture, to_png
from meta_envs.training import KINDS, Preset


def write(folder: Path) -> None:
    """Write everything into ``folder``; files that would be the same are not touched, and all others there removed."""
    contents: dict[Path, bytes] = {
        folder / "tables" / f"{name}.md": text.encode()
        for name, text in {
            "environments": environments_table(),
            **{f"presets-{kind}": presets_table(presets) for kind, (presets, _) in KINDS.items()},
            "learners": learners_table(),
            "agents": agents_table(),
            "habits": habits_table(),
            "elsewhere": elsewhere_table(),
            "optima": optima_table(),
        }.items()
    }
    # It reads this module.
    import paper

    contents[folder / "tables" / "claims.md"] = paper.all_claims("_generated/figures/{}.md").encode()
    for name, found in paper.results().items():
        contents[folder / "figures" / f"{name}.md"] = paper.figure_page(name, found).encode()
    contents[folder / "api.md"] = reference.page().encode()
    for id in meta_envs.ids():
        contents[folder / "environments" / f"{id}.md"] = environment_page(id).encode()
        contents[folder / "environments" / f"{id}.png"] = to_png(take_picture(id))
    for stale in set(folder.rglob("*.*")) - set(contents):
        stale.unlink()
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def environment_page(id: str) -> str:
    """An environment's page: the docstring of its family, with the picture and the keywords of this id in front."""
    family = meta_envs.make_family(id)
    summary, _, body = (inspect.getdoc(type(family)) or "").partition("\n")
    defaults = type(family)()
    rows = [
        (f"`{name}`", f"`{value!r}`", "" if value == getattr(defaults, name) else f"`{getattr(defaults, name)!r}`")
        for name, value in keywords(family).items()
    ]
    return f"""# {id}

{summary}

![A lifetime of {id} on its way](<{id}.png>)

```python
import gymnasium as gym
import meta_envs

env = gym.make("{id}")
```

{table(("keyword", f"default of `{id}`", "family's own default, where another"), rows)}

{body.strip()}
"""


def keywords(family: TaskFamily) -> dict[str, Any]:
    """The values of a family's fields."""
    return {field.name: getattr(family, field.name) for field in fields(family)}


def environments_table() -> str:
    """The ids, with a line each."""
    rows = []
    for id in meta_envs.ids():
        family = meta_envs.make_family(id)
        changed = {name: value for name, value in keywords(family).items() if value != getattr(type(family)(), name)}
        rows.append(
            (
                f"[`{id}`](_generated/environments/{id}.md)",
                (type(family).__doc__ or "").partition("\n")[0],
                ", ".join(f"`{name}={value!r}`" for name, value in changed.items()) or "–",
                str(family.horizon),
            )
        )
    return table(("id", "task", "keywords beside the family's defaults", "steps"), rows)


def presets_table(presets: dict[str, Preset]) -> str:
    """The settings of training, a column an id; ids with the same settings share one."""
    groups: list[tuple[Preset, list[str]]] = []
    for id, preset in presets.items():
        alike = next((ids for known, ids in groups if known == preset), None)
        if alike is None:
            groups.append((preset, alike := []))
        alike.append(f"`{id}`")
    rows = [
        (f"`{field.name}`", *(f"`{show(getattr(preset, field.name))}`" for preset, _ in groups))
        for field in fields(Preset)
    ]
    return table(("setting", *("<br>".join(ids) for _, ids in groups)), rows)


def agents_table() -> str:
    """The shipped agents beside all seeds that were trained, from their cards."""
    rows = []
    for id in agents.ids():
        file = agents.find(id)
        if file.stem != id:  # an agent that it shares with another id
            continue
        card = agents.read_card(file)
        of_seeds = {
            name: [value(one) for one in card.seeds]
            for name, value in {
                "greedy": lambda one: one["greedy"]["score"],
                "sampled": lambda one: one["sampled"]["score"],
                "regret": lambda one: one[one["play"]]["regret_mean"],
                "minutes": lambda one: one["wall_seconds"] / 60,
            }.items()
        }
        shipped = card.scorecards[card.play]
        rows.append(
            (
                ", ".join([f"`{id}`", *(f"`{name}={value}`" for name, value in card.keywords.items())]),
                str(len(card.seeds)),
                *(spread(of_seeds[play], 3) for play in ("greedy", "sampled")),
                spread(of_seeds["regret"], 2),
                f"{card.chosen.partition(',')[0]}, {card.play}",
                f"{shipped['score']:.3f} ({shipped['score_low']:.3f}–{shipped['score_high']:.3f})",
                spread(of_seeds["minutes"], 1),
                f"{(file.stat().st_size + file.with_suffix('.json').stat().st_size) / 1000:.0f}",
            )
        )
    headings = (
        "id",
        "seeds",
        "score, greedy",
        "score, sampled",
        "regret",
        "shipped",
        "its score",
        "minutes a seed",
        "kB",
    )
    return table(headings, rows)


def habits() -> dict[str, dict[str, Any]]:
    """What the cards of shipped agents tell of their habits, by id."""
    cards = {id: agents.read_card(agents.find(id)) for id in agents.ids()}
    return {id: card.habits for id, card in cards.items() if card.id == id and card.habits is not None}


def habits_table() -> str:
    """How shipped agents choose."""
    rows = []
    for id, known in habits().items():
        explored, symmetry = known.get("exploration"), known.get("symmetry", {})
        rows.append(
            (
                f"`{id}`",
                known["play"],
                interval(known["agreement"]) if "agreement" in known else "",
                f"{known['counted']:.2f}" if "counted" in known else "",
                f"{interval(explored['agent'])}, {interval(explored['optimum'])}" if explored else "",
                *(
                    " / ".join("–" if row is None else f"{row[0]:.2f}" for row in symmetry.get(name) or [])
                    for name in ("begin", "regret")
                ),
            )
        )
    headings = ("id", "play", "agreement", "steps that count", "explores, the optimum", "begins with", "regret if best")
    return table(headings, rows)


def elsewhere_table() -> str:
    """How shipped agents do where they were not trained."""
    rows = []
    for id, known in habits().items():
        for row in known["elsewhere"]:
            keywords = [f"`{name}={value}`" for name, value in row["keywords"].items()]
            where = ", ".join([*(() if row["id"] == id else (f"`{row['id']}`",)), *keywords])
            score = interval(row["score"]) if "score" in row else ""
            thompson = f"{row['thompson']:.3f}" if "thompson" in row else ""
            rows.append((f"`{id}`", where, f"{row['return']:.2f}", score, thompson))
    return table(("agent of", "lives in", "return", "score", "`thompson`"), rows)


def interval(numbers: list[float] | None) -> str:
    """A mean and its 95 % interval."""
    if numbers is None:
        return ""
    mean, low, high = numbers
    return f"{mean:.3f} ({low:.3f}–{high:.3f})"


def spread(values: list[float | None], digits: int) -> str:
    """Median and range of what several seeds have; of one, what it has."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    if len(known) == 1:
        return f"{known[0]:.{digits}f}"
    return f"{np.median(known):.{digits}f} ({min(known):.{digits}f}–{max(known):.{digits}f})"


def show(value: Any) -> str:
    """A value as Python writes it, with groups of digits in large numbers."""
    return f"{value:_}" if type(value) is int else repr(value)


def learners_table() -> str:
    """The learners that need no training, by name."""
    rows = []
    for name in LEARNERS:
        doc = inspect.getdoc(type(make_learner(name))) or ""
        constants = [
            f"`{key}={kind.default}`"
            for key, kind in inspect.signature(LEARNERS[name]).parameters.items()
            if kind.kind is kind.KEYWORD_ONLY
        ]
        rows.append((f"`{name}`", doc.partition("\n")[0], ", ".join(constants) or "–"))
    return table(("name", "what it does", "constants"), rows)


def optima_table() -> str:
    """The optimum of every registered id, or its bound."""
    rows = []
    for id in meta_envs.ids():
        try:
            optimum = meta_envs.solve(id)
        except meta_envs.Unsolvable:
            continue
        ends = (
            (optimum.value, optimum.value_se if optimum.kind == "simulated" else 0.0),
            (optimum.achieved, optimum.achieved_se),
            (optimum.random_value, optimum.random_se),
        )
        numbers = (f"{number:.4f} ± {error:.4f}" if error else f"{number:.4f}" for number, error in ends)
        rows.append((f"`{id}`", optimum.kind, *numbers, optimum.note))
    headings = ("id", "kind", "optimum or bound", "achieved by the policy", "random's return", "how")
    return table(headings, rows)


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    headings = tuple(headings)
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
