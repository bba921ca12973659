"""What a client does after a 429, pure: how long it waits before it calls again, or that it gives up."""

from __future__ import annotations

from typing import Final, NamedTuple

REACTIONS: Final = ("fail", "failover", "backoff", "wait")
"""Names of the reactions; the functions below take the place in this list."""

FAIL: Final = 0
FAILOVER: Final = 1
BACKOFF: Final = 2
WAIT: Final = 3

GIVES_UP: Final = -1


class Reaction(NamedTuple):
    """A client's reaction in integers: durations in nanoseconds, `tries` counts all calls of a request."""

    kind: int
    tries: int
    base: int
    cap: int
    jitter: float
    jitter_ns: int
    budget: int


def delay_after(
    reaction: Reaction, calls: int, first_rejection: int, now: int, stated: int, uniform: float
) -> int:
    """Return how long the client waits before its next call, or `GIVES_UP`; 0 for failover.

    Parameters
    ----------
    reaction
        What it does.
    calls
        Calls that this request has made, the rejected one included.
    first_rejection, now
        Nanoseconds since 1970 UTC.
    stated
        Delay that the 429 states, in nanoseconds.
    uniform
        Draw in [0, 1) for the jitter.

    Examples
    --------
    >>> second = 1_000_000_000
    >>> patient = Reaction(BACKOFF, 4, second, 60 * second, 0.0, 0, 120 * second)
    >>> [delay_after(patient, calls, 0, 0, 0, 0.5) // second for calls in (1, 2, 3)]
    [1, 2, 4]
    >>> delay_after(patient, 4, 0, 0, 0, 0.5)
    -1
    """
    if calls >= reaction.tries:
        return GIVES_UP
    if reaction.kind == FAILOVER:
        return 0
    if reaction.kind == BACKOFF:
        wait = reaction.base
        for _ in range(calls - 1):
            if wait >= reaction.cap:
                break
            wait *= 2
        wait = min(wait, reaction.cap)
        delay = int(wait * (1.0 - reaction.jitter * uniform))
    else:
        delay = stated + int(uniform * reaction.jitter_ns)
    return GIVES_UP if now + delay - first_rejection > reaction.budget else delay
