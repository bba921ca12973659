"""Servers on loopback: an object store, a web server, a Dask cluster of two worker processes."""

from __future__ import annotations

import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

PICK = "🔑 Using GOOGLE_KEY_{key} (position {key}/4 in pool)\n"


@pytest.fixture(scope="session")
def log_of() -> Callable[[int], bytes]:
    """Logs of so many picks, whose lines differ: a lost or a doubled one shows."""

    def made(picks: int) -> bytes:
        return "".join(
            f"2025-11-10T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.{i % 997:03}Z "
            + PICK.format(key=1 + i % 4)
            for i in range(picks)
        ).encode()

    return made


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials, proxies or settings of whoever runs the tests."""
    import os

    foreign = ("AWS_", "GOOGLE_", "STORAGE_", "FSSPEC_")
    for name in list(os.environ):
        if name.upper().startswith(foreign) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    nothing = str(tmp_path_factory.mktemp("home") / "nothing")
    # HOME stays: what is compiled already lies below it.
    for name in (
        "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "CLOUDSDK_CONFIG", "FSSPEC_CONFIG_DIR", "NETRC",
    ):  # fmt: skip
        monkeypatch.setenv(name, nothing)
    for name, value in (
        ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("NO_GCE_CHECK", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)


class WebServer(ThreadingHTTPServer):
    """Files behind an address, with or without ranges; told what is asked for."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, list[tuple[str, str | None, str | None]]()
        self.has_ranges, self.status, self.breaks = True, 0, 0
        self.encoding: str | None = None
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Say nothing where a client hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def do_GET(self) -> None:
        asked, own = self.headers.get("Range"), self.server
        own.asked.append((self.path, asked, self.headers.get("Accept-Encoding")))
        body = own.files.get(self.path.partition("?")[0])
        if own.status or body is None:
            self._answer(own.status or 404, b"no")
            return
        if asked and own.has_ranges:
            first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
            part = body[first : last + 1]
            if not part:
                self._answer(416, b"")
                return
            place = f"bytes {first}-{first + len(part) - 1}/{len(body)}"
            if last > 0 and own.breaks:
                own.breaks -= 1
                self._answer(206, part, place, cut=True)
                return
            self._answer(206, part, place)
        else:
            self._answer(200, body)

    def _answer(self, status: int, body: bytes, place: str | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if place is not None:
            self.send_header("Content-Range", place)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(alone: None) -> Iterator[Callable[..., WebServer]]:
    """Start web servers with these files."""
    servers: list[tuple[WebServer, threading.Thread]] = []

    def start(**files: bytes) -> WebServer:
        server = WebServer({f"/{name}": body for name, body in files.items()})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.fixture(scope="session")
def dask_cluster() -> Iterator[Any]:
    """A scheduler and two worker processes, as an operator would start them."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", silence_logs=logging.CRITICAL,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as cluster:  # fmt: skip
        yield cluster


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, alone: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket named logs, and credentials that open it."""
    import boto3
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "notshownanywhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    client = boto3.client("s3")
    client.create_bucket(Bucket="logs")
    yield lambda key, body: client.put_object(Bucket="logs", Key=key, Body=body)
    client.close()
    S3FileSystem.clear_instance_cache()
