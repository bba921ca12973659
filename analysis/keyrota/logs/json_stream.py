"""A stream of JSON values out of text, one at a time, whatever stands between them.

One array, an array a line, one object a line, objects one after the other, prose before the first
value: the elements of top-level arrays are yielded singly, so that memory does not grow with the
file. A value that cannot be read is skipped to the next place that begins one, and counted.

Where a chunk is one object a line, as in any drain, its lines are decoded at once, which takes a
quarter of the time. That is a short cut and no second reader: what the short cut does not take
whole goes the general way, and both give the same values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

VALUE_LIMIT: Final = 16 << 20
"""Characters that one value may take; a longer one is a bad row."""

PROSE: Final = "text where a JSON object was expected"

_FAST: Final = msgspec.json.Decoder()
_FILL: Final = 1 << 16
_KEPT: Final = 200
_BETWEEN = re.compile(r"[\s,]*")
# Brackets that another follows each open an array: a million of them at once, not one by one.
_BRACKETS = re.compile(r"\[{2,}+")
_AFTER_BRACKET = re.compile(r"\[\s*+(.?)", re.DOTALL)
# What a decoder's error leaves unread if more text may mend it: nothing, half a number, half an escape.
_CUT_TAIL = re.compile(r"\s*+[-+.0-9A-Za-z\\]{0,16}+\s*+")
_LOKI_VALUE = re.compile(r'\["[0-9]{19}"')
# A new line that begins a value, or the next element of a broken one's array: an object, or one of
# Loki's values. Runs of blanks do not overlap, so that a search is linear.
_RESYNC = re.compile(
    r"\n[ \t\r]*+(?=[\[{])"
    r"|(?<=[\]}])[ \t\r]*+,\s*+(?=\{)"
    r"|(?<=[\[\]])(?:[ \t\r]*+,)?\s*+(?=\[\"[0-9]{19}\")"
)


@dataclass(slots=True)
class Value:
    """A decoded value, the physical line where it begins, and how many characters it takes.

    The `length` is 0 where lines were decoded together. `error` says why it could not be read, `is_cut`
    that more text might have mended it.
    """

    value: Any
    line: int
    length: int
    error: str | None = None
    is_cut: bool = False


def decode_json(text: str) -> Any:
    """Return what a text of one JSON value says: as `json.loads`, in a fifth of the time where it can be.

    Raises
    ------
    ValueError
        If the text is not one JSON value.
    RecursionError
        If it is nested too deep.
    """
    try:
        return _FAST.decode(text)
    except (msgspec.MsgspecError, ValueError):
        return json.loads(text)  # NaN, half an emoji: what Python writes and reads


class JsonStream:
    """Iterate over the values of a text that comes in chunks.

    Attributes
    ----------
    truncated
        True if the text ended inside a value or before an array was closed.
    in_array
        True while the values that come are elements of a top-level array.

    Parameters
    ----------
    chunks
        The text, in pieces of any size.
    limit
        Characters that one value may take.
    with_lengths
        Decode value by value, so that each tells its length.
    """

    def __init__(
        self, chunks: Iterable[str], limit: int = VALUE_LIMIT, *, with_lengths: bool = False
    ) -> None:
        self._chunks = iter(chunks)
        self._limit = limit
        self._with_lengths = with_lengths
        self._takes_lines = False
        self._text = ""
        self._at = 0
        self._line = 1
        self._depth = 0
        self.truncated = False

    @property
    def in_array(self) -> bool:
        """Whether the values that come are elements of a top-level array."""
        return self._depth > 0

    def __iter__(self) -> Iterator[Value]:
        """Yield top-level values and the elements of top-level arrays."""
        decode = json.JSONDecoder().raw_decode
        while self._skip_between():
            mark = self._text[self._at]
            if mark == "{" and self._takes_lines and not self._depth:
                self._takes_lines = False  # until more text is read
                for line, value in enumerate(self._whole_lines(), self._line):
                    yield Value(value, line, 0)
                    self._line = line + 1
                continue
            brackets = _BRACKETS.match(self._text, self._at) if mark == "[" else None
            if brackets is not None:
                self._depth += len(brackets[0]) - 1
                self._advance(brackets.end() - 1)
            elif mark == "[" and self._opens_array():
                self._depth += 1
                self._advance(self._at + 1)
            elif mark == "]" and self._depth:
                self._depth -= 1
                self._advance(self._at + 1)
            elif mark == "{" or self._depth or _LOKI_VALUE.match(self._text, self._at):
                yield self._value(decode)
            else:
                yield self._unreadable(PROSE)
        self.truncated |= self._depth > 0

    def _whole_lines(self) -> list[dict[str, Any]]:
        """Consume the lines at hand if each is an object, and return these; else nothing."""
        end = self._text.rfind("\n", self._at) + 1
        lines = self._text[self._at : end]
        number = lines.count("\n")
        # The decoder skips blank lines and takes two objects out of one: each line is to be one.
        if lines.count("\n{") + 1 != number or lines.count("}\n") + lines.count("}\r\n") != number:
            return []
        try:
            values: list[dict[str, Any]] = _FAST.decode_lines(lines)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return []
        if not values or len(values) != number or not all(type(value) is dict for value in values):
            return []
        self._at = end
        return values

    def _opens_array(self) -> bool:
        """Tell an array of rows from prose in brackets: ``[Info]``, ``[1]``."""
        for _ in range(2):
            match = _AFTER_BRACKET.match(self._text, self._at)
            if match is None or match[1] or not self._fill(_FILL):
                break
        return match is not None and match[1] in ("", "[", "{", "]")

    def _value(self, decode: Any) -> Value:
        wanted = _FILL
        while True:
            try:
                value, end = decode(self._text, self._at)
            except RecursionError:
                return self._unreadable("nested too deep")
            except ValueError as error:
                # Cut by the chunk, or broken? Broken, if more text does not help.
                may_grow = self._may_grow(error)
                if may_grow and len(self._text) - self._at > self._limit:
                    return self._unreadable(f"a JSON value of more than {self._limit:,} characters")
                if may_grow and self._fill(wanted):
                    wanted *= 2
                    continue
                self.truncated |= may_grow
                return self._unreadable("the JSON is broken", is_cut=may_grow)
            found = Value(value, self._line, end - self._at)
            self._advance(end)
            return found

    def _may_grow(self, error: ValueError) -> bool:
        """Say whether the error lies at the end of what was read, so that more text may mend it."""
        if not isinstance(error, json.JSONDecodeError):
            return False  # a number of too many digits
        is_open = error.msg.startswith("Unterminated string")
        return is_open or _CUT_TAIL.fullmatch(self._text, error.pos) is not None

    def _unreadable(self, reason: str, *, is_cut: bool = False) -> Value:
        """Skip to the next place that can begin a value, and say that something was skipped."""
        skipped = Value(None, self._line, 0, reason, is_cut)
        while True:
            start = self._at
            match = _RESYNC.search(self._text, start + 1)
            # The place may lie across two chunks, with some blanks in it.
            to = match.end() if match else max(start + 1, len(self._text) - _KEPT)
            skipped.length += to - start
            self._advance(to)
            if match:
                break
            if not self._fill(_FILL):
                skipped.length += len(self._text) - self._at
                self._advance(len(self._text))
                break
        return skipped

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
        self._text = "".join(pieces)
        self._takes_lines = not self._with_lengths
        return got > 0
