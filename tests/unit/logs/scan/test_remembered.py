"""What the scan remembers of the records before, held against the general decoder."""

from __future__ import annotations

import json
import random

import pytest

import against_general
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.rules import Parsed
from keyrota.logs.scan.errors import Errors
from keyrota.logs.write import quota_error_body

PICK = against_general.PICK

STAMPS = [
    "2026-01-09T12:05:28.407460841Z ", "2026-01-09T12:05:28.407Z ", "2026-01-09T12:05:28.407123Z ",
    "2026-01-09T12:05:28.40746084Z ", "2026-01-09T12:05:28Z ", "2026-01-09T12:05:28.407460841+02:00 ",
    "2026-01-09 12:05:28.407460841Z ", "2026-01-09T12:05:28.4074608x1Z ", "2026-01-09T12:05:28.40x460841Z ",
    "x026-01-09T12:05:28.407460841Z ", "2026-01-09T12:05:28.407460841Z\t", "2026-01-09T12:05:28.407460841Z |",
    "2026-01-09T12:05:28.407460841Z std", "2026-01-09T12:05:28.407460841Zx", "",
    "[2026-01-09T12:05:28.407Z] ",
]  # fmt: skip
NAMES = ["", "[Info] ", "[Error] ", "[Warning] ", "[a] ", "[Info]", "[Info]  ", "[In fo] ", "[Info] [c71a] "]
WORDS = [
    PICK,
    "booted (time: 31ms)",
    "plain words of a text",
    "Using cached response",
    "stdout F shutdown",
    "",
]


@pytest.mark.parametrize("seed", range(6))
def test_lines_that_begin_in_many_ways(seed: int) -> None:
    """Each way follows each other: times with and without all digits, names in brackets, none of both."""
    chance = random.Random(seed)
    lines = [
        chance.choice(STAMPS) + chance.choice(NAMES) + chance.choice(WORDS) + chance.choice(["", "\r", " "])
        for _ in range(3000)
    ]
    part = against_general.check("\n".join(lines).encode(), "text", size=1 << (8 + 2 * seed))
    assert len(part.gathered.rows) > 100


HEADER = "event_message,event_type,execution_id,function_id,id,level,timestamp"
TAILS = [
    ",Log,{a},{b},{c},info,176795977379{n}000", ",Log,{a},{b},{c},error,176795977379{n}000",
    ",Boot,{a},{b},{c},log,176795977379{n}000", ",Log,{a},{b},{c},info,",
    ",Log,{a},,{c},info,176795977379{n}000",
    ",Log,{a},{b},{c},in o,176795977379{n}000", ",Log,{a},{b},{c},inf,o,17679597737{n}000",
 ',Log,{a},{b},{c},"nfo,176795977379{n}000',
    ',Log,{a},{b},"{c}",info,176795977379{n}000', ",Log,{a},{b},{c}\r,info,176795977379{n}000",
    ",Log,{a},{b},{c},info,176795977379{n}000,more",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_rows_that_end_in_many_ways(seed: int) -> None:
    """Cells of other lengths, a cell more or less, quotes and line ends where none were before."""
    chance = random.Random(seed)
    rows = []
    for number in range(1500):
        tail = chance.choice(TAILS[: 6 if seed < 3 else None]).format(
            a=f"{number % 5:036x}", b="b" * 36, c=f"{number:036x}", n=1000 + number
        )
        message = chance.choice(
            [PICK, "plain words", 'say ""hi"" to all', "two\nlines", "booted (time: 3ms)"]
        )
        rows.append(f'"{message}"{tail}' + ("\r\n" if chance.random() < 0.9 else "\n"))
    part = against_general.check((HEADER + "\r\n" + "".join(rows)).encode(), "csv", size=1 << 18)
    assert len(part.gathered.rows) > 100


def drained(message: str, **fields: object) -> str:
    metadata = {"cpu_time_used": 66, "execution_id": "e-1", "function_id": "f-1", "level": "log", **fields}
    row = {"id": "a-1", "timestamp": 1_762_917_393_993_000, "event_message": message, "metadata": [metadata]}
    return json.dumps(row)


def test_a_reason_belongs_to_its_record() -> None:
    """One of the same length, that means something or nothing, is not taken for that of the record before."""
    reasons = ["Whatevers", "EarlyDrop", "WallClock", "EarlyDrop", "CPUTime", "Memory9", "CPUTime"]
    data = "\n".join(drained("shutdown", reason=reason) for reason in reasons * 3)
    part = against_general.check(data.encode(), "json")
    assert len(part.gathered.rows) == 3 * len(reasons)


def test_numbers_that_mean_nothing_may_differ() -> None:
    """As long as they are numbers: no zero in front, no letter, no fraction where none was."""
    numbers = ["66", "10", "99", "07", "6x", "6.", "-6", "60", "6 ", "6e", '"a', "{}", "0", "7", "[]"]
    lines = [drained("booted (time: 31ms)").replace(": 66,", f": {number},") for number in numbers * 2]
    part = against_general.check("\n".join(lines).encode(), "json", is_damaged=True)
    assert len(part.gathered.rows) >= 2 * 6


def test_a_duration_belongs_to_its_record() -> None:
    """Written as a number or as a text, at the top or within."""
    request = "POST | 200 | https://abc.supabase.co/functions/v1/chat"
    values = ['"12"', '"99"', '"ab"', "12", "99", "1x", "01", '"12"']
    lines = [drained(request, execution_time_ms="x").replace('"x"', value) for value in values * 2]
    part = against_general.check("\n".join(lines).encode(), "json", is_damaged=True)
    assert set(part.gathered.rows.duration_ms.tolist()) >= {12.0, 99.0}


@pytest.mark.parametrize(("name", "values"), [
    ("tenant_id", ["12345", "12x45", "01234", "1,2:5", "54321"]),
    ("truncated", ["true", "trux", "null", "nulx", "true"]),
    ("timestamp", ["1762917393993000", "17629173939930x0", "1762917393993,00", "1762917393993001"]),
])  # fmt: skip
def test_a_damaged_record_is_not_taken_for_a_whole_one(name: str, values: list[str]) -> None:
    """Because one of the same size was whole, whatever its values are called."""
    whole = {"id": "a-1", name: "x", "timestamp": 1_762_917_393_993_000, "event_message": PICK} | {name: "x"}
    lines = [json.dumps(whole).replace('"x"', value) for value in values * 2]
    against_general.check("\n".join(lines).encode(), "json", is_damaged=True)


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_a_request_that_looks_like_a_line_of_a_service(status: int) -> None:
    """Its method is no service, and a service may be called like one."""
    data = f"POST | {status} | https://abc.supabase.co/functions/v1/chat\nPOST | shutdown\nweb | shutdown\n"
    part = against_general.check(data.encode(), "text")
    assert len(part.gathered.rows) == 3


def test_an_error_behind_an_escape() -> None:
    """And a level in letters that are no ASCII."""
    messages = ["ApiError: [\\u003429 Too Many Requests] x", "Requests: [\\u0047oogle Error]: [503 Service]"]
    lines = [drained("x").replace('"x"', f'"{message}"') for message in messages]
    against_general.check("\n".join(lines).encode(), "json")
    against_general.check("NOTıCE: shutdown\nWARNıNG: shutdown\nNOTICE: shutdown\n".encode(), "text")


def test_texts_that_differ_are_read_where_they_stand() -> None:
    """Also with what ends a text, or begins an escape, at a place where a letter stood."""
    texts = ["e-1", "e-2", "é1", 'e"1', "e\\u0031", "e\\\\", "e\t", "\x7f12", "🔑"]
    lines = [drained(PICK).replace('"e-1"', f'"{text}"') for text in texts * 3]
    against_general.check("\n".join(lines).encode(), "json", is_damaged=True)


def _told(errors: Errors, message: str) -> tuple[str, Parsed | None]:
    text, place = errors.rejection(message.encode())
    return text, errors.said[place] if place >= 0 else None


@pytest.mark.parametrize("cause", ["per-minute", "per-day"])
def test_an_error_is_remembered_without_its_delay(cause: str) -> None:
    """And without a request's id: each delay is the error's own."""
    errors = Errors(DEFAULT_RULES, bytes.decode)
    for number in range(300):
        body = quota_error_body(cause, 2 + number % 3, "gemini-2.5-pro", number / 8 if number % 10 else None)
        before = ["", "[0f3a9b1c] ", "🔴 ", "[0f3a9b1c] 🔴 "][number % 4]
        message = f"{before}Google AI Studio error: 429 {body}"
        expected = DEFAULT_RULES.parse(message)
        assert isinstance(expected, Parsed)
        assert _told(errors, message) == ("", expected)
    assert 3 <= len(errors._kinds) <= 24


@pytest.mark.parametrize("words", [
    '"retryDelay":\u00a0"5s", retry in {}s', "retry\\u0020in 5s, retry in {}s", "retry in {}s\\u0035s",
    "retry in 5.{}.s", "retry in {}s, retry in 3s", "retry in {}m2s", "no retry in {} days",
])  # fmt: skip
def test_a_delay_that_only_the_decoded_words_show(words: str) -> None:
    """In blanks beyond ASCII, in escapes, or as part of a longer one: then nothing is remembered."""
    errors = Errors(DEFAULT_RULES, lambda data: json.loads(f'"{data.decode()}"'))
    for number in (5, 7, 9, 5):
        message = "Google AI Studio error: 429 " + words.format(number).replace('"', "'")
        expected = DEFAULT_RULES.parse(json.loads(f'"{message}"'))
        assert _told(errors, message)[1] == expected


def test_errors_that_do_not_say_their_cause_keep_their_words() -> None:
    """Cut ones, those of another status, and what the grammar does not take for an error."""
    errors = Errors(DEFAULT_RULES, bytes.decode)
    for message in (
        "[0f3a9b1c] Google AI Studio error: 429 {",
        "Google AI Studio error: 429 {", "Google AI Studio error: 429 retry in 5x",
        "Google AI Studio: no error",
        "Google AI Studio error: 429 retry in 1m2s, then retry in 3s", "[0f3a9b1c] retry in 3s",
    ):  # fmt: skip
        for _ in range(2):
            expected = DEFAULT_RULES.parse(message)
            text, parsed = _told(errors, message)
            assert parsed == expected
            assert text == (message if expected is not None else "")
