"""Random streams keyed by name, so that adding a pool moves no other pool's draws."""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache

import numpy as np


def named_stream(seed: int | np.random.SeedSequence, *names: str) -> np.random.Generator:
    """Return the generator of the stream that these names have under this seed.

    Streams of different names are independent, in the sense of `numpy.random.SeedSequence`, and a
    stream depends on nothing but the seed and its own names. A `SeedSequence`, such as the child that
    belongs to one replication, stands for itself and is not changed.

    Examples
    --------
    >>> int(named_stream(0, "CHAT").integers(100)) == int(named_stream(0, "CHAT").integers(100))
    True
    """
    parent = np.random.SeedSequence(seed) if isinstance(seed, int) else seed
    return np.random.default_rng(
        np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *_words(names)))
    )


@lru_cache(maxsize=1024)
def _words(names: tuple[str, ...]) -> tuple[int, ...]:
    digest = hashlib.sha256("\x00".join(names).encode()).digest()
    return struct.unpack("<8I", digest)
