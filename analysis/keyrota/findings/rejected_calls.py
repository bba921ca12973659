"""What the findings on 429s share: which calls got them, how that is told, and how severe it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from keyrota.display import count
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Rule, Severity
from keyrota.findings.wording import per_cent, places
from keyrota.quota.account import Account
from keyrota.rotation.alike import unique_numbers

CALLS_AGAIN: Final = ("failover", "backoff")
"""Clients that make a 429 good: only how the request ends is seen by users."""


def with_rejections(facts: LogFacts, cause: str) -> Iterator[tuple[PoolFacts, Account, int]]:
    """Yield the pools that have 429s of a cause, and how many."""
    for pool in facts.pools:
        if pool.account is not None:
            number = pool.account.explained.causes.count(cause)
            if number:
                yield pool, pool.account, number


def severity_of(rule: Rule, facts: LogFacts, account: Account) -> Severity:
    """Return the rule's severity; a note for 429s that are tolerated, or that the client makes good."""
    share = account.rejected_request_share
    is_tolerated = facts.max_rejected is not None and share is not None and share <= facts.max_rejected
    return "note" if is_tolerated or ends_well(facts, account) else rule.severity


def ends_well(facts: LogFacts, account: Account) -> bool:
    """Whether the client calls again on a 429, and no more of its requests end in one than may.

    Of a client that gives up each 429 is a request that failed: those are tolerated on demand alone.
    """
    share, most = account.rejected_request_share, facts.max_rejected
    return (
        account.calls.reaction.kind in CALLS_AGAIN
        and share is not None
        and share <= (facts.target if most is None else most)
    )


def lacks_picks(account: Account, number: int) -> bool:
    """Whether the log shows fewer calls than 429s: picks are missing, and a share would mean nothing."""
    return number > len(account.calls)


def calls_told(account: Account, number: int) -> str:
    """Return how many calls got a 429, and which share of those that the log shows."""
    calls = len(account.calls)
    if lacks_picks(account, number):
        return f"{count(number, 'call')} (the log shows {count(calls, 'pick') if calls else 'no pick'})"
    return f"{number:,} of {count(calls, 'call')} ({per_cent(number / calls)})"


def keys_of(account: Account, cause: str) -> tuple[int, ...]:
    """Return the keys that surely or rather got a 429 of this cause."""
    return tuple(sorted(_per_key(account, cause)))


def _per_key(account: Account, cause: str) -> dict[int, int]:
    attribution, calls = account.calls.attribution, account.calls
    is_cause = np.array([own == cause for own in account.explained.causes], dtype=bool)
    chosen = (attribution.probability >= 0.5) & is_cause[attribution.rejection]
    keys = calls.keys[np.searchsorted(calls.rows, attribution.pick[chosen])]
    found, number = unique_numbers(keys[keys >= 0])
    return dict(zip(found.tolist(), number.tolist(), strict=True))


def evidence_of(account: Account, cause: str, number: int) -> dict[str, object]:
    """Return the evidence that every finding on 429s has."""
    explained, rows = account.explained, account.calls.attribution.rows
    own = [place for place, found in enumerate(explained.causes) if found == cause]
    chosen = rows.iloc[own]
    first = chosen["time"].min()
    sources = [explained.sources[place] for place in own]
    return {
        "rejections": number,
        "cause_told_by": {name: sources.count(name) for name in sorted(set(sources))},
        "per_key": {f"key {key}": n for key, n in sorted(_per_key(account, cause).items())},
        "first": None if chosen["time"].isna().all() else f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "places": places(chosen),
    }
