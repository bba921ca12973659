"""The messages that the application and its runtime print.

Each function gives the text of one log event. A console message ends in a newline because the
console adds one; the runtime's own messages (`boot_message`, `shutdown_message`) have none.
"""

from __future__ import annotations

import json
from typing import Final

from keyrota.logs.write.rows import PROJECT_REF
from keyrota.logs.write.stamps import http_date

LISTENING: Final = "Listening on http://localhost:9999/\n"
"""Printed by the server of every new isolate, 1 to 14 ms after its boot."""


def pick_message(key: int, position: int, size: int) -> str:
    r"""Return the line of one pick, as printed since 2025-11-10.

    Parameters
    ----------
    key
        The n of ``GOOGLE_KEY_n``.
    position
        1-based place in the pool.
    size
        Number of keys that the pool found.

    Examples
    --------
    >>> pick_message(3, 1, 4)
    '🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\n'
    """
    return f"🔑 Using GOOGLE_KEY_{key} (position {position}/{size} in pool)\n"


def pick_message_numbered(pool: str, position: int, size: int) -> str:
    r"""Return the line of one pick, as printed on 2025-11-09: pool and number, no key.

    Examples
    --------
    >>> pick_message_numbered("CHAT", 1, 2)
    '🔑 Using GOOGLE_AI_STUDIO_KEY_CHAT key #1 of 2\n'
    """
    return f"🔑 Using GOOGLE_AI_STUDIO_KEY_{pool} key #{position} of {size}\n"


def pick_message_intermediate(key: int, position: int, size: int) -> str:
    r"""Return the line of one pick in the form that only the application's documents show.

    Examples
    --------
    >>> pick_message_intermediate(1, 1, 4)
    '🔑 Using GOOGLE_KEY_1 (key 1 of 4 in pool)\n'
    """
    return f"🔑 Using GOOGLE_KEY_{key} (key {position} of {size} in pool)\n"


def pool_message(pool: str, size: int) -> str:
    r"""Return the line that follows a pick and names its pool.

    Examples
    --------
    >>> pool_message("CHAT", 2)
    '🔑 Using key pool: CHAT (2 keys available)\n'
    """
    return f"🔑 Using key pool: {pool} ({size} keys available)\n"


def boot_message(ms: int) -> str:
    """Return the runtime's message about a cold start; `ms` is the boot time in milliseconds.

    Examples
    --------
    >>> boot_message(31)
    'booted (time: 31ms)'
    """
    return f"booted (time: {ms}ms)"


def shutdown_message(reason: str | None = None) -> str:
    """Return the runtime's message about an isolate's end; `reason` is text of 2023.

    Examples
    --------
    >>> shutdown_message()
    'shutdown'
    """
    return "shutdown" if reason is None else f"shutdown (reason: {reason})"


def invocation_message(method: str, status: int, function: str) -> str:
    """Return the message of an invocation row.

    Examples
    --------
    >>> invocation_message("POST", 429, "chat")
    'POST | 429 | https://abcdefghijklmnopqrst.supabase.co/functions/v1/chat'
    """
    return f"{method} | {status} | https://{PROJECT_REF}.supabase.co/functions/v1/{function}"


def error_message(
    status: int,
    body: str,
    request_id: str | None = None,
    emoji: bool = True,
    *,
    cut: int | None = None,
) -> str:
    r"""Return the line about a failed call: label, status, the provider's body.

    The body brings its own newline and the console adds one, so that a whole body ends in two.

    Parameters
    ----------
    status
        HTTP status.
    body
        The provider's answer, see `keyrota.logs.write.quota_error_body`.
    request_id
        Printed in brackets since 2025-11-12.
    emoji
        Only the function ``chat`` prints it.
    cut
        Keep so many characters of the body (200 in ``generate-artifact`` since 2025-11-12).

    Examples
    --------
    >>> error_message(429, "{}\n", emoji=False)
    'Google AI Studio error: 429 {}\n\n'
    """
    label = ("🔴 " if emoji else "") + "Google AI Studio error:"
    return f"{_bracketed(request_id)}{label} {status} {body[:cut]}\n"


def headers_message(time_ns: int) -> str:
    r"""Return the line with the response's headers; its date is the provider's clock.

    Examples
    --------
    >>> headers_message(1_762_776_002_000_000_000)[-40:]
    '"date":"Mon, 10 Nov 2025 12:00:02 GMT"}\n'
    """
    headers = {
        "alt-svc": 'h3=":443"; ma=2592000',
        "content-type": "application/json; charset=UTF-8",
        "date": http_date(time_ns),
    }
    return f"🔴 Response headers: {json.dumps(headers, separators=(',', ':'))}\n"


def retry_message(request_id: str, attempt: int, retries: int, delay_ms: int, status: int = 429) -> str:
    r"""Return the line before another attempt; a new pick follows it.

    Examples
    --------
    >>> retry_message("a1b2", 1, 3, 1000)
    '[a1b2] Rate limited (429). Retry 1/3 after 1000ms\n'
    >>> retry_message("a1b2", 2, 3, 2000, status=503)
    '[a1b2] Service overloaded (503). Retry 2/3 after 2000ms\n'
    """
    what = "Rate limited" if status == 429 else "Service overloaded"
    return f"[{request_id}] {what} ({status}). Retry {attempt}/{retries} after {delay_ms}ms\n"


def max_retries_message(request_id: str, status: int = 429) -> str:
    r"""Return the line after the last attempt; the error line that follows is about the same one.

    Examples
    --------
    >>> max_retries_message("a1b2")
    '[a1b2] Max retries exceeded (status: 429)\n'
    """
    return f"[{request_id}] Max retries exceeded (status: {status})\n"


def invalid_format_message(pool: str) -> str:
    r"""Return the warning, between pick and pool line, about a key that does not look like one.

    Examples
    --------
    >>> invalid_format_message("CHAT")[:52]
    '⚠️ Invalid API key format detected in CHAT pool. Exp'
    """
    return (
        f"⚠️ Invalid API key format detected in {pool} pool. Expected format: AIzaSy... (39 characters). "
        "Check your secrets configuration.\n"
    )


def invalid_format_message_numbered(pool: str, position: int) -> str:
    r"""Return the same warning as of 2025-11-09, printed before the pick.

    Examples
    --------
    >>> invalid_format_message_numbered("FIX", 1)
    '⚠️ GOOGLE_AI_STUDIO_KEY_FIX key #1 may be invalid. Expected format: AIzaSy... (39 characters)\n'
    """
    return (
        f"⚠️ GOOGLE_AI_STUDIO_KEY_{pool} key #{position} may be invalid. "
        "Expected format: AIzaSy... (39 characters)\n"
    )


def _bracketed(request_id: str | None) -> str:
    return "" if request_id is None else f"[{request_id}] "
