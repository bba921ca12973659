"""Sweeps on a Dask cluster of two worker processes: the bytes of one machine, whoever dies."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import keyrota
from keyrota import cluster, workers
from keyrota.cli.boundary import run
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.onset import find_onset
from keyrota.planning.plan import make_plan
from keyrota.simulation.experiment import simulate
from keyrota.simulation.simple import POOL_NAME, simple_scenario
from keyrota.workers import Workers

HOUR = simple_scenario(keys=2, per_minute=2, rate_per_min=4.0, duration_s=3600.0)


def bytes_of(experiment):
    return b"".join(table.tobytes() for table in experiment.tallies)


def slow_sum(array):
    time.sleep(0.05)
    return float(array.sum()), os.getpid()


def dies(number):
    if number == 3:
        os._exit(1)
    return number


def refused(number):
    if number == 7:
        raise ModelError("seven has no answer")
    return number


def pids(client):
    return list(client.run(os.getpid).values())


@pytest.fixture(scope="module")
def opened(dask_cluster):
    with Workers(cluster=dask_cluster.scheduler_address) as own:
        yield own


@pytest.fixture
def two(opened):
    """Workers on that cluster, as `--cluster tcp://...` gives them; both are there, whoever died before."""
    opened._connection().wait_for_workers(2, timeout=60)
    return opened


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_an_experiment_has_the_same_bytes(engine, two):
    """Counts of all replications, in their order; a stopping rule stops at the same place."""
    for options in ({"replications": 9}, {"replications": 5, "precision": 0.2}):
        here = simulate(HOUR, engine=engine, seed=3, **options)
        there = simulate(HOUR, engine=engine, seed=3, jobs=two, **options)
        assert bytes_of(there) == bytes_of(here)


def test_usable_rates_and_plans_are_the_same(two):
    """To the last bit."""
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, policy="random")
    sizes = {"pool": POOL_NAME, "sizes": (1, 2, 3)}
    assert find_onset(scenario, jobs=two, **sizes) == find_onset(scenario, **sizes)
    asked = {"pool": POOL_NAME, "windows": ["fixed"]}
    here, there = make_plan(scenario, **asked), make_plan(scenario, jobs=two, **asked)
    assert dataclasses.asdict(there) == dataclasses.asdict(here)


def test_the_workers_do_the_work(two):
    """Not this process, and both of them."""
    places = {place for _, place in two.map(slow_sum, [np.arange(10)] * 20)}
    assert places == set(pids(two._connection()))
    assert two.number == 2


def test_the_work_of_a_worker_that_is_killed_is_done_again(two):
    """One of two dies twice, with results and arrays in its memory; the results are those of one machine."""
    items = [np.arange(10_000) + number for number in range(60)]
    found = []
    for result, _ in two.map(slow_sum, items):
        found.append(result)
        if len(found) in (5, 30):
            os.kill(pids(two._connection())[0], signal.SIGKILL)
    assert found == [float(item.sum()) for item in items]


def test_an_experiment_outlives_a_worker(two):
    """Killed with SIGKILL midway: the same bytes."""
    told = []

    def on_progress(done, _):
        told.append(done)
        if done == 10:
            os.kill(pids(two._connection())[1], signal.SIGKILL)

    there = simulate(HOUR, replications=40, engine="simpy", seed=3, jobs=two, on_progress=on_progress)
    assert told == list(range(1, 41))
    assert bytes_of(there) == bytes_of(simulate(HOUR, replications=40, engine="simpy", seed=3))


def test_an_error_of_a_call_comes_back(two):
    """In its own words; the workers are good for more, also after results that nobody wanted."""
    with pytest.raises(ModelError, match="seven has no answer"):
        list(two.map(refused, range(20)))
    for number in two.map(refused, range(6)):
        if number == 2:
            break
    assert list(two.map(refused, range(6))) == list(range(6))


def test_work_that_kills_every_worker_is_given_up():
    """With what to do, and not for ever."""
    with Workers(cluster="local:2") as own, pytest.raises(ConfigurationError) as error:
        list(own.map(dies, range(6)))
    assert "4 workers died at the same work; they may lack memory" in str(error.value)


def test_a_cluster_that_is_lost(tmp_path, monkeypatch):
    """Its last worker, and later its scheduler: a line each, where Dask would wait for ever."""
    monkeypatch.setattr(workers, "WORKERS_S", 1.2)
    told = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    common = [sys.executable, "-m", "dask"]
    loopback = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(told)]
    work = [
        *common,
        "worker",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--scheduler-file",
        str(told),
    ]
    processes = [subprocess.Popen([*common, "scheduler", "--port", "0", *loopback], **quiet)]
    try:
        processes.append(subprocess.Popen(work, **quiet))
        while not told.exists() or not told.read_text().endswith("}"):
            time.sleep(0.05)
        with Workers(cluster=json.loads(told.read_text())["address"]) as own:
            with pytest.raises(ConfigurationError, match=r"no worker is left, and none came back in 1\.2 s"):
                kill_at(3, own, processes[1])
            processes.append(subprocess.Popen(work, **quiet))
            own._connection().wait_for_workers(1, timeout=60)
            with pytest.raises(ConfigurationError, match="the connection to the scheduler is lost"):
                kill_at(3, own, processes[0])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def kill_at(place, own, process):
    for number, _ in enumerate(own.map(time.sleep, [0.05] * 100)):
        if number == place:
            process.kill()


def test_one_worker_works_too():
    """Joblib alone would do the work of a cluster of one here."""
    with Workers(cluster="local:1") as own:
        places = {place for _, place in own.map(slow_sum, [np.arange(10)] * 3)}
    assert len(places) == 1
    assert os.getpid() not in places


def test_a_local_cluster_is_closed_to_others(tmp_path, monkeypatch):
    """Its address takes no work without its certificates; nothing of it is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with Workers(cluster="local:1") as own:
        address = own._connection().scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(ConfigurationError, match="TLS needs certificates"):
            list(Workers(cluster=address).map(abs, [1]))
        with pytest.raises(ConfigurationError, match="no Dask scheduler answers"):
            list(Workers(cluster=address.replace("tls", "tcp")).map(abs, [1]))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("keyrota-")] == []


def test_what_is_no_scheduler_is_refused(dask_cluster):
    """The address of a worker, which is printed beside the scheduler's."""
    address = next(iter(dask_cluster.scheduler_info["workers"]))
    with pytest.raises(ConfigurationError, match='a Dask "worker" answers there; give the scheduler'):
        list(Workers(cluster=address).map(abs, [1]))


def test_other_versions_are_refused(dask_cluster, monkeypatch):
    """Where, what it has, and what is needed."""
    from distributed import Client

    real = Client.get_versions

    def changed(client, *arguments, **options):
        told = real(client, *arguments, **options)
        told["client"]["packages"]["keyrota"] = "0.0.9"
        return told

    monkeypatch.setattr(Client, "get_versions", changed)
    with pytest.raises(ConfigurationError) as error:
        list(Workers(cluster=dask_cluster.scheduler_address).map(abs, [1]))
    assert f"has keyrota {keyrota.__version__}, not 0.0.9" in str(error.value)
    assert str(error.value).endswith("install the same versions on all machines")


def test_the_command_line_gives_the_same_bytes(dask_cluster, capsys):
    """With a scheduler's address, with local processes, and without any; --jobs beside it is refused."""
    command = ["onset", "-q", "--per-minute", "2", "--keys", "1-2"]
    assert run(command) == 0
    alone = capsys.readouterr()
    for name in (dask_cluster.scheduler_address, "local:2"):
        assert run([*command, "--cluster", name]) == 0
        assert capsys.readouterr() == alone
    assert run([*command, "--cluster", "local:2", "--jobs", "2"]) == 2
    assert "--jobs has no effect with --cluster" in capsys.readouterr().err


def is_gone(group, patience_s=10.0):
    """Whether no process of a group is left, once the last have ended."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


INTERRUPTED = """
import sys
from keyrota import workers
from keyrota.cli.boundary import run

in_order = workers._in_order

def told(*arguments):
    for result in in_order(*arguments):
        print("ready", file=sys.stderr, flush=True)
        yield result

workers._in_order = told
sys.exit(run(["onset", "-q", "--per-minute", "2", "--keys", "1-400", "--cluster", "local:2"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no process group to interrupt")
def test_an_interrupt_ends_all_of_it(tmp_path):
    """Ctrl-C in the midst of the work: exit code 130, one line, no process and no file left."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert set(err.split()) <= {"ready", "interrupted"}
    assert is_gone(process.pid)
    assert list(tmp_path.iterdir()) == []
