"""`keyrota report` as a page, Markdown, JSON and figures: where it goes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keyrota.cli.boundary import run

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
LOG = str(SAMPLES / "start_at_first.csv")


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("r.html", "<!DOCTYPE html>"),
        ("r.HTM", "<!DOCTYPE html>"),
        ("r.md", "# Key rotation report"),
        ("r.json", "{"),
        ("r.txt", "keyrota "),
        ("report", "keyrota "),
    ],
)
def test_format_follows_the_name(name: str, begin: str, tmp_path: Path) -> None:
    """The ending of --output chooses the format."""
    assert run(["report", "-q", LOG, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text(encoding="utf-8").lstrip().startswith(begin)


def test_a_format_that_is_given_wins(tmp_path: Path) -> None:
    """--format is stronger than a name."""
    target = tmp_path / "r.html"
    assert run(["report", "-q", LOG, "--format", "json", "-o", str(target)]) == 0
    assert json.loads(target.read_text(encoding="utf-8"))["schema"] == "keyrota.report/1"


def test_page_without_a_plan(tmp_path: Path) -> None:
    """--no-plan leaves the plan out and keeps the rest."""
    target = tmp_path / "r.html"
    assert run(["report", "-q", LOG, "--no-plan", "-o", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    assert "How many keys it takes" not in text
    assert "How this was computed" in text


def test_no_plan_needs_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The option says where it belongs."""
    assert run(["report", "-q", LOG, "--no-plan"]) == 2
    assert "it goes with --format html or --figures" in capsys.readouterr().err


def test_figures_beside_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each figure is written as SVG and PNG, the report goes where it went."""
    assert run(["report", "-q", LOG, "--no-plan", "--figures", str(tmp_path / "figures")]) == 0
    assert capsys.readouterr().out.startswith("keyrota ")
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert {"chat-shares.svg", "chat-shares.png", "chat-use.svg"} <= set(names)
    assert {name.rsplit(".", 1)[0] for name in names if name.endswith("svg")} == {
        name.rsplit(".", 1)[0] for name in names if name.endswith("png")
    }


def test_figures_are_not_replaced_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there stays, and nothing half-written lies beside it."""
    (tmp_path / "chat-shares.svg").write_text("mine")
    assert run(["report", "-q", LOG, "--no-plan", "--figures", str(tmp_path)]) == 4
    assert "exists; give --force to replace it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["chat-shares.svg"]
    assert run(["report", "-q", LOG, "--no-plan", "--figures", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "chat-shares.svg").read_text(encoding="utf-8") != "mine"


def test_a_file_for_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file cannot hold figures."""
    (tmp_path / "file").write_text("mine")
    assert run(["report", "-q", LOG, "--no-plan", "--figures", str(tmp_path / "file")]) == 4
    assert "is not a folder" in capsys.readouterr().err


def test_a_page_of_a_log_without_picks(tmp_path: Path) -> None:
    """A log that holds no pick is a page too: it says what was found."""
    target = tmp_path / "r.html"
    assert run(["report", "-q", str(SAMPLES / "healthy_invocations.json"), "-o", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    assert "D405 no-picks" in text
    assert "Left out: " in text


def test_a_page_with_a_comparison(tmp_path: Path) -> None:
    """--against is on the page and in Markdown."""
    arguments = ["report", "-q", LOG, "--since", "2025-11-13", "--against", LOG]
    for name, options in (("r.html", ["--no-plan"]), ("r.md", [])):
        assert run([*arguments, *options, "-o", str(tmp_path / name)]) == 0
        assert "Against " in (tmp_path / name).read_text(encoding="utf-8")


def test_an_existing_page_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a page that cannot be written."""
    target = tmp_path / "r.html"
    target.write_text("mine")
    monkeypatch.setattr("keyrota.cli.reading.read_arguments", lambda arguments: pytest.fail("was read"))
    assert run(["report", "-q", LOG, "-o", str(target)]) == 4
    assert "exists; give --force to replace it" in capsys.readouterr().err
    assert target.read_text() == "mine"
