"""Which limits are in force: stated by the errors, declared, or told by what passed and what was rejected.

The kind of the minute's window shows in two ways: the stated delays end on a full minute if minutes are
fixed, and only one kind of window is full whenever a call is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.pools.fields import MAX_LIMIT
from keyrota.quota.counts import DAY, FIXED, SLIDING, Counts, reached
from keyrota.quota.evidence import STRONG, Outcomes, by_limit
from keyrota.quota.windows import MINUTE_NS

ON_THE_MINUTE_NS: Final = 2_000_000_000
"""A stated delay that ends this close to a full minute ends on it: some delays are whole seconds."""

_AIMED: Final = 0.95
"""Share of the delays that end on a full minute if minutes are fixed; else it is chance."""

MOST_MINUTE: Final = 1_000
"""The largest minute limit that is estimated."""

LEAST_REJECTED: Final = 3
"""Fewer 429s at a full window are no ground for an estimate."""


@dataclass(frozen=True)
class WindowEvidence:
    """How the minute counts, as the log shows it.

    Parameters
    ----------
    kind
        ``"fixed"``, ``"sliding"``, or ``"unknown"`` where neither is preferred by more than 1000 to 1.
    delays, on_the_minute
        Moments at which stated delays of 429s by the minute limit end, those of one burst once, and how many
        of them are full minutes.
    log_ratio
        Natural logarithm of the likelihood of fixed minutes over that of the last 60 s.
    """

    kind: Literal["fixed", "sliding", "unknown"]
    delays: int
    on_the_minute: int
    log_ratio: float

    @property
    def used(self) -> str:
        """The kind that the replay uses: fixed minutes unless the log speaks for the last 60 s."""
        return SLIDING if self.kind == SLIDING else FIXED


@dataclass(frozen=True)
class LimitEvidence:
    """One limit of a pool's keys.

    Parameters
    ----------
    declared
        ``None`` if it is not declared.
    stated
        The limit that most of its 429s state of the last day, the 24 hours to the last of them; ``None`` if
        none does.
    stated_counts
        How many 429s state each limit.
    stated_last
        Where 429s state several limits, the time of the last one of each, in nanoseconds since 1970 UTC, as
        far as it is known.
    estimated
        The limit that explains best what passed and what was rejected; ``None`` without enough 429s.
    low, high
        Limits that explain it nearly as well: the likelihood is at most 1000 times less.
    log_ratio
        Natural logarithm of the likelihood of the estimate over that of the declared limit; 0 without one.
    is_exceeded
        Whether so many calls pass beyond the declared limit, in a log that shows 429s, that there is no such
        limit.
    others
        429s of other causes: that the log shows errors at all.
    """

    declared: int | None
    stated: int | None = None
    stated_counts: tuple[tuple[int, int], ...] = ()
    estimated: int | None = None
    low: int | None = None
    high: int | None = None
    log_ratio: float = 0.0
    is_exceeded: bool = False
    others: int = 0
    stated_last: tuple[tuple[int, int], ...] = ()

    @property
    def in_force(self) -> int | None:
        """The limit to count with: stated, else declared unless the log speaks against it, else estimated."""
        if self.stated is not None:
            return self.stated
        if self.declared is not None and not self.is_refuted:
            return self.declared
        return None if self.is_exceeded else self.estimated

    @property
    def is_refuted(self) -> bool:
        """Whether the log speaks against the declared limit, by more than 1000 to 1 or by what it states."""
        if self.declared is None:
            return False
        if self.stated is not None:
            return self.stated != self.declared
        return self.is_exceeded or (self.estimated is not None and self.log_ratio > STRONG)


def stated_limit(
    rejections: pd.DataFrame, cause: str, declared: int | None, *, model: str | None = None
) -> LimitEvidence:
    """Return what the errors of one cause state: most of the last day's, since providers change limits.

    Where errors name the model in question, those of other models are left out.
    """
    own = rejections[(rejections["cause"] == cause) & rejections["limit"].between(1, MAX_LIMIT)]
    if model is not None and (own["model"] == model).any():
        own = own[own["model"] == model]
    numbers = own["limit"].astype(int).value_counts()
    counts = tuple(sorted(((int(v), int(n)) for v, n in numbers.items()), key=lambda pair: -pair[1]))  # type: ignore[call-overload]
    last = own["time"].max()
    recent = own if pd.isna(last) else own[own["time"] > last - pd.Timedelta(days=1)]
    latest = recent["limit"].astype(int).value_counts()
    others = int((rejections["cause"] != cause).sum())
    lasts: tuple[tuple[int, int], ...] = ()
    if len(counts) > 1:
        timed = own[own["time"].notna()]
        moments = timed["time"].to_numpy(dtype="datetime64[ns]").view("int64")
        limits = timed["limit"].to_numpy(dtype=np.int64)
        lasts = tuple((limit, int(moments[limits == limit].max())) for limit in np.unique(limits).tolist())
    stated = int(latest.index[0]) if len(latest) else None
    return LimitEvidence(declared, stated, counts, others=others, stated_last=lasts)


def estimated(
    evidence: LimitEvidence,
    counted: Sequence[NDArray[np.float64]],
    passed: Sequence[NDArray[np.bool_]],
    rejected: Sequence[NDArray[np.bool_]],
    most: int,
) -> tuple[LimitEvidence, float]:
    """Return the evidence with the limit that explains the calls best, and its log-likelihood.

    Parameters
    ----------
    evidence
        What is declared and stated.
    counted, passed, rejected
        For each quota: what its window had counted before each call, and what became of the call.
    most
        The largest limit in question.
    """
    largest = int(max((float(own.max(initial=0)) for own in counted), default=0))
    most = min(most, max(largest + 1, evidence.declared or 1))
    likelihood = by_limit(
        np.concatenate([*counted, np.zeros(0)]),
        np.concatenate([*passed, np.zeros(0, dtype=bool)]),
        np.concatenate([*rejected, np.zeros(0, dtype=bool)]),
        most,
    )
    best = int(likelihood.argmax())
    at_full = sum(
        int(np.count_nonzero(is_rejected & (own > best + 0.5)))
        for own, is_rejected in zip(counted, rejected, strict=True)
    )
    if at_full < LEAST_REJECTED:
        limit = evidence.declared
        shows_429s = sum(int(np.count_nonzero(own)) for own in rejected) + evidence.others >= LEAST_REJECTED
        beyond = limit is not None and limit <= largest and likelihood[-1] - likelihood[limit - 1] > STRONG
        return replace(evidence, is_exceeded=bool(beyond and shows_429s)), float(likelihood[best])
    near = np.flatnonzero(likelihood >= likelihood[best] - STRONG) + 1
    declared = evidence.declared
    ratio = 0.0
    if declared is not None and declared != best + 1:
        # A limit above all counts is never reached: like the largest one that is tried.
        ratio = float(likelihood[best] - likelihood[min(declared, most) - 1])
    found = replace(evidence, estimated=best + 1, low=int(near[0]), high=int(near[-1]), log_ratio=ratio)
    return found, float(likelihood[best])


def limits_of(
    counts: Counts,
    outcomes: Outcomes,
    quotas: Sequence[tuple[int, ...]],
    rejections: pd.DataFrame,
    *,
    per_minute: int | None,
    per_day: int | None,
    model: str | None = None,
) -> tuple[LimitEvidence, LimitEvidence, WindowEvidence]:
    """Return the limits of a minute and of a day that the keys of a pool have, and how the minute counts.

    Parameters
    ----------
    counts, outcomes
        Of its calls.
    quotas
        The keys of each quota.
    rejections
        Its 429s, as events.
    per_minute, per_day
        The declared limits.
    model
        The model that they are for.
    """
    places = [np.concatenate([counts.of(key) for key in keys]) for keys in quotas]
    own = [outcomes.at(at) for at in places]
    nothing = [np.zeros(len(at), dtype=bool) for at in places]
    stated = stated_limit(rejections, "per-minute", per_minute, model=model)
    in_minute = {kind: [counts.own(keys, kind) for keys in quotas] for kind in (FIXED, SLIDING)}
    found = {kind: _minute_limit(stated, counted, own, nothing) for kind, counted in in_minute.items()}
    # Where neither kind explains what was rejected, the replay says nothing about the kind.
    is_told = any(own.estimated is not None for own, _ in found.values())
    window = _window(rejections, found[FIXED][1] - found[SLIDING][1] if is_told else 0.0)
    counted = in_minute[window.used]
    in_day = [counts.own(keys, DAY) for keys in quotas]
    # A 429 that states no cause is the minute's where that is full; only what is left speaks of the day.
    full = [reached(c, found[window.used][0].in_force) for c in counted]
    by_day, _ = estimated(
        stated_limit(rejections, "per-day", per_day, model=model),
        in_day,
        [o.passed for o in own],
        [o.by_day & ~(o.by_minute & f) for o, f in zip(own, full, strict=True)],
        max(1, len(counts.times)),
    )
    full = [reached(c, by_day.in_force) for c in in_day]
    return _minute_limit(stated, counted, own, full)[0], by_day, window


def _minute_limit(
    stated: LimitEvidence,
    counted: Sequence[NDArray[np.float64]],
    own: Sequence[Outcomes],
    is_day_full: Sequence[NDArray[np.bool_]],
) -> tuple[LimitEvidence, float]:
    """Return the limit of a minute, told by the calls that came while the day had room."""
    return estimated(
        stated,
        counted,
        [o.passed & ~full for o, full in zip(own, is_day_full, strict=True)],
        [o.by_minute & ~(o.by_day & full) for o, full in zip(own, is_day_full, strict=True)],
        MOST_MINUTE,
    )


def _window(rejections: pd.DataFrame, log_ratio: float) -> WindowEvidence:
    told = rejections[
        (rejections["cause"] == "per-minute")
        & rejections["retry_after_s"].notna()
        & rejections["time"].notna()
    ]
    # An announced retry is the client's delay, not the provider's.
    told = told[told["kind"] == "rejection"]
    ends = told["time"].to_numpy(dtype="datetime64[ns]").view("int64") + (
        told["retry_after_s"].to_numpy() * 1e9
    ).astype(np.int64)
    # The 429s of one burst wait for one permit: their delays end together and are one piece of evidence.
    ends = np.sort(ends)
    ends = ends[np.append(True, np.diff(ends) > ON_THE_MINUTE_NS)[: len(ends)]]
    off = (ends + ON_THE_MINUTE_NS) % MINUTE_NS
    hits = int(np.count_nonzero(off <= 2 * ON_THE_MINUTE_NS))
    chance = 2 * ON_THE_MINUTE_NS / MINUTE_NS
    misses = len(ends) - hits
    total = log_ratio + hits * np.log(_AIMED / chance) + misses * np.log((1 - _AIMED) / (1 - chance))
    kind: Literal["fixed", "sliding", "unknown"] = (
        "fixed" if total > STRONG else "sliding" if total < -STRONG else "unknown"
    )
    return WindowEvidence(kind, len(ends), hits, float(total))
