"""More of files that are written whole: what may not be replaced, what cannot be made, how they end up."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from keyrota.errors import OutputError
from keyrota.report.atomic import write_bytes, write_text, written_whole
from keyrota.report.markdown_text import code


@pytest.mark.parametrize(("write", "what"), [(write_bytes, b"new"), (write_text, "new")])
def test_nothing_is_replaced_unasked(write, what, tmp_path):
    """Without a word, a file that is there stays."""
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(OutputError, match="exists; give --force to replace it"):
        write(path, what)
    assert path.read_text() == "old"


def test_nothing_is_replaced_unasked_by_what_writes_itself(tmp_path):
    """It is refused before anything is written."""
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(OutputError, match="exists"), written_whole(path):
        pytest.fail("the caller was let in")
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(13, "Permission denied"), "permission denied"), (OSError("No NAME"), "no name")],
)
def test_a_folder_that_takes_no_file(error, reason, tmp_path, monkeypatch):
    """The reason of the system is told, in its words or in the error's own."""

    def refuse(*_arguments, **_options):
        raise error

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(OutputError, match=rf"a: cannot be written \({reason}\)"):
        write_text(tmp_path / "a", "new")


def test_a_reason_without_a_number(tmp_path):
    """An error of the caller's own writing is told by its text."""
    with pytest.raises(OutputError, match=r"cannot be written \(no room\)"), written_whole(tmp_path / "a"):
        raise OSError("No ROOM")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe with a name is POSIX'")
def test_a_pipe_is_no_file(tmp_path):
    """It would be replaced by a file, and nobody would read it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OutputError, match="is a device or a pipe; name a file, or - for standard output"):
        write_text(path, "new", overwrite=True)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_new_files_have_the_usual_mode(mask, tmp_path):
    """As the process' mask has it, which is as it was afterwards."""
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a", "new")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


def test_no_file_is_open_to_all_for_a_moment(tmp_path, monkeypatch):
    """While the mask is asked for, files that other threads make are their owner's alone."""
    asked, real = [], os.umask

    def noting(mask):
        asked.append(mask)
        return real(mask)

    before = os.umask(0o022)
    try:
        monkeypatch.setattr(os, "umask", noting)
        write_text(tmp_path / "a", "new")
    finally:
        real(before)
    assert asked == [0o077, 0o022]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o645, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(mode, tmp_path):
    """All nine bits."""
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new", overwrite=True)
    assert path.stat().st_mode & 0o777 == mode


def test_a_link_stays(tmp_path):
    """What it names is replaced."""
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    write_text(link, "new", overwrite=True)
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
def test_a_link_in_the_place_of_what_was_left_stays(tmp_path, monkeypatch):
    """Put there between the look and the opening, it is not followed, nor taken for left over."""
    left, outside, real = tmp_path / ".a.left0ver.tmp", tmp_path / "outside", os.open
    left.write_text("left")
    outside.write_text("kept")

    def swapping(path, *arguments, **options):
        if Path(path) == left and not left.is_symlink():
            left.unlink()
            left.symlink_to(outside)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", swapping)
    write_text(tmp_path / "a", "new")
    assert left.is_symlink()
    assert outside.read_text() == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
def test_what_was_left_of_a_long_name_is_removed(tmp_path):
    """Of a target's name its temporary files have 40 characters; those with more or fewer are another's."""
    lengths = (38, 39, 40, 41, 42)
    for length in lengths:
        (tmp_path / f".{'n' * length}.left0ver.tmp").write_text("left")
    write_text(tmp_path / ("n" * 60), "new")
    left = {own.name.count("n") for own in tmp_path.iterdir()}
    assert left == {60, *lengths} - {40}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
def test_no_lock_is_waited_for(tmp_path, monkeypatch):
    """Not that of a new file, nor that of what seems left over: who holds one may never let it go."""
    import fcntl

    asked, real = [], fcntl.flock

    def noting(handle, how):
        asked.append(how)
        real(handle, how | fcntl.LOCK_NB)

    monkeypatch.setattr(fcntl, "flock", noting)
    (tmp_path / ".a.left0ver.tmp").write_text("left")
    write_text(tmp_path / "a", "new")
    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB] * 2


def test_bytes_stay_bytes_where_a_system_has_texts_too(tmp_path, monkeypatch):
    """Where it has a mark for bytes (Windows), a file is opened for writing with it."""
    mark, native, opened, real = 1 << 28, getattr(os, "O_BINARY", 0), [], os.open

    def noting(path, flags, *arguments, **options):
        opened.append(flags)
        return real(path, flags & ~mark | native, *arguments, **options)

    monkeypatch.setattr(os, "O_BINARY", mark, raising=False)
    monkeypatch.setattr(os, "open", noting)
    write_bytes(tmp_path / "a", b"one\n")
    assert os.O_WRONLY | mark in opened
    assert (tmp_path / "a").read_bytes() == b"one\n"


def test_a_block_of_code():
    """In Markdown, without what follows its last word."""
    assert code("a = 1\n\n", "python") == "```python\na = 1\n```"
