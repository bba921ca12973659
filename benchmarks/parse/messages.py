"""What the messages of a benchmark's log say: the events of isolates' lives, and everything else.

The events are the messages of `keyrota.logs.write`, with emoji in every state in which they reach a user.
Everything else is there to be told apart: users who quote such lines, 429 as a plain number, shutdowns that
are none, stack traces, answers in several languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from keyrota.logs.write import messages as said
from keyrota.logs.write.damage import mojibake
from keyrota.logs.write.gemini import quota_error_body

POOLS: Final = {"CHAT": (1, 2), "FIX": (3, 4, 5, 6), "IMAGE": (7, 8, 9, 10)}
FUNCTIONS: Final = ("chat", "generate-artifact-fix", "generate-image")
MODELS: Final = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-image")

_EMOJI_AS: Final = (
    ("mojibake", 0.02), ("escape", 0.03), ("colour", 0.02), ("lost", 0.01),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One message, and what a reader should find in it: nothing, or an event of a kind with its numbers.

    `life` numbers the isolate. `level` and `fields` are the row's, for the shapes that carry them.
    """

    message: str
    life: int
    function: int
    kind: str = ""
    level: str = "info"
    numbers: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def lives(rng: np.random.Generator, *, local: bool, invocations: bool) -> Iterator[Said]:
    """Yield the events of one isolate after the other, without end.

    Parameters
    ----------
    rng
        The source of every choice.
    local
        Whether half of the shutdowns are told by the runtime's supervisor, with ``{isolate}`` for its id.
    invocations
        Whether the log tells the requests themselves.
    """
    life = 0
    while True:
        function = int(rng.integers(3))
        pool, keys = list(POOLS.items())[function]
        position = int(rng.integers(len(keys)))
        boot_ms = int(rng.integers(29, 160))
        row = {"event_type": "Boot", "boot_ms": boot_ms}
        yield Said(
            said.boot_message(boot_ms), life, function, "boot", "log", {"duration_ms": boot_ms}, fields=row
        )
        if rng.random() < 0.7:
            yield Said(said.LISTENING, life, function, "listening")
        for _ in range(int(rng.geometric(0.3))):
            for spoken in _request(rng, life, function, pool, keys, position, local, invocations):
                position += spoken.kind == "pick"
                yield spoken
        yield _shutdown(rng, life, function, local)
        life += 1


def _request(
    rng: np.random.Generator, life: int, function: int, pool: str, keys: tuple[int, ...], position: int,
    local: bool, invocations: bool,
) -> Iterator[Said]:  # fmt: skip
    size = len(keys)
    if invocations and local and rng.random() < 0.06:
        text = f"serving the request with supabase/functions/{FUNCTIONS[function]}\n"
        yield Said(text, life, function, "invocation")
    yield _pick(rng, life, function, keys, position)
    if rng.random() < 0.3:
        text = _worn(rng, said.pool_message(pool, size))
        yield Said(text, life, function, "pool", numbers={"size": size})
    request_id = f"{int(rng.integers(1 << 32)):08x}"
    status = 200
    if rng.random() < 0.02:
        status = 429
        yield _rejection(rng, life, function, request_id)
        yield _retry(life, function, request_id, status)
        yield _pick(rng, life, function, keys, position + 1)
    elif rng.random() < 0.04:
        yield _retry(life, function, request_id, 503)
    if invocations and not local and rng.random() < 0.06:
        text = said.invocation_message("POST", status, FUNCTIONS[function])
        row = {"kind_of_row": "invocation", "status": status, "duration_ms": int(rng.integers(200, 9000))}
        yield Said(text, life, function, "invocation", numbers={"status": status}, fields=row)


def _pick(rng: np.random.Generator, life: int, function: int, keys: tuple[int, ...], position: int) -> Said:
    at = position % len(keys)
    numbers = {"key": keys[at], "position": at + 1, "size": len(keys)}
    text = _worn(rng, said.pick_message(keys[at], at + 1, len(keys)))
    return Said(text, life, function, "pick", numbers=numbers)


def _retry(life: int, function: int, request_id: str, status: int) -> Said:
    text = said.retry_message(request_id, 1, 3, 1000, status)
    return Said(text, life, function, "retry", numbers={"status": status, "retry_after_s": 1.0})


def _shutdown(rng: np.random.Generator, life: int, function: int, local: bool) -> Said:
    if local and rng.random() < 0.5:
        return Said("early termination has been triggered: isolate: {isolate}\n", life, function, "shutdown")
    row = {"event_type": "Shutdown", "reason": "EarlyDrop", "cpu_ms": int(rng.integers(20, 900))}
    return Said(said.shutdown_message(), life, function, "shutdown", "log", cause="EarlyDrop", fields=row)


def _rejection(rng: np.random.Generator, life: int, function: int, request_id: str) -> Said:
    is_day = rng.random() < 0.3
    limit, cause = (250, "per-day") if is_day else (10, "per-minute")
    delay = int(rng.integers(1, 60))
    body = quota_error_body(cause, limit, MODELS[function], float(delay), "C" if rng.random() < 0.5 else "B")
    text = said.error_message(429, body, emoji=function == 0)
    if function == 0:
        text = _worn(rng, text.replace(": 429 ", ": \x1b[33m429\x1b[39m ") if rng.random() < 0.05 else text)
    else:
        text = f"[{request_id}] {text}"
    numbers = {"status": 429, "limit": limit, "retry_after_s": float(delay)}
    return Said(text, life, function, "rejection", "error", numbers, cause)


def _worn(rng: np.random.Generator, text: str) -> str:
    """Return a message with its emoji in one of the states in which it reaches a user."""
    emoji, rest = text[0], text[1:]
    draw = rng.random()
    for state, share in _EMOJI_AS:
        if draw < share:
            return {
                "mojibake": mojibake(emoji.encode()).decode(),
                "escape": "".join(
                    f"\\u{unit:04x}" for unit in np.frombuffer(emoji.encode("utf-16-le"), "<u2").tolist()
                ),
                "colour": f"\x1b[36m{emoji}\x1b[0m",
                "lost": "??",
            }[state] + rest
        draw -= share
    return text


def _uuid(rng: np.random.Generator) -> str:
    digits = rng.bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


_SENTENCES: Final = (
    "Here is a short plan for the trip, with trains, museums and two evenings that are free. ",
    "Die Schlüssel wechseln reihum, und jeder hat sein eigenes Kontingent für den Tag. ",
    "La réponse est prête ✅ : trois étapes, une liste, et un résumé à la fin. ",
    "次の手順に従ってください。まず設定を確認し、それから再起動します。",
    'She said "keep the pool small", and nobody disagreed; the rest was a matter of taste. ',
    "In the table below, column A holds the totals, column B the shares, column C the dates. ",
    "To reset the counter, deploy the function again, or wait until midnight Pacific time. ",
)
_TRACE: Final = (
    "TypeError: Cannot read properties of undefined (reading 'parts')\n"
    "    at extractText (file:///src/functions/_shared/gemini.ts:{a}:17)\n"
    "    at async handleStream (file:///src/functions/chat/index.ts:{b}:24)\n"
    "    at async Server.<anonymous> (https://deno.land/std@0.168.0/http/server.ts:{c}:18)\n"
)


def _answer(rng: np.random.Generator) -> str:
    count = int(rng.integers(2, 8))
    return "Model answer: " + "".join(_SENTENCES[i] for i in rng.integers(len(_SENTENCES), size=count))


_NOISE: Final = (
    (10, "Processing chat message for session {u}, history of {n} messages, {m} tokens so far"),
    (8, "Starting chat stream for session: {u}"),
    (6, "Checking for API key..."),
    (6, "✅ API key found, length: 39"),
    (5, "🔀 Routing to: generate-artifact (Pro model), reason: {n} lines of code asked for"),
    (4, "Image generation request detected"),
    (0.6, 'User message: "what is 🔑 Using GOOGLE_KEY_{k} (position 1/4 in pool) for, and why error 429?"'),
    (0.3, '"Using GOOGLE_KEY_{k} (position 1/4 in pool)" is what my log says, booted (time: 31ms) too'),
    (3, "Using cached response for prompt {h} ({n} tokens, {m} ms saved)"),
    (0.8, "shutdown requested by operator {n}, draining {k} connections"),
    (0.8, "booted the worker pool in {n} ms, shutdown hooks registered"),
    (5, "Processed 429 items in {n}ms, queue is empty"),
    (8, "GET /rest/v1/messages?select=id,content&order=created_at.desc&limit=429 200 {n}ms"),
    (4, "\x1b[33mwarn\x1b[39m slow upstream: {n}ms (p95 {m}ms), retrying is not needed"),
    (10, "[{h}] Stream finished: {n} tokens, {k} chunks, {m} ms, model gemini-2.5-pro"),
    (5, '{{"usage":{{"promptTokenCount":{n},"candidatesTokenCount":{m}}},"modelVersion":"gemini-2.5-pro"}}'),
    (3, "wall clock duration warning: isolate: {u}"),
    (4, "    ...continued: {u}, {h}"),
    (3, _TRACE),
)  # fmt: skip


def noise(rng: np.random.Generator, *, long_share: float) -> Iterator[str]:
    """Yield messages that say nothing about keys, without end; `long_share` of them are long answers."""
    weights = np.array([weight for weight, _ in _NOISE])
    texts = [str(text) for _, text in _NOISE]
    while True:
        chosen = rng.choice(len(texts), size=4096, p=weights / weights.sum())
        is_long = rng.random(4096) < long_share
        numbers = rng.integers(1, 9000, size=(4096, 5)).tolist()
        for index, long, (n, m, a, b, c) in zip(chosen.tolist(), is_long.tolist(), numbers, strict=True):
            if long:
                yield _answer(rng) + "\n"
                continue
            text = texts[index]
            filled = text.format(
                n=n, m=m, a=a, b=b, c=c, k=n % 10 + 1, h=f"{n * m:08x}", u=_uuid(rng) if "{u}" in text else ""
            )
            yield filled.rstrip("\n") + "\n"
