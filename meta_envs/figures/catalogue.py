"""All figures by name."""

from __future__ import annotations

from meta_envs.figures.figure import PaperFigure, Sheet
from meta_envs.figures.panels import bandits, informative, memory, priors, two_step

FIGURES: dict[str, PaperFigure] = {
    figure.name: figure for panels in (bandits, priors, informative, two_step, memory) for figure in panels.FIGURES
}
"""Those that are measured, in the order of the paper."""
SHEETS: dict[str, Sheet] = {
    sheet.name: sheet
    for sheet in (
        Sheet("2", "Independent and dependent arms", (("2a", "2b", "2c"), ("2d", "2e", "2f"))),
        Sheet("5", "The two-step task", (("5b",), ("5c",))),
    )
}
"""Figures with panels, arranged as in the paper."""
