"""What the weights have learned: an agent's memory and choices beside the belief and the choices of the optimum.

`trace` records an agent; every analysis takes what it gives, and has an untrained network as its control.
"""

from meta_envs.analysis.choices import Agreement, Symmetry, agreement, exploration, symmetry
from meta_envs.analysis.decoding import Decoding, decode_belief
from meta_envs.analysis.machines import Simulation, simulate_machine
from meta_envs.analysis.plots import agreement_figure, decoding_figure, simulation_figure, trace_figure, unit_figure
from meta_envs.analysis.recording import Trace, trace
from meta_envs.analysis.units import Units, unit_regressions

__all__ = [
    "Agreement",
    "Decoding",
    "Simulation",
    "Symmetry",
    "Trace",
    "Units",
    "agreement",
    "agreement_figure",
    "decode_belief",
    "decoding_figure",
    "exploration",
    "simulate_machine",
    "simulation_figure",
    "symmetry",
    "trace",
    "trace_figure",
    "unit_figure",
    "unit_regressions",
]
