"""Whether another key still served calls on a Pacific day on which one was used up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.counts import Counts


def calls_pass_later(
    counts: Counts, at: NDArray[np.int64], quotas: Sequence[tuple[int, ...]], passed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return at which calls another quota had calls left, as one that passes later the same day shows.

    It needs no limit, so that it holds also where keys have limits of their own, and where the log begins
    within the day. Where no such call comes it says nothing.

    Parameters
    ----------
    counts
        Of the calls of one pool.
    at
        Places of the calls in question, ascending.
    quotas
        The keys of each quota.
    passed
        Which calls surely passed, shape (calls,).
    """
    if not len(at):
        return np.zeros(0, dtype=bool)
    of_quota = np.full(len(counts.times), -1, dtype=np.int64)
    for number, keys in enumerate(quotas):
        for key in keys:
            of_quota[counts.of(key)] = number
    days = counts.day_numbers()
    places = np.flatnonzero(passed & (of_quota >= 0))
    last = np.full(len(counts.midnights) + 1, -1, dtype=np.int64)
    last[days[places]] = places  # ascending: the last one of a day stays
    whose = of_quota[last]
    # The last of another quota than that which has the day's last.
    others = places[of_quota[places] != whose[days[places]]]
    last_other = np.full(len(last), -1, dtype=np.int64)
    last_other[days[others]] = others
    day = days[at]
    latest = np.where(of_quota[at] == whose[day], last_other[day], last[day])
    return np.asarray(latest > at, dtype=np.bool_)
