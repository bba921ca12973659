"""`keyrota history`, and --store of the commands that read logs."""

import json
import sys
from pathlib import Path

import pytest

import keyrota
from keyrota.cli.boundary import run
from keyrota.history import open_store

ROOT = Path(__file__).resolve().parents[3]
LOG = str(ROOT / "sample_logs" / "day_with_429s.log.zst")


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "history.duckdb"
    open_store(path).add(LOG)
    return str(path)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's data folder."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "keyrota" / "history.duckdb"


def printed(capsys, *arguments, code=0):
    assert run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def without_input(text):
    content = json.loads(text)
    content.pop("input", None)
    return content


def test_what_was_added_is_reported(capsys, home):
    """From the user's own history, which the first add makes."""
    assert f"3,321 rows of 1 source added to {home}" in printed(capsys, "history", "add", LOG).err
    told = printed(capsys, "history", "add", LOG).err
    assert "0 rows of 1 source added" in told
    assert "3,321 rows were there already" in told
    stored = printed(capsys, "report", "--store", "--format", "json").out
    direct = printed(capsys, "report", LOG, "--format", "json").out
    assert without_input(stored) == without_input(direct)


@pytest.mark.parametrize(
    "command",
    [
        ["report", "--format", "json"],
        ["report", "--format", "json", "--since", "3h"],
        ["check", "--format", "json"],
        ["check", "--until", "2025-11-21T12:00", "--format", "json"],
        ["parse", "--since", "1h"],
    ],
    ids=" ".join,
)
def test_each_command_reads_the_store_as_the_log(capsys, store, command):
    """With --since and --until as there; durations count from the last event."""
    outputs = []
    for arguments in ([LOG], ["--store", store]):
        code = run([*command, *arguments])
        outputs.append((code, capsys.readouterr().out))
    if "json" in command:
        assert (outputs[0][0], without_input(outputs[0][1])) == (outputs[1][0], without_input(outputs[1][1]))
    else:
        assert outputs[0] == outputs[1]


def test_plan_and_simulate_read_the_store(capsys, store):
    """The same plan, the same fit."""
    for command in (["plan", "--pool", "CHAT"], ["simulate", "--pool", "CHAT", "--replications", "2"]):
        end = ["-q", "--format", "json"]
        like = ["--like", LOG] if command[0] == "simulate" else [LOG]
        direct = printed(capsys, *command, *like, *end).out
        assert json.loads(printed(capsys, *command, "--store", store, *end).out) == json.loads(direct)


def test_logs_and_store_are_not_read_together(capsys, store):
    """Rows of both would be counted twice; what to do is said."""
    told = printed(capsys, "report", LOG, "--store", store, code=2).err
    assert "give one of them. To have both, add the logs first: keyrota history add LOG..." in told
    assert "Missing argument 'LOG...'" in printed(capsys, "report", code=2).err
    assert (
        "they go with --like or --store"
        in printed(
            capsys, "simulate", "--keys", "2", "--per-minute", "2", "--rate", "1/min", "--since", "1d", code=2
        ).err
    )


def test_an_empty_span_is_told(capsys, store):
    """With what the store has."""
    told = printed(capsys, "report", "--store", store, "--since", "2030-01-01", code=3).err
    assert "no event lies in the span that is asked for" in told
    assert "it has events from 2025-11-21T" in told


def test_a_missing_or_foreign_store_is_told(capsys, tmp_path, home):
    """In one line, with what to do."""
    assert "there is no history yet; make it" in printed(capsys, "report", "--store", code=3).err
    assert "there is no history yet" in printed(capsys, "history", "list", code=3).err
    foreign = tmp_path / "notes.txt"
    foreign.write_text("buy milk")
    for command in (["history", "add", LOG, "--store"], ["history", "prune", "--keep", "1d", "--store"]):
        assert "is no history of keyrota" in printed(capsys, *command, foreign, code=3).err
    assert foreign.read_text() == "buy milk"


def test_the_store_is_not_written_over(capsys, store):
    """Not even with --force."""
    for command in (["report"], ["check"], ["parse", "--format", "csv"], ["plan"]):
        told = printed(capsys, *command, "--store", store, "-o", store, "--force", code=2).err
        assert "is one of the inputs" in told
    assert len(open_store(store).read().events) == 3321


def test_list(capsys, store):
    """As text for people, as JSON for programs."""
    text = printed(capsys, "history", "list", "--store", store).out
    assert "3,321 events, 2025-11-21" in text
    listing = json.loads(printed(capsys, "history", "list", "--store", store, "--format", "json").out)
    assert listing["schema"] == "keyrota.history/1"
    assert listing["rows"] == sum(day["events"] for day in listing["days"]) == 3321
    assert listing["adds"][0]["sources"][0]["lines"] == keyrota.read(LOG).input.total("lines")


def test_export(capsys, store, tmp_path):
    """Whole, not over a folder that is there, and readable again."""
    folder = tmp_path / "days"
    told = printed(capsys, "history", "export", "--store", store, "-o", folder).err
    assert f"3,321 rows of 1 day written to {folder}" in told
    assert (
        "exists; give --force"
        in printed(capsys, "history", "export", "--store", store, "-o", folder, code=4).err
    )
    printed(capsys, "history", "export", "--store", store, "-o", folder, "--force", "--since", "1h")
    assert len(keyrota.read_logs(str(folder / "*" / "*.parquet"))) < 3321


def test_prune(capsys, store):
    """Says how many; --dry-run changes nothing; one of --before and --keep is needed."""
    told = printed(capsys, "history", "prune", "--store", store, "--keep", "1h", "--dry-run").err
    count = told.split()[0]
    assert "rows before 2025-11-21T" in told
    assert "would be removed" in told
    assert printed(capsys, "history", "prune", "--store", store, "--keep", "1h").err.startswith(
        f"{count} rows"
    )
    assert printed(capsys, "history", "prune", "--store", store, "--before", "2025-11-01").err.startswith(
        "0 rows"
    )
    assert "give --before TIME or --keep TIME" in printed(capsys, "history", "prune", code=2).err


def test_without_duckdb(capsys, monkeypatch, home):
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    told = printed(capsys, "history", "add", LOG, code=2).err
    assert told.count("\n") == 1
    assert "pip install 'keyrota[history]'" in told


def test_notes_are_told_when_logs_are_added(capsys, tmp_path):
    """What is wrong with them; not each time that the store is read."""
    path = tmp_path / "history.duckdb"
    log = str(ROOT / "sample_logs" / "truncated.json.gz")
    assert "note: " in printed(capsys, "history", "add", "--store", path, log).err
    assert printed(capsys, "report", "--store", path).err == ""
    assert printed(capsys, "history", "add", "-q", "--store", path, log).err == ""
