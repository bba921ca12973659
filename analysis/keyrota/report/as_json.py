"""A report as JSON: keys sorted, no NaN, times ISO 8601 UTC, no character that a terminal obeys."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from keyrota.display import visible_json


def as_json(content: Any) -> str:
    """Return a report, or any structure of plain values, as indented JSON text with a final newline."""
    return visible_json(msgspec.json.format(_encoded(content), indent=2).decode()) + "\n"


def as_json_line(content: Any, *, is_sorted: bool = True) -> str:
    """Return the same on one line, for a stream of them; or in the order of the content."""
    return visible_json(_encoded(content, "sorted" if is_sorted else None).decode()) + "\n"


def _encoded(content: Any, order: Literal["sorted"] | None = "sorted") -> bytes:
    try:
        return msgspec.json.encode(content, order=order)
    except UnicodeEncodeError:  # half a character: of a file's name that is no UTF-8, or of a log's escape
        return msgspec.json.encode(_whole(msgspec.to_builtins(content)), order=order)


def _whole(value: Any) -> Any:
    """Return the value with U+FFFD for what is no character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(name): _whole(own) for name, own in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
