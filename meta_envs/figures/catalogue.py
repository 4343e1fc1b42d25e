"""All figures by name."""

from __future__ import annotations

from meta_envs.figures.figure import PaperFigure, Sheet
from meta_envs.figures.panels import two_step

FIGURES: dict[str, PaperFigure] = {figure.name: figure for panels in (two_step,) for figure in panels.FIGURES}
"""Those that are measured, in the order of the paper."""
SHEETS: dict[str, Sheet] = {sheet.name: sheet for sheet in (Sheet("5", "The two-step task", (("5b",), ("5c",))),)}
"""Figures with panels, arranged as in the paper."""
