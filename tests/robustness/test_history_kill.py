"""A process that is killed leaves the history as it was, or as it would have been: nothing between."""

import shutil
import signal
import subprocess
import sys
import time

import duckdb
import pytest

import keyrota
from keyrota.history import open_store
from keyrota.logs.write import LogRow, pick_message, write_log

KILLS = [2, pytest.param(60, marks=pytest.mark.nightly)]
"""How often; spread evenly over the time that an undisturbed run takes."""

BEGIN = 1_762_905_600_000_000_000
PER_SOURCE = 1000
SOURCES = 12

if sys.platform == "win32":
    pytest.skip("no SIGKILL", allow_module_level=True)

# Each prints a line when it begins to write; the reading and the imports are done by then.
ADD = """
import sys, keyrota
from keyrota.history import open_store
readings = [keyrota.read(path) for path in sys.argv[2:]]
store = open_store(sys.argv[1])
print("begins", flush=True)
store.add_readings(readings)
"""
PRUNE = """
import sys
from keyrota.history import open_store
from keyrota.history import pruning
pruning.LEAST_FREE = -1  # always written anew
store = open_store(sys.argv[1])
store.last()
print("begins", flush=True)
store.prune(before="2025-11-12T04:00")
"""

# Put before one of the two: it ends itself where the rows are written and the commit comes, or came.
KILLED_AT_COMMIT = """
import contextlib, os, signal
from keyrota.history import {module}
committed = {module}.transaction
@contextlib.contextmanager
def killed(connection):
    with committed(connection):
        yield
        if {is_before}:
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
{module}.transaction = killed
"""


def write_logs(folder, first, sources):
    paths = []
    for source in range(first, first + sources):
        rows = [
            LogRow(
                BEGIN + (source * PER_SOURCE + n) * 10**9,
                pick_message(3 + n % 4, 1 + n % 4, 4),
                execution_id=f"{source:08d}-1111-4222-8333-{n // 4:012d}",
                row_id=f"{source}-{n}",
            )
            for n in range(PER_SOURCE)
        ]
        paths.append(folder / f"{source}.ndjson")
        paths[-1].write_bytes(write_log(rows, "drain-ndjson"))
    return [str(path) for path in paths]


def run_killed(code, arguments, after):
    """Run a program, kill it so long after it began to write; return whether it was still at work."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begins\n"
    began = time.perf_counter()
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait() == -signal.SIGKILL, time.perf_counter() - began


def content(path):
    """Return the rows, and that all tables agree with each other."""
    store = open_store(path)
    reading = store.read()
    listing = store.list()
    assert sum(add.rows for add in listing.adds) >= listing.rows == len(reading.events)
    assert {source.name for source in reading.input.sources} >= set(reading.events["source"].cat.categories)
    assert not reading.events["isolate"].isna().any()
    return len(reading.events)


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        (ADD, 4 * PER_SOURCE, (4 + SOURCES) * PER_SOURCE),
        (PRUNE, 16 * PER_SOURCE, 16 * PER_SOURCE - 4 * 3600),
    ],
    ids=["add", "prune"],
)
@pytest.mark.parametrize("kills", KILLS)
def test_a_kill_leaves_the_old_rows_or_the_new_ones(tmp_path, code, before, after, kills):
    """Whenever it comes: while rows are written, while they are committed, while the file is closed."""
    logs = write_logs(tmp_path, 4, SOURCES)
    template = tmp_path / "template.duckdb"
    open_store(template).add(write_logs(tmp_path, 0, 4))
    if code is PRUNE:
        open_store(template).add(logs)
    arguments = logs if code is ADD else []

    def attempt(number, seconds):
        path = tmp_path / f"{number}.duckdb"
        shutil.copy(template, path)
        _, took = run_killed(code, [str(path), *arguments], seconds)
        found = content(path)
        assert found in (before, after)
        assert open_store(path).add(logs[0]).rows in (0, PER_SOURCE)  # and it can be written
        return took, found

    whole, found = attempt("whole", 60)
    assert found == after
    for number in range(kills):
        attempt(number, whole * (number + 0.5) / kills)


@pytest.mark.parametrize(
    ("code", "module", "before", "after"),
    [
        (ADD, "store", 4 * PER_SOURCE, (4 + SOURCES) * PER_SOURCE),
        (PRUNE, "pruning", 16 * PER_SOURCE, 16 * PER_SOURCE - 4 * 3600),
    ],
    ids=["add", "prune"],
)
@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_kill_around_the_commit_leaves_what_was_committed(tmp_path, code, module, before, after, moment):
    """All rows are written when it comes; whether they are there is decided by the commit alone."""
    logs = write_logs(tmp_path, 4, SOURCES)
    path = tmp_path / "history.duckdb"
    open_store(path).add(write_logs(tmp_path, 0, 4))
    if code is PRUNE:
        open_store(path).add(logs)
    own_kill = KILLED_AT_COMMIT.format(module=module, is_before=moment == "before the commit")
    arguments = [str(path), *(logs if code is ADD else [])]
    killed, _ = run_killed(own_kill + code, arguments, 60)
    assert killed
    assert content(path) == (before if moment == "before the commit" else after)
    assert open_store(path).add(logs[0]).rows in (0, PER_SOURCE)  # and it can be written


@pytest.mark.parametrize("kills", KILLS)
def test_a_kill_while_a_store_is_made_leaves_none_or_a_whole_one(tmp_path, kills):
    """A store appears under its name when it is one."""
    logs = write_logs(tmp_path, 0, 2)
    _, whole = run_killed(ADD, [str(tmp_path / "whole.duckdb"), *logs], 60)
    for number in range(kills):
        path = tmp_path / f"{number}.duckdb"
        run_killed(ADD, [str(path), *logs], whole * number / kills)
        if path.exists():
            connection = duckdb.connect(str(path), read_only=True)
            assert connection.execute("SELECT count(*) FROM rows").fetchone()[0] in (0, 2 * PER_SOURCE)
            connection.close()
        added = open_store(path).add(logs)
        assert added.rows + added.duplicates == 2 * PER_SOURCE
        assert content(path) == 2 * PER_SOURCE


def test_many_writers_at_a_time_add_all(tmp_path):
    """Each waits for the others; rows that two of them bring are there once."""
    logs = write_logs(tmp_path, 0, 5)
    path = tmp_path / "history.duckdb"
    command = [sys.executable, "-m", "keyrota", "history", "add", "-q", "--wait", "60s", "--store", str(path)]
    writers = [
        subprocess.Popen([*command, *logs[first : first + 2]], stderr=subprocess.PIPE) for first in range(4)
    ]
    for writer in writers:
        _, told = writer.communicate()
        assert (writer.returncode, told) == (0, b"")
    assert content(path) == 5 * PER_SOURCE
    assert len(open_store(path).list().adds) == 4
    assert keyrota.judge(open_store(path).read()).pools


def test_an_interrupt_leaves_the_old_rows(tmp_path):
    """Ctrl-C: one word, the code for it, no traceback, and the store as it was."""
    logs = write_logs(tmp_path, 0, 1)
    path = tmp_path / "history.duckdb"
    open_store(path).add(logs)
    code = """
import os, signal, sys
from keyrota.cli.boundary import run
from keyrota.history import adding
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
insert = adding.Adder.flush
def interrupted(self):
    insert(self)
    os.kill(os.getpid(), signal.SIGINT)
adding.Adder.flush = interrupted
sys.exit(run(["history", "add", "--store", *sys.argv[1:]]))
"""
    more = write_logs(tmp_path, 1, 1)
    done = subprocess.run([sys.executable, "-c", code, str(path), *more], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (130, "interrupted")
    assert content(path) == PER_SOURCE
