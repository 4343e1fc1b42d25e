"""How often a 95 % interval for the interquartile mean over training seeds holds the truth, by the number of seeds.

    python examples/intervals_over_seeds.py

Scores of runs are normal, and those of one task.
"""

import numpy as np

from meta_envs.evaluation import aggregate

REPEATS = 2000


def main() -> None:
    """Print a table."""
    rng = np.random.default_rng(1)
    print("| seeds | intervals that hold the truth, ± standard error |\n|---|---|")
    for num in (3, 5, 10):
        held = 0
        for _ in range(REPEATS):
            found = aggregate(rng.normal(size=num), thresholds=[0.0], resamples=1000)
            assert found.iqm_low is not None
            assert found.iqm_high is not None
            held += found.iqm_low <= 0.0 <= found.iqm_high
        share = held / REPEATS
        print(f"| {num} | {100 * share:.1f} % ± {100 * (share * (1 - share) / REPEATS) ** 0.5:.1f} |")


if __name__ == "__main__":
    main()
