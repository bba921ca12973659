"""Where logs come from, and what is said when they do not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keyrota import InputError
from keyrota.logs.read import read
from keyrota.logs.sources import find_sources

PICK = "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n"


def names(*paths: object) -> list[str]:
    return [source.name for source in find_sources([str(path) for path in paths])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.log", "a.log", "sub/c.log", ".hidden", ".git/d.log"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PICK)
    return tmp_path


def test_a_folder_gives_its_files_by_name(folder: Path) -> None:
    """Files below it too, hidden ones not."""
    assert names(folder) == [str(folder / name) for name in ("a.log", "b.log", "sub/c.log")]
    assert all(not source.is_named for source in find_sources([folder]))


def test_a_glob_gives_what_it_matches(folder: Path) -> None:
    """Files and folders, in order; a file of that very name goes first."""
    assert names(folder / "*.log") == [str(folder / name) for name in ("a.log", "b.log")]
    assert names(folder / "**" / "c.log") == [str(folder / "sub/c.log")]
    assert names(folder / "s*") == [str(folder / "sub/c.log")]
    (folder / "x[1].log").write_text(PICK)
    assert names(folder / "x[1].log") == [str(folder / "x[1].log")]


def test_each_file_counts_once(folder: Path) -> None:
    """Whatever names lead to it."""
    (folder / "link.log").symlink_to(folder / "a.log")
    assert names(folder / "a.log", folder / "a.log", folder / "link.log", f"{folder}/./a.log") == [
        str(folder / "a.log")
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nothing.log", "no such file or folder"),
        ("*.txt", "matches no file"),
        ("empty", "the folder holds no file"),
        ("broken", "no such file or directory"),
        ("loop", "too many levels of symbolic links"),
        ("a\x00b", "no such file or folder"),
        ("x" * 300, "no such file or folder"),
    ],
)
def test_what_is_not_there_is_named(name: str, problem: str, tmp_path: Path) -> None:
    """Each path with its own problem, before anything is read."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match=problem):
        read(f"{tmp_path}/{name}")


def test_broken_links_in_a_folder_are_left_out(folder: Path) -> None:
    """So are pipes: nobody named them."""
    (folder / "broken").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe")
    assert len(names(folder)) == 3


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "ftp://example.com/log",
            '"ftp://example.com/log": addresses of this kind are not read; allowed are ',
        ),
        ("HTTPX://example.com/log", "addresses of this kind are not read"),
        ("https://", '"https://": the address names no bucket or host'),
        ("s3:///a.log", '"s3:///a.log": the address names no bucket or host'),
        ("https://[::1/a", "this is no address"),
        ("https://example.com:99999/a", "this is no address"),
        ("ftp://me:secret@example.com/log?key=12", '"ftp://example.com/log?...": addresses'),
        ("s3://key:secret@logs/a.log", '"s3://logs/a.log": give credentials as the provider'),
    ],
)
def test_what_is_no_address_is_told_without_a_request(address: str, told: str) -> None:
    """What is wrong and what is allowed, and nothing that may be secret."""
    with pytest.raises(InputError) as error:
        find_sources([address])
    assert told in str(error.value)
    assert "secret" not in str(error.value)
    assert "key=12" not in str(error.value)


@pytest.mark.parametrize("address", ["s3://logs/a.log", "gs://logs/a.log", "https://example.com/a.log"])
def test_what_addresses_need_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra packages one line says how to install them."""
    for package in ("fsspec", "aiohttp"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        InputError, match=r"a\.log: reading it needs more packages: pip install 'keyrota\[remote"
    ):
        find_sources([address])


def test_a_source_opens_any_number_of_times(folder: Path) -> None:
    """A regular file can be read from any place; what comes through a pipe cannot."""
    (source,) = find_sources([folder / "a.log"])
    assert source.is_seekable
    for place in (5, 0):
        buffer = bytearray(4)
        with source.open() as stream:
            assert stream.seek(place) == place
            assert stream.readinto(buffer) == 4  # type: ignore[union-attr]
        assert bytes(buffer) == PICK.encode()[place : place + 4]
    os.mkfifo(folder / "pipe")
    assert not find_sources([folder / "pipe"])[0].is_seekable
    assert not find_sources(["-"])[0].is_seekable


def test_no_path_is_an_error() -> None:
    """An empty list reads nothing."""
    with pytest.raises(InputError, match="no log was named"):
        read([])


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (FileNotFoundError(2, "No such file or directory"), "no such file or directory"),
        (PermissionError(13, "Permission denied"), "permission denied"),
        (OSError(5, "Input/output error"), "input/output error"),
    ],
)
def test_a_file_that_cannot_be_opened(
    error: OSError, problem: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone after it was found, or forbidden: an error if it was named, a note if found in a folder."""
    real = Path.open

    def fails(path: Path, *args: object, **options: object) -> object:
        if path.name == "a.log":
            raise error
        return real(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(InputError, match=f"a.log: {problem}"):
        read(folder / "a.log")
    assert read(folder).input.skipped == ((str(folder / "a.log"), problem),)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """A FIFO with a writer, whose size is not known."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(PICK * 3,))
    writer.start()
    reading = read(pipe)
    writer.join(5)
    assert len(reading.events) == 3
    assert find_sources([str(pipe)])[0].size is None


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads it once; closed, it is an error."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PICK.encode() * 2)))
    reading = read(["-", "-"])
    assert (len(reading.events), reading.input.sources[0].name) == (2, "-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        read("-")


def test_standard_input_of_a_process() -> None:
    """Compressed bytes come through a pipe as well."""
    import gzip

    code = "from keyrota.logs.read import read; print(len(read('-').events))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=gzip.compress(PICK.encode() * 5), capture_output=True, check=True
    )
    assert done.stdout == b"5\n"
