"""What happens to a log between its making and its reading: encodings, compression, cuts.

Every function is pure, bytes in and bytes out. Those that speak of text expect UTF-8.
"""

from __future__ import annotations

import gzip
import io
import re
from typing import Final, Literal

import zstandard

from keyrota.logs.write.rows import scrambled_ties

__all__ = [
    "as_utf8_bom",
    "as_utf16",
    "double_mojibake",
    "emoji_replaced",
    "gzipped",
    "json_escaped",
    "mojibake",
    "scrambled_ties",
    "truncated",
    "with_crlf",
    "zstd_compressed",
]

Encoding = Literal["cp1252", "latin-1", "mac-roman", "cp437", "cp850"]

_EMOJI: Final = re.compile("[\u2600-\u27bf\U00010000-\U0010ffff]\ufe0f?")
_NON_ASCII: Final = re.compile("[^\x00-\x7f]")


def as_utf16(data: bytes, *, byte_order: Literal["little", "big"] = "little", bom: bool = True) -> bytes:
    r"""Return text as UTF-16, the form that ``>`` gives in Windows PowerShell 5.1.

    Examples
    --------
    >>> as_utf16(b"ok")
    b'\xff\xfeo\x00k\x00'
    """
    text = ("\ufeff" if bom else "") + data.decode()
    return text.encode("utf-16-le" if byte_order == "little" else "utf-16-be")


def as_utf8_bom(data: bytes) -> bytes:
    """Return text with a byte order mark in front."""
    return b"\xef\xbb\xbf" + data


def with_crlf(data: bytes) -> bytes:
    r"""Return text with ``\r\n`` for every line end.

    Examples
    --------
    >>> with_crlf(b"a\nb\r\n")
    b'a\r\nb\r\n'
    """
    return re.sub(rb"\r?\n", b"\r\n", data)


def mojibake(data: bytes, encoding: Encoding = "cp1252") -> bytes:
    """Return text that some program read in a wrong one-byte encoding and saved as UTF-8.

    Bytes that Windows-1252 leaves undefined become the control characters of the same number, as in
    browsers.

    Examples
    --------
    >>> mojibake("🔑".encode()).decode(), mojibake("🔑".encode(), "cp437").decode()
    ('ðŸ”‘', '≡ƒöæ')
    """
    return "".join(_as_one_byte(byte, encoding) for byte in data).encode()


def double_mojibake(data: bytes, encoding: Encoding = "cp1252") -> bytes:
    """Return text that went through `mojibake` twice."""
    return mojibake(mojibake(data, encoding), encoding)


def emoji_replaced(data: bytes, by: str) -> bytes:
    """Return text with every emoji replaced: ``?``, ``??``, U+FFFD, or nothing.

    Examples
    --------
    >>> emoji_replaced("⚠️ careful".encode(), "?").decode()
    '? careful'
    """
    return _EMOJI.sub(lambda _: by, data.decode()).encode()


def json_escaped(data: bytes) -> bytes:
    r"""Return JSON text with ``\uXXXX`` for every character outside ASCII, in pairs where needed.

    Examples
    --------
    >>> json_escaped('"🔑"'.encode())
    b'"\\ud83d\\udd11"'
    """
    return _NON_ASCII.sub(lambda match: _escape(match.group()), data.decode()).encode()


def gzipped(data: bytes, members: int = 1) -> bytes:
    """Return gzip of `members` members; without a file name and a time, so that bytes repeat.

    Examples
    --------
    >>> gzip.decompress(gzipped(b"abcdef", members=3))
    b'abcdef'
    """
    size = max(1, -(-len(data) // members))
    pieces = [data[start : start + size] for start in range(0, size * members, size)]
    return b"".join(_gzip_member(piece) for piece in pieces)


def zstd_compressed(data: bytes, level: int = 10) -> bytes:
    """Return one zstd frame with its content's size and checksum.

    Examples
    --------
    >>> zstandard.ZstdDecompressor().decompress(zstd_compressed(b"abc"))
    b'abc'
    """
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


def truncated(data: bytes, size: int) -> bytes:
    """Return the first `size` bytes: a broken download, a full disk.

    Examples
    --------
    >>> truncated(b"abcdef", 4)
    b'abcd'
    """
    return data[:size]


def _as_one_byte(byte: int, encoding: str) -> str:
    try:
        return bytes([byte]).decode(encoding)
    except UnicodeDecodeError:
        return chr(byte)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _gzip_member(data: bytes) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as member:
        member.write(data)
    return stream.getvalue()
