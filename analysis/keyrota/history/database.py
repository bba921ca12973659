"""The one module that knows DuckDB: opening a store, waiting for others, telling what is wrong with it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from keyrota.display import reason_of
from keyrota.errors import ConfigurationError, InputError, KeyrotaError, OutputError
from keyrota.history import schema
from keyrota.report.atomic import take_free_place, take_place
from keyrota.report.atomic_folder import folder_beside

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Connection: TypeAlias = "DuckDBPyConnection"

WAIT_S: Final = 10.0
"""How long a store that another process holds is waited for."""

MEMORY: Final = "2GB"
"""What DuckDB may hold in memory; beyond it writes to a folder beside the store."""

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5

_WRITERS: Final[dict[str, Lock]] = {}
"""A lock for each store that this process has written."""

_OPENING: Final = Lock()

# No extension is loaded, or fetched from the network, because of what a file looks like.
_SETTINGS: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": MEMORY,
}


@contextmanager
def connected(path: Path, *, writes: bool, wait_s: float, creates: bool = False) -> Iterator[Connection]:
    """Open a store of the present version; while one process writes, no other has it open.

    Parameters
    ----------
    path
        The store.
    writes
        Whether it is written; several processes may read at a time.
    wait_s
        How long to wait for another process, in seconds.
    creates
        Whether it is made if it is missing.

    Raises
    ------
    InputError
        If it is missing, no store, or one of a newer keyrota or DuckDB; for a reader also if it stays in use.
    OutputError
        If it cannot be written, or stays in use by others.
    ConfigurationError
        If DuckDB is not installed.
    """
    _duckdb()
    failure: type[KeyrotaError] = OutputError if writes else InputError
    if not is_there(path, failure):
        if not creates:
            raise InputError(f"{path}: there is no history yet; make it: keyrota history add LOG...")
        _create(path)
    elif path.is_dir():
        raise failure(f"{path}: is a folder; a history is a file")
    elif not path.is_file():
        raise failure(f"{path}: is a device or a pipe; a history is a file")
    deadline = time.monotonic() + wait_s
    with _writers_lock(path, deadline, writes=writes):
        yield from _connections(path, deadline, failure, writes=writes)


def is_there(path: Path, failure: type[KeyrotaError]) -> bool:
    """Say whether there is a store, or anything else in its place.

    Raises
    ------
    KeyrotaError
        The `failure`, if the system does not tell.
    """
    try:
        return path.exists()
    except OSError as error:
        raise failure(f"{path}: cannot be opened ({reason_of(error)})") from error


def _connections(
    path: Path, deadline: float, failure: type[KeyrotaError], *, writes: bool
) -> Iterator[Connection]:
    duckdb = _duckdb()
    connection = _patiently(partial(_opened, path, writes=writes), path, deadline, failure)
    try:
        version = _version(connection, path)
        if version < schema.VERSION and not writes:
            connection.close()
            with connected(path, writes=True, wait_s=deadline - time.monotonic()):
                pass  # which brings it up to date
            connection = _patiently(partial(_opened, path, writes=False), path, deadline, failure)
        elif version < schema.VERSION:
            _migrate(connection, version)
        yield connection
    except (duckdb.InterruptException, RuntimeError) as error:
        _interrupted(error)
        raise
    except (duckdb.Error, OSError, msgspec.MsgspecError) as error:
        raise failure(f"{path}: {_reason(error)}") from error
    finally:
        with suppress(duckdb.Error):
            connection.close()


@contextmanager
def _writers_lock(path: Path, deadline: float, *, writes: bool) -> Iterator[None]:
    """Let one thread of this process write at a time: DuckDB keeps other processes out, but not threads."""
    if not writes:
        yield
        return
    lock = _WRITERS.setdefault(os.path.realpath(path), Lock())
    if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
        raise OutputError(f"{path}: is in use by another thread; try again when that is done")
    try:
        yield
    finally:
        lock.release()


def free_share(connection: Connection) -> float:
    """Return the share of a store's file that holds nothing."""
    connection.execute("CHECKPOINT")
    free, total = one_row(connection, "SELECT free_blocks, total_blocks FROM pragma_database_size()")
    return float(free / total) if total else 0.0


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Write all or nothing: what a process that is killed has not committed is not in the store."""
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(Exception):  # a connection that broke has nothing to take back
            connection.rollback()
        raise
    connection.commit()


@contextmanager
def registered(connection: Connection, name: str, table: Any) -> Iterator[None]:
    """Give an Arrow table a name in SQL."""
    connection.register(name, table)
    try:
        yield
    finally:
        connection.unregister(name)


def rewrite(path: Path, *, wait_s: float) -> None:
    """Write a store anew without the room that deleted rows had; readers may go on, writers wait.

    Where that is not possible just now the store stays as it is: the room is used again later.
    """
    duckdb = _duckdb()
    path = Path(os.path.realpath(path))  # a link stays
    deadline = time.monotonic() + wait_s
    try:
        with _writers_lock(path, deadline, writes=True), folder_beside(path) as folder:
            connection = duckdb.connect(config=_SETTINGS)
            try:
                _rewrite(connection, path, Path(folder, path.name), deadline)
            finally:
                connection.close()
    except (duckdb.InterruptException, RuntimeError) as error:
        _interrupted(error)
        raise
    except (duckdb.Error, OSError) as error:
        raise OutputError(
            f"{path}: the old rows are out, but their room was not given back ({_reason(error)})"
        ) from error


def _rewrite(connection: Connection, path: Path, fresh: Path, deadline: float) -> None:
    attach = partial(connection.execute, f"ATTACH {_quoted(path)} AS old (READ_ONLY)")
    _patiently(attach, path, deadline, OutputError)
    if Path(f"{path}.wal").exists():
        return  # of a process that was killed since: it belongs to the file as it is
    connection.execute(f"ATTACH {_quoted(fresh)} AS fresh")
    connection.execute("COPY FROM DATABASE old TO fresh")
    connection.execute("DETACH fresh")
    # The old file is still open: until its place is taken nobody can write to it.
    with suppress(PermissionError):  # a system that does not replace an open file
        take_place(fresh, path)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError(
            "the history needs DuckDB, which is not installed: pip install 'keyrota[history]'"
        ) from None
    return duckdb


def _opened(path: Path, *, writes: bool) -> Connection:
    # DuckDB shares an open store among threads, and before it has given it all that Python needs.
    with _OPENING:
        connection: Connection = _duckdb().connect(str(path), read_only=not writes, config=_SETTINGS)
    return connection


def _patiently(
    open_it: Callable[[], Connection], path: Path, deadline: float, failure: type[KeyrotaError]
) -> Connection:
    """Open a store, again and again while another process has it."""
    duckdb = _duckdb()
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return open_it()
        except (duckdb.Error, OSError) as error:
            if not _is_in_use(error):
                raise _refusal(path, error, failure) from error
            if time.monotonic() >= deadline:
                raise failure(f"{path}: is in use by another process; try again when that is done") from error
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _is_in_use(error: Exception) -> bool:
    text = str(error).lower()
    return any(
        told in text
        for told in (
            "could not set lock",
            "used by another process",
            "different configuration",
            "already attached",
        )
    )


def _refusal(path: Path, error: Exception, failure: type[KeyrotaError]) -> KeyrotaError:
    text = str(error).lower()
    if "version number" in text or "newer" in text:
        return InputError(
            f"{path}: was written by a newer DuckDB than is installed: pip install -U 'keyrota[history]'"
        )
    if "not a valid duckdb" in text or "sqlite" in text:
        return InputError(f"{path}: is no history of keyrota; nothing was changed. Name another file")
    return failure(f"{path}: cannot be opened ({_reason(error)})")


def _interrupted(error: Exception) -> None:
    """Say Ctrl-C as Python does: while a query runs DuckDB has its own ways."""
    if "interrupt" in str(error).lower():
        raise KeyboardInterrupt from None


def _reason(error: BaseException) -> str:
    # DuckDB goes on for lines, and names files, whose letters stay as they are.
    return reason_of(error) if isinstance(error, OSError) else str(error).split("\n", 1)[0]


def _version(connection: Connection, path: Path) -> int:
    query = "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?"
    if not one_row(connection, query, [schema.MARK])[0]:
        raise InputError(
            f"{path}: is a DuckDB database, but no history of keyrota; nothing was changed. Name another file"
        )
    version = int(one_row(connection, f"SELECT max(version) FROM {schema.MARK}")[0] or 0)
    if version > schema.VERSION:
        raise InputError(
            f"{path}: was written by a newer keyrota (version {version} of the store; this one reads up to "
            f"{schema.VERSION}): pip install -U keyrota"
        )
    return version


def one_row(connection: Connection, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
    """Return the only row of a query, fetched to its end: before that a connection does nothing else."""
    (row,) = connection.execute(query, list(values)).fetchall()
    return tuple(row)


def _migrate(connection: Connection, version: int) -> None:
    with transaction(connection):
        for step in schema.STEPS[version:]:
            connection.execute(step)
        connection.execute(f"UPDATE {schema.MARK} SET version = ?", [schema.VERSION])


def _create(path: Path) -> None:
    """Make an empty store: elsewhere first, so that no file that came meanwhile is written over."""
    duckdb = _duckdb()
    path = Path(os.path.realpath(path))  # a link that leads to no file yet stays
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it, or name another file")
    try:
        with folder_beside(path) as folder:
            fresh = Path(folder, path.name)
            connection = duckdb.connect(str(fresh), config=_SETTINGS)
            try:
                with transaction(connection):
                    connection.execute(f"CREATE TABLE {schema.MARK} (version INTEGER NOT NULL)")
                    connection.execute(f"INSERT INTO {schema.MARK} VALUES (0)")
                _migrate(connection, 0)
            finally:
                connection.close()
            take_free_place(fresh, path)  # another process may have been faster
    except (duckdb.Error, OSError) as error:
        raise OutputError(f"{path}: cannot be written ({_reason(error)})") from error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
