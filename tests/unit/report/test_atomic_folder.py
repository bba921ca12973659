"""Folders are written whole or not at all: old or new, never a part, never neither."""

import os
import re
import stat
from pathlib import Path

import pytest

from keyrota.errors import OutputError
from keyrota.report.atomic_folder import make_folder, written_whole_folder

LEVELS = (re.compile(r"part-[0-9]+"), re.compile(r"rows"))


def write(path, text="new", *, overwrite=True, parts=2):
    with written_whole_folder(path, LEVELS, overwrite=overwrite) as fresh:
        for number in range(parts):
            (fresh / f"part-{number}").mkdir()
            (fresh / f"part-{number}" / "rows").write_text(text)


def read(path):
    return {file.relative_to(path).as_posix(): file.read_text() for file in path.rglob("*") if file.is_file()}


OLD = {"part-0/rows": "old", "part-1/rows": "old", "part-2/rows": "old"}
NEW = {"part-0/rows": "new", "part-1/rows": "new"}


@pytest.fixture
def old(tmp_path):
    write(tmp_path / "days", "old", parts=3)
    return tmp_path / "days"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_new_folder_has_the_usual_mode(mask, tmp_path):
    """As the process' mask has it, which nobody changes on the way; and nothing stays beside it."""
    before = os.umask(mask)
    try:
        write(tmp_path / "days")
    finally:
        os.umask(before)
    assert read(tmp_path / "days") == NEW
    assert (tmp_path / "days").stat().st_mode & 0o777 == 0o777 & ~mask
    assert [path.name for path in tmp_path.iterdir()] == ["days"]


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_a_folder_that_is_replaced_keeps_its_mode(mode, old, monkeypatch):
    """It has it before it is in its place: at no moment may others look in who may not."""
    modes, replace = [], os.replace

    def noting(source, target):
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        replace(source, target)

    old.chmod(mode)
    monkeypatch.setattr(os, "replace", noting)
    write(old)
    assert modes == [mode, mode]
    assert read(old) == NEW
    assert old.stat().st_mode & 0o777 == mode


def test_a_folder_is_replaced_only_on_request(old):
    """An empty one always: nothing is lost."""
    with pytest.raises(OutputError, match="exists; give --force to replace it"):
        write(old, overwrite=False)
    assert read(old) == OLD
    (old.parent / "empty").mkdir()
    write(old.parent / "empty", overwrite=False)
    assert read(old.parent / "empty") == NEW


def foreign(kind, folder):
    if kind == "file":
        (folder / "mine").touch()
    elif kind == "hidden":
        (folder / ".mine").touch()
    elif kind == "folder":
        (folder / "mine").mkdir()
    elif kind == "file in a part":
        (folder / "part-1" / "mine").touch()
    elif kind == "folder in a part":
        (folder / "part-1" / "rows").unlink()
        (folder / "part-1" / "rows").mkdir()
    elif kind == "file as a part":
        (folder / "part-9").touch()
    elif kind == "link as a part":
        (folder / "part-9").symlink_to(folder / "part-1")
    else:
        (folder / "part-1" / "rows").unlink()
        (folder / "part-1" / "rows").symlink_to(folder / "part-0" / "rows")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("file", "mine"),
        ("hidden", ".mine"),
        ("folder", "mine"),
        ("file in a part", "part-1/mine"),
        ("folder in a part", "part-1/rows"),
        ("file as a part", "part-9"),
        ("link as a part", "part-9"),
        ("link in a part", "part-1/rows"),
    ],
)
@pytest.mark.parametrize("overwrite", [True, False])
def test_what_the_writer_does_not_make_stays(kind, told, overwrite, old):
    """It is named before any work."""
    foreign(kind, old)
    before = sorted(old.rglob("*"))
    what = f"days: holds {told}, which would be lost; name another folder, or remove that first"
    with (
        pytest.raises(OutputError, match=re.escape(what)),
        written_whole_folder(old, LEVELS, overwrite=overwrite),
    ):
        pytest.fail("the caller was let in")
    assert sorted(old.rglob("*")) == before


def test_a_few_of_many_are_named(old):
    """In the order of their names."""
    for number in range(9):
        (old / f"mine-{number}").touch()
    with pytest.raises(OutputError, match="holds mine-0, mine-1, mine-2 and 6 more, which would be lost"):
        write(old)


def test_what_comes_while_it_is_written_stays(old):
    """The work may take long."""

    def slow():
        with written_whole_folder(old, LEVELS, overwrite=True):
            (old / "mine").touch()

    with pytest.raises(OutputError, match="holds mine, which would be lost"):
        slow()
    assert read(old) == {**OLD, "mine": ""}
    assert [path.name for path in old.parent.iterdir()] == ["days"]


def test_a_link_stays(tmp_path):
    """What it leads to is made, and replaced; it may lie elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere" / "days")
    for text in ("old", "new"):
        write(link, text)
        assert link.is_symlink()
        assert set(read(tmp_path / "elsewhere" / "days").values()) == {text}
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["days"]
    assert [path.name for path in tmp_path.iterdir() if path != link] == ["elsewhere"]


def test_places_that_cannot_be(tmp_path):
    """One clear line each."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file; name a folder"):
        write(tmp_path / "file")
    with pytest.raises(OutputError, match=r"there is no folder .*; make it, or name another one"):
        write(tmp_path / "none" / "days")
    with pytest.raises(OutputError, match=r"n: cannot be written \(file name too long\)"):
        write(tmp_path / ("n" * 300))
    write(tmp_path / ("n" * 255))


@pytest.mark.parametrize("place", ["", "part-1"])
def test_the_folder_that_one_is_in_stays(place, old, monkeypatch):
    """A shell would stand in a folder that is gone."""
    monkeypatch.chdir(old / place)
    with pytest.raises(OutputError, match="you are in this folder, so that it is not replaced"):
        write(old)
    assert read(old) == OLD


def test_who_is_nowhere_may_write(old, monkeypatch):
    """A process whose own folder was removed."""

    def nowhere():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", nowhere)
    write(old)
    assert read(old) == NEW


@pytest.mark.parametrize("error", [RuntimeError("while writing"), KeyboardInterrupt()])
def test_an_error_while_it_is_filled(error, old):
    """The old folder stands, and nothing beside it."""

    def half():
        with written_whole_folder(old, LEVELS, overwrite=True) as fresh:
            (fresh / "part-0").mkdir()
            raise error

    with pytest.raises(type(error)):
        half()
    assert read(old) == OLD
    assert [path.name for path in old.parent.iterdir()] == ["days"]


class Failing:
    """Let one of the calls of a function of the system fail, before or after its work."""

    def __init__(self, name, at, error, *, is_after=False):
        self.name, self.at, self.error, self.is_after = name, at, error, is_after
        self.real, self.calls = getattr(os, name), 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls != self.at:
            return self.real(*arguments, **options)
        if self.is_after:
            self.real(*arguments, **options)
        raise self.error


IO = OSError(5, "Input/output error")


# The first that is synced is the folder, which some systems do not.
STEPS = [("mkdir", 1), ("mkdir", 2), ("fsync", 2), ("replace", 1)]


@pytest.mark.parametrize(
    ("is_new", "name", "at"),
    [
        *((True, *step) for step in STEPS),
        *((False, *step) for step in STEPS),
        (False, "chmod", 1),
        (False, "replace", 2),
    ],
)
def test_a_fault_at_each_step(is_new, name, at, old, monkeypatch):
    """An error of exit code 4, the target as it was, and nothing beside it."""
    failing = Failing(name, at, IO)
    with monkeypatch.context() as patch:
        patch.setattr(os, name, failing)
        with pytest.raises(OutputError, match=r"cannot be written \(input/output error\)") as told:
            write(old.parent / "fresh" if is_new else old)
    assert failing.calls >= at
    assert told.value.exit_code == 4
    assert read(old) == OLD
    assert [path.name for path in old.parent.iterdir()] == ["days"]


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_an_interrupt_between_the_renamings(at, is_after, old, monkeypatch):
    """The old folder or the new one is there."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", Failing("replace", at, KeyboardInterrupt(), is_after=is_after))
        with pytest.raises(KeyboardInterrupt):
            write(old)
    is_done = at == 2 and is_after
    assert read(old) == (NEW if is_done else OLD)
    assert len(list(old.parent.iterdir())) == (2 if is_done else 1)


def test_what_cannot_be_moved_back_is_kept_and_told(old, monkeypatch):
    """The fresh folder cannot be put in its place, nor the old one: nothing of it is removed."""
    replace = os.replace

    def fails(source, target):
        if Path(target) == old:
            raise IO
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OutputError, match=r"days: cannot be written \(input/output error\)") as told:
            write(old)
    assert not old.exists()
    (kept,) = old.parent.iterdir()
    assert f"what was there is in {kept} now: move it back" in str(told.value)
    assert read(kept) == OLD
    replace(kept, old)
    write(old)
    assert read(old) == NEW


def test_one_that_another_made_meanwhile_stays(old, monkeypatch):
    """In the place of the old one, between the renamings: both of them are kept."""
    replace = os.replace

    def slow(source, target):
        replace(source, target)
        if Path(source) == old:
            old.mkdir()
            (old / "mine").touch()

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", slow)
        with pytest.raises(OutputError, match=r"what was there is in .* now: move it back"):
            write(old)
    assert read(old) == {"mine": ""}
    (kept,) = (path for path in old.parent.iterdir() if path != old)
    assert read(kept) == OLD


def test_all_is_synced_before_it_is_moved(tmp_path, monkeypatch):
    """Each file, and each folder, from within; then the name."""
    steps, fsync, replace = [], os.fsync, os.replace

    def syncing(handle):
        steps.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    def moving(source, target):
        steps.append("moved")
        replace(source, target)

    if not os.path.exists("/proc/self/fd"):
        pytest.skip("who knows what a handle names")
    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", moving)
    write(tmp_path / "days", parts=1)
    assert sorted(steps[:3]) == ["new", "part-0", "rows"]
    assert steps[3:] == ["moved", tmp_path.name]


def test_folders_that_cannot_be_synced_are_no_fault(old, monkeypatch):
    """A system may have no way to: what is in them is whole."""
    fsync = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise PermissionError(13, "Permission denied")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write(old)
    assert read(old) == NEW


def test_a_folder_is_made_with_those_above_it(tmp_path):
    """Unless it is there; for its owner alone if that is asked for."""
    make_folder(tmp_path / "a" / "b", mode=0o700)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made(tmp_path):
    """A file is in its place, or above it."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: the folder cannot be made \(file exists\); name another"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"below: the folder cannot be made \(not a directory\)"):
        make_folder(tmp_path / "file" / "below")
