"""What is refused by its first bytes is what the grammar refuses, whatever stands around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import against_general
import protected
from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.scan import refused
from keyrota.logs.scan.alphabet import JSON, NOTHING, QUOTED, RAW
from keyrota.logs.scan.found import FOUND
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.words import SLACK

SAMPLES: list[str] = against_general.SAMPLES
BEHIND: tuple[bytes, ...] = protected.BEHIND

DECORATIONS = ["", "🔑 ", "ðŸ”‘ ", "   ", "[Info] ", "[c71a] [b] ", "✅ [Error] ", "\t\t", "ERROR: "]
PLAIN = [
    "Model answer: a text", "Checking for API key...", "Processing chat message for session 1",
    "Using cached response for prompt 00aa93b0", "booted the worker pool", "GET /rest/v1/messages",
    "Service is up and running", "at async handleStream (file:///x.ts:1:2)",
    "Starting chat stream for session: 8", "Maximum of 5 retries", "Answer of 429 words, for 503 users",
]  # fmt: skip
NAMED = ["Rating: 5 of 5", "user: hello", "a: b", "...continued: b", ": b", "AnError_: b", "rro: b"]
ERRORS = ["TypeError: Cannot read properties of undefined", "AnException: b", "Exhausted: b", "Requests: b"]


def is_refused(message: bytes, behind: bytes = b"") -> bool:
    buffer = np.frombuffer(message + behind.ljust(SLACK, b"\0")[:SLACK], dtype=np.uint8)
    return bool(machine_code("is_refused")(buffer, 0, len(message)))


def told_without(message: bytes, mode: int) -> int:
    """Return what the whole grammar says of a message that is not looked at here first."""
    buffer = np.frombuffer(message + bytes(SLACK), dtype=np.uint8)
    found = np.full(FOUND, -1, dtype=np.int64)
    return int(machine_code("read_doubtful")(buffer, 0, len(message), mode, found))


@pytest.mark.parametrize("before", DECORATIONS)
def test_no_event_is_refused(before: str) -> None:
    """Of the samples of every rule, decorated in every way."""
    for message in SAMPLES:
        if DEFAULT_RULES.parse(before + message) is not None:
            for behind in BEHIND:
                assert not is_refused((before + message).encode(), behind), message


@pytest.mark.parametrize("before", ["", "🔑 ", "   ", "[Info] ", "✅ [Error] "])
def test_most_of_what_is_no_event_is_refused(before: str) -> None:
    """So that the tests above are not passed by refusing nothing."""
    told = [is_refused((before + message + "\n").encode()) for message in PLAIN]
    assert sum(told) >= len(PLAIN) - 2


@pytest.mark.parametrize("before", ["", "🔑 ", "[Info] ", "[Info]     ", "[Info] 🔀 "])
@pytest.mark.parametrize("message", [*NAMED, *ERRORS])
def test_a_word_and_a_colon_are_left_to_the_grammar_if_errors_are_called_so(
    message: str, before: str
) -> None:
    """Also behind a name, and what decorates it: what an error says decides there."""
    assert is_refused((before + message).encode()) == (message in NAMED)
    assert told_without((before + message).encode(), RAW) == NOTHING


def test_what_stands_behind_a_message_does_not_matter() -> None:
    """It may make for doubt; a message is refused only where the grammar refuses it."""
    for message in [*SAMPLES, *PLAIN, *NAMED, *ERRORS]:
        for behind in BEHIND:
            for length in range(len(message.encode()) + 1):
                cut = message.encode()[:length]
                if is_refused(cut, behind):
                    assert told_without(cut, RAW) == NOTHING, (cut, behind)


@example(parts=["Using ", "Using ", "\\u0055"], mode=JSON)
@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.sampled_from([
            "Using ", "GOOGLE", "booted (", "shutdown", "Error", "TypeError", "ClientError", ": ", ":", " ",
            "[", "] ", "]", "{", '"', "'", "error", "429 ", "\\u0055", "\\n", "|", "GET ", "POST | ", "log",
            "INFO", "warn", "a", "x1", "é", "🔑", "\x1b[33m", "\x7f", "?", "...", "-", "503", "G",
            "got status", "Exception", "Exhausted", "Requests",
        ]),
        max_size=8,
    ),
    st.sampled_from([RAW, JSON, QUOTED]),
)  # fmt: skip
def test_what_is_refused_the_grammar_refuses(parts: list[str], mode: int) -> None:
    """Of words put together at random, as they stand in a line, a JSON string or a cell."""
    text = "".join(parts)
    message = text.encode() + {RAW: b"", JSON: b'","id":"shutdown"}', QUOTED: b'",x'}[mode]
    if is_refused(message):
        # The rules may be in doubt of an escape further on: then the grammar is asked what it stands for.
        meant = text.replace("\\u0055", "U").replace("\\n", "\n") if mode == JSON else text
        assert told_without(message, mode) == NOTHING or DEFAULT_RULES.parse(meant) is None


def test_every_opening_has_a_slot_of_its_own() -> None:
    """Two that share their first letters would hide each other."""
    folded = [refused._folded(opening) for opening in refused._OPENINGS]
    assert len(set(folded)) == len(folded)
    assert int(np.count_nonzero(refused._KNOWN)) == len(folded)
    sizes = [{len(text) for text in exact} for exact in refused._OPENINGS.values()]
    assert all(len(size) <= 1 for size in sizes), "both are held against one mask"


def test_every_rule_is_told_by_an_opening() -> None:
    """Or by a character that is looked at with care: a new rule is not to be refused by accident."""
    for rule in GRAMMAR:
        for sample in rule.matches:
            assert not is_refused(sample.encode()), (rule.name, sample)


def test_plain_python_says_the_same() -> None:
    """Where there is no compiler."""
    for message in [*SAMPLES, *PLAIN, *NAMED, *ERRORS]:
        buffer: Any = np.frombuffer(message.encode() + bytes(SLACK), dtype=np.uint8)
        end = len(message.encode())
        assert refused.is_refused(buffer, 0, end) == machine_code("is_refused")(buffer, 0, end)
