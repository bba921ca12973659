"""Texts that terminals, pages and runners of pipelines act upon, and what no output may hold."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

FIXED = {
    "schema", "severity", "verdict", "start", "at", "first", "last", "exhausted_at", "window", "what", "day",
    "date", "kind", "cause", "engine", "windows", "exhausted",
}  # fmt: skip
"""Fields of a fixed vocabulary, and times: no text of a log reaches them, and code tells them apart."""

CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What no output may hold: C0 but LF and TAB, DEL, C1, bidirectional controls, separators, surrogates."""

SGR = re.compile(r"\x1b\[[0-9;]{0,12}m")
"""What our own colours are."""

CANARY = "AIzaSyD-{:08d}-canary-0123456789abcdefg"
PIECES = [
    *(chr(code) for code in (*range(32), *range(0x7F, 0xA0))),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\ud800\udfff\ufffd\ue000\U000e0041",
    "\x1b[31m",
    "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\x1bP1$q\x1b\\", "\r\n", "\n::error::x",
    "::set-output name=a::b", "%0A::stop-commands::x", "##[command]", "[/nope]", "[bold red]", "[link=http://x]",
    "$\\frac{1}$", "<script>", "]]>", "&amp;", "`", "```\n", "|", "=cmd|' /C calc'!A0", "@x", "Error: ",
    "keyrota: error: ", "\\x1b", "🔑", "ä", "a" * 90, " " * 30, CANARY.format(7), "?key=opaque-secret-1",
]  # fmt: skip


def texts(number: int, seed: int) -> Iterator[str]:
    """So many texts of pieces that terminals, pages or runners of pipelines act upon."""
    rng = np.random.default_rng(seed)
    for length in rng.integers(1, 6, number):
        yield "".join(PIECES[place] for place in rng.integers(len(PIECES), size=length))


def replaced(
    value: Any, text: Callable[[], str], field: str = "", *, keep: frozenset[str] = frozenset(FIXED)
) -> Any:
    """The same content with another text in every field that holds one, but for the fields to `keep`."""
    if field in keep:
        return value
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        own = {name: replaced(getattr(value, name), text, name, keep=keep) for name in names}
        return msgspec.structs.replace(value, **own)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and field != "reading":
        names = tuple(own.name for own in dataclasses.fields(value) if own.init)
        return dataclasses.replace(
            value, **{n: replaced(getattr(value, n), text, n, keep=keep) for n in names}
        )
    if isinstance(value, str):
        return text()
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, text, field, keep=keep) for item in value)
    if isinstance(value, dict) and field in ("evidence", "key_labels"):
        return {
            f"{text()}{place}": replaced(own, text, keep=keep) for place, own in enumerate(value.values())
        }
    if isinstance(value, dict):
        return {name: replaced(own, text, name, keep=keep) for name, own in value.items()}
    return value
