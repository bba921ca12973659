"""A fetch: which spans are asked for, and when what came is written down."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keyrota.errors import ConfigurationError, KeyrotaError
from keyrota.fetch.access import API, checked_address, checked_project, token_from_environment
from keyrota.fetch.client import Api
from keyrota.fetch.clock import Clock
from keyrota.fetch.folder import Folder
from keyrota.fetch.pages import Pager
from keyrota.fetch.rows import KINDS, Row
from keyrota.fetch.spans import Span, left_of
from keyrota.fetch.times import DAY, MINUTE, SECOND, iso

FIRST_SPAN: Final = DAY
"""What a first fetch asks for: all that a free plan keeps."""

KEPT: Final = DAY
"""How long the plan with the shortest memory keeps a row."""

LONGEST_DAYS: Final = 100
"""No plan keeps rows for longer."""

OVERLAP: Final = 5 * MINUTE
"""How far a fetch looks back behind the end of the last: rows reach the platform's store late."""

FILE_ROWS: Final = 20_000
FILE_BYTES: Final = 32 << 20
"""Of a file at most, and so what a kill can lose."""


@dataclass(slots=True)
class Fetched:
    """What a fetch brought.

    Attributes
    ----------
    rows
        New rows by kind.
    files
        The files that were written.
    since, until
        The time that was asked for, in microseconds since 1970 UTC.
    repeats
        How often a request was sent again, by what was in its way.
    notes
        What the user should know: gaps, and what the API said.
    """

    since: int
    until: int
    rows: dict[str, int] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def fetch_logs(
    folder: str | os.PathLike[str],
    project: str | None = None,
    *,
    since: int | None = None,
    until: int | None = None,
    kinds: Sequence[str] = KINDS,
    url: str = API,
    clock: Clock | None = None,
    on_progress: Callable[[float, float], None] | None = None,
) -> Fetched:
    """Fetch the logs of a project's functions into a folder that `keyrota.read` reads.

    The access token is taken from the environment, `SUPABASE_ACCESS_TOKEN`. A folder that was fetched into
    before is gone on with: without `since`, all is asked for that is not there yet.

    Parameters
    ----------
    folder
        Where the files go; made if there is none.
    project
        The project's reference; by default the one whose logs the folder holds.
    since, until
        Microseconds since 1970 UTC. By default from where the last fetch ended, the first time from 24 hours
        ago, until now.
    kinds
        Of `KINDS`.
    url
        Where the API is.
    clock
        What time it is, and how to wait.
    on_progress
        Called with the seconds of log that were fetched and those that there are.

    Raises
    ------
    ConfigurationError
        If an argument or the token is wrong.
    InputError
        If the API does not answer, or with what cannot be used; what came before is in the folder.
    OutputError
        If a file cannot be written.
    """
    address = checked_address(url)
    token = token_from_environment()
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ConfigurationError(f"kinds: there are {' and '.join(KINDS)}, not {unknown}")
    if project is not None:
        checked_project(project)
    elif not Path(folder).is_dir():
        raise ConfigurationError(f"{folder}: nothing was fetched into this folder yet; give --project REF")
    clock = clock or Clock()
    now = int(clock.now() * SECOND)
    until = now if until is None else min(until, now)
    if since is not None and since >= until:
        raise ConfigurationError(f"--since {iso(since)}: must lie before --until, {iso(until)}")
    if since is not None and since < now - LONGEST_DAYS * DAY:
        raise ConfigurationError(
            f"--since {iso(since)}: is more than {LONGEST_DAYS} days ago; no plan keeps logs for longer"
        )
    store = Folder(Path(folder), project, address.url)
    store.make()
    with store.alone():
        store.read()
        api = Api(address, checked_project(store.project), token, clock)
        fetch = _Fetch(api, store, now - KEPT - MINUTE, on_progress)
        try:
            return fetch.run(kinds, since, until)
        finally:
            api.close()


class _Fetch:
    """One fetch at work."""

    def __init__(
        self, api: Api, store: Folder, kept_from: int, on_progress: Callable[[float, float], None] | None
    ) -> None:
        self._api, self._store, self._on_progress = api, store, on_progress
        self._kept_from = kept_from
        self._done_s = self._total_s = 0.0

    def run(self, kinds: Sequence[str], since: int | None, until: int) -> Fetched:
        """Fetch every kind, in order."""
        work = {kind: self._work(kind, since, until) for kind in dict.fromkeys(kinds)}
        spans = [span for parts in work.values() for span in parts]
        self._total_s = sum(end - start for start, end in spans) / SECOND
        fetched = Fetched(min((start for start, _ in spans), default=until), until)
        for kind, parts in work.items():
            fetched.rows[kind] = 0
            pager = Pager(self._api, kind)
            for part in parts:
                self._fetch(kind, part, pager, fetched)
        fetched.repeats = dict(self._api.repeats)
        return fetched

    def _work(self, kind: str, since: int | None, until: int) -> list[Span]:
        """Return the spans to ask for: what is not covered, with a look back at the end of what is."""
        if since is not None:
            return [(since, until)]
        covered = self._store.covered[kind]
        if not covered:
            return [(until - FIRST_SPAN, until)]
        first = max(covered[0][0], until - LONGEST_DAYS * DAY)
        left = left_of((first, until), covered)
        return [(max(first, start - OVERLAP), end) for start, end in left]

    def _fetch(self, kind: str, span: Span, pager: Pager, fetched: Fetched) -> None:
        known = self._store.keys(kind, span)
        oldest: int | None = None
        with _Part(self._store, kind, span, fetched) as part:
            for page in pager.pages(*span):
                part.add([row for row in page.rows if row.key not in known], self._seen(page.done_us))
                if page.rows and oldest is None:
                    oldest = page.rows[0].time_us
                for note in page.notes:
                    if note not in fetched.notes:
                        fetched.notes.append(note)
                self._show(page.done_us - span[0])
        self._done_s += (span[1] - span[0]) / SECOND
        self._note_gap(kind, span, oldest, fetched)

    def _seen(self, done_us: int) -> int:
        """Return how far a span can be done: not beyond the server's now."""
        # This machine's clock may be ahead, and rows of that time are still to come.
        return min(done_us, int(self._api.now() * SECOND))

    def _show(self, done_us: int) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done_s + done_us / SECOND, self._total_s)

    def _note_gap(self, kind: str, span: Span, oldest: int | None, fetched: Fetched) -> None:
        end = min(self._kept_from, span[1])
        if end <= span[0] or (oldest is not None and oldest < end):
            return
        fetched.notes.append(
            f"no {_WORDS[kind]} came from {iso(span[0])} to {iso(end)}: older than a day, which is what a "
            "free plan keeps; if there was traffic, its rows are gone. Fetch more often than once a day"
        )


class _Part:
    """Rows of a span on their way into files; what came before an error or Ctrl-C is written too."""

    def __init__(self, store: Folder, kind: str, span: Span, fetched: Fetched) -> None:
        self._store, self._kind, self._fetched = store, kind, fetched
        self._start = self._done = span[0]
        self._lines: list[bytes] = []
        self._bytes = 0
        self._is_writing = False

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # What was interrupted while it was written is the next fetch's: it sees whether there is a file.
        if not self._is_writing and (kind is None or issubclass(kind, KeyrotaError | KeyboardInterrupt)):
            self._write()

    def add(self, rows: Sequence[Row], done_us: int) -> None:
        """Take rows, and the time up to which there are no others."""
        self._lines += [row.line for row in rows]
        self._bytes += sum(len(row.line) for row in rows)
        self._done = max(self._done, done_us)
        if len(self._lines) >= FILE_ROWS or self._bytes >= FILE_BYTES:
            self._write()

    def _write(self) -> None:
        if not self._lines and self._done <= self._start:
            return
        self._is_writing = True
        path = self._store.write(self._kind, (self._start, self._done), self._lines)
        self._fetched.rows[self._kind] += len(self._lines)
        if path is not None:
            self._fetched.files.append(path)
        self._start, self._lines, self._bytes, self._is_writing = self._done, [], 0, False


_WORDS: Final = {"logs": "console line", "invocations": "invocation"}
