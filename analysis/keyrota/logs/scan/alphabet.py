"""What each byte can be at the start of a message: one look-up refuses most of them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

# How a message is written down where it stands.
RAW: Final = 0  # as it is: a line of text, an unquoted cell
JSON: Final = 1  # inside a JSON string, which ends at a quote without a backslash before it
QUOTED: Final = 2  # inside a quoted cell of CSV, which ends at a single quote

NOTHING: Final = -1
"""The message is no event."""

UNSURE: Final = -2
"""The general decoder is to say what the record is."""

LF: Final = 10
CR: Final = 13
ESCAPE: Final = 27
BLANK: Final = 32
QUOTE: Final = 34
COMMA: Final = 44
COLON: Final = 58
BACKSLASH: Final = 92


def table(characters: str, *others: int) -> Any:
    """Return 256 flags, set for ASCII characters and for other bytes."""
    flags = np.zeros(256, dtype=np.bool_)
    flags[[ord(character) for character in characters]] = True
    flags[list(others)] = True
    return flags


LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS: Final = "0123456789"

WORD: Final = table(LETTERS + DIGITS + "_.")
"""What the name of an error, a level or a logger is made of."""

SLUG: Final = table(LETTERS + DIGITS + "_-")
BRACKETED: Final = table(LETTERS + DIGITS + "_.:#-")
SERVICE: Final = table(LETTERS + DIGITS + "_.-")
POOL: Final = table(LETTERS + DIGITS + "_.- ")
ADDRESS: Final = table(LETTERS + DIGITS + "_.[]:-")
IDENTIFIER: Final = table(LETTERS + DIGITS + "_.:-")
HEXADECIMAL: Final = table(DIGITS + "abcdefABCDEF")

WHITE: Final = table("", 9, 10, 11, 12, 13, 28, 29, 30, 31, 32)
"""ASCII characters that a pattern's ``\\s`` takes."""

DECORATION: Final = table("?", *range(33), *range(127, 256))
"""Bytes before the words of a message: blanks, controls, whatever an emoji became."""
