"""No kernel reads a byte behind its buffer: edge files, cut at each length, before a protected page.

In processes of their own, which a byte too far would end.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import protected
from keyrota.logs.scan.json_place import GLUED, new_plan
from keyrota.logs.scan.libc import HAS_LIBC
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.names import enlarged, is_crowded, new_names
from keyrota.logs.scan.scratch import new_scratch
from keyrota.logs.scan.sink import AT, FULL, LINES, MORE, NUMBERS, ODD, ROWS, TEXT_SIZE, WHY, new_sink
from keyrota.logs.scan.usual import new_usual
from keyrota.logs.scan.wide import WIDE
from keyrota.logs.scan.words import SLACK
from scripts import environment

KERNELS = {"json": "scan_json", "text": "scan_text"}
_TEXT_BYTES = 20_000


def edge_files(shape: str) -> Iterator[bytes]:
    """Yield the edge files: their records one by one, as each kernel meets them, and some together."""
    import test_scan as variants  # beside this file, which a process of its own runs as a script

    whole = {**variants.JSON_VARIANTS, **variants.DAMAGED} if shape == "json" else variants.TEXT_VARIANTS
    for data in whole.values():
        yield data[:4000]
        yield from (line + b"\n" for line in data[:20_000].split(b"\n")[::5])


class Walk:
    """A kernel on a buffer: over odd lines it goes on, whatever the general decoder may say of them."""

    def __init__(self, shape: str) -> None:
        self.shape = shape
        self.kernel = machine_code(KERNELS[shape])
        self.scratch = new_scratch()
        self.plan = new_plan() if shape == "json" else new_usual()
        self.names = new_names(64)
        self.sink = new_sink(8, text_bytes=0)._replace(texts=protected.at_page_end(bytes(_TEXT_BYTES)))
        self.calls = 0

    def read(self, buffer: Any, end: int, is_last: bool, is_glued: bool) -> int:
        """Return the number of rows."""
        numbers = np.zeros(NUMBERS, dtype=np.int64)
        plan = self.plan
        if self.shape == "json":
            plan[GLUED] = is_glued
        rows = 0
        content = buffer[:end].tobytes()
        while True:
            self.calls += 1
            self.kernel(buffer, end, is_last, self.names, self.sink, self.scratch, numbers, plan)
            why, at = int(numbers[WHY]), int(numbers[AT])
            assert 0 <= at <= end
            if why == MORE:
                return rows + int(numbers[ROWS])
            if why == FULL and is_crowded(self.names):
                self.names = enlarged(self.names)
            elif why == ODD:
                behind = content.find(b"\n", at) + 1
                if behind == 0:
                    return rows + int(numbers[ROWS])
                numbers[AT] = behind
                numbers[LINES] += 1
            rows += int(numbers[ROWS])
            numbers[ROWS] = numbers[TEXT_SIZE] = 0


def walk_at_page_ends(shape: str, part: int, parts: int) -> tuple[int, int]:
    """Cut every edge file at each length, and walk over it before a protected page; return calls and rows."""
    walk = Walk(shape)
    rows = 0
    for number, data in enumerate(edge_files(shape)):
        if number % parts != part:
            continue
        place = Edge(len(data) + SLACK)
        step = 1 if len(data) < 1500 else 61
        for length in range(0, len(data) + 1, step):
            buffer = place.filled(protected.with_slack(data[:length], length))
            rows += walk.read(buffer, length, length % 2 == 0, length % 3 == 0)
            rows += walk.read(buffer, length, length % 2 == 1, length % 3 == 1)
    return walk.calls, rows


class Edge:
    """A place before a protected page that is used again and again: each page takes a call to make."""

    def __init__(self, size: int) -> None:
        self.whole = protected.at_page_end(bytes(size)) if size else np.zeros(0, dtype=np.uint8)

    def filled(self, data: bytes) -> Any:
        buffer = self.whole[len(self.whole) - len(data) :]
        buffer[:] = np.frombuffer(data, dtype=np.uint8)
        return buffer


def marks_at_page_ends() -> int:
    """Look for marks between every start and end of a buffer with its slack; return the calls."""
    marks = machine_code("marks")
    calls = 0
    for size in (0, 1, 2, 3, 64, 65, 127, 200):
        buffer = protected.at_page_end(b"{}" * ((size + SLACK) // 2 + 1))[-(size + SLACK) :]
        for start in range(size + 1):
            for end in range(start, size + 1):
                marks(buffer, start, end, True)
                calls += 1
    return calls


def without_guard() -> None:
    """Call ``memchr`` as a first version did: behind the end its length is negative, a huge one for libc."""
    import numba

    word = numba.types.intp
    memchr = numba.types.ExternalFunction("memchr", word(word, numba.types.int32, word))

    @numba.njit
    def find(buffer: Any, byte: int, start: int, end: int) -> int:
        base = buffer.ctypes.data
        found = memchr(base + start, byte, end - start)
        return end if found == 0 else found - base

    buffer = protected.at_page_end(b"a plain text")
    assert find(buffer, 98, 0, len(buffer)) == len(buffer)
    assert machine_code("find")(buffer, 98, len(buffer) + 1, len(buffer)) == len(buffer)
    print("so far all is well", flush=True)
    find(buffer, 98, len(buffer) + 1, len(buffer))


def a_byte_too_far() -> None:
    """Give a kernel an end that is one byte behind the buffer, which is a single look long."""
    buffer = protected.at_page_end(b"a line without an end, so long that there is a look for one".ljust(WIDE))
    walk = Walk("text")
    numbers = np.zeros(NUMBERS, dtype=np.int64)
    for end in (len(buffer), len(buffer) + 1):
        numbers[AT] = 0
        walk.kernel(buffer, end, False, walk.names, walk.sink, walk.scratch, numbers, walk.plan)
        print("so far all is well", flush=True)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )


needs_libc = pytest.mark.skipif(not HAS_LIBC, reason="libc's functions are what could read too far")


@needs_libc
@pytest.mark.parametrize("shape", KERNELS)
def test_no_byte_behind_the_buffer_is_read(shape: str) -> None:
    """By the kernels, of a part of the edge files."""
    done = run("walk", shape, "0", "7")
    assert done.returncode == 0, done.stderr[-2000:]
    calls, rows = map(int, done.stdout.split())
    assert calls > 12_000
    assert rows > 1_000


@needs_libc
@pytest.mark.nightly
@pytest.mark.parametrize("part", range(1, 7))
@pytest.mark.parametrize("shape", KERNELS)
def test_no_byte_behind_the_buffer_is_read_of_all_files(shape: str, part: int) -> None:
    """Of all the others."""
    done = run("walk", shape, str(part), "7")
    assert done.returncode == 0, done.stderr[-2000:]


@needs_libc
def test_marks_read_no_byte_behind_the_slack() -> None:
    """They look at eight bytes at a time, for which a buffer is longer than what is in it."""
    done = run("marks")
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 30_000


@needs_libc
@pytest.mark.parametrize("what", ["unguarded", "too-far"])
def test_a_byte_too_far_ends_the_process(what: str) -> None:
    """So that the tests above can fail: a search without its guard, a wrong end."""
    done = run(what)
    assert done.stdout == "so far all is well\n", done.stderr[-2000:]
    assert done.returncode < 0, done.stderr[-2000:]


if __name__ == "__main__":
    if sys.argv[1] == "walk":
        print(*walk_at_page_ends(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    elif sys.argv[1] == "marks":
        print(marks_at_page_ends())
    elif sys.argv[1] == "unguarded":
        without_guard()
    else:
        a_byte_too_far()
