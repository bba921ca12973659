"""What is read out of a Gemini error, in every generation and every spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrota.logs.gemini import DELAY, QuotaError, duration_s, parse_quota_error, parse_quota_errors
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.rules import Parsed
from keyrota.logs.write import error_message, quota_error_body

MODEL = "gemini-2.5-pro"
CAUSES = [("per-minute", 2), ("per-day", 50), ("tokens-per-minute", 125_000), ("no-quota", 0)]


def rejection(message: str) -> QuotaError:
    parsed = DEFAULT_RULES.parse(message)
    assert isinstance(parsed, Parsed)
    assert (parsed.kind, parsed.status) == ("rejection", 429)
    return QuotaError(parsed.cause or "", parsed.limit, parsed.model, parsed.retry_after_s)


@pytest.mark.parametrize("is_array", [False, True])
@pytest.mark.parametrize("tier", ["free", "paid"])
@pytest.mark.parametrize(("cause", "limit"), CAUSES)
@pytest.mark.parametrize("generation", ["A", "B", "C", "D"])
def test_every_generation(generation: str, cause: str, limit: int, tier: str, is_array: bool) -> None:
    """Cause, limit, model and delay are found wherever the generation states them."""
    body = quota_error_body(cause, limit, MODEL, 36.73, generation, tier=tier, array=is_array)  # type: ignore[arg-type]
    found = rejection(error_message(429, body, emoji=True))
    if generation == "D":
        assert found == QuotaError()
    elif generation == "A" and limit == 0:
        # Only the message of later generations tells a limit of 0.
        assert found == QuotaError("per-day", None, MODEL, 36.0)
    else:
        assert found == QuotaError(cause, limit, MODEL, 36.0 if generation == "A" else 36.73)


def spelled(body: str) -> dict[str, str]:
    value = json.loads(body)
    return {
        "pretty": body,
        "compact": json.dumps(value, separators=(",", ":")),
        "escaped once": json.dumps(body),
        "escaped twice": json.dumps(json.dumps(body)),
        "inside JSON": json.dumps({"error": {"message": body, "code": 429}}),
        "inside JSON inside JSON": json.dumps({"error": {"message": json.dumps({"error": body})}}),
        "python": repr(value),
        "csv": body.replace('"', '""'),
        "tabs": json.dumps(value, indent="\t"),
        "crlf": body.replace("\n", "\r\n"),
        "wide": body.replace('": ', '"  :  '),
    }


@pytest.mark.parametrize("spelling", spelled("{}"))
@pytest.mark.parametrize(("cause", "limit"), CAUSES)
def test_every_spelling(spelling: str, cause: str, limit: int) -> None:
    """Nothing depends on how often a body was escaped, or by whom."""
    text = spelled(quota_error_body(cause, limit, MODEL, 36.73, "C"))[spelling]  # type: ignore[arg-type]
    assert rejection("Google AI Studio error: 429 " + text) == QuotaError(cause, limit, MODEL, 36.73)


@pytest.mark.parametrize(
    "wrapped",
    [
        "google.genai.errors.ClientError: 429 RESOURCE_EXHAUSTED. {python}",
        "ClientError: 429 RESOURCE_EXHAUSTED. {python}",
        "ApiError: {compact}",
        "Error: got status: RESOURCE_EXHAUSTED. {compact}",
        "[429 Too Many Requests] You exceeded your current quota {compact}",
        "GoogleGenerativeAIFetchError: [GoogleGenerativeAI Error]: Error fetching from https://generativelanguage."
        "googleapis.com/v1beta/models/gemini-2.5-pro:generateContent: [429 Too Many Requests] x {compact}",
        "[Error] 🔴 Google AI Studio error: \x1b[33m429\x1b[39m {compact}",
    ],
)
def test_wrappings_of_the_sdks(wrapped: str) -> None:
    """Each SDK's text around the body is known."""
    body = spelled(quota_error_body("per-day", 50, MODEL, 3.5))
    message = wrapped.format(python=body["python"], compact=body["compact"])
    assert rejection(message) == QuotaError("per-day", 50, MODEL, 3.5)


@pytest.mark.parametrize("length", [0, 1, 50, 200, 400, 500, 700, 10_000])
def test_cut_bodies(length: int) -> None:
    """A cut takes fields away and never makes up others."""
    body = quota_error_body("per-day", 50, MODEL, 36.73)
    found = rejection(error_message(429, body, "req-1", cut=length))
    full = rejection(error_message(429, body))
    assert found.cause in ("unknown", full.cause)
    assert found.limit in (None, 50)
    assert found.model in (None, MODEL)
    assert found.retry_after_s in (None, 36.73)
    if length == 200:
        assert found == QuotaError()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("36s", 36.0),
        ("36.729760048s", 36.729760048),
        ("361.532506ms", 0.361532506),
        ("1m5s", 65.0),
        ("1m0.5s", 60.5),
        ("9h37m19.9s", 34639.9),
        ("19h1m8.430387596s", 68468.430387596),
        ("65205s", 65205.0),
        ("0s", 0.0),
        ("2h", 7200.0),
        ("", None),
        ("s", None),
        ("36", None),
        ("later", None),
        ("-3s", None),
        ("1.2.3s", None),
        ("٣s", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    """Go's and protobuf's spellings, and nothing else."""
    assert duration_s(text) == (pytest.approx(seconds, abs=1e-12) if seconds is not None else None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please retry in 44.097740004s.", 44.097740004),
        ("Please retry in 361.532506ms.", 0.361532506),
        ("Please retry in 19h1m8.43s.", 68468.43),
        ('"retryDelay": "45.837906927s"', 45.837906927),
        ("'retryDelay': '36s'", 36.0),
        ('\\"retryDelay\\":\\"65205s\\"', 65205.0),
        ("retry_delay {\n  seconds: 47\n}", 47.0),
        ("Please retry in 44.09", None),
        ("Please retry later.", None),
    ],
)
def test_delays(text: str, seconds: float | None) -> None:
    """Message, details and protobuf print state the delay in their own ways."""
    expected = None if seconds is None else pytest.approx(seconds, rel=1e-12)
    assert parse_quota_error(text).retry_after_s == expected


def test_the_most_lasting_of_several_violations_counts() -> None:
    """A day outlasts a minute, no quota outlasts all; order does not matter."""
    pairs = [("per-minute", 2), ("tokens-per-minute", 125_000), ("per-day", 50), ("no-quota", 0)]
    for worst in range(1, len(pairs)):
        chosen = pairs[: worst + 1]
        for turned in (chosen, chosen[::-1]):
            body = quota_error_body(*turned[0], MODEL, 5.0, "C", also=turned[1:])  # type: ignore[arg-type]
            assert parse_quota_error(body)[:2] == pairs[worst]


def test_limit_zero_is_no_quota_however_it_is_said() -> None:
    """The details leave the value out; only the message tells it."""
    assert parse_quota_error("* Quota exceeded for metric: g.com/m, limit: 0, model: x").cause == "no-quota"
    assert parse_quota_error('"quotaId": "GenerateRequestsPerDay", "quotaValue": "0"')[:2] == ("no-quota", 0)
    assert parse_quota_error('"quotaId": "GenerateRequestsPerDay"')[:2] == ("per-day", None)


def test_message_alone_tells_limit_and_model() -> None:
    """Without details a metric of requests may be a minute's or a day's; one of tokens is a minute's."""
    line = "* Quota exceeded for metric: g.googleapis.com/{}, limit: 20, model: gemini-2.5-flash"
    requests = parse_quota_error(line.format("generate_content_free_tier_requests"))
    tokens = parse_quota_error(line.format("generate_content_free_tier_input_token_count"))
    assert requests == QuotaError("unknown", 20, "gemini-2.5-flash", None)
    assert tokens.cause == "tokens-per-minute"


def test_hidden_dimensions_give_no_model() -> None:
    """A logger that cuts depth writes a placeholder, which is no model."""
    for placeholder in ('"[MaxDepth]"', "[Object]", "{}"):
        assert parse_quota_error(f'"quotaDimensions": {placeholder}').model is None


PIECES = [
    "limit: 0, model: x. ", "limit: 2, model: gemini-2.5-pro\n", "* Quota exceeded for metric: a/b_token, ",
    '"quotaId": "GenerateRequestsPerDay", ', '"quotaId": "PerMinuteToken", ', '"quotaValue": "50", ',
    '"quotaValue": "', "Please retry in 5s.", "retry in 1m5s", "retry in 361.5ms", '"retryDelay": "36s"',
    '"retryDelay": "', "5s", "7.25s", '", ', "retry_delay { seconds: 9 }", "retry_delay { seconds: ",
    '"model": "pro"', "\n",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=6), st.integers(0, 59))
def test_many_errors_say_what_each_says(texts: list[str], second: int) -> None:
    """Also of errors that differ in nothing but their delays, whatever stands around these."""
    again = [DELAY.sub(lambda match: match[0].replace(match[1], f"{second}.5s"), text) for text in texts]
    every = [*texts, *again, *texts]
    assert list(parse_quota_errors(every)) == [parse_quota_error(text) for text in every]
