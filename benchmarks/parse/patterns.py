"""The messages that count, as one regular expression that Python, Rust and RE2 all take.

What stands before the words may be an emoji in any state, a colour, a level or an id in brackets. The
expression is anchored there, so that users who quote such a line are not counted. It captures a number or
a word for each kind; which group took part tells the kind.
"""

from __future__ import annotations

from typing import Final

DECORATION: Final = r"(?:[^!-~]|\x1b\[[0-9;]*m|\\u[0-9a-f]{4}|\?|\[[A-Za-z0-9_.:-]+\])*"
"""What may stand before the words."""

_EVENT: Final = (
    r"Using GOOGLE_KEY_(?P<key>[0-9]+) \(position (?P<position>[0-9]+)/(?P<size>[0-9]+) in pool\)<end>",
    r"Using key pool: [A-Z]+ \((?P<keys>[0-9]+) keys available\)",
    r"booted \(time: (?P<duration_ms>[0-9]+)ms\)<end>",
    r"(?P<shutdown>shutdown)<end>",
    r"early termination has been triggered: isolate: (?P<ended>[0-9a-f-]{36})",
    r"(?P<listening>Listening) on https?://[A-Za-z0-9.:/]+<end>",
    r"(?:Rate limited|Service overloaded) \((?P<retried>[0-9]{3})\)\. Retry [0-9]+/[0-9]+ after [0-9]+ms",
    r"POST \| (?P<answered>[0-9]{3}) \| https://[a-z.]+/functions/v1/",
    r"(?P<served>serving) the request with [a-z/]*functions/",
    r"Google AI Studio error: (?:\x1b\[[0-9;]*m)?(?P<refused>429)",
)

GROUPS: Final = (
    "key", "position", "size", "keys", "duration_ms", "shutdown", "ended", "listening", "retried", "answered",
    "served", "refused",
)  # fmt: skip
"""The groups, in order."""

KIND_OF_GROUP: Final = {
    "key": "pick",
    "keys": "pool",
    "duration_ms": "boot",
    "shutdown": "shutdown",
    "ended": "shutdown",
    "listening": "listening",
    "retried": "retry",
    "answered": "invocation",
    "served": "invocation",
    "refused": "rejection",
}
"""The kind of event that a group tells, if it took part."""

LITERALS: Final = (
    "Using GOOGLE_KEY_", "Using key pool: ", "booted (time: ", "shutdown", "early termination has been",
    "Listening on http", "Rate limited (", "Service overloaded (", "POST | ", "serving the request with",
    "Google AI Studio error: ",
)  # fmt: skip
"""Words of which a line that counts holds one; most of the lines that hold one count."""


def event_pattern(end: str = r"\s*$", before: str = "") -> str:
    """Return the expression for a whole message; `end` matches where it ends, `before` where it begins."""
    return before + DECORATION + "(?:" + "|".join(_EVENT).replace("<end>", end) + ")"


def literal_pattern() -> str:
    """Return an expression for any of `LITERALS`."""
    return "|".join(text.replace("(", r"\(").replace("|", r"\|") for text in LITERALS)
