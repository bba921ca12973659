"""`keyrota fetch`: what is asked, told and written, and that `keyrota report` reads the folder."""

import json
import os
import sys
import time

import pytest

from keyrota.cli.boundary import run
from management_api import NOW, PROJECT, TOKEN, FakeClock, ManagementApi, log_row, status

SECOND = 1_000_000
END = int(NOW) * SECOND


@pytest.fixture
def api(monkeypatch):
    """A server, and the command with its clock."""
    clock = FakeClock()
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    monkeypatch.setattr("keyrota.fetch.run.Clock", lambda: clock)
    server = ManagementApi(clock)
    yield server
    server.close()


def fetch(api, folder, *options):
    return run(["fetch", "--project", PROJECT, "-o", str(folder), "--url", api.url, *options])


def rotation(number):
    """Rows of a healthy pool of two keys: isolates that boot, pick, and are called once each."""
    function = "beca0000-2222-4333-8444-555566667777"
    rows = []
    for i in range(number):
        isolate = f"{i:08x}-0000-4000-8000-000000000000"
        at = END - (number - i) * 60 * SECOND
        names = {"execution_id": isolate, "function_id": function}
        key = 1 + (i * 7 + i // 3) % 2
        rows += [
            log_row(at, f"a{i}", "booted (time: 31ms)", **{**names, "event_type": "Boot"}),
            log_row(at + 10_000, f"b{i}", f"🔑 Using GOOGLE_KEY_{key} (position {key}/2 in pool)\n", **names),
            log_row(at + 10_000, f"c{i}", "🔑 Using key pool: CHAT (2 keys available)\n", **names),
            log_row(at + 20_000, f"d{i}", "\x1b[31mhostile\x1b]0;title\x07\u202e<script>\n", **names),
            log_row(
                at + 900_000, f"e{i}", "POST | 200 | https://x/", source="function_edge_logs",
                **{**names, "execution_time_ms": "364", "request.method": "POST",
                   "request.pathname": "/functions/v1/chat", "response.status_code": "200"},
            ),
        ]  # fmt: skip
    return rows


def test_fetched_and_reported(api, tmp_path, capsys):
    """What is fetched is read by `keyrota report`: picks, isolates, and the function's name."""
    api.rows = rotation(400)
    folder = tmp_path / "logs"
    assert fetch(api, folder) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "1,600 new console lines and 400 new invocations (2025-11-27T16:30:00Z to 2025-11-28T16:30:00Z) in 2 "
        f"new files of {folder}\n"
    )
    assert run(["report", "--format", "json", str(folder)]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    (pool,) = [pool for pool in report["pools"] if pool["picks"]]
    assert (pool["name"], pool["picks"]) == ("CHAT", 400)
    assert pool["functions"] == ["chat"]
    assert pool["rotation"]["isolates"] == 400
    assert report["input"]["malformed"] == report["input"]["duplicates"] == 0
    assert {source["format"] for source in report["input"]["sources"]} == {"json"}
    assert not set("\x1b\x07\u202e") & set(captured.out + captured.err)


def test_the_same_command_goes_on(api, tmp_path, capsys):
    """The second fetch needs neither --since nor --project, and counts what is new."""
    api.rows = rotation(20)
    assert fetch(api, tmp_path) == 0
    api.clock.time += 900
    api.rows.append(log_row(END + 60 * SECOND, "new"))
    capsys.readouterr()
    assert run(["fetch", "-o", str(tmp_path), "--url", api.url]) == 0
    assert capsys.readouterr().err == (
        "1 new console line and 0 new invocations (2025-11-28T16:25:00Z to 2025-11-28T16:45:00Z) in 1 "
        f"new file of {tmp_path}\n"
    )


def test_what_was_in_the_way_is_told(api, tmp_path, capsys):
    """Requests that were sent again, and a gap, are notes; --quiet says nothing."""
    api.faults = [status(429, Retry_After="2"), status(503), status(503)]
    assert fetch(api, tmp_path, "--since", "2025-11-20", "--until", "2025-11-21T00:00Z") == 0
    err = capsys.readouterr().err
    assert "keyrota: note: requests were sent again: 429 1 time and 503 2 times\n" in err
    assert (
        "keyrota: note: no console line came from 2025-11-20T00:00:00Z to 2025-11-21T00:00:00Z: older" in err
    )
    api.faults = [status(503)]
    assert fetch(api, tmp_path, "--since", "2025-11-20", "--until", "2025-11-21", "-q") == 0
    assert capsys.readouterr().err == ""


def test_nothing_is_left(api, tmp_path, capsys):
    """A span that ends before what is there asks for nothing, and says so."""
    assert fetch(api, tmp_path, "-q") == 0
    asked = len(api.requests)
    assert fetch(api, tmp_path, "--until", "2025-11-28") == 0
    assert "0 new invocations (that time is there already) in 0 new files" in capsys.readouterr().err
    assert len(api.requests) == asked


def test_one_kind(api, tmp_path):
    """--kind chooses the source, and only that is asked."""
    api.rows = rotation(5)
    assert fetch(api, tmp_path, "--kind", "invocations", "-q") == 0
    assert [path.name[:12] for path in tmp_path.glob("*.ndjson")] == ["invocations-"]
    assert all("source = 'function_edge_logs'" in request["sql"] for request in api.requests)


def test_a_duration_counts_back_from_now(tmp_path, monkeypatch, capsys):
    """--since 2h is two hours before now, by this machine's clock."""
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    clock = FakeClock(time.time())
    api = ManagementApi(
        clock, [log_row(int(clock.time - ago) * SECOND, str(ago)) for ago in (3600, 3 * 3600)]
    )
    assert fetch(api, tmp_path, "--since", "2h", "--kind", "logs") == 0
    api.close()
    assert capsys.readouterr().err.startswith("1 new console line (")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--since", "yesterday"], 2, '--since: "yesterday" is no time; write 2025-11-10, '),
        (["--since", "2025-11-28", "--until", "2025-11-27"], 2, "must lie before --until"),
        (["--since", "9999-12-31"], 2, "must lie before --until"),
        (["--since", "0001-01-01"], 2, "is more than 100 days ago"),
        (["--kind", "all"], 2, "is not one of"),
        (["--url", "http://example.org"], 2, "http would send the token in the clear"),
        (["--project", "a b"], 2, "this is no project reference"),
        (["-o", "-"], 2, "name a folder"),
        (["--token", "x"], 2, "No such option"),
    ],
)
def test_bad_calls_get_one_line(api, tmp_path, capsys, options, code, message):
    """A bad call is told in one line, before anything is sent."""
    assert fetch(api, tmp_path / "x", *options) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert api.requests == []


def test_a_file_in_place_of_the_folder(api, tmp_path, capsys):
    """A folder that cannot be made is exit 4."""
    (tmp_path / "x").write_text("mine")
    assert fetch(api, tmp_path / "x") == 4
    assert "the folder cannot be made (file exists)" in capsys.readouterr().err


def test_without_a_token(api, tmp_path, monkeypatch, capsys):
    """Without the variable it says how to set it, and exits with 2."""
    monkeypatch.delenv("SUPABASE_ACCESS_TOKEN")
    assert fetch(api, tmp_path) == 2
    assert "SUPABASE_ACCESS_TOKEN is not set; make a token at" in capsys.readouterr().err


def test_progress_for_a_person(api, tmp_path):
    """On a terminal a long fetch shows its progress on standard error, and standard output stays empty."""
    import pty
    import subprocess

    controller, terminal = pty.openpty()
    code = (
        "import sys\nfrom keyrota.cli import progress\nfrom keyrota.cli.boundary import run\n"
        "progress.PATIENCE_S = 0.0\nsys.exit(run(sys.argv[1:]))"
    )
    api.clock.now = time.time
    api.on_request = lambda _count: time.sleep(0.3)
    arguments = ["fetch", "--project", PROJECT, "-o", str(tmp_path), "--url", api.url]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=terminal
    )
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 0
    shown = os.read(controller, 1 << 16)
    assert b"minutes of log" in shown
    assert TOKEN.encode() not in shown
    os.close(controller)
    os.close(terminal)
