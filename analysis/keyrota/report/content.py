"""The content of a report: every quantity of the schema, from the gathered facts."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from keyrota import __version__
from keyrota.display import shown
from keyrota.errors import ConfigurationError, ModelError
from keyrota.events import check_events, iso_times, of_kind
from keyrota.findings.facts import DEFAULT_ALPHA, LogFacts, PoolFacts, gather
from keyrota.findings.registry import find_all
from keyrota.findings.rule import Finding
from keyrota.logs.read import LogInput, Reading
from keyrota.pools.declared import PoolConfig
from keyrota.pools.infer import infer_pools
from keyrota.pools.load import configured
from keyrota.quota.rejections import rejected
from keyrota.report.schema import (
    SCHEMA,
    DayReport,
    FairnessReport,
    FindingReport,
    InputReport,
    KeyReport,
    PoolReport,
    RejectionsReport,
    Report,
    RotationReport,
    SourceReport,
    SpanReport,
    UsageReport,
)


def judge(
    events: pd.DataFrame | Reading,
    *,
    pools: PoolConfig | str | os.PathLike[str] | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
) -> Report:
    """Judge an event table: whether every pool's rotation is fair and as declared, and which fault if not.

    Parameters
    ----------
    events
        Event table, from `keyrota.read_logs` or a simulation; or what `keyrota.read` returns, which adds
        the findings about the input (lost and malformed lines) and knows its pools.
    pools
        The declared pools, a pools file, or ``"infer"``; if not given those of the reading, else the
        packaged ten-key configuration.
    alpha
        False-alarm rate over all pools together, in (0, 1).
    seed
        Of the Monte-Carlo tests.

    Returns
    -------
    Report
        The structure that ``keyrota report --format json`` prints.

    Raises
    ------
    ConfigurationError
        If `events` is no event table, or the pools file is wrong.
    ModelError
        If `alpha` is not inside (0, 1), or `seed` is negative.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> events = make_events({"kind": ["pick"] * 4, "key": [1, 2, 1, 2], "position": [1, 2, 1, 2],
    ...     "size": [2] * 4, "pool": ["CHAT"] * 4, "isolate": list("abcd")})
    >>> judge(events).pools[0].fairness.verdict
    'not enough data'
    """
    if isinstance(events, Reading):
        table, log_input = events.events, events.input
        pools = events.pools if pools is None else pools
    elif isinstance(events, pd.DataFrame):
        table, log_input = events, None
    else:
        raise ConfigurationError(
            f"judge takes an event table or a reading, not {shown(type(events).__name__)}; "
            "read a log first: keyrota.judge(keyrota.read(path))"
        )
    if seed < 0:
        raise ModelError(f"seed is {seed}; it is 0 or larger")
    table = check_events(table)
    config = infer_pools(table) if pools == "infer" else configured(pools)
    return build_report(gather(table, config, log_input=log_input, alpha=alpha, seed=seed))


def build_report(facts: LogFacts) -> Report:
    """Return the content of the report on gathered facts."""
    return Report(
        schema=SCHEMA,
        version=__version__,
        input=_input(facts.input, len(facts.events)),
        span=_span(facts.events),
        alpha=facts.alpha,
        pools=[_pool(pool) for pool in facts.pools],
        findings=[_finding(finding) for finding in find_all(facts)],
    )


def _input(log_input: LogInput | None, events: int) -> InputReport:
    log_input = log_input or LogInput(())
    names = SourceReport.__struct_fields__
    return InputReport(
        sources=[
            SourceReport(**{name: getattr(source, name) for name in names}) for source in log_input.sources
        ],
        lines=log_input.total("lines"),
        events=events,
        used=log_input.total("used"),
        ignored=log_input.total("ignored"),
        malformed=log_input.total("malformed"),
        duplicates=log_input.total("duplicates"),
        skipped=[{"name": name, "reason": reason} for name, reason in log_input.skipped],
        key_labels={str(number): label for number, label in log_input.key_labels},
    )


def _span(events: pd.DataFrame) -> SpanReport:
    return SpanReport(_iso(events["time"].min()), _iso(events["time"].max()))


def _iso(time: pd.Timestamp) -> str | None:
    return None if pd.isna(time) else str(iso_times(pd.Series([time])).iloc[0])


def _pool(pool: PoolFacts) -> PoolReport:
    tests = pool.tests
    return PoolReport(
        name=pool.name,
        model=pool.declared.model if pool.declared else None,
        functions=list(pool.functions),
        declared=pool.declared is not None,
        picks=len(pool.picks),
        keys=[
            KeyReport(s.key, s.position, s.picks, s.share, s.expected_share, s.share_low, s.share_high)
            for s in pool.shares
        ],
        fairness=FairnessReport(
            pool.verdict,
            pool.p_value,
            tests.null if tests else "no picks",
            tests.picks_needed if tests else None,
        ),
        rotation=_rotation(pool),
        rejections=_rejections(pool),
        usage=_usage(pool),
    )


def _rotation(pool: PoolFacts) -> RotationReport:
    runs, tests = pool.runs, pool.tests
    if runs is None or tests is None:
        return RotationReport(None, False, None, None, 0, {}, None, None)
    is_known = bool((runs.basis == 0).all())
    lengths = runs.lengths[runs.has_runs]
    has_runs = bool(len(lengths))
    return RotationReport(
        isolates=len(lengths) if has_runs else None,
        isolates_known=is_known,
        cold_start_share=len(lengths) / int(lengths.sum()) if has_runs else None,
        mean_run_length=float(np.mean(lengths)) if has_runs else None,
        broken_steps=tests.broken_steps,
        steps={str(step): number for step, number in sorted(tests.steps.items())},
        start_p_value=tests.starts.p_value if tests.starts else None,
        picks_per_request=pool.requests.mean if pool.requests else None,
    )


def _rejections(pool: PoolFacts) -> RejectionsReport:
    rows = rejected(pool.events)
    causes = rows["cause"].astype(object).fillna("unknown").value_counts()
    return RejectionsReport(
        count=len(rows),
        share=len(rows) / len(pool.picks) if len(pool.picks) else None,
        by_cause={str(cause): int(number) for cause, number in sorted(causes.items())},
        first=_iso(rows["time"].min()) if len(rows) else None,
        attributed_share=1.0 if len(rows) else None,
    )


def _usage(pool: PoolFacts) -> UsageReport:
    picks = pool.picks[pool.picks["time"].notna()]
    if picks.empty:
        return UsageReport(None, None, [])
    minute = picks["time"].dt.floor("min")
    by_key = picks.groupby([minute, picks["position"]]).size()
    per_day = pool.declared.quota.per_day if pool.declared else None
    day = picks["time"].dt.tz_convert("America/Los_Angeles").dt.date
    daily = of_kind(pool.events, "rejection")
    daily = daily[(daily["cause"] == "per-day") & daily["time"].notna()]
    exhausted = daily.groupby(daily["time"].dt.tz_convert("America/Los_Angeles").dt.date)["time"].min()
    return UsageReport(
        peak_per_minute=int(minute.value_counts().max()),
        peak_key_per_minute=int(by_key.max()) if len(by_key) else None,
        days=[
            DayReport(
                str(date),
                int(number),
                per_day * pool.size if per_day is not None else None,
                _iso(exhausted[date]) if date in exhausted.index else None,
            )
            for date, number in day.value_counts().sort_index().items()
        ],
    )


def _finding(finding: Finding) -> FindingReport:
    return FindingReport(
        finding.code,
        finding.name,
        finding.severity,
        finding.pool,
        list(finding.keys),
        finding.message,
        dict(finding.evidence),
        finding.remedy,
    )
