"""Q304, Q305: limits other than declared, and keys that share a quota."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.unexplained_rules import is_unexplained, known_limits
from keyrota.findings.wording import agree, iso, stated_limits
from keyrota.quota.account import Account
from keyrota.quota.limits import LimitEvidence

LEAST_UNEXPLAINED: Final = 5
UNEXPLAINED_SHARE: Final = 0.2
"""From so many 429s that no window explains, and such a share, the declared limits are not all."""


def _limit_differs(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        account = pool.account
        if account is None:
            continue
        for evidence, span in ((account.minute, "minute"), (account.day, "Pacific day")):
            if len(evidence.stated_counts) > 1:
                yield _mixed(rule, pool, account, evidence, span)
            elif evidence.is_refuted:
                yield _differs(rule, pool, account, evidence, span)
            elif evidence.declared is None and evidence.in_force is not None and pool.declared is not None:
                yield _undeclared(rule, pool, evidence, span)
        yield from _unexplained(rule, pool, account)
        yield from _contradicted(rule, pool, account)


def _contradicted(rule: Rule, pool: PoolFacts, account: Account) -> Iterator[Finding]:
    explained = account.explained
    # Where errors state several limits the count of one of them says nothing about the calls of another.
    is_mixed = any(len(own.stated_counts) > 1 for own in (account.minute, account.day))
    if not explained.is_contradicted or is_mixed or account.minute.is_refuted or account.day.is_refuted:
        return
    limits = known_limits(account)
    seen = f"{count(explained.explained, '429')} {agree(explained.explained, 'shows', 'show')} there"
    yield rule.finding(
        f"{count(explained.missing, 'call')} passed although the limit of their key ({listed(limits)}) was "
        f"used up, and {seen if explained.explained else 'no 429 shows there'}",
        "The limits are higher than declared, or the log does not show errors: see the quota of the projects "
        "in AI Studio, and whether the 429s of the provider are logged. Plans and expectations rest on these "
        "limits.",
        pool=pool.name,
        evidence={
            "passed_a_full_window": explained.missing,
            "explained": explained.explained,
            "per_minute": account.minute.in_force,
            "per_day": account.day.in_force,
        },
    )


def _mixed(rule: Rule, pool: PoolFacts, account: Account, evidence: LimitEvidence, span: str) -> Finding:
    lasts = dict(evidence.stated_last)
    newest = max(lasts, key=lambda limit: lasts[limit], default=None)
    last = f", the last {newest:,} at {iso(lasts[newest])}" if newest is not None else ""
    declared = ""
    if evidence.declared is not None:
        is_so = evidence.declared == evidence.stated
        declared = " and as is declared" if is_so else f", where {evidence.declared:,} a {span} are declared"
    missing = account.explained.missing
    passed = f"; {count(missing, 'call')} passed although a window was full by it" if missing else ""
    return rule.finding(
        f"{stated_limits(evidence.stated_counts)} as the limit a {span}{last}; {evidence.stated:,} is taken, "
        f"as most errors of the last 24 hours state it{declared}{passed}",
        "The limit changed within the log, or keys or models of the pool have limits of their own: read the "
        "parts with --since and --until, and write what holds now into the pools file, with the day since "
        "which it holds.",
        pool=pool.name,
        evidence={
            "declared": evidence.declared,
            "stated": evidence.stated,
            "stated_counts": {str(limit): number for limit, number in evidence.stated_counts},
            "stated_last": {str(limit): iso(moment) for limit, moment in lasts.items()},
            "passed_a_full_window": missing,
            "per": span,
        },
    )


def _differs(rule: Rule, pool: PoolFacts, account: Account, evidence: LimitEvidence, span: str) -> Finding:
    declared, found = f"{evidence.declared:,} a {span}", evidence.in_force
    if found is None:
        how = f"calls go on passing beyond {declared}, while 429s come at other times"
        remedy = (
            "There is no such limit: see the quota of the project in AI Studio, and correct the pools file."
        )
    elif evidence.stated is not None:
        ((_, number),) = evidence.stated_counts
        how = f"{count(number, 'error')} {agree(number, 'states', 'state')} a limit of {found:,}"
        remedy = f"Write {found} into the pools file, with the day since which it holds."
    else:
        between = (
            "" if evidence.low == evidence.high else f" (between {evidence.low:,} and {evidence.high:,})"
        )
        how = f"what passed and what was rejected fits a limit of {found:,}{between}"
        remedy = (
            "See the quota of the project in AI Studio, and write it into the pools file. Less than declared "
            "is also what a key looks like that is used elsewhere, or shares a project."
        )
    return rule.finding(
        f"{how}: as declared, the limit is wrong"
        if found is None
        else f"{how}, where {declared} are declared",
        remedy,
        pool=pool.name,
        evidence={
            "declared": evidence.declared,
            "stated": evidence.stated,
            "stated_counts": {str(limit): number for limit, number in evidence.stated_counts},
            "estimated": evidence.estimated,
            "between": [evidence.low, evidence.high],
            "log10_likelihood_ratio": round(evidence.log_ratio / math.log(10), 1),
            "per": span,
            "window": account.window.kind,
        },
    )


def _undeclared(rule: Rule, pool: PoolFacts, evidence: LimitEvidence, span: str) -> Finding:
    how = "the errors state" if evidence.stated is not None else "what passed and what was rejected shows"
    return rule.finding(
        f"{how} a limit of {evidence.in_force:,} a {span} where none is declared",
        f"Write it into the pools file: quota = {{ per_{'minute' if span == 'minute' else 'day'} = "
        f"{evidence.in_force} }}.",
        pool=pool.name,
        evidence={"declared": None, "stated": evidence.stated, "estimated": evidence.estimated, "per": span},
    )


def _unexplained(rule: Rule, pool: PoolFacts, account: Account) -> Iterator[Finding]:
    explained = account.explained
    # Errors that state no limit are Q309's where they are more than a few.
    unexplained = explained.unexplained_stated if is_unexplained(account) else explained.unexplained
    judged = explained.explained + unexplained
    if unexplained < max(LEAST_UNEXPLAINED, UNEXPLAINED_SHARE * judged):
        return
    if account.minute.in_force is None and account.day.in_force is None:
        return
    yield rule.finding(
        f"{unexplained:,} of {count(judged, '429')} came while the windows of their key had room, "
        "as far as the log shows its calls",
        "Something else uses these keys (another function, environment or person), pick lines are missing "
        "from the log, or the limits are lower than declared: give all logs that use the keys.",
        pool=pool.name,
        evidence={
            "explained": explained.explained,
            "unexplained": unexplained,
            "not_judged": explained.open,
            "passed_a_full_window": explained.missing,
        },
    )


def _shared_project(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    seen: set[tuple[int, ...]] = set()
    for pool in facts.pools:
        for group in pool.account.shared if pool.account is not None else ():
            if group.keys in seen:
                continue
            seen.add(group.keys)
            names = listed([str(key) for key in group.keys], limit=20)
            yield rule.finding(
                f"keys {names} behave as one quota: {group.explained:,} of their 429s came while each had "
                "room alone and their sum had none",
                f"They are {len(group.keys)} keys with the quota of one: limits count per Google Cloud "
                "project. Make each key in a project of its own; more keys of one project add nothing.",
                pool=pool.name,
                keys=group.keys,
                evidence={
                    "explained_together": group.explained,
                    "unexplained": group.unexplained,
                    "log10_likelihood_ratio": round(group.log_ratio / math.log(10), 1),
                    "pairs_compared": group.pairs,
                    "false_alarm_rate": facts.alpha,
                },
            )


RULES: Final = (
    Rule("Q305", "shared-project", "error", _shared_project),
    Rule("Q304", "limit-differs", "warning", _limit_differs),
)
