"""Rows as tables: the dashboard's CSV of two generations, and its two Markdown copies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from keyrota.logs.write.rows import LogRow
from keyrota.logs.write.stamps import iso, millisecond_micros
from keyrota.logs.write.structured import preview

if TYPE_CHECKING:
    from typing import Any


def old_csv(rows: Sequence[LogRow]) -> bytes:
    r"""Return the CSV of the dashboard until 2025 (react-csv), malformed as it was.

    A byte order mark, every cell in quotes, quotes inside cells not doubled, bare ``\n`` between
    rows and none at the end.

    Examples
    --------
    >>> old_csv([LogRow(1_000_000_000, 'say "hi"\n', row_id="a1")]).decode("utf-8-sig").splitlines()[1:]
    ['"say "hi"', '","Log","null","a1","info","1000000"']
    """
    table = _table([preview(row, isolate=False) for row in rows])
    lines = [",".join(f'"{cell}"' for cell in cells) for cells in table]
    return "\n".join(lines).encode("utf-8-sig")


def studio_csv(rows: Sequence[LogRow]) -> bytes:
    r"""Return the CSV of the newer dashboard (PapaParse).

    No byte order mark, quotes only where needed and doubled inside, ``\r\n`` between rows and none
    at the end; a newline inside a cell stays ``\n``.
    """
    return _papaparse([preview(row) for row in rows])


def sql_subset_micros(rows: Sequence[LogRow]) -> bytes:
    """Return the CSV of a user's own query for two columns: ``timestamp`` and ``event_message``."""
    return _papaparse(
        [{"timestamp": millisecond_micros(row.at()), "event_message": row.message} for row in rows]
    )


def markdown(rows: Sequence[LogRow]) -> bytes:
    """Return "Copy as Markdown" of a log page: a section for each row."""
    sections = []
    for number, row in enumerate(rows, start=1):
        columns = preview(row)
        details = {
            name: columns[name] for name in columns if name not in ("id", "timestamp", "event_message")
        }
        sections.append(
            f"## Log {number}\n**Timestamp:** {iso(row.at(), 3)}\n**Message:** {row.message}\n\n"
            f"**Details:**\n```json\n{json.dumps(details, indent=2, ensure_ascii=False)}\n```"
        )
    return "\n\n---\n\n".join(sections).encode()


def markdown_table(rows: Sequence[LogRow]) -> bytes:
    """Return "Copy as Markdown" of the results pane: a pipe table, a newline as ``<br>``."""
    header, *body = _table([preview(row) for row in rows])
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), '<br>') for cell in cells)} |"
        for cells in lines
    ).encode()


_NO_ROW = preview(LogRow(0, ""))


def _table(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    # The header is made of the first row's keys; without rows the real export is empty, ours has it.
    columns = list(rows[0] if rows else _NO_ROW)
    return [columns, *([_cell(row[name]) for name in columns] for row in rows)]


def _papaparse(rows: Sequence[Mapping[str, Any]]) -> bytes:
    lines = [",".join(_quoted_if_needed(cell) for cell in cells) for cells in _table(rows)]
    return "\r\n".join(lines).encode()


def _quoted_if_needed(cell: str) -> str:
    needed = any(c in cell for c in ',"\r\n\ufeff') or cell[:1] == " " or cell[-1:] == " "
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if needed else cell


def _cell(value: object) -> str:
    # As JavaScript prints it: an absent value is `null`, text stands as it is.
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
