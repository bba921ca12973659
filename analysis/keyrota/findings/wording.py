"""How a finding speaks of keys, shares and probabilities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from keyrota.display import count, listed
from keyrota.findings.facts import PoolFacts
from keyrota.quota.days import PACIFIC

MOST_LIMITS: Final = 3
"""Limits that a sentence names."""


def key_at(pool: PoolFacts, position: int) -> int | None:
    """Return the key at a position of the pool's main size, as far as it is known."""
    return pool.places.keys.get(position)


def keys_at(pool: PoolFacts, positions: Iterable[int]) -> tuple[int, ...]:
    """Return the keys at positions, as far as they are known, each once."""
    found = (key_at(pool, position) for position in positions)
    return tuple(dict.fromkeys(key for key in found if key is not None))


def key_name(pool: PoolFacts, position: int) -> str:
    """Return how a position of the pool's main size is called, see `keyrota.findings.key_places`."""
    return pool.places.name(position)


def agree(number: int, one: str, many: str) -> str:
    """Return the word that fits a number.

    Examples
    --------
    >>> agree(1, "is", "are"), agree(0, "is", "are")
    ('is', 'are')
    """
    return one if number == 1 else many


def per_cent(share: float) -> str:
    """Return a share for a sentence: ``12.5 %``.

    Examples
    --------
    >>> per_cent(0.125)
    '12.5 %'
    """
    return f"{100 * share:.1f} %"


def stated_limits(counts: Sequence[tuple[int, int]]) -> str:
    """Return how many errors state which limit.

    Examples
    --------
    >>> stated_limits(((2, 111), (5, 1)))
    '111 errors state 2 and 1 states 5'
    """
    (first, number), *others = counts
    told = [f"{count(number, 'error')} {agree(number, 'states', 'state')} {first:,}"]
    told += [f"{own:,} {agree(own, 'states', 'state')} {limit:,}" for limit, own in others]
    return listed(told, limit=MOST_LIMITS)


def p_in_words(p_value: float) -> str:
    """Return a p-value for a sentence.

    Examples
    --------
    >>> p_in_words(0.0312), p_in_words(3e-9), p_in_words(5e-324)
    ('p = 0.031', 'p = 3e-09', 'p < 1e-12')
    """
    return f"p = {p_value:.2g}" if p_value >= 1e-12 else "p < 1e-12"


def iso(moment_ns: int) -> str:
    """Return a moment, in nanoseconds since 1970 UTC, as ISO 8601 UTC to the second.

    Examples
    --------
    >>> iso(1_762_917_393_993_000_000)
    '2025-11-12T03:16:33Z'
    """
    return f"{dt.datetime.fromtimestamp(moment_ns // 10**9, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def clock(moment_ns: int) -> str:
    """Return such a moment for people: the Pacific time and the UTC time.

    Examples
    --------
    >>> clock(1_762_917_393_993_000_000)
    '19:16 Pacific (03:16 UTC)'
    """
    utc = dt.datetime.fromtimestamp(moment_ns // 10**9, dt.UTC)
    return f"{utc.astimezone(PACIFIC):%H:%M} Pacific ({utc:%H:%M} UTC)"


def places(rows: pd.DataFrame, limit: int = 3) -> list[str]:
    """Return ``file:line`` of the first rows; nothing for events that no log line stands behind."""
    known = np.flatnonzero((rows["source"].notna() & rows["line"].notna()).to_numpy())[:limit]
    return [f"{row.source}:{row.line}" for row in rows[["source", "line"]].iloc[known].itertuples()]
