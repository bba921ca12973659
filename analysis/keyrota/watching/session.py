"""A watch at work: lines are read, counted and judged until they end or somebody stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from keyrota.display import masked_name
from keyrota.errors import InputError
from keyrota.logs.follow import Follow, Places
from keyrota.logs.live import LiveRows, LiveState
from keyrota.logs.own_rules import rule_table
from keyrota.logs.sources import STDIN
from keyrota.pools.declared import PoolConfig
from keyrota.watch.core import DEFAULT_ALPHA, Watch
from keyrota.watch.episodes import Change
from keyrota.watching.state import SCHEMA, SavedWatch, fingerprint, load, refuse_damage, save

if TYPE_CHECKING:
    from keyrota.watching.store import StoreFeed

SAVE_S: Final = 5.0
"""The state is saved about so often."""

INTERVAL_S: Final = 0.5
"""How long to wait when nothing has come."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a watch is run.

    Parameters
    ----------
    logs
        What is followed: see `keyrota.logs.follow.Follow`.
    config
        The declared pools.
    alpha
        Probability of a false alarm over its whole life.
    interval_s
        How long to wait when nothing has come.
    once
        Read what is there, and end.
    from_now
        Begin behind what the files hold.
    state
        File that keeps the state.
    store
        A history that is watched in place of `logs`.
    save_s
        How often it is written, in seconds.
    """

    logs: Sequence[str]
    config: PoolConfig
    alpha: float = DEFAULT_ALPHA
    interval_s: float = INTERVAL_S
    once: bool = False
    from_now: bool = False
    state: Path | None = None
    store: Path | None = None
    save_s: float = SAVE_S


@dataclass(slots=True)
class Clock:
    """The machine's clock, in one place."""

    stopped: Event = field(default_factory=Event)

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return time.time_ns()

    def elapsed(self) -> float:
        """Return seconds since some moment; never goes back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the watch is stopped."""
        self.stopped.wait(seconds)


class Session:
    """Runs a watch.

    Parameters
    ----------
    settings
        How.
    on_change
        Called with findings that began or ended.
    on_beat
        Called after each round, and between pieces of a long one.
    on_note
        Called with what there is to tell about the files.
    clock
        For tests.

    Raises
    ------
    ConfigurationError
        If no pool is declared, or the state file is damaged or of other pools.
    InputError
        If a log cannot be followed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_change: Callable[[Change], None],
        on_beat: Callable[[], None] = lambda: None,
        on_note: Callable[[str], None] = lambda _note: None,
        clock: Clock | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock or Clock()
        self._on_change, self._on_beat, self._on_note = on_change, on_beat, on_note
        self._pools = fingerprint(settings.config, settings.alpha)
        saved = None if settings.state is None else load(settings.state, self._pools)
        if settings.state is not None and saved is None:
            from keyrota.report.atomic import refuse_to_replace

            refuse_to_replace(settings.state, overwrite=True)
        self._key_labels = saved.key_labels if saved is not None else {}
        self._states: dict[str, LiveState] = saved.rows if saved is not None else {}
        try:
            self.watch = Watch(
                settings.config, alpha=settings.alpha, state=None if saved is None else saved.watch
            )
        except InputError as error:
            if settings.state is None:
                raise
            raise refuse_damage(settings.state, error) from None
        self._follow = Follow(
            settings.logs,
            rule_table(settings.config),
            from_end=settings.from_now,
            places=None if saved is None else saved.places,
        )
        self._store: StoreFeed | None = None
        missing = list(self._follow.waiting_for)
        if settings.store is not None:
            from keyrota.watching.store import StoreFeed

            after = 0 if saved is None else saved.source
            self._store = StoreFeed(settings.store, settings.config, after)
            missing += [str(settings.store)] if self._store.is_missing else []
            if settings.from_now and saved is None:
                self._store.skip()
        if settings.once and missing:
            raise InputError(f"{missing[0]}: no such file or folder")
        self._rows: dict[str, LiveRows] = {}
        self._saved_at = self._clock.elapsed()

    def stop(self) -> None:
        """End the watch after the piece at hand."""
        self._clock.stopped.set()

    def run(self) -> None:
        """Watch until standard input ends, what is there was read (`once`), or `stop` is called."""
        try:
            while not self._clock.stopped.is_set():
                has_read = self.poll()
                is_done = self._settings.once and not has_read and STDIN not in self._settings.logs
                if self._follow.is_over or is_done:
                    break
                if not has_read:
                    self._clock.wait(self._settings.interval_s)
            self._forget()
            self._flush()
            self._save()
            if self._settings.once and not self.watch.state.lines:
                where = " ".join(self._settings.logs) or self._settings.store
                raise InputError(
                    f"{where}: no line of a log was found; an export that is a JSON array or a table has no "
                    "lines to follow: give it to keyrota report"
                )
        finally:
            self._follow.close()

    def poll(self) -> bool:
        """Read what has come, and say whether anything has."""
        has_read = False
        for piece in self._follow.pieces():
            has_read = True
            now = self._clock.now_ns()
            rows = self._rows_of(piece.name)
            events = rows.read(piece.gathered, now)
            gathered = piece.gathered
            self._tell(
                self.watch.take(
                    events, lines=gathered.lines, malformed=gathered.malformed, unread=gathered.unread
                )
            )
            self._beat()
            if self._clock.stopped.is_set():
                return True
        if self._store is not None:
            for added in self._store.added(self._clock.now_ns()):
                has_read = True
                self._tell(self.watch.take(added.events, lines=added.rows))
                # The state tells whole sources alone, so that no part of one is counted twice.
                self._beat(saves=added.is_last)
                if added.is_last and self._clock.stopped.is_set():
                    return True
        self._forget()
        self._notes()
        if not has_read:
            self._flush()
            if not self._settings.once and STDIN not in self._settings.logs and self.watch.state.lines:
                self._tell(self.watch.advance(self._clock.now_ns()))
        self._beat()
        return has_read

    def _notes(self) -> None:
        for feed in (self._follow, self._store):
            if feed is not None:
                for note in feed.notes:
                    self._on_note(note)
                feed.notes.clear()

    def _rows_of(self, name: str) -> LiveRows:
        if name not in self._rows:
            state = self._states.get(masked_name(name))
            self._rows[name] = LiveRows(self._settings.config, self._key_labels, state)
        return self._rows[name]

    def _forget(self) -> None:
        """Drop what is known of logs that are not followed any more; what waits in them counts as it is."""
        for name in self._follow.dropped:
            self._states.pop(masked_name(name), None)
            rows = self._rows.pop(name, None)
            if rows is not None:
                self._tell(self.watch.take(rows.flush()))
        self._follow.dropped.clear()

    def _flush(self) -> None:
        """Count what waits for lines that have not come."""
        for rows in self._rows.values():
            if rows.state.held:
                self._tell(self.watch.take(rows.flush()))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._on_change(change)

    def _beat(self, *, saves: bool = True) -> None:
        self._on_beat()
        if saves and self._clock.elapsed() - self._saved_at >= self._settings.save_s:
            self._save()

    def _save(self) -> None:
        self._saved_at = self._clock.elapsed()
        if self._settings.state is None:
            return
        # What standard input held is gone with it.
        places = self._follow.places if STDIN not in self._settings.logs else Places()
        kept = {*places.logs, STDIN}
        states = {name: state for name, state in self._states.items() if name in kept}
        states |= {masked_name(name): rows.state for name, rows in self._rows.items()}
        save(
            self._settings.state,
            SavedWatch(
                SCHEMA,
                self._pools,
                places,
                states,
                self._key_labels,
                self.watch.saved(),
                0 if self._store is None else self._store.after,
            ),
        )
