"""Why a file behind an address cannot be read, in words that hold nothing of the address.

The libraries' own messages may hold it, with its signature; they are not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

_CLASSES: Final = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("s3fs.utils", "FileExpired"),
)

_UNSIGNED: Final = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ProfileNotFound"}
)
CREDENTIALS: Final = (
    "give credentials as the provider's own tools take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
    "AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS"
)
_REFUSED: Final = "access is denied; the credentials are wrong, too old, or do not allow it"
_UNREACHED: Final = "the server cannot be reached; look at the address and the network"
_BROKEN_OFF: Final = "the connection broke off"


def failures() -> tuple[type[BaseException], ...]:
    """Return the exceptions of the libraries that are loaded, for an ``except``."""
    own = (getattr(sys.modules[place], name) for place, name in _CLASSES if sys.modules.get(place))
    return (OSError, ValueError, *own)


def reason_of(error: BaseException) -> str:
    """Return why it failed: of an error and its causes what tells most."""
    causes = list(_causes(error))
    status = next((status for cause in causes if (status := _status(cause)) is not None), None)
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    is_forbidden = any(str(cause).startswith("Forbidden: ") for cause in causes)  # so gcsfs tells a 403
    if status in (401, 403) or is_forbidden or "PermissionError" in names:
        return _REFUSED
    if status == 404:
        return "no such file or folder"
    if names & _UNSIGNED:
        return f"no credentials were found; {CREDENTIALS}"
    if names & {"FileExpired"} or status == 412:
        return "it changed while it was read"
    if status is not None:
        return f"the server answers with the status {status}"
    if names & {"ClientConnectorCertificateError", "SSLError", "ClientConnectorSSLError"}:
        return "the server's certificate is not trusted"
    if names & {"ClientPayloadError", "ServerDisconnectedError", "ConnectionResetError"}:
        return _BROKEN_OFF
    if names & {"ClientConnectionError", "ConnectionError", "HTTPClientError", "TransportError", "gaierror"}:
        return _UNREACHED
    if "TimeoutError" in names:
        return "the server does not answer in time"
    if "FileNotFoundError" in names:
        return "no such file or folder"
    return f"it cannot be read ({type(causes[-1]).__name__})"


def is_passing(error: BaseException) -> bool:
    """Say whether another try may go better."""
    statuses = [status for cause in _causes(error) if (status := _status(cause)) is not None]
    if statuses:
        return statuses[0] in (408, 429) or statuses[0] >= 500
    names = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
    return bool(names & {"ClientPayloadError", "ClientConnectionError", "ConnectionError", "TimeoutError"})


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _status(error: BaseException) -> int | None:
    """Return the status of a server's answer, which each library keeps at another place."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    response: Any = getattr(error, "response", None)
    status: Any = None
    if isinstance(response, dict):  # of botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    elif "ClientResponseError" in kinds:  # of aiohttp
        status = getattr(error, "status", None)
    elif "HttpError" in kinds:  # of gcsfs
        status = getattr(error, "code", None)
    return int(status) if str(status).isascii() and str(status).isdecimal() else None
