"""The messages match the texts that the application and its runtime print."""

import re

import pytest

from keyrota.logs import write


def test_every_console_message_ends_in_one_newline_of_the_console() -> None:
    """Console messages end in a newline; only a whole body adds its own."""
    messages = [
        write.LISTENING,
        write.pick_message(1, 1, 2),
        write.pick_message_numbered("CHAT", 1, 2),
        write.pick_message_intermediate(1, 1, 4),
        write.pool_message("CHAT", 2),
        write.retry_message("id", 1, 3, 1000),
        write.max_retries_message("id"),
        write.invalid_format_message("CHAT"),
        write.invalid_format_message_numbered("CHAT", 1),
        write.headers_message(0),
        write.error_message(429, "x" * 300, "id", cut=200),
    ]
    assert all(re.fullmatch(r"[^\n]+\n", message) for message in messages)


def test_messages_of_the_runtime_have_no_newline() -> None:
    """Boot, shutdown and invocation messages are one line without an end."""
    for message in (
        write.boot_message(31),
        write.shutdown_message(),
        write.shutdown_message("CPU time limit reached"),
        write.invocation_message("OPTIONS", 200, "chat"),
    ):
        assert "\n" not in message


def test_the_emoji_of_a_pick_is_the_key() -> None:
    """A pick line begins with the UTF-8 bytes F0 9F 94 91."""
    assert (
        write.pick_message(3, 1, 4).encode().startswith(b"\xf0\x9f\x94\x91 Using GOOGLE_KEY_3 (position 1/4")
    )


@pytest.mark.parametrize(
    ("message", "start"),
    [
        (write.error_message(429, "{}\n"), "🔴 Google AI Studio error: 429 {}\n\n"),
        (write.error_message(429, "{}\n", "ab"), "[ab] 🔴 Google AI Studio error: 429 {}\n\n"),
        (write.error_message(503, "{}\n", "ab", False), "[ab] Google AI Studio error: 503 {}\n\n"),
        (write.error_message(429, "abcdef", cut=3), "🔴 Google AI Studio error: 429 abc\n"),
    ],
)
def test_error_line_has_the_forms_of_each_function(message: str, start: str) -> None:
    """Emoji, request id and cut are each their own option."""
    assert message == start


def test_date_header_is_the_given_time_in_gmt() -> None:
    """The header line carries the provider's clock."""
    assert '"date":"Mon, 10 Nov 2025 12:00:02 GMT"' in write.headers_message(1_762_776_002_999_999_999)
