"""All figures by name."""

from __future__ import annotations

from meta_envs.figures.figure import PaperFigure, Sheet
from meta_envs.figures.panels import (
    bandits,
    finds,
    harlow,
    harlow_seeds,
    informative,
    learn_or_not,
    mazes,
    memory,
    priors,
    restless,
    two_step,
    volatility,
)

PANELS = (
    bandits,
    priors,
    informative,
    restless,
    volatility,
    two_step,
    harlow,
    harlow_seeds,
    mazes,
    finds,
    memory,
    learn_or_not,
)
FIGURES: dict[str, PaperFigure] = {figure.name: figure for panels in PANELS for figure in panels.FIGURES}
"""Those that are measured, in the order of the paper."""
SHEETS: dict[str, Sheet] = {
    sheet.name: sheet
    for sheet in (
        Sheet("2", "Independent and dependent arms", 60, (("2a", "2b", "2c"), ("2d", "2e", "2f"))),
        Sheet("4", "Restless bandits of two volatilities", 60, (("4a",), ("4b", "4c", "4d"), ("4e", "4f"))),
        Sheet("5", "The two-step task", 80, (("5b",), ("5c",))),
        Sheet("6", "Harlow's task", 400, (("6d", "6e", "6f"),)),
        Sheet("7", "One-shot navigation in the I-maze", 90, (("7a", "7b"), ("7c", "7d"))),
    )
}
"""Figures with panels, arranged as in the paper."""
