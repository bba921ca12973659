"""The grammar of messages: a table of rules, each with a pattern, typed fields and samples.

The lines are those of the three generations of the key pool's client (2025), of the Edge Function
runtime, of Gemini's errors as that client and the SDKs print them, and of the invocation log.
"""

from __future__ import annotations

import re
from typing import Any, Final

from keyrota.logs.gemini import parse_quota_error
from keyrota.logs.rules import Rule, RuleTable
from keyrota.pools.declared import UUID


def _error_detail(text: str, values: dict[str, Any]) -> None:
    """Read the quota of a 429; any other status is a call that failed."""
    status = values["status"]
    if status == 429:
        values.update(parse_quota_error(text)._asdict())
    else:
        values["kind"] = "warning"
        values["cause"] = "overloaded" if status == 503 else "failed-call"


_N = r"[0-9]{1,6}"
_NAME = r"[A-Za-z0-9_]{1,64}"
# As a pool may be declared: dots, hyphens and blanks too.
_POOL = r"[A-Za-z0-9_.-](?:[A-Za-z0-9_. -]{0,62}[A-Za-z0-9_.-])?"
_SLUG = r"[A-Za-z0-9_-]{1,64}"
# `ClientError: `, `google.genai.errors.ClientError: `, or nothing.
_ERROR_NAME = r"(?:[A-Za-z0-9_.]{0,80}(?:Error|Exception|Exhausted|Requests): ?){0,2}"
# After a pick: the end, a colour, the quote of logfmt, or a remark (`# Chat`), not somebody's sentence.
_END = r"(?=\s*+(?:\x1b\[|\\[nr]|[\n#\ufffd]|//|\"(?: [a-z_]{1,40}=|\s*+$)|$))"


def _rule(name: str, kind: str, pattern: str, initials: str, **rest: Any) -> Rule:
    return Rule(name=name, kind=kind, pattern=re.compile(pattern), initials=initials, **rest)


GRAMMAR: Final = (
    _rule(
        "pick",
        "pick",
        rf"Using GOOGLE_KEY_(?P<key>{_N}) \(position (?P<position>{_N})/(?P<size>{_N}) in pool\){_END}",
        "U",
        matches=(
            "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)",
            "ðŸ”‘ Using GOOGLE_KEY_1 (position 1/2 in pool)  # Chat",
            "\x1b[36m🔑\x1b[0m Using GOOGLE_KEY_10 (position 4/4 in pool)\n",
            "[Info] ?? Using GOOGLE_KEY_7 (position 1/4 in pool)\r",
            "\\ud83d\\udd11 Using GOOGLE_KEY_7 (position 1/4 in pool)",
            "≡ƒöæ Using GOOGLE_KEY_2 (position 2/2 in pool)",
        ),
        rejects=(
            'prompt: "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)"',
            "Using GOOGLE_KEY_3 (position 1/4 in pool) is what my log says, why?",
            "Using GOOGLE_KEY_٣ (position ١/٤ in pool)",
            "Using GOOGLE_KEY_3 (position 1/4",
        ),
    ),
    _rule(
        "pick-numbered",
        "pick",
        rf"Using GOOGLE_AI_STUDIO_KEY(?:_(?P<pool>{_NAME}))? key #(?P<position>{_N}) of (?P<size>{_N}){_END}",
        "U",
        matches=(
            "🔑 Using GOOGLE_AI_STUDIO_KEY_CHAT key #1 of 2",
            "Using GOOGLE_AI_STUDIO_KEY key #2 of 6\n",
        ),
        rejects=("Using GOOGLE_AI_STUDIO_KEY_CHAT key #1", "Using another key #1 of 2"),
    ),
    _rule(
        "pick-key-of",
        "pick",
        rf"Using GOOGLE_KEY_(?P<key>{_N}) \(key (?P<position>{_N}) of (?P<size>{_N}) in pool\){_END}",
        "U",
        matches=("🔑 Using GOOGLE_KEY_1 (key 1 of 4 in pool)",),
        rejects=("Using GOOGLE_KEY_1 (key one of 4 in pool)",),
    ),
    _rule(
        "pool",
        "pool",
        rf"Using key pool: (?P<pool>{_POOL}) \((?P<size>{_N}) keys available\)",
        "U",
        matches=(
            "🔑 Using key pool: CHAT (2 keys available)",
            "Using key pool: KEY (1 keys available)\n",
            "Using key pool: chat-2.5 west (1 keys available)",
        ),
        rejects=("Using key pool: CHAT", "Our key pool: CHAT (2 keys available)"),
    ),
    _rule(
        "invalid-key-format",
        "warning",
        rf"Invalid API key format detected in (?P<pool>{_POOL}) pool\.",
        "I",
        constants={"cause": "invalid-key-format"},
        matches=(
            "⚠️ Invalid API key format detected in CHAT pool. Expected format: AIzaSy... (39 characters). "
            "Check your secrets configuration.",
        ),
        rejects=("Invalid API key",),
    ),
    _rule(
        "invalid-key-format-old",
        "warning",
        rf"GOOGLE_AI_STUDIO_KEY(?:_(?P<pool>{_NAME}?))?(?: key #(?P<position>{_N}))?"
        r" may be invalid\. Expected format",
        "G",
        constants={"cause": "invalid-key-format"},
        matches=(
            "⚠️ GOOGLE_AI_STUDIO_KEY_CHAT may be invalid. Expected format: AIzaSy... (39 characters)",
            "âš\xa0ï¸\x8f GOOGLE_AI_STUDIO_KEY_IMAGE key #2 may be invalid. Expected format: ...",
        ),
        rejects=("GOOGLE_AI_STUDIO_KEY_CHAT not configured.",),
    ),
    _rule(
        "boot",
        "boot",
        r"booted \(time: (?P<duration_ms>[0-9]{1,9})ms\)\s*$",
        "b",
        matches=("booted (time: 31ms)", "booted (time: 40000ms)\n"),
        rejects=("booted", "booted (time: 31ms) said the user"),
    ),
    _rule(
        "shutdown",
        "shutdown",
        r"shutdown(?: \(reason: [A-Za-z ]{1,40}\))?\s*$",
        "s",
        matches=("shutdown", "shutdown (reason: CPU time limit reached)"),
        rejects=("shutdown, later", "shutdown requested by user"),
    ),
    _rule(
        "supervisor",
        "shutdown",
        r"(?:wall clock dura(?:tion|iton) reached|early termination has been triggered"
        r"|CPU time hard limit reached|memory limit reached for the worker)"
        rf"[:.] isolate: (?P<isolate>{UUID})",
        "weCm",
        matches=(
            "early termination has been triggered: isolate: d49cf7c6-0000-4000-8000-000000000001",
            "wall clock duration reached: isolate: d49cf7c6-0000-4000-8000-000000000001 "
            "(in_flight_req_exists = false)",
        ),
        rejects=("wall clock duration warning: isolate: d49cf7c6-0000-4000-8000-000000000001",),
    ),
    _rule(
        "listening",
        "listening",
        r"Listening on https?://[\w.\[\]:-]{1,80}/?\s*$",
        "L",
        matches=("Listening on http://localhost:9999/\n", "[Info] Listening on http://localhost:9999/"),
        rejects=("Listening on the radio",),
    ),
    _rule(
        "serving",
        "invocation",
        rf"serving the request with (?:\S{{0,80}}/)?functions/(?P<function>{_SLUG})(?=\s|\\n|$)",
        "s",
        matches=(
            "serving the request with supabase/functions/chat",
            "serving the request with /home/deno/functions/chat\\n",
        ),
        rejects=("serving the request with a smile",),
    ),
    _rule(
        "invocation",
        "invocation",
        r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \| (?P<status>[0-9]{3}) \| "
        rf"https?://[^\s/]{{1,200}}/functions/v1/(?P<function>{_SLUG})",
        "GPDHO",
        matches=("POST | 429 | https://abcdefghijklmnopqrst.supabase.co/functions/v1/chat",),
        rejects=("POST | 200 | https://abcdefghijklmnopqrst.supabase.co/rest/v1/messages",),
    ),
    _rule(
        "retry",
        "retry",
        r"(?:Rate limited|Service overloaded) \((?P<status>[0-9]{3})\)\. "
        rf"Retry {_N}/{_N} after (?P<ms>[0-9]{{1,9}})ms",
        "RS",
        matches=(
            "[req-1] Rate limited (429). Retry 1/3 after 1000ms",
            "Service overloaded (503). Retry 2/3 after 2000ms",
        ),
        rejects=("Rate limited",),
    ),
    _rule(
        "max-retries",
        "retry",
        r"Max retries exceeded \(status: (?P<status>[0-9]{3})\)",
        "M",
        matches=("[req-1] Max retries exceeded (status: 429)",),
        rejects=("Max retries exceeded",),
    ),
    _rule(
        "provider-error",
        "rejection",
        r"Google AI Studio error:\s?(?:\x1b\[[0-9;]{0,16}m)?(?P<status>[0-9]{3})(?![0-9])",
        "G",
        detail=_error_detail,
        matches=(
            '🔴 Google AI Studio error: 429 {\n  "error": {\n    "code": 429',
            "[0d67aaaa] Google AI Studio error: 503 The model is overloaded",
            "🔴 Google AI Studio error: \x1b[33m429\x1b[39m {",
        ),
        rejects=("Google AI Studio error: unknown", "What is a Google AI Studio error: 429?"),
    ),
    _rule(
        "sdk-error-bracketed",
        "rejection",
        rf"{_ERROR_NAME}(?:\[GoogleGenerativeAI Error\]: ?)?(?:Error fetching from https?://\S{{1,300}}: ?)?"
        r"\[(?P<status>429|503) (?:Too Many Requests|Service Unavailable)\]",
        "",
        detail=_error_detail,
        matches=(
            "[429 Too Many Requests] You exceeded your current quota",
            "GoogleGenerativeAIFetchError: [GoogleGenerativeAI Error]: Error fetching from "
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent: "
            "[429 Too Many Requests] You exceeded your current quota",
        ),
        rejects=("429", "Error: something else", "what does [429 Too Many Requests] mean?"),
    ),
    _rule(
        "sdk-error-status",
        "rejection",
        rf"{_ERROR_NAME}(?P<status>429|503) (?:RESOURCE_EXHAUSTED|UNAVAILABLE)\b",
        "",
        detail=_error_detail,
        matches=("google.genai.errors.ClientError: 429 RESOURCE_EXHAUSTED. {'error': {'code': 429}}",),
        rejects=("the 429 RESOURCE_EXHAUSTED error is back", "ValueError: 429"),
    ),
    _rule(
        "sdk-error-json",
        "rejection",
        rf"{_ERROR_NAME}(?:got status: [A-Z0-9_ ]{{1,40}}\.? ?)?"
        r"\{[\s\\\"']{1,16}error[\\\"']{1,8}: ?\{[^{}]{0,4000}?code[\\\"']{1,8}: ?(?P<status>429|503)",
        "",
        detail=_error_detail,
        matches=(
            'ApiError: {"error":{"code":429,"message":"You exceeded',
            'Error: got status: RESOURCE_EXHAUSTED. {"error":{"message":"x","code":429}}',
        ),
        rejects=('{"error": "429"}', 'my error: {"error":{"code":429}}'),
    ),
    _rule(
        "error-body-line",
        "fragment",
        r"(?:\"(?:quotaId|quotaValue|retryDelay|quotaDimensions|model)\"\s{0,8}:"
        r"|\* Quota exceeded for metric: "
        r"|Please retry in |\"message\"\s{0,8}:\s{0,8}\"(?:You exceeded|Resource has been exhausted))",
        '"*P',
        matches=(
            '        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",',
            '  "quotaValue": "2"',
            '"retryDelay": "36s"',
            "* Quota exceeded for metric: "
            "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 2",
        ),
        rejects=('"message": "hello"', "Please retry"),
    ),
)
"""Every rule, in the order in which they are tried."""


DEFAULT_RULES: Final = RuleTable(GRAMMAR)
