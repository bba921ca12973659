"""Where results go: never over a log, never through a device, `-` is standard output."""

import os
import shutil
import subprocess
import sys

import pytest

from keyrota.cli.boundary import run
from scripts import ROOT

HEALTHY = str(ROOT / "sample_logs" / "healthy.json.gz")
PICKS = "Using GOOGLE_KEY_1 (position 1/2 in pool)\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(PICKS)
    return path


READING = {
    "parse": ["parse", "--format", "csv"],
    "report": ["report"],
    "compared": ["report", HEALTHY, "--against"],
    "check": ["check", "--select", "D"],
    "plan": ["plan"],
    "pools": ["pools"],
    "simulate": ["simulate", "--like"],
    "watch": ["watch", "--once"],
}


@pytest.mark.parametrize("target", ["itself", "link", "glob"])
@pytest.mark.parametrize("command", READING)
def test_a_log_is_never_written_over(log, command, target, capsys):
    """--output that names a log is refused before any work, also with --force and through a link."""
    link = log.with_name("link.csv")
    link.symlink_to(log)
    named = log.parent / "*.log" if target == "glob" else log
    over = link if target == "link" else log
    option = ["--state"] if command == "watch" else ["--force", "-o"]
    assert run([*READING[command], str(named), *option, str(over)]) == 2
    assert "is one of the inputs; write the result to another file" in capsys.readouterr().err
    assert log.read_text() == PICKS


@pytest.mark.parametrize("command", ["parse", "report", "check", "plan", "pools", "simulate"])
def test_a_log_of_a_folder_is_not_written_over(command, tmp_path, capsys):
    """A folder is read before it is known which of its files are logs: a report in it may be replaced."""
    log, report = tmp_path / "day.json.gz", tmp_path / "report.txt"
    shutil.copy(HEALTHY, log)
    report.write_text("an earlier one")
    before = log.read_bytes()
    assert run([*READING[command], str(tmp_path), "--force", "-o", str(log)]) == 2
    assert "is one of the logs; write the result to another file" in capsys.readouterr().err
    assert log.read_bytes() == before
    if command in ("report", "pools", "parse"):
        assert run([*READING[command], str(tmp_path), "--force", "-o", str(report)]) == 0
        assert report.read_text() != "an earlier one"


WRITING = {
    **{name: READING[name] for name in ("parse", "report", "check", "plan", "pools", "simulate")},
    "onset": ["onset", "--pools"],
    "notebook": ["notebook"],
}


@pytest.mark.parametrize("command", WRITING)
def test_an_existing_file_is_told_before_the_work(command, tmp_path, capsys):
    """Without --force, before the input is looked at: which would be refused later."""
    existing = tmp_path / "existing.ipynb"
    existing.write_text("precious")
    assert run([*WRITING[command], str(tmp_path / "missing"), "-o", str(existing)]) == 4
    assert "exists; give --force to replace it" in capsys.readouterr().err
    assert existing.read_text() == "precious"


def test_dash_is_standard_output(log, capsys, monkeypatch, tmp_path):
    """`-o -` prints."""
    monkeypatch.chdir(tmp_path)
    assert run(["parse", str(log), "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("time,kind")
    assert not (tmp_path / "-").exists()


def test_devices_and_pipes_are_left_alone(log, tmp_path, capsys):
    """A pipe is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run(["report", str(log), "--force", "-o", str(pipe)]) == 4
    assert "is a device or a pipe" in capsys.readouterr().err
    assert pipe.is_fifo()


def test_a_link_stays_a_link(log, tmp_path):
    """What a link names is replaced, and the link stays."""
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    assert run(["report", str(log), "--format", "json", "--force", "-o", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text().startswith("{")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams(log, closed):
    """Closed standard output or error is no fault of ours."""
    done = subprocess.run(f"{sys.executable} -m keyrota report {log} {closed}", shell=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments", [["report", "--format", "json"], ["parse"], ["check", "--format", "junit", "--select", "D"]]
)
def test_file_names_that_are_no_utf8(tmp_path, arguments, capsys):
    """A file name in another encoding is shown with replacement characters."""
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9\x1b.log")
    with open(path, "wb") as stream:
        stream.write(PICKS.encode())
    assert run([*arguments, os.fsdecode(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_huge_duration(tmp_path, capsys):
    """A duration beyond all calendars is refused in one line."""
    path = tmp_path / "a.log"
    path.write_text("2025-11-10T12:00:00Z Using GOOGLE_KEY_1 (position 1/2 in pool)\n")
    assert run(["report", str(path), "--since", "999999999999d"]) == 2
    assert "reaches back before all calendars" in capsys.readouterr().err
