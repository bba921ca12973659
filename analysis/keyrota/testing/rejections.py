"""The assertion that few enough requests end in a 429."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyrota.display import count, listed, shown
from keyrota.errors import ConfigurationError
from keyrota.testing.picks import evidence_of

if TYPE_CHECKING:
    from keyrota.report.schema import PoolReport, Report
    from keyrota.testing.picks import PoolLike, PoolsLike


def assert_rejected_share(
    log: Any, *, below: float = 0.01, pool: PoolLike = None, pools: PoolsLike = None
) -> None:
    """Assert that in each pool fewer requests than a share end in a 429.

    A request that fails over, or waits and calls again, and then succeeds has not ended in one. The share is
    that of this log as it is: no probability is in it, and a log of ten requests tells little of the next.

    Parameters
    ----------
    log
        The path of a log, an event table (of a simulation, for one), or what `keyrota.read` returned.
    below
        The share, in (0, 1]: 0.01 is 1 %.
    pool
        The pool: its name, or its declaration; ``None`` for every pool.
    pools
        The declared pools, a pools file, or ``"infer"``; the packaged ten-key configuration if not given.

    Raises
    ------
    AssertionError
        If a pool's share is not below: it says how many, by which limit, since when, and what to do.
    KeyrotaError
        If the log cannot be read, or `below` is outside its range.

    Examples
    --------
    >>> import keyrota
    >>> scenario = keyrota.simple_scenario(keys=2, per_minute=2, rate_per_min=0.2)
    >>> pools = keyrota.PoolConfig(pools=scenario.pools)
    >>> assert_rejected_share(keyrota.simulated_events(scenario, seed=1), below=0.02, pools=pools)
    """
    from keyrota.report.content import build_report, facts_of

    __tracebackhide__ = True  # pytest shows the message, not this function
    if isinstance(below, bool) or not 0 < below <= 1:
        raise ConfigurationError(f"below is {shown(below)}; it is a share above 0 and up to 1, such as 0.01")
    own = evidence_of(log, pool, pools)
    facts = facts_of(own.events, own.config, log_input=own.log_input, alpha=1e-3, seed=0, max_rejected=below)
    report = build_report(facts)
    asked = [told for told in report.pools if told.picks and own.pool in (None, told.name)]
    if not asked:
        raise AssertionError(
            f"{own.pool or 'the log'}: not one pick, so that nothing can be said of its 429s"
        )
    failed = [told for told in asked if (told.rejections.request_share or 0.0) >= below]
    if failed:
        raise AssertionError("\n".join(line for told in failed for line in _told(told, report, below)))


def _told(pool: PoolReport, report: Report, below: float) -> list[str]:
    rejections = pool.rejections
    share = rejections.request_share or 0.0
    causes = listed([f"{number:,} {cause}" for cause, number in rejections.by_cause.items()])
    since = f", the first at {rejections.first[:19].replace('T', ' ')} UTC" if rejections.first else ""
    lines = [
        f"{pool.name}: {100 * share:.3g} % of {count(rejections.requests, 'request')} ended in a 429, where "
        f"less than {100 * below:g} % may ({count(rejections.count, '429')}: {causes}{since})"
    ]
    for finding in report.findings:
        if finding.pool == pool.name and finding.code.startswith("Q30") and finding.code != "Q308":
            lines += [f"  {finding.code} {finding.name}: {finding.message}.", f"    {finding.remedy}"]
    return lines
