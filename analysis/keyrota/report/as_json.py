"""A report as JSON: keys sorted, no NaN, times ISO 8601 UTC, no character that a terminal obeys."""

from __future__ import annotations

from typing import Any

import msgspec

from keyrota.display import visible_json


def as_json(content: Any) -> str:
    """Return a report, or any structure of plain values, as indented JSON text with a final newline."""
    try:
        encoded = msgspec.json.encode(content, order="sorted")
    except UnicodeEncodeError:  # half a character: of a file's name that is no UTF-8
        encoded = msgspec.json.encode(_whole(msgspec.to_builtins(content)), order="sorted")
    return visible_json(msgspec.json.format(encoded, indent=2).decode()) + "\n"


def _whole(value: Any) -> Any:
    """Return the value with U+FFFD for what is no character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(name): _whole(own) for name, own in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
