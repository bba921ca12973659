"""Endless lines and endless logs: what is read beside the events takes bounded memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PICK = b"Using GOOGLE_KEY_1 (position 1/2 in pool)\n"
MIB = 1 << 20

MEASURED = """
import re, sys
from pathlib import Path
from keyrota.cli.boundary import run
def resident(what):
    return int(re.search(what + r":\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
run(["check", "-q", sys.argv[1], "-o", sys.argv[3]])  # libraries and the compiler belong to the baseline
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS")
code = run(["check", sys.argv[2]])
print(code, (resident("VmHWM") - before) // 1024)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by /proc")


def silent(path: Path, lines: int, *, width: int = 99) -> Path:
    """A log of one pick and so many lines that say nothing."""
    with path.open("wb") as file:
        file.write(PICK)
        block = (b"x" * width + b"\n") * 10_000
        for _ in range(lines // 10_000):
            file.write(block)
    return path


def growth(folder: Path, log: str, *, feed: int | None = None) -> tuple[int, str]:
    """How much `check` needs above its baseline, in MiB, and what it noted; `feed` bytes come by a pipe."""
    warm = silent(folder / "warm.log", 600_000)
    command = [sys.executable, "-c", MEASURED, str(warm), log, str(folder / "warm.txt")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        if feed is not None:
            process.stdin.write(PICK * 2000)
            for _ in range(feed // MIB):
                process.stdin.write(b"x" * MIB)
            process.stdin.write(b"\n" + PICK)
        out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err
    code, mebibytes = out.decode().split()[-2:]
    assert code in ("0", "1")
    return int(mebibytes), err.decode()


@pytest.mark.parametrize("size", [256 * MIB, pytest.param(10_240 * MIB, marks=pytest.mark.nightly)])
def test_an_endless_line_from_a_pipe(size: int, tmp_path: Path) -> None:
    """A line of 256 MiB, nightly 10 GiB, is cut, counted, and takes at most 64 MiB over the baseline."""
    mebibytes, notes = growth(tmp_path, "-", feed=size)
    assert mebibytes <= 64
    assert "1 line longer than 1,048,576 characters, cut there" in notes


@pytest.mark.parametrize("size", [256 * MIB, pytest.param(10_240 * MIB, marks=pytest.mark.nightly)])
def test_an_endless_line_in_a_sparse_file(size: int, tmp_path: Path) -> None:
    """A hole in the middle of a log, of 256 MiB, nightly 10 GiB, costs time and no memory."""
    path = tmp_path / "sparse.log"
    with path.open("wb") as file:
        file.write(PICK * 2000)
        file.seek(size, 1)
        file.write(b"\n" + PICK)
    mebibytes, _ = growth(tmp_path, str(path))
    assert mebibytes <= 64


@pytest.mark.nightly
def test_lines_that_say_nothing_take_no_memory(tmp_path: Path) -> None:
    """From 10^5 to 10^7 lines `check` needs at most 16 MiB more."""
    peaks = []
    for lines in (600_000, 10_000_000):
        path = silent(tmp_path / "log", lines)
        peaks.append(growth(tmp_path, str(path))[0])
        path.unlink()
    assert peaks[1] - peaks[0] <= 16
