"""Exit codes, messages and streams of the command line."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from keyrota.cli import boundary
from keyrota.cli.boundary import COMMANDS, run

PICKS = "Using GOOGLE_KEY_1 (position 1/2 in pool)\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(PICKS)
    return str(path)


def test_no_arguments_is_help(capsys):
    """Without arguments the help is printed and nothing fails."""
    assert run([]) == 0
    assert "Example: keyrota report sample_logs/" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_has_an_example(command, capsys):
    """Every command's help ends with an example that names the command."""
    assert run([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example" in out
    assert f"keyrota {command}" in out.split("Example")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["reprot"], 2, 'no command "reprot"; did you mean report?; see keyrota --help'),
        (["zzz"], 2,
         'no command "zzz"; commands are check, explain, fetch, history, notebook, onset, parse, plan, '),
        (["report"], 2, "Missing argument 'LOG...'; see keyrota report --help"),
        (["report", "nofile"], 3, "nofile: no such file or folder"),
        (["report", "no*file"], 3, "no*file: matches no file"),
        (["report", "--pools", "none.toml", "x"], 2,
         "none.toml: no such file; keyrota pools --format toml prints one to start from"),
        (["report", "--alpha", "2", "x"], 2,
         "Invalid value for '--alpha': \"2\" is not a share between 0 and 1, such as 1e-3 or 0.1%; "
         "see keyrota report --help"),
        (["report", "ftp://example.org/a.json"], 3,
         '"ftp://example.org/a.json": addresses of this kind are not read; allowed are s3://, gs:// and '
         "https://. Fetch the log yourself and pipe it: keyrota report -"),
        (["explain", "R999"], 2, 'no finding has the code "R999"; '),
    ],
)  # fmt: skip
def test_bad_calls_get_one_line(arguments, code, message, capsys):
    """A bad call gets its exit code, one line on standard error and nothing on standard output."""
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"keyrota: error: {message}")
    assert captured.err.count("\n") == 1


def test_secrets_and_controls_in_arguments_are_not_shown(capsys):
    """A key and an escape in an argument reach the terminal masked and spelled out."""
    assert run(["report", "AIzaSyA123456789012345678901234567890123\x1b[31m"]) == 3
    err = capsys.readouterr().err
    assert "AIza" not in err
    assert "\x1b" not in err


def test_fault_of_our_own_is_said_so(log, monkeypatch, capsys):
    """An unexpected exception gives one line that asks for a report, and a traceback with --debug."""

    def broken(_arguments):
        raise ZeroDivisionError("x")

    monkeypatch.setattr(boundary, "_invoke", broken)
    assert run(["report", log]) == 70
    assert capsys.readouterr().err.startswith(
        "keyrota: error: this is a fault of keyrota: ZeroDivisionError: x;"
    )
    assert run(["report", log, "--debug"]) == 70
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert "\nZeroDivisionError: x\n" in err


def test_full_disk_is_exit_4(log, monkeypatch, capsys):
    """Output that cannot be written exits with 4."""

    def full(_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(boundary, "_invoke", full)
    assert run(["report", log]) == 4
    assert "no space left on device" in capsys.readouterr().err


def test_broken_pipe_ends_quietly(log):
    """`keyrota parse | head -1` prints a line and nothing on standard error."""
    command = f"{sys.executable} -m keyrota parse {log} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("time,kind,pool")
    assert done.stderr == ""


def test_interrupt_exits_with_130(tmp_path):
    """Ctrl-C while reading ends with 130 and one word, without a traceback."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "keyrota", "report", str(pipe)], stderr=subprocess.PIPE, text=True
    )
    stream = _opened_for_writing(pipe, patience_s=20)
    try:
        os.write(stream, PICKS.encode())
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        os.close(stream)
        process.kill()
    assert process.returncode == 130
    assert err.strip() == "interrupted"


def _opened_for_writing(pipe, patience_s):
    """Open a pipe once somebody reads it; a reader that never comes must not hang the suite."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline, "nobody opened the pipe"
            time.sleep(0.02)
