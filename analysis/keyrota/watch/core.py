"""The watch itself: events in, and at any moment what there is to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from keyrota.errors import ConfigurationError
from keyrota.logs.live_events import Event, Pick
from keyrota.logs.unread import UnreadPick
from keyrota.pools.declared import PoolConfig
from keyrota.watch.episodes import Change, Episodes
from keyrota.watch.pool import PoolState, PoolWatch

DEFAULT_ALPHA: Final = 1e-3
"""Probability of any false alarm, of all pools together, over the whole life of a watch."""


class WatchState(msgspec.Struct):
    """Everything that a watch knows, as JSON holds it.

    Parameters
    ----------
    pools
        By name.
    episodes
        The findings.
    lines, malformed
        Counted so far.
    first_ns, moment_ns
        The earliest and the latest time so far; ``None`` before the first.
    other_picks, other_rejections
        Of no declared pool.
    """

    pools: dict[str, PoolState] = msgspec.field(default_factory=dict)
    episodes: Episodes = msgspec.field(default_factory=Episodes)
    lines: int = 0
    malformed: int = 0
    first_ns: int | None = None
    moment_ns: int | None = None
    other_picks: int = 0
    other_rejections: int = 0


class Watch:
    """Counts the events of declared pools and tells what is wrong with them, at any moment.

    Parameters
    ----------
    config
        The declared pools, at least one.
    alpha
        Probability of any false alarm about the rotation over the whole life of this watch, in (0, 1); of
        each pool it is an equal part.
    state
        That of an earlier run, with the same pools.

    Raises
    ------
    ConfigurationError
        If no pool is declared.
    """

    def __init__(
        self, config: PoolConfig, *, alpha: float = DEFAULT_ALPHA, state: WatchState | None = None
    ) -> None:
        if not config.pools:
            raise ConfigurationError(
                f"{config.source}: no pool is declared, and a watch counts declared pools; add a [[pool]]"
            )
        self.config, self.alpha = config, alpha
        self.state = state or WatchState()
        episodes, states = self.state.episodes, self.state.pools
        self.pools = {
            pool.name: PoolWatch(
                pool, config, alpha=alpha / len(config.pools), episodes=episodes,
                state=states.setdefault(pool.name, PoolState()),
            )
            for pool in config.pools
        }  # fmt: skip
        self._declared = frozenset(key for pool in config.pools for key in pool.keys)

    def take(
        self, events: Iterable[Event], *, lines: int = 0, malformed: int = 0,
        unread: Mapping[UnreadPick, int] | None = None,
    ) -> list[Change]:  # fmt: skip
        """Count events, in the order of their log, and return which findings began and ended.

        Parameters
        ----------
        events
            What some lines say.
        lines, malformed
            The number of these lines, and of those that could not be read.
        unread
            Those of the malformed lines that are picks, by kind.
        """
        state, pools = self.state, self.pools
        state.lines += lines
        state.malformed += malformed
        first, moment = state.first_ns, state.moment_ns
        for event in events:
            time = event.time
            if moment is None or time > moment:
                moment = time
            if first is None or time < first:
                first = time
            pool = pools.get(event.pool or "")
            if isinstance(event, Pick):
                if event.key is not None and event.key not in self._declared:
                    self._undeclared(event)
                if pool is None:
                    state.other_picks += 1
                else:
                    pool.pick(event)
            elif pool is not None:
                pool.reject(event)
            else:
                state.other_rejections += not hasattr(event, "was")
        state.first_ns = first
        for watched in pools.values():
            watched.judge(unread or {}, moment)
        return self.advance(moment)

    def advance(self, now_ns: int | None) -> list[Change]:
        """Let time pass up to a moment, if it is later, and return which findings began and ended."""
        state = self.state
        if now_ns is not None and (state.moment_ns is None or now_ns >= state.moment_ns):
            state.moment_ns = now_ns
            for watched in self.pools.values():
                watched.state.day.turn(now_ns)
                watched.state.picks_day.turn(now_ns)
            state.episodes.expire(now_ns)
        return state.episodes.taken_changes()

    def saved(self) -> WatchState:
        """Return the state, to be written at once: it is the watch's own."""
        for watched in self.pools.values():
            watched.rotation.saved()
        return self.state

    def _undeclared(self, pick: Pick) -> None:
        name = pick.pool if pick.pool in self.pools else None
        self.state.episodes.sign("C202", name, pick.time, keys=(pick.key or 0,))
