"""The requests of chat sessions, in the order in which they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.arrivals import Sessions

Times = NDArray[np.int64]

AT_A_TIME: Final = 65_536
"""Requests drawn together, about."""


def messages_of(
    sessions: Sessions, begins: Iterator[Times], stream: Callable[[str], np.random.Generator], end_ns: int
) -> Iterator[Times]:
    """Yield the requests of sessions.

    The n-th session has the same requests whenever it begins. What comes after the last known begin
    waits: a session that begins later may come first.

    Parameters
    ----------
    sessions
        Numbers of requests, and the times between them.
    begins
        When sessions begin, ascending, in arrays of at least one.
    stream
        Random numbers by name.
    end_ns
        What comes at this moment or later is forgotten.
    """
    counts, thinking = stream("messages"), stream("think")
    together = max(1, int(AT_A_TIME / sessions.messages))
    waiting = np.empty(0, dtype=np.int64)
    for many in begins:
        for first in range(0, len(many), together):
            begin = many[first : first + together]
            times = _of_some(sessions, begin, counts, thinking)
            waiting = np.concatenate([waiting, times[times < end_ns]])
            is_ready = waiting <= begin[-1]
            yield np.sort(waiting[is_ready])
            waiting = waiting[~is_ready]
    yield np.sort(waiting)


def _of_some(
    sessions: Sessions, begin: Times, counts: np.random.Generator, thinking: np.random.Generator
) -> Times:
    """Return the requests of some sessions, session by session."""
    messages = counts.geometric(1 / sessions.messages, len(begin))
    first = np.cumsum(messages) - messages
    is_first = np.zeros(int(messages.sum()), dtype=bool)
    is_first[first] = True
    gaps = np.zeros(len(is_first), dtype=np.int64)
    gaps[~is_first] = np.rint(
        sessions.think_s * 1e9 * thinking.standard_exponential(len(gaps) - len(begin))
    ).astype(np.int64)
    # In whole numbers: differences of a sum do not depend on what was summed before, even if it wrapped.
    elapsed = np.cumsum(gaps)
    times: Times = elapsed + np.repeat(begin - elapsed[first], messages)
    return times
