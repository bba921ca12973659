"""Rows of one small isolate: boot, server, pick, pool, a 429 of many lines, shutdown, its invocation."""

import pytest

from keyrota.logs.write import (
    LISTENING,
    LogRow,
    boot_message,
    error_message,
    invocation_message,
    pick_message,
    pool_message,
    quota_error_body,
    shutdown_message,
)

START_NS = 1_762_917_393_983_000_000  # 2025-11-12T03:16:33.983Z
ISOLATE = "0d67aaaa-1111-4222-8333-444455556666"
FUNCTION_ID = "beca0000-2222-4333-8444-555566667777"


@pytest.fixture
def rows() -> list[LogRow]:
    """One isolate of generate-artifact in time order; pick and pool line fall in one millisecond."""
    shared = {
        "execution_id": ISOLATE,
        "function_id": FUNCTION_ID,
        "function": "generate-artifact",
        "version": 26,
    }
    body = quota_error_body("per-minute", 2, "gemini-2.5-pro", 26.5)
    made = [
        (0, boot_message(31), {"event_type": "Boot", "boot_ms": 31}),
        (7_000_000, LISTENING, {}),
        (10_000_000, pick_message(3, 1, 4), {}),
        (10_400_000, pool_message("ARTIFACT", 4), {}),
        (900_000_000, error_message(429, body, emoji=False), {"level": "error"}),
        (
            75_018_000_000,
            shutdown_message(),
            {
                "event_type": "Shutdown",
                "reason": "EarlyDrop",
                "cpu_ms": 62,
                "memory_used": (3_024_285, 8_266_584, 11_290_869),
            },
        ),
        (
            9_000_000,
            invocation_message("POST", 429, "generate-artifact"),
            {"kind_of_row": "invocation", "status": 429, "duration_ms": 1056},
        ),
    ]
    result = [
        LogRow(
            START_NS + offset, message, row_id=f"728c0000-0000-4000-8000-00000000000{n}", **shared, **fields
        )
        for n, (offset, message, fields) in enumerate(made)
    ]
    return sorted(result, key=lambda row: row.time_ns)
