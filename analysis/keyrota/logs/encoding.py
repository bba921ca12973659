"""Text out of bytes: the encoding told by content, damage kept visible, lines cut at LF only."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final

LINE_LIMIT: Final = 1 << 20
"""Characters of one line that are kept; the rest of a longer line is dropped and counted."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A UTF-8 byte-order mark read as cp1252 or Latin-1, cp437, cp850, Mac Roman, and twice as cp1252.
_DAMAGED_BOM = re.compile(
    "(?:\u00ef\u00bb\u00bf|\u2229\u2557\u2510|\u00b4\u2557\u2510|\u00d4\u00aa\u00f8|\u00c3\u00af\u00c2\u00bb\u00c2\u00bf)+"
)


def detect_encoding(head: bytes) -> str:
    r"""Return the name of the encoding that the first bytes show.

    A byte-order mark decides; without one, text whose every second byte is NUL is UTF-16 (what
    Windows PowerShell writes into a file that already existed). Everything else is read as UTF-8,
    with U+FFFD where it is not.

    Examples
    --------
    >>> detect_encoding(b"\xff\xfea\x00"), detect_encoding(b"a\x00b\x00c\x00"), detect_encoding(b"abc")
    ('utf-16-le', 'utf-16-le', 'utf-8')
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    sample = head[:1024]
    pairs = len(sample) // 2
    if pairs >= 2:
        even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
        if odd > 0.7 * pairs and even < 0.1 * pairs:
            return "utf-16-le"
        if even > 0.7 * pairs and odd < 0.1 * pairs:
            return "utf-16-be"
    return "utf-8"


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Decode chunk by chunk; what is not valid becomes U+FFFD.

    Byte-order marks and NULs are dropped wherever they stand: files put together have marks inside,
    a log that was truncated under its writer begins with NULs, and UTF-16 that was appended to UTF-8
    is then still readable. The first chunk is to hold what a damaged mark takes.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    is_first = True
    for chunk in chunks:
        text = _without_marks(decoder.decode(chunk))
        if is_first and text:
            mark = _DAMAGED_BOM.match(text)
            text, is_first = text[mark.end() :] if mark else text, False
        if text:
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def decoded_text(data: bytes) -> str:
    """Return UTF-8 that is at hand as a whole as the text that `decoded` makes of it."""
    return _without_marks(data.decode("utf-8", "replace"))


def _without_marks(text: str) -> str:
    return text.replace("\ufeff", "").replace("\x00", "")


def is_marked_as_damaged(head: bytes) -> bool:
    """Say whether a text begins with a byte-order mark that was read in a wrong encoding, then written."""
    return _DAMAGED_BOM.match(head[:64].decode("utf-8", "replace").lstrip("\ufeff\x00")) is not None


class Lines:
    """Physical lines of a text: ended by LF only, CRs before it removed, at most `limit` long.

    Ten characters end a line for `str.splitlines`; a log that strangers can write to must not gain
    records from nine of them.

    Attributes
    ----------
    cut
        Number of lines that were longer than the limit.
    """

    def __init__(self, chunks: Iterable[str], limit: int = LINE_LIMIT) -> None:
        self._chunks = chunks
        self._limit = limit
        self.cut = 0

    def __iter__(self) -> Iterator[str]:
        """Yield each line without its end."""
        pieces: list[str] = []
        length = 0
        for chunk in self._chunks:
            first, *others = chunk.split("\n")
            # What is beyond the limit is not kept: a file may be one endless line.
            if first and length <= self._limit:
                pieces.append(first)
                length += len(first)
            if others:
                yield self._bounded("".join(pieces))
                for line in others[:-1]:
                    yield self._bounded(line)
                pieces, length = [others[-1]], len(others[-1])
        if length:
            yield self._bounded("".join(pieces))

    def _bounded(self, line: str) -> str:
        line = line.rstrip("\r") if line.endswith("\r") else line
        if len(line) > self._limit:
            self.cut += 1
            return line[: self._limit]
        return line
