"""R101, R106: what becomes of the keys' shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts
from keyrota.findings.faults import (
    cause_first,
    causes,
    keys_without_place,
    tested,
    unused_positions,
)
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, key_name, keys_at, p_in_words, per_cent
from keyrota.rotation.verdict import calls_shares


def _unused_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        idle = unused_positions(pool, runs)
        without = keys_without_place(pool, idle)
        if not idle and not without:
            continue
        unused = [key_name(pool, position) for position in idle] + [f"key {key}" for key in without]
        names = listed(unused)
        chance = tests.unused_probability
        how_likely = (
            f"has probability {chance:.1g}" if chance else "cannot be: an isolate went all the way round"
        )
        because = causes(rule.code, pool, runs, tests, facts) + (["C203"] if without else [])
        yield rule.finding(
            f"{names} {agree(len(unused), 'was', 'were')} never picked in "
            f"{count(len(runs.positions), 'pick')}; under the declared rotation that {how_likely}",
            cause_first(because)
            or "Check that "
            f"{agree(len(idle), 'the number of this key is', 'the numbers of these keys are')} in the "
            "mapping of the deployed version and that "
            f"{agree(len(idle), 'its secret is', 'their secrets are')} set.",
            pool=pool.name,
            keys=(*keys_at(pool, idle), *without),
            evidence={"picks": len(runs.positions), "probability": chance, "follows_from": because},
        )


_NOT_SEEN: Final = {
    False: "The log does not tell its isolates, so that the cause is not seen: read one with execution ids.",
    True: "Starts and succession show no fault of their own: compare the deployed key mapping with the "
    "declared one.",
}


def _uneven_shares(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        if not calls_shares(tests, pool.called):
            continue
        of_shares = [test.p_value for test in (tests.shares, tests.shares_unknown) if test is not None]
        of_starts = [tests.starts.p_value] if tests.starts is not None else []
        p_value = min(of_shares or of_starts, default=1.0)
        counts = runs.counts
        shares = counts / counts.sum()
        top, last = int(counts.argmax()) + 1, int(counts.argmin()) + 1
        because = causes(rule.code, pool, runs, tests, facts)
        yield rule.finding(
            f"{key_name(pool, top)} has {per_cent(float(shares[top - 1]))} and {key_name(pool, last)} "
            f"{per_cent(float(shares[last - 1]))} of {count(int(counts.sum()), 'pick')}, where each should "
            f"have {per_cent(1 / runs.size)}; the declared rotation seldom makes shares so uneven "
            f"({p_in_words(p_value)})",
            cause_first(because) or _NOT_SEEN[bool(runs.has_runs.any())],
            pool=pool.name,
            keys=keys_at(pool, [top, last]),
            evidence={
                "shares": {key_name(pool, i + 1): float(s) for i, s in enumerate(shares)},
                "picks": int(counts.sum()),
                "p_value": p_value,
                "follows_from": because,
            },
        )


RULES: Final = (
    Rule("R106", "unused-key", "error", _unused_key),
    Rule("R101", "uneven-shares", "error", _uneven_shares),
)
"""Causes before their consequences."""
