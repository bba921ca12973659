"""Where calls run: the same results in the same order everywhere, and one line where it cannot be done."""

from __future__ import annotations

import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from keyrota import cluster, workers
from keyrota.cluster import check_cluster
from keyrota.errors import ConfigurationError, ModelError
from keyrota.workers import Workers, check_jobs, workers_of


def squared(number):
    return number * number


def refused(number):
    if number == 7:
        raise ModelError("seven has no answer")
    return number


def dies_once(path):
    if not os.path.exists(path):
        open(path, "w").close()
        os._exit(1)
    return os.path.basename(path)


def dies(number):
    if number == 3:
        os._exit(1)
    return number


def place(_):
    return os.getpid(), threading.get_ident()


@pytest.mark.parametrize("jobs", [1, 2, -1])
@pytest.mark.parametrize("prefer", ["threads", "processes"])
@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_results_come_in_order(jobs, prefer, count, monkeypatch):
    """Also where more are asked for than may wait at a time."""
    monkeypatch.setattr(workers, "IN_FLIGHT", 7)
    with Workers(jobs) as own:
        assert list(own.map(squared, range(count), prefer=prefer)) == [n * n for n in range(count)]


def test_items_are_taken_as_they_are_needed(monkeypatch):
    """What is slow to use up does not fill the memory."""
    monkeypatch.setattr(workers, "IN_FLIGHT", 10)
    taken = []
    results = Workers(2).map(squared, (taken.append(n) or n for n in range(1_000)))
    assert next(results) == 0
    assert len(taken) == 10
    results.close()


def test_threads_and_processes_are_what_they_say():
    """One worker is this thread; threads are in this process, processes not; the first call, as asked."""
    assert set(Workers(1).map(place, range(3))) == {(os.getpid(), threading.get_ident())}
    assert {process for process, _ in Workers(2).map(place, range(4))} == {os.getpid()}
    processes = [process for process, _ in Workers(2).map(place, range(4), prefer="processes")]
    assert os.getpid() not in processes
    first, *_ = Workers(2).map(place, range(4), prefer="processes", is_first_here=True)
    assert first == (os.getpid(), threading.get_ident())


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_an_error_of_a_call_is_the_error_of_the_map(prefer):
    """With its own words, and without a warning about the calls that are given up."""
    with pytest.raises(ModelError, match="seven has no answer"):
        list(Workers(2).map(refused, range(20), prefer=prefer))


def test_results_that_nobody_wants_are_left_without_a_warning():
    """A consumer may stop at any result."""
    for number in Workers(2).map(squared, range(100)):
        if number == 9:
            break


def test_the_work_of_a_process_that_dies_is_done_again(tmp_path):
    """Whoever did it, the results are the same."""
    paths = [str(tmp_path / name) for name in "abc"]
    assert list(Workers(2).map(dies_once, paths, prefer="processes")) == ["a", "b", "c"]


def test_work_that_kills_every_process_is_given_up():
    """After four deaths in a row, with what to do."""
    with pytest.raises(ConfigurationError, match="4 worker processes died one after the other at the same"):
        list(Workers(2).map(dies, range(6), prefer="processes"))


@pytest.mark.parametrize("jobs", [0, -2, 257, 2.5, "2"])
def test_numbers_of_workers_that_are_not_allowed(jobs):
    """The value, and what is allowed."""
    with pytest.raises(ConfigurationError, match="allowed are 1 to 256, or -1 for one on each core"):
        check_jobs(jobs)


def test_workers_are_shared_or_made():
    """Workers that are there stay open; they bring their cluster along."""
    own = Workers(2)
    with workers_of(own) as used:
        assert used is own
    with workers_of(3) as made:
        assert (made.jobs, made.number) == (3, 3)
    assert Workers(-1).number >= 1
    assert not Workers(2).is_elsewhere
    assert not Workers(cluster="local:2").is_elsewhere
    assert Workers(cluster="tcp://host:8786").is_elsewhere
    with pytest.raises(ConfigurationError, match="give workers or a cluster"), workers_of(own, "local:2"):
        pass


@pytest.mark.parametrize("text", ["local:1", "local:256", "tcp://a-b.example:8786", "tls://[::1]:1"])
def test_clusters_that_are_well_written(text):
    """They are taken as they are; nothing is connected yet."""
    assert check_cluster(text) == text
    assert Workers(cluster=text).cluster == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("local:0", "allowed are local:1 to local:256"),
        ("local:257", "allowed are local:1 to local:256"),
        ("local", "is no cluster; give local:4"),
        ("local:-1", "is no cluster"),
        ("tcp://host", "is no cluster"),
        ("tcp://host:0", "is no cluster"),
        ("tcp://host:70000", "is no cluster"),
        ("http://host:8787", "is no cluster"),
        ("tcp://me:secret@host:8786", "is no cluster"),
        ("tcp://host:8786\n", "is no cluster"),
        ("", "is no cluster"),
    ],
)
def test_clusters_that_are_badly_written(text, told):
    """One line says what is allowed, before anything is started."""
    with pytest.raises(ConfigurationError) as error:
        Workers(cluster=text)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cluster_needs_dask(monkeypatch):
    """Without it one line says how to install it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"needs Dask.*pip install 'keyrota\[cluster\]'"):
        list(Workers(cluster="local:2").map(squared, range(3)))


class Mute(BaseHTTPRequestHandler):
    def do_GET(self):
        """Answer nothing."""


@pytest.fixture
def ports():
    """A port where nothing listens, one where something says nothing, and one of a web server."""
    closed, mute = socket.socket(), socket.socket()
    for own in (closed, mute):
        own.bind(("127.0.0.1", 0))
    mute.listen()
    web = HTTPServer(("127.0.0.1", 0), Mute)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield {"closed": closed.getsockname()[1], "mute": mute.getsockname()[1], "web": web.server_port}
    web.shutdown()
    thread.join(5)
    web.server_close()
    closed.close()
    mute.close()


@pytest.mark.parametrize("name", ["closed", "mute", "web"])
def test_an_address_where_no_scheduler_answers(name, ports, monkeypatch):
    """It is given up after a while, whatever stands there instead: a wrong port must not hang."""
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    address = f"tcp://127.0.0.1:{ports[name]}"
    with pytest.raises(ConfigurationError, match=f"^--cluster {address}: no Dask scheduler answers within"):
        list(Workers(cluster=address).map(squared, range(3)))


def test_tls_needs_certificates(ports):
    """The line says where they are named."""
    with pytest.raises(ConfigurationError, match="TLS needs certificates; name them in Dask's configuration"):
        list(Workers(cluster=f"tls://127.0.0.1:{ports['closed']}").map(squared, range(3)))
