"""Users' own patterns for the lines of other projects' logs: ``[[rule]]`` sections, compiled.

A pattern is held against the message after decoration, so that it need not care for emoji, colours
or levels; one that reads the ``time`` itself is held against the whole line.
"""

from __future__ import annotations

import re
from typing import Any, Final

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.rules import Rule, RuleTable
from keyrota.logs.text_lines import text_records
from keyrota.pools.declared import PoolConfig, RuleSpec

GROUPS: Final = ("key", "position", "size", "pool", "model", "time", "function", "status")
"""The named groups that a rule may have."""

_NUMBER = re.compile(r"[0-9]{1,6}")


def rule_table(config: PoolConfig) -> RuleTable:
    """Return the grammar with the configuration's own rules tried first.

    Raises
    ------
    ConfigurationError
        If a pattern is no regular expression, has an unknown group, says nothing, or does not do to
        its own samples what they say.
    """
    own = tuple(_compiled(spec, config.source) for spec in config.rules)
    return RuleTable((*own, *GRAMMAR)) if own else DEFAULT_RULES  # by which a log may be scanned


def _compiled(spec: RuleSpec, source: str) -> Rule:
    place = f"{source}: rule {shown(spec.name)}"
    try:
        pattern = re.compile(spec.pattern, re.IGNORECASE if spec.ignore_case else 0)
    except re.error as error:
        raise ConfigurationError(
            f"{place}: pattern: {error}; Python's regular expressions are allowed"
        ) from None
    unknown = [name for name in pattern.groupindex if name not in GROUPS]
    if unknown:
        raise ConfigurationError(
            f"{place}: pattern: unknown group {listed([shown(n) for n in unknown])}; "
            f"allowed are {listed(list(GROUPS), limit=9)}"
        )
    if spec.kind == "pick" and not {"key", "position"} & set(pattern.groupindex):
        raise ConfigurationError(
            f"{place}: pattern: a pick needs a group that tells which key: (?P<key>...) or (?P<position>...)"
        )
    constants = {"pool": spec.pool} if spec.pool is not None else {}
    if spec.kind in ("rejection", "retry") and "status" not in pattern.groupindex:
        constants["status"] = 429  # type: ignore[assignment]
    rule = Rule(
        name=spec.name,
        kind=spec.kind,
        pattern=pattern,
        initials="",
        matches=spec.matches,
        rejects=spec.rejects,
        constants=constants,
        detail=_Numbers(spec.first).read,
        is_own=True,
    )
    _check_samples(rule, place)
    return rule


class _Numbers:
    """Keys and positions of a log that counts from zero, and keys that are told by a masked id."""

    def __init__(self, first: int) -> None:
        self._shift = 1 - first

    def read(self, _text: str, values: dict[str, Any]) -> None:
        key = values.pop("key", None)
        if key is not None and _NUMBER.fullmatch(key):
            values["key"] = int(key) + self._shift
        elif key is not None:
            values["key_label"] = key[:80]
        for name in ("position", "size", "status"):
            text = values.get(name)
            if isinstance(text, str):
                values[name] = int(text) if _NUMBER.fullmatch(text) else None
        if not 100 <= (values.get("status") or 100) <= 999:
            values["status"] = None
        if values.get("position") is not None:
            values["position"] += self._shift
        for name in ("pool", "model", "function"):
            text = values.get(name)
            if text is not None and not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,80}", text):
                values[name] = None


def _check_samples(rule: Rule, place: str) -> None:
    table = RuleTable((rule,))
    for samples, wanted in ((rule.matches, True), (rule.rejects, False)):
        for sample in samples:
            # As a line of a log: with or without what a logging library puts before the message.
            (line,) = text_records([sample])
            texts = (line.message, sample)
            if any(table.parse(text) is not None for text in texts) is not wanted:
                verb = "does not match" if wanted else "matches"
                raise ConfigurationError(
                    f"{place}: the pattern {verb} its sample {shown(sample)}; "
                    "a pattern is held against the start of the message, "
                    "after time, emoji, colours and [level]"
                )
