"""What a Gemini error body says: the cause of a 429, the limit, the model, the delay.

The body reaches a log whole, cut at 200 characters, escaped inside JSON, as a Python repr, or line
by line. So nothing is decoded: the fields are found by bounded patterns that take any of these
spellings. The shapes are those of four generations of the API (2025 to 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

# A quote as it is, escaped once or more, doubled by CSV, or Python's.
_Q: Final = r"[\\\"']{1,8}"
_SEP: Final = r"\s{0,8}:\s{0,8}"

_QUOTA_ID = re.compile(rf"{_Q}quotaId{_Q}{_SEP}{_Q}([A-Za-z0-9_-]{{1,120}})")
_QUOTA_VALUE = re.compile(rf"{_Q}quotaValue{_Q}{_SEP}{_Q}?([0-9]{{1,15}})")
_DIMENSION_MODEL = re.compile(rf"{_Q}model{_Q}{_SEP}{_Q}([A-Za-z0-9._/-]{{1,80}})")
_METRIC_LINE = re.compile(
    r"Quota exceeded for metric: [A-Za-z0-9._-]{1,80}/([a-z0-9_]{1,80}), limit: ([0-9]{1,15})"
    r"(?:, model: ([A-Za-z0-9._/-]{1,80}))?"
)
DELAY: Final = re.compile(rf"(?:retry in |retryDelay{_Q}{_SEP}{_Q})([0-9][0-9.hms]{{0,40}}s)")
_DELAY_PROTOBUF = re.compile(r"retry_delay\s{0,8}\{\s{0,20}seconds:\s{0,8}([0-9]{1,9})")
_DURATION = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,12})?)(ms|s))?")

# The most lasting cause decides when a body names several: a key without quota never comes back,
# a day outlasts a minute.
_SEVERITY: Final = ("unknown", "per-minute", "tokens-per-minute", "per-day", "no-quota")


_REMEMBERED: Final = 1024
"""Errors that are remembered: a log has a few, again and again with another delay."""


class QuotaError(NamedTuple):
    """What is known of one 429."""

    cause: str = "unknown"
    limit: int | None = None
    model: str | None = None
    retry_after_s: float | None = None


def parse_quota_error(text: str) -> QuotaError:
    """Return what the text of an error says about the quota that was exceeded.

    The cause comes from ``quotaId`` alone: minute and day share a metric name, and a daily
    violation carries a short delay.

    Examples
    --------
    >>> parse_quota_error('{"quotaId": "GenerateRequestsPerDayPerProject", "quotaValue": "50"}')
    QuotaError(cause='per-day', limit=50, model=None, retry_after_s=None)
    >>> parse_quota_error("limit: 0, model: x. Please retry in 1m5s.").retry_after_s
    65.0
    """
    worst = max(_violations(text), key=lambda v: _SEVERITY.index(v[0]), default=("unknown", None))
    dimension = _DIMENSION_MODEL.search(text)
    line = _METRIC_LINE.search(text)
    model = dimension[1] if dimension else line[3] if line else None
    return QuotaError(worst[0], worst[1], model, _delay_s(text))


def parse_quota_errors(texts: Iterable[str]) -> Iterator[QuotaError]:
    """Yield what each text of an error says: `parse_quota_error`, once for texts that differ in delays alone.

    Examples
    --------
    >>> texts = ("limit: 0. Please retry in 5s.", "limit: 0. Please retry in 7s.")
    >>> [error.retry_after_s for error in parse_quota_errors(texts)]
    [5.0, 7.0]
    """
    known: dict[tuple[str, ...], QuotaError] = {}
    for text in texts:
        pieces = DELAY.split(text)
        kind = tuple(pieces[::2])
        error = known.get(kind)
        if error is None:
            error = parse_quota_error(text)
            if len(known) < _REMEMBERED:
                known[kind] = error
        elif len(kind) > 1:
            error = error._replace(retry_after_s=duration_s(pieces[1]))
        yield error


def duration_s(text: str) -> float | None:
    """Return a duration as the API spells it, in seconds.

    Examples
    --------
    >>> [duration_s(t) for t in ("36s", "361.5ms", "1m5s", "9h37m19.9s", "later")]
    [36.0, 0.3615, 65.0, 34639.9, None]
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    hours, minutes, seconds, unit = match.groups()
    whole, _, fraction = (seconds or "0").partition(".")
    # One division of whole numbers: a sum of floats may be off in its last digit.
    in_seconds: int = 10 ** len(fraction) * (1000 if unit == "ms" else 1)
    minutes_s = int(hours or 0) * 3600 + int(minutes or 0) * 60
    return (minutes_s * in_seconds + int(whole + fraction)) / in_seconds


def _violations(text: str) -> Iterator[tuple[str, int | None]]:
    """Yield the cause and the limit of each violation, from the details and the message lines."""
    ids = list(_QUOTA_ID.finditer(text))
    ends = [match.start() for match in ids[1:]] + [len(text)] * bool(ids)
    # The lines of one violation may come scrambled; of several, each value follows its id.
    is_one = len(ids) == 1
    zero_limits = any(int(line[2]) == 0 for line in _METRIC_LINE.finditer(text))
    for match, end in zip(ids, ends, strict=True):
        value = _QUOTA_VALUE.search(text, 0 if is_one else match.end(), end)
        limit = int(value[1]) if value else None
        # The value of a limit of 0 is left out of the details; only the message then tells it.
        if limit == 0 or (limit is None and zero_limits):
            yield "no-quota", 0
        else:
            yield _cause_of_id(match[1]), limit
    for line in _METRIC_LINE.finditer(text):
        limit = int(line[2])
        if limit == 0:
            yield "no-quota", 0
        elif not ids:
            yield ("tokens-per-minute" if "token" in line[1] else "unknown"), limit


def _cause_of_id(quota_id: str) -> str:
    if "PerDay" in quota_id:
        return "per-day"
    if "Token" in quota_id and "PerMinute" in quota_id:
        return "tokens-per-minute"
    return "per-minute" if "PerMinute" in quota_id else "unknown"


def _delay_s(text: str) -> float | None:
    match = DELAY.search(text)
    if match:
        return duration_s(match[1])
    protobuf = _DELAY_PROTOBUF.search(text)
    return float(protobuf[1]) if protobuf else None
