"""Looks of sixty-four bytes, and where lines end, against the plain way of saying it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.logs.scan import wide
from keyrota.logs.scan.alphabet import IDENTIFIER
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.wide import MOST_ENDS, WIDE
from keyrota.logs.scan.words import SLACK

IN_PYTHON = [False, True]


def function(name: str, in_python: bool) -> Any:
    return getattr(wide, name) if in_python else machine_code(name)


def buffer_of(data: bytes) -> Any:
    """Return bytes with line ends behind them, which are not to be taken for theirs."""
    return np.frombuffer(data + b"\n" * SLACK, dtype=np.uint8)


@pytest.mark.parametrize("in_python", IN_PYTHON)
@settings(deadline=None)  # the first call compiles
@given(data=st.binary(min_size=WIDE, max_size=WIDE), byte=st.integers(0, 255))
def test_a_look_finds_each_byte(in_python: bool, data: bytes, byte: int) -> None:
    """Of all sixty-four, and those in a range with both its ends."""
    buffer = buffer_of(data)
    bits = int(function("equal", in_python)(buffer, 0, byte))
    assert bits == sum(1 << place for place, one in enumerate(data) if one == byte)
    ranged = int(function("between", in_python)(buffer, 0, byte // 2, byte))
    assert ranged == sum(1 << place for place, one in enumerate(data) if byte // 2 <= one <= byte)
    near, near_ranged = (function(f"near_{name}", in_python) for name in ("equal", "between"))
    assert int(near(buffer, 48, byte)) == bits >> 48
    assert int(near_ranged(buffer, 48, byte // 2, byte)) == ranged >> 48
    of_ids = int(function("identifiers", in_python)(buffer, 0))
    assert of_ids == sum(1 << place for place, one in enumerate(data) if IDENTIFIER[one])


@pytest.mark.parametrize("in_python", IN_PYTHON)
@settings(deadline=None)  # the first call compiles
@given(number=st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 1 << 63, 2**64 - 1])))
def test_bits(in_python: bool, number: int) -> None:
    """The first, how many, and all but the first, also of none."""
    bits = np.uint64(number)
    places = [place for place in range(WIDE) if number >> place & 1]
    assert function("first_of", in_python)(bits) == (places[0] if places else WIDE)
    assert function("count_of", in_python)(bits) == len(places)
    assert int(function("without_first", in_python)(bits)) == sum(1 << place for place in places[1:])
    odd = [place for place in range(WIDE) if (number & (2 << place) - 1).bit_count() % 2]
    assert int(function("parity", in_python)(bits)) == sum(1 << place for place in odd)


@pytest.mark.parametrize("in_python", IN_PYTHON)
@settings(deadline=None)  # the first call compiles
@given(
    lines=st.lists(st.integers(0, 200), max_size=30),
    tail=st.integers(0, 150),
    at=st.integers(0, 70),
    reach=st.sampled_from([1, 63, 64, 65, 500, 1 << 15]),
    is_last=st.booleans(),
)
def test_line_ends(in_python: bool, lines: list[int], tail: int, at: int, reach: int, is_last: bool) -> None:
    """From call to call: every LF is told once, the unfinished line only at the end of the stream."""
    data = b"x" * at + b"".join(b"a" * line + b"\n" for line in lines) + b"b" * tail
    expected = [place for place, byte in enumerate(data) if byte == 10 and place >= at]
    if is_last and len(data) > (expected[-1] + 1 if expected else at):
        expected.append(len(data))
    ends = np.zeros(MOST_ENDS, dtype=np.int64)
    told: list[int] = []
    while at < len(data):
        number = function("line_ends", in_python)(buffer_of(data), at, len(data), is_last, reach, ends)
        if number == 0:
            break
        assert ends[0] == at - 1
        told += ends[1 : number + 1].tolist()
        at = told[-1] + 1
    assert told == expected


@pytest.mark.parametrize("in_python", IN_PYTHON)
def test_a_look_of_line_ends_alone(in_python: bool) -> None:
    """More of them in one look than are written at once, up to the most that there is room for."""
    data = b"\n" * wide.MOST_REACH
    ends = np.zeros(MOST_ENDS, dtype=np.int64)
    number = function("line_ends", in_python)(buffer_of(data), 0, len(data), True, wide.MOST_REACH, ends)
    assert number == len(data)
    assert ends[1 : number + 1].tolist() == list(range(len(data)))
