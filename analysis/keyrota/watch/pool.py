"""One pool of a watch: its picks and 429s counted, its keys held against the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from keyrota.display import visible
from keyrota.findings.unexplained_rules import LEAST_UNKNOWN, UNKNOWN_SHARE
from keyrota.findings.unread import OF_ONE_KEY, TOLERATED
from keyrota.logs.live_events import Corrected, Pick, Rejected
from keyrota.logs.unread import UnreadPick
from keyrota.pools.declared import Pool, PoolConfig, is_function_id
from keyrota.watch.day import PacificDay
from keyrota.watch.episodes import QUIET_NS, Episodes
from keyrota.watch.rotation import PoolRotation, RotationState
from keyrota.watch.windows import RecentCounts, last_hour, last_minute

CODE_OF_CAUSE: Final = {
    "per-minute": "Q301",
    "per-day": "Q302",
    "tokens-per-minute": "Q303",
    "no-quota": "Q306",
}
"""The finding that a 429 of a cause is a sign of; a single one of an unknown cause is none."""

UNKNOWN: Final = "unknown"

UNREAD_TOLD: Final = 5
"""Fewer pick lines that could not be read are no finding; the rotation is not judged beside them either."""

PICKS_REMEMBERED: Final = 2_000
"""After so many, what could not be read before counts half: a log may be corrected while it is watched."""

OTHER: Final = "other"
"""The label of keys that the pool does not declare: their number is not bounded."""


class PoolState(msgspec.Struct):
    """What was counted in a pool, as JSON holds it; keys are labels, as 429s' causes are."""

    picks: dict[str, int] = msgspec.field(default_factory=dict)
    rejections: dict[str, int] = msgspec.field(default_factory=dict)
    picks_hour: RecentCounts = msgspec.field(default_factory=last_hour)
    picks_day: PacificDay = msgspec.field(default_factory=PacificDay)
    minute: RecentCounts = msgspec.field(default_factory=last_minute)
    hour: RecentCounts = msgspec.field(default_factory=last_hour)
    day: PacificDay = msgspec.field(default_factory=PacificDay)
    rotation: RotationState = msgspec.field(default_factory=RotationState)
    unread: float = 0.0
    readable: float = 0.0


class PoolWatch:
    """Counts one declared pool.

    Parameters
    ----------
    pool
        As declared.
    config
        All pools: a function may have its own.
    alpha
        Probability of a false alarm in this pool.
    episodes
        Where findings are told.
    state
        That of an earlier run.
    """

    def __init__(
        self, pool: Pool, config: PoolConfig, *, alpha: float, episodes: Episodes,
        state: PoolState | None = None,
    ) -> None:  # fmt: skip
        self.pool, self._config, self._episodes = pool, config, episodes
        self.state = state or PoolState()
        self.rotation = PoolRotation(
            pool.name, pool.keys, alpha=alpha, episodes=episodes, state=self.state.rotation
        )
        self._labels = {key: str(key) for key in pool.keys}
        self._place = {key: position for position, key in enumerate(pool.keys, start=1)}

    def pick(self, pick: Pick) -> None:
        """Count a pick."""
        state, time = self.state, pick.time
        label = self._labels.get(pick.key or 0, OTHER)
        state.picks[label] = state.picks.get(label, 0) + 1
        state.picks_hour.add(time, label)
        state.picks_day.add(time, label)
        if pick.size == len(self.pool.keys) and pick.position is not None:
            self.rotation.pick(time, pick.position, pick.isolate, pick.key)
            if pick.position != self._place.get(pick.key or 0, pick.position):
                self._misplaced(pick)
        elif pick.size is not None:
            self._episodes.sign("C201", self.pool.name, time, logged=pick.size, declared=len(self.pool.keys))
        if pick.function is not None and pick.function not in self.pool.functions:
            self._foreign(pick)

    def judge(self, unread: Mapping[UnreadPick, int], time_ns: int | None) -> None:
        """Hold what has come against the declared rotation, but not where pick lines cannot be read.

        Parameters
        ----------
        unread
            The pick lines that came with it and could not be read.
        time_ns
            The latest time so far.
        """
        state, size = self.state, len(self.pool.keys)
        own = sum(number for kind, number in unread.items() if kind.size in (None, size))
        state.unread += own
        state.readable += self.rotation.waiting
        both = state.unread + state.readable
        is_complete = state.unread <= min(TOLERATED, OF_ONE_KEY / size) * both
        if own and not is_complete and state.unread >= UNREAD_TOLD and time_ns is not None:
            self._episodes.sign("D406", self.pool.name, time_ns, number=own, share=state.unread / both)
        if both > PICKS_REMEMBERED:
            state.unread /= 2
            state.readable /= 2
        self.rotation.judge(is_complete=is_complete)

    def reject(self, event: Rejected | Corrected) -> None:
        """Count a 429, or put right what was counted."""
        state, time, cause = self.state, event.time, event.cause
        if isinstance(event, Corrected):
            self._count(time, event.was, -1)
        self._count(time, cause, 1)
        keys = () if event.key is None or event.key not in self._labels else (event.key,)
        code = CODE_OF_CAUSE.get(cause)
        if code == "Q302":
            if time >= state.day.start_ns:
                self._episodes.sign(
                    code, self.pool.name, time, keys=keys, limit=event.limit, ends_at=state.day.end_ns
                )
        elif code is not None:
            self._episodes.sign(code, self.pool.name, time, keys=keys, limit=event.limit)
        elif cause == UNKNOWN:
            self._unexplained(time, keys)
        self._hold_against_quota(event, keys)

    def _count(self, time: int, cause: str, number: int) -> None:
        state = self.state
        state.rejections[cause] = state.rejections.get(cause, 0) + number
        state.minute.add(time, cause, number)
        state.hour.add(time, cause, number)
        state.day.add(time, cause, number)

    def _hold_against_quota(self, event: Rejected | Corrected, keys: tuple[int, ...]) -> None:
        quota = self.pool.quota
        declared, span = {
            "per-minute": (quota.per_minute, "minute"),
            "per-day": (quota.per_day, "Pacific day"),
            "tokens-per-minute": (quota.tokens_per_minute, "minute, in tokens"),
        }.get(event.cause, (None, ""))
        if event.limit and span and declared != event.limit:
            self._episodes.sign(
                "Q304", self.pool.name, event.time, keys=keys, stated=event.limit, declared=declared, per=span
            )

    def _unexplained(self, time: int, keys: tuple[int, ...]) -> None:
        """Note a 429 whose error states no limit, once there are more than a few in an hour or on the day.

        The body of an error may come in later lines, so that the first of them means nothing yet.
        """
        open_one = self._episodes.get("Q309", self.pool.name)
        if open_one is not None and time - open_one.last_ns <= QUIET_NS["Q309"]:
            self._episodes.sign("Q309", self.pool.name, time, keys=keys)
            return
        state = self.state
        in_hour, on_day = state.hour.of(UNKNOWN, time), state.day.counts.get(UNKNOWN, 0)
        # Most are alone and end here: of the picks there are many counts to add.
        if max(in_hour, on_day) < LEAST_UNKNOWN:
            return
        if (
            in_hour >= LEAST_UNKNOWN and in_hour >= UNKNOWN_SHARE * state.picks_hour.totals(time).total()
        ) or (on_day >= max(LEAST_UNKNOWN, UNKNOWN_SHARE * state.picks_day.totals().total())):
            number = max(in_hour, on_day)
            self._episodes.sign("Q309", self.pool.name, time, keys=keys, number=number)

    def _misplaced(self, pick: Pick) -> None:
        key = pick.key or 0
        self._episodes.sign(
            "C203", self.pool.name, pick.time, keys=(key,), position=pick.position, declared=self._place[key]
        )

    def _foreign(self, pick: Pick) -> None:
        """Note a pick by a function that is declared for another pool, or for none of these."""
        function = pick.function or ""
        if not self.pool.functions or is_function_id(function):
            return
        own = self._config.of_function(function)
        self._episodes.sign(
            "C204", self.pool.name, pick.time, function=visible(function)[:80], own=own.name if own else None
        )
