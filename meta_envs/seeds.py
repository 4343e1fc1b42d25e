"""Which lifetimes are for what: training, choosing, evaluating and finding optima have blocks that share none.

A lifetime is known by the seed of its reset. Each block below has ``size`` of them for every seed ``s`` that a user may
give, from 0 to ``last_seed``: ``first + s * size + i``. No two blocks overlap, which a test shows.

Some solvers draw many lifetimes or tasks from one generator, which no block stands for. That of ``solvers.restless``,
``solvers.harlow`` and ``solvers.information`` has seed 0: the first lifetime of the first two is training's first. That
of ``solvers.tabular`` and ``solvers.mazes`` has the first seed of their block. The rest belongs to no reset.
"""

from __future__ import annotations

from dataclasses import dataclass

from meta_envs.arguments import require_whole


@dataclass(frozen=True, kw_only=True)
class SeedBlock:
    """Lifetimes of one purpose."""

    purpose: str
    first: int
    size: int
    """Lifetimes of each seed."""
    last_seed: int = 0

    @property
    def stop(self) -> int:
        """The first reset seed behind the block."""
        return self.first + (self.last_seed + 1) * self.size

    def lifetimes(self, num: int, seed: int = 0) -> range:
        """Reset seeds of the first ``num`` lifetimes of a seed.

        Raises:
            ValueError: If there is no such seed, or there are not so many lifetimes.
        """
        seed = require_whole("seed", seed, 0, self.last_seed)
        num = require_whole("episodes", num, 0, self.size)
        first = self.first + seed * self.size
        return range(first, first + num)


TRAINING = SeedBlock(purpose="training: copy i of run s", first=0, size=1 << 12, last_seed=(1 << 19) - 1)
CHOOSING = SeedBlock(
    purpose="following run s while it trains, and choosing its agent's play",
    first=1 << 31,
    size=1 << 12,
    last_seed=(1 << 19) - 1,
)
EVALUATION = SeedBlock(purpose="evaluation s", first=1 << 32, size=1 << 20, last_seed=1 << 31)
BANDIT_OPTIMA = SeedBlock(purpose="what policies achieve on independent arms", first=1 << 60, size=1 << 40)
TABULAR_OPTIMA = SeedBlock(purpose="the same in tabular MDPs", first=(1 << 60) + (1 << 40), size=1 << 40)
MAZE_OPTIMA = SeedBlock(purpose="the same in mazes", first=(1 << 60) + (1 << 41), size=1 << 40)
BLOCKS = (TRAINING, CHOOSING, EVALUATION, BANDIT_OPTIMA, TABULAR_OPTIMA, MAZE_OPTIMA)


def evaluation_seeds(episodes: int, seed: int = 1) -> range:
    """Reset seeds of the lifetimes of an evaluation: ``2**32 + seed * 2**20 + i`` for the ``i``-th.

    Args:
        episodes: Lifetimes, up to 2**20.
        seed: Evaluation seed, from 0 to 2**31.

    Raises:
        ValueError: If there are not so many, or there is no such seed.
    """
    return EVALUATION.lifetimes(episodes, seed)
