"""The structure of a report, as ``--format json`` prints it.

The schema is a contract: a field may be added; none is renamed or removed without a new number.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA = "keyrota.report/1"


class SourceReport(msgspec.Struct, frozen=True):
    """One source of the input. `lines` = `used` + `ignored` + `malformed`; `bytes` as stored."""

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


class InputReport(msgspec.Struct, frozen=True):
    """The account of all lines: `lines` = `used` + `ignored` + `malformed`.

    `duplicates` are events that were in several sources and are counted once. `skipped` lists
    files that hold no log, with what they hold.
    """

    sources: list[SourceReport]
    lines: int
    events: int
    used: int
    ignored: int
    malformed: int
    duplicates: int
    skipped: list[dict[str, str]]
    key_labels: dict[str, str]


class SpanReport(msgspec.Struct, frozen=True):
    """Times of the first and the last event, ISO 8601 UTC."""

    first: str | None
    last: str | None


class KeyReport(msgspec.Struct, frozen=True):
    """One key of a pool; shares are fractions of the pool's picks, the interval is simultaneous at 95 %."""

    key: int | None
    position: int | None
    picks: int
    share: float
    expected_share: float
    share_low: float
    share_high: float


class FairnessReport(msgspec.Struct, frozen=True):
    """The verdict, its p-value (adjusted for the number of pools), the null, and the picks needed for one."""

    verdict: Literal["fair", "unfair", "not enough data"]
    p_value: float | None
    null: str
    picks_needed: int | None


class RotationReport(msgspec.Struct, frozen=True):
    """How the rotation runs: `cold_start_share` is the share of picks that are an isolate's first.

    Quantities that the log cannot tell are null. `steps` counts the steps inside isolates, modulo
    the pool size; under the declared rotation all are 1.
    """

    isolates: int | None
    isolates_known: bool
    cold_start_share: float | None
    mean_run_length: float | None
    broken_steps: int
    steps: dict[str, int]
    start_p_value: float | None
    picks_per_request: float | None


class RejectionsReport(msgspec.Struct, frozen=True):
    """429s: how many, as a share of picks, by cause, and the time of the first.

    `attributed_share` is the share of them whose pool the row itself, its function or its isolate tells.
    """

    count: int
    share: float | None
    by_cause: dict[str, int]
    first: str | None
    attributed_share: float | None


class DayReport(msgspec.Struct, frozen=True):
    """Use of one Pacific day: picks, the pool's daily limit, and when it was first said to be exhausted."""

    date: str
    picks: int
    limit: int | None
    exhausted_at: str | None


class UsageReport(msgspec.Struct, frozen=True):
    """Peak picks in a calendar minute (UTC), of the pool and of one key, and the Pacific days."""

    peak_per_minute: int | None
    peak_key_per_minute: int | None
    days: list[DayReport]


class PoolReport(msgspec.Struct, frozen=True):
    """One pool."""

    name: str
    model: str | None
    functions: list[str]
    declared: bool
    picks: int
    keys: list[KeyReport]
    fairness: FairnessReport
    rotation: RotationReport
    rejections: RejectionsReport
    usage: UsageReport


class FindingReport(msgspec.Struct, frozen=True):
    """One finding; see `keyrota explain CODE`."""

    code: str
    name: str
    severity: Literal["error", "warning", "note"]
    pool: str | None
    keys: list[int]
    message: str
    evidence: dict[str, Any]
    remedy: str


class Report(msgspec.Struct, frozen=True):
    """A report on the logs of a key pool."""

    schema: str
    version: str
    input: InputReport
    span: SpanReport
    alpha: float
    pools: list[PoolReport]
    findings: list[FindingReport]
