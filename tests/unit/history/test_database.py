"""A store is opened, made, brought up to date, or refused: never is another file changed."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import keyrota
from keyrota.errors import ConfigurationError, InputError, OutputError
from keyrota.history import database, open_store, schema


def foreign(kind, path):
    if kind == "text":
        path.write_text("dear diary\n" * 1000)
    elif kind == "short":
        path.write_text("x")
    elif kind == "sqlite":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE rows (a)")
        connection.commit()
        connection.close()
    elif kind == "duckdb":
        connection = duckdb.connect(str(path))
        connection.execute("CREATE TABLE rows (a INTEGER)")
        connection.close()
    elif kind == "parquet":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    else:
        path.write_bytes(os.urandom(50_000))


@pytest.mark.parametrize("kind", ["text", "short", "sqlite", "duckdb", "parquet", "noise"])
def test_a_foreign_file_is_refused_and_left_as_it_is(store, log, kind):
    """By those who read and by those who write."""
    foreign(kind, store.path)
    before = store.path.read_bytes()
    for call in (lambda: store.add(log(0, 10)), store.read, store.list, lambda: store.prune(keep_s=1)):
        with pytest.raises(InputError, match="no history of keyrota; nothing was changed") as told:
            call()
        assert "\n" not in str(told.value)
    assert store.path.read_bytes() == before
    assert not os.path.exists(f"{store.path}.wal")


def test_an_empty_file_is_no_store(store, log):
    """Whoever made it may still want to write to it."""
    store.path.touch()
    with pytest.raises(InputError, match="no history of keyrota"):
        store.add(log(0, 10))
    assert store.path.stat().st_size == 0


def test_a_damaged_store_is_told_in_one_line(store, log):
    """Not by a traceback."""
    store.add(log(0, 5000))
    data = store.path.read_bytes()
    store.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError) as told:
        store.read()
    assert str(told.value).startswith(str(store.path))
    assert "\n" not in str(told.value)


def test_a_broken_account_is_told_in_one_line(store, log):
    """A store that something else has written to."""
    store.add(log(0, 10))
    connection = duckdb.connect(str(store.path))
    connection.execute("UPDATE sources SET account = '{}'")
    connection.close()
    for call in (store.read, store.list):
        with pytest.raises(InputError, match=f"^{store.path}: Object missing required field"):
            call()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files")
def test_a_full_disk_leaves_the_old_rows(store, log):
    """What was written of the new ones is taken back."""
    store.add(log(0, 10))
    path = log(0, 40_000)
    code = (
        "import resource, signal, sys\n"
        "from keyrota.cli.boundary import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_600_000, 1_600_000))\n"
        "sys.exit(run(['history', 'add', *sys.argv[1:]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, "--store", store.path], capture_output=True, text=True
    )
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith(f"keyrota: error: {store.path}: ")
    assert done.stderr.count("\n") == 1
    assert len(store.read().events) == 10
    assert store.add(log(0, 20)).rows == 10


def test_folders_are_no_stores(tmp_path, log):
    """And a store needs one."""
    with pytest.raises(InputError, match="is a folder; a history is a file"):
        open_store(tmp_path).read()
    with pytest.raises(InputError, match="is a folder; a history is a file"):
        open_store(tmp_path).add(log(0, 10))
    with pytest.raises(OutputError, match="there is no folder"):
        open_store(tmp_path / "no" / "where.duckdb").add(log(0, 10))


def test_a_name_that_no_system_has(tmp_path, log):
    """It is told with the path, to those who read and to those who write."""
    store = open_store(tmp_path / ("n" * 300))
    with pytest.raises(OutputError, match=r"n: cannot be opened \(file name too long\)"):
        store.add(log(0, 10))
    with pytest.raises(InputError, match=r"n: cannot be opened \(file name too long\)"):
        store.list()
    with pytest.raises(OutputError, match=r"n: cannot be opened \(file name too long\)"):
        store.prune(keep_s=1)


def test_a_store_is_made_where_a_link_leads(tmp_path, log):
    """The link stays, and by either name it is one store."""
    (tmp_path / "link").symlink_to(tmp_path / "history.duckdb")
    assert open_store(tmp_path / "link").add(log(0, 10)).rows == 10
    assert (tmp_path / "link").is_symlink()
    assert len(open_store(tmp_path / "history.duckdb").read().events) == 10


def test_a_store_that_cannot_be_made_is_told_in_one_line(store, log, monkeypatch):
    """Whether the system says so, or DuckDB: with the path, and nothing is left."""
    before = sorted([*store.path.parent.iterdir(), Path(log(0, 10))])
    for error in (OSError(28, "No space left on device"), duckdb.IOException("No Space\nand more")):

        def fails(*_arguments, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(database, "take_free_place", fails)
            with pytest.raises(
                OutputError, match=r"history\.duckdb: cannot be written \((?i:no space)"
            ) as told:
                store.add(log(0, 10))
        assert "\n" not in str(told.value)
    assert sorted(store.path.parent.iterdir()) == before


def set_version(path, version):
    connection = duckdb.connect(str(path))
    connection.execute(f"UPDATE {schema.MARK} SET version = {version}")
    connection.close()


def test_a_newer_store_is_refused(store, log):
    """It may hold what this version does not know."""
    store.add(log(0, 10))
    set_version(store.path, schema.VERSION + 1)
    before = store.path.read_bytes()
    for call in (lambda: store.add(log(0, 10)), store.read):
        with pytest.raises(InputError, match=f"newer keyrota \\(version {schema.VERSION + 1} of the store"):
            call()
    assert store.path.read_bytes() == before


def test_an_empty_store_of_version_0_is_brought_up_to_date(store, log):
    """Every store was one once: the steps that make it are those that lead to the present version."""
    connection = duckdb.connect(str(store.path))
    connection.execute(f"CREATE TABLE {schema.MARK} (version INTEGER NOT NULL)")
    connection.execute(f"INSERT INTO {schema.MARK} VALUES (0)")
    connection.close()
    assert store.list().adds == ()
    assert store.add(log(0, 10)).rows == 10


STEP = "ALTER TABLE adds ADD COLUMN host VARCHAR; UPDATE adds SET host = 'unknown';"


@pytest.mark.parametrize("reads", [True, False])
def test_an_older_store_is_migrated_with_its_rows(store, log, monkeypatch, reads):
    """By whoever opens it first, reader or writer."""
    store.add(log(0, 10))
    later = (*schema.STEPS, STEP)
    monkeypatch.setattr(schema, "STEPS", later)
    monkeypatch.setattr(schema, "VERSION", len(later))
    if reads:
        assert len(store.read().events) == 10
    else:
        store.prune(before="2020-01-01")
    connection = duckdb.connect(str(store.path), read_only=True)
    assert connection.execute("SELECT host FROM adds").fetchall() == [("unknown",)]
    assert connection.execute(f"SELECT version FROM {schema.MARK}").fetchall() == [(len(later),)]
    connection.close()
    assert len(store.read().events) == 10


def test_a_migration_that_fails_changes_nothing(store, log, monkeypatch):
    """All steps or none."""
    store.add(log(0, 10))
    later = (*schema.STEPS, STEP, "ALTER TABLE nowhere ADD COLUMN a INTEGER;")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", later)
        patch.setattr(schema, "VERSION", len(later))
        with pytest.raises(OutputError, match="nowhere"):
            store.read()
    assert len(store.read().events) == 10
    connection = duckdb.connect(str(store.path), read_only=True)
    assert connection.execute(f"SELECT version FROM {schema.MARK}").fetchall() == [(schema.VERSION,)]
    connection.close()


def test_without_duckdb_it_is_said_what_to_install(store, log, monkeypatch):
    """In one line."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'keyrota\[history\]'"):
        store.add(log(0, 10))
    assert not store.path.exists()


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def held(store, log):
    """Let another process hold the store."""
    store.add(log(0, 10))
    started = []

    def hold(purpose):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(store.path), purpose],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        if process.poll() is None:
            process.communicate(b"\n")


def test_who_waits_long_enough_gets_the_store(store, log, held):
    """Readers and writers wait for a writer; the wait is over when it is done."""
    process = held("writes")
    with pytest.raises(InputError, match="is in use by another process"):
        keyrota.history.open_store(store.path, wait_s=0).read()
    with pytest.raises(OutputError, match="is in use by another process; try again when that is done"):
        keyrota.history.open_store(store.path, wait_s=0.1).add_readings([keyrota.read(log(5, 20))])
    waiting = subprocess.Popen(
        [sys.executable, "-m", "keyrota", "history", "add", log(5, 20), "--store", store.path]
    )
    process.communicate(b"\n")
    assert waiting.wait() == 0
    assert len(store.read().events) == 20


def test_readers_do_not_wait_for_readers(store, log, held):
    """But a writer does."""
    held("reads")
    here = open_store(store.path, wait_s=0)
    assert len(here.read().events) == 10
    with pytest.raises(OutputError, match="is in use"):
        here.add_readings([keyrota.read(log(5, 20))])


def test_two_threads_read_while_one_writes(store, log):
    """In one process too: a reader and a writer at a time wait for each other."""
    from concurrent.futures import ThreadPoolExecutor

    store.add(log(0, 10))
    logs = [log(n * 10, n * 10 + 20) for n in range(6)]
    with ThreadPoolExecutor(4) as pool:
        adds = [pool.submit(store.add, path) for path in logs]
        reads = [pool.submit(lambda: len(store.read().events)) for _ in range(6)]
        assert sum(add.result().rows for add in adds) == 60
        assert all(read.result() >= 10 for read in reads)
    assert len(store.read().events) == 70
