"""The content of a report: every quantity of the schema, from the gathered facts."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np
import pandas as pd

from keyrota import __version__
from keyrota.arguments import check_fraction, check_seed, check_target
from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.events import check_events
from keyrota.findings.facts import DEFAULT_ALPHA, DEFAULT_TARGET, LogFacts, PoolFacts, gather
from keyrota.findings.registry import find_all
from keyrota.logs.read import LogInput, Reading
from keyrota.pools.declared import PoolConfig
from keyrota.pools.infer import infer_pools
from keyrota.pools.load import configured
from keyrota.report.quota_content import iso, keys_of, limits_of, over_time_of, rejections_of, usage_of
from keyrota.report.schema import (
    SCHEMA,
    FairnessReport,
    FindingReport,
    InputReport,
    PoolReport,
    Report,
    RotationReport,
    RunReport,
    SourceReport,
    SpanReport,
)
from keyrota.rotation.alike import places_in

MOST_RUNS: Final = 6
"""Isolates whose positions are shown."""

MOST_POSITIONS: Final = 40
"""Of each."""


def judge(
    events: pd.DataFrame | Reading,
    *,
    pools: PoolConfig | str | os.PathLike[str] | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
    target: float = DEFAULT_TARGET,
    max_rejected: float | None = None,
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
    target
        Share of requests that may end in a 429, in (0, 1): what the model's expectation is held against.
    max_rejected
        Tolerate 429s up to this share of a pool's requests, in [0, 1]: they are noted; more are an error.

    Returns
    -------
    Report
        The structure that ``keyrota report --format json`` prints.

    Raises
    ------
    ConfigurationError
        If `events` is no event table, the pools file is wrong, or another argument is not allowed.
    ModelError
        If `alpha` is not inside (0, 1).

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
    check_target(target)
    if max_rejected is not None:
        check_fraction("max_rejected", max_rejected)
    return build_report(
        facts_of(
            table,
            pools,
            log_input=log_input,
            alpha=alpha,
            seed=seed,
            target=target,
            max_rejected=max_rejected,
        )
    )


def facts_of(
    events: pd.DataFrame,
    pools: PoolConfig | str | os.PathLike[str] | None,
    *,
    seed: int,
    alpha: float,
    **options: Any,
) -> LogFacts:
    """Return the facts that a report is made from; see `judge` for its arguments and errors."""
    check_seed(seed)
    table = check_events(events)
    config = infer_pools(table) if pools == "infer" else configured(pools)
    return gather(table, config, alpha=alpha, seed=seed, **options)


def build_report(facts: LogFacts) -> Report:
    """Return the content of the report on gathered facts."""
    return Report(
        schema=SCHEMA,
        version=__version__,
        input=_input(facts.input, len(facts.events)),
        span=_span(facts.events),
        alpha=facts.alpha,
        pools=[_pool(pool, facts) for pool in facts.pools],
        findings=[FindingReport.of(finding) for finding in find_all(facts)],
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
    return SpanReport(iso(events["time"].min()), iso(events["time"].max()))


def _pool(pool: PoolFacts, facts: LogFacts) -> PoolReport:
    tests = pool.tests
    return PoolReport(
        name=pool.name,
        model=pool.declared.model if pool.declared else None,
        functions=list(pool.functions),
        declared=pool.declared is not None,
        picks=len(pool.picks),
        keys=keys_of(pool),
        fairness=FairnessReport(
            pool.verdict,
            pool.p_value,
            tests.null if tests else "no picks",
            tests.picks_needed if tests else None,
            pool.unread.lines if pool.unread else 0,
        ),
        rotation=_rotation(pool),
        rejections=rejections_of(pool),
        usage=usage_of(pool),
        limits=limits_of(pool),
        shared=[list(group.keys) for group in pool.account.shared] if pool.account else [],
        over_time=over_time_of(pool, facts.alpha),
        runs=_runs(pool),
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


def _runs(pool: PoolFacts) -> list[RunReport]:
    """Return the isolates with the most picks, the earlier first among equals."""
    runs = pool.runs
    if runs is None:
        return []
    known = np.flatnonzero(runs.has_runs)
    if len(known) > MOST_RUNS:
        least = np.partition(runs.lengths[known], -MOST_RUNS)[-MOST_RUNS]
        known = known[runs.lengths[known] >= least]
    rows = runs.rows[runs.first[known]]
    times = pool.events["time"].iloc[places_in(pool.events.index.to_numpy(), rows)]
    # NaT sorts last; where times are missing or equal the first in the log goes first.
    order = np.lexsort((rows, times.to_numpy(dtype="datetime64[ns]"), -runs.lengths[known]))[:MOST_RUNS]
    return [
        RunReport(
            first=iso(times.iloc[place]),
            size=runs.size,
            picks=int(runs.lengths[number]),
            positions=runs.positions[runs.first[number] :][
                : min(runs.lengths[number], MOST_POSITIONS)
            ].tolist(),
        )
        for place, number in zip(order.tolist(), known[order].tolist(), strict=True)
    ]
