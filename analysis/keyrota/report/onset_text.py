"""Usable rates for a terminal, a pipe or a mail: a table, a small chart, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, visible
from keyrota.planning.onset import Onset, SizeOnset
from keyrota.report.console import Line, Table, printed
from keyrota.report.onset import moment_after
from keyrota.report.quantities import duration_in_words, number_in_words, plus_minus, two_digits
from keyrota.report.scenario_text import isolates_in_words, limits_in_words, rotation_in_words
from keyrota.simulation.estimates import Quantity

_BAR_CELLS: Final = 20
_NARROW_BAR_CELLS: Final = 8
"""Beside the columns of a daily limit."""


def as_text(
    onsets: list[Onset],
    *,
    limit_only: bool = False,
    color: bool = False,
    width: int = 100,
    unicode: bool = True,
) -> str:
    """Return the usable rates of pools as text.

    Parameters
    ----------
    onsets
        One for each pool.
    limit_only
        Whether the pool was given by its limit alone, so that no size is its own.
    color
        Whether to colour it with ANSI codes.
    width
        Columns.
    unicode
        Whether bars may be drawn with block characters.
    """
    return printed(_parts(onsets, limit_only, unicode), color=color, width=width, unicode=unicode)


def _parts(onsets: list[Onset], limit_only: bool, unicode: bool) -> Iterator[Line | Table]:
    from keyrota import __version__

    first = onsets[0]
    engines = " and ".join(sorted({onset.engine for onset in onsets}))
    yield Line(
        f"keyrota {__version__}: usable rate at {100 * first.target:g} % 429s, engine {engines}, "
        f"seed {first.seed}"
    )
    yield Line(f"Rotation: {rotation_in_words(first.scenario)}.")
    functions = [function for onset in onsets for function in onset.scenario.functions]
    yield Line(f"Isolates: {isolates_in_words(functions)}.")
    for onset in onsets:
        yield Line("")
        yield from _pool(onset, limit_only, unicode)
    yield Line("")
    yield Line(
        "Usable: the largest rate at which at most that share of requests ends in a 429; its 95 % interval "
        "in brackets or as half its width. Nominal: keys x limit; all day: the same with the day's limit, "
        "round the clock; ~: theory as if every pick were random, or each limit alone. Bar: the usable part "
        "of the nominal rate.",
        "dim",
    )


def _pool(onset: Onset, limit_only: bool, unicode: bool) -> Iterator[Line | Table]:
    pool, window = onset.scenario.pools[0], onset.scenario.window
    limits = limits_in_words(pool, window, of_a_key=limit_only)
    yield Line(visible(onset.pool), "bold", rest=f"  {limits}; in requests a minute:")
    has_day = pool.quota.per_day is not None and pool.quota.per_minute is not None
    entries = onset.sizes
    headings = ["  keys", "nominal", "usable", "theory"]
    if has_day:
        headings += ["all day", "usable", "theory"]
    if onset.growth_per_day is not None:
        headings.append("days")
    table = Table(*headings, "")
    widest = max(_nominal(entry) for entry in entries)
    for entry in entries:
        table.row(
            *_cells(entry, has_day, onset),
            _bar(entry, widest, _NARROW_BAR_CELLS if has_day else _BAR_CELLS, unicode),
        )
    yield table
    own = entries[-1] if limit_only else next((e for e in entries if e.keys == pool.size), None)
    if not all(entry.is_precise for entry in entries):
        yield Line("  The precision that was asked for is not reached at all sizes.", "bold yellow")
    if own is not None:
        for sentence in _meaning(own, onset):
            yield Line("  " + sentence)


def _nominal(entry: SizeOnset) -> float:
    return entry.minute_nominal_per_min or entry.nominal_per_min


def _cells(entry: SizeOnset, has_day: bool, onset: Onset) -> Iterator[str]:
    yield str(entry.keys)
    if has_day and entry.minute_usable_per_min is not None:
        yield _plain(entry.minute_nominal_per_min)
        yield _usable(entry.minute_usable_per_min)
        yield _theory(entry, entry.minute_theory_per_min)
    yield _plain(entry.nominal_per_min)
    yield _usable(entry.usable_per_min)
    yield _theory(entry, entry.theory_per_min)
    if onset.growth_per_day is not None:
        yield _days(entry.exceeded_after_days)


def _usable(rate: Quantity) -> str:
    return "none" if rate.estimate == 0 else plus_minus(rate)


def _theory(entry: SizeOnset, rate: float | None) -> str:
    """Return what theory says, marked where it is an approximation."""
    about = "" if rate is None or (entry.theory is not None and entry.theory.is_exact) else "~"
    return about + _plain(rate)


def _plain(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _days(after: Quantity | None) -> str:
    if after is None or after.estimate is None:
        return "-"
    return plus_minus(after) if after.estimate else "already"


def _bar(entry: SizeOnset, widest: float, cells: int, unicode: bool) -> str:
    """Return a bar of the usable rate in the nominal one."""
    usable = (entry.minute_usable_per_min or entry.usable_per_min).estimate or 0.0
    nominal = round(cells * _nominal(entry) / widest)
    filled = round(cells * usable / widest)
    full, empty = ("█", "░") if unicode else ("#", ".")
    return full * min(filled, nominal) + empty * max(0, nominal - filled)


def _meaning(entry: SizeOnset, onset: Onset) -> Iterator[str]:
    """Return what the nominal figure of the declared pool hides."""
    minute, target = entry.minute_usable_per_min, 100 * onset.target
    if minute is not None and minute.estimate is not None and entry.minute_nominal_per_min:
        share = 100 * minute.estimate / entry.minute_nominal_per_min
        nominal = f"{count(entry.keys, 'key')}: the nominal {entry.minute_nominal_per_min:,g} a minute"
        if minute.estimate:
            carried = f"carry {two_digits(minute.estimate)} a minute at {target:g} %, {share:.2g} % of it."
            yield f"{nominal} {carried}"
        else:
            yield f"{nominal} carry no rate at {target:g} %: one session or burst is more than they take."
    is_random = entry.theory is not None and entry.theory.choice == "random" and entry.keys > 1
    if is_random and entry.failover_theory_per_min:
        yield (
            "If a rejected call went on to the next key, they would carry "
            f"{two_digits(entry.failover_theory_per_min)} (theory; --on-reject failover simulates it)."
        )
    quota = onset.scenario.pools[0].quota
    if quota.per_day is not None and entry.usable_per_min.estimate is not None:
        day = entry.keys * quota.per_day
        limits = (
            "the day's limit carries" if minute is None else "the limits of minute and day together carry"
        )
        yield (
            f"Round the clock {limits} "
            f"{two_digits(entry.usable_per_min.estimate)} a minute, "
            f"{1440 * entry.usable_per_min.estimate:,.0f} "
            f"of the day's {day:,} requests."
        )
        if entry.minute_nominal_per_min and day / entry.minute_nominal_per_min < 1440:
            spent = duration_in_words(60 * day / entry.minute_nominal_per_min)
            yield f"At the nominal rate of the minute the day's requests are spent after {spent}."
    after = entry.exceeded_after_days
    if after is not None and after.estimate is not None and onset.rate_per_min is not None:
        moment = moment_after(onset.start, after.estimate)
        growth = (
            f"{onset.rate_per_min:.3g} a minute, growing {100 * (onset.growth_per_day or 0):.3g} % a day,"
        )
        if after.estimate == 0:
            yield f"{growth} is above the usable rate from the start."
        else:
            at = f", on {moment[:16].replace('T', ' ')} UTC" if moment else ""
            yield f"{growth} exceeds it after {number_in_words(after)} days{at}."
