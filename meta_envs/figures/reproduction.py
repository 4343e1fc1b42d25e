"""What comes of a figure: its data, its verdicts, the drawing, and four files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from meta_envs.figures.claims import Verdict
from meta_envs.figures.figure import Data, PaperFigure
from meta_envs.figures.look import COLUMN, GAP, journal
from meta_envs.files import BLANK, HASH, is_there, parse_json, reading, require_seal, seal, write_atomically
from meta_envs.plots import new_figure, save_figure
from meta_envs.terminal import Table

FILES = (".png", ".pdf", ".csv", ".json")
"""What is written of a figure; the last one when all others are there."""


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A figure of the paper as it came out.

    Attributes:
        data: What is drawn, as columns (n,) by name; of a figure with panels by the panel's name.
        verdicts: One for each claim.
        settings: Lifetimes, seeds, versions and agents.
        figure: Matplotlib's figure, which may be changed; made when it is first asked for.
    """

    name: str
    title: str
    data: dict[str, Any]
    verdicts: list[Verdict]
    settings: dict[str, Any]
    panels: dict[str, tuple[PaperFigure, Data]] = field(repr=False)
    rows: tuple[tuple[str, ...], ...] = field(repr=False)

    @cached_property
    def figure(self) -> Any:
        """Matplotlib's figure: panels as in the paper, each as wide as a journal's column or in a row of its own.

        Raises:
            ImportError: If Matplotlib is not installed.
        """
        with journal():
            specs = [[self.panels[name][0] for name in row] for row in self.rows]
            widths = [sum(spec.width for spec in row) for row in specs]
            heights = [max(spec.height for spec in row) for row in specs]
            most = max(widths)
            scale = min(1.0, (2 * COLUMN + GAP) / most) if len(self.panels) > 1 else 1.0
            figure = new_figure(most * scale, sum(heights) * (1.0 if scale == 1.0 else max(scale, 0.8)))
            parts = [figure] if len(specs) == 1 else figure.subfigures(len(specs), 1, height_ratios=heights)
            for part, row in zip(parts, specs, strict=True):
                places = [part] if len(row) == 1 else part.subfigures(1, len(row), width_ratios=[s.width for s in row])
                for place, spec in zip(places, row, strict=True):
                    spec.draw(place, self.panels[spec.name][1])
                    if len(self.panels) > 1:
                        place.text(0.01, 0.99, spec.name[-1], fontweight="bold", fontsize=10, va="top")
        return figure

    def save(self, folder: str | Path = "reproduction") -> list[Path]:
        """Write NAME.png, NAME.pdf, NAME.csv (what is drawn) and NAME.json (claims and verdicts), each whole.

        Returns:
            The four files.

        Raises:
            OSError: If one of them cannot be written.
        """
        files = [Path(folder) / f"{self.name}{ending}" for ending in FILES]
        picture, print_, table, verdicts = files
        with journal():
            save_figure(self.figure, picture)
            save_figure(self.figure, print_)
        write_atomically(table, self._to_csv().encode())
        write_atomically(verdicts, self.to_json().encode())
        return files

    def to_dict(self) -> dict[str, Any]:
        """Claims, numbers, intervals and verdicts, versions and seeds."""
        shown = [verdict.to_dict() for verdict in self.verdicts]
        return {"figure": self.name, "title": self.title, "settings": self.settings, "claims": shown}

    def to_json(self) -> str:
        """The same as JSON, with the SHA-256 of it."""
        content = {HASH: BLANK, **self.to_dict()}
        return seal((json.dumps(content, indent=2, allow_nan=False) + "\n").encode()).decode()

    def _to_csv(self) -> str:
        """All panels' rows; columns that a panel has not are empty."""
        text, many = io.StringIO(), len(self.panels) > 1
        names = dict.fromkeys(name for _, data in self.panels.values() for name in data)
        writer = csv.DictWriter(text, [*(["panel"] if many else []), *names], lineterminator="\n")
        writer.writeheader()
        for panel, (_, data) in self.panels.items():
            for row in zip(*(column.tolist() for column in data.values()), strict=True):
                cells = {
                    name: f"{cell:.6g}" if isinstance(cell, float) else cell
                    for name, cell in zip(data, row, strict=True)
                }
                writer.writerow({"panel": panel, **cells} if many else cells)
        return text.getvalue()


def read_verdicts(file: Path) -> dict[str, Any]:
    """What `Reproduction.to_json` wrote.

    Raises:
        ValueError: If the file is not whole.
    """
    with reading(file, "is no whole result of a figure", "make the figure again"):
        content = file.read_bytes()
        require_seal(content)
        found = parse_json(content)
        assert isinstance(found, dict)
        return found


def find_finished(name: str, folder: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The verdicts of a figure that was finished with the same settings, and whose four files are there."""
    files = [folder / f"{name}{ending}" for ending in FILES]
    if not all(map(is_there, files)):
        return None
    try:
        found = read_verdicts(files[-1])
    except ValueError:
        return None
    return found if found.get("settings") == settings else None


def verdict_table(claims: list[dict[str, Any]], title: str = "") -> Table:
    """A row for each claim, as `Verdict.to_dict` has them."""
    table = Table(["claim", "paper", "ours"], ["verdict"], title=title)
    for claim in claims:
        ours = "; ".join(filter(None, (claim["ours"], claim["settles"])))
        table.add_row(f"{claim['figure']}: {claim['claim']}", claim["paper"], ours, claim["verdict"])
    return table
