"""A file is the old one or the new one, whole: after every fault of the system, and after every kill."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keyrota.errors import OutputError
from keyrota.report import atomic
from keyrota.report.atomic import write_bytes, written_whole

FAULTS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EINTR, errno.EDQUOT, errno.EROFS)
OLD, NEW = b"old\n" * 1000, b"new\n" * 50_000
PICKS = "Using GOOGLE_KEY_1 (position 1/2 in pool)\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n"


class FakeSystem:
    """The system as `report.atomic` sees it: its calls are noted, and one of them fails.

    A fault of `close` comes after the closing, as it does for real. Of `write` no more than `most` bytes are
    taken at a time.
    """

    CALLS = ("open", "write", "fsync", "chmod", "replace", "close", "stat", "unlink")

    def __init__(self, fails_at: int = -1, number: int = 0, most: int = 1 << 30) -> None:
        self.called: list[str] = []
        self._fails_at, self._number, self._most = fails_at, number, most

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.CALLS:
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self.called.append(self._told(name, arguments))
            is_fault = len(self.called) - 1 == self._fails_at
            if name == "close" and is_fault:
                real(*arguments)
            if is_fault:
                raise OSError(self._number, os.strerror(self._number))
            if name == "write":
                return real(arguments[0], bytes(arguments[1][: self._most]))
            return real(*arguments, **options)

        return call

    def _told(self, name: str, arguments: tuple[Any, ...]) -> str:
        is_folder = name == "open" and os.path.isdir(arguments[0])
        return f"{name} folder" if is_folder else name


def write_with(system: FakeSystem, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "os", system)
        write_bytes(path, NEW, overwrite=True)


def test_the_order_of_the_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written, then its mode, synced, renamed, and the folder synced; short writes go on."""
    path = tmp_path / "a.txt"
    path.write_bytes(OLD)
    system = FakeSystem(most=90_000)
    write_with(system, path, monkeypatch)
    assert path.read_bytes() == NEW
    assert system.called == [
        "open", "write", "write", "write", "close",
        "stat", "chmod", "open", "fsync", "close",
        "replace", "open folder", "fsync", "close", "close",
    ]  # fmt: skip


def handles_in(folder: Path) -> list[str]:
    """Return what this process has open in a folder; other threads may open and close what they like."""
    opened = []
    if sys.platform == "linux":
        for handle in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                opened.append(os.readlink(f"/proc/self/fd/{handle}"))
    return [name for name in opened if name.startswith(str(folder))]


@pytest.mark.parametrize("number", FAULTS, ids=[errno.errorcode[number] for number in FAULTS])
@pytest.mark.parametrize("is_new", [False, True], ids=["replaced", "new"])
def test_a_fault_at_each_call(
    number: int, is_new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of exit code 4, the target as it was, nothing left beside it, no handle open."""
    path = tmp_path / "a.txt"
    steps = FakeSystem()
    write_with(steps, path, monkeypatch)
    steps = FakeSystem()
    if is_new:
        path.unlink()
    write_with(steps, path, monkeypatch)
    done = steps.called.index("replace")
    with path.open("rb"):
        assert handles_in(tmp_path) == [str(path)] or sys.platform != "linux"
    for step in range(len(steps.called)):
        if is_new:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(OLD)
        system = FakeSystem(step, number)
        if step <= done:
            with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(") as error:
                write_with(system, path, monkeypatch)
            assert error.value.exit_code == 4
            assert not path.exists() if is_new else path.read_bytes() == OLD
        else:  # it stands there, whole
            write_with(system, path, monkeypatch)
            assert path.read_bytes() == NEW
        assert [own.name for own in tmp_path.iterdir()] == ([] if is_new and step <= done else ["a.txt"])
        assert handles_in(tmp_path) == []


def test_a_file_system_that_cannot_sync_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no way to sync is written all the same; what fails to sync is not."""
    path = tmp_path / "a.txt"
    steps = FakeSystem()
    write_with(steps, path, monkeypatch)
    place = steps.called.index("fsync")
    path.unlink()
    write_with(FakeSystem(place, errno.EINVAL), path, monkeypatch)
    assert path.read_bytes() == NEW


LIMITED = """
import resource, signal, sys
from keyrota.cli.boundary import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "arguments",
    [["parse", "-o", "out.csv"], ["parse", "-o", "out.parquet"], ["report", "-o", "out.json"]],
    ids=["csv", "parquet", "json"],
)
def test_a_disk_that_takes_only_a_part(arguments: list[str], tmp_path: Path) -> None:
    """A real write that the system cuts short: exit 4, the old file stands, nothing beside it."""
    (tmp_path / "a.log").write_text(PICKS * 200)
    out = tmp_path / arguments[-1]
    out.write_bytes(OLD)
    command = [sys.executable, "-c", LIMITED, arguments[0], "-q", "--force", "a.log", *arguments[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("keyrota: error: ")
    assert "file too large" in done.stderr.lower()
    assert out.read_bytes() == OLD
    assert sorted(own.name for own in tmp_path.iterdir()) == sorted(["a.log", arguments[-1]])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("command", ["parse", "report", "check"])
def test_a_full_disk_behind_standard_output(command: str, tmp_path: Path) -> None:
    """ENOSPC while printing is exit 4 and one line."""
    path = tmp_path / "a.log"
    path.write_text(PICKS * 50)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "keyrota", command, "-q", str(path)], stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=120, env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip  # buffered, what is left is written at exit
    assert done.returncode == 4
    assert done.stderr == "keyrota: error: the output could not be written (no space left on device)\n"


KILLED = """
import sys
from pathlib import Path
from keyrota.report.atomic import write_bytes
path = Path(sys.argv[1])
print("ready", flush=True)
for number in range(1_000_000):
    write_bytes(path, bytes([48 + number % 10]) * (1 << 20), overwrite=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is Unix")
@pytest.mark.parametrize("kills", [100, pytest.param(1000, marks=pytest.mark.nightly)])
def test_no_kill_tears_a_file(kills: int, tmp_path: Path) -> None:
    """After SIGKILL at any moment the file is whole, and what was left beside it goes with the next write."""
    path = tmp_path / "a.bin"
    rng = random.Random(5)
    left = 0
    for _ in range(kills):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.random() * 0.03)  # the moment of the kill, not a wait for something
            process.kill()
        assert process.returncode == -signal.SIGKILL
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 1 << 20
            assert len(set(data)) == 1
        names = {own.name for own in tmp_path.iterdir()} - {"a.bin"}
        left += len(names)
        assert len(names) <= 1, "the next writer removes what was left"
    write_bytes(path, NEW, overwrite=True)
    assert [own.name for own in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_bytes() == NEW
    assert left > 0, "no kill fell into a write: the test shows nothing"


def test_temporary_files_of_others_stay(tmp_path: Path) -> None:
    """One that is being written, one of another target, and what only looks alike are not removed."""
    path = tmp_path / "a.txt"
    others = [".b.txt.abcdefgh.tmp", ".a.txt.abc.tmp", ".a.txt.abcdefgh.tmp.bak", "a.txt.tmp"]
    for name in others:
        (tmp_path / name).write_text("x")
    (tmp_path / "outside").write_text("kept")
    (tmp_path / ".a.txt.linklink.tmp").symlink_to(tmp_path / "outside")
    (tmp_path / ".a.txt.left0ver.tmp").write_text("left")
    with written_whole(path) as temporary:
        temporary.write_text("slow")
        write_bytes(path, b"quick", overwrite=True)  # its clean-up meets the other's file
        assert temporary.exists()
        with pytest.raises(OutputError), written_whole(path):
            pass
    assert path.read_bytes() == b"slow"
    assert sorted(own.name for own in tmp_path.iterdir()) == sorted(
        [*others, "outside", ".a.txt.linklink.tmp", "a.txt"]
    )


@pytest.mark.parametrize("name", ["n" * 255, "ä" * 127, "a b\nc", "-", "..x", "a.tmp"])
def test_every_name_that_a_file_may_have(name: str, tmp_path: Path) -> None:
    """A name of the greatest length leaves room for that of the temporary file."""
    write_bytes(tmp_path / name, b"x")
    assert [own.name for own in tmp_path.iterdir()] == [name]
