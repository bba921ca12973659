"""Damage to bytes, undone with independent tools."""

import gzip
import json
import zlib

import pytest
import zstandard

from keyrota.logs.write import damage

KEY, CIRCLE, WARNING, CHECK = "🔑", "🔴", "⚠️", "✅"
TEXT = f"{KEY} Using GOOGLE_KEY_1 (position 1/2 in pool)\n{WARNING} Invalid\n".encode()


@pytest.mark.parametrize(
    ("encoding", "key", "check"),
    [
        ("cp1252", "ðŸ”‘", "âœ…"),
        ("latin-1", "ð\x9f\x94\x91", "â\x9c\x85"),
        ("mac-roman", "\uf8ffüîë", "‚úÖ"),
        ("cp437", "≡ƒöæ", "Γ£à"),
        ("cp850", "\xadƒöæ", "Ô£à"),
    ],
)
def test_mojibake_has_the_known_look_of_each_encoding(encoding: str, key: str, check: str) -> None:
    """The forms seen in real pastes."""
    assert damage.mojibake(KEY.encode(), encoding).decode() == key
    assert damage.mojibake(CHECK.encode(), encoding).decode() == check


def test_mojibake_keeps_undefined_bytes_as_controls() -> None:
    """Windows-1252 has no 8F: browsers keep U+008F."""
    assert damage.mojibake(WARNING.encode()).decode() == "âš\xa0ï¸\x8f"


def test_double_mojibake_is_longer_than_once() -> None:
    """Two programs in a row."""
    assert damage.double_mojibake(KEY.encode()).decode() == "Ã°Å¸â€\x9dâ€˜"


def test_ascii_survives_every_encoding() -> None:
    """Only characters outside ASCII are damaged."""
    for encoding in ("cp1252", "latin-1", "mac-roman", "cp437", "cp850"):
        assert damage.mojibake(bytes(range(128)), encoding) == bytes(range(128))


@pytest.mark.parametrize("by", ["?", "??", "\ufffd", ""])
def test_emoji_are_replaced_whole(by: str) -> None:
    """The variation selector goes with its emoji."""
    expected = f"{by} Using GOOGLE_KEY_1 (position 1/2 in pool)\n{by} Invalid\n"
    assert damage.emoji_replaced(TEXT, by).decode() == expected
    assert damage.emoji_replaced(CIRCLE.encode(), by).decode() == by


def test_json_escapes_read_back_the_same() -> None:
    """Escaped JSON is ASCII with surrogate pairs."""
    data = json.dumps({"m": TEXT.decode()}, ensure_ascii=False).encode()
    escaped = damage.json_escaped(data)
    assert escaped.isascii()
    assert b"\\ud83d\\udd11" in escaped
    assert json.loads(escaped) == json.loads(data)


def test_utf16_reads_back_by_its_mark() -> None:
    """Both byte orders, with a mark; without one the text is bare."""
    for order in ("little", "big"):
        assert damage.as_utf16(TEXT, byte_order=order).decode("utf-16") == TEXT.decode()
    assert damage.as_utf16(b"a", bom=False) == b"a\x00"


def test_utf8_mark_stands_in_front() -> None:
    """utf-8-sig removes it."""
    assert damage.as_utf8_bom(TEXT).decode("utf-8-sig") == TEXT.decode()


def test_crlf_is_put_once() -> None:
    """A second time changes nothing."""
    once = damage.with_crlf(TEXT)
    assert once.count(b"\r\n") == TEXT.count(b"\n")
    assert damage.with_crlf(once) == once


@pytest.mark.parametrize("members", [1, 2, 7])
def test_gzip_members_read_back_and_repeat(members: int) -> None:
    """No clock and no name is in the bytes; there are as many members as asked."""
    data = damage.gzipped(TEXT, members)
    assert gzip.decompress(data) == TEXT
    assert data == damage.gzipped(TEXT, members)
    found, rest = 0, data
    while rest:
        stream = zlib.decompressobj(wbits=31)
        stream.decompress(rest)
        found, rest = found + 1, stream.unused_data
    assert found == members


def test_gzip_of_nothing_is_a_member() -> None:
    """An empty log compresses to a valid file."""
    assert gzip.decompress(damage.gzipped(b"", members=2)) == b""


def test_zstd_reads_back() -> None:
    """One frame."""
    assert zstandard.ZstdDecompressor().decompress(damage.zstd_compressed(TEXT)) == TEXT


def test_truncated_keeps_the_front() -> None:
    """Also through the middle of a character."""
    assert damage.truncated(TEXT, 2) == b"\xf0\x9f"
