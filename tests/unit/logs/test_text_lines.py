"""What stands before a message in plain text is taken off and read."""

from __future__ import annotations

import json

import pytest

from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.rules import Parsed
from keyrota.logs.text_lines import text_records

NS = 1_762_917_393_993_000_000
PICK = "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)"
STAMP = "2025-11-12T03:16:33.993Z"


@pytest.mark.parametrize(
    "prefix",
    [
        f"{STAMP} ",
        f"{STAMP} [Info] ",
        f"[{STAMP}] ",
        f"{STAMP}\t",
        "2025-11-12T03:16:33.993000000Z [Info] ",
        "2025-11-12 03:16:33,993 | INFO              | [routes.py:160]      | ",
        "2025-11-12 03:16:33,993 | \x1b[32mINFO\x1b[0m              | [routes.py:160]      | ",
        "2025-11-12 03:16:33.993 INFO: ",
        "2025/11/12 03:16:33.993 ",
        f"supabase-edge-functions  | {STAMP} [Info] ",
        f"\x1b[36msupabase-edge-functions  | \x1b[0m{STAMP} [Info] ",
        f'time="{STAMP}" level=info msg="',
        f"time={STAMP} level=info msg=",
        'time="2025-11-12 03:16:33.993" level=info msg="',
        "INFO[2025-11-12 03:16:33.993] ",
        f"{STAMP} stdout F ",
        f"{STAMP} stderr P [Info] ",
    ],
)
def test_prefixes(prefix: str) -> None:
    """Docker, compose, Python's, Go's, Kubernetes' and logfmt's: the time is read, the pick is found."""
    end = '"' if prefix.endswith('"') else ""
    (record,) = text_records([prefix + PICK + end])
    assert record.time_ns == NS
    assert record.raw == prefix + PICK + end
    assert DEFAULT_RULES.parse(record.message) == Parsed("pick", key=3, position=1, size=4)


@pytest.mark.parametrize(
    "prefix", ["", "[Info] ", "web-1  | ", "INFO:root:", "info: ", "WARN[0001] ", "> "[:0]]
)
def test_prefixes_without_a_time(prefix: str) -> None:
    """Levels and service names alone."""
    (record,) = text_records([prefix + PICK])
    assert record.time_ns is None
    assert isinstance(DEFAULT_RULES.parse(record.message), Parsed)


def test_every_line_is_a_record() -> None:
    """Blank lines too, numbered from one."""
    assert [(r.line, r.message) for r in text_records(["a", "", STAMP])] == [(1, "a"), (2, ""), (3, "")]


@pytest.mark.parametrize("prefix", ["", f"{STAMP} ", "web-1  | ", f"{STAMP} stdout F "])
@pytest.mark.parametrize("name", ["msg", "message", "event"])
def test_json_lines_of_logging_libraries(prefix: str, name: str) -> None:
    """A whole line of JSON, behind a prefix or not, is the row that it says."""
    line = json.dumps({"level": "info", name: PICK, "timestamp": NS // 1_000_000, "execution_id": "i-1"})
    (record,) = text_records([prefix + line])
    assert (record.message, record.time_ns, record.isolate, record.line) == (PICK, NS, "i-1", 1)


def test_json_line_without_a_time_of_its_own_takes_the_prefix() -> None:
    """If what it calls its time is none."""
    (record,) = text_records([f'{STAMP} {{"msg":"{PICK}","time":"later"}}'])
    assert (record.message, record.time_ns) == (PICK, NS)


@pytest.mark.parametrize(
    "line",
    ["{}", "{bad}", '{"message":"x"}', '{"a":1,"time":2}', '{"role":"user","message":"x"}', "{" * 5000 + "}"],
)
def test_other_objects_are_text(line: str) -> None:
    """An application that prints a request's body makes no rows."""
    (record,) = text_records([line])
    assert (record.message, record.isolate) == (line, None)
