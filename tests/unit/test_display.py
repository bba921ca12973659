"""Text that is safe to show, and the words of numbers."""

import re

import pytest

from keyrota.display import (
    count,
    listed,
    masked_name,
    redact,
    redact_all,
    sentence,
    short_share,
    shown,
    span,
    visible,
    visible_json,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("AIzaSyA1234567890", "[key]"),
        ("AIzaab", "AIzaab"),
        ("AIzaabc", "[key]"),
        ("xAIzaabc*_-", "x[key]"),
        ("AQ.abcdef", "[key]"),
        ("AQ.abcde", "AQ.abcde"),
        ("AQxabcdef", "AQxabcdef"),
        ("sk-abcdefgh", "[key]"),
        ("sk-abcdefg", "sk-abcdefg"),
        ("task-abcdefgh", "task-abcdefgh"),
        ("?key=abcdef", "?key=[key]"),
        ("&KEY=abcdef", "&KEY=[key]"),
        ("?key=abcde", "?key=abcde"),
        ("monkey=abcdef", "monkey=abcdef"),
        ("api-key=abc%2Fdef", "api-key=[key]"),
        ("api_key=abcdef", "api_key=[key]"),
        ("apikey=abcdef", "apikey=[key]"),
        ("Bearer abc.def", "Bearer [key]"),
        ("bearer: abcdef", "bearer: abcdef"),
        ("two AIzaabc and AIzaabd", "two [key] and [key]"),
        ("[key]", "[key]"),
        ("", ""),
    ],
)
def test_secrets_are_masked(text, masked):
    """Keys by their prefixes, what stands where a key stands; what is masked stays as it is."""
    assert redact(text) == masked
    assert redact(masked) == masked
    assert redact_all(["e-1", text, ""]) == ["e-1", masked, ""]


@pytest.mark.parametrize(
    ("code", "spelled"),
    [
        (0x00, r"\x00"),
        (0x09, r"\x09"),
        (0x0A, r"\x0a"),
        (0x1B, r"\x1b"),
        (0x1F, r"\x1f"),
        (0x20, " "),
        (0x7E, "~"),
        (0x7F, r"\x7f"),
        (0x9B, r"\x9b"),
        (0x9F, r"\x9f"),
        (0xA0, "\xa0"),
        (0x061C, r"\u061c"),
        (0x200A, "\u200a"),
        (0x200B, r"\u200b"),
        (0x200F, r"\u200f"),
        (0x2010, "\u2010"),
        (0x2028, r"\u2028"),
        (0x202E, r"\u202e"),
        (0x202F, "\u202f"),
        (0x2060, r"\u2060"),
        (0x2069, r"\u2069"),
        (0x206A, "\u206a"),
        (0xD800, r"\ud800"),
        (0xDFFF, r"\udfff"),
        (0xFEFF, r"\ufeff"),
        (0x1F511, "\U0001f511"),
    ],
)
def test_controls_are_spelled_out(code, spelled):
    """C0, DEL, C1, line separators, what turns the direction, surrogates, BOM; nothing beside them."""
    assert visible(f"a{chr(code)}b") == f"a{spelled}b"


def test_secrets_are_masked_before_controls_are_spelled_out():
    """A key that follows a control is still known as one."""
    assert visible("\x1bAIzaSyA1234567890") == r"\x1b[key]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("chat", '"chat"'),
        ("a\nb", r'"a\x0ab"'),
        ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, f'"{"x" * 60}..."'),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (0, "0"),
        (-2.5, "-2.5"),
        (None, "None"),
        (10**59, str(10**59)),
        (10**60, "1" + "0" * 59 + "..."),
        (["a\x1b"], r"['a\x1b']"),
    ],
)
def test_values_in_messages(value, text):
    """Quoted, safe, at most 60 characters of it."""
    assert shown(value) == text


def test_the_limit_of_a_value_can_be_set():
    """A key is masked before the text is cut: half a key would no longer be known."""
    assert shown("abcdef", 3) == '"abc..."'
    assert shown(123456, 3) == "123..."
    assert shown("x AIzaSyA1234567890", 8) == '"x [key]"'


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (1, ("pick",), "1 pick"),
        (0, ("pick",), "0 picks"),
        (2, ("pick",), "2 picks"),
        (1200, ("entry", "entries"), "1,200 entries"),
        (1, ("entry", "entries"), "1 entry"),
    ],
)
def test_counts(number, words, text):
    """With thousands apart; one alone is singular."""
    assert count(number, *words) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (0.5, "0.5 seconds"),
        (2, "2 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "120 minutes"),
        (99 * 86_400, "99 days"),
        (99.4 * 86_400, "99 days"),
        (99.5 * 86_400, "100 days"),
        (99.6 * 86_400, "100 days"),
        (400 * 86_400, "400 days"),
        (40_000 * 86_400, "40,000 days"),
        (7200, "2 hours"),
        (172_799, "48 hours"),
        (172_800, "2 days"),
        (200_000, "2.3 days"),
    ],
)
def test_spans(seconds, text):
    """A unit is taken from two of it on; two digits, or all of those before the point."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.00844, "0.84 %"), (0.0994, "9.9 %"), (0.0995, "10 %"), (0.383, "38 %"), (1.0, "100 %")],
)
def test_shares(share, text):
    """Two digits."""
    assert short_share(share) == text


def test_sentences():
    """They begin with a capital; nothing stays nothing."""
    assert [sentence(text) for text in ("no pick", "429s", "")] == ["No pick", "429s", ""]


@pytest.mark.parametrize(
    ("items", "limit", "text"),
    [
        ([], 6, ""),
        (["a"], 6, "a"),
        (["a", "b"], 6, "a and b"),
        (list("abc"), 3, "a, b and c"),
        (list("abcd"), 3, "a, b, c and 1 more"),
        (list("abcdefgh"), 3, "a, b, c and 5 more"),
        (list("abcdef"), 6, "a, b, c, d, e and f"),
    ],
)
def test_lists(items, limit, text):
    """Joined for a sentence; of many, the first and how many more."""
    assert listed(items, limit) == text


def test_a_list_names_six_at_most():
    """By default."""
    assert listed(list("abcdefg")) == "a, b, c, d, e, f and 1 more"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ('{\n "a": 1\n}', '{\n "a": 1\n}'),
        ('"\u202e"', '"\\u202e"'),
        ('"\t\x01"', '"\\u0009\\u0001"'),
        ('"\x7f\x9b"', '"\\u007f\\u009b"'),
        ('"\ufeff\ud800"', '"\\ufeff\\ud800"'),
        ('"é\u2026🔑"', '"é\u2026🔑"'),
        ('"?key=abcdefgh"', '"?key=[key]"'),
    ],
)
def test_json_is_safe_and_stays_json(text, safe):
    """What cannot be seen becomes an escape of JSON, line ends of the layout stay, keys are masked."""
    assert visible_json(text) == safe


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("AIza%41%42%43", "[key]"),
        ("AIza%4", "AIza%4"),
        (r"AIza\x41\u0042c", "[key]"),
        ("AIza\u200ba\u200bb", "[key]"),
        ("AIza\x1bab", "[key]"),
        ("AIza\tabc", "AIza\tabc"),
        ("AIza\nabc", "AIza\nabc"),
    ],
)
def test_keys_that_are_taken_apart_are_masked(text, masked):
    """By escapes of addresses or of JSON, by characters that cannot be seen; not by blanks and line ends."""
    assert redact(text) == masked


@pytest.mark.parametrize("name", ["logs/app.log", "ä🔑.log", "", "[key].log", "a\x1bb"])
def test_harmless_names_are_kept(name):
    """What holds no key and is text."""
    assert masked_name(name) == name


def test_names_that_no_file_may_hold_stay_different():
    """A hash stands for a name with a key, or one that is no UTF-8; names that differ have other hashes."""
    names = [
        "AIzaSyA1234567890.log",
        "AIzaSyA1234567891.log",
        "app?key=abcdef",
        "caf\udce9.log",
        "\ud800",
        "\udfff",
    ]
    masked = [masked_name(name) for name in names]
    assert len(set(masked)) == len(names)
    for name in masked:
        assert re.fullmatch(r"\[key\] [0-9a-f]{32}", name)
        assert masked_name(name) == name
