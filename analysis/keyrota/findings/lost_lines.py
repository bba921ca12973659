"""D401: signs that lines of the log are missing, and how far that can move the shares."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.display import count
from keyrota.events import iso_times
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.faults import broken_places, step_table, tested
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, places
from keyrota.logs.read import LogInput, SourceInput
from keyrota.quota.gaps import BURST_CAP, capped_windows, without_pick
from keyrota.rotation.fairness import RotationTests
from keyrota.rotation.policies import declared_step

ROW_CAPS: Final = (100, 1000)
"""Rows that one query returns at most: in the dashboard's preview, and in all."""

CALL_NS: Final = 86_400_000_000_000
"""Span that one call of the API covers at most."""

NEAR_NS: Final = 300_000_000_000
"""A span this little shorter was probably cut there."""

LEAST_EVENTS: Final = 20
"""A span tells something from so many events on."""

MOST_LINES_PER_EVENT: Final = 3.0
"""A drain may carry lines of other services too: more than this are not taken for the function's."""

_QUERY_FORMATS: Final = ("json", "csv", "markdown")
_HOUR_NS: Final = 3_600_000_000_000


@dataclass(frozen=True)
class _Bursts:
    """Windows of one function at the cap, the first of them, and picks that may be lost, by pool."""

    function: str
    windows: int
    first: str
    places: list[str]
    lost: Mapping[str, int]


def lost_lines(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    """Look for sources that were cut, bursts at the platform's cap, lone 429s and skipped keys."""
    if facts.input is not None:
        for source in facts.input.sources:
            yield from _of_source(rule, facts, facts.input, source)
    bursts = _bursts(facts)
    alone = {pool.name: _without_pick(facts, pool) for pool in facts.pools}
    off = _shares_off(facts, bursts, alone)
    for burst in bursts:
        yield from _of_bursts(rule, burst, off)
    for pool in facts.pools:
        if len(alone[pool.name]):
            yield _of_lone_429s(rule, pool, alone[pool.name], off[pool.name])
    for of_size, runs, tests in tested(facts):
        if not tests.broken_steps or "succession" in of_size.called:
            continue
        yield rule.finding(
            f"{tests.broken_steps:,} of {count(tests.step_count, 'step')} inside isolates "
            f"{agree(tests.broken_steps, 'skips', 'skip')} keys, too few for a fault of the rotation: lines "
            f"were lost; {_in_words(off[of_size.name])}",
            "The platform drops a function's lines above 100 in 10 s: log less around the pick, or read a "
            "log drain.",
            pool=of_size.name,
            evidence={
                "steps": step_table(tests),
                "places": broken_places(of_size, runs),
                "lost_picks": _skipped(tests),
                "share_off_by_up_to": off[of_size.name],
            },
        )


def _of_source(rule: Rule, facts: LogFacts, log_input: LogInput, source: SourceInput) -> Iterator[Finding]:
    shorter = (
        "Export shorter spans of time and give all files: rows that they share are counted once. A log drain "
        "loses fewer."
    )
    if source.truncated:
        yield rule.finding(
            f"{source.name} ends early: what came after is missing",
            "Fetch the file again; the result stands on what could be read.",
            evidence={"source": source.name, "lines": source.lines, "problems": list(source.problems)},
        )
    elif source.format in _QUERY_FORMATS and source.lines in ROW_CAPS:
        yield rule.finding(
            f"{source.name} holds exactly {count(source.lines, 'row')}, the most that one query "
            "returns: older rows are probably missing",
            shorter,
            evidence={"source": source.name, "lines": source.lines},
        )
    elif source.format in _QUERY_FORMATS and _is_one_call(facts, log_input, source):
        yield rule.finding(
            f"{source.name} spans 24 hours to within minutes, the most that one API call covers: older rows "
            "may be missing",
            "Query the days before too, a call for each, and give all files: rows that they share are "
            "counted once.",
            evidence={"source": source.name, "lines": source.lines},
        )


def _is_one_call(facts: LogFacts, log_input: LogInput, source: SourceInput) -> bool:
    """Say whether a source spans what one call covers, and nothing older is known.

    Files that a drain begins anew at midnight, or days that were asked for as such, begin with a full hour.
    """
    found = sum(number for _, number in log_input.found)
    if found != len(facts.events) + log_input.total("duplicates"):
        return False  # cut by --since or --until
    times = facts.events["time"]
    own = times[(facts.events["source"] == source.name).to_numpy() & times.notna().to_numpy()]
    if len(own) < LEAST_EVENTS or own.min() > times.min():
        return False
    first, last = int(own.min().value), int(own.max().value)
    return CALL_NS - NEAR_NS <= last - first <= CALL_NS and first % _HOUR_NS > NEAR_NS


def _bursts(facts: LogFacts) -> list[_Bursts]:
    """Return the functions whose lines reach the cap of the platform; a local log has none."""
    if facts.input is None:
        return []
    per_event = _lines_per_event(facts.input)
    events = facts.events
    lines = _lines_of_rows(events, per_event)
    functions = np.asarray(events["function"].cat.codes)
    moments = events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    chosen = (lines > 0) & events["time"].notna().to_numpy()
    result = []
    for code, function in enumerate(events["function"].cat.categories):
        rows = np.flatnonzero(chosen & (functions == code))
        if len(rows) * MOST_LINES_PER_EVENT < BURST_CAP:
            continue
        times = moments[rows]
        if (np.diff(times) < 0).any():
            order = np.argsort(times, kind="stable")
            rows, times = rows[order], times[order]
        windows = capped_windows(times, lines[rows])
        if not windows:
            continue
        own = events.iloc[rows]
        lost: defaultdict[str, float] = defaultdict(float)
        is_pick, pools = (own["kind"] == "pick").to_numpy(), own["pool"].astype(object).to_numpy()
        for window in windows:
            inside = slice(window.first, window.last)
            for pool, number in Counter(pools[inside][is_pick[inside]]).items():
                lost[str(pool)] += number * window.lost_time
        first = own.iloc[[windows[0].first]]
        result.append(
            _Bursts(
                str(function),
                len(windows),
                str(iso_times(first["time"]).iloc[0]),
                places(first),
                {pool: math.ceil(number) for pool, number in lost.items()},
            )
        )
    return result


def _lines_per_event(log_input: LogInput) -> dict[str, float]:
    """Return the lines that stand for each event of sources that the platform's cap may have cut."""
    return {
        source.name: min(MOST_LINES_PER_EVENT, max(1.0, source.lines / max(1, source.used)))
        for source in log_input.sources
        if source.format != "text"  # the console of a local runtime, which has no cap
    }


def _lines_of_rows(events: pd.DataFrame, per_event: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the lines that stand for each event, 0 for those of sources without a cap or of none."""
    source = events["source"].cat
    of_source = [*(per_event.get(name, 0.0) for name in source.categories), 0.0]
    return np.array(of_source, dtype=np.float64)[source.codes]


def _rejections(pool: PoolFacts) -> pd.DataFrame:
    return pool.events.iloc[:0] if pool.account is None else pool.account.calls.attribution.rows


def _without_pick(facts: LogFacts, pool: PoolFacts) -> pd.DataFrame:
    marks = _rejections(pool)
    if marks["isolate"].isna().all() or pool.account is None or pool.picks.empty:
        return marks.iloc[:0]
    return without_pick(pool.events, pool.account.calls, facts.picking)


def _shares_off(
    facts: LogFacts, bursts: list[_Bursts], alone: Mapping[str, pd.DataFrame]
) -> dict[str, float]:
    """Return by how much a share of each pool may be off if all lost picks were one key's.

    With m picks lost beside n a share is off by m / (n + m) at most. Picks that passed are taken to be lost
    as often as those that got a 429.
    """
    lost = {pool.name: 0.0 for pool in facts.pools}
    for burst in bursts:
        for name, number in burst.lost.items():
            lost[name] = lost.get(name, 0.0) + number
    for of_size, _, tests in tested(facts):
        if "succession" not in of_size.called:
            lost[of_size.name] += _skipped(tests)
    for pool in facts.pools:
        number = len(alone[pool.name])
        if number:
            kept = int(_rejections(pool)["isolate"].notna().sum()) - number
            lost[pool.name] += max(number, math.ceil(len(pool.picks) * number / max(1, kept)))
    return {
        pool.name: lost[pool.name] / (len(pool.picks) + lost[pool.name]) if lost[pool.name] else 0.0
        for pool in facts.pools
    }


def _skipped(tests: RotationTests) -> int:
    """Return how many picks are missing at least for the steps to be what they are."""
    return sum(
        number * ((step - declared_step(tests.size)) % tests.size) for step, number in tests.steps.items()
    )


def _of_bursts(rule: Rule, burst: _Bursts, off: Mapping[str, float]) -> Iterator[Finding]:
    lost = sum(burst.lost.values())
    pool = next(iter(burst.lost)) if len(burst.lost) == 1 else None
    worst = max((off.get(name, 0.0) for name in burst.lost), default=0.0)
    what = (
        f"up to about {count(lost, 'pick')} may be missing, and {_in_words(worst)}"
        if lost
        else "lines may be lost"
    )
    yield rule.finding(
        f"the lines of {burst.function} reach {BURST_CAP} in {count(burst.windows, 'window')} of 10 s, the "
        f"most that the platform keeps (the first at {burst.first[:19].replace('T', ' ')} UTC): {what}",
        "Log less around the pick: the platform drops a function's lines above 100 in 10 s, for drains too.",
        pool=pool,
        evidence={
            "function": burst.function,
            "windows": burst.windows,
            "first": burst.first,
            "lost_picks": lost,
            "share_off_by_up_to": worst,
            "places": burst.places,
        },
    )


def _of_lone_429s(rule: Rule, pool: PoolFacts, alone: pd.DataFrame, off: float) -> Finding:
    total = len(_rejections(pool))
    return rule.finding(
        f"{len(alone):,} of {count(total, '429')} {agree(len(alone), 'comes', 'come')} from isolates without "
        f"a pick: the lines of the picks were lost; {_in_words(off)}",
        "The platform drops a function's lines above 100 in 10 s: log less around the pick, or read a log "
        "drain.",
        pool=pool.name,
        evidence={
            "rejections": total,
            "without_pick": len(alone),
            "share_off_by_up_to": off,
            "places": places(alone),
        },
    )


def _in_words(off: float) -> str:
    return f"shares may be off by up to {max(0.1, 100 * off):.1f} points"
