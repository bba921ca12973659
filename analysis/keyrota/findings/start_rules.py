"""R102: where isolates begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.display import listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.faults import cause_first, causes, has_uneven_starts, tested
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import key_name, keys_at, p_in_words


def _start_not_random(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        if not has_uneven_starts(pool, tests, facts.alpha):
            continue
        is_known = "starts" in pool.called
        test = tests.starts if is_known else tests.starts_by_boot
        if test is None:
            continue
        starts = np.bincount((runs.starts if is_known else runs.boot_starts) - 1, minlength=runs.size)
        top, number = int(starts.argmax()) + 1, int(starts.sum())
        because = causes(rule.code, pool, runs, tests, facts)
        yield rule.finding(
            _starts_in_words(pool, starts, test.p_value),
            cause_first(because)
            or "Choose the first key of each isolate at random, from all keys of the pool, where the "
            "counter is created. Most hosted isolates serve one request, so that the start decides the "
            "shares.",
            pool=pool.name,
            keys=keys_at(pool, [top]),
            evidence={
                "starts": {key_name(pool, i + 1): int(n) for i, n in enumerate(starts)},
                "isolates": number,
                "p_value": test.p_value,
                "method": test.method,
                "follows_from": because,
            },
        )


def _starts_in_words(pool: PoolFacts, starts: NDArray[np.int64], p_value: float) -> str:
    size, number, most = len(starts), int(starts.sum()), int(starts.max())
    top = key_name(pool, int(starts.argmax()) + 1)
    if most == number:
        return f"all {number:,} isolates begin at {top}; a random start would spread them over {size:,} keys"
    words = (
        f"{most:,} of {number:,} isolates begin at {top}, where a random start would let {number / size:.0f} "
        f"begin ({p_in_words(p_value)})"
    )
    never = [key_name(pool, int(i) + 1) for i in np.flatnonzero(starts == 0)]
    return f"{words}; none begins at {listed(never)}" if never else words


RULES: Final = (Rule("R102", "start-not-random", "error", _start_not_random),)
