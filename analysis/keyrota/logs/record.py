"""One row of a log, whatever its shape: what the formats hand to the grammar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Record:
    """A row: a message with what its container says about it.

    Parameters
    ----------
    line
        1-based physical line of a text, or the number of the row in a JSON array, a CSV file or a table.
    message
        The text of the line; never leaves the reader.
    time_ns
        Nanoseconds since 1970 UTC.
    row_id
        The platform's id of the row, by which repeats are told.
    isolate
        Execution id.
    function
        Slug, where the row names it.
    function_id
        The platform's id of the function.
    status, duration_ms
        Of an invocation.
    boot_ms, reason
        Of a boot and a shutdown.
    raw
        The physical line before its time was taken off, for rules that read the time themselves.
    """

    line: int
    message: str
    time_ns: int | None = None
    row_id: str | None = None
    isolate: str | None = None
    function: str | None = None
    function_id: str | None = None
    status: int | None = None
    duration_ms: float | None = None
    boot_ms: float | None = None
    reason: str | None = None
    raw: str | None = None


@dataclass(slots=True)
class BadRow:
    """A row that could not be read, with the place and the reason."""

    line: int
    reason: str
