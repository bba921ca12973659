"""JSON values out of text in pieces, whatever stands between them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from keyrota.logs.json_stream import PROSE, JsonStream

ROW = {"event_message": 'hello, {["world"]}\n', "id": 1}
TEXT = json.dumps(ROW)


def stream_of(text: str, size: int = 1 << 20, **options: int) -> tuple[list[Any], list[str], JsonStream]:
    stream = JsonStream((text[i : i + size] for i in range(0, len(text), size)), **options)
    values = list(stream)
    good = [value.value for value in values if value.error is None]
    return good, [value.error for value in values if value.error is not None], stream


@pytest.mark.parametrize("size", [1, 3, 64, 100_000])
@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"[{TEXT},{TEXT}]", 2),
        (f"[\n  {TEXT},\n  {TEXT}\n]\n", 2),
        (f"{TEXT}\n{TEXT}\n", 2),
        (f"{TEXT}{TEXT} {TEXT}", 3),
        (f"{TEXT},\n{TEXT},\n", 2),
        (f"[{TEXT}]\n[{TEXT},{TEXT}]\n", 3),
        (f"[[{TEXT}],[{TEXT}]]", 2),
        ("[]", 0),
        ("[]\n[]", 0),
        (f"\r\n\r\n{TEXT}\r\n\r\n{TEXT}", 2),
        ("", 0),
        (json.dumps([ROW] * 5, indent=4), 5),
    ],
)
def test_values_come_singly(text: str, count: int, size: int) -> None:
    """Arrays, lines, values side by side: each element is one value, whole, in order."""
    good, errors, stream = stream_of(text, size)
    assert good == [ROW] * count
    assert errors == []
    assert not stream.truncated
    assert not stream.in_array


def test_values_know_their_line_and_length() -> None:
    """The line where a value begins, and the characters that it takes."""
    found = list(JsonStream([f'\n{TEXT}\n\n{{"a":\n1}} {TEXT}']))
    assert [(value.line, value.length) for value in found] == [(2, len(TEXT)), (4, 8), (5, len(TEXT))]


@pytest.mark.parametrize(
    "prose", ["Here are my logs:\n", "[Info] see below\n", "[1] a footnote\n", "Log [3 rows]:\n\n"]
)
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_prose_before_values_is_one_gap(prose: str, size: int) -> None:
    """Words around pasted JSON are skipped as one, brackets in them or not."""
    good, errors, stream = stream_of(f"{prose}[\n{TEXT},\n{TEXT}\n]\nThanks!\n", size)
    assert good == [ROW, ROW]
    assert set(errors) == {PROSE}
    assert not stream.truncated


@pytest.mark.parametrize("size", [1, 4, 100_000])
@pytest.mark.parametrize(
    "broken",
    [
        '{"a": }',
        '{"a": "x}',
        '{"a" 1}',
        '{"a": 01}',
        "{'a': 1}",
        '{"a": [1,]}',
        "{bad",
        '{"a": "\\x"}',
        '{"a": tru}',
    ],
)
def test_a_broken_value_costs_itself(broken: str, size: int) -> None:
    """The next line or element is read, in a file of lines and in an array."""
    for text in (f"{TEXT}\n{broken}\n{TEXT}\n", f"[\n{TEXT},\n{broken},\n{TEXT}\n]"):
        good, errors, _ = stream_of(text, size)
        assert good == [ROW, ROW]
        assert len(errors) == 1


@pytest.mark.parametrize("size", [1, 9, 100_000])
def test_every_cut_of_an_array(size: int) -> None:
    """Whole elements before the cut are read, and the cut is told unless nothing is missing."""
    text = f"[{TEXT},\n{TEXT}]"
    for cut in range(1, len(text)):
        good, _, stream = stream_of(text[:cut], size)
        assert good == [ROW] * (1 + (cut >= len(text) - 1)) if cut > len(TEXT) else good == []
        assert stream.truncated


def test_a_last_line_that_is_broken_is_not_a_cut() -> None:
    """A file that ends in a closed but broken value ends where it should."""
    assert not stream_of(f'{TEXT}\n{{"a": bad}}\n')[2].truncated
    assert stream_of(f'{TEXT}\n{{"a": "b')[2].truncated
    assert stream_of(f'{TEXT}\n{{"a": 12')[2].truncated
    assert stream_of(f'{TEXT}\n{{"a": {{}}')[2].truncated


def test_scalars_in_an_array_are_values() -> None:
    """They are no rows, which is for others to say."""
    assert stream_of(f'[{TEXT}, 1, "two", null, [3], {TEXT}]')[0] == [ROW, 1, "two", None, [3], ROW]


def test_odd_numbers_and_names() -> None:
    """NaN, infinity, repeated names and lone surrogates are Python's; endless digits are broken."""
    good, errors, _ = stream_of('[{"a": NaN, "b": -Infinity}, {"a": 1, "a": 2}, {"a": "\\ud800"}]')
    assert (good[1:], errors) == ([{"a": 2}, {"a": "\ud800"}], [])
    good, errors, _ = stream_of(f'[{{"a": {"9" * 5000}}}, {TEXT}]')
    assert (good, errors) == ([ROW], ["the JSON is broken"])


def test_deep_nesting_is_refused() -> None:
    """It costs its own value, not the process."""
    deep = '{"a":' * 100_000
    good, errors, _ = stream_of(f"{TEXT}\n{deep}\n{TEXT}\n")
    assert good == [ROW, ROW]
    assert errors == ["nested too deep"]


def test_an_endless_value_is_given_up() -> None:
    """Beyond the limit a value is a bad row; what follows is read."""
    good, errors, _ = stream_of(f'{TEXT}\n{{"a": [{"1," * 200_000}\n{TEXT}\n', 4096, limit=100_000)
    assert good == [ROW, ROW]
    assert errors == ["a JSON value of more than 100,000 characters"]


def test_values_of_a_broken_loki_stream_are_found() -> None:
    """A push that was cut is one value of many; each of its lines is worth reading."""
    push = '{"streams":[{"stream":{},"values":[["1762917393993000000","a"],["1762917393993000001","b"],["17'
    good, errors, stream = stream_of(push)
    assert [value[1] for value in good] == ["a", "b"]
    assert len(errors) == 2
    assert stream.truncated


@pytest.mark.parametrize(
    "text", ["\n" * 400_000, " " * 400_000, "[ " * 100_000, "}, " * 100_000, "]," * 200_000]
)
@pytest.mark.parametrize("size", [1 << 10, 1 << 18])
def test_gaps_take_linear_time(text: str, size: int) -> None:
    """Runs of blanks and brackets behind a broken value are passed once."""
    began = time.process_time()
    stream_of(f"{{bad {text}\n{TEXT}", size)
    assert time.process_time() - began < 3


@pytest.mark.parametrize("depth", [1, 2, 3, 50])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_run_of_brackets_opens_each(depth: int, size: int) -> None:
    """Arrays in arrays come out as their elements, in chunks of any size, closed or cut."""
    text = "[" * depth + '{"a":1},{"a":2}' + "]" * depth
    for given, is_cut in ((text, False), (text[:-1], True)):
        stream = JsonStream(given[at : at + size] for at in range(0, len(given), size))
        assert [value.value for value in stream] == [{"a": 1}, {"a": 2}]
        assert stream.truncated == is_cut
