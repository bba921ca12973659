"""A report for a terminal, a pipe or a mail: tables and sentences.

Text of a log reaches Rich only as `rich.text.Text` that `keyrota.display.visible` has cleaned: no
markup is read and no control character passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from keyrota.display import count, listed, visible
from keyrota.findings.wording import p_in_words
from keyrota.report.console import WIDTH, rendered
from keyrota.report.quota_text import quota_sentences
from keyrota.report.schema import FindingReport, KeyReport, PoolReport, Report

if TYPE_CHECKING:
    from rich.console import RenderableType

ALMOST_ALL: Final = 0.9
"""Share of cold starts from which round robin hardly acts."""

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

    parts: list[RenderableType] = [_headline(report)]
    for pool in report.pools:
        faults = [f.code for f in report.findings if f.pool == pool.name and f.severity != "note"]
        parts += ["", *_pool(pool, faults, unicode)]
    parts += ["", *_findings(report.findings)]
    return rendered([Group(*parts)], color=color, width=width)


def _headline(report: Report) -> RenderableType:
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
    return _text("\n".join(lines))


def _span(report: Report) -> str:
    if report.span.first is None or report.span.last is None:
        return ", without times"
    return f", {_minute(report.span.first)} to {_minute(report.span.last)} UTC"


def _minute(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _pool(pool: PoolReport, faults: list[str], unicode: bool) -> Iterator[RenderableType]:
    from rich.text import Text

    about = [
        count(len([key for key in pool.keys if key.expected_share or key.picks]) or len(pool.keys), "key")
    ]
    about += [pool.model] if pool.model else []
    about += [listed(pool.functions)] if pool.functions else []
    about += [] if pool.declared else ["not declared"]
    title = Text(visible(pool.name), style="bold")
    title.append(f"  {pool.fairness.verdict if pool.picks else 'no picks'}", _STYLE[pool.fairness.verdict])
    if faults and pool.fairness.verdict != "unfair":
        title.append(f", but see {listed(faults)}", "bold yellow")
    title.append(visible(f"  ({', '.join(about)})"), "not bold")
    yield title
    if not pool.picks:
        return
    yield _keys(pool.keys, unicode)
    for sentence in _sentences(pool, faults):
        yield _text("  " + sentence, hanging=4)


def _keys(keys: Sequence[KeyReport], unicode: bool) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  key", justify="right")
    for name in ("place", "picks", "share", "expected", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("")
    widest = max(0.01, *(max(key.share, key.expected_share) for key in keys))
    for key in keys:
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
            f"{100 * key.share:.1f} %",
            f"{100 * key.expected_share:.1f} %",
            f"{100 * key.share_low:.1f} to {100 * key.share_high:.1f}",
            bar,
        )
    return table


def _sentences(pool: PoolReport, faults: list[str]) -> Iterator[str]:
    yield from _verdict(pool, faults)
    rotation = pool.rotation
    if rotation.isolates is not None and rotation.cold_start_share is not None:
        known = "" if rotation.isolates_known else " (not all by execution id)"
        broken = f"{rotation.broken_steps} of {count(sum(rotation.steps.values()), 'step')} broken"
        several = rotation.picks_per_request
        per_request = f", {several:.2f} picks per request" if several is not None and several > 1.2 else ""
        yield (
            f"{count(rotation.isolates, 'isolate')}{known}; "
            f"{100 * rotation.cold_start_share:.0f} % of the picks are cold starts, "
            f"{rotation.mean_run_length:.1f} picks per isolate, {broken}{per_request}."
        )
        if rotation.cold_start_share >= ALMOST_ALL and pool.picks >= rotation.isolates > 1:
            yield (
                "Nearly every pick is an isolate's first, so that random start plus round robin is in effect "
                "a random choice."
            )
    else:
        yield "Isolates unknown: the log carries no execution ids."
    yield from quota_sentences(pool)


def _verdict(pool: PoolReport, faults: list[str]) -> Iterator[str]:
    fairness = pool.fairness
    p_value = p_in_words(fairness.p_value) if fairness.p_value is not None else "no test"
    if fairness.verdict == "unfair" and not {"R101", "R102", "R106"}.intersection(faults):
        words = "Unfair: the order of the keys inside isolates is broken, whatever the shares"
    elif fairness.verdict == "unfair":
        words = "Unfair: the keys are not picked as the declared rotation picks them"
    elif fairness.verdict == "fair":
        words = (
            "Fair: the keys are picked as the declared rotation picks them"
            if pool.rotation.isolates is not None
            else "Fair: the shares are even; the log does not show the order of the keys inside isolates"
        )
    else:
        needed = f"; about {fairness.picks_needed:,} picks are needed" if fairness.picks_needed else ""
        words = f"Not enough data for a verdict{needed}"
    yield f"{words} ({p_value})."
    yield f"Null: {fairness.null}."


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
