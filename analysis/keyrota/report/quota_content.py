"""The content of a report on quotas: keys, 429s, limits, use of minutes and days, changes over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.findings.facts import PoolFacts
from keyrota.quota.change_points import ChangePoint
from keyrota.quota.limits import LimitEvidence
from keyrota.quota.over_time import Periods
from keyrota.quota.windows import MINUTE_NS
from keyrota.report.schema import (
    ChangePointReport,
    DayReport,
    KeyReport,
    LimitReport,
    LimitsReport,
    OverTimeReport,
    ReactionReport,
    RejectionsReport,
    UsageReport,
    UseReport,
)
from keyrota.rotation.alike import unique_numbers

_MOST_MINUTES: Final = 10_000_000
"""Minutes that are counted in a row; a longer span has gaps that nothing is kept for."""

TESTS_OVER_TIME: Final = 2
"""Of each pool the shares of the keys and the share of 429s are tested for a change."""


def iso(time: pd.Timestamp) -> str | None:
    """Return a time as ISO 8601 UTC, ``None`` where there is none."""
    return None if pd.isna(time) else _iso_ns(int(time.as_unit("ns").value))


def _iso_ns(moment: int) -> str:
    seconds, nanoseconds = divmod(moment, 1_000_000_000)
    utc = _EPOCH + dt.timedelta(seconds=seconds)  # exact, and whatever the platform's clock can hold
    return f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def keys_of(pool: PoolFacts) -> list[KeyReport]:
    """Return the keys of a pool: their shares, their 429s, their peaks."""
    uses = {use.key: use for use in pool.account.keys} if pool.account is not None else {}
    reports = []
    for own in pool.shares:
        use = uses.get(own.key if own.key is not None else own.position or -1)
        reports.append(
            KeyReport(
                own.key,
                own.position,
                own.picks,
                own.share,
                own.expected_share,
                own.share_low,
                own.share_high,
                rejections=round(use.rejected, 6) if use else 0.0,
                peak_per_minute=use.peak_minute if use else None,
                peak_per_day=use.peak_day if use else None,
                minute_headroom=use.minute_headroom if use else None,
                day_headroom=use.day_headroom if use else None,
            )
        )
    return reports


def rejections_of(pool: PoolFacts) -> RejectionsReport:
    """Return where the 429s of a pool come from."""
    account = pool.account
    if account is None:
        return RejectionsReport(0, None, {}, None, None)
    calls, explained, rows = account.calls, account.explained, account.calls.attribution.rows
    reaction = calls.reaction
    return RejectionsReport(
        count=len(rows),
        # More 429s than picks: picks are missing, and there is no share.
        share=len(rows) / len(pool.picks) if len(pool.picks) >= max(1, len(rows)) else None,
        by_cause=explained.by_cause(),
        first=iso(rows["time"].min()) if len(rows) else None,
        attributed_share=calls.attribution.certain_share,
        request_share=account.rejected_request_share,
        requests=len(calls.rejected_requests),
        cause_told_by=explained.by_source(),
        explained=explained.explained,
        unexplained=explained.unexplained,
        not_judged=explained.open,
        missing=explained.missing,
        by_full_minute=explained.by_minute,
        another_key_had_room=explained.with_room,
        not_the_providers=account.not_the_providers,
        reaction=ReactionReport(
            reaction.kind,
            reaction.rejected,
            reaction.followed,
            reaction.base_s,
            reaction.tries,
            reaction.gives_up_after,
        ),
    )


def limits_of(pool: PoolFacts) -> LimitsReport | None:
    """Return the limits of a pool's keys, as declared and as the log shows them."""
    account = pool.account
    if account is None or not len(account.calls):
        return None
    return LimitsReport(
        _limit(account.minute),
        _limit(account.day),
        account.window.kind,
        account.window.delays,
        account.window.on_the_minute,
    )


def _limit(evidence: LimitEvidence) -> LimitReport:
    return LimitReport(
        evidence.declared, evidence.stated, evidence.estimated, evidence.low, evidence.high, evidence.in_force
    )


def usage_of(pool: PoolFacts) -> UsageReport:
    """Return the busiest minute of a pool and of one key, and the use of each Pacific day."""
    account = pool.account
    picks = pool.picks.loc[pool.picks["time"].notna(), ["time", "position"]]
    if account is None or picks.empty:
        return UsageReport(None, None, [])
    minute = picks["time"].to_numpy(dtype="datetime64[ns]").view("int64") // MINUTE_NS
    position = picks["position"].fillna(-1).to_numpy(dtype=np.int64)
    is_placed = position >= 0
    return UsageReport(
        peak_per_minute=_most_alike(minute),
        peak_key_per_minute=_most_alike(minute[is_placed], position[is_placed]),
        days=[
            DayReport(
                date=str(day.date),
                picks=day.calls,
                limit=day.limit,
                exhausted_at=None if day.exhausted_at is None else _iso_ns(day.exhausted_at),
                is_whole=day.is_whole,
                exhausted={str(key): _iso_ns(moment) for key, moment in day.exhausted},
            )
            for day in account.days
        ],
    )


def _most_alike(minute: NDArray[np.int64], position: NDArray[np.int64] | None = None) -> int | None:
    """Return how many picks the busiest minute has, or that of one position; ``None`` without picks."""
    if not len(minute):
        return None
    since = minute - minute.min()
    if position is None:
        return int(np.bincount(since).max()) if int(since.max()) <= _MOST_MINUTES else _run_length(since)
    # Positions are 32 bits, minutes less: their product fits.
    return _run_length(since * (int(position.max()) + 1) + position)


def _run_length(values: NDArray[np.int64]) -> int:
    return int(unique_numbers(values)[1].max())


def over_time_of(pool: PoolFacts, alpha: float) -> OverTimeReport | None:
    """Return the use of a pool by hour and day, and its largest changes."""
    told = pool.over_time
    if told is None:
        return None
    changes = [change for change in (told.shares, told.rejections) if change is not None]
    times, causes = _explained(pool)
    return OverTimeReport(
        hours=list(_periods(told.hours, told.hours.counts_of(times, causes))),
        days=list(_periods(told.days, told.days.counts_of(times, causes))),
        changes=[_change(change, alpha / TESTS_OVER_TIME) for change in changes],
    )


def _explained(pool: PoolFacts) -> tuple[NDArray[np.int64], list[str]]:
    """Return time and cause of every 429 that has a time, as far as the cause can be told."""
    if pool.account is None:
        return np.zeros(0, dtype=np.int64), []
    times = pool.account.calls.attribution.rows["time"]
    is_timed = times.notna().to_numpy()
    causes = [
        cause for cause, has_time in zip(pool.account.explained.causes, is_timed, strict=True) if has_time
    ]
    return times[is_timed].to_numpy(dtype="datetime64[ns]").view("int64"), causes


def _periods(periods: Periods, by_cause: Sequence[dict[str, int]]) -> Iterator[UseReport]:
    shares = periods.rejected_share
    for place, start in enumerate(periods.starts_ns.tolist()):
        own = zip(periods.keys, periods.picks_of_key[place].tolist(), strict=True)
        share = float(shares[place])
        yield UseReport(
            start=_iso_ns(start),
            picks=int(periods.picks[place]),
            picks_per_key={_key_name(key): number for key, number in own if number},
            rejections=int(periods.rejections[place]),
            rejected_share=None if np.isnan(share) else share,
            by_cause=by_cause[place],
            peak_key_per_minute=int(periods.peak_of_key[place]) or None,
            peak_key_per_day=int(periods.day_peak_of_key[place]) or None,
        )


def _key_name(key: int) -> str:
    return str(key) if key >= 0 else "unknown" if key == -1 else "others"


def _change(change: ChangePoint, alpha: float) -> ChangePointReport:
    return ChangePointReport(
        at=_iso_ns(change.time_ns),
        what=change.what,
        keys=list(change.keys),
        before=list(change.before),
        after=list(change.after),
        p_value=change.p_value,
        is_beyond_chance=change.is_beyond_chance(alpha),
        is_restart=change.is_restart,
        signs=list(change.signs),
    )
