"""CSV of two writers, and Markdown copies."""

from __future__ import annotations

import pytest

from keyrota.errors import InputError
from keyrota.logs.markdown import is_markdown, markdown_records
from keyrota.logs.record import BadRow, Record
from keyrota.logs.tables import RECORD_LINES, csv_header, csv_records

STAMP = "1762917393993000"
HEADER = "event_message,event_type,id,level,timestamp"
OLD_HEADER = '"event_message","event_type","id","level","timestamp"'
BODY = '🔴 Google AI Studio error: 429 {\n  "error": {\n    "code": 429,\n    "message": "a, b"\n  }\n}\n\n'


def messages(text: str) -> list[str]:
    return [r.message if isinstance(r, Record) else f"bad: {r.reason}" for r in csv_records(text.split("\n"))]


def escaped(message: str, delimiter: str = ",") -> str:
    cell = '"' + message.replace('"', '""') + '"'
    return delimiter.join([cell, "Log", "a1", "info", STAMP])


def old(message: str) -> str:
    return f'"{message}","Log","a1","info","{STAMP}"'


TRICKY = [
    "plain",
    BODY,
    'say "hi", twice',
    'ends in a quote"',
    '"',
    '","',
    '","Log","x"',
    "\n\n",
    "a\n\nb",
    "",
]


@pytest.mark.parametrize("message", TRICKY)
def test_both_writers_give_the_message_back(message: str) -> None:
    """Quotes, separators and newlines in cells, doubled or not."""
    around = ["before\n", message, "after\n"]
    assert messages("\n".join([HEADER, *map(escaped, around)])) == around
    assert messages("\n".join([OLD_HEADER, *map(old, around)])) == around


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_of_all_locales(delimiter: str) -> None:
    """A spreadsheet writes semicolons or tabs; the header tells."""
    text = HEADER.replace(",", delimiter) + "\n" + escaped('a; "b", c\td', delimiter)
    assert messages(text) == ['a; "b", c\td']


def test_columns_in_any_order_and_subsets() -> None:
    """The header says where the message is; one column is enough."""
    assert messages(f'"timestamp","event_message","id"\n"{STAMP}","say "hi"\nyou","a1"') == ['say "hi"\nyou']
    assert messages("event_message\nhello\n") == ["hello"]
    (record,) = csv_records(["ts,event_message", "2025-11-12T03:16:33.993,hi"])
    assert isinstance(record, Record)
    assert record.time_ns == 1_762_917_393_993_000_000


@pytest.mark.parametrize(
    "line", ["hello, world", "", "a,b,c", "timestamp", "message from: me, to: you", "id,level"]
)
def test_what_is_no_header(line: str) -> None:
    """Two known columns, or the message's alone."""
    assert csv_header(line) is None


@pytest.mark.parametrize("stamp", ["1.76292E+15", "1,76292E+15"])
@pytest.mark.parametrize("column", ["timestamp", "ts", "time"])
def test_times_that_a_spreadsheet_rounded_are_refused(stamp: str, column: str) -> None:
    """The message says what happened and what to do."""
    with pytest.raises(
        InputError, match=r"row 2: the time 1[.,]76292E\+15 was rounded by a spreadsheet.* export the log"
    ):
        list(csv_records([f"event_message;{column};id", f"x;{STAMP};1", f"x;{stamp};1"]))


def test_a_lost_quote_costs_one_row() -> None:
    """The rows behind it are found again, whichever quote is lost."""
    rows = [escaped(f"m{n}\n") for n in range(10)]
    for lost in ('"m4', '\n",Log,a1'):
        text = "\n".join([HEADER, *rows])
        at = text.index(lost if lost != '\n",Log,a1' else 'm4\n",Log') + (0 if lost == '"m4' else 3)
        found = messages(text[:at] + text[at + 1 :])
        assert [m for m in found if m.startswith("m")] == [f"m{n}\n" for n in range(10) if n != 4]


def test_a_lost_quote_of_the_older_writer_costs_a_row_or_two() -> None:
    """There a row begins and ends with cells that no other line has."""
    rows = [old(f"m{n}\n") for n in range(10)]
    text = "\n".join([OLD_HEADER, *rows])
    for at in (text.index('"m4'), text.index('m4\n"') + 3, text.index('"Log"', text.index("m4"))):
        found = [m for m in messages(text[:at] + text[at + 1 :]) if m in {f"m{n}\n" for n in range(10)}]
        assert len(found) >= 8


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("a,b", "2 cells where the header has 5"),
        ('"never closed', "the file ends inside a row"),
        ('"a"b,c,d,e,f', "not CSV ('\"' expected after"),
        ('"' + "x\n" * RECORD_LINES, "a row that never ends"),
    ],
)
def test_bad_rows_have_a_reason(rows: str, reason: str) -> None:
    """A row that is no row is counted with what is wrong."""
    first = next(iter(csv_records(f"{HEADER}\n{rows}".split("\n"))))
    assert isinstance(first, BadRow)
    assert first.reason.startswith(reason.replace("'\"'", "','"))


def test_a_second_header_is_no_event() -> None:
    """Two exports put together have one in the middle."""
    text = "\n".join([HEADER, escaped("a"), HEADER, escaped("b")])
    assert messages(text) == ["a", "event_message", "b"]


SECTION = """## Log {n}
**Timestamp:** 2025-11-12T03:16:33.993Z
**Message:** {message}

**Details:**
```json
{{
  "execution_id": "iso-{n}",
  "function_id": "f-1"
}}
```"""


def test_markdown_sections() -> None:
    """Messages of several lines, ids from the details, sections split by a rule."""
    text = "\n\n---\n\n".join(
        SECTION.format(n=n, message=m) for n, m in enumerate(["one", BODY, "a\n---\nb"])
    )
    records = list(markdown_records(text.split("\n")))
    assert is_markdown(text.split("\n"))
    assert [r.message for r in records if isinstance(r, Record)] == ["one", BODY.rstrip("\n"), "a\n---\nb"]
    assert [r.isolate for r in records if isinstance(r, Record)] == ["iso-0", "iso-1", "iso-2"]


def test_markdown_sections_that_are_broken() -> None:
    """Details that are no JSON, a section without a message: counted."""
    text = SECTION.format(n=1, message="x").replace('"iso-1",', '"iso-1"') + "\n## Log 2\n**Timestamp:** x\n"
    assert [r.reason for r in markdown_records(text.split("\n")) if isinstance(r, BadRow)] == [
        "the details are no JSON",
        "a section without a message",
    ]


def test_markdown_tables() -> None:
    """Escaped bars, newlines as breaks, rows of another width."""
    lines = [
        "Results:",
        "| event_message | timestamp |",
        "| --- | --- |",
        f"| a \\| b<br>c | {STAMP} |",
        "| x |",
        "",
        "bye",
    ]
    first, second = markdown_records(lines)
    assert is_markdown(lines)
    assert isinstance(first, Record)
    assert (first.message, first.time_ns) == ("a | b\nc", 1_762_917_393_993_000_000)
    assert isinstance(second, BadRow)


def test_markdown_in_a_message_is_no_markdown_log() -> None:
    """A model's answer may hold a heading or a table; the log view's copy has its labels and rule."""
    assert not is_markdown(["## Log 1", "some text"])
    assert not is_markdown(["| timestamp | message |", "text"])
    assert not is_markdown(["# Log 1", "**Timestamp:** x"])
