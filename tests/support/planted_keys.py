"""Ten thousand API keys, texts that hold one, and how a part of one is found."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

import numpy as np

RNG = np.random.default_rng(11)
ALPHABET = np.array(list(string.ascii_letters + string.digits + "_-"))
BODIES = ["".join(row) for row in RNG.choice(ALPHABET, (10_000, 35))]
KEYS = [f"AIza{body}" for body in BODIES]
KNOWN = frozenset(part for body in BODIES for part in (body[2:14], body[12:24], body[23:35]))
"""Three parts of each key, a dozen characters each: one of them in an output is a leak."""

PICK = "🔑 Using GOOGLE_KEY_{n} (position {n}/2 in pool)"
FORMS: tuple[Callable[[str], str], ...] = (
    lambda key: f"prompt of a user: my key is {key}, keep it",
    lambda key: f"POST | 200 | https://x.supabase.co/functions/v1/chat?key={key}&alt=sse",
    lambda key: f'❌ Gemini API error: 429 {{"error":{{"code":429,"message":"Quota exceeded for {key}"}}}}',
    lambda key: f"Error: fetch failed for https://generativelanguage.googleapis.com/v1/models?key={key}",
    lambda key: f"🔑 Using {key} (position 1/2 in pool)",
    lambda key: f"🔑 Using GOOGLE_KEY_1 (position 1/2 in pool) {key}",
    lambda key: f"[{key}] pool: {key} has 2 keys available",
    lambda key: f"Authorization: Bearer {key}",
    lambda key: f"x-goog-api-key: {key}",
    lambda key: f"429 model {key} limit: 2, GenerateRequestsPerMinutePerProjectPerModel-FreeTier {key}",
    lambda key: f"boot {key} \x1b[31m{key}\x1b[0m",
    lambda key: f"{key[:20]}\x00{key[20:]} and {key[:9]}\u200b{key[9:]}",
)


def leaks(text: str) -> list[str]:
    """Parts of keys in a text, and runs of eight characters behind a key's beginning."""
    found = [text[at : at + 12] for at in range(len(text) - 11) if text[at : at + 12] in KNOWN]
    return found + re.findall("AIza[0-9A-Za-z_-]{8,}", text)
