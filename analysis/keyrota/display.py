"""Text that is safe to show: secrets masked, control characters made visible.

Everything that a person or another program reads and that may carry bytes of a log, of a
configuration or of the command line passes through here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

# Google's API keys (`AIza...`, the newer `AQ.`), the common `sk-` form, and `key=` in URLs, whose
# prefixes change. Bounded below, not above: a key cut by a line limit is still a key, and so is one that
# an escape or a character that nobody sees divides.
_SECRET = re.compile(
    r"AIza(?:[0-9A-Za-z_\-*]|%[0-9A-Fa-f]{2}|\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]){3,}"
    r"|AQ\.[0-9A-Za-z_\-]{6,}|\bsk-[0-9A-Za-z_\-]{8,}"
    r"|(?i:(?<=[?&]key=)|(?<=api[-_]key=)|(?<=apikey=)|(?<=bearer ))[0-9A-Za-z_\-.%]{6,}"
)

MASKED = "[key] "
"""How the name of something begins whose own name is kept out of files: see `masked_name`."""

_MARKS = ("aiza", "aq.", "sk-", "key=", "bearer ")
"""Without one of these in small letters a text holds no secret: told sooner than by the pattern."""

# C0 but for nothing, DEL, C1, line separators, bidirectional controls, lone surrogates, BOM.
_UNSAFE = (
    *range(0x20), *range(0x7F, 0xA0), 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
    *range(0x2060, 0x206A), 0xFEFF, *range(0xD800, 0xE000),
)  # fmt: skip
_SPELLED = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSAFE}
_SPELLED_IN_JSON = {code: f"\\u{code:04x}" for code in _UNSAFE if code != ord("\n")}


def redact(text: str) -> str:
    """Mask everything in `text` that looks like an API key.

    Examples
    --------
    >>> redact("GET /v1?key=AIzaSyA1234567890 failed")
    'GET /v1?key=[key] failed'
    """
    small = text.lower()
    return _SECRET.sub("[key]", text) if any(mark in small for mark in _MARKS) else text


def redact_all(texts: Sequence[str]) -> list[str]:
    """Return `redact` of each text. Most often none holds a secret, which is told of all of them at once.

    Examples
    --------
    >>> redact_all(["e-1", "key=AIzaSyA1234567890"])
    ['e-1', 'key=[key]']
    """
    small = "\n".join(texts).lower()
    return [redact(text) for text in texts] if any(mark in small for mark in _MARKS) else list(texts)


def masked_name(name: str) -> str:
    """Return a name under which a file may keep something: a hash stands for one that no file may hold.

    That is a name with a secret in it, or a file's that is no UTF-8. Other than by `redact`, names that
    differ stay different.

    Examples
    --------
    >>> masked_name("logs/app.log")
    'logs/app.log'
    >>> masked_name("AIzaSyA1234567890.log")
    '[key] e8feb5e6ecd9ca88c4a9060423736245'
    """
    is_text = name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)
    if is_text and redact(name) == name:
        return name
    return f"{MASKED}{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def visible(text: str) -> str:
    r"""Return `text` without secrets and with every control character spelled out as ``\xNN``.

    Examples
    --------
    >>> visible("a\x1b[31mred")
    'a\\x1b[31mred'
    """
    return redact(text).translate(_SPELLED)


def visible_json(text: str) -> str:
    r"""Return JSON without secrets, and with what `visible` spells out in the escapes of JSON.

    The value that it stands for is the same, but for the secrets. Of C0 an encoder leaves none but the
    line ends of the layout.

    Examples
    --------
    >>> visible_json('{"a": "\u202e"}')
    '{"a": "\\u202e"}'
    """
    return redact(text).translate(_SPELLED_IN_JSON)


def shown(value: object, limit: int = 60) -> str:
    """Return a value as it stands in a message: quoted, safe, at most `limit` characters of it.

    Examples
    --------
    >>> shown("chat")
    '"chat"'
    >>> shown(-2)
    '-2'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # Redacted before it is cut: a cut key would no longer be recognised.
        text = visible(value)
        return f'"{text[:limit]}..."' if len(text) > limit else f'"{text}"'
    text = visible(str(value))
    return text if len(text) <= limit else text[:limit] + "..."


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "pick"), count(1200, "pick")
    ('1 pick', '1,200 picks')
    """
    noun = singular if number == 1 else plural or singular + "s"
    return f"{number:,} {noun}"


def span(seconds: float) -> str:
    """Return a span of time for a sentence, in the unit that fits.

    Examples
    --------
    >>> span(1), span(45), span(7200), span(200_000), span(35_000_000)
    ('1 second', '45 seconds', '2 hours', '2.3 days', '405 days')
    """
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return "1 second" if seconds == 1 else f"{_two_digits(seconds)} seconds"


def short_share(share: float) -> str:
    """Return a share in per cent, two digits of it.

    Examples
    --------
    >>> short_share(0.00844), short_share(0.0995), short_share(0.383), short_share(1.0)
    ('0.84 %', '10 %', '38 %', '100 %')
    """
    return f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %"


def sentence(text: str) -> str:
    """Return text that begins like a sentence.

    Examples
    --------
    >>> sentence("no pick"), sentence("")
    ('No pick', '')
    """
    return text[:1].upper() + text[1:]


def reason_of(error: OSError) -> str:
    """Return why the system refused, to stand inside a sentence.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    return (error.strerror or str(error)).lower()


def listed(items: list[str], limit: int = 6) -> str:
    """Join names for a sentence, the first `limit` of them.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(list("abcdefgh"), limit=3)
    ('a, b and c', 'a, b, c and 5 more')
    """
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _two_digits(number: float) -> str:
    return f"{number:.2g}" if number < 99.5 else f"{number:,.0f}"  # not 1e+02
