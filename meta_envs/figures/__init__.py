"""The paper's figures: each by one call, with a verdict on every published claim."""

from meta_envs.figures.catalogue import FIGURES, SHEETS
from meta_envs.figures.claims import Check, Measured, Verdict
from meta_envs.figures.figure import PaperFigure, Role, Sheet, Stage
from meta_envs.figures.reproduce import SEED, Production, names, panels_of, reproduce, title_of, whole
from meta_envs.figures.reproduction import Reproduction, read_verdicts

__all__ = [
    "FIGURES",
    "SEED",
    "SHEETS",
    "Check",
    "Measured",
    "PaperFigure",
    "Production",
    "Reproduction",
    "Role",
    "Sheet",
    "Stage",
    "Verdict",
    "names",
    "panels_of",
    "read_verdicts",
    "reproduce",
    "title_of",
    "whole",
]
