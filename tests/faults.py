"""Damage for tests of what files survive."""

from collections.abc import Iterator

import numpy as np


def flips(content: bytes, num: int, *regions: range) -> Iterator[bytes]:
    """The content with one bit flipped: at the ends of each region, of all if none is given, and at ``num`` places."""
    rng = np.random.default_rng(0)
    for region in regions or (range(len(content)),):
        for place in (region[0], region[-1], *rng.choice(np.asarray(region), num).tolist()):
            changed = bytearray(content)
            changed[place] ^= 1 << int(rng.integers(8))
            yield bytes(changed)
