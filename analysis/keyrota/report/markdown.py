"""The report as Markdown, for a comment on an issue or a pull request: short first, evidence folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from keyrota.display import count, sentence, short_share
from keyrota.report.comparison_text import comparison_parts
from keyrota.report.console import Line, Table
from keyrota.report.markdown_text import escaped, table
from keyrota.report.pool_words import about, faults_of, pool_sentences, verdict_of, verdict_sentence
from keyrota.report.schema import FindingReport, PoolReport, Report
from keyrota.report.text import headline

_MARKS: Final = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}
MOST_KEYS: Final = 50
"""Keys in the table of a pool."""


def report_as_markdown(report: Report) -> str:
    """Return the report as Markdown.

    Parameters
    ----------
    report
        Its content, with a comparison or without.
    """
    blocks = ["# Key rotation report", escaped(" ".join(headline(report)))]
    blocks += [_verdicts(report)] if report.pools else []
    blocks += _findings(report.findings)
    for pool in report.pools:
        blocks += _pool(pool, report) if pool.picks else ()
    if report.comparison is not None:
        blocks += _parts(comparison_parts(report.comparison))
    return "\n\n".join(blocks) + "\n"


def _verdicts(report: Report) -> str:
    rows = []
    for pool in report.pools:
        share, number = pool.rejections.share, pool.rejections.count
        rejected = (
            f"{number:,} 429s"
            if share is None and number
            else "-"
            if share is None
            else short_share(share)
            if number
            else "none"
        )
        faults = faults_of(pool, report.findings)
        rows.append([pool.name, verdict_of(pool), ", ".join(faults) or "-", f"{pool.picks:,}", rejected])
    return table(["pool", "rotation", "findings", "picks", "429s of picks"], rows, words=3)


def _findings(findings: Sequence[FindingReport]) -> Iterator[str]:
    if not findings:
        yield "No findings."
        return
    errors = sum(finding.severity == "error" for finding in findings)
    yield f"## {count(len(findings), 'finding')}, {count(errors, 'error')}"
    for finding in findings:
        where = f" · {finding.pool}" if finding.pool else ""
        title = escaped(f"{finding.code} {finding.name}{where}")
        yield (
            f"- {_MARKS[finding.severity]} **{title}**: {escaped(sentence(finding.message))}.\n"
            f"  {escaped(finding.remedy)}"
        )


def _pool(pool: PoolReport, report: Report) -> Iterator[str]:
    yield f"## {escaped(pool.name)}: {verdict_of(pool)}"
    yield escaped(f"{', '.join(about(pool))}.")
    faults = faults_of(pool, report.findings)
    yield escaped(verdict_sentence(pool, faults))
    rows = [
        [
            "-" if key.key is None else str(key.key),
            f"{key.picks:,}",
            f"{100 * key.share:.1f} %",
            f"{100 * key.expected_share:.1f} %",
            f"{100 * key.share_low:.1f} to {100 * key.share_high:.1f}",
        ]
        for key in pool.keys[:MOST_KEYS]
    ]
    yield table(["key", "picks", "share", "expected", "95 % interval"], rows, words=0)
    if len(pool.keys) > MOST_KEYS:
        yield f"And {count(len(pool.keys) - MOST_KEYS, 'more key')}."
    sentences = "\n".join(f"- {escaped(told)}" for told in list(pool_sentences(pool, faults))[1:])
    yield f"<details><summary>Rotation, 429s, use</summary>\n\n{sentences}\n\n</details>"


def _parts(parts: Iterator[Line | Table]) -> Iterator[str]:
    for number, part in enumerate(parts):
        if isinstance(part, Table):
            yield table(list(part.headings), part.rows)
        elif text := escaped((part.text + part.rest).strip()):
            yield f"## {text}" if number == 0 else f"### {text}" if "bold" in part.style else text
