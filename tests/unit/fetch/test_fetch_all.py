"""Fetching: the folder holds the server's rows, each once, whatever their density and whatever happened."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyrota.errors import ConfigurationError, InputError, OutputError
from keyrota.fetch import fetch_logs, pages, run
from keyrota.fetch.folder import STATE
from keyrota.fetch.times import micros
from management_api import (
    NOW,
    PROJECT,
    TOKEN,
    FakeClock,
    ManagementApi,
    log_row,
    status,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND
END = int(NOW) * SECOND


def ids_in(folder, kind="logs"):
    """Every id of the folder's files, in the order of the files and lines."""
    return [
        json.loads(line)["id"]
        for path in sorted(folder.glob(f"{kind}-*.ndjson"))
        for line in path.read_bytes().splitlines()
    ]


def fetch(api, folder, **options):
    return fetch_logs(folder, options.pop("project", PROJECT), url=api.url, clock=api.clock, **options)


def spread(number, start_us, step_us, prefix="r"):
    return [log_row(start_us + i * step_us, f"{prefix}{i:06}") for i in range(number)]


def test_each_row_once_and_in_order(api, tmp_path):
    """More rows than a page holds come, the oldest first, in one file."""
    api.rows = spread(2500, END - HOUR, SECOND)
    fetched = fetch(api, tmp_path / "logs")
    assert fetched.rows == {"logs": 2500, "invocations": 0}
    assert ids_in(tmp_path / "logs") == [row["id"] for row in api.rows]
    assert [path.name for path in fetched.files] == ["logs-20251127T163000Z-20251128T163000Z.ndjson"]
    assert fetched.repeats == {}
    assert fetched.notes == []


def test_a_line_is_what_the_platform_exports(api, tmp_path):
    """A row is written with the fields that it has, names in order, whatever its text holds."""
    message = 'a "b"\u2028\x1b[31m\ud83d 🔑\n'
    api.rows = [log_row(END - HOUR, "a1", message, execution_id="e-1", function_id="f-1", region="eu-west-3")]
    fetched = fetch(api, tmp_path, kinds=["logs"])
    assert fetched.files[0].read_bytes() == (
        b'{"event_message":"a \\"b\\"\xe2\x80\xa8\\u001b[31m\\ud83d \xf0\x9f\x94\x91\\n","event_type":"Log",'
        b'"execution_id":"e-1","function_id":"f-1","id":"a1","level":"info","severity_text":"INFO",'
        b'"timestamp":"2025-11-28T15:30:00.000000"}\n'
    )


def test_invocations_are_asked_for_without_their_url(api, tmp_path):
    """Of a call of a function come status, path and ids; its message, which holds the query, does not."""
    api.rows = [
        log_row(
            END - HOUR, "b1", "POST | 429 | https://x.supabase.co/functions/v1/chat?apikey=secret",
            source="function_edge_logs", execution_id="e-1", execution_time_ms="1056", function_id="f-1",
            **{"request.method": "POST", "request.pathname": "/functions/v1/chat",
               "response.status_code": "429", "request.headers.x_real_ip": "192.0.2.1"},
        )
    ]  # fmt: skip
    fetched = fetch(api, tmp_path, kinds=["invocations"])
    assert json.loads(fetched.files[0].read_text()) == {
        "execution_id": "e-1", "execution_time_ms": "1056", "function_id": "f-1", "id": "b1",
        "method": "POST", "pathname": "/functions/v1/chat", "status_code": "429",
        "timestamp": "2025-11-28T15:30:00.000000",
    }  # fmt: skip


@st.composite
def crowds(draw):
    """Times of rows with ties: bursts of any size at any distance."""
    times = []
    at = END - draw(st.integers(1, 30 * 24)) * HOUR
    for _ in range(draw(st.integers(0, 6))):
        at += draw(st.sampled_from([0, 1, 1000, SECOND, 59 * SECOND, HOUR, 23 * HOUR, 24 * HOUR]))
        times += [min(at, END - 1)] * draw(st.integers(1, 12))
    return times


@given(
    times=crowds(),
    cap=st.integers(1, 9),
    limit=st.integers(1, 9),
    file_rows=st.integers(1, 7),
    nanoseconds=st.sampled_from([0, 500]),
    ids=st.sampled_from(["{:04}", "id {:04}", ""]),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_density(tmp_path_factory, monkeypatch, times, cap, limit, file_rows, nanoseconds, ids):
    """The fetched rows are the server's, each once, or the command says which it cannot tell apart.

    The server may give fewer rows than were asked for, keep finer times than it shows, and its ids may not
    be fit to be asked for.
    """
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    monkeypatch.setattr(pages, "PAGE_ROWS", limit)
    monkeypatch.setattr(run, "FILE_ROWS", file_rows)
    if nanoseconds or not ids.startswith("{"):
        cap = max(cap, limit)  # such rows can be told apart as far as a page holds those of one time
    rows = [log_row(time, ids.format(i), f"message {i}\n") for i, time in enumerate(times)]
    api = ManagementApi(FakeClock(), rows, cap=cap)
    api.nanoseconds = nanoseconds
    folder = tmp_path_factory.mktemp("crowd") / "logs"
    has_crowd = max(map(times.count, times), default=0) >= limit and (nanoseconds or not ids.startswith("{"))
    with closing(api), pytest.raises(InputError, match="tell them apart") if has_crowd else nullcontext():
        fetch(api, folder, since=min(times, default=END - HOUR), kinds=["logs"])
    if has_crowd:
        return
    written = [line for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()]
    assert sorted(json.loads(line)["event_message"] for line in written) == sorted(
        row["event_message"] for row in rows
    )


def test_more_rows_at_one_instant_than_a_page_holds(api, tmp_path):
    """Rows of one time are told apart by their ids."""
    api.rows = [log_row(END - HOUR, f"{i:05}") for i in range(3100)]
    assert fetch(api, tmp_path).rows["logs"] == 3100
    assert ids_in(tmp_path) == [row["id"] for row in api.rows]


def test_a_crowd_that_cannot_be_told_apart_is_told(api, tmp_path):
    """With ids that no query can hold, 1,000 rows of one time end the fetch; what came before is kept."""
    api.rows = [*spread(3, END - 2 * HOUR, 1), *(log_row(END - HOUR, f"{i}'") for i in range(1000))]
    with pytest.raises(
        InputError, match=r"1,000 rows or more have the time 2025-11-28T15:30:00Z, .* --since"
    ):
        fetch(api, tmp_path)
    assert ids_in(tmp_path)[:3] == ["r000000", "r000001", "r000002"]
    fetched = fetch(api, tmp_path, since=END - HOUR + 1, kinds=["logs"])
    assert fetched.rows == {"logs": 0}


def test_times_that_are_finer_than_they_are_shown(api, tmp_path):
    """A page of known rows alone, cut by the server's own limit, is not the end of the span."""
    api.cap, api.nanoseconds = 2, 500
    api.rows = [log_row(END - HOUR, "a"), log_row(END - HOUR, "b"), log_row(END - HOUR + 1, "c")]
    assert fetch(api, tmp_path, kinds=["logs"]).rows == {"logs": 3}


def test_queries_stay_within_what_they_bring(api, tmp_path):
    """Once a page was full, the next queries do not span the day: the platform counts what they scan."""
    api.rows = spread(20_000, END - 20 * HOUR, 3_600_000)
    fetch(api, tmp_path, kinds=["logs"])
    spans = [
        (micros(query["iso_timestamp_end"]) - micros(query["iso_timestamp_start"])) / HOUR
        for query in api.requests
    ]
    assert len(spans) <= 32  # 20 pages, and what is between
    assert all(span <= 4 for span in spans[2:20])


def test_an_empty_project(api, tmp_path):
    """Without a row nothing is written but the state, and the next fetch starts where this one ended."""
    assert fetch(api, tmp_path).files == []
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    api.clock.time += 900
    assert fetch(api, tmp_path).since == END - 300 * SECOND


def test_the_next_fetch_goes_on(api, tmp_path):
    """A second fetch brings what is new, and what was late, and nothing twice."""
    api.rows = [
        *spread(50, END - HOUR, SECOND),
        log_row(END - 90 * SECOND, "late", arrives_s=NOW + 120),
        *spread(50, END + SECOND, SECOND, "new"),
    ]
    assert fetch(api, tmp_path).rows["logs"] == 50
    api.clock.time += 900
    assert fetch(api, tmp_path, project=None).rows["logs"] == 51
    assert sorted(ids_in(tmp_path)) == sorted(row["id"] for row in api.rows)
    state = json.loads((tmp_path / STATE).read_text())
    assert state["covered"]["logs"] == [["2025-11-27T16:30:00Z", "2025-11-28T16:45:00Z"]]
    assert TOKEN not in (tmp_path / STATE).read_text()


def test_an_earlier_time_fills_the_hole(api, tmp_path):
    """--since before what is there, killed midway, leaves a hole that the next fetch fills."""
    api.rows = spread(100, END - 40 * HOUR, 20 * 60 * SECOND)
    fetch(api, tmp_path, since=END - 10 * HOUR, kinds=["logs"])
    api.faults = [None, *[status(500)] * 8]
    with pytest.raises(InputError):
        fetch(api, tmp_path, since=END - 40 * HOUR, kinds=["logs"])
    covered = json.loads((tmp_path / STATE).read_text())["covered"]["logs"]
    assert len(covered) == 2
    fetch(api, tmp_path, kinds=["logs"])
    assert sorted(ids_in(tmp_path)) == [row["id"] for row in api.rows]
    assert len(json.loads((tmp_path / STATE).read_text())["covered"]["logs"]) == 1


def test_kinds_go_on_by_themselves(api, tmp_path):
    """The calls of functions are fetched from their own end, though the console is further."""
    api.rows = [*spread(5, END - HOUR, SECOND), log_row(END - HOUR, "b1", source="function_edge_logs")]
    fetch(api, tmp_path, kinds=["logs"])
    api.clock.time += 7200
    fetched = fetch(api, tmp_path)
    assert fetched.rows == {"logs": 0, "invocations": 1}


def test_a_gap_is_told(api, tmp_path):
    """Rows that a plan of one day no longer has are said to be gone; of a longer memory nothing is said."""
    api.rows = spread(240, END - HOUR, HOUR // 4)
    fetch(api, tmp_path, kinds=["logs"])
    api.clock.time += 50 * 3600
    api.kept_s = 24 * 3600
    (note,) = fetch(api, tmp_path, kinds=["logs"]).notes
    assert note.startswith(
        "no console line came from 2025-11-28T16:25:00Z to 2025-11-29T18:29:00Z: older than a day"
    )
    api.kept_s = 7 * 24 * 3600
    assert fetch(api, tmp_path, since=END, kinds=["logs"]).notes == []


def test_a_clock_ahead_covers_no_future(api, tmp_path):
    """With this machine's clock ahead of the server's, what is still to come is asked for next time."""
    api.ahead_s = 3600
    api.rows = [log_row(END - 1200 * SECOND, "soon", arrives_s=NOW)]
    assert fetch(api, tmp_path, kinds=["logs"]).rows["logs"] == 0
    ((_, end),) = json.loads((tmp_path / STATE).read_text())["covered"]["logs"]
    assert abs(micros(end) - (END - HOUR)) <= SECOND
    api.clock.time += 3600
    assert fetch(api, tmp_path, kinds=["logs"]).rows["logs"] == 1


@pytest.mark.parametrize("file_rows", [20, 1000])
@pytest.mark.parametrize("victim", ["keyrota.fetch.folder.write_text", "keyrota.fetch.folder.write_bytes"])
def test_interrupted_while_writing(api, tmp_path, monkeypatch, file_rows, victim):
    """A fetch that dies before a file is written, or after it and before the state, is gone on with."""
    api.rows = spread(50, END - HOUR, SECOND)
    monkeypatch.setattr(run, "FILE_ROWS", file_rows)
    monkeypatch.setattr(pages, "PAGE_ROWS", 15)
    with monkeypatch.context() as patch:
        patch.setattr(victim, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(api, tmp_path, kinds=["logs"])
    assert not (tmp_path / STATE).exists()
    asked = len(api.requests)
    api.clock.time += 60
    fetch(api, tmp_path, kinds=["logs"])
    assert sorted(ids_in(tmp_path)) == [row["id"] for row in api.rows]
    goes_on = micros(api.requests[asked]["iso_timestamp_start"]) > END - 2 * HOUR
    assert goes_on == (victim.endswith("text"))


def interrupt(*_, **__):
    raise KeyboardInterrupt


class RealClock:
    """The machine's clock, for a server that another process talks to."""

    def now(self):
        import time

        return time.time()


CHILD = (
    "import sys\nfrom keyrota.fetch import pages, run\nfrom keyrota.cli.boundary import run as main\n"
    "pages.PAGE_ROWS, run.FILE_ROWS = 50, 100\nsys.exit(main(sys.argv[1:]))"
)


@pytest.fixture
def live(monkeypatch):
    """A server by the real clock, with rows of the last ten minutes."""
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    clock = RealClock()
    start = int(clock.now()) * SECOND - 600 * SECOND
    server = ManagementApi(clock, spread(600, start, SECOND // 2))
    yield server
    server.close()


def stopped(live, folder, number, at_request):
    """Run the command and send it a signal at its request of that number."""
    arguments = ["fetch", "--project", PROJECT, "-o", str(folder), "--url", live.url, "--kind", "logs"]
    process = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stderr=subprocess.PIPE, text=True)
    live.on_request = lambda count: process.send_signal(number) if count == at_request else None
    _, err = process.communicate(timeout=60)
    live.on_request = None
    return process.returncode, err


@pytest.mark.parametrize("at_request", [0, 3, 6, 9])
def test_killed_and_gone_on_with(live, tmp_path, at_request):
    """After a kill -9 at any request every file is whole; the next fetch brings the rest, each row once."""
    folder = tmp_path / "logs"
    code, _ = stopped(live, folder, signal.SIGKILL, at_request)
    assert code == -signal.SIGKILL
    before = ids_in(folder)
    assert len(before) == 100 * max(0, (at_request - 1) // 2)
    assert all(path.read_bytes().endswith(b"\n") for path in folder.glob("*.ndjson"))
    fetch_logs(folder, PROJECT, url=live.url, kinds=["logs"])
    assert set(before) <= set(ids_in(folder))
    assert sorted(ids_in(folder)) == [row["id"] for row in live.rows]


def test_ctrl_c_keeps_what_came(live, tmp_path):
    """Ctrl-C ends with 130 and one word; the rows that came are in a whole file, and the state says so."""
    folder = tmp_path / "logs"
    code, err = stopped(live, folder, signal.SIGINT, 4)
    assert (code, err.split()) == (130, ["interrupted"])
    before = ids_in(folder)
    assert len(before) % 50 == 0
    assert len(before) >= 100
    json.loads((folder / STATE).read_bytes())
    fetch_logs(folder, PROJECT, url=live.url, kinds=["logs"])
    assert sorted(ids_in(folder)) == [row["id"] for row in live.rows]


def test_two_at_once_are_refused(api, tmp_path):
    """A second fetch into a folder at work is refused, not interleaved."""
    folder = run.Folder(tmp_path, PROJECT, api.url)
    with (
        folder.alone(),
        pytest.raises(OutputError, match="another keyrota fetch is writing into this folder"),
    ):
        fetch(api, tmp_path)
    assert api.requests == []
    fetch(api, tmp_path)


def test_a_folder_is_of_one_project(api, tmp_path):
    """Another project or another API is refused, before anything is sent there."""
    fetch(api, tmp_path)
    asked = len(api.requests)
    with pytest.raises(ConfigurationError, match=f'holds the logs of project "{PROJECT}"'):
        fetch(api, tmp_path, project="zyxwvutsrqponmlkjihg")
    with pytest.raises(ConfigurationError, match="holds the logs of project"):
        fetch_logs(tmp_path, clock=api.clock)
    assert len(api.requests) == asked


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"schema": "keyrota.fetch/1", "project": "p"}', "[" * 100_000,
     '{"schema": "keyrota.fetch/1", "project": "p", "url": "u", "covered": {"logs": [[1, 2]]}}',
     '{"schema": "keyrota.fetch/1", "project": "p", "url": "u", "covered": {"logs": [["x", "y"]]}}'],
)  # fmt: skip
def test_a_broken_state_is_told(api, tmp_path, text):
    """A file of state that is none ends with what to do; without it the files tell how far they go."""
    api.rows = spread(5, END - HOUR, SECOND)
    fetch(api, tmp_path)
    (tmp_path / STATE).write_text(text)
    with pytest.raises(InputError, match="remove it, and the next fetch goes on"):
        fetch(api, tmp_path)
    (tmp_path / STATE).unlink()
    assert fetch(api, tmp_path).rows["logs"] == 0


def test_a_later_version_of_the_state_is_refused(api, tmp_path):
    """A folder of a version to come is left alone."""
    (tmp_path / STATE).write_text('{"schema": "keyrota.fetch/2"}')
    with pytest.raises(ConfigurationError, match="written by another version"):
        fetch(api, tmp_path)


def test_files_of_others_are_left_alone(api, tmp_path):
    """Files that only look like ours are neither read as such nor replaced."""
    (tmp_path / "logs-notes-x.ndjson").write_text("mine\n")
    (tmp_path / "logs-20251127T163000Z-20251128T163000Z.ndjson").mkdir()
    api.rows = spread(5, END - HOUR, SECOND)
    (path,) = fetch(api, tmp_path).files
    assert path.name == "logs-20251127T163000Z-20251128T163000Z-2.ndjson"
    assert (tmp_path / "logs-notes-x.ndjson").read_text() == "mine\n"


def test_a_full_disk_leaves_the_folder_as_it_was(api, tmp_path, monkeypatch):
    """A file that cannot be written leaves no part of it, and the state says nothing of it."""
    api.rows = spread(5, END - HOUR, SECOND)
    fetch(api, tmp_path, kinds=["logs"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    api.rows += spread(5, END + SECOND, SECOND, "n")
    api.clock.time += 900

    def full(_handle):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr("keyrota.report.atomic.sync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        fetch(api, tmp_path, kinds=["logs"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"since": END + HOUR}, "must lie before --until"),
        ({"since": END - 101 * 24 * HOUR}, "is more than 100 days ago"),
        ({"kinds": ["edge"]}, "there are logs and invocations"),
        ({"project": "a/../b"}, "this is no project reference"),
        ({"project": None}, "nothing was fetched into this folder yet; give --project"),
    ],
)
def test_arguments_that_are_wrong(api, tmp_path, options, message):
    """A wrong argument is told before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        fetch(api, tmp_path / "x", **options)
    assert api.requests == []


def test_the_folder_is_its_owners(api, tmp_path):
    """A folder that is made is closed to others: messages may hold anything."""
    fetch(api, tmp_path / "a" / "logs")
    assert Path(tmp_path / "a" / "logs").stat().st_mode & 0o777 == 0o700


def test_progress_ends_at_the_whole(api, tmp_path):
    """What is told of the progress never goes back, and ends at all there is to do."""
    api.rows = spread(2500, END - HOUR, SECOND)
    told = []
    fetch(api, tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (2 * 86_400, 2 * 86_400)


def test_what_a_killed_fetch_half_wrote_is_removed(api, tmp_path):
    """Temporary files of a fetch that was killed are swept up, other hidden files stay."""
    names = [f".{STATE}.abc.tmp", ".logs-20251127T163000Z-20251128T163000Z.ndjson.abc.tmp", ".mine.tmp"]
    for name in names:
        (tmp_path / name).write_text("half")
    fetch(api, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [STATE, ".mine.tmp"]


def test_a_pause_does_not_outlive_the_connection(api, tmp_path):
    """The connection is closed for the rest of a minute: a server would close it, and that is no trouble."""
    api.per_minute = 3
    api.rows = spread(5000, END - HOUR, SECOND // 2)
    fetched = fetch(api, tmp_path)
    assert fetched.rows["logs"] == 5000
    assert fetched.repeats == {}
    assert api.refused == 0
