"""Times as logs write them."""

from __future__ import annotations

from typing import Any

import pytest

from keyrota.logs.times import damaged_by_spreadsheet, time_ns

NS = 1_762_917_393_993_000_000  # 2025-11-12T03:16:33.993Z


@pytest.mark.parametrize(
    "value",
    [
        NS,
        NS // 1000,
        NS // 1_000_000,
        str(NS),
        str(NS // 1000),
        " 1762917393993 ",
        1.762917393993e15,
        1762917393.993,
        "1762917393.993",
        "2025-11-12T03:16:33.993Z",
        "2025-11-12 03:16:33.993",
        "2025-11-12T03:16:33,993",
        "2025-11-12T03:16:33.993000",
        "2025-11-12T03:16:33.993000000Z",
        "2025-11-12 03:16:33.993 UTC",
        "2025-11-12T04:16:33.993+01:00",
        "2025-11-11T22:46:33.993-0430",
        "2025/11/12 03:16:33.993",
    ],
)
def test_one_instant_in_many_spellings(value: Any) -> None:
    """Seconds to nanoseconds, ISO with and without zone, Python's comma, Go's slashes."""
    assert time_ns(value) == NS


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, "", "later", "2025-11-12", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z",
        "2025-11-12T24:00:00Z", "2025-11-12T03:60:00Z", "٢٠٢٥-11-12T03:16:33Z", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", 0, -1, 42, 10**30, float("nan"), float("inf"), -1e300, "9" * 40, [], {},
        "1.76292E+15", "1969-12-31T23:59:59Z",
    ],
)  # fmt: skip
def test_what_is_no_time(value: Any) -> None:
    """Numbers too small or too large, impossible dates, other types."""
    assert time_ns(value) is None


def test_nanoseconds_are_exact() -> None:
    """Nine digits survive; fewer are filled up."""
    assert time_ns("2025-11-12T03:16:33.000000001Z") == NS - 993_000_000 + 1
    assert time_ns("2025-11-12T03:16:33.5Z") == NS - 493_000_000
    assert time_ns("2016-12-31T23:59:60Z") == time_ns("2017-01-01T00:00:00Z")


@pytest.mark.parametrize("value", ["1.76292E+15", "1,76292E+15", "1.8E+15", " 1.76292E+15"])
def test_spreadsheets_round_times(value: str) -> None:
    """A time in scientific notation has lost its digits, in any locale."""
    assert damaged_by_spreadsheet(value)
    assert not damaged_by_spreadsheet("1762917393993000")
    assert not damaged_by_spreadsheet(1.76292e15)
