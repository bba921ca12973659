"""Q309: 429s whose error states no cause and that no window explains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import listed
from keyrota.findings.facts import LogFacts
from keyrota.findings.rejected_calls import (
    calls_told,
    evidence_of,
    keys_of,
    lacks_picks,
    severity_of,
    with_rejections,
)
from keyrota.findings.rule import Finding, Rule
from keyrota.quota.account import Account
from keyrota.quota.evidence import UNEXPECTED

LEAST_UNKNOWN: Final = 3
"""One or two come to a healthy pool as well: a provider that is overloaded for a moment answers so."""

UNKNOWN_SHARE: Final = UNEXPECTED
"""Share of the calls from which they matter: limits are told from a log with so many taken for errors."""


def is_unexplained(account: Account) -> bool:
    """Whether more than a few calls got a 429 of unknown cause."""
    number = account.explained.causes.count("unknown")
    return number >= max(LEAST_UNKNOWN, UNKNOWN_SHARE * len(account.calls))


def known_limits(account: Account) -> list[str]:
    """Return the limits of requests in force, in words."""
    return [
        f"{limit:,} a {span}"
        for limit, span in ((account.minute.in_force, "minute"), (account.day.in_force, "Pacific day"))
        if limit is not None
    ]


def _unexplained(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "unknown"):
        if not is_unexplained(account):
            continue
        explained, limits = account.explained, known_limits(account)
        missing = "The picks of these calls are missing: give the console lines as well. "
        yield rule.finding(
            f"{calls_told(account, number)} got a 429 whose error states no limit, and "
            f"{_windows(limits, number, explained.unknown_with_room)}",
            f"{missing if lacks_picks(account, number) else ''}"
            "The limits may be lower than declared, or of tokens; another program may use the same keys or "
            "project; or the provider is overloaded. Log the whole body of the error, whose quotaId names "
            "the limit (docs/howto/get-logs.md), declare the limits that AI Studio shows (--pools FILE), and "
            "look for what else calls with these keys.",
            severity=severity_of(rule, facts, account),
            pool=pool.name,
            keys=keys_of(account, "unknown"),
            evidence={
                **evidence_of(account, "unknown", number),
                "with_room": explained.unknown_with_room,
                "not_judged": number - explained.unknown_with_room,
                "per_minute": account.minute.in_force,
                "per_day": account.day.in_force,
            },
        )


def _windows(limits: list[str], number: int, with_room: int) -> str:
    if not limits:
        return "no limit is known that they could have met"
    known = f"of the known limits ({listed(limits)})"
    if with_room >= number:
        return f"no window {known} was full when they came, as far as the log shows"
    why = "their key or time is uncertain, or it begins within their Pacific day"
    if with_room:
        return (
            f"no window {known} was full when {with_room:,} of them came; of the others the log does not "
            f"tell it: {why}"
        )
    return f"the log does not tell whether a window {known} was full when they came: {why}"


RULES: Final = (Rule("Q309", "unexplained-429s", "error", _unexplained),)
