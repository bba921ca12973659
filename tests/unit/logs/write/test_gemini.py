"""The provider's 429 bodies."""

import json

import pytest

from keyrota import errors
from keyrota.logs.write import error_message, go_duration, overloaded_body, quota_error_body

MODEL = "gemini-2.5-pro"


def details(body: str) -> dict[str, dict]:
    """Return the details by the last part of their type, in order."""
    return {d["@type"].rsplit(".", 1)[1]: d for d in json.loads(body)["error"]["details"]}


@pytest.mark.parametrize("generation", ["A", "B", "C", "D"])
def test_body_is_pretty_printed_json_that_ends_in_a_newline(generation: str) -> None:
    """Every generation is indented by two and brings its own newline."""
    body = quota_error_body("per-minute", 2, MODEL, 36.7, generation)
    assert body == json.dumps(json.loads(body), indent=2) + "\n"
    assert json.loads(body)["error"]["code"] == 429
    assert json.loads(body)["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_order_of_details_tells_the_generation() -> None:
    """Generation A names the failure first, B and C the help page."""
    assert list(details(quota_error_body("per-day", 50, MODEL, 5, "A"))) == [
        "QuotaFailure",
        "Help",
        "RetryInfo",
    ]
    for generation in ("B", "C"):
        assert list(details(quota_error_body("per-day", 50, MODEL, 5, generation))) == [
            "Help",
            "QuotaFailure",
            "RetryInfo",
        ]


def test_message_lists_every_violation_and_then_the_wait() -> None:
    """In B and C each violation is a line, the wait the last one; in A neither is there."""
    many = {"also": [("per-minute", 2), ("tokens-per-minute", 125000)]}
    message = json.loads(quota_error_body("per-day", 50, MODEL, 36.729760048, "C", **many))["error"][
        "message"
    ]
    assert [line.partition(", ")[2] for line in message.split("\n")[1:4]] == [
        "limit: 50, model: gemini-2.5-pro",
        "limit: 2, model: gemini-2.5-pro",
        "limit: 125000, model: gemini-2.5-pro",
    ]
    assert message.split("\n")[-1] == "Please retry in 36.729760048s."
    assert "https://ai.dev/rate-limit." in message
    assert "\n" not in json.loads(quota_error_body("per-day", 50, MODEL, 5, "A"))["error"]["message"]


def test_only_the_quota_id_tells_minute_from_day() -> None:
    """Minute and day share the metric of the free tier."""
    (minute,) = details(quota_error_body("per-minute", 2, MODEL, 5))["QuotaFailure"]["violations"]
    (day,) = details(quota_error_body("per-day", 50, MODEL, 5))["QuotaFailure"]["violations"]
    assert minute["quotaMetric"] == day["quotaMetric"]
    assert minute["quotaId"] == "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
    assert day["quotaId"] == "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    assert (minute["quotaValue"], day["quotaValue"]) == ("2", "50")


def test_a_limit_of_zero_has_no_value_in_the_details() -> None:
    """A model without quota is named in the message only."""
    body = quota_error_body("no-quota", 0, "gemini-2.5-flash-preview-image", 41.5)
    (violation,) = details(body)["QuotaFailure"]["violations"]
    assert "quotaValue" not in violation
    assert ", limit: 0, model: gemini-2.5-flash-preview-image\n" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("generation", ["A", "B", "C"])
def test_a_body_may_name_no_model(generation: str) -> None:
    """Without a model neither the dimensions nor the message speak of one."""
    body = quota_error_body("per-minute", 2, None, 5, generation, also=[("per-day", 50)])
    for violation in details(body)["QuotaFailure"]["violations"]:
        assert violation["quotaDimensions"] == {"location": "global"}
    assert "model" not in json.loads(body)["error"]["message"]


def test_the_delay_of_the_details_is_whole_seconds() -> None:
    """retryDelay is a protobuf duration; without a delay there is none."""
    assert details(quota_error_body("per-minute", 2, MODEL, 36.7))["RetryInfo"]["retryDelay"] == "36s"
    assert "RetryInfo" not in details(quota_error_body("per-minute", 2, MODEL, None))


def test_streamed_call_wraps_the_body_in_an_array() -> None:
    """Without alt=sse the body is an array of one."""
    (first,) = json.loads(quota_error_body("per-minute", 2, MODEL, 1, array=True))
    assert first["error"]["code"] == 429


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.361532506, "361.532506ms"),
        (59.9999999994, "59.999999999s"),
        (60, "1m0s"),
        (3600, "1h0m0s"),
    ],
)
def test_durations_are_go_durations(seconds: float, text: str) -> None:
    """Units as the provider's messages print them."""
    assert go_duration(seconds) == text


def test_unknown_generation_and_cause_are_refused() -> None:
    """A typing error does not become a log that means nothing."""
    with pytest.raises(errors.ConfigurationError, match='"E"'):
        quota_error_body("per-minute", 2, MODEL, 5, "E")
    with pytest.raises(errors.ConfigurationError, match="tokens-per-minute"):
        quota_error_body("per-hour", 2, MODEL, 5)


def test_whole_body_in_an_error_line_ends_in_two_newlines() -> None:
    """The body's own newline and the console's."""
    line = error_message(503, overloaded_body())
    assert line.endswith("}\n\n")
    assert not line.endswith("\n\n\n")
