"""What a rule of the grammar is, and how a message is held against a table of them.

A pattern matches at the start of a message after decoration: emoji in any state of damage, ANSI
colours, blanks, ``[Info]`` or ``[request id]``. So a user's prompt that quotes such a line is no
pick. Patterns are bounded and linear in the length of the message; digits are ASCII digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from keyrota.logs.unread import EMPTY_POOL, KEY_ZERO, UnreadPick, unread_pick


class Parsed(NamedTuple):
    """The typed fields of one message; `kind` is an event kind, or ``fragment``: a line of an error."""

    kind: str
    key: int | None = None
    key_label: str | None = None
    position: int | None = None
    size: int | None = None
    pool: str | None = None
    function: str | None = None
    isolate: str | None = None
    model: str | None = None
    status: int | None = None
    cause: str | None = None
    limit: int | None = None
    retry_after_s: float | None = None
    duration_ms: float | None = None
    time: str | None = None


class Malformed(NamedTuple):
    """A message that matches a rule but whose numbers cannot be true; `pick` says how, if it is a pick."""

    reason: str
    pick: UnreadPick | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the grammar.

    Parameters
    ----------
    name
        For tests and messages.
    kind
        The event kind of a match, or ``fragment``.
    pattern
        Regular expression, matched at the start of the message after decoration. Named groups are
        fields of `Parsed`; ``ms`` is a delay in milliseconds.
    initials
        The characters that a match can begin with, so that most messages are refused by one look-up.
        Empty: any.
    constants
        Fields that the pattern does not capture.
    detail
        Reads more fields from the text of the whole message.
    is_own
        A user's rule: its groups may hold anything, and `detail` converts them.
    matches, rejects
        Samples; a rule without them is an error, and a test runs every one.
    """

    name: str
    kind: str
    pattern: re.Pattern[str]
    initials: str
    matches: tuple[str, ...]
    rejects: tuple[str, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    detail: Callable[[str, dict[str, Any]], None] | None = None
    is_own: bool = False


# Emoji as they are or damaged (never ASCII letters), `?` for a lost one, ANSI colours, JSON escapes
# that nobody decoded, blanks, control characters.
_DECORATION = r"(?:\x1b\[[0-9;]{0,16}[A-Za-z]|\\u[0-9A-Fa-f]{4}|[\x00-\x20?\x7f-\U0010ffff]){0,40}+"
_BLANK = r"(?:\x1b\[[0-9;]{0,16}m|\s){0,40}+"
# `INFO     |`, `info:`, Python's `INFO:root:`, logrus's `INFO[0001]`.
_LEVEL = (
    r"(?:\|\s?)?(?ai:TRACE|DEBUG|INFO|LOG|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)"
    rf"{_BLANK}(?:\||:(?:[A-Za-z0-9_.]{{1,80}}:)?|\[[0-9TZ:.+ -]{{1,40}}\])"
)
_PREFIX = re.compile(
    rf"{_DECORATION}(?:(?:\[[A-Za-z0-9_.:#-]{{1,80}}\]{_BLANK}\|?|{_LEVEL}){_DECORATION}){{0,4}}+"
)

_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "key": int, "position": int, "size": int, "status": int, "limit": int, "duration_ms": float,
}  # fmt: skip


def skip_decoration(message: str) -> int:
    """Return the index at which the words of a message begin."""
    match = _PREFIX.match(message)
    return match.end() if match else 0


class RuleTable:
    """Rules in order, indexed by the character that a match begins with."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.any_initial = tuple(rule for rule in rules if not rule.initials)
        initials = {initial for rule in rules for initial in rule.initials}
        self.by_initial = {
            initial: tuple(rule for rule in rules if not rule.initials or initial in rule.initials)
            for initial in initials
        }

    def parse(self, message: str) -> Parsed | Malformed | None:
        """Return the fields of a message, ``None`` if no rule knows it."""
        start = skip_decoration(message)
        for rule in self.by_initial.get(message[start : start + 1], self.any_initial):
            match = rule.pattern.match(message, start)
            if match:
                return _fields(rule, match, message)
        return None


def _fields(rule: Rule, match: re.Match[str], message: str) -> Parsed | Malformed:
    values: dict[str, Any] = dict(rule.constants)
    for name, text in match.groupdict().items():
        if text is not None:
            convert = _TYPES.get(name) if rule.is_own is False else None
            values[name] = convert(text) if convert else text
    if "ms" in values:
        values["retry_after_s"] = int(values.pop("ms")) / 1000
    if rule.detail is not None:
        rule.detail(message[match.start() :], values)
    key, position, size = values.get("key"), values.get("position"), values.get("size")
    kind = values.pop("kind", rule.kind)
    unread = unread_pick(key, position, size)
    if unread is None:
        return Parsed(kind, **values)
    return Malformed(_reason(unread, position, size), unread if kind == "pick" else None)


def _reason(unread: UnreadPick, position: int | None, size: int | None) -> str:
    if unread.what == KEY_ZERO:
        return "key number 0"
    if unread.what == EMPTY_POOL:
        return EMPTY_POOL
    return f"position {position}" + ("" if size is None else f" in a pool of {size} keys")
