"""A watch as text: the screen, the summary, a line for each finding."""

from __future__ import annotations

from keyrota.display import count, sentence, visible
from keyrota.findings.wording import clock, iso, per_cent
from keyrota.report.console import Line, Table, printed
from keyrota.watch.day import Budget
from keyrota.watch.episodes import Change, Episode
from keyrota.watch.snapshot import PoolNow, Snapshot
from keyrota.watch.wording import as_finding

FINDINGS_SHOWN = 8
"""So many findings are shown on the screen, the open ones first."""


def as_screen(now: Snapshot, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return what a watch shows, also as its last word: the head, a block for each pool, the findings."""
    parts: list[Line | Table] = [Line(_head(now), "bold")]
    used = [pool for pool in now.pools if pool.picks or pool.rejections]
    for pool in used:
        parts += [Line(""), *_pool(pool)]
    idle = [pool.name for pool in now.pools if pool not in used]
    if idle:
        parts += [Line(""), Line(f"no pick yet: {', '.join(idle)}", "dim")]
    if now.other_picks or now.other_rejections:
        parts.append(
            Line(
                f"of no declared pool: {count(now.other_picks, 'pick')}, {count(now.other_rejections, '429')}"
            )
        )
    parts += [Line(""), *_findings(now)]
    return printed(parts, color=color, width=width, unicode=unicode)


def as_event_line(change: Change) -> str:
    """Return one line about a finding that began or ended."""
    return visible(f"{_when(change.episode, change.event)}  {_told(change.episode)}") + "\n"


def _head(now: Snapshot) -> str:
    told = f"keyrota watch: {count(now.lines, 'line')}"
    if now.malformed:
        told += f", {now.malformed:,} malformed"
    if now.first_ns is not None and now.moment_ns is not None:
        told += f"; {iso(now.first_ns)} to {iso(now.moment_ns)}"
    return told


def _pool(pool: PoolNow) -> list[Line | Table]:
    table = Table("key", "position", "picks", "share", "today", "of a day", "used up")
    for key in pool.keys:
        table.row(
            str(key.key), f"{key.position}/{len(pool.keys)}", f"{key.picks:,}", per_cent(key.share),
            f"{key.day.used:,}", "-" if key.day.limit is None else f"{key.day.limit:,}", _used_up(key.day),
        )  # fmt: skip
    rejected = Table("429s", "last minute", "last hour", "today", "in all")
    for cause, number in pool.rejections.items():
        windows = (pool.rejections_minute, pool.rejections_hour, pool.rejections_day)
        rejected.row(cause, *(f"{window.get(cause, 0):,}" for window in windows), f"{number:,}")
    parts: list[Line | Table] = [
        Line(pool.name, "bold", f"  {count(pool.picks, 'pick')}, {pool.picks_last_hour:,} in the last hour")
    ]
    parts.append(table)
    if pool.other_picks:
        parts.append(Line(f"  {count(pool.other_picks, 'pick')} of keys that the pool does not declare"))
    parts.append(Line(f"  today: {_day(pool.day)}"))
    parts.append(rejected if rejected.rows else Line("  no 429"))
    parts.append(Line(f"  {_evidence(pool)}"))
    return parts


def _day(day: Budget) -> str:
    if day.limit is None:
        return f"{count(day.used, 'pick')}, no daily limit declared"
    told = f"{day.used:,} of {day.limit:,} picks ({per_cent(day.used_ratio or 0)})"
    return f"{told}; used up: {_used_up(day)}; resets at {clock(day.resets_ns)}"


def _used_up(day: Budget) -> str:
    if day.limit is None:
        return "-"
    if day.used >= day.limit:
        return "now"
    return "not today" if day.ends_ns is None else clock(day.ends_ns)


def _evidence(pool: PoolNow) -> str:
    evidence = pool.evidence
    told = (
        f"starts against uniform: log10 E {evidence.log10_e:.1f}, alarm at {evidence.log10_level:.1f} "
        f"(highest {evidence.log10_highest:.1f}, {count(evidence.starts, 'start')})"
    )
    if evidence.is_resting:
        told += "; it rests until the finding ends"
    if not pool.isolates_known:
        return f"{told}; no isolate is named: every pick is taken for a cold start (D404)"
    return f"{told}; {pool.broken_steps:,} of {count(pool.steps, 'step')} broken"


def _findings(now: Snapshot) -> list[Line | Table]:
    if not now.total:
        return [Line("no findings")]
    begun = sum(now.total.values())
    parts: list[Line | Table] = [Line(f"{count(begun, 'finding')}, {len(now.open):,} open", "bold")]
    last = [*now.open, *reversed(now.over)]
    parts += [
        Line(f"  {_when(episode, 'open')}", "red" if episode.end_ns is None else "dim", f"  {_told(episode)}")
        for episode in last[:FINDINGS_SHOWN]
    ]
    if begun > FINDINGS_SHOWN:
        parts.append(Line(f"  and {begun - min(len(last), FINDINGS_SHOWN):,} more", "dim"))
    return parts


def _when(episode: Episode, event: str) -> str:
    if episode.end_ns is not None:
        return f"{iso(episode.start_ns)} to {iso(episode.end_ns)}"
    return f"{iso(episode.start_ns)} {'begins' if event == 'start' else 'open'}"


def _told(episode: Episode) -> str:
    found = as_finding(episode)
    where = f"{found.pool}: " if found.pool else ""
    return f"{found.code} {found.name} ({found.severity}) {where}{sentence(found.message)}."
