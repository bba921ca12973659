"""What there is to show of a watch at a moment."""

from __future__ import annotations

import math
from dataclasses import dataclass

from keyrota.watch.core import Watch
from keyrota.watch.day import Budget, budget
from keyrota.watch.episodes import Episode
from keyrota.watch.pool import PoolWatch


@dataclass(frozen=True, slots=True)
class KeyNow:
    """A key: its picks and its share of the pool's since the watch began, and its day."""

    key: int
    position: int
    picks: int
    share: float
    day: Budget


@dataclass(frozen=True, slots=True)
class EvidenceNow:
    """The running evidence against uniform starts: log10 E, the level of the next alarm, the highest."""

    log10_e: float
    log10_level: float
    log10_highest: float
    starts: int
    is_resting: bool


@dataclass(frozen=True, slots=True)
class PoolNow:
    """A pool: picks, 429s by cause and window, the day's budget, the evidence.

    `isolates_known` is false while no line named an isolate: each pick is then taken for a cold start.
    """

    name: str
    picks: int
    other_picks: int
    picks_last_hour: int
    keys: tuple[KeyNow, ...]
    rejections: dict[str, int]
    rejections_minute: dict[str, int]
    rejections_hour: dict[str, int]
    rejections_day: dict[str, int]
    day: Budget
    evidence: EvidenceNow
    starts: int
    steps: int
    broken_steps: int
    isolates_known: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A watch at a moment; times are nanoseconds since 1970 UTC, ``None`` before the first event."""

    lines: int
    malformed: int
    first_ns: int | None
    moment_ns: int | None
    other_picks: int
    other_rejections: int
    pools: tuple[PoolNow, ...]
    open: tuple[Episode, ...]
    over: tuple[Episode, ...]
    total: dict[str, int]


def snapshot(watch: Watch) -> Snapshot:
    """Return what there is to show now."""
    state = watch.state
    now = state.moment_ns or 0
    return Snapshot(
        state.lines,
        state.malformed,
        state.first_ns,
        state.moment_ns,
        state.other_picks,
        state.other_rejections,
        tuple(_pool_now(pool, now) for pool in watch.pools.values()),
        tuple(state.episodes.opened.values()),
        tuple(state.episodes.over),
        dict(state.episodes.total),
    )


def _pool_now(watched: PoolWatch, now: int) -> PoolNow:
    pool, state, rotation = watched.pool, watched.state, watched.rotation
    total = sum(state.picks.values())
    hour, day, resets = state.picks_hour.totals(now), state.picks_day.totals(), state.picks_day.end_ns
    limit = pool.quota.per_day

    def of_day(label: str) -> Budget:
        return budget(
            used=day[label], last_hour=hour[label], limit=limit, now_ns=now, resets_ns=resets
        )  # fmt: skip

    keys = tuple(
        KeyNow(
            key,
            position,
            picks := state.picks.get(str(key), 0),
            picks / total if total else 0.0,
            of_day(str(key)),
        )
        for position, key in enumerate(pool.keys, start=1)
    )
    stream = rotation.stream
    return PoolNow(
        pool.name,
        total,
        total - sum(key.picks for key in keys),
        hour.total(),
        keys,
        {cause: number for cause, number in sorted(state.rejections.items()) if number},
        dict(state.minute.totals(now)),
        dict(state.hour.totals(now)),
        dict(state.day.totals()),
        budget(
            used=day.total(),
            last_hour=hour.total(),
            limit=None if limit is None else limit * pool.size,
            now_ns=now,
            resets_ns=resets,
        ),
        EvidenceNow(
            stream.log_e / math.log(10),
            rotation.level("starts") / math.log(10),
            stream.highest / math.log(10),
            stream.seen,
            rotation.state.tests["starts"].code is not None,
        ),
        rotation.state.starts,
        rotation.state.steps,
        rotation.state.broken_steps,
        rotation.state.knows_isolates,
    )
