"""Plain text, line by line, to records: what stands before the message is taken off and read.

Docker's RFC 3339 time, compose's service name, a logging library's time, logfmt. Every physical line is a
record: the lines of an error's body are put together again after reading, because a log shipper
makes rows of them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from keyrota.logs.record import Record
from keyrota.logs.times import ISO, time_ns

# `supabase-edge-functions  | `, coloured on a terminal.
_SERVICE: Final = r"(?:(?:\x1b\[[0-9;]{0,16}m)*[A-Za-z0-9_.-]{1,80}\s{1,40}\|(?:\x1b\[[0-9;]{0,16}m)*[ ]?)?"
_LOGFMT: Final = r"(?:time=\"(?P<logfmt>[^\"]{10,40})\"(?: level=[a-z]{1,10})?(?: msg=\"?)?)"
_TIME: Final = rf"(?:\[?(?P<time>{ISO})\]?(?:\s\|\s|[ \t]|$))"
_PREFIX = re.compile(rf"\ufeff?{_SERVICE}(?:{_TIME}|{_LOGFMT})?")


def text_records(lines: Iterable[str]) -> Iterator[Record]:
    """Yield a record for every physical line, blank ones too.

    Examples
    --------
    >>> next(text_records(["2025-11-10T12:00:01.5Z [Info] shutdown"])).message
    '[Info] shutdown'
    """
    for number, line in enumerate(lines, start=1):
        match = _PREFIX.match(line)
        if match is None or match.end() == 0:
            yield Record(number, line)
            continue
        stamp = match["time"] or match["logfmt"]
        yield Record(number, line[match.end() :], time_ns=time_ns(stamp) if stamp else None, raw=line)
