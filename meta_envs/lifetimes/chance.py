"""Chance: the uniforms of lifetimes, from one random generator a copy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding

from meta_envs.family import Array

AHEAD_BYTES = 1 << 25
"""Memory for uniforms drawn ahead: few large draws cost less than many small ones, and give the same numbers."""


class Streams:
    """One random generator a copy, with several lifetimes' uniforms drawn ahead.

    Args:
        num: Copies.
        num_chance: Uniforms of a lifetime.
        ahead: Lifetimes drawn at once; by default as many as fit into ``AHEAD_BYTES``, at most 16.
    """

    def __init__(self, num: int, num_chance: int, ahead: int | None = None) -> None:
        fitting = AHEAD_BYTES // (8 * num * num_chance)
        self.ahead = max(1, min(16, fitting)) if ahead is None else ahead
        self.generators: list[np.random.Generator | None] = [None] * num
        self.seeds: list[int] = [-1] * num
        self._chance = np.empty((num, self.ahead, num_chance))
        self._used = np.full(num, self.ahead)

    def seed(self, index: Sequence[int], seeds: Sequence[int | None]) -> None:
        """Give copies new generators; ``None`` keeps the one that a copy has, or seeds a first one from the system.

        Raises:
            gymnasium.error.Error: If a seed is not a whole number of at least 0; nothing is changed then.
        """
        new = {
            copy: seeding.np_random(seed)
            for copy, seed in zip(index, seeds, strict=True)
            if seed is not None or self.generators[copy] is None
        }
        for copy, (generator, seed) in new.items():
            self.generators[copy], self.seeds[copy] = generator, seed
            self._used[copy] = self.ahead

    def draw(self, index: Array) -> Array:
        """The next lifetime's uniforms (b, num_chance) of the copies ``index`` (b,)."""
        for copy in index[self._used[index] == self.ahead].tolist():
            generator = self.generators[copy]
            assert generator is not None
            generator.random(out=self._chance[copy])
            self._used[copy] = 0
        chance = self._chance[index, self._used[index]]
        self._used[index] += 1
        return chance
