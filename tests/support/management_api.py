"""A local server that behaves as the Management API's logs are documented, with its limits and its faults.

Documented: the query's parameters and their rounding to minutes, 24 hours at most, the shape of answers and
errors, 120 requests a minute with their headers, the columns of the table. What it does with SQL is told from
the text alone, so that a query that says something else than it should is answered differently.
"""

from __future__ import annotations

import datetime as dt
import http.server
import json
import re
import socket
import struct
import threading
import urllib.parse
from email.utils import formatdate

MINUTE = 60_000_000
DAY_S = 86_400.0
NOW = 1_764_347_400.0  # 2025-11-28T16:30:00Z
TOKEN = "sbp_canary0123456789canary0123456789canary"
PROJECT = "abcdefghijklmnopqrst"

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)
_TIME = r"toDateTime64\('(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6})', 6, 'UTC'\)"
_SQL = re.compile(
    r"-- [ -~]+\nselect (?P<columns>[^*]+)\nfrom logs\nwhere source = '(?P<source>[a-z_]+)'\n"
    rf"  and timestamp >= {_TIME}\n  and timestamp < {_TIME}"
    rf"(?:\n  and \(timestamp > {_TIME} or id > '(?P<id>[^'\\]+)'\))?\n"
    r"order by timestamp asc, id asc\nlimit (?P<limit>\d+)"
)
_COLUMN = re.compile(r"log_attributes\['(?P<key>[a-z_.]+)'\] as (?P<name>[a-z_]+)|(?P<plain>[a-z_]+)")


class FakeClock:
    """A clock that sleeps in no time; `slept` is what it slept."""

    def __init__(self, now=NOW):
        self.time = now
        self.slept = []

    def now(self):
        return self.time

    def elapsed(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


def micros_of(text):
    moment = dt.datetime.fromisoformat(text.replace("Z", "").replace(" ", "T")).replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def log_row(time_us, row_id, message="Using GOOGLE_KEY_1 (position 1/2 in pool)\n", **attributes):
    """A row of the table, as the platform stores it."""
    return {
        "id": row_id, "time_us": time_us, "source": attributes.pop("source", "function_logs"),
        "event_message": message, "severity_text": "INFO", "arrives_s": attributes.pop("arrives_s", 0.0),
        "log_attributes": {"event_type": "Log", "level": "info", **attributes},
    }  # fmt: skip


class ManagementApi:
    """The server; `faults` are met by the next requests, one each, and then it works again."""

    def __init__(self, clock, rows=(), *, cap=1000, kept_s=400 * DAY_S, per_minute=120):
        self.clock, self.rows = clock, list(rows)
        self.cap, self.kept_s, self.per_minute = cap, kept_s, per_minute
        self.ahead_s = 0.0  # how much earlier the server's clock is
        self.nanoseconds = 0  # by which stored times are later than they are shown
        self.faults, self.requests, self.refused = [], [], 0
        self.on_request = None
        self._window = (-1, 0)
        self._lock = threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                api._answer(self)

            def date_time_string(self, timestamp=None):
                return formatdate(api.server_now(), usegmt=True)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def server_now(self):
        return self.clock.now() - self.ahead_s

    def _answer(self, handler):
        if self.on_request is not None:
            self.on_request(len(self.requests))
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with self._lock:
            self.requests.append({"path": url.path, "token": handler.headers.get("Authorization"), **query})
            fault = self.faults.pop(0) if self.faults else None
            minute = int(self.server_now() // 60)
            count = self._window[1] + 1 if self._window[0] == minute else 1
            self._window = (minute, count)
        if fault is not None:
            fault(handler)
            return
        left = self.per_minute - count
        limits = {
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": str(int(60 * (minute + 1) - self.server_now()) + 1),
        }
        if left < 0:
            self.refused += 1
            reply(handler, 429, {"message": "ThrottlerException: Too Many Requests"}, limits)
        elif handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            reply(handler, 401, {"message": "Unauthorized"}, limits)
        elif url.path != f"/v1/projects/{PROJECT}/analytics/endpoints/logs":
            reply(handler, 404, {"message": "Not Found"}, limits)
        else:
            reply(handler, *self._queried(query), limits)

    def _queried(self, query):
        times = [query.get(f"iso_timestamp_{end}", "") for end in ("start", "end")]
        if not all(_ISO.fullmatch(time) for time in times):
            return 400, {"message": "iso_timestamp_start: Invalid datetime"}
        start, end = ((micros_of(time) + MINUTE // 2) // MINUTE * MINUTE for time in times)
        if end - start > 24 * 60 * MINUTE:
            return 400, {"message": "the timestamp range must be no more than 24 hours"}
        found = _SQL.fullmatch(query.get("sql", ""))
        if found is None:
            return 200, {"result": None, "error": {"code": 400, "message": "Syntax error in the query"}}
        first, last, behind = (micros_of(text) if text else None for text in found.group(3, 4, 5))
        oldest = (self.server_now() - self.kept_s) * 1e6
        rows = [
            row for row in self.rows
            if row["source"] == found["source"]
            and max(start + 1, first, oldest) <= row["time_us"] < last and row["time_us"] <= end
            and row["arrives_s"] <= self.server_now()
            and (behind is None or row["time_us"] * 1000 + self.nanoseconds > behind * 1000
                 or row["id"] > found["id"])
        ]  # fmt: skip
        rows.sort(key=lambda row: (row["time_us"], row["id"]))
        columns = [_COLUMN.fullmatch(text) for text in found["columns"].split(", ")]
        return 200, {
            "result": [shown_row(row, columns) for row in rows[: min(self.cap, int(found["limit"]))]],
            "error": None,
        }


def shown_row(row, columns):
    shown = {}
    for column in columns:
        if column["plain"] == "timestamp":
            moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=row["time_us"])
            shown["timestamp"] = moment.isoformat(timespec="microseconds").removesuffix("+00:00")
        elif column["plain"]:
            shown[column["plain"]] = row[column["plain"]]
        else:
            shown[column["name"]] = row["log_attributes"].get(column["key"], "")
    return shown


def reply(handler, status, value, headers=(), *, body=None, length=None, content_type="application/json"):
    """Send an answer; `length` may promise more than the body holds."""
    body = json.dumps(value).encode() if body is None else body
    handler.send_response(status)
    for name, text in dict(headers).items():
        handler.send_header(name, text)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def status(code, value=None, **headers):
    """A fault: a status with headers, ``Retry_After="3"``."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda handler: reply(handler, code, value or {"message": f"status {code}"}, names)


def answer(value):
    """A fault: this value with status 200."""
    return lambda handler: reply(handler, 200, value)


def raw(body, **options):
    """A fault: these bytes with status 200."""
    return lambda handler: reply(handler, 200, None, body=body, **options)


def cut(handler):
    """A fault: half of what Content-Length says, then the end."""
    reply(handler, 200, None, body=b'{"result": [', length=5000)
    handler.close_connection = True


def reset(handler):
    """A fault: the connection is torn down."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def chunked_cut(handler):
    """A fault: a chunked answer that ends within a chunk."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'40\r\n{"result": [')
    handler.close_connection = True


def no_http(handler):
    """A fault: something that is no HTTP."""
    handler.wfile.write(b"\x1b[31mSSH-2.0-OpenSSH\r\n\r\n")
    handler.close_connection = True


def silent(seconds):
    """A fault: nothing is said for so long."""

    def wait(handler):
        handler.close_connection = True
        threading.Event().wait(seconds)

    return wait


def endless(megabytes):
    """A fault: an answer of so many megabytes."""

    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(megabytes << 20))
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(megabytes):
                handler.wfile.write(b" " * (1 << 20))
        except OSError:
            pass

    return send
