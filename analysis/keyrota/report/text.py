"""A report for a terminal, a pipe or a mail: tables and sentences.

Text of a log reaches Rich only as `rich.text.Text` that `keyrota.display.visible` has cleaned: no
markup is read and no control character passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from keyrota.display import count, listed, visible
from keyrota.report.console import WIDTH, rendered
from keyrota.report.pool_words import about, faults_of, pool_sentences, verdict_of
from keyrota.report.schema import FindingReport, KeyReport, PoolReport, Report

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_KEYS: Final = 60
"""Keys of a pool that have a row each."""

AT_EITHER_END: Final = 10
"""Of a larger pool so many keys with the most picks have one, and as many with the fewest."""

_BAR_CELLS: Final = 20
_STYLE: Final = {
    "fair": "bold green", "unfair": "bold red", "not enough data": "bold yellow",
    "error": "bold red", "warning": "bold yellow", "note": "bold cyan",
}  # fmt: skip


def as_text(report: Report, *, color: bool = False, width: int = WIDTH, unicode: bool = True) -> str:
    """Return the report as text.

    Parameters
    ----------
    report
        Its content.
    color
        Whether to colour it with ANSI codes.
    width
        Columns.
    unicode
        Whether bars may be drawn with block characters; ``#`` otherwise.
    """
    from rich.console import Group

    parts: list[RenderableType] = [_text("\n".join(headline(report)))]
    for pool in report.pools:
        parts += ["", *_pool(pool, faults_of(pool, report.findings), unicode)]
    parts += ["", *_findings(report.findings)]
    return rendered([Group(*parts)], color=color, width=width)


def headline(report: Report) -> list[str]:
    """Return what was read, in lines."""
    i = report.input
    picks = sum(pool.picks for pool in report.pools)
    lines = [
        f"keyrota {report.version}: {count(picks, 'pick')} in {count(i.lines, 'line')} "
        f"of {count(len(i.sources), 'log')}{_span(report)}"
    ]
    if i.malformed or i.duplicates:
        lines.append(
            f"{count(i.malformed, 'malformed line')}, "
            f"{count(i.duplicates, 'event')} in several logs and counted once"
        )
    damaged = [source.name for source in i.sources if source.truncated]
    if damaged:
        lines.append(f"cut short: {listed([visible(name) for name in damaged])}")
    if i.skipped:
        lines.append(f"no log: {listed([visible(entry['name']) for entry in i.skipped])}")
    for number, label in i.key_labels.items():
        lines.append(f"key {number} is the key that the log shows as {label}")
    return lines


def _span(report: Report) -> str:
    if report.span.first is None or report.span.last is None:
        return ", without times"
    return f", {_minute(report.span.first)} to {_minute(report.span.last)} UTC"


def _minute(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _pool(pool: PoolReport, faults: list[str], unicode: bool) -> Iterator[RenderableType]:
    from rich.text import Text

    title = Text(visible(pool.name), style="bold")
    title.append(f"  {verdict_of(pool)}", _STYLE[pool.fairness.verdict])
    if faults and pool.fairness.verdict != "unfair":
        title.append(visible(f", but see {listed(faults)}"), "bold yellow")
    title.append(visible(f"  ({', '.join(about(pool))})"), "not bold")
    yield title
    if not pool.picks:
        return
    yield from _keys(pool.keys, unicode)
    for sentence in pool_sentences(pool, faults):
        yield _text("  " + sentence, hanging=4)


def _keys(keys: Sequence[KeyReport], unicode: bool) -> Iterator[RenderableType]:
    """Yield the table of the keys; of many those picked most and least, and what the others are."""
    if len(keys) <= MOST_KEYS:
        yield _key_table(keys, unicode)
        return
    order = sorted(keys, key=lambda key: -key.picks)
    first, between, last = order[:AT_EITHER_END], order[AT_EITHER_END:-AT_EITHER_END], order[-AT_EITHER_END:]
    yield _key_table([*first, *last], unicode, gap_after=AT_EITHER_END, digits=_digits(len(keys)))
    fewest, most = between[-1].picks, between[0].picks
    picks = f"{fewest:,} to {most:,} picks" if fewest != most else count(most, "pick")
    yield _text(
        f"  The keys with the most and the fewest picks; the {len(between):,} between them have {picks} "
        "each. `--format json` tells them all.",
        hanging=4,
    )


def _digits(keys: int) -> int:
    """Return the decimals of a share in per cent that tell one of so many keys from another."""
    return max(1, len(str(keys)) - 2)


def _key_table(
    keys: Sequence[KeyReport], unicode: bool, *, gap_after: int | None = None, digits: int = 1
) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  key", justify="right")
    for name in ("place", "picks", "share", "expected", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("")
    widest = max(0.01 if digits == 1 else 0.0, *(max(key.share, key.expected_share) for key in keys))
    for number, key in enumerate(keys):
        if number == gap_after:
            table.add_row(*["..."] * 6, "")
        cells = round(_BAR_CELLS * key.share / widest)
        bar = Text(("█" if unicode else "#") * cells, style="cyan")
        if round(_BAR_CELLS * key.expected_share / widest) > cells:
            bar.append(
                " " * (round(_BAR_CELLS * key.expected_share / widest) - cells - 1)
                + ("│" if unicode else "|"),
                "dim",
            )
        table.add_row(
            str(key.key) if key.key is not None else "-",
            str(key.position) if key.position is not None else "-",
            f"{key.picks:,}",
            f"{100 * key.share:.{digits}f} %",
            f"{100 * key.expected_share:.{digits}f} %",
            f"{100 * key.share_low:.{digits}f} to {100 * key.share_high:.{digits}f}",
            bar,
        )
    return table


def _findings(findings: Sequence[FindingReport]) -> Iterator[RenderableType]:
    from rich.text import Text

    if not findings:
        yield Text("No findings.")
        return
    errors = sum(finding.severity == "error" for finding in findings)
    yield Text(f"{count(len(findings), 'finding')}, {count(errors, 'error')}", style="bold")
    for finding in findings:
        where = f"  {finding.pool}" if finding.pool else ""
        line = Text(f"  {finding.severity}", _STYLE[finding.severity])
        line.append(visible(f" {finding.code} {finding.name}{where}"), "bold")
        yield line
        yield _text(f"      {finding.message}.", hanging=6)
        places = finding.evidence.get("places")
        if places:
            yield _text(f"      First at {listed(list(places))}.", hanging=6)
        yield _text(f"      {finding.remedy}", hanging=6)
    yield Text("  `keyrota explain CODE` tells more about a finding.", style="dim")


def _text(text: str, hanging: int = 0) -> RenderableType:
    """Wrap a sentence, later lines indented like the first."""
    from rich.padding import Padding
    from rich.text import Text

    if not hanging:
        return Text("\n").join(Text(visible(line)) for line in text.split("\n"))
    return Padding(Text(visible(text.strip())), (0, 0, 0, len(text) - len(text.lstrip())))
