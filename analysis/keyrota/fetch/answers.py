"""What the Management API answers: rows, a passing trouble, or a refusal that says what to do.

The shape is ``{"result": [rows], "error": null}``; an error stands there as a text or as an object
with ``code``, ``message``, ``status`` and ``errors``, with any HTTP status, 200 included.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError, InputError
from keyrota.fetch.access import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

    Headers = Message | Mapping[str, str]

WORDS: Final = 160
"""How much of the API's own words a message shows."""

_KNOWN: Final = frozenset(("result", "error"))
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
# Statuses that a second try may not meet; of the others from 400 to 499 the request itself is wrong.
_PASSING: Final = frozenset((408, 421, 425, 429))


class PassingError(Exception):
    """A trouble that a second try may not meet.

    Attributes
    ----------
    kind
        A word for the count of tries: ``429``, ``503``, ``timeout``.
    wait_s
        How long the server asks to wait, ``None`` if it says nothing.
    """

    def __init__(self, reason: str, kind: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.kind, self.wait_s = kind, wait_s


class TooLongError(Exception):
    """An answer beyond the bound: fewer rows must be asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as the API sent them, and what else it said."""

    rows: list[Any]
    notes: tuple[str, ...] = ()


def answer_of(body: bytes, masked: Callable[[str], str]) -> Answer:
    """Return the rows of a body that came with status 200.

    Parameters
    ----------
    body
        The whole body.
    masked
        Takes the token out of a text.

    Raises
    ------
    PassingError
        If it is cut or no JSON, or holds an error that may pass.
    InputError
        If the query is refused.
    """
    value = _decoded(body)
    if not isinstance(value, dict):
        start = "an HTML page" if body.lstrip()[:1] == b"<" else "no JSON, or a part of it"
        raise PassingError(f"it answered with {start}", "broken answer")
    error = value.get("error")
    if error not in (None, "", {}):
        _raise_error(error, masked)
    rows = value.get("result")
    if not isinstance(rows, list):
        raise PassingError("its answer holds no rows", "broken answer")
    unknown = [shown(masked(name), 30) for name in sorted(value) if name not in _KNOWN]
    if not unknown:
        return Answer(rows)
    note = f"the API's answer also held {listed(unknown)}, which keyrota does not know: rows may be missing"
    return Answer(rows, (note,))


def raise_for_status(
    status: int, reason_body: bytes, headers: Headers, now: float, masked: Callable[[str], str]
) -> NoReturn:
    """Raise what a status other than 200 means.

    Raises
    ------
    PassingError
        If it may pass: 429, 5xx.
    ConfigurationError, InputError
        If it will not, with what to do.
    """
    words = _words(_decoded(reason_body), masked)
    said = f"; it says: {words}" if words else ""
    if status in _PASSING or status >= 500:
        name = "429: too many requests" if status == 429 else str(status)
        raise PassingError(f"it answered {name}{said}", str(status), wait_asked_for(headers, now))
    if 300 <= status < 400:
        raise InputError(
            f"the API answered {status}: it sends elsewhere, where the token is not taken; check --url{said}"
        )
    if status == 401:
        raise ConfigurationError(
            f"the API answered 401: it does not know the token in {VARIABLE}; it may have expired or been "
            f"revoked: make a new one at https://supabase.com/dashboard/account/tokens{said}"
        )
    if status == 403:
        raise ConfigurationError(
            f"the API answered 403: the token in {VARIABLE} may not read this project's logs; it needs the "
            f"permission analytics_logs_read, and an account that is a member of the project{said}"
        )
    if status == 404:
        raise ConfigurationError(
            f"the API answered 404: there is no such project, or no such API at --url; check --project{said}"
        )
    if status == 402:
        raise InputError(
            f"the API answered 402: the plan's quota is used up; see the project's usage and billing{said}"
        )
    raise InputError(f"the API answered {status}: it refused the query{said}")


def wait_asked_for(headers: Headers, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` or the rate limit's reset ask to wait, ``None`` without both.

    Examples
    --------
    >>> wait_asked_for({"Retry-After": "7"}, now=0.0), wait_asked_for({"X-RateLimit-Reset": "41"}, now=0.0)
    (7.0, 41.0)
    >>> wait_asked_for({"Retry-After": "Thu, 01 Jan 1970 00:01:30 GMT"}, now=60.0)
    30.0
    >>> wait_asked_for({"Retry-After": "soon"}, now=0.0) is None
    True
    """
    for name in ("Retry-After", "X-RateLimit-Reset"):
        text = (headers.get(name) or "").strip()
        if _SECONDS.fullmatch(text):
            return float(text)
        if text and name == "Retry-After":
            moment = time_of_header(text)
            if moment is not None:
                return max(0.0, moment - now)
    return None


def time_of_header(text: str | None) -> float | None:
    """Return seconds since 1970 UTC of an HTTP date, ``None`` if it is none.

    Examples
    --------
    >>> time_of_header("Thu, 01 Jan 1970 00:01:30 GMT"), time_of_header("today")
    (90.0, None)
    """
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _decoded(body: bytes) -> Any:
    """Return the JSON value of a body, ``None`` if it is none."""
    try:
        return json.loads(body, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # cannot be written as JSON again
        raise ValueError(text)
    return number


def _refused(name: str) -> NoReturn:
    raise ValueError(name)


def _raise_error(error: Any, masked: Callable[[str], str]) -> NoReturn:
    words = _words({"error": error}, masked) or "an error without words"
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    if str(code)[:1] == "4" and str(code) not in {str(status) for status in _PASSING}:
        raise InputError(f"the API refused the query; it says: {words}")
    # "Backend error! Retry your query." comes with status 200.
    raise PassingError(f"it answered with an error: {words}", "error in the answer")


def _words(value: Any, masked: Callable[[str], str]) -> str:
    """Return the API's own words for an error, fit to be shown; empty if there are none."""
    for _ in range(4):
        if isinstance(value, dict):
            value = next((value[name] for name in ("message", "error", "msg") if value.get(name)), None)
        elif isinstance(value, list) and value:
            value = value[0]
    return shown(masked(value), WORDS) if isinstance(value, str) and value.strip() else ""
