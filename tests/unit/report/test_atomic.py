"""Files are written whole or not at all."""

import os

import pytest

from keyrota.errors import OutputError
from keyrota.report.atomic import take_free_place, take_place, write_text, written_whole


def test_new_file(tmp_path):
    """A new file gets its text, LF kept, the usual mode, and no temporary file stays."""
    path = tmp_path / "a.txt"
    write_text(path, "one\ntwö\n")
    assert path.read_bytes() == "one\ntwö\n".encode()
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_existing_file_is_kept(tmp_path):
    """A file that exists is replaced only on request, and keeps its mode."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    with pytest.raises(OutputError, match="exists; give --force"):
        write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new", overwrite=True)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_error_inside_leaves_everything_as_it_was(tmp_path):
    """An exception while the content is made leaves the old file and no temporary one."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half_written():
        with written_whole(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise RuntimeError("while writing")

    with pytest.raises(RuntimeError, match="while writing"):
        half_written()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_folder_and_missing_folder(tmp_path):
    """A folder is no file, and a folder that does not exist cannot hold one."""
    with pytest.raises(OutputError, match="is a folder; name a file"):
        write_text(tmp_path, "x")
    with pytest.raises(OutputError, match="there is no folder"):
        write_text(tmp_path / "none" / "a.txt", "x")


def test_what_a_library_wrote_takes_its_place(tmp_path):
    """With the mode of what stood there."""
    made, path = tmp_path / "made", tmp_path / "a"
    made.write_text("new")
    path.write_text("old")
    path.chmod(0o640)
    take_place(made, path)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_free_place_is_taken_and_no_other(tmp_path, monkeypatch, has_links):
    """Whoever was faster keeps it, also where a file system has no links."""

    def none(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(os, "link", none)
    made, path = tmp_path / "made", tmp_path / "a"
    made.write_text("first")
    take_free_place(made, path)
    assert path.read_text() == "first"
    made.unlink(missing_ok=True)
    made.write_text("second")
    take_free_place(made, path)
    assert path.read_text() == "first"


@pytest.mark.parametrize("take", [take_place, take_free_place])
def test_what_cannot_be_synced_takes_no_place(tmp_path, monkeypatch, take):
    """Its bytes may be lost, and what it would replace is whole."""

    def fails(_handle):
        raise OSError(5, "Input/output error")

    made, path = tmp_path / "made", tmp_path / "a"
    made.write_text("new")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        take(made, path)
    assert not path.exists()
