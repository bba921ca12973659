"""Logs to add, and a store to add them to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyrota.history import History, open_store
from keyrota.logs.write import LogRow, pick_message, write_log

BEGIN = 1_762_905_600_000_000_000
"""2025-11-12 00:00 UTC."""

MINUTE = 60_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> History:
    return open_store(tmp_path / "history.duckdb", wait_s=5)


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., str]:
    """Write a log of picks, one a minute, from one minute to another."""

    def write(first: int, last: int, *, name: str = "", shape: str = "drain-ndjson", ids: bool = True) -> str:
        rows = [
            LogRow(
                BEGIN + minute * MINUTE,
                pick_message(3 + minute % 4, 1 + minute % 4, 4),
                execution_id=f"{minute // 4:08d}-1111-4222-8333-444455556666",
                row_id=f"id-{minute}" if ids else None,
            )
            for minute in range(first, last)
        ]
        path = tmp_path / (name or f"{first}-{last}.log")
        path.write_bytes(write_log(rows, shape))
        return str(path)

    return write
