"""Old events out of a store, and their room given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyrota.errors import InputError
from keyrota.history.accounts import Pruned
from keyrota.history.database import connected, free_share, one_row, rewrite, transaction
from keyrota.history.times import iso

if TYPE_CHECKING:
    from keyrota.history.database import Connection

LEAST_FREE: Final = 0.2
"""From this share of rows that go, or of free room, the file is written anew; less is used again."""

_GONE: Final = "SELECT id FROM sources WHERE last_ns < ?"
_OLD: Final = f"time_ns < ? OR (time_ns IS NULL AND source IN ({_GONE}))"


def prune(path: Path, before_ns: int | None, keep_s: float | None, *, wait_s: float, dry_run: bool) -> Pruned:
    """Remove what is older than a time, or than `keep_s` before the last event."""
    is_loose = False
    with connected(path, writes=not dry_run, wait_s=wait_s) as connection:
        bytes_before = path.stat().st_size
        bound = before_ns if before_ns is not None else _kept_from(connection, path, keep_s or 0.0)
        total, old = _counted(connection, bound)
        if old and not dry_run:
            with transaction(connection):
                connection.execute(f"DELETE FROM rows WHERE {_OLD}", [bound, bound])
                connection.execute("DELETE FROM sources WHERE last_ns < ?", [bound])
                connection.execute("DELETE FROM adds WHERE id NOT IN (SELECT add_id FROM sources)")
                connection.execute(
                    "DELETE FROM isolates WHERE NOT EXISTS (SELECT 1 FROM rows WHERE isolate = code)"
                )
            is_loose = old > LEAST_FREE * total or free_share(connection) > LEAST_FREE
    if is_loose:
        rewrite(path, wait_s=wait_s)
    return Pruned(
        before=iso(bound) or "", rows=old, kept=total - old, bytes_before=bytes_before,
        bytes_after=path.stat().st_size,
    )  # fmt: skip


def _kept_from(connection: Connection, path: Path, keep_s: float) -> int:
    (last,) = one_row(connection, "SELECT max(last_ns) FROM sources")
    if last is None:
        raise InputError(f"{path}: no event has a time to count back from")
    return int(last) - round(keep_s * 1e9)


def _counted(connection: Connection, bound: int) -> tuple[int, int]:
    query = f"SELECT count(*), count(*) FILTER ({_OLD}) FROM rows"
    total, old = one_row(connection, query, [bound, bound])
    return int(total), int(old)
