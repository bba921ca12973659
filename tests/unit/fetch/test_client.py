"""One query of the Management API: what is tried again, what is not, and that the token goes nowhere."""

import datetime as dt
import ssl
import threading
import traceback

import pytest

from keyrota.cli.boundary import run
from keyrota.errors import ConfigurationError, InputError
from keyrota.fetch import client, fetch_logs
from keyrota.fetch.access import Token, checked_address, token_from_environment
from management_api import (
    NOW,
    PROJECT,
    TOKEN,
    FakeClock,
    ManagementApi,
    answer,
    chunked_cut,
    cut,
    endless,
    log_row,
    no_http,
    raw,
    reset,
    silent,
    status,
)

SECOND = 1_000_000
END = int(NOW) * SECOND

PASSING = {
    "429 without a wait": (status(429), "429"),
    "429 with seconds": (status(429, Retry_After="7"), "429"),
    "429 with a date": (status(429, Retry_After="Fri, 28 Nov 2025 16:31:00 GMT"), "429"),
    "429 with nonsense": (status(429, Retry_After="\x1b[31m soon"), "429"),
    "500": (status(500), "500"),
    "502 of a gateway": (status(502, {"message": "\x1b]0;x\x07 <b>"}), "502"),
    "503": (status(503, Retry_After="3"), "503"),
    "504": (status(504), "504"),
    "408": (status(408), "408"),
    "an HTML page": (raw(b"<!DOCTYPE html><title>down</title>", content_type="text/html"), "broken answer"),
    "nothing": (raw(b""), "broken answer"),
    "broken JSON": (raw(b'{"result": [{"id": "a"'), "broken answer"),
    "no UTF-8": (raw(b'{"result": ["\xff\xfe"]}'), "broken answer"),
    "NaN": (raw(b'{"result": [NaN]}'), "broken answer"),
    "beyond all numbers": (raw(b'{"result": [1e999]}'), "broken answer"),
    "digits without end": (raw(b'{"result": [' + b"9" * 5000 + b"]}"), "broken answer"),
    "a well of brackets": (raw(b"[" * 200_000), "broken answer"),
    "a list": (answer([]), "broken answer"),
    "no rows": (answer({"error": None}), "broken answer"),
    "null for rows": (answer({"result": None, "error": None}), "broken answer"),
    "an error with 200": (
        answer({"result": None, "error": "Backend error! Retry your query."}), "error in the answer",
    ),
    "an error of 503 with 200": (
        answer({"error": {"code": 503, "errors": [], "message": "overloaded", "status": "UNAVAILABLE"}}),
        "error in the answer",
    ),
    "an answer that is cut": (cut, "cut answer"),
    "a chunk that is cut": (chunked_cut, "connection"),
    "a reset": (reset, "connection"),
    "no HTTP": (no_http, "connection"),
    "silence": (silent(1.0), "timeout"),
}  # fmt: skip

IN_DISGUISE = "the token in disguise"
REFUSED = {
    "400": (status(400, {"message": "bad range"}), InputError, 'refused the query; it says: "bad range"'),
    "401": (status(401, {"message": "Unauthorized"}), ConfigurationError, "does not know the token in"),
    "402": (status(402), InputError, "quota is used up"),
    "403": (status(403), ConfigurationError, "permission analytics_logs_read"),
    "404": (status(404), ConfigurationError, "no such project"),
    "418": (status(418, {"error": {"message": "tea"}}), InputError, 'refused the query; it says: "tea"'),
    "302": (status(302, Location="http://127.0.0.1:1/"), InputError, "the token is not taken; check --url"),
    "308": (status(308, Location="https://evil.example/"), InputError, "the token is not taken"),
    "an error of 400 with 200": (
        answer({"error": {"code": 400, "errors": [{"message": "no column x"}], "message": "no column x"}}),
        InputError, 'refused the query; it says: "no column x"',
    ),
    "a wait of hours": (status(429, Retry_After="7200"), InputError, "asks to wait 2 hours; run the same"),
    "rows without time": (answer({"result": [{"id": "a"}]}), InputError, "a row that has no time"),
    "rows that are none": (answer({"result": [7]}), InputError, "a row that has no time"),
    "rows of another time": (
        answer({"result": [{"id": "a", "timestamp": "2024-01-01T00:00:00.000000"}]}), InputError,
        "a row of 2024-01-01T00:00:00Z where rows from 2025-11-27",
    ),
    "the newest rows first": (
        answer({"result": [{"id": str(ago), "timestamp": END - ago * SECOND} for ago in (1, 2)]}),
        InputError, "the oldest first; what is missing cannot be told",
    ),
    "the token sent back": (status(401, {"message": f"Bearer {TOKEN}?"}), ConfigurationError, "[token]"),
    "the token in an error": (
        answer({"error": {"code": 403, "message": f"\x1b[2J{TOKEN}\n"}}), InputError, "[token]",
    ),
    IN_DISGUISE: (
        raw(f'{{"error": {{"code": 400, "message": "\\u0073{TOKEN[1:]}"}}}}'.encode()), InputError, "[token]",
    ),
}  # fmt: skip


def fetch(api, folder):
    return fetch_logs(folder, PROJECT, url=api.url, clock=api.clock, kinds=["logs"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A server is silent after a moment, not half a minute."""
    monkeypatch.setattr(client, "SILENCE_S", 0.3)


def hides(error, captured="", *, with_variables=True):
    """Assert that no error, no traceback with its variables, and nothing that was printed shows the token."""
    own = error.__traceback__
    while not own.tb_frame.f_globals["__name__"].startswith("keyrota."):  # the test's own variables
        own = own.tb_next
    shown = "".join(
        traceback.TracebackException(type(error), error, own, capture_locals=with_variables).format()
    )
    for text in (str(error), repr(error), shown, captured):
        assert TOKEN not in text
        assert "canary" not in text


@pytest.mark.parametrize("name", PASSING)
def test_a_trouble_that_passes(api, tmp_path, name):
    """After a trouble that passes the fetch goes on by itself and brings every row."""
    fault, kind = PASSING[name]
    api.rows = [log_row(END - i * SECOND, f"{i:04}") for i in range(1, 1500)]
    api.faults = [fault, None, fault, fault]
    fetched = fetch(api, tmp_path)
    assert fetched.rows == {"logs": 1499}
    assert fetched.repeats == {kind: 3}
    assert len(api.clock.slept) == 3
    assert all(0.5 <= wait <= 61 for wait in api.clock.slept)


def test_waits_as_asked(api, tmp_path):
    """Retry-After is kept to, as seconds, as a date, and for the rest of the minute by the reset's header."""
    api.faults = [
        status(429, Retry_After="7"),
        status(429, Retry_After="Fri, 28 Nov 2025 16:30:57 GMT"),
        status(429, X_RateLimit_Reset="41"),
    ]
    fetch(api, tmp_path)
    assert api.clock.slept == [7, 50, 41]


def test_waits_grow(api, tmp_path):
    """Without a word from the server each pause is about twice the one before, up to a minute."""
    api.faults = [status(500)] * 7
    fetch(api, tmp_path)
    for wait, most in zip(api.clock.slept, (1, 2, 4, 8, 16, 32, 60), strict=True):
        assert most / 2 <= wait <= most


@pytest.mark.parametrize("name", PASSING)
def test_a_trouble_that_stays(api, tmp_path, name):
    """After eight tries the fetch ends with one clear line, and nothing of the token."""
    api.faults = [PASSING[name][0]] * 20
    with pytest.raises(InputError, match="8 times in a row; run the same command later") as caught:
        fetch(api, tmp_path)
    assert len(api.requests) == 8
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    hides(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal(api, tmp_path, name):
    """What no second try can mend is told at once, with what to do."""
    fault, kind, message = REFUSED[name]
    api.faults = [fault]
    with pytest.raises(kind) as caught:
        fetch(api, tmp_path)
    assert message in str(caught.value)
    assert len(api.requests) == 1
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500
    hides(caught.value, with_variables=name != IN_DISGUISE)  # a traceback shows none; a debugger would


@pytest.mark.parametrize("name", [*PASSING, *REFUSED])
def test_the_command_never_prints_the_token(api, tmp_path, name, monkeypatch, capsys):
    """With and without --debug, on every way to fail: no token, no control character, one line."""
    monkeypatch.setattr(client, "TRIES", 1)
    monkeypatch.setattr("keyrota.fetch.run.Clock", lambda: api.clock)
    fault = {**PASSING, **REFUSED}[name][0]
    arguments = ["fetch", "--project", PROJECT, "-o", str(tmp_path), "--url", api.url]
    api.faults = [fault]
    code = run(arguments)
    captured = capsys.readouterr()
    assert code in (2, 3)
    assert captured.err.startswith("keyrota: error: ")
    assert captured.err.count("\n") == 1
    assert TOKEN not in captured.err + captured.out
    assert not set(captured.err) & set("\x1b\x07\r")
    api.faults = [fault]
    assert run([*arguments, "--debug"]) == code
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert TOKEN not in err
    assert "canary" not in err
    assert TOKEN not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_no_redirect_is_followed(api, tmp_path):
    """Another host that a redirect names never hears of the token, nor of anything."""
    other = ManagementApi(FakeClock())
    api.faults = [status(307, Location=f"{other.url}/v1/projects/{PROJECT}/analytics/endpoints/logs")]
    with pytest.raises(InputError, match="it sends elsewhere"):
        fetch(api, tmp_path)
    assert other.requests == []
    other.close()


def test_no_proxy_is_used(api, tmp_path, monkeypatch):
    """The environment's proxies do not see the token."""
    other = ManagementApi(FakeClock())
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    fetch(api, tmp_path)
    assert other.requests == []
    assert api.requests[0]["token"] == f"Bearer {TOKEN}"
    other.close()


def test_the_rate_limit_is_kept_to(api, tmp_path, monkeypatch):
    """With 120 requests a minute the fetch waits for the next minute by itself: no request is refused."""
    monkeypatch.setattr("keyrota.fetch.pages.PAGE_ROWS", 10)
    api.rows = [log_row(END - i * SECOND, f"{i:06}") for i in range(1, 4000)]
    fetched = fetch(api, tmp_path)
    assert fetched.rows == {"logs": 3999}
    assert len(api.requests) >= 400
    assert api.refused == 0
    assert 3 <= len(api.clock.slept) <= 4


def test_an_answer_without_end(api, tmp_path, monkeypatch):
    """An answer beyond the bound is dropped, and fewer rows are asked for."""
    monkeypatch.setattr(client, "ANSWER_BYTES", 1 << 20)
    api.rows = [log_row(END - i * SECOND, f"{i:04}") for i in range(1, 300)]
    api.faults = [endless(100)]
    assert fetch(api, tmp_path).rows == {"logs": 299}
    limits = [int(request["sql"].rpartition(" ")[2]) for request in api.requests]
    assert limits[:2] == [1000, 125]


def test_messages_of_any_length(api, tmp_path, monkeypatch):
    """Rows whose page is beyond the bound come in shorter pages."""
    monkeypatch.setattr(client, "ANSWER_BYTES", 1 << 20)
    api.rows = [log_row(END - i * SECOND, f"{i:04}", "x" * 10_000) for i in range(1, 1000)]
    assert fetch(api, tmp_path).rows == {"logs": 999}


def test_a_row_too_long_to_be_taken(api, tmp_path, monkeypatch):
    """A single row beyond the bound is told with its time."""
    monkeypatch.setattr(client, "ANSWER_BYTES", 1 << 16)
    api.rows = [log_row(END - SECOND, "a", "x" * 100_000)]
    with pytest.raises(InputError, match=r"a single row is too long to be taken, at .*; go on behind it"):
        fetch(api, tmp_path)


def test_an_answer_that_drips(api, tmp_path, monkeypatch):
    """A server that sends a byte now and then is given up."""
    monkeypatch.setattr(client, "ANSWER_S", 5.0)

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(3):
            api.clock.time += 3
            handler.wfile.write(b" ")
            threading.Event().wait(0.05)

    api.faults = [drip]
    assert fetch(api, tmp_path).repeats == {"timeout": 1}


def test_what_the_api_adds_is_noted(api, tmp_path):
    """A field of the answer that keyrota does not know is told: it may say that rows are missing."""
    api.faults = [answer({"result": [], "error": None, "sampled\x1b": True, "truncated": 7})]
    (note,) = fetch(api, tmp_path).notes
    assert note.startswith(
        'the API\'s answer also held "sampled\\x1b" and "truncated", which keyrota does not'
    )


def test_nobody_listens(tmp_path, monkeypatch):
    """A port without a server is told as such."""
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    with pytest.raises(InputError, match=r"^127.0.0.1: it cannot be reached \(connection refused\), 8 times"):
        fetch_logs(tmp_path, PROJECT, url="http://127.0.0.1:9", clock=FakeClock())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.supabase.com", "http would send the token in the clear"),
        ("http://localhost.evil.example", "http would send the token in the clear"),
        ("http://[::ffff:8.8.8.8]", "http would send the token in the clear"),
        ("ftp://api.supabase.com", "this is no address of an API"),
        ("api.supabase.com", "this is no address of an API"),
        ("https://", "this is no address of an API"),
        ("https://a/?x=1", "this is no address of an API"),
        ("https://a/#x", "this is no address of an API"),
        ("https://user:sbp_secret@a/", "must hold no user and no password"),
        ("https://a:x/", "this is no address"),
        ("https://a:0/", "its port 1-65535"),
        ("https://a b/", "ASCII without blanks"),
        ("https://ä.example/", "ASCII without blanks"),
        ("https://[/", "this is no address"),
    ],
)
def test_addresses_that_are_refused(url, message):
    """An address that is none, or that would show the token on the way, is refused; no password is shown."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        checked_address(url)
    assert "sbp_secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://api.supabase.com", "api.supabase.com", 443, ""),
        ("https://api.supabase.com/", "api.supabase.com", 443, ""),
        ("http://127.0.0.1:8000/proxy/", "127.0.0.1", 8000, "/proxy"),
        ("http://[::1]:8000", "::1", 8000, ""),
        ("http://localhost", "localhost", 80, ""),
    ],
)
def test_addresses_that_are_taken(url, host, port, path):
    """A host with or without a port and a path."""
    address = checked_address(url)
    assert (address.host, address.port, address.path) == (host, port, path)


@pytest.mark.parametrize(
    "text", ["", "  ", "short", "sbp_canary canary", "sbp_canary\ncanary", "sbp_canaryä", "x" * 5000]
)
def test_tokens_that_are_none(monkeypatch, text):
    """A variable without a token, or with what cannot be one, is told without showing it."""
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", text)
    with pytest.raises(ConfigurationError, match=r"_ACCESS_TOKEN (is not set|holds no token)") as caught:
        token_from_environment()
    hides(caught.value)


def test_a_token_shows_itself_nowhere(monkeypatch):
    """Neither printed, formatted nor pickled."""
    import pickle

    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", f" {TOKEN}\n")
    token = token_from_environment()
    assert token.header() == f"Bearer {TOKEN}"
    for text in (repr(token), str(token), f"{token}"):
        assert text == "Token([token])"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Token("x" * 20))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of localhost that it signed itself, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def secure(api, certificate):
    """The server, speaking TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
    return api


def test_a_certificate_that_nobody_vouches_for(secure, tmp_path):
    """The token is not sent to a server whose certificate is not valid, and no second try is made."""
    url = secure.url.replace("http://127.0.0.1", "https://localhost")
    with pytest.raises(InputError, match=r"its certificate is not valid \(self.signed certificate"):
        fetch_logs(tmp_path, PROJECT, url=url, clock=secure.clock)
    assert secure.requests == []
    assert secure.clock.slept == []


def test_a_certificate_of_another_host(secure, tmp_path, certificate, monkeypatch):
    """A certificate that is known, of another name, is refused."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = secure.url.replace("http://", "https://")
    with pytest.raises(InputError, match="its certificate is not valid"):
        fetch_logs(tmp_path, PROJECT, url=url, clock=secure.clock)
    assert secure.requests == []


def test_tls(secure, tmp_path, certificate, monkeypatch):
    """With a certificate that the machine knows, rows come over TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.rows = [log_row(END - SECOND, "a")]
    url = secure.url.replace("http://127.0.0.1", "https://localhost")
    assert fetch_logs(tmp_path, PROJECT, url=url, clock=secure.clock, kinds=["logs"]).rows == {"logs": 1}
