"""Q301, Q302, Q303, Q306, Q308: which limit the 429s come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule, Severity
from keyrota.findings.wording import agree, clock, iso, per_cent, places
from keyrota.quota.account import Account
from keyrota.quota.limits import stated_limit
from keyrota.rotation.alike import unique_numbers

MOSTLY: Final = 0.5
"""Share of the 429s from which another key's room makes them a matter of rotation."""

MOST_DAYS: Final = 3
"""Exhausted days that a message names."""

_TERMS: Final = "Whether more projects are allowed is in the provider's terms, which are yours to check."


def with_rejections(facts: LogFacts, cause: str) -> Iterator[tuple[PoolFacts, Account, int]]:
    """Yield the pools that have 429s of a cause, and how many."""
    for pool in facts.pools:
        if pool.account is not None:
            number = pool.account.explained.causes.count(cause)
            if number:
                yield pool, pool.account, number


def _minute_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "per-minute"):
        explained = account.explained
        limit = account.minute.in_force
        of = f"the limit of {limit} a minute" if limit is not None else "the minute limit"
        told = ""
        if explained.by_minute:
            told = (
                f"; in {explained.with_room:,} of the {explained.by_minute:,} that a full minute explains, "
                "another key of the pool had room"
            )
        yield rule.finding(
            f"{_calls(pool, account, number)} got a 429 by {of}{told}",
            _minute_remedy(account),
            severity=_severity(rule, facts, account),
            pool=pool.name,
            keys=_keys(account, "per-minute"),
            evidence={
                **_evidence(account, "per-minute", number),
                "limit": limit,
                "window": account.window.kind,
                "by_full_minute": explained.by_minute,
                "another_key_had_room": explained.with_room,
            },
        )


def _minute_remedy(account: Account) -> str:
    explained, client = account.explained, account.calls.reaction.kind
    plan = "`keyrota plan LOG` tells how many keys each remedy needs."
    if explained.unexplained and not explained.by_minute:
        return (
            "The calls of this log do not fill those minutes: something else uses the keys, or pick lines "
            "are missing. Give all logs that use them before you change the rotation or the size (Q304)."
        )
    if explained.by_minute and explained.with_room >= MOSTLY * explained.by_minute and client != "failover":
        return (
            "It is the rotation more than the size: let the client try the next key on a 429, or share one "
            f"counter between isolates. {plan}"
        )
    if client == "failover":
        return (
            "The client tries the other keys already, so that the pool is too small for its busiest minutes: "
            f"add keys of other projects, or spread the calls. {_TERMS} {plan}"
        )
    return (
        "In the busiest minutes the pool is too small: add keys of other projects, or wait before calling "
        f"again. {_TERMS} {plan}"
    )


def _day_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "per-day"):
        limit = account.day.in_force
        ended = [(day, day.exhausted_at) for day in account.days if day.exhausted_at is not None]
        when = [f"{day.date} from {clock(moment)}" for day, moment in ended if moment is not None]
        of = f"the limit of {limit:,} a Pacific day" if limit is not None else "the limit of a Pacific day"
        yield rule.finding(
            f"{_calls(pool, account, number)} got a 429 by {of}"
            + (f": {listed(when, limit=MOST_DAYS)}" if when else ""),
            "Waiting for a minute or another order of the keys does not help: the day's calls are used up "
            "until midnight Pacific. Take keys of other projects, ask for quota or billing, or call less. "
            f"{_TERMS}",
            severity=_severity(rule, facts, account),
            pool=pool.name,
            keys=_keys(account, "per-day"),
            evidence={
                **_evidence(account, "per-day", number),
                "limit": limit,
                "days": {
                    str(day.date): {f"key {key}": iso(moment) for key, moment in day.exhausted}
                    for day, _ in ended
                },
            },
        )


def _token_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "tokens-per-minute"):
        yield rule.finding(
            f"{_calls(pool, account, number)} got a 429 by the limit of input tokens a minute",
            "Send shorter prompts, or fewer at once: requests a minute are not what is short. Each key of "
            "another project has tokens of its own.",
            severity=_severity(rule, facts, account),
            pool=pool.name,
            keys=_keys(account, "tokens-per-minute"),
            evidence={
                **_evidence(account, "tokens-per-minute", number),
                "limit": stated_limit(account.calls.attribution.rows, "tokens-per-minute", None).stated,
            },
        )


def _no_quota(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "no-quota"):
        rows = account.calls.attribution.rows
        models = sorted(rows.loc[(rows["cause"] == "no-quota").to_numpy(), "model"].dropna().unique())
        model = f" for {listed([str(name) for name in models])}" if models else ""
        keys = _keys(account, "no-quota")
        others = {use.key for use in account.keys if use.calls - use.rejected >= 1} - set(keys)
        whose = (
            f"the projects of keys {listed([str(key) for key in keys], limit=20)}"
            if others
            else "the projects"
        )
        yield rule.finding(
            f"{_calls(pool, account, number)} got a 429 whose limit is 0: {whose} have no quota{model}",
            "More keys of this kind will not help, nor will waiting: enable billing, or take another model.",
            pool=pool.name,
            keys=keys,
            evidence={**_evidence(account, "no-quota", number), "models": [str(name) for name in models]},
        )


def _too_many(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    if facts.max_rejected is None:
        return
    for pool in facts.pools:
        account = pool.account
        share = account.rejected_request_share if account is not None else None
        if account is None or share is None or share <= facts.max_rejected:
            continue
        ended = account.calls.rejected_requests
        yield rule.finding(
            f"{int(ended.sum()):,} of {count(len(ended), 'request')} "
            f"{agree(int(ended.sum()), 'ends', 'end')} in a 429: {per_cent(share)}, and at most "
            f"{100 * facts.max_rejected:g} % are allowed",
            "See which limit it is (Q301 to Q306), and what to change: `keyrota plan LOG`.",
            pool=pool.name,
            evidence={"requests": len(ended), "rejected": int(ended.sum()), "allowed": facts.max_rejected},
        )


def _severity(rule: Rule, facts: LogFacts, account: Account) -> Severity:
    """Return the rule's severity; a note for 429s that are tolerated."""
    share = account.rejected_request_share
    if facts.max_rejected is not None and share is not None and share <= facts.max_rejected:
        return "note"
    return rule.severity


def _calls(pool: PoolFacts, account: Account, number: int) -> str:
    calls = len(account.calls)
    return f"{number:,} of {count(calls, 'call')} ({per_cent(number / max(1, calls))})"


def _keys(account: Account, cause: str) -> tuple[int, ...]:
    """Return the keys that surely or rather got a 429 of this cause."""
    return tuple(sorted(_per_key(account, cause)))


def _per_key(account: Account, cause: str) -> dict[int, int]:
    attribution, calls = account.calls.attribution, account.calls
    is_cause = np.array([own == cause for own in account.explained.causes], dtype=bool)
    chosen = (attribution.probability >= 0.5) & is_cause[attribution.rejection]
    keys = calls.keys[np.searchsorted(calls.rows, attribution.pick[chosen])]
    found, number = unique_numbers(keys[keys >= 0])
    return dict(zip(found.tolist(), number.tolist(), strict=True))


def _evidence(account: Account, cause: str, number: int) -> dict[str, object]:
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


RULES: Final = (
    Rule("Q306", "no-quota", "error", _no_quota),
    Rule("Q302", "day-limit-hit", "error", _day_limit_hit),
    Rule("Q301", "minute-limit-hit", "error", _minute_limit_hit),
    Rule("Q303", "token-limit-hit", "error", _token_limit_hit),
    Rule("Q308", "too-many-rejections", "error", _too_many),
)
