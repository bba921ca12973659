"""Pipes without a writer, files that vanish, shrink or may not be read: one line, and no endless wait."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keyrota import opening
from keyrota.cli.boundary import run
from keyrota.logs import gathering
from keyrota.logs.read import read
from keyrota.logs.sources import Source

PICKS = "Using GOOGLE_KEY_1 (position 1/2 in pool)\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n"
LONGEST_S = 5


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def empty_folder(folder: Path) -> str:
    (folder / "empty").mkdir()
    return str(folder / "empty")


def socket_file(folder: Path) -> str:
    # Its name may not be long.
    with socket.socket(socket.AF_UNIX) as own, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        own.bind("socket")
    return str(folder / "socket")


def dangling_link(folder: Path) -> str:
    (folder / "link").symlink_to(folder / "gone")
    return str(folder / "link")


def empty_file(folder: Path) -> str:
    (folder / "nothing").touch()
    return str(folder / "nothing")


NOT_THERE: dict[str, tuple[Callable[[Path], str], str]] = {
    "pipe": (pipe, "pipe: a pipe that nobody writes to; start what writes to it first"),
    "empty folder": (empty_folder, "empty: the folder holds no file"),
    "socket": (socket_file, "socket: no such device or address"),
    "dangling link": (dangling_link, "link: no such file or directory"),
    "missing": (lambda folder: str(folder / "gone"), "gone: no such file or folder"),
    "empty file": (empty_file, "nothing: nothing: the file is empty"),
    "null device": (lambda folder: os.devnull, "nothing: the file is empty"),
    "file as a folder": (lambda folder: f"{empty_file(folder)}/a.log", "a.log: no such file or folder"),
}


@pytest.mark.parametrize("name", NOT_THERE)
def test_what_cannot_be_read_ends_soon(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, one line that says why, nothing on standard output, within five seconds."""
    make, told = NOT_THERE[name]
    path = make(tmp_path)
    began = time.monotonic()
    assert run(["check", path]) == 3
    assert time.monotonic() - began < LONGEST_S
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("keyrota: error: ")
    assert err.count("\n") == 1
    assert told in err


@pytest.mark.parametrize("option", ["--pools", "--scenario"])
def test_a_declaration_from_a_pipe_does_not_hang(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pools file or scenario that is a pipe without a writer is refused, exit 2."""
    monkeypatch.setattr(opening, "PATIENCE_S", 0.2)
    command = ["check", "x.log"] if option == "--pools" else ["simulate"]
    began = time.monotonic()
    assert run([*command, option, pipe(tmp_path)]) == 2
    assert time.monotonic() - began < LONGEST_S
    assert "a pipe that nobody writes to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["watch", "--once"], 3, "no plain file; pipe it in and give - instead"),
        (["watch", "--once", "x.log", "--state"], 4, "is a device or a pipe; name a file"),
        (["watch", "--once", "--store"], 3, "is a device or a pipe; a history is a file"),
        (["report", "--store"], 3, "is a device or a pipe; a history is a file"),
    ],
)
def test_a_watch_and_a_history_are_no_pipes(
    arguments: list[str],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What has to be a file is refused if it is a pipe, instead of waiting for its writer."""
    monkeypatch.setattr(opening, "PATIENCE_S", 0.2)
    began = time.monotonic()
    assert run([*arguments, pipe(tmp_path)]) == code
    assert time.monotonic() - began < LONGEST_S
    assert told in capsys.readouterr().err


def test_a_pipe_waits_for_a_writer_that_is_late(tmp_path: Path) -> None:
    """Who opens the pipe a moment after the reader is waited for."""
    path = pipe(tmp_path)
    writer = threading.Timer(0.3, Path(path).write_text, (PICKS,))
    writer.start()
    assert len(read(path).events) == 2
    writer.join(LONGEST_S)


def test_a_pipe_nobody_writes_to_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gave up waiting is gone, and the pipe can be read later."""
    path = pipe(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "PATIENCE_S", 0.2)
        assert run(["check", "-q", path]) == 3
    assert not [own for own in threading.enumerate() if own.name == "keyrota-pipe"]
    writer = threading.Thread(target=Path(path).write_text, args=(PICKS,))
    writer.start()
    assert len(read(path).events) == 2
    writer.join(LONGEST_S)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """A log that this user may not read is told so, exit 3; for root nothing is forbidden."""
    path = tmp_path / "a.log"
    path.write_text(PICKS)
    path.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    done = subprocess.run(
        [sys.executable, "-m", "keyrota", "check", str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert f"{path}: permission denied" in done.stderr


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
@pytest.mark.parametrize("when", ["open", "read"])
def test_a_device_that_fails(
    error: OSError,
    when: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error of the system, at once or in the middle, is one line and exit 3."""
    path = tmp_path / "a.log"
    path.write_text(PICKS * 1000)

    def failing(_stream: object) -> Iterator[bytes]:
        if when == "read":
            yield PICKS.encode() * 10
        raise error

    monkeypatch.setattr("keyrota.logs.sources._chunks", failing)
    assert run(["check", str(path)]) == 3
    err = capsys.readouterr().err
    assert err == f"keyrota: error: {path}: {str(error.strerror).lower()}\n"


def big_log(folder: Path) -> Path:
    path = folder / "big.log"
    path.write_text(PICKS + ("x" * 99 + "\n") * 5000)
    return path


@pytest.mark.parametrize("size", [0, 60, 5_000])
def test_a_file_that_shrinks_while_it_is_read(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there when it was read counts; no part of the file is read twice."""
    path = big_log(tmp_path)
    monkeypatch.setattr(gathering, "SCAN_BYTES", 1000)
    real = gathering.gathered_from

    def shrinking(sources: list[Source], *arguments: object) -> object:
        found = real(sources, *arguments)  # type: ignore[arg-type]
        os.truncate(path, size)
        return found

    monkeypatch.setattr("keyrota.logs.read.gathered_from", shrinking)
    code = run(["parse", "-q", str(path)])
    assert code == (3 if size == 0 else 0)


@pytest.mark.parametrize("scanned", [True, False])
def test_a_file_that_vanishes(
    scanned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between being found and being read, small or scanned in ranges: one line and exit 3."""
    path = big_log(tmp_path)
    if scanned:
        monkeypatch.setattr(gathering, "SCAN_BYTES", 1000)
    real = gathering._plan_of

    def vanishing(*arguments: object) -> object:
        plan = real(*arguments)  # type: ignore[arg-type]
        assert (plan is not None) == scanned
        path.unlink()
        return plan

    monkeypatch.setattr(gathering, "_plan_of", vanishing)
    assert run(["check", str(path)]) == 3
    assert capsys.readouterr().err == f"keyrota: error: {path}: no such file or directory\n"
