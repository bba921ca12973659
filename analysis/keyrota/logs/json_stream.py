"""A stream of JSON values out of text, one at a time, whatever stands between them.

One array, an array a line, one object a line, objects one after the other, prose before the first
value: the elements of top-level arrays are yielded singly, so that memory does not grow with the
file. A value that cannot be read is skipped to the next line that begins one, and counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

VALUE_LIMIT: Final = 16 << 20
"""Characters that one value may take; a longer one is a bad row."""

_BETWEEN = re.compile(r"[\s,\ufeff]*")
_RESYNC = re.compile(r"\n\s*(?=[\[{])|(?<=\})\s*,\s*(?=\{)")


@dataclass(slots=True)
class Value:
    """A decoded value and the physical line where it begins; `error` says why it could not be read."""

    value: Any
    line: int
    error: str | None = None


class JsonStream:
    """Iterate over the values of a text that comes in chunks.

    Attributes
    ----------
    truncated
        True if the text ended inside a value or before an array was closed.
    in_array
        True while the values that come are elements of a top-level array.
    """

    def __init__(self, chunks: Iterable[str], limit: int = VALUE_LIMIT) -> None:
        self._chunks = iter(chunks)
        self._limit = limit
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False
        self.truncated = False
        self.in_array = False

    def __iter__(self) -> Iterator[Value]:
        """Yield top-level values and the elements of top-level arrays."""
        decode = json.JSONDecoder().raw_decode
        while self._skip_between():
            mark = self._text[self._at]
            if mark == "[" and not self.in_array:
                self.in_array = True
                self._advance(self._at + 1)
            elif mark == "]" and self.in_array:
                self.in_array = False
                self._advance(self._at + 1)
            elif mark in "{[":
                yield from self._value(decode)
            else:
                yield from self._unreadable("text where a JSON object was expected")
        self.truncated |= self.in_array

    def _value(self, decode: Any) -> Iterator[Value]:
        wanted = 1 << 16
        while True:
            try:
                value, end = decode(self._text, self._at)
            except RecursionError:
                yield from self._unreadable("nested too deep")
                return
            except ValueError as error:
                # Cut by the chunk, or broken? Broken, if more text does not help.
                if len(self._text) - self._at < self._limit and self._may_grow(error) and self._fill(wanted):
                    wanted *= 2
                    continue
                self.truncated |= self._ended and self._may_grow(error)
                yield from self._unreadable("the JSON is broken")
                return
            line = self._line
            self._advance(end)
            yield Value(value, line)
            return

    def _may_grow(self, error: ValueError) -> bool:
        """Say whether the error lies at the end of what was read, so that more text may mend it."""
        position = getattr(error, "pos", 0)
        unterminated = str(error).startswith("Unterminated string")
        return unterminated or position >= len(self._text) - 16

    def _unreadable(self, reason: str) -> Iterator[Value]:
        """Skip to the next place that can begin a value, and say that something was skipped."""
        line = self._line
        while True:
            match = _RESYNC.search(self._text, self._at + 1)
            if match:
                self._advance(match.end())
                break
            # Keep the last characters: the place may lie across two chunks.
            self._advance(max(self._at + 1, len(self._text) - 1))
            if not self._fill(1 << 16):
                self._advance(len(self._text))
                break
        yield Value(None, line, reason)

    def _skip_between(self) -> bool:
        while True:
            match = _BETWEEN.match(self._text, self._at)
            if match is not None:
                self._advance(match.end())
            if self._at < len(self._text):
                return True
            if not self._fill(1):
                return False

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _fill(self, wanted: int) -> bool:
        """Read at least `wanted` more characters, dropping what was consumed; false at the end."""
        pieces = [self._text[self._at :]]
        self._at = 0
        got = 0
        for chunk in self._chunks:
            pieces.append(chunk)
            got += len(chunk)
            if got >= wanted:
                break
        else:
            self._ended = True
        self._text = "".join(pieces)
        return got > 0
