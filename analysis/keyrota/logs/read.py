"""Logs to the event table, with an account of every line."""

from __future__ import annotations

import gc
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import count, listed, shown, visible
from keyrota.errors import ConfigurationError, DataQualityWarning, InputError
from keyrota.logs.assemble import assembled
from keyrota.logs.collect import Collected, finished
from keyrota.logs.duplicates import Duplicates, Marks
from keyrota.logs.event_tables import FORMAT, is_event_table, marks_of, read_event_tables
from keyrota.logs.formats import NotALogError, OpenedLog
from keyrota.logs.gathered import Gathered
from keyrota.logs.gathering import gathered_from
from keyrota.logs.own_rules import rule_table
from keyrota.logs.rows import Rows
from keyrota.logs.sources import Source, find_sources
from keyrota.logs.unread import UnreadPick
from keyrota.pools.declared import UNDECLARED, PoolConfig
from keyrota.pools.load import configured
from keyrota.workers import Workers

if TYPE_CHECKING:
    import pandas as pd

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Pools = PoolConfig | str | os.PathLike[str] | None

SKIPPED_SINGLY: Final = 3
"""How many files without a log are told of one by one; a folder may hold many."""


@dataclass(frozen=True, slots=True)
class SourceInput:
    """The account of one source: lines = used + ignored + malformed.

    A line is a physical line of a text, or a row of an export. `duplicates` are events that an
    earlier source had too, counted once. `problems` says in words what was wrong with the source as
    a whole; `truncated` that it ends before its time. `unread_picks` counts those of the malformed lines
    that are picks, by kind.
    """

    name: str
    format: str
    encoding: str
    compression: str | None
    bytes: int
    lines: int
    used: int
    ignored: int
    malformed: int
    duplicates: int
    truncated: bool
    problems: tuple[str, ...] = ()
    first_malformed: tuple[tuple[int, str], ...] = ()
    unread_picks: tuple[tuple[UnreadPick, int], ...] = ()


@dataclass(frozen=True, slots=True)
class LogInput:
    """The account of everything that was read.

    `skipped` names the files that hold no log, with what they hold; `found` counts events by kind;
    `key_labels` gives the number of each key that a log tells by a masked id (its last characters).
    """

    sources: tuple[SourceInput, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    found: tuple[tuple[str, int], ...] = ()
    key_labels: tuple[tuple[int, str], ...] = ()

    def total(self, name: str) -> int:
        """Return the sum of a count over the sources: ``lines``, ``used``, ``ignored``, ..."""
        return sum(getattr(source, name) for source in self.sources)


@dataclass(frozen=True, slots=True)
class Reading:
    """The event table of some logs, the account of their lines, and the pools: declared, or inferred.

    `marks` tells for each event by what a repeat of it is known; ``None`` for events that were not read.
    """

    events: pd.DataFrame
    input: LogInput
    pools: PoolConfig
    marks: Marks | None = field(default=None, compare=False, repr=False)


def read_logs(paths: Paths, *, pools: Pools = None) -> pd.DataFrame:
    """Read logs into the event table.

    Format, encoding and compression are told by content. Rows that several overlapping exports share
    are counted once. No raw text is kept.

    Parameters
    ----------
    paths
        A file, a folder, a glob, ``-`` for standard input, or several of them; or event tables that
        ``keyrota parse`` wrote.
    pools
        The declared pools, a pools file, or ``"infer"`` to tell them from the log; the packaged ten-key
        configuration if not given.

    Returns
    -------
    pandas.DataFrame
        The columns of `keyrota.events.COLUMNS`, in time order.

    Raises
    ------
    InputError
        If a path does not exist or nothing in the input is a log.
    ConfigurationError
        If the pools file is wrong.

    Warns
    -----
    DataQualityWarning
        If lines were malformed, a file was cut, or a file holds no log.

    Examples
    --------
    >>> events = keyrota.read_logs("sample_logs/healthy.json")  # doctest: +SKIP
    """
    reading = read(paths, pools=pools)
    for message in quality_messages(reading.input):
        warnings.warn(message, DataQualityWarning, stacklevel=2)
    return reading.events


def read(
    paths: Paths,
    *,
    pools: Pools = None,
    on_read: Callable[[int], None] | None = None,
    workers: Workers | None = None,
    max_inflated: int | None = None,
) -> Reading:
    """Read logs into the event table and keep the account of their lines.

    Parameters, errors and result are those of `read_logs`, but nothing is warned of: the account tells
    it. `on_read` is called with each number of bytes read. Logs of 50 MB and more are scanned by `workers`:
    threads for each core of this machine, if none are given. Of a compressed log at most `max_inflated`
    bytes are read, 1 or more; if not given, 4 GiB, or 100 times the compressed bytes where that is more.

    Examples
    --------
    >>> report = keyrota.judge(keyrota.read("sample_logs/"))  # doctest: +SKIP
    """
    if max_inflated is not None and max_inflated < 1:
        raise ConfigurationError(f"max_inflated is {shown(max_inflated)}; it is a number of bytes, 1 or more")
    with _without_collection():
        if workers is not None:
            return _read(paths, pools, on_read, workers, max_inflated)
        with Workers(-1) as threads:
            return _read(paths, pools, on_read, threads, max_inflated)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the search for reference cycles: rows form none, and it takes a fifth of a big log's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(
    paths: Paths,
    pools: Pools,
    on_read: Callable[[int], None] | None,
    workers: Workers,
    max_inflated: int | None,
) -> Reading:
    config = UNDECLARED if pools == "infer" else configured(pools)
    rules = rule_table(config)
    given: Any = [paths] if isinstance(paths, str | os.PathLike) else paths
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise InputError(f"a log is named by its path, not by {shown(type(given).__name__)}")
    sources = [replace(source, inflated_limit=max_inflated) for source in find_sources(given)]
    has_table = any(source.is_named and is_event_table(source) for source in sources)
    if has_table or all(is_event_table(source) for source in sources):
        return _read_tables(sources, config, on_read)
    taken = _Taken(config)
    for number, (source, outcome) in enumerate(gathered_from(sources, rules, workers, on_read), start=1):
        taken.take(source, outcome, is_last=number == len(sources))
        del outcome  # its rows are a large part of the memory, and the next source's are made now
    return taken.reading()


class _Taken:
    """What the sources so far say: their rows without repeats, and the account of their lines."""

    def __init__(self, config: PoolConfig) -> None:
        self._config = config
        self._key_labels: dict[str, int] = {}
        self._duplicates = Duplicates()
        self._rows: list[tuple[str, Rows]] = []
        self._marks: list[Marks] = []
        self._accounts: list[SourceInput] = []
        self._skipped: list[tuple[str, str]] = []
        self._found: Counter[str] = Counter()

    def take(
        self, source: Source, outcome: tuple[OpenedLog, Gathered] | NotALogError, *, is_last: bool
    ) -> None:
        """Take the next source."""
        if isinstance(outcome, NotALogError):
            self._skipped.append((source.label, str(outcome)))
            return
        log, gathered = outcome
        collected = finished(gathered, self._config, self._key_labels)
        if not _has_rows(log, collected):
            self._skipped.append((source.label, _without_rows(log, collected)))
            return
        own = Marks.of(collected.rows)
        is_repeat = self._duplicates.repeats_in(own, is_last=is_last)
        repeated = int(is_repeat.sum())
        self._rows.append((source.label, collected.rows.take(~is_repeat) if repeated else collected.rows))
        self._marks.append(own.take(~is_repeat) if repeated else own)
        self._accounts.append(_account(source, log, collected, repeated))
        self._found.update(collected.found)

    def reading(self) -> Reading:
        """Return all of it in the order of time; nothing is left here."""
        if not self._accounts:
            raise InputError(_nothing_usable(self._skipped))
        rows, self._rows = self._rows, []
        whole = assembled(rows, self._config)
        labels = tuple((number, _tail(label)) for label, number in self._key_labels.items())
        return Reading(
            whole.events,
            LogInput(tuple(self._accounts), tuple(self._skipped), tuple(sorted(self._found.items())), labels),
            whole.pools,
            whole.marks_in_order(Marks.joined(self._marks)),
        )


def _read_tables(sources: list[Source], config: PoolConfig, on_read: Callable[[int], None] | None) -> Reading:
    """Return the reading of event tables, which are not read together with logs."""
    named = [source for source in sources if source.is_named]
    logs = [source.label for source in named if not is_event_table(source)]
    if logs:
        raise InputError(
            f"{logs[0]}: a log beside an event table; read logs into a table too (keyrota parse LOG -o "
            "FILE.parquet), or give logs alone"
        )
    tables = [source for source in sources if is_event_table(source)]
    events, accounts = read_event_tables(tables, on_read)
    if not config.pools:
        from keyrota.pools.infer import infer_pools

        config = infer_pools(events)
    found = events["kind"].value_counts()
    return Reading(
        events,
        LogInput(
            tuple(
                SourceInput(
                    name=source.label, format=FORMAT, encoding="", compression=None, bytes=source.size or 0,
                    lines=rows, used=rows, ignored=0, malformed=0, duplicates=repeated, truncated=False,
                )
                for source, rows, repeated in accounts
            ),
            tuple((s.label, "no event table") for s in sources if s not in tables),
            tuple(sorted((str(kind), int(number)) for kind, number in found.items() if number)),
        ),
        config,
        marks_of(events),
    )  # fmt: skip


def quality_messages(log_input: LogInput, *, is_used: bool = True) -> list[str]:
    """Return what is wrong with the input, a sentence each; whether the rest of it is used is said too."""
    used = "; what could be read was used" if is_used else ""
    skipped = log_input.skipped
    if len(skipped) > SKIPPED_SINGLY:
        names = listed([name for name, _ in skipped])
        messages = [f"{count(len(skipped), 'file')} hold no log and are left out: {names}"]
    else:
        messages = [f"{name}: left out: {reason}" for name, reason in skipped]
    for source in log_input.sources:
        messages += [f"{source.name}: {problem}{used}" for problem in source.problems]
        if source.malformed:
            places = listed([f"line {line} ({reason})" for line, reason in source.first_malformed], limit=3)
            messages.append(
                f"{source.name}: {source.malformed} of {source.lines} lines are malformed: {places}"
            )
    return messages


def _has_rows(log: OpenedLog, collected: Collected) -> bool:
    return len(collected.rows) > 0 or not (log.format == "text" or collected.lines == collected.malformed)


def _without_rows(log: OpenedLog, collected: Collected) -> str:
    what = "text" if log.format == "text" else f"{log.format} rows"
    told = (
        f"{count(collected.lines, 'line')} of {what}, none of which is a line about keys, isolates or errors"
    )
    return "; ".join([told, *log.problems])  # what is missing may be what was looked for


def _account(source: Source, log: OpenedLog, collected: Collected, repeated: int) -> SourceInput:
    return SourceInput(
        name=source.label,
        format=log.format,
        encoding=log.encoding,
        compression=log.inflated.compression,
        bytes=log.inflated.raw_bytes,
        lines=collected.lines,
        used=collected.used,
        ignored=collected.ignored,
        malformed=collected.malformed,
        duplicates=repeated,
        truncated=log.truncated,
        problems=tuple(log.problems),
        first_malformed=tuple(collected.first_malformed),
        unread_picks=tuple(sorted(collected.unread.items(), key=str)),
    )


def _nothing_usable(skipped: list[tuple[str, str]]) -> str:
    found = listed([f"{name}: {reason}" for name, reason in skipped], limit=3)
    return (
        f"no log found; {found}. Give a function's Logs export (JSON or CSV), a log drain, or console "
        "output; the lines to look for read `Using GOOGLE_KEY_n (position x/y in pool)`"
    )


def _tail(label: str) -> str:
    """Return the last characters of a masked id, enough to tell keys apart and too few to be one."""
    return "..." + visible(label.rstrip(".*…")[-4:])
