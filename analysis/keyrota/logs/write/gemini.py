"""The provider's error bodies, in the four generations seen in logs of 2025 and 2026.

The generations, by the time from which they are seen:

A. until October 2025: a fixed message, the limit only in the details.
B. from November 2025: the message lists each violated metric and the wait.
C. from January 2026: as B with another address.
D. any time: one sentence, no details; nothing says which limit was hit.

In all of them the wait is no evidence of the kind of limit: only ``quotaId`` is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import Any

Cause = Literal["per-minute", "per-day", "tokens-per-minute", "no-quota"]
Generation = Literal["A", "B", "C", "D"]

_TYPES: Final = "type.googleapis.com/google.rpc."
_LIMITS_PAGE: Final = "https://ai.google.dev/gemini-api/docs/rate-limits"
_EXCEEDED: Final = (
    "You exceeded your current quota, please check your plan and billing details. "
    f"For more information on this error, head to: {_LIMITS_PAGE}."
)
_USAGE_PAGES: Final = {"B": "https://ai.dev/usage?tab=rate-limit", "C": "https://ai.dev/rate-limit"}

# Tier and cause -> quotaId, last part of quotaMetric. Minute and day of the free tier share a metric.
_QUOTAS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "free": {
        "per-minute": (
            "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            "generate_content_free_tier_requests",
        ),
        "per-day": (
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
            "generate_content_free_tier_requests",
        ),
        "tokens-per-minute": (
            "GenerateContentInputTokensPerModelPerMinute-FreeTier",
            "generate_content_free_tier_input_token_count",
        ),
        # A model without a free tier violates its daily limit of 0.
        "no-quota": (
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
            "generate_content_free_tier_requests",
        ),
    },
    "paid": {
        "per-minute": ("GenerateRequestsPerMinutePerProjectPerModel", "generate_requests_per_model"),
        "per-day": ("GenerateRequestsPerDayPerProjectPerModel", "generate_requests_per_model_per_day"),
        "tokens-per-minute": (
            "GenerateContentPaidTierInputTokensPerModelPerMinute",
            "generate_content_paid_tier_input_token_count",
        ),
        "no-quota": ("GenerateRequestsPerDayPerProjectPerModel", "generate_requests_per_model_per_day"),
    },
}


def quota_error_body(
    cause: Cause,
    limit: int,
    model: str | None,
    delay_s: float | None,
    generation: Generation = "B",
    *,
    also: Sequence[tuple[Cause, int]] = (),
    tier: Literal["free", "paid"] = "free",
    model_in_message: bool = True,
    array: bool = False,
) -> str:
    r"""Return the body of a 429: JSON, indented by two, with a newline at its end.

    Parameters
    ----------
    cause
        The limit that was hit.
    limit
        Its value. 0 means that the model has no quota: then the body has no ``quotaValue``.
    model
        The model in the violation's dimensions; ``None`` for a body that names none.
    delay_s
        The wait that the body states, in seconds; ``None`` for a body without one.
    generation
        Which form, see the module's description. ``D`` states neither limit nor model nor wait.
    also
        Further violations as (cause, limit).
    tier
        The tier that metric and quota id name.
    model_in_message
        Whether the message of B and C names the model behind the limit (since late November 2025).
    array
        Wrap the body in a JSON array, as the streaming call without ``alt=sse`` does.

    Examples
    --------
    >>> body = quota_error_body("per-minute", 2, "gemini-2.5-pro", 36.73)
    >>> body.splitlines()[2]
    '    "code": 429,'
    >>> json.loads(body)["error"]["message"].split("\n")[2]
    'Please retry in 36.73s.'
    """
    if generation not in ("A", "B", "C", "D"):
        raise ConfigurationError(f"quota error: generation {shown(generation)} is not A, B, C or D")
    if generation == "D":
        return _body(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED", (), array)
    violations = [_violation(c, n, model, tier) for c, n in ((cause, limit), *also)]
    help_ = {
        "@type": _TYPES + "Help",
        "links": [{"description": "Learn more about Gemini API quotas", "url": _LIMITS_PAGE}],
    }
    failure = {"@type": _TYPES + "QuotaFailure", "violations": violations}
    details: list[Mapping[str, Any]] = [failure, help_] if generation == "A" else [help_, failure]
    if delay_s is not None:
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{int(delay_s)}s"})
    message = _EXCEEDED
    if generation != "A":
        message += f" To monitor your current usage, head to: {_USAGE_PAGES[generation]}. "
        for violation in violations:
            message += f"\n* Quota exceeded for metric: {violation['quotaMetric']}, "
            message += f"limit: {violation.get('quotaValue', '0')}"
            message += f", model: {model}" if model_in_message and model is not None else ""
        message += "" if delay_s is None else f"\nPlease retry in {go_duration(delay_s)}."
    return _body(429, message, "RESOURCE_EXHAUSTED", details, array)


def overloaded_body() -> str:
    """Return the body of a 503, which is no matter of quota.

    Examples
    --------
    >>> json.loads(overloaded_body())["error"]["status"]
    'UNAVAILABLE'
    """
    return _body(503, "The model is overloaded. Please try again later.", "UNAVAILABLE", (), array=False)


def go_duration(seconds: float) -> str:
    """Return a duration as the provider's messages print it.

    Examples
    --------
    >>> go_duration(36.73), go_duration(0.361532506), go_duration(65), go_duration(34639.9)
    ('36.73s', '361.532506ms', '1m5s', '9h37m19.9s')
    """
    nanoseconds = round(seconds * 1e9)
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 1_000_000_000:
        return _decimal(nanoseconds, 1_000_000) + "ms"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{_decimal(rest, 1_000_000_000)}s"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    fraction = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def _violation(cause: str, limit: int, model: str | None, tier: str) -> dict[str, Any]:
    quotas = _QUOTAS[tier]
    if cause not in quotas:
        raise ConfigurationError(
            f"quota error: no limit {shown(cause)}; allowed are {listed([shown(name) for name in quotas])}"
        )
    quota_id, metric = quotas[cause]
    violation: dict[str, Any] = {
        "quotaMetric": f"generativelanguage.googleapis.com/{metric}",
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global"}
        if model is None
        else {"location": "global", "model": model},
    }
    if limit:
        violation["quotaValue"] = str(limit)
    return violation


def _body(code: int, message: str, status: str, details: Sequence[Mapping[str, Any]], array: bool) -> str:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    document: Any = {"error": error}
    return json.dumps([document] if array else document, indent=2, ensure_ascii=False) + "\n"
