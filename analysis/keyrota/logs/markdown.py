"""Markdown copies of the log view, to records: a section for each row, or a pipe table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record

_SECTION = re.compile(r"## Log [0-9]{1,9}\s*$")
_LABEL = re.compile(r"\*\*(Timestamp|Message|Details):\*\*\s?(.*)")
_RULE = re.compile(r"[|\s:-]+")
_DETAILS = re.compile(r"```(?:json)?\n(.*?)\n```", re.DOTALL)
_SECTION_LINES: Final = 2_000
"""Lines of one section that are kept."""


def is_markdown(lines: Sequence[str]) -> bool:
    """Say whether the first lines of a text open a Markdown copy of the log view.

    What a log may hold of Markdown (a model's answer) is not enough: a section must have its label
    below it, a table its rule.
    """
    for index, line in enumerate(lines):
        following = [text.strip() for text in lines[index + 1 : index + 4] if text.strip()]
        if not following:
            continue
        if _SECTION.match(line) and _LABEL.match(following[0]):
            return True
        if _table_names(line) is not None and "-" in following[0] and _RULE.fullmatch(following[0]):
            return True
    return False


def markdown_records(lines: Iterable[str]) -> Iterator[Record | BadRow]:
    """Yield the rows of a Markdown copy, in either of its two forms."""
    names: list[str] | None = None
    section: dict[str, list[str]] | None = None
    part: list[str] = []
    number = 0
    for line in lines:
        if _SECTION.match(line):
            if section is not None:
                number += 1
                yield _section_row(section, number)
            section, part = {}, []
        elif section is not None:
            opened = _LABEL.match(line)
            # The message may quote such a label; the first one of its kind counts.
            if opened and opened[1] not in section:
                part = section[opened[1]] = [opened[2]]
            elif len(part) < _SECTION_LINES:
                part.append(line)
        elif names is None:
            names = _table_names(line)
        elif line.startswith("|") and not _RULE.fullmatch(line):
            number += 1
            yield _table_row(names, line, number)
    if section is not None:
        yield _section_row(section, number + 1)


def _section_row(section: dict[str, list[str]], number: int) -> Record | BadRow:
    if "Message" not in section:
        return BadRow(number, "a section without a message")
    row: dict[str, Any] = {}
    details = _DETAILS.search("\n".join(section.get("Details", ())))
    if details:
        try:
            found = json.loads(details[1])
        except (ValueError, RecursionError):
            return BadRow(number, "the details are no JSON")
        row = found if isinstance(found, dict) else {}
    row["event_message"] = re.sub(r"\n---\s*$", "", "\n".join(section["Message"]).rstrip("\n"))
    row.setdefault("timestamp", section.get("Timestamp", [""])[0].strip())
    return _one(row, number)


def _table_names(line: str) -> list[str] | None:
    if not line.startswith("|"):
        return None
    names = [name.strip() for name in line.strip().strip("|").split("|")]
    return names if "event_message" in names or {"timestamp", "message"} <= set(names) else None


def _table_row(names: list[str], line: str, number: int) -> Record | BadRow:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    if len(cells) != len(names):
        return BadRow(number, f"{len(cells)} cells where the table has {len(names)}")
    plain = [cell.strip().replace("\\|", "|").replace("<br>", "\n") for cell in cells]
    return _one(dict(zip(names, plain, strict=True)), number)


def _one(row: dict[str, Any], number: int) -> Record | BadRow:
    # A row with a message is one record, whatever else its cells hold.
    return next(iter(records_of(row, number)))
