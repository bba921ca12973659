"""Q307: at the traffic of this log the model expects more 429s than the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import short_share
from keyrota.errors import KeyrotaError
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule
from keyrota.planning.expected import expected_share
from keyrota.planning.fitted import FittedPool, fit_pool, scenario_of
from keyrota.planning.logged import LoggedPool, span_of_log
from keyrota.planning.resize import without_day_limit
from keyrota.planning.rough_check import is_plainly_off
from keyrota.rotation.verdict import calls_shares

OTHER_CAUSES: Final = ("no-quota", "tokens-per-minute")
"""Where most 429s are for these, requests a minute and a day are not what is short."""

LEAST_SPAN_NS: Final = 20 * 3_600_000_000_000
"""A shorter log says nothing about the limit of a day."""


def _thin_headroom(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    if facts.events["time"].isna().all():
        return
    span = span_of_log(facts.events)
    for pool in facts.pools:
        fitted = _fitted(pool, span)
        if fitted is None or (fitted.pool.quota.per_minute is None and fitted.pool.quota.per_day is None):
            continue
        scenario = scenario_of([fitted], span)
        causes = pool.account.explained.causes if pool.account is not None else ()
        if sum(causes.count(name) for name in OTHER_CAUSES) > len(causes) / 2:
            continue
        if span[1] - span[0] < LEAST_SPAN_NS and "per-day" not in causes:
            # Some busy hours do not tell what a day brings.
            scenario = without_day_limit(scenario)
        share = expected_share(scenario, pool.name)
        if share is None or share <= facts.target or _passes_full_windows(pool):
            continue
        better = expected_share(scenario, pool.name, fails_over=True)
        by_minute = expected_share(without_day_limit(scenario), pool.name)
        is_day = by_minute is not None and by_minute <= facts.target
        observed = fitted.rejected / fitted.requests
        told = (
            f"{short_share(observed)} of its requests do" if fitted.rejected else "none of its requests does"
        )
        doubt, remedy = (
            "",
            "`keyrota plan LOG` tells how many keys that takes, and what a change of the client saves.",
        )
        if _is_uneven(pool):
            doubt = f"; that is at equal shares, which this log does not have (R101): {told}"
            remedy = "Correct R101 first. `keyrota plan LOG` tells what the uneven shares cost."
        elif is_plainly_off(scenario, fitted):
            doubt = f"; the model does not explain this log, in which {told}"
            remedy = "`keyrota plan LOG` holds the model against the log, and names what may differ."
        elif better is not None and better < 0.8 * share:
            remedy += f" With a client that tries the next key it would be {short_share(better)}."
        yield rule.finding(
            f"at the traffic of this log, {fitted.rate_per_min:.2g} requests a minute, the model expects "
            f"{short_share(share)} of the requests to end in a 429, against a target of "
            f"{100 * facts.target:g} %" + (": the limit of a day is what is short" if is_day else "") + doubt,
            remedy,
            pool=pool.name,
            evidence={
                "expected_share": share,
                "expected_share_by_the_minute": by_minute,
                "expected_share_with_failover": better,
                "observed_share": observed,
                "requests_per_min": fitted.rate_per_min,
                "target": facts.target,
                "limits_per_minute_and_day": [fitted.pool.quota.per_minute, fitted.pool.quota.per_day],
                "keys": fitted.pool.size,
                "is_doubtful": bool(doubt),
            },
        )


def _is_uneven(pool: PoolFacts) -> bool:
    """Whether the shares are uneven (R101), where the closed forms have equal ones."""
    return pool.tests is not None and pool.size > 1 and calls_shares(pool.tests, pool.called)


def _passes_full_windows(pool: PoolFacts) -> bool:
    """Whether the log contradicts the limits (Q304): then they say nothing about what to expect."""
    return pool.account is not None and pool.account.explained.is_contradicted


def _fitted(pool: PoolFacts, span: tuple[int, int]) -> FittedPool | None:
    """Return the fitted pool; ``None`` where the log is too short for a rate, which D403 is about."""
    if pool.account is None or pool.picks.empty:
        return None
    several = (pool.requests and pool.requests.typical) or 1
    logged = LoggedPool(pool.name, pool.declared, pool.events, pool.account, pool.runs, several)
    try:
        return fit_pool(logged, span)
    except KeyrotaError:
        return None


RULES: Final = (Rule("Q307", "thin-headroom", "warning", _thin_headroom),)
