"""One query of the Management API: sent, tried again as long as that may help, answered or refused.

The one module of the package that speaks HTTP by itself. No redirect is followed, no proxy and
no file of passwords is looked for, and the certificate is checked: the token goes to the host of --url alone.
"""

from __future__ import annotations

import http.client
import random
import ssl
from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from keyrota.display import span
from keyrota.errors import InputError
from keyrota.fetch.answers import (
    Answer,
    PassingError,
    TooLongError,
    answer_of,
    raise_for_status,
    time_of_header,
    wait_asked_for,
)
from keyrota.fetch.clock import Clock
from keyrota.fetch.times import iso

if TYPE_CHECKING:
    from keyrota.fetch.access import Address, Token

TRIES: Final = 8
FIRST_PAUSE_S: Final = 1.0
"""Before the second try; twice as long each time, and up to half of it less by chance."""

LONGEST_PAUSE_S: Final = 60.0
LONGEST_WAIT_S: Final = 300.0
"""A server that asks for a longer wait gets its way by ending: the next fetch goes on."""

SILENCE_S: Final = 30.0
"""How long the server may say nothing."""

ANSWER_S: Final = 120.0
"""How long an answer may take in all."""

ANSWER_BYTES: Final = 64 << 20
"""Bytes of the longest answer: 1,000 rows of 10,000 characters, each of six bytes."""

_REASON_BYTES: Final = 1 << 16
_PIECE: Final = 1 << 18


class Api:
    """The logs of one project.

    Parameters
    ----------
    address
        Where the API is.
    project
        The project's reference.
    token
        The access token.
    clock
        What time it is, and how to wait.

    Attributes
    ----------
    repeats
        How often a request was sent again, by what was in its way.
    """

    def __init__(self, address: Address, project: str, token: Token, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.repeats: Counter[str] = Counter()
        self._address, self._token = address, token
        self._path = f"{address.path}/v1/projects/{project}/analytics/endpoints/logs"
        self._connection: http.client.HTTPConnection | None = None
        self._jitter = random.Random()  # nothing of a result hangs on it
        self._rest_s = 0.0
        self._ahead_s = 0.0

    def now(self) -> float:
        """Return seconds since 1970 UTC by this machine's clock, or by the server's if that is behind."""
        return self.clock.now() - self._ahead_s

    def query(self, sql: str, start_us: int, end_us: int) -> Answer:
        """Send a query of the logs between two whole minutes.

        Raises
        ------
        TooLongError
            If the answer is beyond the bound.
        ConfigurationError
            If the token, the project or the address is wrong.
        InputError
            If the API refuses the query, or did not answer it after all tries.
        """
        parameters = {"sql": sql, "iso_timestamp_start": iso(start_us), "iso_timestamp_end": iso(end_us)}
        target = f"{self._path}?{urlencode(parameters)}"
        pause_s = FIRST_PAUSE_S
        for tries in range(1, TRIES + 1):
            if self._rest_s:  # as asked for by the last answer
                self.close()  # the server would
                self.clock.sleep(self._rest_s)
                self._rest_s = 0.0
            try:
                return self._asked(target)
            except PassingError as error:
                self.close()
                if tries == TRIES:
                    raise InputError(
                        f"{self._address.host}: {error}, {TRIES} times in a row; run the same command "
                        "later, it goes on where it stopped"
                    ) from None
                self.repeats[error.kind] += 1
                self._wait(error, pause_s)
            except BaseException:
                self.close()
                raise
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        raise AssertionError

    def close(self) -> None:
        """Close the connection; the next query opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _wait(self, error: PassingError, pause_s: float) -> None:
        if error.wait_s is not None and error.wait_s > LONGEST_WAIT_S:
            raise InputError(
                f"{self._address.host}: {error}, and asks to wait {span(error.wait_s)}; run the same command "
                "then, it goes on where it stopped"
            ) from None
        own_s = pause_s * (0.5 + 0.5 * self._jitter.random())
        self.clock.sleep(max(own_s, error.wait_s or 0.0))

    def _asked(self, target: str) -> Answer:
        try:
            connection = self._connected()
            connection.request("GET", target, headers=self._headers())
            response = connection.getresponse()
            status, headers = response.status, response.headers
            body = self._body(response, ANSWER_BYTES if status == 200 else _REASON_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise InputError(
                f"{self._address.host}: its certificate is not valid ({error.verify_message}); check --url "
                "and this machine's clock"
            ) from None
        except TimeoutError:
            raise PassingError(f"it said nothing for {span(SILENCE_S)}", "timeout") from None
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise PassingError(f"it cannot be reached ({reason})", "connection") from None
        except (http.client.HTTPException, ValueError):
            raise PassingError("the connection broke off, or it speaks no HTTP", "connection") from None
        self._note_clock(time_of_header(headers.get("Date")))
        if status != 200:
            self.close()
            raise_for_status(status, body or b"", headers, self.clock.now(), self._token.masked)
        if body is None:
            self.close()
            raise TooLongError
        if headers.get("X-RateLimit-Remaining", "").strip() == "0":
            self._rest_s = min(wait_asked_for(headers, self.clock.now()) or 0.0, LONGEST_PAUSE_S)
        return answer_of(body, self._token.masked)

    def _headers(self) -> dict[str, str]:
        from keyrota import __version__

        return {
            "Authorization": self._token.header(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"keyrota/{__version__}",
        }

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            address = self._address
            self._connection = (
                http.client.HTTPSConnection(
                    address.host, address.port, timeout=SILENCE_S, context=ssl.create_default_context()
                )
                if address.is_secure
                else http.client.HTTPConnection(address.host, address.port, timeout=SILENCE_S)
            )
        return self._connection

    def _body(self, response: http.client.HTTPResponse, limit: int) -> bytes | None:
        """Return a body, ``None`` if it is longer than allowed."""
        declared = response.length
        deadline = self.clock.elapsed() + ANSWER_S
        body = bytearray()
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > limit:
                return None
            if self.clock.elapsed() > deadline:
                raise PassingError(f"its answer takes more than {span(ANSWER_S)}", "timeout")
        if declared is not None and len(body) < declared:
            raise PassingError(
                f"its answer was cut off after {len(body):,} of {declared:,} bytes", "cut answer"
            )
        response.close()  # the connection stays, and takes the next query
        return self._token.masked_bytes(bytes(body))

    def _note_clock(self, server_now: float | None) -> None:
        if server_now is not None:
            self._ahead_s = max(
                self._ahead_s, self.clock.now() - server_now - 1.0
            )  # a header's whole seconds
