"""The comparison of a log with an earlier one, as a part of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import msgspec
import numpy as np
import pandas as pd

from keyrota.arguments import check_seed
from keyrota.display import listed, shown
from keyrota.errors import InputError
from keyrota.events import between, iso_times
from keyrota.findings.facts import DEFAULT_ALPHA
from keyrota.logs.read import Reading
from keyrota.quota.calls import find_calls
from keyrota.quota.compare import Comparison, Period, compare
from keyrota.rotation.multiple import holm
from keyrota.rotation.power import check_probability
from keyrota.rotation.requests import picks_per_request
from keyrota.rotation.runs import find_runs
from keyrota.streams import named_stream

TESTS_OF_POOL: Final = 6
MOST_DRAWS: Final = 99_999
"""Permutations: as many as let shares be beyond chance beside the other tests of each pool, within this."""


class PeriodReport(msgspec.Struct, frozen=True):
    """One side of a comparison: the logs, and the times of the first and the last event, ISO 8601 UTC."""

    sources: list[str]
    first: str | None
    last: str | None


class ChangeReport(msgspec.Struct, frozen=True):
    """One comparison: shares are fractions, traffic is picks per minute.

    Of shares of keys, `before` and `after` are of the key that changed most. `p_value` is by itself;
    `adjusted_p_value` and `is_beyond_chance` are corrected for all comparisons of the report (Holm). Null
    where the data cannot tell; `note` says what limits it.
    """

    what: Literal["shares", "rejections", "rejections by cause", "cold starts", "traffic"]
    cause: str | None
    before: float | None
    after: float | None
    ratio_low: float | None
    ratio_high: float | None
    p_value: float | None
    adjusted_p_value: float | None
    is_beyond_chance: bool
    note: str | None


class KeyChangeReport(msgspec.Struct, frozen=True):
    """Picks and share of one key in both periods; a share is null in a period without picks."""

    key: int
    picks_before: int
    picks_after: int
    share_before: float | None
    share_after: float | None


class PoolComparison(msgspec.Struct, frozen=True):
    """One pool in both periods; its sizes as the picks name them, the most frequent first."""

    name: str
    picks_before: int
    picks_after: int
    sizes_before: list[int]
    sizes_after: list[int]
    keys: list[KeyChangeReport]
    changes: list[ChangeReport]


class ComparisonReport(msgspec.Struct, frozen=True):
    """A log against an earlier one; `alpha` is the false-alarm rate over all comparisons together."""

    earlier: PeriodReport
    later: PeriodReport
    alpha: float
    pools: list[PoolComparison]


def compare_readings(
    earlier: Reading, later: Reading, *, alpha: float = DEFAULT_ALPHA, seed: int = 0
) -> ComparisonReport:
    """Compare the pools of a log with those of an earlier one, or of the earlier part of the same.

    Parameters
    ----------
    earlier
        The earlier log. Only its events before the first of `later` are used, so that no row is compared
        with itself.
    later
        The log, within its span of time.
    alpha
        False-alarm rate over all comparisons of all pools together, in (0, 1).
    seed
        Of the permutations; each pool has a stream of its own.

    Raises
    ------
    InputError
        If no event of the earlier log lies before the later one.
    ModelError
        If `alpha` is not inside (0, 1).
    ConfigurationError
        If `seed` is none.
    """
    check_probability(alpha, "alpha")
    check_seed(seed)
    earlier = before(earlier, later)
    spans = [_span_ns(reading.events) for reading in (earlier, later)]
    tables = [_of_pools(reading.events) for reading in (earlier, later)]
    names = [pool.name for pool in later.pools]
    found = {name for table in tables for name, rows in table.items() if (rows["kind"] == "pick").any()}
    names = [name for name in names if name in found] + sorted(found.difference(names))
    wanted = 2 * TESTS_OF_POOL * max(1, len(names)) / max(alpha, 1e-9)
    draws = min(MOST_DRAWS, math.ceil(wanted) - 1)
    comparisons = []
    for name in names:
        periods = []
        for table, reading, span in zip(tables, (earlier, later), spans, strict=True):
            events = table.get(name, reading.events.iloc[:0])
            periods.append(
                Period(events, find_calls(events, picks_per_request=_typical(events, reading.events)), span)
            )
        comparisons.append(compare(*periods, rng=named_stream(seed, "comparison", name), draws=draws))
    return ComparisonReport(
        _period(earlier), _period(later), alpha, _pools(list(zip(names, comparisons, strict=True)), alpha)
    )


def _typical(events: pd.DataFrame, whole: pd.DataFrame) -> int:
    runs = next(iter(find_runs(events).values()), None)
    return (runs is not None and picks_per_request(whole, runs).typical) or 1


def before(earlier: Reading, later: Reading) -> Reading:
    """Return the earlier reading cut off where the later begins.

    Raises
    ------
    InputError
        If nothing is left, or the same log is given without times or a span.
    """
    sources = [[source.name for source in reading.input.sources] for reading in (earlier, later)]
    begin, first = later.events["time"].min(), earlier.events["time"].min()
    if pd.isna(begin) or pd.isna(first):
        if set(sources[0]) & set(sources[1]):
            raise InputError(
                f"--against: {listed([shown(name) for name in sources[0]])} would be compared with itself, "
                "and has no times to tell an earlier part"
            )
        return earlier
    events = between(earlier.events, until=begin)
    if events.empty:
        raise InputError(
            f"--against: no event of {listed([shown(name) for name in sources[0]])} lies before {begin}, the "
            "first event of the log; give the earlier log to --against, or the same log and --since"
        )
    return replace(earlier, events=events)


def _of_pools(events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(name): rows for name, rows in events.groupby("pool", observed=True, sort=False)}


def _span_ns(events: pd.DataFrame) -> tuple[int, int] | None:
    first, last = events["time"].min(), events["time"].max()
    return None if pd.isna(first) else (int(first.value), int(last.value))


def _period(reading: Reading) -> PeriodReport:
    times = reading.events["time"]
    first, last = (
        None if pd.isna(time) else str(iso_times(pd.Series([time])).iloc[0])
        for time in (times.min(), times.max())
    )
    return PeriodReport([source.name for source in reading.input.sources], first, last)


def _pools(comparisons: Sequence[tuple[str, Comparison]], alpha: float) -> list[PoolComparison]:
    tested = [
        change.p_value for _, one in comparisons for change in one.changes if change.p_value is not None
    ]
    adjusted = iter(holm(np.array(tested)).tolist())
    return [
        PoolComparison(
            name,
            one.picks_before,
            one.picks_after,
            list(one.sizes_before),
            list(one.sizes_after),
            [
                KeyChangeReport(
                    key.key, key.picks_before, key.picks_after,
                    key.picks_before / one.picks_before if one.picks_before else None,
                    key.picks_after / one.picks_after if one.picks_after else None,
                )
                for key in one.keys
            ],
            [
                ChangeReport(
                    change.what, change.cause, change.before, change.after, change.ratio_low,
                    change.ratio_high, change.p_value, corrected,
                    is_beyond_chance=corrected is not None and corrected < alpha, note=change.note,
                )
                for change in one.changes
                for corrected in [next(adjusted) if change.p_value is not None else None]
            ],
        )
        for name, one in comparisons
    ]  # fmt: skip
