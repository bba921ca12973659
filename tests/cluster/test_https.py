"""Logs behind a web address: by ranges where the server gives them, from end to end where not."""

from __future__ import annotations

import gzip
import socket

import pytest

from keyrota import InputError
from keyrota.cli.boundary import run
from keyrota.logs import remote
from keyrota.logs.read import read
from keyrota.logs.sources import find_sources

SIGNED = "?X-Amz-Signature=0123456789abcdef&X-Amz-Credential=AKIAEXAMPLE"


@pytest.mark.parametrize("has_ranges", [True, False])
@pytest.mark.parametrize("name", ["a.log", "a.log.gz"])
def test_a_log_on_the_web_is_read_like_a_file(name, has_ranges, web, log_of, tmp_path):
    """The same events, whether the server knows ranges or not, plain or compressed."""
    body = log_of(3_000) if name == "a.log" else gzip.compress(log_of(3_000))
    server = web(**{name: body})
    server.has_ranges = has_ranges
    (tmp_path / name).write_bytes(body)
    (source,) = find_sources([f"{server.address}/{name}"])
    assert (source.size, source.is_seekable) == (len(body), has_ranges)
    there, here = read(f"{server.address}/{name}"), read(tmp_path / name)
    columns = [column for column in here.events.columns if column != "source"]
    assert there.events[columns].equals(here.events[columns])
    assert there.input.sources[0].bytes == len(body)


def test_a_part_is_asked_for_alone(web, log_of, monkeypatch):
    """A place in the middle costs a request of some bytes, not the file; nothing compresses on the way."""
    monkeypatch.setattr(remote, "READ_AHEAD", 1_000)
    body = log_of(3_000)
    server = web(**{"a.log": body})
    (source,) = find_sources([f"{server.address}/a.log"])
    buffer = bytearray(500)
    with source.open() as stream:
        assert stream.seekable()
        stream.seek(100_000)
        assert stream.readinto(buffer) == 500
        assert stream.tell() == 100_500
    assert bytes(buffer) == body[100_000:100_500]
    assert [asked for _, asked, _ in server.asked] == ["bytes=0-0", "bytes=100000-101499"]
    assert {encoding for _, _, encoding in server.asked} == {"identity"}


def test_without_ranges_there_is_no_seek(web, log_of):
    """The stream says so, and goes on from the beginning."""
    server = web(**{"a.log": log_of(100)})
    server.has_ranges = False
    (source,) = find_sources([f"{server.address}/a.log"])
    with source.open() as stream:
        assert not stream.seekable()
    assert b"".join(source.chunks()) == log_of(100)


def test_a_read_that_breaks_off_is_tried_again(web, log_of, monkeypatch):
    """Three times with a growing pause; then the reason is told, with the name and without the query."""
    pauses: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", pauses.append)
    server = web(**{"a.log": log_of(100)})
    server.breaks = 3
    assert len(read(f"{server.address}/a.log").events) == 100
    assert pauses == [0.5, 1.0, 2.0]
    server.breaks = 4
    with pytest.raises(InputError, match=r"/a\.log\?\.\.\.: the connection broke off$"):
        read(f"{server.address}/a.log{SIGNED}")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (403, "access is denied; the credentials are wrong, too old, or do not allow it"),
        (404, "no such file or folder"),
        (500, "the server answers with the status 500"),
    ],
)
def test_what_the_server_refuses_is_told_in_one_line(status, told, web, capsys):
    """Exit code 3, one line, and nothing of a signature in it."""
    server = web()
    server.status = status
    assert run(["report", f"{server.address}/a.json{SIGNED}"]) == 3
    assert capsys.readouterr().err == f"keyrota: error: {server.address}/a.json?...: {told}\n"


def test_a_server_that_is_not_there(capsys):
    """The line says what to look at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/a.log"
        assert run(["report", address]) == 3
    told = "the server cannot be reached; look at the address and the network"
    assert capsys.readouterr().err == f"keyrota: error: {address}: {told}\n"


def test_two_signed_addresses_of_one_path_are_two_logs(web, log_of, capsys):
    """Told apart by number: what differs in them is not shown, in no output."""
    server = web(**{"a.log": log_of(50)})
    addresses = [f"{server.address}/a.log{SIGNED}{day}" for day in (1, 2)]
    assert [source.name for source in find_sources(addresses)] == [
        f"{server.address}/a.log?... (1)", f"{server.address}/a.log?... (2)",
    ]  # fmt: skip
    assert "0123456789abcdef" not in repr(find_sources(addresses))
    for arguments in (["report", "--format", "json"], ["parse"]):
        assert run([*arguments, *addresses]) == 0
        written = capsys.readouterr()
        assert "a.log?... (1)" in written.out
        assert "0123456789abcdef" not in written.out + written.err


def test_an_address_is_asked_for_as_it_was_given(web, log_of):
    """A signature holds for one way of quoting only."""
    server = web(**{"a%2Fb~c.log": log_of(2)})
    read(f"{server.address}/a%2Fb~c.log?sign=%7e%41")
    assert {path for path, _, _ in server.asked} == {"/a%2Fb~c.log?sign=%7e%41"}


def test_an_empty_answer_is_an_empty_log(web):
    """No range of it can be asked for."""
    server = web(**{"a.log": b""})
    (source,) = find_sources([f"{server.address}/a.log"])
    assert (source.size, source.is_seekable, list(source.chunks())) == (0, False, [])


def test_a_notebook_holds_no_signature(web, log_of, tmp_path, capsys):
    """An address is written into it as it is, unless something in it is secret."""
    server = web(**{"a.log": log_of(50)})
    made = tmp_path / "plan.ipynb"
    assert run(["notebook", f"{server.address}/a.log{SIGNED}", "-o", str(made)]) == 2
    assert "a.log?...: what is secret in an address would stand in the notebook" in capsys.readouterr().err
    assert not made.exists()
    assert run(["notebook", f"{server.address}/a.log", "-o", str(made)]) == 0
    assert f"{server.address}/a.log" in made.read_text(encoding="utf-8")
