"""What the words of errors say, remembered: a log has a few errors, again and again with another delay."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from keyrota.logs.collect import MESSAGES_REMEMBERED, TEXT_LENGTH
from keyrota.logs.gemini import DELAY, duration_s
from keyrota.logs.rules import Parsed, RuleTable

_DELAY: Final = re.compile(DELAY.pattern.encode())

_REQUEST: Final = re.compile(rb'"?\[[0-9a-f]{8}\] ')
"""A request's id before the words, as it may stand in a cell of CSV too."""


class _Fragments(dict[bytes, str]):
    """Lines of errors' bodies: there are few, again and again, and what is there needs no call."""

    def __init__(self, text_of: Callable[[bytes], str]) -> None:
        super().__init__()
        self._text_of = text_of

    def __missing__(self, message: bytes) -> str:
        text = self._text_of(message)[:TEXT_LENGTH]
        if len(self) < MESSAGES_REMEMBERED:
            self[message] = text
        return text


class Errors:
    """Reads the words of errors.

    Parameters
    ----------
    rules
        The grammar.
    text_of
        Makes the bytes of a message its text.

    Attributes
    ----------
    said
        What rejections say, each thing once while there are not too many.
    fragments
        The words that are kept of a line of an error's body, by its bytes.
    """

    def __init__(self, rules: RuleTable, text_of: Callable[[bytes], str]) -> None:
        self._rules = rules
        self._text_of = text_of
        self.fragments = _Fragments(text_of)
        self._kinds: dict[bytes, Parsed] = {}
        self._rejections: dict[tuple[bytes, bytes], int] = {}
        self.said: list[Parsed] = []

    def rejection(self, message: bytes) -> tuple[str, int]:
        """Return the words kept of a rejection, none if it says its cause, and its place in `said`.

        That is -1 if the grammar, which has the last word, does not know it.
        """
        kind, delays = _told_apart(message)
        first = kind, delays[0] if delays else b""
        place = self._rejections.get(first, -1)
        if place < 0:
            parsed = self._rejection(message, kind, delays)
            if parsed is None:
                return "", -1
            place = len(self.said)
            self.said.append(parsed)
            if kind in self._kinds and len(self._rejections) < MESSAGES_REMEMBERED:
                self._rejections[first] = place
        is_told = self.said[place].cause not in (None, "unknown")
        return "" if is_told else self._text_of(message)[:TEXT_LENGTH], place

    def _rejection(self, message: bytes, kind: bytes, delays: list[bytes]) -> Parsed | None:
        parsed = self._kinds.get(kind)
        if parsed is not None:
            if delays:
                parsed = parsed._replace(retry_after_s=duration_s(delays[0].decode()))
        else:
            text = self._text_of(message)
            found = self._rules.parse(text)
            if not isinstance(found, Parsed) or found.kind != "rejection":
                return None
            # Decoded, the words may show a delay that the bytes do not, or a longer one.
            if [delay[1].encode() for delay in DELAY.finditer(text)] != delays:
                return found
            parsed = found
            if len(self._kinds) < MESSAGES_REMEMBERED:
                self._kinds[kind] = parsed
        return parsed


def _told_apart(message: bytes) -> tuple[bytes, list[bytes]]:
    """Return a rejection without a request's id and without its delays, and these."""
    request = _REQUEST.match(message)
    pieces = _DELAY.split(message[request.end() :] if request else message)
    return b"\0".join(pieces[::2]), pieces[1::2]
