"""The comparison with an earlier log, for a terminal, a pipe or a mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import listed, visible
from keyrota.report.comparison import (
    ChangeReport,
    ComparisonReport,
    KeyChangeReport,
    PeriodReport,
    PoolComparison,
)
from keyrota.report.console import UNBROKEN, WIDTH, Line, Table, printed

MOST_KEYS: Final = 20
"""Keys in the table; of a larger pool those that changed most."""


def comparison_as_text(
    comparison: ComparisonReport, *, color: bool = False, width: int = WIDTH, unicode: bool = True
) -> str:
    """Return the comparison as text, beginning with its heading."""
    return printed(comparison_parts(comparison), color=color, width=width, unicode=unicode)


def comparison_parts(comparison: ComparisonReport) -> Iterator[Line | Table]:
    """Yield the lines and tables of the comparison."""
    earlier = listed([visible(name) for name in comparison.earlier.sources], limit=3)
    yield Line(f"Against {earlier}{_span(comparison.earlier)}", "bold")
    for pool in comparison.pools:
        yield from _pool(pool, comparison.earlier, comparison.later)
    if not comparison.pools:
        yield Line("  No pick in either log.")
    else:
        yield Line(f"  Beyond chance: p below {comparison.alpha:g}, corrected for the number of comparisons.")


def _pool(pool: PoolComparison, earlier: PeriodReport, later: PeriodReport) -> Iterator[Line | Table]:
    picks = f"{pool.picks_before:,} picks -> {pool.picks_after:,}"
    yield Line(f"  {pool.name}", "bold", f"  ({picks})")
    if not pool.picks_before or not pool.picks_after:
        when = "the earlier log" if not pool.picks_before else "the later log"
        yield Line(f"    No pick of {pool.name} in {when}.")
    if pool.sizes_before and pool.sizes_after and pool.sizes_before != pool.sizes_after:
        sizes = [listed([str(size) for size in sizes]) for sizes in (pool.sizes_before, pool.sizes_after)]
        yield Line(f"    Keys in the pool, as the picks say: {sizes[0]} -> {sizes[1]}.")
    if pool.picks_before and pool.picks_after:
        for keys, words in (
            ([key.key for key in pool.keys if not key.picks_before], "picked only now"),
            ([key.key for key in pool.keys if not key.picks_after], "no longer picked"),
        ):
            if keys:
                name = "Key" if len(keys) == 1 else "Keys"
                yield Line(f"    {name} {listed([str(key) for key in keys])}: {words}.")
    for change in pool.changes:
        yield Line(f"    {_sentence(change)}")
        if change.what == "shares" and change.is_beyond_chance:
            yield _key_table(pool.keys)


def _sentence(change: ChangeReport) -> str:
    if change.p_value is None and change.before == change.after and change.before in (0.0, 1.0):
        return f"{_name(change)}: {'none' if not change.before else 'all picks'} in both periods."
    note = f"; {change.note}" if change.note else ""
    return f"{_name(change)}: {_values(change)}{_chance(change)}{note}."


def _name(change: ChangeReport) -> str:
    names = {
        "shares": "Shares of the keys",
        "rejections": "429s",
        "rejections by cause": f"429s with cause {change.cause}",
        "cold starts": "Cold starts",
        "traffic": "Traffic",
    }
    return names[change.what]


def _values(change: ChangeReport) -> str:
    if change.before is None or change.after is None:
        return ""
    if change.what == "traffic":
        ratio = ""
        if change.ratio_low is not None and change.ratio_high is not None and change.before:
            times = change.after / change.before
            ratio = f" ({times:.2g} times, {change.ratio_low:.2g} to {change.ratio_high:.2g})"
        return f"{_rate(change.before)} -> {_rate(change.after)} picks a minute{ratio}, "
    if change.what == "shares":
        return (
            ""
            if not change.is_beyond_chance
            else f"the largest change is {_share(change.before, change.after)}, "
        )
    return f"{_share(change.before, change.after)}, "


def _share(before: float, after: float) -> str:
    # As many digits as it takes to see the smaller share.
    smallest = min(share for share in (before, after, 1.0) if share > 0)
    digits = 1 if smallest >= 0.001 else 3
    return f"{100 * before:.{digits}f} % -> {100 * after:.{digits}f} %"


def _rate(per_minute: float) -> str:
    return f"{per_minute:,.0f}" if per_minute >= 100 else f"{per_minute:.3g}"


def _chance(change: ChangeReport) -> str:
    if change.adjusted_p_value is None:
        return "no test"
    is_tiny = change.adjusted_p_value < 1e-6
    p = "p < 1e-6" if is_tiny else f"p = {change.adjusted_p_value:.2g}"
    words = "beyond chance" if change.is_beyond_chance else "no change beyond chance"
    return f"{words} ({p.replace(' ', UNBROKEN)})"


def _key_table(keys: list[KeyChangeReport]) -> Table:
    table = Table("    key", "picks", "->", "share", "->")
    most = sorted(keys, key=lambda key: -abs((key.share_after or 0.0) - (key.share_before or 0.0)))
    chosen = {key.key for key in most[:MOST_KEYS]}
    for key in keys:
        if key.key in chosen:
            table.row(
                str(key.key), f"{key.picks_before:,}", f"{key.picks_after:,}",
                _cell(key.share_before), _cell(key.share_after),
            )  # fmt: skip
    return table


def _cell(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _span(period: PeriodReport) -> str:
    if period.first is None or period.last is None:
        return " (without times)"
    first, last = (time[:16].replace("T", " ") for time in (period.first, period.last))
    return f" ({first} to {last} UTC)"
