"""Which lifetimes are for what: training, choosing, evaluating and finding optima never share one."""

SEED_SPACING = 1 << 12
"""Copy i of a run uses the run's first seed + i, and runs do not overlap."""
CHOOSING_SEED = 1 << 31
"""Training seeds are below, those of evaluation from 2**32 on. Those between, `SEED_SPACING` a run, are of lifetimes
by which a run is followed while it trains, and its agent's play chosen at the end."""
FIRST_SEED = 1 << 32
"""Evaluation seeds begin here; training seeds are below."""
MAX_EPISODES = 1 << 20
"""Lifetimes of one evaluation seed."""
BOUNDS_SEED = 1 << 60
"""Of lifetimes that are simulated for bounds of bandits, which no training and no evaluation sees; so are the next."""
TABULAR_SEED = (1 << 60) + (1 << 40)
"""Of those for tabular MDPs."""
MAZES_SEED = (1 << 60) + (1 << 41)
"""Of those for mazes."""
