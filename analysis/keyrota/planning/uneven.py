"""Which key of a log's pool has more than its share: the model of a log gives every key the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from keyrota.planning.logged import LoggedPool
from keyrota.rotation.alike import unique_numbers
from keyrota.rotation.fairness import run_tests
from keyrota.rotation.shares import share_intervals
from keyrota.rotation.verdict import calls_shares, decide
from keyrota.streams import named_stream

ALPHA: Final = 1e-3
"""The level of the verdicts of `keyrota report`."""


@dataclass(frozen=True)
class MostLoaded:
    """The key with the most picks of a pool whose shares are uneven.

    Parameters
    ----------
    key
        n of GOOGLE_KEY_n; ``None`` where the log tells positions alone.
    position
        Its place in the rotation, from 1 on.
    share
        Its part of the picks, in (0, 1].
    size
        Keys of the pool, as the log names them.
    """

    key: int | None
    position: int
    share: float
    size: int


def most_loaded(logged: LoggedPool, *, pools: int, seed: int = 0) -> MostLoaded | None:
    """Return the most loaded key of a pool with uneven shares (R101); ``None`` where that is not known.

    The tests are those of the report, on the same random numbers; over several pools the level is divided
    (Bonferroni), so that nothing is called here that the report does not call with that seed.

    Parameters
    ----------
    logged
        The pool.
    pools
        How many pools are judged together.
    seed
        Of the Monte-Carlo tests.
    """
    runs = logged.runs
    if runs is None or runs.size < 2:
        return None
    counts = runs.counts
    top = int(counts.argmax())
    if share_intervals(counts)[top, 0] <= 1 / runs.size:
        return None  # no need of the tests, which draw
    rng = named_stream(seed, "rotation", logged.name, str(runs.size))
    tests = run_tests(runs, rng=rng, alpha=ALPHA, pools=pools)
    (decision,) = decide([tests], alpha=ALPHA / pools)
    if not calls_shares(tests, decision.called):
        return None
    return MostLoaded(_key_at(logged, top + 1), top + 1, float(counts[top] / counts.sum()), runs.size)


def _key_at(logged: LoggedPool, position: int) -> int | None:
    """Return the key that the log has most at a position, of equals the first."""
    rows = logged.events
    assert logged.runs is not None
    own = (rows["kind"] == "pick") & (rows["position"] == position) & (rows["size"] == logged.runs.size)
    keys = rows.loc[own.fillna(value=False), "key"].dropna().to_numpy(dtype=np.int64)
    if not len(keys):
        return logged.declared.key_at(position) if logged.declared is not None else None
    numbers, counts = unique_numbers(keys)
    return int(numbers[counts.argmax()])
