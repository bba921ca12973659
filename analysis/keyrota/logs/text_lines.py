"""Plain text, line by line, to records: what stands before the message is taken off and read.

Docker's RFC 3339 time, compose's service name, a logging library's time, logfmt, a whole line of
JSON. Every physical line is a record: the lines of an error's body are put together again after
reading, because a log shipper makes rows of them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from keyrota.logs.json_stream import decode_json
from keyrota.logs.objects import has_time, records_of
from keyrota.logs.record import Record
from keyrota.logs.times import ISO, time_ns

# `supabase-edge-functions  | `, coloured on a terminal.
_COLOUR: Final = r"\x1b\[[0-9;]{0,16}m"
_SERVICE: Final = rf"(?:(?:{_COLOUR}){{0,8}}[A-Za-z0-9_.-]{{1,80}}\s{{1,40}}\|(?:{_COLOUR}|[ ]){{0,9}})?"
_LOGFMT: Final = rf"(?:time=\"?(?P<logfmt>{ISO})\"?(?: level=[A-Za-z]{{1,10}})?(?: msg=\"?)?)"
# `INFO[2025-11-10 12:00:01] ` on a terminal; after docker's time, Kubernetes names the stream.
_TIME: Final = (
    rf"(?:(?:{_COLOUR})?[A-Z]{{4,7}}(?:{_COLOUR})?(?=\[))?\[?(?P<time>{ISO})\]?"
    r"(?: std(?:out|err) [FP] |\s\|\s|[ \t]|$)"
)
_PREFIX = re.compile(rf"{_SERVICE}(?:{_TIME}|{_LOGFMT})?")


def text_records(lines: Iterable[str]) -> Iterator[Record]:
    """Yield a record for every physical line, blank ones too.

    Examples
    --------
    >>> next(text_records(["2025-11-10T12:00:01.5Z [Info] shutdown"])).message
    '[Info] shutdown'
    """
    for number, line in enumerate(lines, start=1):
        match = _PREFIX.match(line)
        end = match.end() if match else 0
        stamp = (match["time"] or match["logfmt"]) if match and end else None
        ns = time_ns(stamp) if stamp else None
        if line.endswith("}") and line.startswith("{", end):
            structured = _structured(line[end:], number)
            if structured is not None:
                structured.time_ns = structured.time_ns or ns
                yield structured
                continue
        yield Record(number, line[end:], time_ns=ns, raw=line) if end else Record(number, line)


def _structured(text: str, number: int) -> Record | None:
    """Return the row of a logging library that prints JSON; any other object is part of the text."""
    try:
        value = decode_json(text)
    except (ValueError, RecursionError):
        return None
    if not has_time(value):
        return None
    records = list(records_of(value, number))
    return records[0] if len(records) == 1 and isinstance(records[0], Record) else None
