"""Findings that begin and end: each is told once when it begins, and once when it is over."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from keyrota.quota.windows import MINUTE_NS
from keyrota.watch.windows import HOUR_NS

TOLD_LAST: Final = 100
"""How many findings that are over are kept for the summary."""

QUIET_NS: Final = {
    **dict.fromkeys(("C201", "C202", "C203", "C204", "D406", "Q304"), HOUR_NS),
    **dict.fromkeys(("Q301", "Q303", "Q306"), 10 * MINUTE_NS),
    "Q309": 6 * HOUR_NS,  # it counts those of a day: with little traffic an hour between them is no end
}
"""How long after its last sign a finding is over. Q302 ends with the Pacific day, R1xx by the picks."""


class Episode(msgspec.Struct):
    """A finding from its begin to its end.

    Parameters
    ----------
    code
        ``R104``.
    pool
        Where; ``None`` if no pool is known.
    start_ns
        Of its first sign, in nanoseconds since 1970 UTC.
    last_ns
        Of its last sign so far.
    keys
        Which keys, ascending.
    number
        Signs: picks, 429s.
    facts
        What the message says, by name: numbers and names.
    end_ns
        When it ended, ``None`` while it is open.
    """

    code: str
    pool: str | None
    start_ns: int
    last_ns: int
    keys: list[int] = msgspec.field(default_factory=list)
    number: int = 0
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    end_ns: int | None = None


class Change(msgspec.Struct, frozen=True):
    """A finding has begun, or has ended; the episode as it was then."""

    event: str
    episode: Episode


class Episodes(msgspec.Struct):
    """The findings of a watch.

    Parameters
    ----------
    opened
        By code and pool.
    over
        The last of those that are over.
    total
        How many there were, by code.
    """

    opened: dict[str, Episode] = msgspec.field(default_factory=dict)
    over: list[Episode] = msgspec.field(default_factory=list)
    total: dict[str, int] = msgspec.field(default_factory=dict)
    changes: list[Change] = msgspec.field(default_factory=list)

    def get(self, code: str, pool: str | None) -> Episode | None:
        """Return the open finding of a code in a pool."""
        return self.opened.get(_name(code, pool))

    def sign(
        self, code: str, pool: str | None, time_ns: int, *, keys: tuple[int, ...] = (), number: int = 1,
        **facts: Any,
    ) -> Episode:  # fmt: skip
        """Note one more sign of a finding; the first one begins it, and so does one after it was over.

        Parameters
        ----------
        code, pool
            Which finding.
        time_ns
            When.
        keys
            Which keys it concerns.
        number
            Signs that come at once.
        **facts
            What its message says; told at the begin.
        """
        found = self.get(code, pool)
        if found is not None and time_ns - found.last_ns > QUIET_NS.get(code, time_ns):
            self.end(found, found.last_ns)
            found = None
        elif found is not None and time_ns >= found.facts.get("ends_at", time_ns + 1):
            self.end(found, found.facts["ends_at"])
            found = None
        if found is None:
            found = Episode(code, pool, time_ns, time_ns, sorted(keys), number, facts)
            self.opened[_name(code, pool)] = found
            self.total[code] = self.total.get(code, 0) + 1
            self._tell("start", found)
            return found
        found.last_ns = max(found.last_ns, time_ns)
        found.number += number
        if not set(keys) <= set(found.keys):
            found.keys = sorted({*found.keys, *keys})[:KEYS_KEPT]
        return found

    def end(self, episode: Episode, time_ns: int) -> None:
        """End a finding."""
        episode.end_ns = time_ns
        del self.opened[_name(episode.code, episode.pool)]
        self.over = [*self.over, episode][-TOLD_LAST:]
        self._tell("end", episode)

    def expire(self, now_ns: int) -> None:
        """End the findings of which no sign has come for long enough."""
        for episode in list(self.opened.values()):
            quiet = QUIET_NS.get(episode.code)
            if quiet is not None and now_ns - episode.last_ns > quiet:
                self.end(episode, episode.last_ns)
            ends_at = episode.facts.get("ends_at")
            if ends_at is not None and now_ns >= ends_at:
                self.end(episode, ends_at)

    def taken_changes(self) -> list[Change]:
        """Return what has begun and ended since this was last asked."""
        changes, self.changes = self.changes, []
        return changes

    def _tell(self, event: str, episode: Episode) -> None:
        copy = msgspec.structs.replace(episode, keys=[*episode.keys], facts={**episode.facts})
        self.changes.append(Change(event, copy))


KEYS_KEPT: Final = 50


def _name(code: str, pool: str | None) -> str:
    return f"{code} {pool or ''}"
