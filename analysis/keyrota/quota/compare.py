"""Two periods of one pool against each other: what changed, and with what probability by chance.

Every comparison has its own p-value; who looks at several at once corrects them together
(`keyrota.rotation.multiple.holm`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincc

from keyrota.events import CAUSES
from keyrota.quota.calls import NO_CAUSE, Calls
from keyrota.quota.change_points import starts_and_shapes
from keyrota.quota.rates import Counted, rate_change, ratio_p_value
from keyrota.quota.scan import MOST_DRAWS, likelihood_ratio, scan_runs
from keyrota.rotation.runs import Runs, find_runs

What = Literal["shares", "rejections", "rejections by cause", "cold starts", "traffic"]

MOST_SIZES: Final = 10
"""Pool sizes that are told of a period."""

MOST_KEYS: Final = 100
"""Shares in larger pools are compared without their isolates."""


@dataclass(frozen=True)
class Period:
    """One period of one pool: its events, its calls, and the span that was observed.

    `span_ns` are the times of the first and the last event of the whole log, whatever the pool; ``None``
    without times.
    """

    events: pd.DataFrame
    calls: Calls
    span_ns: tuple[int, int] | None


@dataclass(frozen=True)
class Change:
    """One comparison.

    Parameters
    ----------
    what
        ``"shares"`` of the keys; ``"rejections"``, 429s per call; ``"rejections by cause"``, those of one
        cause; ``"cold starts"``, isolates per pick; ``"traffic"``, picks per minute.
    cause
        The stated cause, for ``"rejections by cause"``.
    before, after
        The quantity in both periods; of shares, the largest difference of one share is `after` - `before`.
    ratio_low, ratio_high
        95 % interval of after / before, of traffic only.
    p_value
        Probability of so large a change by chance; ``None`` where the data cannot tell.
    note
        What limits it.
    """

    what: What
    cause: str | None
    before: float | None
    after: float | None
    p_value: float | None
    ratio_low: float | None = None
    ratio_high: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class KeyChange:
    """Picks of one key in both periods, by the key's number, or its position where the log tells no key."""

    key: int
    picks_before: int
    picks_after: int


@dataclass(frozen=True)
class Comparison:
    """Two periods of one pool.

    `sizes_before` and `sizes_after` are the pool sizes that the picks name, the most frequent first; `keys`
    lists every key that occurs.
    """

    picks_before: int
    picks_after: int
    keys: tuple[KeyChange, ...]
    sizes_before: tuple[int, ...]
    sizes_after: tuple[int, ...]
    changes: tuple[Change, ...]


def compare(
    earlier: Period, later: Period, *, rng: np.random.Generator, draws: int = MOST_DRAWS
) -> Comparison:
    """Compare two periods of one pool.

    Shares are held against permuted starts of the isolates of both periods
    (`keyrota.quota.scan.scan_runs`), 429s and cold starts against the variation between blocks of time,
    traffic against that of the counts of blocks (`keyrota.quota.rates`). The same hours of other days are
    the fairest comparison: traffic and 429s follow the clock.

    A pool without a pick in one period is not compared: an export of another function is no change.

    Parameters
    ----------
    earlier, later
        The periods; their events must not overlap.
    rng, draws
        Of the permutations.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> from keyrota.quota.calls import find_calls
    >>> def period(key, begin):
    ...     columns = {"kind": ["pick"] * 50, "key": [key] * 50, "time": list(range(begin, begin + 50))}
    ...     return Period(events := make_events(columns), find_calls(events), (begin, begin + 50))
    >>> shares, *_ = compare(period(1, 0), period(2, 100), rng=np.random.default_rng(1)).changes
    >>> shares.before, shares.after, shares.p_value < 1e-6, shares.note
    (1.0, 0.0, True, 'places are not known: picks were taken as independent')
    """
    picks = [period.events[(period.events["kind"] == "pick").to_numpy()] for period in (earlier, later)]
    own = [rows["key"].fillna(rows["position"]).dropna().to_numpy(dtype=np.int64) for rows in picks]
    keys = np.unique(np.concatenate(own))
    counts = np.stack([np.bincount(np.searchsorted(keys, k), minlength=len(keys)) for k in own])
    changes = []
    if counts.sum(axis=1).all():
        changes.append(_shares(earlier.events, later.events, counts, rng, draws))
        changes += _rejections(earlier.calls, later.calls)
        changes += _cold_starts(picks[0], picks[1])
        changes += _traffic(earlier, later, picks)
    return Comparison(
        len(picks[0]),
        len(picks[1]),
        tuple(KeyChange(*row) for row in zip(keys.tolist(), *counts.tolist(), strict=True)),
        _sizes(picks[0]),
        _sizes(picks[1]),
        tuple(changes),
    )


def _shares(
    earlier: pd.DataFrame,
    later: pd.DataFrame,
    counts: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int,
) -> Change:
    shares = counts / counts.sum(axis=1, keepdims=True)
    most = int(np.abs(shares[1] - shares[0]).argmax())
    before, after = (next(iter(find_runs(events).values()), None) for events in (earlier, later))
    p_value, note = None, None
    if before is None or after is None:
        p_value, note = _without_runs(counts), "places are not known: picks were taken as independent"
    elif before.size != after.size:
        p_value, note = _without_runs(counts), "the pool's size differs: picks were taken as independent"
    elif 1 < before.size <= MOST_KEYS and _are_known(before) and _are_known(after):
        p_value, note = _with_runs(before, after, rng, draws), None
    elif before.size > 1:
        p_value = _without_runs(counts)
        why = "the pool is large" if before.size > MOST_KEYS else "isolates are not known"
        note = f"{why}: picks were taken as independent, which they are not quite"
    return Change("shares", None, float(shares[0, most]), float(shares[1, most]), p_value, note=note)


def _are_known(runs: Runs) -> bool:
    return bool(runs.has_runs.all())


def _with_runs(before: Runs, after: Runs, rng: np.random.Generator, draws: int) -> float:
    parts = [starts_and_shapes(runs, np.arange(len(runs.basis))) for runs in (before, after)]
    starts, shapes = (np.concatenate(both) for both in zip(*parts, strict=True))
    return scan_runs(starts, shapes, np.array([len(before.basis)]), rng=rng, draws=draws).p_value


def _without_runs(counts: NDArray[np.int64]) -> float:
    """Return the p-value of the likelihood-ratio test of homogeneity."""
    freedom = int((counts.sum(axis=0) > 0).sum()) - 1
    if freedom < 1:
        return 1.0
    ratio = likelihood_ratio(counts[0].astype(np.float64), counts[1].astype(np.float64))
    return float(gammaincc(freedom / 2, float(ratio) / 2))


def _rejections(before: Calls, after: Calls) -> Iterator[Change]:
    yield _ratio("rejections", None, _rejected(before, None), _rejected(after, None))
    stated = np.union1d(before.causes, after.causes)
    stated = stated[stated != NO_CAUSE]
    for cause in stated.tolist() if len(stated) > 1 else ():  # one cause is all 429s
        yield _ratio("rejections by cause", CAUSES[cause], _rejected(before, cause), _rejected(after, cause))


def _rejected(calls: Calls, cause: int | None) -> Counted:
    marked = calls.rejected if cause is None else (calls.causes == cause).astype(np.float64)
    return Counted(calls.times, marked, is_timed=bool(calls.is_timed.all()))


def _cold_starts(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    if before["isolate"].isna().any() or after["isolate"].isna().any():
        return
    # An isolate that both periods hold was born in the earlier one.
    old = set(before["isolate"].unique())
    parts = []
    for rows, is_new in ((before, True), (after, False)):
        first = ~rows["isolate"].duplicated().to_numpy()
        first &= is_new | ~rows["isolate"].isin(old).to_numpy()
        times = rows["time"].to_numpy(dtype="datetime64[ns]").view("int64")
        parts.append(Counted(times, first.astype(np.float64), bool(rows["time"].notna().all())))
    yield _ratio("cold starts", None, *parts)


def _ratio(what: What, cause: str | None, before: Counted, after: Counted) -> Change:
    if before.share == after.share and before.share in (0.0, 1.0):  # nothing to test
        return Change(what, cause, before.share, after.share, None)
    p_value = ratio_p_value(before, after)
    note = None if p_value is not None else "too few minutes with calls for a test, or no times"
    return Change(what, cause, before.share, after.share, p_value, note=note)


def _traffic(earlier: Period, later: Period, picks: list[pd.DataFrame]) -> Iterator[Change]:
    if earlier.span_ns is None or later.span_ns is None:
        return
    times = [
        rows["time"].dropna().to_numpy(dtype="datetime64[ns]").view("int64").astype(np.int64)
        for rows in picks
    ]
    found = rate_change((times[0], earlier.span_ns), (times[1], later.span_ns))
    if found is None:
        return
    day = 24 * 3_600_000_000_000
    is_short = min(end - begin for begin, end in (earlier.span_ns, later.span_ns)) < day
    note = "a period is shorter than a day: the time of day alone may make this" if is_short else None
    yield Change(
        "traffic", None, found.before, found.after, found.p_value, found.ratio_low, found.ratio_high, note
    )


def _sizes(picks: pd.DataFrame) -> tuple[int, ...]:
    values, number = np.unique(picks["size"].dropna().to_numpy(dtype=np.int64), return_counts=True)
    return tuple(values[np.argsort(-number, kind="stable")][:MOST_SIZES].tolist())
