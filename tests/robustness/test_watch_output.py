"""Hostile text and planted keys in all that a watch shows, prints, hands on, serves and keeps."""

from __future__ import annotations

import io
import itertools
import json
import re
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hostile import CONTROLS, FIXED, SGR, replaced, texts
from keyrota.cli.boundary import run
from keyrota.logs.encoding import LINE_LIMIT
from keyrota.pools import load_pools
from keyrota.report.as_json import as_json_line
from keyrota.report.watch import event_of, summary_of
from keyrota.report.watch_text import as_event_line, as_screen
from keyrota.watch.episodes import Change
from keyrota.watch.snapshot import Snapshot, snapshot
from keyrota.watch.wording import RULE_OF
from keyrota.watching import metrics
from keyrota.watching.metrics import CAUSES, Metrics
from keyrota.watching.session import Session, Settings
from planted_keys import FORMS, KEYS, PICK, leaks

DRAWING = re.compile(r"\x1b\[(?:[0-9;]{0,12}m|\?25[lh]|[0-9]?[AK])|\r")
"""What a screen that is drawn in place may send: colours, the cursor, a line up, a line anew."""

STARTED_US = 1_762_761_600_000_000
ERROR = '{{"error":{{"code":429,"message":"{}"}}}}'
HEARD = (
    "Using GOOGLE_KEY_3 (position 1/4 in pool)",
    "Using GOOGLE_KEY_99 (position 1/4 in pool)",
    "Using GOOGLE_KEY_4 (position 1/4 in pool)",
    "Using GOOGLE_KEY_3 (position 1/7 in pool)",
    "Using key pool: {} (2 keys available)",
    "Using GOOGLE_AI_STUDIO_KEY_{} key #1 of 2",
    f"Google AI Studio error: 429 {ERROR}",
    '"message": "You exceeded your quota {}"',
    '"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "7" {}',
    'Google AI Studio error: 429 {{"quotaId": "GenerateRequestsPerDay", "quotaValue": "9"}} {}',
    'Google AI Studio error: 429 {{"quotaId": "GenerateRequestsPerMinute", "quotaValue": "2"}} {}',
    "Rate limited (429). Retry 1/3 after 1000ms {}",
    "POST | 429 | https://x.supabase.co/functions/v1/{}?key={}",
    "{}",
)
"""Messages that a watch acts upon, and where somebody's text may stand in them."""

NAMES = ("execution_id", "function_id", "deployment_id", "id", "level", "reason", "request_id")


def written(log: Path, said: Iterator[str], rounds: int) -> None:
    """Write a drain whose messages and fields hold texts, each message after a few picks of one key."""
    rows = []
    for number in range(rounds):
        for place, message in enumerate((HEARD[0], HEARD[number % len(HEARD)])):
            text = next(said)
            row = {name: next(said) for name in NAMES} | {"pathname": f"/functions/v1/{next(said)}"}
            if number // len(HEARD) % 2:  # by a function that has its own pool
                row |= {"execution_id": None, "pathname": "/functions/v1/chat"}
            row["event_message"] = message.format(text, text) if "{" in message else message
            row["timestamp"] = STARTED_US + 10_000 * (2 * number + place)
            rows.append(json.dumps(row))
    log.write_text("\n".join(rows) + "\n")


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def outputs(folder: Path, logs: list[str], monkeypatch: pytest.MonkeyPatch, capfd: Any) -> dict[str, str]:
    """Everything that watches of these logs give: as text, drawn in place and as JSON, twice each."""
    served: list[str] = []
    close = Metrics.close

    def scraped(own: Metrics) -> None:
        for kind in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            with urllib.request.urlopen(urllib.request.Request(own.url, headers={"Accept": kind})) as answer:
                served.append(answer.read().decode())
        close(own)

    monkeypatch.setattr(metrics.Metrics, "close", scraped)
    told = {}
    for name in ("text", "json", "drawn"):
        state, handed = folder / f"{name}.state", folder / f"{name}.handed"
        arguments = ["watch", "--once", "--state", str(state), "--on-finding", f"tee -a {handed}"]
        arguments += ["--format", "json" if name == "json" else "text", *logs]
        with monkeypatch.context() as patched:
            screen = Terminal()
            if name == "drawn":
                patched.setattr(sys, "stdout", screen)
                patched.delenv("NO_COLOR", raising=False)
                patched.setenv("TERM", "xterm")
            assert run(arguments) == 1
            # What was kept is read again, and gives the same.
            assert run([*arguments, "--metrics", "127.0.0.1:0"] if name == "json" else arguments) == 1
        out, err = capfd.readouterr()
        told |= {name: out + screen.getvalue(), f"{name}, messages": err, f"{name}, state": state.read_text()}
        told[f"{name}, command"] = handed.read_text()
    assert "\x1b[?25l" in told["drawn"]
    return told | dict(zip(("metrics", "open metrics"), served, strict=True))


def labels_of(text: str) -> Counter[tuple[str, str]]:
    """Names and values of all labels of OpenMetrics."""
    families = text_string_to_metric_families(text)
    return Counter(label for family in families for own in family.samples for label in own.labels.items())


def is_declared(label: tuple[str, str]) -> bool:
    """Whether a label has one of the values that are known before any log is read."""
    allowed = {
        "pool": {"CHAT", "ARTIFACT", "IMAGE", "other"},
        "key": {*map(str, range(1, 11)), "other", "all"},
        "cause": set(CAUSES),
        "window": {"minute", "hour", "day"},
        "code": set(RULE_OF),
    }
    return label[1] in allowed[label[0]]


def held(told: dict[str, str], *, lines: int) -> None:
    """Hold outputs against what none may hold: controls, keys, labels that no pool declares."""
    for name, text in told.items():
        found = CONTROLS.search((DRAWING if name == "drawn" else SGR).sub("", text))
        assert found is None, (name, text[max(0, found.start() - 60) : found.end() + 20])
        assert "canary" not in text, name
        assert "opaque-secret" not in text, name
        assert leaks(text) == [], name
    for name in ("text", "drawn", "json"):
        assert f"{lines:,}" in told[name] or f'"lines":{lines}' in told[name]
        assert json.loads(told[f"{name}, state"])["watch"]["lines"] == lines
        assert json.loads(told[f"{name}, command"].splitlines()[0])["event"] == "start"
        assert "\n::" not in told[name]
    for line in told["json"].splitlines():
        assert json.loads(line)["schema"] == "keyrota.watch/1"
    labels = labels_of(told["open metrics"])
    assert len(labels) > 20
    assert all(map(is_declared, labels)), labels


@pytest.mark.parametrize(
    "rounds", [400, pytest.param(20_000, marks=pytest.mark.nightly)], ids=["4,000 texts", "200,000 texts"]
)
def test_hostile_text_of_a_log_does_nothing(
    rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In messages and fields of a log: no control, key, command or label gets out of a watch, or is kept."""
    monkeypatch.chdir(tmp_path)
    written(Path("drain.ndjson"), texts(10 * 2 * rounds, seed=5), rounds)
    held(outputs(tmp_path, ["drain.ndjson"], monkeypatch, capfd), lines=2 * rounds)


def test_planted_keys_of_a_log_stay_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ten thousand keys, as ids and names too, in lines of text and of JSON, and in the names of the logs."""
    monkeypatch.chdir(tmp_path)
    drain, text = Path(f"{KEYS[1]}.ndjson"), Path(f"app key={KEYS[3]}.log")
    rounds = 500
    written(drain, itertools.chain(KEYS, KEYS), rounds)
    said = [FORMS[number % len(FORMS)](key) for number, key in enumerate(KEYS)]
    said += ["x" * (LINE_LIMIT - 20) + KEYS[0], f"Error: 429 {'y' * (LINE_LIMIT - 40)} {KEYS[2]}"]
    times = [f"2025-11-10T08:{n // 1000:02}:{n // 17 % 60:02}.{n % 1000:03}Z" for n in range(len(said))]
    lines = [f"{time} {words}\n{time} {PICK.format(n=1)}\n" for time, words in zip(times, said, strict=True)]
    text.write_text("".join(lines))
    held(outputs(tmp_path, [str(drain), str(text)], monkeypatch, capfd), lines=2 * rounds + 2 * len(said))


@pytest.mark.parametrize(
    "name", ["drain.ndjson", "caf\udce9.ndjson"], ids=["a name", "a name that is no UTF-8"]
)
def test_half_a_character_ends_no_watch(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One in the body of an error, or in the name of the log: the state is kept, and gone on with."""
    log, state = tmp_path / name, tmp_path / "state.json"
    arguments = ["watch", "--once", "--state", str(state), "--format", "json", str(log)]
    for number in (1, 2):
        with log.open("a") as stream:
            row = {"event_message": f"Google AI Studio error: 429 {ERROR.format(chr(0xD800))}"}
            row["timestamp"] = STARTED_US + number
            stream.write(json.dumps(row) + "\n")
        assert run(arguments) == 0, capsys.readouterr().err
        assert json.loads(state.read_text())["watch"]["lines"] == number


@lru_cache
def watched() -> tuple[Snapshot, tuple[Change, ...]]:
    """A watch of a log with findings of most kinds, and the changes that it told."""
    import tempfile

    changes: list[Change] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "drain.ndjson")
        written(log, itertools.repeat("plain"), 400)
        settings = Settings(logs=(str(log),), config=load_pools(), once=True)
        session = Session(settings, on_change=changes.append)
        session.run()
    assert {change.episode.code for change in changes} >= {
        "R104",
        "C201",
        "C202",
        "C203",
        "C204",
        "Q301",
        "Q302",
    }
    return snapshot(session.watch), tuple(changes)


@pytest.mark.parametrize(
    "rounds", [5, pytest.param(1000, marks=pytest.mark.nightly)], ids=["500 texts", "100,000 texts"]
)
def test_no_field_of_a_watch_gets_a_control_out(rounds: int) -> None:
    """Should a text come into any field of what a watch shows: no way of showing it lets it act."""
    now, changes = watched()
    keep = frozenset({*FIXED, "code", "event"})
    fields = Counter[str]()
    for n in range(rounds):
        supply = itertools.cycle([" ".join(texts(100, seed=1000 * n + part)) for part in range(3)])
        own, told = replaced((now, changes), lambda: fields.update("f") or next(supply), keep=keep)  # noqa: B023
        shown = {
            "screen": as_screen(own, color=False, width=100),
            "colour": SGR.sub("", as_screen(own, color=True, width=80)),
            "summary": as_json_line(summary_of(own)),
            "lines": "".join(map(as_event_line, told)),
            "events": "".join(as_json_line(event_of(change)) for change in told),
        }
        for name, text in shown.items():
            assert CONTROLS.search(text) is None, (n, name)
            assert "canary" not in text, (n, name)
            assert "opaque-secret" not in text, (n, name)
        assert shown["lines"].count("\n") == shown["events"].count("\n") == len(changes)
    assert fields["f"] > 20 * rounds
