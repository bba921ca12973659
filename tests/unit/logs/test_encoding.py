"""Bytes to text to lines."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from keyrota.logs.encoding import LINE_LIMIT, Lines, decoded, detect_encoding

PICK = "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n"


def text_of(data: bytes, size: int = 1 << 20) -> str:
    return "".join(decoded((data[i : i + size] for i in range(0, len(data), size)), detect_encoding(data)))


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_encodings_are_told_by_content(encoding: str, name: str, size: int) -> None:
    """With a mark or without, whole or in pieces, the text is the same."""
    data = (PICK * 3).encode(encoding)
    assert detect_encoding(data) == name
    assert text_of(data, max(size, 1)) == PICK * 3


@pytest.mark.parametrize("head", [b"", b"a", b"ab", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\x00\x00\x00"])
def test_short_heads(head: bytes) -> None:
    """A few bytes are enough to decide for something."""
    assert detect_encoding(head) in ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be")


def test_invalid_bytes_stay_visible() -> None:
    """What is not UTF-8 becomes U+FFFD, also at the very end."""
    assert text_of(b"a\xffb") == "a\ufffdb"
    assert text_of("🔑".encode()[:-1]) == "\ufffd"
    assert text_of(b"\xff\xfea\x00b") == "a\ufffd"


def test_marks_and_nuls_are_dropped_wherever_they_stand() -> None:
    """Files put together, UTF-16 appended to UTF-8, and holes leave the words readable."""
    assert text_of(b"a\n\xef\xbb\xbfb\n") == "a\nb\n"
    appended = b"a" * 2000 + b"\n" + "Using\n".encode("utf-16-le")
    assert text_of(appended) == "a" * 2000 + "\nUsing\n"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437", "cp850", "mac-roman"])
def test_a_damaged_mark_is_a_mark(encoding: str) -> None:
    """A byte-order mark that was read in another encoding is dropped too."""
    assert text_of(b"\xef\xbb\xbf".decode(encoding).encode() + b"[1]") == "[1]"


def lines_of(chunks: Iterable[str], limit: int = LINE_LIMIT) -> tuple[list[str], int]:
    lines = Lines(chunks, limit)
    return list(lines), lines.cut


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_lines_do_not_depend_on_chunks(size: int) -> None:
    """Line ends, blank lines and a last line without an end, in pieces of any size."""
    text = "one\r\ntwo\n\n\r\nthree\r\r\nfour\x0b\x1c\x85\u2028five\rsix"
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert lines_of(chunks) == (["one", "two", "", "", "three", "four\x0b\x1c\x85\u2028five\rsix"], 0)


def test_empty_text_has_no_line() -> None:
    """No text, no line; one LF, one line."""
    assert lines_of([]) == ([], 0)
    assert lines_of([""]) == ([], 0)
    assert lines_of(["\n"]) == ([""], 0)


@pytest.mark.parametrize("size", [1, 7, 10, 11, 1000])
def test_long_lines_are_cut_and_counted(size: int) -> None:
    """A line over the limit is cut there, whatever the chunks, and its neighbours are whole."""
    text = "short\n" + "x" * 10 + "\n" + "y" * 11 + "\n" + "z" * 5000 + "\nlast"
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert lines_of(chunks, 10) == (["short", "x" * 10, "y" * 10, "z" * 10, "last"], 2)


def test_an_endless_line_takes_bounded_memory() -> None:
    """What is beyond the limit is dropped as it comes."""
    held = 0

    def endless() -> Iterable[str]:
        nonlocal held
        for _ in range(3000):
            held += 1 << 16
            yield "x" * (1 << 16)

    import tracemalloc

    tracemalloc.start()
    lines, cut = lines_of(endless())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(lines), cut, held) == (1, 1, 3000 << 16)
    assert peak < 8 << 20
