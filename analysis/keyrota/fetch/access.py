"""Whom is spoken to, and with which secret: the token, the project, the address."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from keyrota.display import shown
from keyrota.errors import ConfigurationError

API: Final = "https://api.supabase.com"
VARIABLE: Final = "SUPABASE_ACCESS_TOKEN"

_TOKEN = re.compile(r"[!-~]{8,4096}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Token:
    """An access token that shows itself nowhere: neither printed, nor in a traceback, nor pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        """Return no part of it."""
        return "Token([token])"

    def __reduce__(self) -> str:
        raise TypeError("a token is not pickled")

    def header(self) -> str:
        """Return the value of the header that carries it."""
        return f"Bearer {self._text}"

    def masked(self, text: str) -> str:
        """Return a text without the token, should a server have sent it back."""
        return text.replace(self._text, "[token]")

    def masked_bytes(self, data: bytes) -> bytes:
        """Return bytes without the token."""
        return data.replace(self._text.encode(), b"[token]")

    def is_empty(self) -> bool:
        """Say whether there is nothing."""
        return not self._text

    def is_plausible(self) -> bool:
        """Say whether it could be a token, and stand in a header."""
        return _TOKEN.fullmatch(self._text) is not None


def token_from_environment() -> Token:
    """Return the token of SUPABASE_ACCESS_TOKEN.

    Raises
    ------
    ConfigurationError
        If there is none, or it cannot be one; the message shows nothing of it.
    """
    token = Token(os.environ.get(VARIABLE, "").strip())
    if token.is_empty():
        raise ConfigurationError(
            f"{VARIABLE} is not set; make a token at https://supabase.com/dashboard/account/tokens and put "
            f"it into the environment, for instance: read -rs {VARIABLE} && export {VARIABLE}"
        )
    if not token.is_plausible():
        raise ConfigurationError(
            f"{VARIABLE} holds no token: one is 8 characters or more, without blanks, line breaks or "
            "letters beyond ASCII; copy it again"
        )
    return token


def checked_project(project: str) -> str:
    """Return a project's reference.

    Raises
    ------
    ConfigurationError
        If it cannot be one.
    """
    if _PROJECT.fullmatch(project) is None:
        raise ConfigurationError(
            f"project {shown(project)}: this is no project reference; it is the 20 letters in the "
            "dashboard's address: https://supabase.com/dashboard/project/REF"
        )
    return project


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API is.

    Attributes
    ----------
    url
        As it is shown and remembered.
    host, port
        Where the connection goes.
    path
        What stands before ``/v1``; empty for Supabase's own.
    is_secure
        False on loopback only.
    """

    url: str
    host: str
    port: int
    path: str
    is_secure: bool


def checked_address(url: str) -> Address:
    """Return the address of an API.

    Raises
    ------
    ConfigurationError
        If it is none, or would send the token in the clear to another machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("--url: this is no address; write for instance " + API) from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"--url: must hold no user and no password; the token comes from {VARIABLE}")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(
            f"--url {shown(url)}: this is no address of an API; write a host, and a path if it has one: {API}"
        )
    if re.fullmatch(r"[!-~]*", url) is None or port == 0:
        raise ConfigurationError(f"--url {shown(url)}: an address is ASCII without blanks, its port 1-65535")
    is_secure = parts.scheme == "https"
    if not is_secure and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"--url {shown(url)}: http would send the token in the clear; write https, http is for "
            "this machine alone (127.0.0.1, ::1, localhost)"
        )
    return Address(
        url.rstrip("/"), parts.hostname, port or (443 if is_secure else 80), parts.path.rstrip("/"), is_secure
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
