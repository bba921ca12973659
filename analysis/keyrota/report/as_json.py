"""A report as JSON: keys sorted, no NaN, times ISO 8601 UTC."""

from __future__ import annotations

from typing import Any

import msgspec


def as_json(content: Any) -> str:
    """Return a report, or any structure of plain values, as indented JSON text with a final newline."""
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2).decode() + "\n"
