"""Which logs are scanned, and that what is found does not depend on how they are read."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from keyrota.errors import InputError
from keyrota.logs import gathering
from keyrota.logs.ahead import ahead
from keyrota.logs.formats import open_log
from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.read import Reading, read
from keyrota.logs.rules import RuleTable
from keyrota.logs.scan import ranges
from keyrota.logs.scan.shape import Shape, shape_of
from keyrota.logs.write import LogRow, boot_message, pick_message, shutdown_message, write_log
from keyrota.pools.load import parse_pools
from keyrota.workers import Workers

ISOLATE = "0d67aaaa-1111-4222-8333-444455556666"


def log_rows(number: int) -> list[LogRow]:
    """Return rows of isolates that boot, pick a key, say something and end."""
    rows = []
    for index in range(number):
        time_ns = 1_762_917_393_983_000_000 + index * 7_000_000
        messages = (
            boot_message(31),
            pick_message(index % 4 + 1, index % 4 + 1, 4),
            'hello, "you"\nand you',
            shutdown_message(),
        )
        shared: dict[str, Any] = {"execution_id": ISOLATE[:-4] + f"{index % 50:04}", "function_id": "beca-0"}
        rows += [
            LogRow(time_ns + at * 1_000_000, message, row_id=f"r-{index}-{at}", **shared)
            for at, message in enumerate(messages)
        ]
    return rows


ROWS = log_rows(150)
SHAPES = ("drain-ndjson", "studio-csv", "serve")
LOGS = {shape: write_log(ROWS, shape) for shape in SHAPES}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def same(one: Reading, other: Reading) -> None:
    assert one.events.equals(other.events)
    assert one.input == other.input
    assert one.pools == other.pools


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Shape]:
    """The pieces that were scanned; even the smallest log is."""
    told: list[Shape] = []
    scan_piece, scan_stream = gathering._scan_piece, gathering._scan_stream

    def of_piece(piece: Any, on_read: Any) -> Any:
        told.append(piece.shape)
        return scan_piece(piece, on_read)

    def of_stream(log: Any, shape: Shape, *, is_ahead: bool) -> Any:
        told.append(shape)
        return scan_stream(log, shape, is_ahead=is_ahead)

    monkeypatch.setattr(gathering, "SCAN_BYTES", 0)
    monkeypatch.setattr(gathering, "_scan_piece", of_piece)
    monkeypatch.setattr(gathering, "_scan_stream", of_stream)
    return told


ROW = b'{"event_message":"shutdown","timestamp":1762917393993000}\n'
HEADER = "event_message,id,timestamp"
TEXT = b"2025-11-12T03:16:33Z shutdown\n"


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (TEXT, Shape("text")),
        (b"\xef\xbb\xbf" + TEXT, Shape("text", 3)),
        (ROW, Shape("json")),
        (b"\xef\xbb\xbf" + ROW, Shape("json", 3)),
        (b"\n\n" + ROW, Shape("json")),
        (ROW[:-1], Shape("json")),
        (b"event_message,id,timestamp\r\nshutdown,a,1762917393993000\r\n", Shape("csv", 28, HEADER)),
        (b"\nevent_message,id,timestamp\nx,a,1\n", Shape("csv", 28, HEADER)),
        (TEXT.decode().encode("utf-16"), None),
        (ROW.decode().encode("utf-16-le"), None),
        ("\ufeff".encode().decode("cp1252").encode() + TEXT, None),
        (b"[" + ROW + b"]", None),
        (b"[" + ROW[:-1] + b"]\n" + ROW, None),
        (b'{"result":[' + ROW[:-1] + b"]}\n", None),
        (ROW[:-1] + ROW, None),
        (b" " + ROW, None),
        (b"some prose\n" + ROW * 3, None),
        (ROW.replace(b"event_message", b"msg"), None),
        (ROW.replace(b'"timestamp"', b'\n"timestamp"'), None),
        (b'"event_message","id","timestamp"\n"shutdown","a","1"\n', None),
        (b"event_message;id;timestamp\nshutdown;a;1\n", None),
        (b"<14>1 2025-11-12T03:16:33Z host app - - - shutdown\n", None),
    ],
)  # fmt: skip
def test_what_can_be_scanned(data: bytes, shape: Shape | None) -> None:
    """UTF-8, plain text, one object with a message to a line, correct CSV; nothing else."""
    assert shape_of(open_log([data]), DEFAULT_RULES) == shape


def test_own_rules_are_the_general_decoders(scans: list[Shape], tmp_path: Path) -> None:
    """A kernel knows the grammar as it is delivered."""
    assert shape_of(open_log([TEXT]), RuleTable(GRAMMAR)) is None
    (tmp_path / "log").write_bytes(LOGS["serve"])
    lines = (
        "[[rule]]", 'name = "mine"', 'kind = "pick"', "pattern = 'hello, key (?P<key>[0-9]+)'",
        'matches = ["hello, key 1"]',
        'rejects = ["hello"]',
    )  # fmt: skip
    assert len(read(tmp_path / "log", pools=parse_pools("\n".join(lines))).events) == 450
    assert scans == []
    assert len(read(tmp_path / "log").events) == 450
    assert scans == [Shape("text")]


@pytest.mark.parametrize("compress", COMPRESS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_size_decides(
    shape: str, compress: str, tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log under the limit never waits for a compiler; a compressed one is taken for six times its size."""
    data = COMPRESS[compress](LOGS[shape])
    path = tmp_path / "log"
    path.write_bytes(data)
    size = len(data) * (1 if compress == "plain" else gathering.RATIO)
    monkeypatch.setattr(gathering, "SCAN_BYTES", size + gathering.RATIO)
    expected = read(path)
    assert scans == []
    monkeypatch.setattr(gathering, "SCAN_BYTES", size)
    same(read(path), expected)
    assert {shape.format for shape in scans} == {
        {"drain-ndjson": "json", "studio-csv": "csv", "serve": "text"}[shape]
    }


def test_the_size_of_a_pipe_is_found_out(
    tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is scanned once so much of it came, and what came before is not lost."""
    data = LOGS["serve"]
    for limit, expected in ((len(data), 1), (len(data) + 1, 0), (1, 1)):
        pipe = tmp_path / f"pipe-{limit}"
        os.mkfifo(pipe)
        monkeypatch.setattr(gathering, "SCAN_BYTES", limit)
        scans.clear()
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        found = read(pipe)
        writer.join()
        assert len(scans) == expected
        assert (found.input.sources[0].lines, found.input.sources[0].bytes) == (data.count(b"\n"), len(data))
        assert int((found.events["kind"] == "pick").sum()) == 150


@pytest.mark.parametrize("shape", SHAPES)
def test_small_logs_start_no_compiler(shape: str, tmp_path: Path) -> None:
    """Nor load it: that takes longer than reading them."""
    path = tmp_path / "log"
    path.write_bytes(LOGS[shape])
    code = (
        "import sys, keyrota\n"
        "reading = keyrota.read(sys.argv[1])\n"
        "print(len(reading.events), [name for name in ('numba', 'llvmlite', 'isal') if name in sys.modules])"
    )
    for command in ([sys.executable, "-c", code, str(path)], [sys.executable, "-c", code, "-"]):
        done = subprocess.run(command, input=LOGS[shape], capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().strip() == "450 []"


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_compiler(
    shape: str, tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The general decoder reads everything."""
    path = tmp_path / "log"
    path.write_bytes(LOGS[shape])
    expected = read(path)
    assert scans
    scans.clear()
    monkeypatch.setattr(gathering, "has_compiler", lambda: False)
    same(read(path), expected)
    assert scans == []


@pytest.mark.parametrize("shape", SHAPES)
def test_neither_workers_nor_ranges_change_the_result(
    shape: str, tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One, two or four workers, a few ranges or some hundred, several files at once."""
    paths = []
    for name, compress in COMPRESS.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(compress(LOGS[shape][: -40 if name == "plain" else None]))
    monkeypatch.setattr(gathering, "SCAN_BYTES", 1 << 40)
    expected = read(paths)
    assert not scans
    monkeypatch.setattr(gathering, "SCAN_BYTES", 0)
    for least, most in ((1 << 24, 1 << 28), (10_000, 20_000), (300, 400)):
        monkeypatch.setattr(ranges, "LEAST_BYTES", least)
        monkeypatch.setattr(ranges, "MOST_BYTES", most)
        for jobs in (1, 2, 4):
            scans.clear()
            with Workers(jobs) as workers:
                same(read(paths, workers=workers), expected)
            assert len(scans) >= 3 + (100 if most == 400 else 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("compress", COMPRESS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_bytes_read_are_the_size(
    shape: str,
    compress: str,
    mark: bytes,
    tmp_path: Path,
    scans: list[Shape],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A progress bar that is given each number of bytes ends at its end."""
    path = tmp_path / "log"
    for content in (LOGS[shape], LOGS[shape][:-5], LOGS[shape] + b"\n\n"):
        path.write_bytes(COMPRESS[compress](mark + content))
        for least in (1 << 24, 900):
            monkeypatch.setattr(ranges, "LEAST_BYTES", least)
            monkeypatch.setattr(ranges, "MOST_BYTES", 2 * least)
            told: list[int] = []
            with Workers(2) as workers:
                read(path, on_read=told.append, workers=workers)
            assert min(told) >= 0
            assert sum(told) == path.stat().st_size
    assert scans


def before_piece(number: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something to the file before so manyth range of it is read."""
    calls: list[int] = []
    scan = ranges.scan

    def acting(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            act()
        return scan(*arguments, **options)

    monkeypatch.setattr(ranges, "scan", acting)
    monkeypatch.setattr(ranges, "LEAST_BYTES", 2000)
    monkeypatch.setattr(ranges, "MOST_BYTES", 2000)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("left", [0.0, 0.5, 0.77])
def test_a_file_that_shrinks_while_it_is_read(
    shape: str, left: float, tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there of it is read: a log that is rotated is cut to nothing under its reader."""
    path, cut = tmp_path / "log", tmp_path / "cut"
    data = LOGS[shape]
    size = int(len(data) * left)
    path.write_bytes(data)
    cut.write_bytes(data[:size])
    expected = read(cut) if left else None
    before_piece(1 if left else 2, lambda: os.truncate(path, size), monkeypatch)
    with Workers(1) as workers:
        found = read(path, workers=workers)
    if expected is not None:
        assert found.events.drop(columns="source").equals(expected.events.drop(columns="source"))
    assert 0 < len(found.events) < 450
    assert len(scans) > 3


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_that_vanishes_while_it_is_read(
    shape: str, tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names it, if the user did; else it is left out."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(LOGS[shape])
    with monkeypatch.context() as patch:
        before_piece(3, (folder / "a").unlink, patch)
        with Workers(1) as workers, pytest.raises(InputError) as told:
            read([folder / "a", folder / "b"], workers=workers)
    assert str(told.value) == f"{folder / 'a'}: no such file or directory"
    (folder / "a").write_bytes(LOGS[shape])
    before_piece(3, (folder / "a").unlink, monkeypatch)
    with Workers(1) as workers:
        found = read(folder, workers=workers)
    assert found.input.skipped == ((str(folder / "a"), "no such file or directory"),)
    assert [source.name for source in found.input.sources] == [str(folder / "b")]
    assert found.events.equals(read(folder / "b").events)
    assert scans


def test_a_file_that_grows_is_read_to_where_it_ended(
    tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that are written meanwhile are the next reading's."""
    path = tmp_path / "log"
    path.write_bytes(LOGS["serve"])
    expected = read(path)

    def grow() -> None:
        with path.open("ab") as file:
            file.write(LOGS["serve"])

    before_piece(2, grow, monkeypatch)
    with Workers(1) as workers:
        found = read(path, workers=workers)
    assert found.events.equals(expected.events)
    assert found.input == expected.input


def test_damaged_files_are_told_alike(
    tmp_path: Path, scans: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was wrong with the compressed data, with long lines, with the last value."""
    drain = LOGS["drain-ndjson"]
    files = {
        "cut.gz": gzip.compress(drain)[:-20],
        "cut.zst": zstandard.ZstdCompressor().compress(drain)[:-20],
        "junk.gz": gzip.compress(LOGS["serve"]) + b"some other data, quite long",
        "flipped.zst": zstandard.ZstdCompressor(write_checksum=True).compress(LOGS["studio-csv"])[:-1]
        + b"\x00",
        "cut.ndjson": drain[:-20],
        "long.log": LOGS["serve"] + b"x" * ((1 << 20) + 1) + b"\n" + LOGS["serve"],
        "bad.ndjson": drain + json.dumps({"event_message": pick_message(9, 5, 4)}).encode(),
        "holes.log": b"\x00" * 4096 + LOGS["serve"],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(gathering, "SCAN_BYTES", 1 << 40)
    expected = read(tmp_path)
    assert not scans
    monkeypatch.setattr(gathering, "SCAN_BYTES", 0)
    same(read(tmp_path), expected)
    assert len(scans) >= len(files)
    told = [source for source in expected.input.sources if source.problems or source.malformed]
    assert len(told) >= 6


def test_only_what_does_not_wait_is_decompressed_ahead(
    scans: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream may pause for good: Ctrl-C would wait with it."""
    used: list[object] = []

    def counted(chunks: Any) -> Any:
        used.append(chunks)
        return ahead(chunks)

    monkeypatch.setattr(gathering, "ahead", counted)
    data = gzip.compress(ROW * 100)
    path = tmp_path / "log.gz"
    path.write_bytes(data)
    with Workers(2) as workers:
        whole = read([path], workers=workers)
        assert len(used) == 1
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        piped = read(["-"], workers=workers)
    assert len(used) == 1
    assert len(scans) == 3  # a piece and its stream, then a stream
    assert len(piped.events) == len(whole.events) == 100
