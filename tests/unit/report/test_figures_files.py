"""Figures as files: the same bytes everywhere, safe names, whole files, clear refusals."""

import os
import subprocess
import sys

import pytest

from keyrota.errors import OutputError
from keyrota.events import make_events
from keyrota.report import figures
from keyrota.report.content import judge
from keyrota.report.figures.files import file_names

COLUMNS = {
    "kind": ["pick"] * 40,
    "time": [1_762_761_600_000_000_000 + 400_000_000_000 * n for n in range(40)],
    "key": [1 + n % 4 for n in range(40)],
    "position": [1 + n % 4 for n in range(40)],
    "size": [4] * 40,
    "isolate": [f"i{n // 8}" for n in range(40)],
    "pool": ["CHAT"] * 40,
}
SCRIPT = f"""
import hashlib
from keyrota.events import make_events
from keyrota.report import figures
from keyrota.report.content import judge
for figure in figures.pool_figures(judge(make_events({COLUMNS!r}))):
    for data in (figures.as_svg(figure).encode(), figures.as_png(figure)):
        print(figure.name, hashlib.sha256(data).hexdigest())
"""


@pytest.fixture(scope="module")
def found():
    return [figure for figure in figures.pool_figures(judge(make_events(COLUMNS))) if figure.name != "days"]


def digests(**environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout


def test_the_same_report_gives_the_same_bytes():
    """Whatever the hash seed, the time zone, the locale and a user's own settings of matplotlib."""
    one = digests(PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    other = digests(PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C.UTF-8", MPLBACKEND="svg")
    assert one == other
    assert {line.split()[0] for line in one.splitlines()} == {"shares", "use", "positions", "days"}


def test_files_have_names_of_a_fixed_list(found, tmp_path):
    """Each figure is an SVG and a PNG, named by pool and figure, of letters, digits and hyphens."""
    written = figures.write_figures(found, tmp_path / "new" / "folder")
    names = ["chat-shares.svg", "chat-shares.png", "chat-use.svg", "chat-use.png", "chat-positions.svg",
             "chat-positions.png"]  # fmt: skip
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(names)
    assert written[0].read_text(encoding="utf-8") == figures.as_svg(found[0])
    assert written[1].read_bytes() == figures.as_png(found[0])


def test_no_name_of_a_pool_leaves_the_folder():
    """Names are safe, each once, whatever the pools are called."""
    pools = ["../../etc/passwd", "/etc/passwd", "..", "", "CON", "a/b", "A b", "\ud800", "é" * 300]
    pools += ["x" * 300, "x" * 301, "shares", "chat-2", "CHAT", "chat"]
    of = [
        figures.ReportFigure(name, pool, "", "", (), (), lambda ax: None, (1, 1))
        for pool in [*pools, None]
        for name in ("shares", "use")
    ]
    names = file_names(of)
    assert len(set(names)) == len(of)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert len(name) < 60
        assert not name.startswith("-")


def test_a_file_that_is_there_is_kept(found, tmp_path):
    """Nothing is replaced unless it shall be, and then the whole file."""
    (tmp_path / "chat-use.svg").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        figures.write_figures(found, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["chat-use.svg"]
    assert (tmp_path / "chat-use.svg").read_text() == "mine"
    figures.write_figures(found[1:2], tmp_path, overwrite=True)
    assert (tmp_path / "chat-use.svg").read_text() == figures.as_svg(found[1])


def test_a_link_is_not_followed(found, tmp_path):
    """A link in the folder that bears a figure's name is refused, and its target is as it was."""
    outside = tmp_path / "outside"
    outside.write_text("precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "chat-shares.png").symlink_to(outside)
    with pytest.raises(OutputError, match="is a link"):
        figures.write_figures(found, folder, overwrite=True)
    assert outside.read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["chat-shares.png"]


def test_a_folder_that_is_none_is_refused(found, tmp_path):
    """A file in its place, or above it, and a name that no system has: one clear line each."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder; name a folder"):
        figures.write_figures(found, tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be made"):
        figures.write_figures(found, tmp_path / "file" / "below")
    with pytest.raises(OutputError, match="cannot be made"):
        figures.write_figures(found, tmp_path / ("n" * 300))


def test_a_folder_without_leave_is_refused(found, tmp_path, monkeypatch):
    """A folder that may not be written is told before anything is drawn."""
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(OutputError, match="cannot be written there"):
        figures.write_figures(found, tmp_path)
    assert list(tmp_path.iterdir()) == []
