"""The assertion that a rotation is fair, with a false-alarm rate that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import count, listed
from keyrota.testing.picks import evidence_of

if TYPE_CHECKING:
    from keyrota.findings.facts import LogFacts, PoolFacts
    from keyrota.report.schema import FindingReport, PoolReport
    from keyrota.testing.picks import PoolLike, PoolsLike

TESTED: Final = ("R101", "R102", "R103", "R104", "R106")
"""Findings that a fair rotation meets with a probability that is known."""

FAULTS: Final = (*TESTED, "R105", "C201", "C202", "C203")
"""Findings that fail the assertion: the rotation is not fair, or not as declared."""

MOST_KEYS: Final = 20
"""Keys in a message."""


def assert_fair_rotation(
    picks: Any,
    pool: PoolLike = None,
    *,
    alpha: float = 1e-6,
    pools: PoolsLike = None,
    seed: int = 0,
    allow_few: bool = False,
) -> None:
    """Assert that keys are picked as random start plus round robin picks them.

    The picks are judged as ``keyrota check`` judges a log: the starts of the isolates and the shares of the
    keys are held against the rotation, every step inside an isolate is looked at. All tests together are
    wrong about a fair rotation with probability `alpha` at most: at the default a suite that runs a
    hundred times a day fails falsely once in 27 years. What is not tested but seen has no probability: picks
    that are not as declared (C201 to C203), and requests that seem to pick twice (R105). Nor has it a client
    that goes on to the next key because one key is rejected more often than the others.

    Parameters
    ----------
    picks
        What was picked: key numbers, a list of them for each isolate (``[[1, 2], [2, 1]]``) or one list where
        isolates are not known; an event table; what `keyrota.read` or `run_rotation` returned; or the
        path of a log.
    pool
        The pool: its declaration (`keyrota.Pool`), its name, or its number of keys, which are then 1, 2,
        ...; ``None`` for every pool of an event table or a log.
    alpha
        Probability, in (0, 1), that the assertion fails although the rotation is fair. Above about 2e-5 some
        tests draw, and it holds on average over seeds.
    pools
        The declared pools, a pools file, or ``"infer"``; the packaged ten-key configuration if not given.
    seed
        Of Monte-Carlo tests, which are made where `alpha` is large enough.
    allow_few
        Pass where there are too few picks to notice even a key that is never picked. Such a test could
        not fail: more picks are better.

    Raises
    ------
    AssertionError
        If the rotation is not fair or not as declared, or there are too few picks, or no test was made: it
        names the fault, the numbers and the false-alarm probability.
    KeyrotaError
        If the picks are in no form that is known, the pool is not declared, or a log cannot be read.

    Examples
    --------
    >>> try:
    ...     assert_fair_rotation([[1, 2]] * 40, 2)  # 40 isolates that begin at key 1
    ... except AssertionError as error:
    ...     print(str(error).splitlines()[1].strip())
    R102 start-not-random: all 40 isolates begin at key 1; a random start would spread them over 2 keys.
    """
    from keyrota.report.content import build_report, facts_of

    __tracebackhide__ = True  # pytest shows the message, not this function
    own = evidence_of(picks, pool, pools)
    facts = facts_of(own.events, own.config, log_input=own.log_input, alpha=alpha, seed=seed)
    asked = [of for of in facts.pools if own.pool in (None, of.name) and len(of.picks)]
    if not asked:
        raise AssertionError(
            f"{own.pool or 'the log'}: not one pick; a rotation that picks nothing is not fair"
        )
    report = build_report(facts)
    for of in asked:
        faults = [
            finding for finding in report.findings
            if finding.code in FAULTS and finding.pool in (of.name, None)
        ]  # fmt: skip
        told = next(own for own in report.pools if own.name == of.name)
        if faults:
            raise AssertionError("\n".join(_unfair(told, faults, alpha)))
        if untested := _untested(of, facts):
            raise AssertionError(untested)
        if not allow_few and (few := _too_few(of, facts)):
            raise AssertionError(few)


def _unfair(pool: PoolReport, faults: list[FindingReport], alpha: float) -> Iterator[str]:
    tested = [finding.code for finding in faults if finding.code in TESTED]
    yield f"{pool.name}: the rotation is not {'fair' if tested else 'as declared'} ({_picks(pool)})"
    for finding in faults:
        yield f"  {finding.code} {finding.name}: {finding.message}."
        yield f"    {finding.remedy}"
    for key in pool.keys[:MOST_KEYS]:
        name = f"key {key.key}" if key.key is not None else f"position {key.position}"
        yield (
            f"  {name}: {count(key.picks, 'pick')}, {100 * key.share:.1f} % "
            f"(95 %: {100 * key.share_low:.1f} to {100 * key.share_high:.1f}), expected "
            f"{100 * key.expected_share:.1f} %"
        )
    if len(pool.keys) > MOST_KEYS:
        yield f"  and {count(len(pool.keys) - MOST_KEYS, 'more key')}"
    if tested:
        yield f"  A fair rotation meets {listed(tested)} with probability {alpha:g} at most."


def _picks(pool: PoolReport) -> str:
    isolates = pool.rotation.isolates
    where = f" in {count(isolates, 'isolate')}" if isolates is not None else ", isolates unknown"
    return f"{count(pool.picks, 'pick')}{where}"


def _untested(pool: PoolFacts, facts: LogFacts) -> str | None:
    """Return why the tests could not have spoken against the rotation, if so."""
    tests = pool.tests
    if tests is None:
        return f"{pool.name}: nothing was tested: no pick names its place in the pool; log it, or declare it"
    if tests.size > 1 and tests.least_p_value * _tested(facts) >= facts.alpha:
        return (
            f"{pool.name}: nothing was tested at alpha = {facts.alpha:g} ({tests.null}); take a larger "
            "alpha, or a smaller part of the picks"
        )
    return None


def _tested(facts: LogFacts) -> int:
    """Return how many pools and sizes of pools are judged together."""
    return sum(1 + len(pool.others) for pool in facts.pools if not pool.picks.empty)


def _too_few(pool: PoolFacts, facts: LogFacts) -> str | None:
    """Return what is lacking, if even a key that is never picked would not be noticed."""
    from keyrota.rotation.fairness import CERTAIN_PART
    from keyrota.rotation.power import picks_to_miss_none

    if pool.tests is None or pool.tests.size < 2:
        return None
    needed = picks_to_miss_none(pool.tests.size, alpha=facts.alpha / _tested(facts), part=CERTAIN_PART)
    seen = pool.tests.independent_picks
    if seen >= needed:
        return None
    seen_picks, keys = count(seen, "independent pick"), count(pool.tests.size, "key")
    return (
        f"{pool.name}: too few picks to tell whether the rotation is fair: {seen_picks} of {keys}, and at "
        f"alpha = {facts.alpha:g} it takes {needed:,} single picks before a key that is never picked is "
        "noticed. Take more isolates, a larger alpha, or say allow_few=True."
    )
