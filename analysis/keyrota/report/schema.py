"""The structure of a report, as ``--format json`` prints it.

The schema is a contract: a field may be added; none is renamed or removed without a new number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from keyrota.report.comparison import ComparisonReport

if TYPE_CHECKING:
    from keyrota.findings.rule import Finding

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
    """One key of a pool; shares are fractions of the pool's picks, the interval is simultaneous at 95 %.

    `rejections` is the expected number of its 429s: those whose key is uncertain count in part. Peaks are
    the most calls in a calendar minute UTC and on a Pacific day; headroom is the limit less the peak.
    """

    key: int | None
    position: int | None
    picks: int
    share: float
    expected_share: float
    share_low: float
    share_high: float
    rejections: float = 0.0
    peak_per_minute: int | None = None
    peak_per_day: int | None = None
    minute_headroom: int | None = None
    day_headroom: int | None = None


class FairnessReport(msgspec.Struct, frozen=True):
    """The verdict, its p-value (adjusted for the number of pools), the null, and the picks needed for one.

    `unread_picks` are pick lines that may be the pool's and could not be read, too many for a verdict.
    """

    verdict: Literal["fair", "unfair", "not enough data"]
    p_value: float | None
    null: str
    picks_needed: int | None
    unread_picks: int = 0


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


class ReactionReport(msgspec.Struct, frozen=True):
    """What the client does on a 429, as the log shows it.

    `kind` is fail, failover (the next key at once), backoff (waits `base_s` and calls again) or unknown;
    `tries` is the most calls of a request, `gives_up_after` that of most requests that gave up.
    """

    kind: str
    rejected: int
    followed: int
    base_s: float | None
    tries: int
    gives_up_after: int | None = None


class RejectionsReport(msgspec.Struct, frozen=True):
    """429s: how many, as a share of picks, by cause, and the time of the first.

    `share` is null where the log shows fewer picks than 429s: picks are missing then.
    `attributed_share` is the share of them whose key is certain. `request_share` is that of the requests
    that end in one, after all tries. `cause_told_by` counts causes that the error states, that the replay of
    the calls tells, and that stay unknown. The replay `explained` 429s by a full window; `unexplained` came
    while there was room, `not_judged` could not be replayed, and `missing` calls passed a full window.
    Of the 429s `by_full_minute`, `another_key_had_room` came while another key had room.
    `not_the_providers` are answers with a 429 that no 429 of the provider stands behind.
    """

    count: int
    share: float | None
    by_cause: dict[str, int]
    first: str | None
    attributed_share: float | None
    request_share: float | None = None
    requests: int = 0
    cause_told_by: dict[str, int] = {}
    explained: int = 0
    unexplained: int = 0
    not_judged: int = 0
    missing: int = 0
    by_full_minute: int = 0
    another_key_had_room: int = 0
    not_the_providers: int = 0
    reaction: ReactionReport | None = None


class LimitReport(msgspec.Struct, frozen=True):
    """One limit: declared, stated by most errors of the last 24 hours, estimated from what passed and failed.

    `low` and `high` bound the limits that explain the log nearly as well (within 1000 to 1); `in_force` is
    the one that the replay uses.
    """

    declared: int | None
    stated: int | None
    estimated: int | None
    low: int | None
    high: int | None
    in_force: int | None


class LimitsReport(msgspec.Struct, frozen=True):
    """The limits of a key, and how the minute counts: fixed, sliding or unknown.

    Of the `delays` that errors by the minute state, `on_the_minute` end on a full minute.
    """

    per_minute: LimitReport
    per_day: LimitReport
    window: str
    delays: int
    on_the_minute: int


class UseReport(msgspec.Struct, frozen=True):
    """An hour (UTC) or a Pacific day with picks or 429s; `start` is ISO 8601 UTC.

    `by_cause` counts the 429s by what their errors state, else by what the replay of the calls tells.
    `peak_key_per_minute` is the most calls of one key in a calendar minute UTC that begins in it,
    `peak_key_per_day` the most calls of one key from Pacific midnight to its end.
    """

    start: str
    picks: int
    picks_per_key: dict[str, int]
    rejections: int
    rejected_share: float | None
    by_cause: dict[str, int] = {}
    peak_key_per_minute: int | None = None
    peak_key_per_day: int | None = None


class ChangePointReport(msgspec.Struct, frozen=True):
    """The largest change over time of the shares of the keys, or of the share of 429s.

    `p_value` is null where it is only described; `is_restart` tells whether it falls together with a
    restart of the isolates, as a deployment makes one, and `signs` by what.
    """

    at: str
    what: str
    keys: list[int]
    before: list[float]
    after: list[float]
    p_value: float | None
    is_beyond_chance: bool
    is_restart: bool
    signs: list[str]


class OverTimeReport(msgspec.Struct, frozen=True):
    """Picks and 429s by hour and by Pacific day, and the largest changes."""

    hours: list[UseReport]
    days: list[UseReport]
    changes: list[ChangePointReport]


class DayReport(msgspec.Struct, frozen=True):
    """Use of one Pacific day: picks, the pool's daily limit, and when the first key was exhausted.

    `is_whole` tells whether the log covers the day from its midnight; `exhausted` has the time for each key.
    """

    date: str
    picks: int
    limit: int | None
    exhausted_at: str | None
    is_whole: bool = True
    exhausted: dict[str, str] = {}


class UsageReport(msgspec.Struct, frozen=True):
    """Peak picks in a calendar minute (UTC), of the pool and of one key, and the Pacific days."""

    peak_per_minute: int | None
    peak_key_per_minute: int | None
    days: list[DayReport]


class RunReport(msgspec.Struct, frozen=True):
    """One isolate: the time of its first pick, how many it made, and the positions of the first of them."""

    first: str | None
    size: int
    picks: int
    positions: list[int]


class PoolReport(msgspec.Struct, frozen=True):
    """One pool; `runs` are the few isolates with the most picks."""

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
    limits: LimitsReport | None = None
    shared: list[list[int]] = []
    over_time: OverTimeReport | None = None
    runs: list[RunReport] = []


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

    @classmethod
    def of(cls, finding: Finding, **more: Any) -> Self:
        """Return a finding as JSON has it, with whatever a kind of report tells beside it."""
        return cls(
            code=finding.code,
            name=finding.name,
            severity=finding.severity,
            pool=finding.pool,
            keys=list(finding.keys),
            message=finding.message,
            evidence=dict(finding.evidence),
            remedy=finding.remedy,
            **more,
        )


class Report(msgspec.Struct, frozen=True):
    """A report on the logs of a key pool."""

    schema: str
    version: str
    input: InputReport
    span: SpanReport
    alpha: float
    pools: list[PoolReport]
    findings: list[FindingReport]
    comparison: ComparisonReport | None = None
