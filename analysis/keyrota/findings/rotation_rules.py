"""R1xx: the rotation itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule
from keyrota.rotation.fairness import BROKEN_SHARE, RotationTests
from keyrota.rotation.policies import declared_step
from keyrota.rotation.runs import Runs
from keyrota.rotation.shares import unused_probability

STUCK_SHARE: Final = 0.75
"""Share of steps that repeat a key from which runs are stuck rather than out of order."""


def tested(facts: LogFacts) -> Iterator[tuple[PoolFacts, Runs, RotationTests]]:
    """Yield the pools that have runs and tests, with more than one key."""
    for pool in facts.pools:
        if pool.runs is not None and pool.tests is not None and pool.size > 1:
            yield pool, pool.runs, pool.tests


def key_name(pool: PoolFacts, position: int) -> str:
    """Return how a position is called: by its key, or by its number where no key is known."""
    found = key_at(pool, position)
    return f"key {found}" if found is not None else f"position {position}"


def key_at(pool: PoolFacts, position: int) -> int | None:
    """Return the key that the log, or else the declaration, has at a position of the pool's main size."""
    picks = pool.picks
    keys = picks.loc[(picks["position"] == position) & (picks["size"] == pool.size), "key"].dropna()
    if len(keys):
        return int(keys.value_counts().index[0])
    declared = pool.declared
    return declared.key_at(position) if declared is not None and declared.size == pool.size else None


def per_cent(share: float) -> str:
    """Return a share for a sentence: ``12.5 %``.

    Examples
    --------
    >>> per_cent(0.125)
    '12.5 %'
    """
    return f"{100 * share:.1f} %"


def p_in_words(p_value: float) -> str:
    """Return a p-value for a sentence.

    Examples
    --------
    >>> p_in_words(0.0312), p_in_words(3e-9)
    ('p = 0.031', 'p = 3e-09')
    """
    return f"p = {p_value:.2g}"


def _adjusted(pool: PoolFacts, tests: RotationTests, p_value: float) -> float:
    """Adjust one test's p-value for the tests of its pool and for the pools."""
    smallest = min(t.p_value for t in (tests.starts, tests.shares, tests.shares_unknown) if t is not None)
    return min(1.0, p_value * ((pool.p_value or 1.0) / smallest)) if smallest > 0 else 1.0


def _start_not_random(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        if tests.starts is None or _adjusted(pool, tests, tests.starts.p_value) >= facts.alpha:
            continue
        starts = np.bincount(runs.starts - 1, minlength=runs.size)
        top = int(starts.argmax()) + 1
        number = int(starts.sum())
        if starts[top - 1] == number:
            message = f"all {number} isolates begin at {key_name(pool, top)}; a random start would spread them over {runs.size} keys"
        else:
            message = (
                f"{starts[top - 1]} of {number} isolates begin at {key_name(pool, top)}, "
                f"where {number / runs.size:.0f} are expected ({p_in_words(tests.starts.p_value)})"
            )
        yield rule.finding(
            message,
            "Choose the first key of each isolate at random, from all keys of the pool, where the counter is "
            "created; most isolates serve one request, so the start decides the shares.",
            pool=pool.name,
            keys=_keys(pool, [top]),
            evidence={
                "starts": {key_name(pool, i + 1): int(n) for i, n in enumerate(starts)},
                "p_value": tests.starts.p_value,
                "method": tests.starts.method,
            },
        )


def _broken_succession(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, _runs, tests in tested(facts):
        broken = tests.broken_steps - (tests.repeated_steps if _is_stuck(tests) else 0)
        if not tests.is_succession_broken or broken < max(1, math.ceil(BROKEN_SHARE * tests.step_count)):
            continue
        wanted = declared_step(tests.size)
        others = {s: n for s, n in tests.steps.items() if s != wanted}
        most = max(others, key=lambda s: others[s])
        yield rule.finding(
            f"{tests.broken_steps} of {count(tests.step_count, 'step')} inside isolates do not go to the next key; "
            f"the most frequent other step is {_signed(most)} ({others[most]} times)",
            "Look for a second counter, a choice at random at each request, several picks in one request "
            "(R105), or log lines that are missing (D401).",
            pool=pool.name,
            evidence={"steps": _step_table(tests), "places": _broken_places(pool)},
        )


def _stuck_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        if not (tests.is_succession_broken and _is_stuck(tests)):
            continue
        steps, second = runs.steps
        repeated = second[steps == 0]
        positions = np.unique(runs.positions[repeated])
        yield rule.finding(
            f"{tests.repeated_steps} of {count(tests.step_count, 'step')} inside isolates take the same key again: "
            "an isolate stays with the key that it began with",
            "Advance the counter at every pick and keep it in module scope, so that the next request of the "
            "isolate finds it.",
            pool=pool.name,
            keys=_keys(pool, [int(p) for p in positions]),
            evidence={"steps": _step_table(tests), "places": _broken_places(pool)},
        )


def _aliased_picks(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        requests = pool.requests
        if requests is None or requests.typical is None or requests.used_counts is None:
            continue
        picks, size = requests.typical, runs.size
        reached = size // math.gcd(size, picks)
        if picks < 2 or reached == size or _is_stuck(tests):
            continue
        used = requests.used_counts
        yield rule.finding(
            f"a request makes {picks} picks and uses the last: inside an isolate only {reached} of {size} keys "
            "do all the work, while the shares of the log look even",
            "Pick once for each request and pass the key on.",
            pool=pool.name,
            evidence={
                "picks_per_request": requests.mean,
                "keys_reached": reached,
                "used": {key_name(pool, i + 1): int(n) for i, n in enumerate(used)},
            },
        )


def _uneven_shares(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        share_tests = [test for test in (tests.shares, tests.shares_unknown) if test is not None]
        p_value = min(
            (test.p_value for test in share_tests or [tests.starts] if test is not None), default=1.0
        )
        if _adjusted(pool, tests, p_value) >= facts.alpha:
            continue
        counts = runs.counts
        shares = counts / counts.sum()
        off = int(np.abs(shares - 1 / runs.size).argmax())
        yield rule.finding(
            f"{key_name(pool, off + 1)} has {per_cent(float(shares[off]))} of {count(int(counts.sum()), 'pick')} where "
            f"{per_cent(1 / runs.size)} are expected; the declared rotation seldom gives shares so far apart ({p_in_words(p_value)})",
            "See which of R102, R103 and R104 is found beside this one: it is the cause. If none is, compare the "
            "deployed key mapping with the declared one.",
            pool=pool.name,
            keys=_keys(pool, [off + 1]),
            evidence={
                "shares": {key_name(pool, i + 1): float(s) for i, s in enumerate(shares)},
                "picks": int(counts.sum()),
                "p_value": p_value,
            },
        )


def _unused_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, _tests in tested(facts):
        idle = [int(i) + 1 for i in np.flatnonzero(runs.counts == 0)]
        if not idle:
            continue
        # Picks of unknown runs count as independent: no run length leaves a key idle more often.
        in_runs = runs.has_runs
        loose = int(runs.lengths[~in_runs].sum())
        chance = unused_probability(
            np.append(runs.lengths[in_runs], np.ones(loose, dtype=np.int64)), runs.size
        )
        if min(1.0, chance * runs.size) >= facts.alpha:
            continue
        names = listed([key_name(pool, position) for position in idle])
        verb = "was" if len(idle) == 1 else "were"
        yield rule.finding(
            f"{names} {verb} never picked in {count(len(runs.positions), 'pick')}; "
            f"under the declared rotation that happens with probability {chance:.1g}",
            "Check that the key's number is in the mapping of the deployed version and that its secret is set.",
            pool=pool.name,
            keys=_keys(pool, idle),
            evidence={"picks": len(runs.positions), "probability": chance},
        )


def _is_stuck(tests: RotationTests) -> bool:
    return tests.step_count > 0 and tests.repeated_steps >= STUCK_SHARE * tests.step_count


def _keys(pool: PoolFacts, positions: list[int]) -> tuple[int, ...]:
    found = (key_at(pool, position) for position in positions)
    return tuple(key for key in found if key is not None)


def _signed(step: int) -> str:
    return f"+{step}" if step else "0 (the same key)"


def _step_table(tests: RotationTests) -> dict[str, Any]:
    return {f"+{s}" if s else "0": n for s, n in sorted(tests.steps.items())}


def _broken_places(pool: PoolFacts) -> list[str]:
    runs = pool.runs
    if runs is None:
        return []
    steps, second = runs.steps
    rows = runs.rows[second[steps != declared_step(runs.size)]]
    return pool.places(pool.picks.loc[np.sort(rows)])


RULES: Final = (
    Rule("R102", "start-not-random", "error", _start_not_random),
    Rule("R103", "broken-succession", "error", _broken_succession),
    Rule("R104", "stuck-key", "error", _stuck_key),
    Rule("R105", "aliased-picks", "warning", _aliased_picks),
    Rule("R101", "uneven-shares", "error", _uneven_shares),
    Rule("R106", "unused-key", "error", _unused_key),
)
"""Causes before their consequences."""
