"""Logs read in ranges by a Dask cluster: the events of one machine, whoever dies, wherever the log is."""

from __future__ import annotations

import gzip
import os
import signal

import pytest

from keyrota.cli.boundary import run
from keyrota.errors import InputError
from keyrota.logs import gathering
from keyrota.logs.read import read
from keyrota.logs.scan import ranges
from keyrota.logs.write import write_events_as_log
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.simple import simple_scenario
from keyrota.workers import Workers

SHAPES = ("drain-ndjson", "studio-csv", "docker-logs")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Half a day of one pool in three shapes, and one of them compressed."""
    scenario = simple_scenario(keys=4, per_minute=2, rate_per_min=6.0, duration_s=43_200.0)
    events = simulated_events(scenario)
    folder = tmp_path_factory.mktemp("logs")
    for shape in SHAPES:
        (folder / shape).write_bytes(write_events_as_log(events, shape))
    (folder / "packed").write_bytes(gzip.compress((folder / SHAPES[0]).read_bytes()))
    return folder


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch):
    """Logs of a megabyte are cut as those of gigabytes are."""
    monkeypatch.setattr(gathering, "SCAN_BYTES", 10_000)
    monkeypatch.setattr(ranges, "LEAST_BYTES", 20_011)
    monkeypatch.setattr(ranges, "MOST_BYTES", 60_013)


@pytest.fixture(scope="module")
def opened(dask_cluster):
    with Workers(cluster=dask_cluster.scheduler_address) as own:
        yield own


class Watched(Workers):
    """Workers that lose one of theirs at a result, and know how many calls they made."""

    kill_at = None
    made = 0

    def map(self, *arguments, **options):
        for result in super().map(*arguments, **options):
            self.made += 1
            if self.made == self.kill_at:
                os.kill(next(iter(self._connection().run(os.getpid).values())), signal.SIGKILL)
            yield result


def same(one, two):
    return one.events.equals(two.events) and one.input == two.input


@pytest.mark.parametrize("shape", [*SHAPES, "packed"])
def test_ranges_on_a_cluster_give_the_same_events(shape, logs, opened):
    """And the same account of the lines, in three shapes and compressed."""
    alone = read(logs / shape, pools="infer", workers=Workers(1))  # compiles for all: they share a cache
    with Watched(cluster=opened.cluster) as there:
        found = read(logs / shape, pools="infer", workers=there)
    assert same(found, alone)
    assert there.made == 1 if shape == "packed" else there.made > 10


def test_the_range_of_a_worker_that_dies_is_read_again(logs, opened):
    """Killed with SIGKILL midway; all files of a folder at once."""
    opened._connection().wait_for_workers(2, timeout=60)
    with Watched(cluster=opened.cluster) as there:
        there.kill_at = 8
        found = read(logs, pools="infer", workers=there)
    assert there.made > 30
    assert same(found, read(logs, pools="infer", workers=Workers(2)))


def test_the_command_line_gives_the_same_bytes(logs, dask_cluster, capsys):
    """A report and a table; nothing is said of the cluster."""
    for command in (["report", "--format", "json"], ["parse"]):
        arguments = [*command, "--pools", "infer", str(logs)]
        assert run(arguments) == 0
        alone = capsys.readouterr()
        assert run([*arguments, "--cluster", dask_cluster.scheduler_address]) == 0
        assert capsys.readouterr() == alone


def test_a_file_that_the_workers_do_not_have(logs, opened, tmp_path, monkeypatch):
    """The reason is told, with the name."""
    path = tmp_path / "gone.log"
    path.write_bytes((logs / SHAPES[0]).read_bytes())
    plan_of = gathering._plan_of

    def plan_and_lose(*arguments):
        plan = plan_of(*arguments)
        path.unlink()
        return plan

    monkeypatch.setattr(gathering, "_plan_of", plan_and_lose)
    with pytest.raises(InputError, match=r"gone\.log: no such file or directory"):
        read(path, pools="infer", workers=opened)


@pytest.mark.nightly
def test_ranges_of_a_log_in_a_bucket(logs, bucket):
    """Every worker opens it for itself: S3 and a cluster together give the events of a file."""
    for shape in SHAPES:
        bucket(f"a day/{shape}", (logs / shape).read_bytes())
    with Watched(cluster="local:2") as there:
        found = read("s3://logs/a day", pools="infer", workers=there)
    assert there.made > 30
    alone = read([logs / shape for shape in sorted(SHAPES)], pools="infer", workers=Workers(1))
    columns = [name for name in alone.events.columns if name != "source"]
    assert found.events[columns].equals(alone.events[columns])
    assert [source.name for source in found.input.sources] == [f"s3://logs/a day/{s}" for s in sorted(SHAPES)]
