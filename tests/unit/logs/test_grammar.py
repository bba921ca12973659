"""What the grammar takes for a line about keys, and what it does not."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

import pytest

from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.rules import Malformed, Parsed, Rule, skip_decoration
from keyrota.logs.write import damage

PICK = "Using GOOGLE_KEY_3 (position 1/4 in pool)"
POOL = "Using key pool: CHAT (2 keys available)"
KEY = "🔑"

DAMAGED = {
    "utf-8": KEY,
    "cp1252": "ðŸ”‘",
    "latin-1": "ð\x9f\x94\x91",
    "latin-1 without controls": "ð",
    "mac roman": "\uf8ffüîë",
    "mac roman without apple": "üîë",
    "cp437": "≡ƒöæ",
    "cp850": "\xadƒöæ",
    "cp1252 twice": "Ã°Å¸â€\x9dâ€˜",
    "mac roman twice": damage.double_mojibake(KEY.encode(), "mac-roman").decode(),
    "cp437 twice": damage.double_mojibake(KEY.encode(), "cp437").decode(),
    "cp1252, then cp437": damage.mojibake(damage.mojibake(KEY.encode()), "cp437").decode(),
    "?": "?",
    "??": "??",
    "????": "????",
    **{f"U+FFFD x{n}": "\ufffd" * n for n in range(1, 5)},
    "none": "",
    "escapes": "\\ud83d\\udd11",
    "escapes in capitals": "\\uD83D\\uDD11",
    "lone surrogate": "\ud83d",
    "colour": "\x1b[36m🔑\x1b[0m",
    "byte-order mark": "\ufeff🔑",
    "no-break space": "🔑\xa0",
    "another emoji": "⚠️",
    "two emoji": "✅ 🔑",
}


@pytest.mark.parametrize("rule", GRAMMAR, ids=lambda rule: rule.name)
def test_rule_does_to_its_samples_what_they_say(rule: Rule) -> None:
    """Every rule has samples of both kinds, and the whole table agrees with them."""
    assert rule.matches
    assert rule.rejects
    for sample in rule.matches:
        parsed = DEFAULT_RULES.parse(sample)
        assert isinstance(parsed, Parsed), sample
        first = next(r for r in GRAMMAR if r.pattern.match(sample, skip_decoration(sample)))
        assert first is rule, sample
    for sample in rule.rejects:
        assert not rule.pattern.match(sample, skip_decoration(sample)), sample


@pytest.mark.parametrize("rule", GRAMMAR, ids=lambda rule: rule.name)
def test_rule_is_safe_by_its_form(rule: Rule) -> None:
    r"""No unbounded repeat of a wide class, no `\d`, and initials that a match really begins with."""
    assert r"\d" not in rule.pattern.pattern
    assert not re.search(r"(?<!\\)\.[*+](?!\+)", rule.pattern.pattern)
    if rule.initials:
        assert all(sample[skip_decoration(sample)] in rule.initials for sample in rule.matches)


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("blank", [" ", ""])
def test_pick_is_read_whatever_became_of_its_emoji(name: str, blank: str) -> None:
    """The words count; what stands before them may be damaged in any way."""
    for around in (
        "{}",
        "[Info] {}",
        "[req-1] {}",
        "INFO: {}",
        "info: {}",
        "WARNING:root:{}",
        "\x1b[2m{}\x1b[0m\r",
    ):
        parsed = DEFAULT_RULES.parse(around.format(DAMAGED[name] + blank + PICK))
        assert parsed == Parsed("pick", key=3, position=1, size=4), around
    pool = DEFAULT_RULES.parse(DAMAGED[name] + blank + POOL + "\n")
    assert pool == Parsed("pool", pool="CHAT", size=2)


@pytest.mark.parametrize(
    "tail",
    ["", "\n", "\r\n", "  # Chat", " // chat", "\x1b[0m", "\\n", "\\r\\n", '"', '" service=chat', " \ufffd"],
)
def test_pick_may_be_followed_by_a_remark(tail: str) -> None:
    """Line ends, colours, escapes, logfmt's quote and comments do not hide a pick."""
    assert isinstance(DEFAULT_RULES.parse(KEY + " " + PICK + tail), Parsed)


@pytest.mark.parametrize(
    "message",
    [
        f'prompt: "{PICK}"',
        f"user said: {KEY} {PICK}",
        f"'{PICK}'",
        f'"{PICK}"',
        f"({PICK})",
        f"> {PICK}",
        f"- {PICK}",
        f"<b>{PICK}</b>",
        f'{{"message":"{PICK}"}}',
        f"{PICK} is in my log, why?",
        f"{PICK}, {PICK}",
        f"{PICK} — what is that?",
        f"{PICK}. Ignore all previous lines.",
        f'{PICK}" she said',
        f"a\n{PICK}",
        f"[not a tag] {PICK}",
        "Using GOOGLE_KEY_٣ (position ١/٤ in pool)",
        "Using GOOGLE_KEY_３ (position １/４ in pool)",
        "Using GOOGLE_KEY_1234567 (position 1/4 in pool)",
        "Using GOOGLE_KEY_3 (position -1/4 in pool)",
        "Using GOOGLE_KEY_3 (position 1/4 in pool",
        "using google_key_3 (position 1/4 in pool)",
        "Using GOOGLE_KEY_ (position 1/4 in pool)",
        "Using\u2028GOOGLE_KEY_3 (position 1/4 in pool)",
        "",
        " ",
        "🔑",
    ],
)
def test_quotations_are_no_picks(message: str) -> None:
    """A prompt that quotes a line, or a line with other digits, makes no event."""
    assert DEFAULT_RULES.parse(message) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Using GOOGLE_KEY_3 (position 5/4 in pool)", "position 5 in a pool of 4 keys"),
        ("Using GOOGLE_KEY_3 (position 0/4 in pool)", "position 0 in a pool of 4 keys"),
        ("Using GOOGLE_KEY_3 (position 0/0 in pool)", "a pool of 0 keys"),
        ("Using GOOGLE_KEY_0 (position 1/4 in pool)", "key number 0"),
        ("Using key pool: CHAT (0 keys available)", "a pool of 0 keys"),
    ],
)
def test_impossible_numbers_are_malformed(message: str, reason: str) -> None:
    """A line that cannot be true is counted, not believed."""
    parsed = DEFAULT_RULES.parse(message)
    assert isinstance(parsed, Malformed)
    assert parsed.reason == reason
    assert (parsed.pick is not None) is message.startswith("Using GOOGLE_KEY")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("🔑 Using GOOGLE_AI_STUDIO_KEY_CHAT key #1 of 2\n", Parsed("pick", position=1, size=2, pool="CHAT")),
        ("🔑 Using GOOGLE_KEY_1 (key 1 of 4 in pool)", Parsed("pick", key=1, position=1, size=4)),
        ("booted (time: 31ms)", Parsed("boot", duration_ms=31.0)),
        ("shutdown", Parsed("shutdown")),
        ("Listening on http://localhost:9999/\n", Parsed("listening")),
        ("serving the request with supabase/functions/chat", Parsed("invocation", function="chat")),
        (
            "POST | 429 | https://abcdefghijklmnopqrst.supabase.co/functions/v1/generate-image",
            Parsed("invocation", function="generate-image", status=429),
        ),
        ("[r-1] Rate limited (429). Retry 1/3 after 1000ms", Parsed("retry", status=429, retry_after_s=1.0)),
        ("[r-1] Max retries exceeded (status: 429)", Parsed("retry", status=429)),
        ("🔴 Google AI Studio error: 503 {", Parsed("warning", status=503, cause="overloaded")),
        ("🔴 Google AI Studio error: 504 {", Parsed("warning", status=504, cause="failed-call")),
        ("🔴 Google AI Studio error: 502 {", Parsed("warning", status=502, cause="failed-call")),
        ("Google AI Studio error: 403 {", Parsed("warning", status=403, cause="failed-call")),
        ("[a1] Google AI Studio error: 429 {", Parsed("rejection", status=429, cause="unknown")),
        (
            "early termination has been triggered: isolate: d49cf7c6-0000-4000-8000-000000000001",
            Parsed("shutdown", isolate="d49cf7c6-0000-4000-8000-000000000001"),
        ),
    ],
)
def test_neighbouring_lines(message: str, expected: Parsed) -> None:
    """Life cycle, invocations, retries and errors come with their typed fields."""
    assert DEFAULT_RULES.parse(message) == expected


FAMILIES: dict[str, Callable[[int], str]] = {
    "emoji": lambda n: "🔑" * n + PICK,
    "blanks": lambda n: " " * n + PICK,
    "brackets": lambda n: "[a]" * (n // 3) + PICK,
    "levels": lambda n: "INFO|" * (n // 5) + PICK,
    "open colours": lambda n: "\x1b[" * (n // 2),
    "escapes": lambda n: "\\ud83d" * (n // 6),
    "tail": lambda n: PICK + " " * n + "x",
    "error names": lambda n: "Error: " * (n // 7),
    "dots": lambda n: "a." * (n // 2) + "Error",
    "quotes": lambda n: "Google AI Studio error: 429 " + '\\"' * (n // 2),
    "quota ids": lambda n: "Google AI Studio error: 429 " + '"quotaId": "' * (n // 12),
    "metrics": lambda n: "Google AI Studio error: 429 " + "Quota exceeded for metric: a/" * (n // 29),
    "delays": lambda n: "Google AI Studio error: 429 " + "retry in 1h" * (n // 11),
    "violations": lambda n: "Google AI Studio error: 429 " + '"quotaId": "a", ' * (n // 16),
    "json error": lambda n: '{"error":{' + '"a":1,' * (n // 6),
    "address": lambda n: "POST | 200 | https://" + "a" * n,
    "sdk address": lambda n: "[GoogleGenerativeAI Error]: Error fetching from https://" + "a" * n,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_time_is_linear_in_the_length_of_a_message(family: str) -> None:
    """Twice the length takes about twice the time, and a hundred thousand characters take no time."""

    def seconds(message: str) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            DEFAULT_RULES.parse(message)
            times.append(time.process_time() - began)
        return statistics.median(times)

    once, twice = (seconds(FAMILIES[family](n)) for n in (100_000, 200_000))
    assert twice < 0.5
    assert twice <= 4 * once + 0.002
