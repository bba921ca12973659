"""Hostile text of twice the length takes about twice the time: in grammar, decoders, and what is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from keyrota.display import redact, visible, visible_json
from keyrota.logs.collect import gather
from keyrota.logs.formats import NotALogError, open_log
from keyrota.logs.grammar import DEFAULT_RULES

LONGEST = 1_000_000
LIMIT_S = 0.2
RATIO = 2.4
TRIES = 3

PICK = "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)"


def repeated(piece: str, size: int) -> str:
    """A text of so many bytes at most."""
    return piece * (size // len(piece.encode()))


FAMILIES: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "blanks": lambda n: "Using GOOGLE_KEY_1 " + " " * n,
    "digits": lambda n: "Using GOOGLE_KEY_" + "1" * n,
    "picks on one line": lambda n: repeated(PICK, n),
    "beginnings of picks": lambda n: repeated("Using GOOGLE_KEY_", n),
    "almost picks": lambda n: repeated("Using GOOGLE_KEY_1 (position 1/2 in poo ", n),
    "errors": lambda n: repeated("Error: 429 ", n),
    "quoted errors": lambda n: repeated('"error":{"code":429,', n),
    "retry hints": lambda n: repeated("Please retry in 1", n),
    "prefixes": lambda n: repeated("[a] ", n),
    "colours": lambda n: repeated("\x1b[31m", n),
    "beginnings of keys": lambda n: repeated("AIza", n),
    "parts of keys": lambda n: repeated("AIza\\u00", n),
    "parameters": lambda n: repeated("?key=", n),
    "long parameter": lambda n: "?key=" + "%2" * (n // 2),
    "bearers": lambda n: repeated("bearer bearer", n),
    "controls": lambda n: repeated("\x00\x1b\x9b\u202e", n),
    "times": lambda n: repeated("2025-11-10T08:00:00.1 ", n),
    "braces": lambda n: "{" * n,
    "brackets": lambda n: "[" * n,
    "quotes": lambda n: '"' * n,
    "backslashes": lambda n: '{"event_message":"' + "\\" * n,
    "commas": lambda n: "," * n,
    "pipes": lambda n: "|" * n,
    "emoji": lambda n: repeated("🔑", n),
    "mojibake": lambda n: repeated("ðŸ”‘", n),
}
FRONTS = {
    "text": "",
    "json": '[{"event_message":"x","timestamp":1762917393993000,"id":"a"},\n',
    "ndjson": '{"event_message":"x","timestamp":1762917393993000,"id":"a"}\n',
    "csv": "event_message,timestamp,id\nx,1762917393993000,a\n",
    "markdown": "| event_message | timestamp |\n| --- | --- |\n| x | 1762917393993000 |\n| ",
    "sections": "## Log 1\n**Timestamp:** 2025-11-10T08:00:00Z\n**Message:** ",
    "syslog": "<134>1 2025-11-12T03:16:33.993Z - a - - - x\n<134>1 2025-11-12T03:16:33.993Z - a - - - ",
    "docker": "2025-11-10T08:00:00.123456789Z x\n2025-11-10T08:00:00.123456789Z ",
}


def decode(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    try:
        log = open_log(data[at : at + (1 << 18)] for at in range(0, len(data), 1 << 18))
    except NotALogError:
        return
    gather(log.records, DEFAULT_RULES)


WORK: dict[str, Callable[[str], object]] = {
    "grammar": DEFAULT_RULES.parse,
    "redact": redact,
    "visible": visible,
    "visible_json": visible_json,
    **{
        f"decoder of {name}": lambda text, front=front: decode(front + text) for name, front in FRONTS.items()
    },
}


def seconds(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    "least_s", [0.12, pytest.param(0.03, marks=pytest.mark.nightly)], ids=["what is slow", "all"]
)
def test_time_is_linear_in_hostile_text(work: str, least_s: float) -> None:
    """At most 2.4 times as long for twice the text, and at most 0.2 s for 10^6 bytes (the fastest of four).

    What else the machine does makes a run longer and never shorter: the fastest tells the code's own time.
    """
    slow = []
    for name, family in FAMILIES.items():
        whole, half = family(LONGEST), family(LONGEST // 2)
        assert len(whole.encode()) <= LONGEST + 200
        times = seconds(WORK[work], whole)
        if times < least_s:
            continue  # far below the limit, and too short to time
        before = seconds(WORK[work], half)
        for _ in range(TRIES):
            before = min(before, seconds(WORK[work], half))
            times = min(times, seconds(WORK[work], whole))
        if times >= least_s and (times > LIMIT_S or times > RATIO * before + 0.005):
            slow.append((name, round(before, 3), round(times, 3)))
    assert slow == []
