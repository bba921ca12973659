"""What `keyrota watch --format json` prints: a line for each finding that begins or ends, and the summary."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from keyrota.findings.wording import iso
from keyrota.report.schema import FindingReport, SpanReport
from keyrota.watch.day import Budget
from keyrota.watch.episodes import Change, Episode
from keyrota.watch.snapshot import PoolNow, Snapshot
from keyrota.watch.wording import as_finding

SCHEMA: Final = "keyrota.watch/1"


class WatchFinding(FindingReport, frozen=True, kw_only=True):
    """One finding; see `keyrota explain CODE`. `start` and `end` are ISO 8601 UTC; an open one has no end."""

    start: str
    end: str | None


class WatchKey(msgspec.Struct, frozen=True):
    """One key: picks and their share since the watch began, and on this Pacific day.

    `day_ends` is when the day's budget is used at the rate of the last hour, null if not before the reset.
    """

    key: int
    position: int
    picks: int
    share: float
    day_picks: int
    day_limit: int | None
    day_ends: str | None


class WatchRejections(msgspec.Struct, frozen=True):
    """429s by cause: in all, in the last minute, the last hour and on this Pacific day."""

    total: dict[str, int]
    minute: dict[str, int]
    hour: dict[str, int]
    day: dict[str, int]


class WatchEvidence(msgspec.Struct, frozen=True):
    """Evidence against uniform starts: log10 of the e-value, of its highest, and of the alarm level.

    It rests while a finding is open that it gave.
    """

    log10_e: float
    log10_highest: float
    log10_alarm: float
    starts: int
    is_resting: bool


class WatchPool(msgspec.Struct, frozen=True):
    """One pool; `other_picks` name a key that it does not declare.

    Where `isolates_known` is false every pick was taken for a cold start.
    """

    name: str
    picks: int
    other_picks: int
    keys: list[WatchKey]
    rejections: WatchRejections
    day_picks: int
    day_limit: int | None
    day_ends: str | None
    day_resets: str | None
    evidence: WatchEvidence
    steps: int
    broken_steps: int
    isolates_known: bool


class WatchEvent(msgspec.Struct, frozen=True):
    """A line about a finding that began or ended."""

    schema: str
    event: Literal["start", "end"]
    finding: WatchFinding


class WatchSummary(msgspec.Struct, frozen=True):
    """The last line: what the watch has counted; the findings that are open, and the last that are over."""

    schema: str
    event: Literal["summary"]
    lines: int
    malformed: int
    span: SpanReport
    pools: list[WatchPool]
    other_picks: int
    other_rejections: int
    findings: list[WatchFinding]
    totals: dict[str, int]


def finding_of(episode: Episode) -> WatchFinding:
    """Return a finding with its begin and its end."""
    end = None if episode.end_ns is None else iso(episode.end_ns)
    return WatchFinding.of(as_finding(episode), start=iso(episode.start_ns), end=end)


def event_of(change: Change) -> WatchEvent:
    """Return what is told of a finding that began or ended."""
    return WatchEvent(
        SCHEMA, "start" if change.event == "start" else "end", finding_of(change.episode)
    )  # fmt: skip


def summary_of(now: Snapshot) -> WatchSummary:
    """Return the summary of a watch."""
    return WatchSummary(
        SCHEMA,
        "summary",
        now.lines,
        now.malformed,
        SpanReport(_iso(now.first_ns), _iso(now.moment_ns)),
        [_pool(pool) for pool in now.pools],
        now.other_picks,
        now.other_rejections,
        [finding_of(episode) for episode in (*now.open, *now.over)],
        now.total,
    )


def _pool(pool: PoolNow) -> WatchPool:
    return WatchPool(
        pool.name,
        pool.picks,
        pool.other_picks,
        [
            WatchKey(
                key.key, key.position, key.picks, round(key.share, 6), key.day.used, key.day.limit,
                _ends(key.day),
            )
            for key in pool.keys
        ],
        WatchRejections(pool.rejections, pool.rejections_minute, pool.rejections_hour, pool.rejections_day),
        pool.day.used,
        pool.day.limit,
        _ends(pool.day),
        _iso(pool.day.resets_ns or None),
        WatchEvidence(
            round(pool.evidence.log10_e, 4),
            round(pool.evidence.log10_highest, 4),
            round(pool.evidence.log10_level, 4),
            pool.evidence.starts,
            pool.evidence.is_resting,
        ),
        pool.steps,
        pool.broken_steps,
        pool.isolates_known,
    )  # fmt: skip


def _ends(day: Budget) -> str | None:
    return _iso(day.ends_ns)


def _iso(moment_ns: int | None) -> str | None:
    return None if moment_ns is None else iso(moment_ns)
