"""Q301, Q302, Q303, Q306, Q308: which limit the 429s come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rejected_calls import (
    calls_told,
    ends_well,
    evidence_of,
    keys_of,
    lacks_picks,
    severity_of,
    with_rejections,
)
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, clock, iso, per_cent, stated_limits
from keyrota.quota.account import Account
from keyrota.quota.limits import LimitEvidence, stated_limit

MOSTLY: Final = 0.5
"""Share of the 429s from which another key's room makes them a matter of rotation."""

MOST_DAYS: Final = 3
"""Exhausted days that a message names."""

_TERMS: Final = "Whether more projects are allowed is in the provider's terms, which are yours to check."
_PLAN: Final = "`keyrota plan LOG` tells how many keys each remedy needs."
_NO_PICKS: Final = (
    "The picks of these calls are missing, so that the log does not show whether the rotation or the size of "
    "the pool is behind them: give the console lines of the same time as well (docs/howto/get-logs.md)."
)


def _minute_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "per-minute"):
        explained = account.explained
        limit = account.minute.in_force
        of = _limit_told(account.minute, "a minute") or "the minute limit"
        told = ""
        if explained.by_minute:
            told = (
                f"; in {explained.with_room:,} of the {explained.by_minute:,} that a full minute explains, "
                "another key of the pool had room"
            )
        yield rule.finding(
            f"{calls_told(account, number)} got a 429 by {of}{told}",
            _minute_remedy(facts, account, number),
            severity=severity_of(rule, facts, account),
            pool=pool.name,
            keys=keys_of(account, "per-minute"),
            evidence={
                **evidence_of(account, "per-minute", number),
                "limit": limit,
                "window": account.window.kind,
                "by_full_minute": explained.by_minute,
                "another_key_had_room": explained.with_room,
            },
        )


def _minute_remedy(facts: LogFacts, account: Account, number: int) -> str:
    explained, client = account.explained, account.calls.reaction.kind
    if lacks_picks(account, number):
        return _NO_PICKS
    if explained.unexplained and not explained.by_minute:
        return (
            "The calls of this log do not fill those minutes: something else uses the keys, or pick lines "
            "are missing. Give all logs that use them before you change the rotation or the size (Q304)."
        )
    if ends_well(facts, account):
        return _nothing_to_change(facts, account)
    if explained.by_minute and explained.with_room >= MOSTLY * explained.by_minute and client != "failover":
        return (
            "It is the rotation more than the size: let the client try the next key on a 429, or share one "
            f"counter between isolates. {_PLAN}"
        )
    if client == "failover":
        return (
            f"The client tries the other keys already, and {_ended(account)}: the pool is too small for its "
            f"busiest minutes. Add keys of other projects, or spread the calls. {_TERMS} {_PLAN}"
        )
    return (
        "In the busiest minutes the pool is too small: add keys of other projects, or wait before calling "
        f"again. {_TERMS} {_PLAN}"
    )


def _nothing_to_change(facts: LogFacts, account: Account) -> str:
    """Return what there is to do where the client makes good nearly every 429: nothing, at a price."""
    does, price = {
        "failover": ("tries the next key", "a round trip"),
        "backoff": ("waits and calls again", "its wait"),
    }[account.calls.reaction.kind]
    within = (
        f"within the target of {100 * facts.target:g} %"
        if facts.max_rejected is None
        else f"and {100 * facts.max_rejected:g} % may"
    )
    return (
        f"The client {does}, and {_ended(account)}, {within}: at the traffic of this log nothing has to "
        f"change; each 429 costs {price}."
    )


def _ended(account: Account) -> str:
    return f"{per_cent(account.rejected_request_share or 0.0)} of the requests end in a 429"


def _day_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "per-day"):
        limit = account.day.in_force
        ended = [(day, day.exhausted_at) for day in account.days if day.exhausted_at is not None]
        when = [f"{day.date} from {clock(moment)}" for day, moment in ended if moment is not None]
        of = _limit_told(account.day, "a Pacific day") or "the limit of a Pacific day"
        explained, left = account.explained, ""
        if explained.with_calls_left:
            left = (
                f"; in {explained.with_calls_left:,} of {explained.by_day:,} another key of the pool had "
                "calls left"
            )
        yield rule.finding(
            f"{calls_told(account, number)} got a 429 by {of}"
            + (f": {listed(when, limit=MOST_DAYS)}" if when else "")
            + left,
            _day_remedy(facts, pool, account, number),
            severity=severity_of(rule, facts, account),
            pool=pool.name,
            keys=keys_of(account, "per-day"),
            evidence={
                **evidence_of(account, "per-day", number),
                "limit": limit,
                "by_day": explained.by_day,
                "another_key_had_calls_left": explained.with_calls_left,
                "days": {
                    str(day.date): {f"key {key}": iso(moment) for key, moment in day.exhausted}
                    for day, _ in ended
                },
            },
        )


def _day_remedy(facts: LogFacts, pool: PoolFacts, account: Account, number: int) -> str:
    explained, client = account.explained, account.calls.reaction.kind
    if lacks_picks(account, number):
        return _NO_PICKS
    if ends_well(facts, account):
        return _nothing_to_change(facts, account)
    used_up = "are used up until midnight Pacific"
    if not explained.with_calls_left:
        return (
            f"Waiting for a minute or another order of the keys does not help: the day's calls {used_up}. "
            f"Take keys of other projects, ask for quota or billing, or call less. {_TERMS}"
        )
    keys = keys_of(account, "per-day")
    whose = f"of {agree(len(keys), 'key', 'keys')} {listed([str(key) for key in keys])} " if keys else ""
    waiting = f"Waiting for a minute does not help: the day's calls {whose}{used_up}."
    if client == "failover":
        return (
            f"{waiting} The client tries the other keys already, and {_ended(account)}: take keys of other "
            f"projects, ask for quota or billing, or call less. {_TERMS} {_PLAN}"
        )
    if explained.with_calls_left < MOSTLY * explained.by_day:
        return (
            f"{waiting} Trying the next key on a 429 saves but a part of these calls: take keys of other "
            f"projects, ask for quota or billing, or call less. {_TERMS}"
        )
    spread = (
        ", and spread the calls evenly, as the findings on the rotation say"
        if pool.verdict == "unfair"
        else ""
    )
    return (
        f"{waiting} The other keys had calls left: let the client try the next key on a 429{spread}. {_PLAN}"
    )


def _limit_told(evidence: LimitEvidence, span: str) -> str:
    """Return a limit in words, with all that its errors state; empty where none is known."""
    if len(evidence.stated_counts) > 1:
        return f"a limit {span} ({stated_limits(evidence.stated_counts)})"
    return f"the limit of {evidence.in_force:,} {span}" if evidence.in_force is not None else ""


def _token_limit_hit(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "tokens-per-minute"):
        yield rule.finding(
            f"{calls_told(account, number)} got a 429 by the limit of input tokens a minute",
            "Send shorter prompts, or fewer at once: requests a minute are not what is short. Each key of "
            "another project has tokens of its own.",
            severity=severity_of(rule, facts, account),
            pool=pool.name,
            keys=keys_of(account, "tokens-per-minute"),
            evidence={
                **evidence_of(account, "tokens-per-minute", number),
                "limit": stated_limit(account.calls.attribution.rows, "tokens-per-minute", None).stated,
            },
        )


def _no_quota(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, account, number in with_rejections(facts, "no-quota"):
        rows = account.calls.attribution.rows
        models = sorted(rows.loc[(rows["cause"] == "no-quota").to_numpy(), "model"].dropna().unique())
        model = f" for {listed([str(name) for name in models])}" if models else ""
        keys = keys_of(account, "no-quota")
        others = {use.key for use in account.keys if use.calls - use.rejected >= 1} - set(keys)
        whose = "the projects have"
        if others and keys:
            names = listed([str(key) for key in keys], limit=20)
            whose = (
                f"the project of key {names} has" if len(keys) == 1 else f"the projects of keys {names} have"
            )
        yield rule.finding(
            f"{calls_told(account, number)} got a 429 whose limit is 0: {whose} no quota{model}",
            "More keys of this kind will not help, nor will waiting: enable billing, or take another model.",
            pool=pool.name,
            keys=keys,
            evidence={**evidence_of(account, "no-quota", number), "models": [str(name) for name in models]},
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


RULES: Final = (
    Rule("Q306", "no-quota", "error", _no_quota),
    Rule("Q302", "day-limit-hit", "error", _day_limit_hit),
    Rule("Q301", "minute-limit-hit", "error", _minute_limit_hit),
    Rule("Q303", "token-limit-hit", "error", _token_limit_hit),
    Rule("Q308", "too-many-rejections", "error", _too_many),
)
