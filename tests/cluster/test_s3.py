"""Logs on object storage: a server on loopback that speaks S3."""

from __future__ import annotations

import gzip
import urllib.request

import pytest
from s3fs import S3FileSystem

from keyrota import InputError
from keyrota.cli.boundary import run
from keyrota.logs import remote
from keyrota.logs.read import read
from keyrota.logs.sources import find_sources


def post(address: str, data: bytes = b"") -> None:
    asked = urllib.request.Request(address, data, {"Content-Type": "text/plain"})
    urllib.request.urlopen(asked, timeout=10).close()


def names(*addresses: str) -> list[str]:
    return [source.name for source in find_sources(addresses)]


@pytest.mark.parametrize("key", ["day.log", "2025/11/day.log.gz", "day.zst"])
def test_a_log_in_a_bucket_is_read_like_a_file(key, bucket, log_of, tmp_path):
    """The same events, plain or compressed."""
    import zstandard

    pack = {"gz": gzip.compress, "zst": zstandard.compress}.get(key.rpartition(".")[2], bytes)
    bucket(key, pack(log_of(3_000)))
    (tmp_path / "day").write_bytes(log_of(3_000))
    there, here = read(f"s3://logs/{key}"), read(tmp_path / "day")
    columns = [column for column in here.events.columns if column != "source"]
    assert there.events[columns].equals(here.events[columns])
    assert there.input.sources[0].name == f"s3://logs/{key}"


def test_folders_and_globs_give_their_files_by_name(bucket):
    """Hidden ones and a folder's own mark are left out; each file counts once."""
    for key in ("b.log", "a/2.log", "a/1.log", "a/x.txt", "a/.hidden", "a/.git/c.log", "a/"):
        bucket(key, b"x")
    below = ["s3://logs/a/1.log", "s3://logs/a/2.log", "s3://logs/a/x.txt"]
    assert names("s3://logs/a") == names("s3://logs/a/") == names("s3://logs/a/*") == below
    assert names("s3://logs") == [*below, "s3://logs/b.log"]
    assert names("s3://logs/a/*.log", "s3://logs/a/1.log") == below[:2]
    assert names("s3://logs/**/?.log") == [*below[:2], "s3://logs/b.log"]
    assert all(not source.is_named for source in find_sources(["s3://logs/a"]))
    assert all(source.is_named for source in find_sources(["s3://logs/a/*.log"]))


def test_a_new_file_is_seen_at_once(bucket):
    """Listings are asked for anew."""
    bucket("a/1.log", b"x")
    assert len(names("s3://logs/a")) == 1
    bucket("a/2.log", b"x")
    assert len(names("s3://logs/a")) == 2


def test_a_file_of_that_very_name_goes_before_a_glob(bucket):
    """As on a disk."""
    bucket("a[1].log", b"x")
    bucket("a1.log", b"x")
    assert names("s3://logs/a[1].log") == ["s3://logs/a[1].log"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://logs/none.log", "s3://logs/none.log: no such file or folder"),
        ("s3://logs/*.txt", "s3://logs/*.txt: matches no file"),
        ("s3://nobucket/a.log", "s3://nobucket/a.log: no such file or folder"),
    ],
)
def test_what_is_not_there_is_named(address, told, bucket, capsys):
    """Exit code 3 and one line."""
    assert run(["report", address]) == 3
    assert capsys.readouterr().err == f"keyrota: error: {told}\n"


def test_credentials_that_are_wrong_or_missing(bucket, endpoint, capsys, monkeypatch):
    """One line each, without them."""
    bucket("a.log", b"x")
    post(f"{endpoint}/moto-api/reset-auth", b"0")  # from now on the store looks at them
    try:
        assert run(["report", "s3://logs/a.log"]) == 3
        wrong = capsys.readouterr().err
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        S3FileSystem.clear_instance_cache()  # what a new process would find
        assert run(["report", "s3://logs/a.log"]) == 3
        missing = capsys.readouterr().err
    finally:
        post(f"{endpoint}/moto-api/reset-auth", b"inf")
    assert wrong.startswith("keyrota: error: s3://logs/a.log: access is denied; ")
    assert missing.startswith("keyrota: error: s3://logs/a.log: no credentials were found; give ")
    for told in (wrong, missing):
        assert told.count("\n") == 1
        assert "EXAMPLE" not in told
        assert "notshown" not in told


def test_a_file_that_changes_while_it_is_read(bucket, log_of, monkeypatch):
    """It is not put together out of two."""
    monkeypatch.setattr(remote, "READ_AHEAD", 1_000)
    bucket("a.log", log_of(1_000))
    (source,) = find_sources(["s3://logs/a.log"])
    with source.open() as stream:
        stream.read(10)
        bucket("a.log", log_of(1_001))
        stream.seek(50_000)
        with pytest.raises(InputError, match="it changed while it was read"):
            stream.read(10)


def test_a_part_is_read_alone(bucket, log_of):
    """A source may be opened any number of times, in any order."""
    bucket("a.log", log_of(1_000))
    (source,) = find_sources(["s3://logs/a.log"])
    assert source.is_seekable
    for place in (60_000, 0, 30_000):
        with source.open() as stream:
            stream.seek(place)
            assert stream.read(100) == log_of(1_000)[place : place + 100]
