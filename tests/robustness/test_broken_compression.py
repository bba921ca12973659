"""Compressed input that is cut, damaged, no log or a bomb: what can be read is, and the reason is told."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from keyrota.cli.boundary import run
from keyrota.errors import ConfigurationError, InputError
from keyrota.logs.read import Reading, read

KEYS = np.random.default_rng(5).integers(1, 3, 1000)
LINES = [f"Using GOOGLE_KEY_{key} (position {key}/2 in pool)\n".encode() for key in KEYS]
TEXT = b"".join(LINES)
TIMED = [
    b"2025-11-10T08:%02d:%02d.%03dZ %b" % (n // 60, n % 60, n * 7919 % 1000, line)
    for n, line in enumerate(LINES)
]
CUT = "the compressed data ends early (the file was cut)"
FOLLOWED = "other data follows the compressed data"


def reading_or_reason(path: Path) -> tuple[str, Reading | None]:
    try:
        reading = read(path)
    except InputError as error:
        return str(error), None
    return reading.input.sources[0].problems[0], reading


@pytest.mark.parametrize(
    "lines", [LINES, pytest.param(TIMED, marks=pytest.mark.nightly)], ids=["short", "timed"]
)
def test_a_gzip_cut_at_every_byte_gives_a_prefix_and_says_so(
    lines: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 lines cut anywhere: the first records, marked as cut, with a note; refused with --strict."""
    data = gzip.compress(b"".join(lines), mtime=0)
    path = tmp_path / "log.gz"
    numbers: list[int] = []
    for cut in range(2, len(data)):
        path.write_bytes(data[:cut])
        if not numbers and cut < 250:
            told, reading = reading_or_reason(path)
            assert CUT in told
            if reading is None:
                continue
        reading = read(path)
        (source,) = reading.input.sources
        assert source.truncated
        assert source.problems == (CUT,)
        assert reading.events["key"].tolist() == KEYS[: len(reading.events)].tolist()
        assert source.lines == source.used + source.ignored + source.malformed
        numbers.append(len(reading.events))
        if cut % 25 == 0 or cut > len(data) - 9:
            assert run(["parse", str(path)]) == 0
            assert capsys.readouterr().err == f"keyrota: note: {path}: {CUT}; what could be read was used\n"
            for command in ("check", "parse", "report"):
                assert run([command, "--strict", "-q", str(path)]) == 3
                out, err = capsys.readouterr()
                assert out == ""
                assert err.startswith(f"keyrota: error: --strict: {path}: {CUT}")
    assert numbers == sorted(numbers)
    assert numbers[-1] == 1000
    assert len(numbers) > len(data) - 250


def test_strict_lets_whole_logs_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --strict a log without a fault gives what it gives without."""
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(TEXT))
    outputs = []
    for options in ([], ["--strict"]):
        assert run(["parse", *options, str(path)]) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"event_message":"Using GOOGLE_KEY_1 (position 1/2 in pool)"}\n{"event_message":"\n',
         "malformed: line 2"),
        (b'[{"event_message":"Using GOOGLE_KEY_1 (position 1/2 in pool)"},{"event_mes',
         "the file ends inside a JSON value (it was cut)"),
        (TEXT[:90] + b"x" * 1_100_000 + b"\n", "1 line longer than 1,048,576 characters"),
    ],
)  # fmt: skip
def test_strict_refuses_every_kind_of_damage(
    content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Malformed lines, a cut value and lines too long are errors then, each named."""
    path = tmp_path / "log"
    path.write_bytes(content)
    assert run(["parse", "-q", str(path)]) == 0
    capsys.readouterr()
    assert run(["parse", "-q", "--strict", str(path)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_strict_and_the_limit_bound_what_is_planned_simulated_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cut log is no basis for a plan or a model, and an add to a history is all or nothing."""
    path, store = tmp_path / "log.gz", tmp_path / "kept.duckdb"
    path.write_bytes(gzip.compress(TEXT)[:-9])
    sound = tmp_path / "sound.gz"
    sound.write_bytes(gzip.compress(TEXT))
    for command in (
        ["plan", str(path)],
        ["simulate", "--like", str(path)],
        ["history", "add", str(sound), str(path), "--store", str(store)],
    ):
        assert run([*command, "-q", "--strict"]) == 3
        assert CUT in capsys.readouterr().err
    assert run(["history", "add", str(sound), "-q", "--strict", "--store", str(store)]) == 0
    assert run(["history", "list", "--store", str(store), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1000
    limit = ["history", "add", str(sound), "--strict", "--max-inflated", "1kB", "--store", str(store)]
    assert run(limit) == 3
    assert "more than the limit of 1,000 bytes; the rest was left out\n" in capsys.readouterr().err


def test_strict_is_about_logs_and_not_about_a_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options about reading logs are refused where none are read."""
    for option in (["--strict"], ["--max-inflated", "1GiB"]):
        assert run(["check", *option, "--store", str(tmp_path / "none.duckdb")]) == 2
        assert "have no effect with --store" in capsys.readouterr().err


def changed(data: bytes, at: int, to: bytes) -> bytes:
    at %= len(data)
    return data[:at] + to + data[at + len(to) :]


GZ = gzip.compress(TEXT, mtime=0)
ZST = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
BZ2 = bz2.compress(TEXT)
XZ = lzma.compress(TEXT)
HALF = len(TEXT) // 2
WHOLE, SOME, NONE = 1000, -1, 0
FIXTURES: dict[str, tuple[bytes, int, str | None]] = {
    # name: bytes, events, what is said of them; SOME is more than none and not all.
    "gz whole": (GZ, WHOLE, None),
    "gz of two members": (gzip.compress(TEXT[:HALF]) + gzip.compress(TEXT[HALF:]), WHOLE, None),
    "gz padded with zeros": (GZ + bytes(512), WHOLE, None),
    "gz cut in half": (GZ[: len(GZ) // 2], SOME, CUT),
    "gz cut before the checksum": (GZ[:-8], WHOLE, CUT),
    "gz cut before the length": (GZ[:-4], WHOLE, CUT),
    "gz cut in the header": (GZ[:6], NONE, CUT),
    "gz second member cut": (GZ + GZ[:200], SOME + WHOLE, CUT),
    "gz wrong checksum": (changed(GZ, -8, b"\0\0\0\0"), WHOLE, "the compressed data is damaged ("),
    "gz wrong length": (changed(GZ, -4, b"\xff\xff"), WHOLE, "the compressed data is damaged ("),
    "gz damaged inside": (changed(GZ, len(GZ) // 2, b"\xff" * 60), SOME, "the compressed data is damaged ("),
    "gz unknown method": (changed(GZ, 2, b"\x07"), NONE, "the compressed data is damaged ("),
    "gz reserved flags": (changed(GZ, 3, b"\xe0"), NONE, "the compressed data is damaged ("),
    "gz followed by text": (GZ + b"and some text\n", WHOLE, FOLLOWED),
    "gz followed by half a magic": (GZ + b"\x1f", WHOLE, CUT),
    "gz of nothing": (gzip.compress(b""), NONE, "nothing: the file is empty"),
    "gz of blanks": (gzip.compress(b" \n" * 50), NONE, "nothing: the file is empty"),
    "gz of gz": (gzip.compress(GZ), NONE, "compressed twice; decompress it once"),
    "gz of noise": (gzip.compress(np.random.default_rng(1).bytes(9000)), NONE, "binary data"),
    "gz of a zip": (gzip.compress(b"PK\x03\x04" + bytes(90)), NONE, "a zip archive; unpack it first"),
    "gz magic alone": (b"\x1f\x8b", NONE, CUT),
    "zlib without gzip": (zlib.compress(TEXT), NONE, "binary data"),
    "deflate without gzip": (zlib.compress(TEXT)[2:-4], NONE, "binary data"),
    "zst whole": (ZST, WHOLE, None),
    "zst cut": (ZST[:-20], NONE, CUT),
    "zst wrong checksum": (changed(ZST, -4, b"\0\0\0\0"), NONE, "the compressed data is damaged ("),
    "zst wrong header": (changed(ZST, 4, b"\xff"), NONE, "the compressed data is damaged ("),
    "zst followed by text": (ZST + b"and some text\n", WHOLE, FOLLOWED),
    "bz2 cut": (BZ2[:-20], NONE, CUT),
    "bz2 wrong checksum": (changed(BZ2, 12, b"\0\0"), NONE, "the compressed data is damaged ("),
    "bz2 followed by text": (BZ2 + b"and some text\n", WHOLE, FOLLOWED),
    "xz cut": (XZ[:-30], WHOLE, CUT),
    "xz wrong header": (changed(XZ, 8, b"\0\0"), NONE, "the compressed data is damaged ("),
    "xz followed by text": (XZ + b"and some text\n", WHOLE, FOLLOWED),
    "empty": (b"", NONE, "nothing: the file is empty"),
    "zip": (b"PK\x03\x04" + bytes(90), NONE, "a zip archive; unpack it first"),
}


@pytest.mark.parametrize("name", FIXTURES)
def test_what_is_broken_is_told_exactly(name: str, tmp_path: Path) -> None:
    """Each kind of damage has its reason, and costs no event that can be had."""
    data, events, told = FIXTURES[name]
    path = tmp_path / "log"
    path.write_bytes(data)
    if events == NONE:
        with pytest.raises(InputError) as error:
            read(path)
        assert str(told) in str(error.value)
        return
    reading = read(path)
    (source,) = reading.input.sources
    if events == SOME:
        assert 0 < len(reading.events) < WHOLE
    else:
        assert len(reading.events) >= events
    # Deflate notices damage only some bytes after it: what lies between may be read wrongly.
    certain = 250 if "inside" in name else WHOLE
    assert reading.events["key"].tolist()[:certain] == KEYS[: len(reading.events)].tolist()[:certain]
    assert source.truncated == (told is not None)
    assert [problem[: len(told or "")] for problem in source.problems] == ([] if told is None else [told])


def test_there_are_enough_broken_files() -> None:
    """The table holds at least 20 that are broken."""
    assert sum(told is not None for _, _, told in FIXTURES.values()) >= 20


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress, bz2.compress])
def test_the_limit_of_a_decompressed_log_can_be_set(
    compress: Callable[[bytes], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reading ends at --max-inflated exactly, says so, and keeps the lines before it."""
    path = tmp_path / "log"
    path.write_bytes(compress(TEXT))
    length = len(LINES[0])
    assert run(["parse", "--max-inflated", f"{10 * length}", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 11
    assert f"it inflates to more than the limit of {10 * length} bytes; the rest was left out" in err
    assert run(["parse", "--strict", "--max-inflated", "1kB", str(path)]) == 3
    assert run(["parse", "--strict", "--max-inflated", "1MiB", str(path)]) == 0
    capsys.readouterr()
    for wrong in ("0", "-1", "1 GiB x", "many", "1e3", "\u0663MB"):
        assert run(["parse", "--max-inflated", wrong, str(path)]) == 2
        assert "is not a number of bytes above 0, such as 500MB, 4GiB or 1000000" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="max_inflated is 0; it is a number of bytes, 1 or more"):
        read(path, max_inflated=0)


BOMB = """
import re, sys
from pathlib import Path
from keyrota.logs.read import read
path, limit = Path(sys.argv[1]), int(sys.argv[2]) or None
plain = path.with_name("plain")
plain.write_bytes(b"Using GOOGLE_KEY_1 (position 1/2 in pool)\\n" + (b"x" * 200 + b"\\n") * 300_000)
read(plain)  # the libraries and the compiler are part of the baseline
def resident(what):
    return int(re.search(what + r":\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS")
reading = read(path, max_inflated=limit)
(source,) = reading.input.sources
print((resident("VmHWM") - before) // 1024, len(reading.events), source.truncated, *source.problems, sep="|")
"""


def bomb(mebibytes: int) -> bytes:
    """A gzip of a pick and then lines without a word, so many MiB of them, a thousandth of that long."""
    block = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = block.compress(LINES[0] + b"\n") + block.flush(zlib.Z_FULL_FLUSH)
    first, again = (block.compress(b"x" * (1 << 20)) + block.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    return start + first + again * (mebibytes - 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by /proc")
@pytest.mark.parametrize(
    ("mebibytes", "limit"),
    [(300, 200 << 20), pytest.param(10_240, 0, marks=pytest.mark.nightly)],
)
def test_a_bomb_stops_at_the_limit_in_little_memory(mebibytes: int, limit: int, tmp_path: Path) -> None:
    """10 MiB that inflate to 10 GiB end at the limit (4 GiB unless set), within 64 MiB over the baseline."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb(mebibytes))
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path), str(limit)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    peak, events, truncated, *problems = done.stdout.strip().split("|")
    assert (events, truncated) == ("1", "True")
    assert problems[0].startswith("1 line longer than 1,048,576 characters")
    assert problems[1].startswith(f"it inflates to more than {'the limit of ' if limit else ''}")
    assert f"{limit or 4 << 30:,} bytes" in problems[1]
    assert int(peak) <= 64
