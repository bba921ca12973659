"""`keyrota watch` as its users run it: files, pipes, signals, a command, metrics, a state."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event

import pytest

from keyrota.cli.boundary import run
from keyrota.display import visible

PROGRAM = [sys.executable, "-m", "keyrota", "watch"]
ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


def line(number, position):
    time = f"2025-11-10T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return f"{time} Using GOOGLE_KEY_{position + 2} (position {position}/4 in pool)\n"


STUCK = "".join(line(n, 1) for n in range(60))
FAIR = "".join(line(n, n % 4 + 1) for n in range(100))


def start(*arguments, **options):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def next_line(stream):
    """The next line, if it comes in time."""
    ready, _, _ = select.select([stream], [], [], PATIENCE_S)
    assert ready, "nothing came"
    return stream.readline()


def documents(text):
    return [json.loads(text) for text in text.splitlines()]


def test_once_tells_and_exits_with_1(tmp_path, capsys):
    """With --once the findings and the summary of what is there are printed; an error makes 1."""
    (tmp_path / "app.log").write_text(STUCK)
    assert run(["watch", "--once", str(tmp_path / "app.log")]) == 1
    first, *summary = capsys.readouterr().out.splitlines()
    assert "R104 stuck-key (error) ARTIFACT:" in first
    assert "key 3" in first
    assert any(re.match(r"  3 +1/4 +60 +100.0 % +60 +50 +now", row) for row in summary)
    assert any("no isolate is named" in row for row in summary)


def test_once_without_findings_exits_with_0(tmp_path, capsys):
    """A healthy log is a summary and 0; so is a folder of logs."""
    (tmp_path / "app.log").write_text(FAIR)
    assert run(["watch", "--once", str(tmp_path)]) == 0
    assert "no findings" in capsys.readouterr().out


def test_json_lines_are_events_and_the_summary(tmp_path, capsys):
    """--format json prints one document a line: each finding's begin, and the summary with it."""
    (tmp_path / "app.log").write_text(STUCK)
    run(["watch", "--once", "--format", "json", str(tmp_path / "app.log")])
    event, summary = documents(capsys.readouterr().out)
    assert (event["schema"], event["event"], event["finding"]["code"]) == ("keyrota.watch/1", "start", "R104")
    assert event["finding"]["end"] is None
    assert summary["event"] == "summary"
    assert [pool["picks"] for pool in summary["pools"]] == [0, 60, 0]
    assert [found["code"] for found in summary["findings"]] == ["R104"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--once", "nothing.log"], 3, "nothing.log: no such file"),
        (["--once", "-", "app.log"], 3, "either - or files"),
        (["https://example.org/log"], 3, "cannot be followed"),
        ([], 2, "Missing argument"),
        (["--interval", "0s", "app.log"], 2, "above 0"),
        (["--metrics", "nowhere", "app.log"], 2, "HOST:PORT"),
        (["--on-finding", "no-such-program-here x", "app.log"], 2, "no such program"),
        (["--on-finding", "'", "app.log"], 2, "quote"),
        (["--pools", "infer", "-"], 2, "give a pools file"),
        (["--once", "--state", "app.log", "app.log"], 2, "one of the inputs"),
        (["--once", "--state", "gone/state.json", "app.log"], 4, "there is no folder"),
        (["--once", "app.csv"], 3, "csv rows, which are not followed"),
        (["--once", "export.json"], 3, "no lines to follow: give it to keyrota report"),
    ],
)
def test_what_cannot_be_is_one_clear_line(arguments, code, words, tmp_path, monkeypatch, capsys):
    """Each mistake ends the command with its exit code and one line."""
    monkeypatch.chdir(tmp_path)
    Path("app.log").write_text(FAIR)
    Path("app.csv").write_text("id,timestamp,event_message\n1,2,3\n")
    Path("export.json").write_text('[{"event_message": "booted (time: 31ms)"}]')  # as the dashboard has it
    assert run(["watch", *arguments]) == code
    (error,) = capsys.readouterr().err.splitlines()
    assert words in error


def test_pools_are_told_from_the_log(tmp_path, capsys):
    """--pools infer takes the pools from what the log holds."""
    (tmp_path / "app.log").write_text(FAIR.replace("GOOGLE_KEY_", "GOOGLE_KEY_2"))
    assert run(["watch", "--once", "--pools", "infer", "--format", "json", str(tmp_path / "app.log")]) == 0
    (summary,) = documents(capsys.readouterr().out)
    assert [[key["key"] for key in pool["keys"]] for pool in summary["pools"]] == [[23, 24, 25, 26]]


def test_hostile_text_stays_out_of_the_terminal(tmp_path, capsys):
    """No control character, no key and no markup of a log gets out, in either format."""
    key = "AIzaSyB1234567890abcdefghijklmnopqrstuv"
    hostile = f"\x1b]0;x\x07[red]{key}"
    rows = [
        {"event_message": f"Using GOOGLE_KEY_99 (position 1/4 in pool)\x1b[2J {hostile}", "timestamp": n}
        for n in range(1_762_761_600_000_000, 1_762_761_600_000_010)
    ] + [
        {
            "event_message": "Using GOOGLE_KEY_3 (position 1/4 in pool)",
            "timestamp": 1_762_761_600_000_020,
            "execution_id": hostile,
            "function_id": hostile,
            "pathname": f"/functions/v1/{key}",
        }
    ]
    (tmp_path / "app.log").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for output_format in ("text", "json"):
        run(["watch", "--once", "--format", output_format, str(tmp_path / "app.log")])
        told = capsys.readouterr()
        for text in (told.out, told.err):
            assert visible(text.replace("\n", "")) == text.replace("\n", "")


def test_a_pipe_that_ends_ends_the_watch():
    """At the end of standard input the summary is printed, a last line without its end counted, and 0."""
    process = start("-", stdin=subprocess.PIPE)
    out, err = process.communicate(STUCK + FAIR.rstrip("\n"), timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert "160 lines" in out
    assert "R104" in out


def test_a_closed_output_ends_quietly(tmp_path):
    """When the reader of the output goes, the watch ends without a word."""
    with start("-", stdin=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.write(STUCK)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def scraped(url):
    request = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert "openmetrics" in answer.headers["Content-Type"]
        return answer.read().decode()


def test_a_watch_from_begin_to_ctrl_c(tmp_path):
    """A late log is waited for; its finding runs the command and shows in the metrics; Ctrl-C sums up."""
    log, told = tmp_path / "app.log", tmp_path / "told"
    script = tmp_path / "hook.py"
    script.write_text(f"import sys\nopen({str(told)!r}, 'a').write(sys.stdin.read())\nsys.exit(3)\n")
    process = start(
        "--metrics", "127.0.0.1:0", "--interval", "0.05s", "--on-finding", f"{sys.executable} {script}", log
    )
    try:
        url = next_line(process.stderr).split(" at ")[1].strip()
        assert "waited for" in next_line(process.stderr)
        log.write_text(STUCK)
        assert "R104 stuck-key" in next_line(process.stdout)
        deadline = time.monotonic() + PATIENCE_S
        while "keyrota_lines_total 60.0" not in (text := scraped(url)):
            assert time.monotonic() < deadline
        assert 'keyrota_picks_total{key="3",pool="ARTIFACT"} 60.0' in sorted_labels(text)
        assert 'keyrota_findings_open{code="R104",pool="ARTIFACT"} 1.0' in sorted_labels(text)
        check_dashboard(text)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert out.startswith("keyrota watch: 60 lines")
    assert "the command ended with 3" in err
    assert json.loads(told.read_text())["finding"]["code"] == "R104"


def sorted_labels(text):
    """Samples with their labels in order of name."""
    return re.sub(r"\{([^}]*)\}", lambda found: "{" + ",".join(sorted(found[1].split(","))) + "}", text)


def check_dashboard(text):
    """Every metric and every label of the dashboard's expressions is served."""
    dashboard = json.loads((ROOT / "docs" / "dashboards" / "keyrota.json").read_text())
    served = {}
    for name, labels in re.findall(r"^(keyrota_\w+)(?:\{([^}]*)\})? ", text, re.MULTILINE):
        served.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    if (
        "# TYPE keyrota_day_budget_ends_timestamp_seconds gauge" in text
    ):  # absent while there is no such moment
        served.setdefault("keyrota_day_budget_ends_timestamp_seconds", {"pool"})
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [v["query"]["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    used = set()
    for query in queries:
        for name, matchers in re.findall(r"(keyrota_\w+)(?:\{([^}]*)\})?", query):
            assert name in served, query
            assert set(re.findall(r"(\w+)=", matchers)) <= served[name], query
            used.add(name)
        for label in re.findall(r"by \(([^)]*)\)", query):
            assert set(re.split(r", *", label)) <= set().union(*served.values()), query
    assert {name for name in served if not name.endswith("_created")} == used
    pools = {"CHAT", "ARTIFACT", "IMAGE", "other"}
    assert set(re.findall(r'pool="([^"]*)"', text)) == pools
    page = (ROOT / "docs" / "howto" / "watch.md").read_text()
    for name in served:
        assert f"`{name}`" in page, name


KILLED = """
import sys
from pathlib import Path
from threading import Event
from keyrota.pools import load_pools
from keyrota.watching.session import Session, Settings
settings = Settings(logs=(sys.argv[1],), config=load_pools(), state=Path(sys.argv[2]), save_s=0,
                    interval_s=0.001, once=len(sys.argv) > 3)
changes = []
session = Session(settings, on_change=changes.append,
                  on_beat=lambda: print(session.watch.state.lines, flush=True))
session.run()
"""


def test_a_killed_watch_goes_on_where_it_was(tmp_path):
    """Killed at any moment, with the log rotated meanwhile, no line is counted twice and none is lost."""
    log, state = tmp_path / "app.log", tmp_path / "state.json"
    written = 0
    for round_number in range(3):
        log.touch()
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(log), str(state)], stdout=subprocess.PIPE, text=True
        )
        seen = 0
        while seen < written + 150:
            if seen >= written - 50 * (3 - round_number):
                with log.open("a") as stream:
                    stream.write("".join(line(n, n % 4 + 1) for n in range(written, written + 50)))
                written += 50
            seen = int(process.stdout.readline())
            if written >= 300 * (round_number + 1):
                break
        process.kill()
        process.wait()
        process.stdout.close()
        if round_number == 1:
            log.rename(tmp_path / "app.log.1")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(log), str(state), "once"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout.split()[-1]) == written
    saved = json.loads(state.read_text())["watch"]
    assert saved["lines"] == written
    assert sum(saved["pools"]["ARTIFACT"]["picks"].values()) == written


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged state"),
        (b"{}", "no state of a watch"),
        (b"[1]", "no state of a watch"),
        (b'{"schema": "keyrota.watch-state/9"}', "another version"),
        (b'{"schema": "keyrota.watch-state/1"}', "damaged state"),
        (b'{"schema": "keyrota.watch-state/1", "pools": "x"', "damaged state"),
    ],
)
def test_a_damaged_state_is_refused(content, words, tmp_path, capsys):
    """A state that is none is one clear line and 2, and is left as it is."""
    (tmp_path / "app.log").write_text(FAIR)
    state = tmp_path / "state.json"
    state.write_bytes(content)
    assert run(["watch", "--once", "--state", str(state), str(tmp_path / "app.log")]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert words in error
    assert state.read_bytes() == content


def test_a_state_with_a_strange_finding_is_refused(tmp_path, capsys):
    """A state whose findings are none of a watch's is damaged."""
    (tmp_path / "app.log").write_text(STUCK)
    state = tmp_path / "state.json"
    arguments = ["watch", "--once", "--state", str(state), str(tmp_path / "app.log")]
    assert run(arguments) == 1
    state.write_text(state.read_text().replace('"code":"R104"', '"code":"X999"'))
    assert run(arguments) == 2
    assert "damaged state" in capsys.readouterr().err


def test_a_state_of_other_pools_is_refused(tmp_path, capsys):
    """Counts of other pools, or of another alpha, are not gone on with."""
    (tmp_path / "app.log").write_text(FAIR)
    arguments = ["watch", "--once", "--state", str(tmp_path / "state.json"), str(tmp_path / "app.log")]
    assert run(arguments) == 0
    assert run([*arguments, "--alpha", "1e-4"]) == 2
    assert "other pools or another --alpha" in capsys.readouterr().err


def test_every_cut_of_a_state_is_refused_or_whole(tmp_path):
    """A state file that was cut anywhere is never taken for a shorter one."""
    from keyrota.errors import ConfigurationError
    from keyrota.watching.state import load

    (tmp_path / "app.log").write_text(FAIR)
    state = tmp_path / "state.json"
    run(["watch", "--once", "--state", str(state), str(tmp_path / "app.log")])
    whole = state.read_bytes()
    expected = json.loads(whole)["pools"]
    assert load(state, expected) is not None
    for end in range(0, len(whole), max(1, len(whole) // 50)):
        state.write_bytes(whole[:end])
        with pytest.raises(ConfigurationError):
            load(state, expected)


def test_the_hook_never_keeps_the_reader_waiting(tmp_path):
    """A slow command is ended at its time limit and told of once; what waits is told to the next."""
    from keyrota.watching.hook import Hook

    notes, is_told = [], Event()
    script = tmp_path / "slow.py"
    script.write_text("import sys, time\nsys.stdin.read()\ntime.sleep(600)\n")
    hook = Hook(
        f"{sys.executable} {script}", on_note=lambda note: (notes.append(note), is_told.set()), timeout_s=0.3
    )
    for _ in range(200):
        hook.run("{}\n")
    assert is_told.wait(PATIENCE_S)
    assert notes == ["--on-finding: findings come faster than the command ends; some were left out"]
    is_told.clear()
    assert is_told.wait(PATIENCE_S)
    assert notes[1:] == ["--on-finding: the command took more than 0.3 s and was ended"]
    hook.close()


def test_findings_that_the_end_leaves_out_are_told():
    """At its end a watch waits once, not for each command, and says how many findings were not handed on."""
    from keyrota.watching.hook import Hook

    notes = []
    hook = Hook("sleep 600", on_note=notes.append, timeout_s=0.5)
    for _ in range(10):
        hook.run("{}\n")
    hook.close()
    found = re.fullmatch(
        r"--on-finding: (\d+) findings were not handed on: the command had not ended 0.5 s after the watch",
        notes[-1],
    )
    # The first may reach its own time limit before the end, and a second one be started.
    assert 8 <= int(found[1]) <= 10


def test_what_waits_at_the_end_is_handed_on(tmp_path):
    """Commands that end in time all run, also those that wait when the watch ends."""
    from keyrota.watching.hook import Hook

    notes, script = [], tmp_path / "add.py"
    script.write_text(
        f"import sys\nwith open({str(tmp_path / 'told')!r}, 'a') as out:\n    out.write(sys.stdin.read())\n"
    )
    hook = Hook(f"{sys.executable} {script}", on_note=notes.append)
    for at in range(5):
        hook.run(f"{at}\n")
    hook.close()
    assert ((tmp_path / "told").read_text().split(), notes) == (list("01234"), [])


def test_a_port_that_is_taken_is_told(capsys, tmp_path):
    """Metrics that cannot be served end the command with 4 before anything is read."""
    from keyrota.watching.metrics import Metrics

    (tmp_path / "app.log").write_text(FAIR)
    metrics = Metrics(("127.0.0.1", 0))
    try:
        port = metrics.url.split(":")[2].split("/")[0]
        assert run(["watch", "--once", "--metrics", port, str(tmp_path / "app.log")]) == 4
    finally:
        metrics.close()
    assert "name another port" in capsys.readouterr().err


def test_metrics_without_the_library_name_the_command(monkeypatch):
    """Without prometheus-client one line says how to install it."""
    from keyrota.errors import ConfigurationError
    from keyrota.watching.metrics import Metrics

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'keyrota\[watch\]'"):
        Metrics(("127.0.0.1", 0))


def test_sigterm_ends_as_ctrl_c_does(tmp_path):
    """A service manager that ends the watch gets the summary and 0."""
    (tmp_path / "app.log").write_text(STUCK)
    process = start(tmp_path / "app.log")
    assert "R104" in next_line(process.stdout)
    os.kill(process.pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "60 lines" in out


def test_a_history_is_watched(tmp_path, capsys):
    """What is added to a store is counted once, over restarts too, and others may write meanwhile."""
    from keyrota.history import open_store

    store, log = tmp_path / "history.duckdb", tmp_path / "app.log"
    arguments = ["watch", "--store", str(store), "--once", "--format", "json", "--state", str(tmp_path / "s")]
    assert run(arguments) == 3
    log.write_text(FAIR)
    open_store(store).add(log)
    assert run(arguments) == 0
    log.write_text(FAIR + "".join(line(1_000 + n, 1) for n in range(60)))
    open_store(store).add(log)
    assert run(arguments) == 1
    *_, last = documents(capsys.readouterr().out)
    assert [pool["picks"] for pool in last["pools"]] == [0, 160, 0]
    assert last["totals"] == {"R104": 1}
    assert run([*arguments, str(log)]) == 2


def test_a_line_of_a_far_year_in_a_history(tmp_path, capsys):
    """It counts with the lines before it: the day goes on, and its finding is not over."""
    from keyrota.history import open_store

    lines = [line(n, 1).replace("KEY_3", "KEY_99") for n in range(200)]
    lines.insert(100, lines[0].replace("2025-11-10", "2262-01-01"))
    log, store = tmp_path / "app.log", tmp_path / "history.duckdb"
    log.write_text("".join(lines))
    open_store(store).add(log)
    ends = []
    for arguments in (["--store", str(store)], [str(log)]):
        run(["watch", "--once", "--format", "json", *arguments])
        *events, summary = documents(capsys.readouterr().out)
        told = {(event["event"], event["finding"]["code"]) for event in events}
        ends.append((told, summary["span"]["last"], summary["totals"]))
    assert ends[0] == ends[1]
    assert ends[0][1].startswith("2025-11-10")
    assert all(event == "start" for event, _ in ends[0][0])


def test_a_long_source_is_saved_whole(tmp_path, monkeypatch):
    """A watch that is killed within a source counts it anew: no state tells a part of one."""
    from keyrota.history import open_store
    from keyrota.pools import load_pools
    from keyrota.watching import store as store_module
    from keyrota.watching.session import Session, Settings
    from keyrota.watching.state import load

    monkeypatch.setattr(store_module, "BATCH_ROWS", 10)
    log, store, state = tmp_path / "app.log", tmp_path / "history.duckdb", tmp_path / "state.json"
    log.write_text(FAIR)
    open_store(store).add(log)
    seen = []
    settings = Settings(logs=(), config=load_pools(), store=store, state=state, once=True, save_s=0)
    session = Session(
        settings, on_change=lambda _change: None, on_beat=lambda: seen.append(state.exists() and 1)
    )
    session.run()
    assert seen[:10] == [False] * 10
    assert len(seen) > 10
    saved = load(state, session._pools)
    assert (saved.source, saved.watch.lines) == (1, 100)


def test_a_state_does_not_grow_with_the_files_that_were_there(tmp_path, monkeypatch):
    """Logs with dates in their names that come and go: what is kept of each goes with it."""
    from keyrota.logs import finished, growing
    from keyrota.pools import load_pools
    from keyrota.watching.session import Session, Settings
    from keyrota.watching.state import load

    monkeypatch.setattr(growing, "GONE_READS", 2)
    monkeypatch.setattr(finished, "DONE_KEPT", 4)
    logs, state = tmp_path / "logs", tmp_path / "state.json"
    logs.mkdir()
    settings = Settings(logs=(str(logs),), config=load_pools(), state=state, save_s=0)
    session = Session(settings, on_change=lambda _change: None)
    for day in range(60):
        (logs / f"day-{day:02}.log").write_text("".join(line(100 * day + n, n % 4 + 1) for n in range(8)))
        session.poll()
        (logs / f"day-{day - 3:02}.log").unlink(missing_ok=True)
        for _ in range(3):
            session.poll()
        if day == 30:
            session._follow.close()
            session = Session(settings, on_change=lambda _change: None)
    session._follow.close()
    saved = load(state, session._pools)
    assert saved.watch.lines == 60 * 8
    assert (
        sorted(saved.rows) == sorted(saved.places.logs) == [str(logs / f"day-{n}.log") for n in (57, 58, 59)]
    )
    assert len(session._rows) == 3
