"""What is looked for in a whole block, against a search for it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyrota.logs.scan import marks
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.marks import HAS_NUL, MAY_BE_GLUED
from keyrota.logs.scan.words import SLACK

PIECES = [
    b"a",
    b"\0",
    b"\xef",
    b"\xbb",
    b"\xef\xbb\xbf",
    b"}",
    b"{",
    b"[",
    b"]",
    b";",
    b" ",
    b"x" * 61,
    b"\n",
]


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("in_python", [False, True])
@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join), st.integers(0, 70), st.integers(0, 3))
@example(b"x" * 63 + b"}{", 0, 0)  # across two looks
@example(b"x" * 63 + b"}{", 0, 1)  # cut between the two
@example(b"x" * 128 + b"\0", 0, 1)
@example(b"\0" + b"x" * 70, 1, 0)
def test_marks(in_python: bool, is_json: bool, data: bytes, start: int, left: int) -> None:
    """Of a part of a buffer alone, whatever stands around it."""
    end = max(start, len(data) - left)
    part = data[start:end]
    buffer = np.frombuffer(data.ljust(end, b"x") + b"{\0\xbb\xef" * (SLACK // 4), dtype=np.uint8)
    expected = HAS_NUL if b"\0" in part or b"\xef\xbb" in part else 0
    expected |= MAY_BE_GLUED if is_json and re.search(rb"\}[\[{]", part) else 0
    function = marks.marks if in_python else machine_code("marks")
    assert function(buffer, start, end, is_json) == expected
