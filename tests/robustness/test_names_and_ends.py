"""Hostile names make files inside the output folder alone; a closed pipe and Ctrl-C leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keyrota.report.figures import ReportFigure
from keyrota.report.figures.files import write_figures

PICKS = "Using GOOGLE_KEY_1 (position 1/2 in pool)\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n"
PARTS = [
    "..", "/", "\\", "\x00", "\n", "a", "CON", "nul", ".", "~", "$HOME", "%2e%2e", "\u202e", "C:", "*", "?",
    "-rf",
    " ", "x" * 300, "ä", "🔑", "\ud800", ".png", "|", "`id`", "\u2215", "..\\..", "../../etc/passwd",
]  # fmt: skip


def test_a_thousand_hostile_pools_stay_in_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of figures are named from letters, digits and dashes, whatever a pool is called."""
    from keyrota.report.figures import files

    monkeypatch.setattr(files, "as_svg", lambda figure: "<svg/>")
    monkeypatch.setattr(files, "as_png", lambda figure: b"png")
    rng = np.random.default_rng(8)
    names = [
        "".join(PARTS[n] for n in rng.integers(len(PARTS), size=rng.integers(1, 5))) for _ in range(1000)
    ]
    figures = [
        ReportFigure("shares", name, "title", "alt", ("a",), (("b",),), lambda ax: None, (4, 3))
        for name in dict.fromkeys(names)
    ]
    folder = tmp_path / "in" / "figures"
    folder.parent.mkdir()
    write_figures(figures, folder, overwrite=False)
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 2 * len(figures)
    assert all(path.parent == folder for path in made)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,200}\.(svg|png)", path.name) for path in made)


def test_interrupted_writing_leaves_no_file(tmp_path: Path) -> None:
    """Ctrl-C while a table is written: exit 130, the old file, nothing beside it."""
    (tmp_path / "a.log").write_text(PICKS * 20)
    out = tmp_path / "out.csv"
    out.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from keyrota import events\n"
        "from keyrota.cli.boundary import run\n"
        "real = events.write_events\n"
        "def slow(*given):\n"
        "    real(*given)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "events.write_events = slow\n"
        "sys.exit(run(['parse', '-q', '--force', 'a.log', '-o', 'out.csv']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 130
    assert done.stderr.strip() == "interrupted"
    assert out.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.log", "out.csv"]


@pytest.mark.parametrize("command", ["report", "parse", "check"])
def test_a_reader_that_leaves_early_is_no_error(command: str, tmp_path: Path) -> None:
    """Whoever closes the pipe gets no traceback, and the command ends."""
    path = tmp_path / "a.log"
    path.write_text(PICKS * 3_000)
    with subprocess.Popen(
        [sys.executable, "-m", "keyrota", command, "-q", str(path)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)
