"""RecurrentPPO for whole lifetimes: the algorithm, its buffers, and its fast paths."""
