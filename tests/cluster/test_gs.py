"""Logs on Google Cloud Storage: a server on loopback that answers as its JSON interface is documented."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from gcsfs import GCSFileSystem

from keyrota.cli.boundary import run
from keyrota.logs.read import read
from keyrota.logs.sources import find_sources


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        names: dict[str, bytes] = self.server.objects  # type: ignore[attr-defined]
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        if self.server.status:  # type: ignore[attr-defined]
            self._json({"error": {"code": self.server.status, "message": "no"}}, self.server.status)  # type: ignore[attr-defined]
        elif parts[:3] == ["storage", "v1", "b"] and len(parts) == 5:
            self._json(_listing(names, asked.get("prefix", ""), asked.get("delimiter", "")))
        elif parts[-1] not in names:
            self._json({"error": {"code": 404, "message": "no"}}, 404)
        elif parts[0] == "download" or asked.get("alt") == "media":
            self._bytes(names[parts[-1]])
        else:
            self._json(_about(parts[-1], names[parts[-1]]))

    def _bytes(self, body: bytes) -> None:
        first, last = (int(number) for number in self.headers["Range"].removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def _json(self, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _about(name: str, body: bytes) -> dict[str, Any]:
    return {
        "kind": "storage#object", "bucket": "logs", "name": name, "size": str(len(body)), "generation": "1",
        "updated": "2025-11-10T08:00:00.000Z", "timeCreated": "2025-11-10T08:00:00.000Z",
    }  # fmt: skip


def _listing(objects: dict[str, bytes], prefix: str, delimiter: str) -> dict[str, Any]:
    items, prefixes = [], []
    for name in sorted(objects):
        if name.startswith(prefix):
            folder, slash, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if slash:
                prefixes.append(prefix + folder + slash)
            else:
                items.append(_about(name, objects[name]))
    return {"kind": "storage#objects", "items": items, "prefixes": list(dict.fromkeys(prefixes))}


@pytest.fixture
def store(alone: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket named logs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.objects, server.status = {}, 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    GCSFileSystem.clear_instance_cache()
    yield server
    GCSFileSystem.clear_instance_cache()
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_log_in_a_bucket_is_read_like_a_file(store, log_of, tmp_path):
    """The same events, under its address."""
    store.objects["2025/day.log"] = log_of(3_000)
    (tmp_path / "day").write_bytes(log_of(3_000))
    there, here = read("gs://logs/2025/day.log"), read(tmp_path / "day")
    columns = [column for column in here.events.columns if column != "source"]
    assert there.events[columns].equals(here.events[columns])
    assert there.input.sources[0].name == "gs://logs/2025/day.log"


def test_folders_and_globs_give_their_files(store):
    """By name."""
    store.objects.update({"b.log": b"x", "a/2.log": b"x", "a/1.log": b"x", "a/.x": b"x"})
    for address in ("gs://logs/a", "gs://logs/a/*.log"):
        assert [source.name for source in find_sources([address])] == [
            "gs://logs/a/1.log",
            "gs://logs/a/2.log",
        ]


@pytest.mark.parametrize(
    ("status", "told"),
    [(0, "no such file or folder"), (403, "access is denied; the credentials are wrong, ")],
)
def test_what_is_refused_is_told_in_one_line(status, told, store, capsys):
    """Exit code 3."""
    store.status = status
    assert run(["report", "gs://logs/none.log"]) == 3
    err = capsys.readouterr().err
    assert err.startswith(f"keyrota: error: gs://logs/none.log: {told}")
    assert err.count("\n") == 1
