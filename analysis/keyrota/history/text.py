"""A listing of a store for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from keyrota.display import count
from keyrota.report.console import Line, Table, printed

if TYPE_CHECKING:
    from keyrota.history.accounts import Add, DayTotal, Listing

DAYS_SHOWN: Final = 31
"""The last days that text shows; JSON has all."""

ADDS_SHOWN: Final = 20
"""The last adds."""

SOURCES_SHOWN: Final = 3
"""Sources of one add."""


def as_text(listing: Listing, *, color: bool, width: int) -> str:
    """Return a listing as text."""
    return printed(_parts(listing), color=color, width=width)


def _parts(listing: Listing) -> Iterator[Line | Table]:
    span = f", {_minute(listing.first)} to {_minute(listing.last)} UTC" if listing.first else ""
    size = f"{listing.bytes / 1e6:,.1f} MB"
    yield Line(f"{listing.store}: ", "bold", f"{count(listing.rows, 'event')}{span}, {size}")
    if not listing.adds:
        yield Line("nothing was added yet: keyrota history add LOG...")
        return
    yield Line("")
    yield from _left_out(len(listing.adds) - ADDS_SHOWN, "add")
    adds = Table("add", "at (UTC)", "rows", "there already", "first", "last", "")
    for add in listing.adds[-ADDS_SHOWN:]:
        adds.row(*_cells(add))
    yield adds
    yield Line("")
    names = {day.day for day in listing.days}
    yield from _left_out(len(names) - DAYS_SHOWN, "day")
    shown = sorted(names, key=str)[-DAYS_SHOWN:]
    days = Table("day (UTC)", "", "events", "picks", "429s")
    for total in listing.days:
        if total.day in shown:
            days.row(*_day_cells(total))
    yield days


def _left_out(number: int, noun: str) -> Iterator[Line]:
    if number > 0:
        yield Line(f"{count(number, noun)} before these: --format json shows all", "dim")


def _cells(add: Add) -> tuple[str, ...]:
    firsts = [source.first for source in add.sources if source.first is not None]
    lasts = [source.last for source in add.sources if source.last is not None]
    names = [source.name for source in add.sources[:SOURCES_SHOWN]]
    if len(add.sources) > SOURCES_SHOWN:
        names.append(f"and {len(add.sources) - SOURCES_SHOWN} more")
    return (
        str(add.number), _minute(add.at), f"{add.rows:,}", f"{add.duplicates:,}",
        _minute(min(firsts, default=None)), _minute(max(lasts, default=None)), ", ".join(names),
    )  # fmt: skip


def _day_cells(total: DayTotal) -> tuple[str, ...]:
    day, pool = total.day or "no time", total.pool or "(no pool)"
    return (day, pool, f"{total.events:,}", f"{total.picks:,}", f"{total.rejections:,}")


def _minute(time: str | None) -> str:
    return "-" if time is None else time[:16].replace("T", " ")
