"""Ten thousand keys that a log, a name or an option may hold: none comes out anywhere."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest

from keyrota.cli import boundary
from keyrota.cli.boundary import COMMANDS, run
from keyrota.display import redact, visible
from keyrota.logs.encoding import LINE_LIMIT
from planted_keys import FORMS, KEYS, PICK, leaks


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every key once, in a text, an export, and at the end of a line that is cut; and in a file's name."""
    folder = tmp_path_factory.mktemp("logs")
    lines, rows = [], []
    for number, key in enumerate(KEYS):
        said = FORMS[number % len(FORMS)](key)
        if number % 2:
            lines.append(f"2025-11-10T08:{number // 100 % 60:02}:00.{number % 1000:03}Z {said}")
            lines.append(f"2025-11-10T08:00:00.{number % 1000:03}Z {PICK.format(n=1 + number // 2 % 2)}")
        else:
            row = {
                "event_message": said,
                "timestamp": 1_762_917_393_000_000 + number,
                "id": key,
                "level": key,
            }
            rows.append(
                {**row, "execution_id": key, "function_id": key, "deployment_id": key, "function": key}
            )
            rows.append({**row, "event_message": PICK.format(n=1), "id": f"r{number}"})
    lines.append("x" * (LINE_LIMIT - 20) + KEYS[0])
    lines.append(f"Error: 429 {'y' * (LINE_LIMIT - 40)} {KEYS[2]}")
    (folder / f"{KEYS[1]}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / f"export key={KEYS[3]}.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    return folder


CALLS = {
    "report": ["report", "--no-plan", "--format", "html"],
    "report text": ["report"],
    "report markdown": ["report", "--format", "markdown"],
    "report json": ["report", "--format", "json"],
    "check text": ["check"],
    "check json": ["check", "--format", "json"],
    "check github": ["check", "--format", "github"],
    "check junit": ["check", "--format", "junit"],
    "parse csv": ["parse"],
    "parse ndjson": ["parse", "--format", "ndjson"],
    "infer": ["report", "--pools", "infer"],
    "pools": ["pools", "--format", "toml"],
}


@pytest.mark.parametrize("name", CALLS)
def test_no_key_is_printed(name: str, logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output and standard error of every command that reads logs hold no part of a key."""
    given = [] if name == "pools" else [str(logs)]
    assert run([*CALLS[name], *given]) in (0, 1)
    out, err = capsys.readouterr()
    assert out
    assert leaks(out + err) == []


def test_no_key_is_in_a_file(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Event tables, figures, a notebook, a history and its export, temporary files: none holds one."""
    scratch = tmp_path / "temporary"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.chdir(tmp_path)
    log = str(logs)
    for arguments in (
        ["parse", log, "-o", "a.parquet"],
        ["parse", log, "-o", "a.csv"],
        ["report", log, "--no-plan", "--figures", "figures", "-o", "page.html"],
        ["notebook", log, "-o", "plan.ipynb"],
        ["history", "add", log, "--store", "store.duckdb"],
        ["history", "list", "--store", "store.duckdb", "--format", "json"],
        ["history", "export", "--store", "store.duckdb", "-o", "exported"],
    ):
        assert run(arguments) in (0, 1), capsys.readouterr().err
    out, err = capsys.readouterr()
    assert leaks(out + err) == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {
        ".parquet",
        ".csv",
        ".svg",
        ".png",
        ".html",
        ".ipynb",
        ".duckdb",
    }
    for path in files:
        text = pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text("latin-1")
        assert leaks(text) == [], path.name
        assert leaks(path.name) == []


# These read no log.
OTHERS = ("explain", "pools", "fetch")
GROUPS = {"history": ["history", "add"], "watch": ["watch", "--once"]}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in OTHERS])
def test_errors_hold_no_key(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of files and values of options are masked in messages, and in tracebacks with --debug."""
    monkeypatch.chdir(tmp_path)
    key = KEYS[4]
    (tmp_path / f"{key}.toml").write_text(f'[[pool]]\nname = "{key}"\nkeys = ["{key}"]\n')
    (tmp_path / "bad.log").write_bytes(b"\x89PNG" + key.encode())
    group = GROUPS.get(command, [command])
    for arguments in (
        [f"{key}.log"], [f"no/{key}/*.log"], ["--pools", f"{key}.toml", "bad.log"], ["bad.log"],
        ["--pools", f"none-{key}.toml", "bad.log"], [f"--{key}"], ["--since", key, "bad.log"],
        ["-o", f"none/{key}.csv", "bad.log"], [f"https://{key}@x.invalid/{quote(key)}"],
        ["--rate", key], ["--alpha", key, "bad.log"], ["--seed", key, "bad.log"],
        ["--format", key, "bad.log"], ["--on-finding", f"{key} {key}", "bad.log"],
        ["--metrics", key, "bad.log"], ["--state", f"none/{key}", "bad.log"], ["--interval", key, "bad.log"],
    ):  # fmt: skip
        for more in ([], ["--debug"]):
            code = run([*group, *arguments, *more])
            out, err = capsys.readouterr()
            assert leaks(out + err) == [], arguments
            # A notebook reads its log when it is run.
            assert code in (2, 3, 4) or command == "notebook"
            assert code == 0 or err.rstrip("\n").split("\n")[-1].startswith("keyrota: error: ")


def test_a_fault_of_our_own_holds_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever an unforeseen exception quotes, with the exceptions behind it."""

    def broken(_arguments: list[str]) -> int:
        try:
            int(f"{KEYS[0]}\n\x1b[31m{KEYS[1]}")
        except ValueError as error:
            raise KeyError(KEYS[2]) from error

    monkeypatch.setattr(boundary, "_invoke", broken)
    for more in ([], ["--debug"]):
        assert run(["report", "x", *more]) == 70
        err = capsys.readouterr().err
        assert leaks(err) == []
        assert "\x1b" not in err
    assert "Traceback" in err


def test_masking_is_done_once() -> None:
    """What was masked stays as it is, for every form, cut anywhere."""
    for number, key in enumerate(KEYS):
        text = FORMS[number % len(FORMS)](key)
        for whole in (text, text[: text.index(key[:9]) + 4 + number % 36]):
            masked = redact(whole)
            assert redact(masked) == masked
            assert visible(visible(whole)) == visible(whole)
            assert leaks(visible(whole)) == []


@pytest.mark.parametrize(
    "form", [quote, lambda key: key.replace("y", "%79"), lambda key: "\\u0079".join(key.split("y"))]
)
def test_an_escape_does_not_hide_a_key(form: Callable[[str], str]) -> None:
    """Per cent signs and escapes inside a key are part of it."""
    for key in ("AIzaSyA1y2345678901234567890yabcdefghijkl", KEYS[5]):
        assert not re.search("[0-9A-Za-z]{9}", visible(f"({form(key)})"))
