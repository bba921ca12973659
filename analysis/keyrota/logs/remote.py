"""Logs behind an address: S3, Google Cloud Storage, the web; found, opened, and read in ranges.

Credentials come from where the provider's own tools take them. What is secret in an address, its query and
a password, is in no message.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from keyrota.display import shown
from keyrota.errors import InputError
from keyrota.logs.unreachable import CREDENTIALS, failures, is_passing, reason_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUCKETS: Final = ("s3", "s3a", "gs", "gcs")
SCHEMES: Final = (*BUCKETS, "https", "http")

READ_AHEAD: Final = 8 << 20
"""How much is asked for at a time: a request takes as long as some megabytes."""

TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.5
"""Before a read is tried again; twice as long each time."""

CONNECT_S: Final = 10.0
SILENCE_S: Final = 60.0
"""How long a web server may say nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file behind an address.

    Its size if known, whether a part of it can be asked for, and whether it was found in a folder.
    """

    address: str
    size: int | None
    has_ranges: bool = True
    is_in_folder: bool = False


def is_address(path: str) -> bool:
    """Say whether a path is an address."""
    return "://" in path


def masked(address: str) -> str:
    """Return an address as it may be shown: without a password and without its query, which may be signed.

    Examples
    --------
    >>> masked("https://me:secret@example.org/a.json?X-Amz-Signature=0123")
    'https://example.org/a.json?...'
    """
    scheme, _, rest = address.partition("://")
    end = ""
    if scheme not in BUCKETS:  # there a question mark stands for any character
        rest, has_query, _ = rest.partition("#")[0].partition("?")
        end = "?..." if has_query else ""
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{end}"


def find(address: str) -> list[Found]:
    """Return the files of an address: one, those below a folder, or those that a pattern matches.

    Raises
    ------
    InputError
        If it is none, holds nothing, or cannot be reached; with the address in the message.
    """
    scheme = _checked(address)
    try:
        system = _system(scheme, address)
        return _in_bucket(system, address) if scheme in BUCKETS else [_probed(system, address)]
    except failures() as error:
        raise InputError(f"{masked(address)}: {reason_of(error)}") from None
    except InputError as error:
        raise InputError(f"{masked(address)}: {error}") from None


@contextmanager
def opened(address: str, *, size: int | None, has_ranges: bool) -> Iterator[RawIOBase]:
    """Open a file behind an address for reading.

    Raises
    ------
    InputError
        If it cannot be opened, then or in a read; the message is the reason alone.
    """
    scheme = _checked(address)
    system = _system(scheme, address)
    options: dict[str, Any] = {"block_size": 0}
    if has_ranges:
        options = {"block_size": READ_AHEAD, "cache_type": "readahead"}
        if scheme not in BUCKETS:  # a bucket is asked again: it tells whether the file is still the same
            options["size"] = size
    try:
        file = system.open(address, "rb", **options)
    except failures() as error:
        raise InputError(reason_of(error)) from None
    with RemoteFile(file, has_ranges=has_ranges) as stream:
        yield stream


class RemoteFile(RawIOBase):
    """A stream over a file of fsspec; a read that fails in passing is tried again where that is possible."""

    def __init__(self, file: Any, *, has_ranges: bool) -> None:
        self._file = file
        self._has_ranges = has_ranges

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Say whether a part of the file can be asked for."""
        return self._has_ranges

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; nothing is asked for yet."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._file.tell())

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer, as far as there is something."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        """Return so many bytes, fewer at the end or where the stream pauses."""
        pause_s = FIRST_PAUSE_S
        for tries in range(1, TRIES + 1):
            try:
                return bytes(self._file.read(size))
            except failures() as error:
                if not self._has_ranges or not is_passing(error) or tries == TRIES:
                    raise InputError(reason_of(error)) from None
            time.sleep(pause_s)
            pause_s *= 2
        raise AssertionError

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def _checked(address: str) -> str:
    """Return the scheme of an address that can be read."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise InputError(f"{shown(masked(address))}: this is no address") from None
    if parts.scheme not in SCHEMES:
        raise InputError(
            f"{shown(masked(address))}: addresses of this kind are not read; allowed are s3://, gs:// and "
            "https://. Fetch the log yourself and pipe it: keyrota report -"
        )
    if not parts.hostname or port == 0:
        raise InputError(f"{shown(masked(address))}: the address names no bucket or host")
    if parts.scheme in BUCKETS and "@" in parts.netloc:
        raise InputError(f"{shown(masked(address))}: {CREDENTIALS}; an address holds none")
    return parts.scheme


def _system(scheme: str, address: str) -> Any:
    """Return the file system of a scheme; its listings are always asked for anew."""
    try:
        import fsspec

        if scheme in BUCKETS:
            return fsspec.filesystem(scheme, use_listings_cache=False)
        from aiohttp import ClientTimeout
    except ImportError:
        raise InputError("reading it needs more packages: pip install 'keyrota[remote]'") from None
    return fsspec.filesystem(
        scheme,
        # As it was given, if it could be sent like that: another way of quoting breaks a signature.
        encoded=re.fullmatch("[!-~]+", address) is not None,
        headers={"Accept-Encoding": "identity"},  # a place in what is sent is a place in the file
        client_kwargs={
            "timeout": ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S),
            "trust_env": True,  # proxies
        },
    )


def _probed(system: Any, address: str) -> Found:
    """Ask a web server for the first byte: its answer tells the size, and whether there are ranges.

    A signed address is often good for this request and not for its head alone.
    """
    from fsspec.asyn import sync

    async def asked() -> Found:
        session = await system.set_session()
        headers = {**system.kwargs["headers"], "Range": "bytes=0-0"}
        async with session.get(system.encode_url(address), headers=headers) as answer:
            if answer.status == 416:  # there is no first byte
                return Found(address, 0, has_ranges=False)
            answer.raise_for_status()
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status == 206 and re.fullmatch("[0-9]{1,18}", whole):
                return Found(address, int(whole), has_ranges=True)
            is_plain = answer.headers.get("Content-Encoding", "identity") == "identity"
            size = answer.content_length if is_plain and answer.status == 200 else None
            return Found(address, size, has_ranges=False)

    found: Found = sync(system.loop, asked)
    return found


def _in_bucket(system: Any, address: str) -> list[Found]:
    try:
        about = system.info(address)
    except FileNotFoundError:
        if not re.search(r"[*?\[]", address):
            raise
        return _matching(system, address)
    return _below(system, address) if about["type"] == "directory" else [_file(system, about)]


def _matching(system: Any, pattern: str) -> list[Found]:
    try:
        matches = system.glob(pattern, detail=True)
    except FileNotFoundError:  # so older versions of fsspec tell of an empty bucket
        matches = {}
    found: list[Found] = []
    is_hidden_asked = "/." in pattern
    for name in sorted(matches):
        if "/." in name and not is_hidden_asked:
            continue
        if matches[name]["type"] == "directory":
            found += _below(system, system.unstrip_protocol(name))
        else:
            found.append(_file(system, matches[name]))
    if not found:
        raise InputError("matches no file")
    return found


def _below(system: Any, folder: str) -> list[Found]:
    """Return every file below a folder; hidden files and folders are left out, and a folder's own mark."""
    root = system._strip_protocol(folder).rstrip("/")
    files = system.find(folder, detail=True)
    names = [
        name
        for name in sorted(files)
        if not name.endswith("/") and "/." not in name.removeprefix(root) and files[name]["type"] == "file"
    ]
    if not names:
        raise InputError("the folder holds no file")
    return [_file(system, files[name], is_in_folder=True) for name in names]


def _file(system: Any, about: dict[str, Any], *, is_in_folder: bool = False) -> Found:
    address = system.unstrip_protocol(about["name"])
    return Found(address, about.get("size"), is_in_folder=is_in_folder)
