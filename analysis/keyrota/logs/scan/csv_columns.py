"""What the compiled reader of CSV needs to know of a header: which column holds what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.logs.tables import csv_header, is_all_quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The names that `keyrota.logs.objects` looks for, in its order.
_MESSAGES: Final = (
    "event_message", "message", "msg", "log", "line", "text", "textPayload", "event_name", "body",
)  # fmt: skip
_TIMES: Final = ("timestamp", "ts", "time", "@timestamp", "datetime", "date", "created_at")
_PLACES: Final = ("metadata", "log_attributes", "attributes", "event")
_PATHS: Final = (
    "pathname", "request.pathname", "request_pathname", "url", "request.url", "request", "service_path",
)  # fmt: skip

# What a column is to the kernel.
IGNORED, MESSAGE_CELL, TIME_CELL, ID_CELL, ISOLATE_CELL, FUNCTION_ID_CELL = range(6)
PLACE_CELL, STATUS_CELL, DURATION_CELL, REASON_CELL, PATH_CELL = range(6, 11)
_ROLES: Final = {
    "id": ID_CELL,
    "_id": ID_CELL,
    "insertId": ID_CELL,
    "execution_id": ISOLATE_CELL,
    "function_id": FUNCTION_ID_CELL,
    "status_code": STATUS_CELL,
    "response.status_code": STATUS_CELL,
    "response_status_code": STATUS_CELL,
    "execution_time_ms": DURATION_CELL,
    "reason": REASON_CELL,
    **dict.fromkeys(_PLACES, PLACE_CELL),
    **dict.fromkeys(_PATHS, PATH_CELL),
}
_CHECKED_TIMES: Final = ("timestamp", "ts", "time")

# The header, in an array: so many columns, which is the message, whether rows without a message that is
# known may be events, how many columns hold times, up to three of these that a spreadsheet may have damaged;
# then the role of each column, and where the cells of the row at hand begin and end.
WIDTH, MESSAGE_COLUMN, HAS_STATUS, TIMES_HELD, CHECKED = range(5)
HEAD: Final = CHECKED + len(_CHECKED_TIMES)


def columns_of(header: str) -> NDArray[np.int64] | None:
    """Return what the kernel needs to know of a header, ``None`` if its rows are the general reader's.

    That is the older export (all quoted), another delimiter than a comma, no column with a message, and
    names that stand twice or mean the same. The array has room for the cells of a row: one for each thread.

    Examples
    --------
    >>> columns_of("event_message,id,timestamp").tolist()[:2]
    [3, 0]
    >>> columns_of("id;event_message;timestamp") is None
    True
    """
    told = csv_header(header)
    if told is None or told[1] != "," or is_all_quoted(header):
        return None
    names = told[0]
    message: str | None = next((name for name in _MESSAGES if name in names), None)
    roles = [_ROLES.get(name, IGNORED) for name in names]
    is_twofold = any(roles.count(role) > 1 for role in (ID_CELL, STATUS_CELL))
    if message is None or "ddsource" in names or len(set(names)) < len(names) or is_twofold:
        return None
    roles[names.index(message)] = MESSAGE_CELL
    times = [name for name in _TIMES if name in names]
    if times:
        roles[names.index(times[0])] = TIME_CELL
    columns = np.zeros(HEAD + 3 * len(names), dtype=np.int64)
    columns[WIDTH], columns[MESSAGE_COLUMN] = len(names), names.index(message)
    columns[HAS_STATUS] = STATUS_CELL in roles or PLACE_CELL in roles
    columns[TIMES_HELD] = len(times)
    checked = [names.index(name) for name in _CHECKED_TIMES if name in names and name != message]
    columns[CHECKED:HEAD] = [*checked, -1, -1, -1][: len(_CHECKED_TIMES)]
    columns[HEAD : HEAD + len(names)] = roles
    return columns
