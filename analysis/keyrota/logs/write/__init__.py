"""Log rows to bytes, in every shape in which such logs reach a user: the reader's other direction.

A simulated day becomes a log file that the reader reads back; tests and samples are made the same way.
"""

from keyrota.logs.write.from_events import function_id, rows_of, write_events_as_log
from keyrota.logs.write.gemini import go_duration, overloaded_body, quota_error_body
from keyrota.logs.write.messages import (
    LISTENING,
    boot_message,
    error_message,
    headers_message,
    invalid_format_message,
    invalid_format_message_numbered,
    invocation_message,
    max_retries_message,
    pick_message,
    pick_message_intermediate,
    pick_message_numbered,
    pool_message,
    retry_message,
    shutdown_message,
)
from keyrota.logs.write.rows import LogRow, newest_first, scrambled_ties
from keyrota.logs.write.shapes import SHAPES, Shape, shape_of, write_log

__all__ = [
    "LISTENING",
    "SHAPES",
    "LogRow",
    "Shape",
    "boot_message",
    "error_message",
    "function_id",
    "go_duration",
    "headers_message",
    "invalid_format_message",
    "invalid_format_message_numbered",
    "invocation_message",
    "max_retries_message",
    "newest_first",
    "overloaded_body",
    "pick_message",
    "pick_message_intermediate",
    "pick_message_numbered",
    "pool_message",
    "quota_error_body",
    "retry_message",
    "rows_of",
    "scrambled_ties",
    "shape_of",
    "shutdown_message",
    "write_events_as_log",
    "write_log",
]
