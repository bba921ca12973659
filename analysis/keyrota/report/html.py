"""The report page: one file, no script, nothing loaded from anywhere, whatever a log holds.

Jinja2 escapes every value; the page's policy lets through its one style sheet, by its hash, and pictures
inside the file. Figures are drawn once, on nothing: in dark mode the style sheet inverts them.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import sentence, short_share, visible
from keyrota.report.comparison_text import comparison_parts
from keyrota.report.console import UNBROKEN, Line, Table
from keyrota.report.figures import ReportFigure, as_svg, pool_figures
from keyrota.report.model import verdict as model_verdict
from keyrota.report.page import Page, spark
from keyrota.report.plan import describe
from keyrota.report.plan_text import cells, headings, legend, pasted
from keyrota.report.plan_words import PROJECTS, demand_of, further, limits_of, reason
from keyrota.report.pool_words import about, faults_of, pool_sentences, verdict_of, verdict_sentence
from keyrota.report.schema import FindingReport, PoolReport
from keyrota.report.text import headline

if TYPE_CHECKING:
    from jinja2 import Environment

SPARK_WIDTH: Final = 120
SPARK_HEIGHT: Final = 24
OPTIONS: Final = "options"
"""The figure that stands with the plan."""

WINDOWS: Final = {
    "fixed": "fixed minutes, as the log shows", "sliding": "the last 60 s, as the log shows",
    "unknown": "does not show",
}  # fmt: skip
_VERSIONS: Final = ("numpy", "scipy", "numba", "matplotlib")


def as_html(page: Page) -> str:
    """Return the page as one HTML file.

    Parameters
    ----------
    page
        Its content.
    """
    style = files("keyrota.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    figures = figures_of(page)
    return _environment().get_template("report.html").render(
        style=style,
        style_hash=f"sha256-{digest}",
        headline=headline(page.report),
        pools=[_pool(pool, page, figures) for pool in page.report.pools],
        findings=[_finding(finding) for finding in page.report.findings],
        overall=[_shown(figure) for figure in figures if figure.pool is None],
        comparison=_parts(page),
        plan=_plan(page, figures),
        provenance=_provenance(page),
        report=page.report,
        left_out=page.left_out,
    )  # fmt: skip


def figures_of(page: Page) -> list[ReportFigure]:
    """Return the figures of a page."""
    plan = describe(page.plans, page.reading.pools) if page.plans else None
    return pool_figures(page.report, page.models, plan)


def _pool(pool: PoolReport, page: Page, figures: Iterable[ReportFigure]) -> dict[str, Any]:
    faults = faults_of(pool, page.report.findings)
    model = page.model_of(pool)
    return {
        "name": pool.name,
        "about": about(pool),
        "verdict": verdict_of(pool),
        "sentence": verdict_sentence(pool, faults) if pool.picks else "The logs hold no pick of this pool.",
        "faults": faults,
        "spark": _points(spark(pool)),
        "rejected": _rejected(pool),
        "sentences": list(pool_sentences(pool, faults))[1:] if pool.picks else [],
        "model": model_verdict(model) if model is not None else None,
        "figures": [
            _shown(figure) for figure in figures if figure.pool == pool.name and figure.name != OPTIONS
        ],
    }


def _finding(finding: FindingReport) -> dict[str, Any]:
    evidence = [(name.replace("_", " "), _value(value)) for name, value in finding.evidence.items()]
    return {
        "severity": finding.severity, "code": finding.code, "name": finding.name, "pool": finding.pool,
        "message": finding.message, "remedy": finding.remedy, "evidence": evidence,
    }  # fmt: skip


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_value(own) for own in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_value(own)}" for name, own in value.items())
    return "-" if value is None else str(value)


def _rejected(pool: PoolReport) -> str:
    if not pool.rejections.count:
        return "no 429s"
    share = f" ({short_share(pool.rejections.share)} of picks)" if pool.rejections.share is not None else ""
    return f"429s: {pool.rejections.count:,}{share}"


def _shown(figure: ReportFigure) -> dict[str, Any]:
    data = base64.b64encode(as_svg(figure).encode("utf-8")).decode("ascii")
    return {
        "name": figure.name, "title": figure.title, "alt": figure.alt, "columns": figure.columns,
        "rows": figure.rows, "source": f"data:image/svg+xml;base64,{data}",
        "width": round(96 * figure.size[0]), "height": round(96 * figure.size[1]),
    }  # fmt: skip


def _points(values: Sequence[int]) -> str:
    """Return the corners of a sparkline, from its picks; nothing for fewer than two spans."""
    if len(values) < 2:
        return ""
    step, most = SPARK_WIDTH / (len(values) - 1), max(max(values), 1)
    return " ".join(
        f"{place * step:.1f},{SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / most:.1f}"
        for place, value in enumerate(values)
    )


def _parts(page: Page) -> list[dict[str, Any]]:
    if page.report.comparison is None:
        return []
    parts: list[dict[str, Any]] = []
    for part in comparison_parts(page.report.comparison):
        if isinstance(part, Table):
            parts.append({"headings": part.headings, "rows": part.rows})
        elif isinstance(part, Line) and (part.text + part.rest).strip():
            parts.append({"text": (part.text + part.rest).strip(), "is_bold": "bold" in part.style})
    return parts


def _plan(page: Page, figures: Sequence[ReportFigure]) -> dict[str, Any] | None:
    if not page.plans:
        return None
    return {
        "pools": [
            {
                "name": plan.pool,
                "limits": limits_of(plan.scenario.pools[0]),
                "demand": demand_of(plan),
                "reason": reason(plan),
                "further": list(further(plan)),
                "figures": [_shown(own) for own in figures if own.pool == plan.pool and own.name == OPTIONS],
                "headings": headings(plan),
                "rows": [
                    cells([plan.result(option, window) for window in plan.windows]) for option in plan.options
                ]
                if plan.results
                else [],
            }
            for plan in page.plans
        ],
        "legend": legend(page.plans),
        "projects": PROJECTS,
        "pasted": [
            {"title": title, "lines": code.rstrip().split("\n")}
            for title, _, code in pasted(page.plans, page.reading.pools)
        ],
    }


def _provenance(page: Page) -> dict[str, Any]:
    report = page.report
    windows = {pool.name: pool.limits.window for pool in report.pools if pool.limits is not None}
    return {
        "software": [f"keyrota {report.version}", f"Python {platform.python_version()}", *_installed()],
        "settings": [
            f"level of the verdicts over all pools {report.alpha:g}",
            f"target {100 * page.target:g} % 429s",
            f"seed {page.seed}",
        ],
        "nulls": [(pool.name, pool.fairness.null) for pool in report.pools if pool.picks],
        "declared": [
            (
                pool.name,
                limits_of(pool),
                ", ".join(map(str, pool.keys)),
                WINDOWS.get(windows.get(pool.name, ""), "-"),
            )
            for pool in page.reading.pools
        ],
        "source": page.reading.pools.source,
        "sources": [
            (
                source.name,
                source.format + (f", {source.compression}" if source.compression else ""),
                *(
                    f"{number:,}"
                    for number in (
                        source.lines, source.used, source.ignored, source.malformed, source.duplicates,
                    )
                ),
            )
            for source in report.input.sources
        ],
    }  # fmt: skip


def _installed() -> list[str]:
    found = []
    for name in _VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("keyrota.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_clean,
    )  # fmt: skip
    environment.filters["pieces"] = _pieces
    environment.filters["sentence"] = sentence
    return environment


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Return a sentence in pieces, and which of them stand between backquotes: commands."""
    return [(piece, bool(place % 2)) for place, piece in enumerate(text.split("`"))]


def _clean(value: Any) -> Any:
    """Spell out control characters and mask keys in every text that reaches the page."""
    return visible(value.replace(UNBROKEN, "\u00a0")) if type(value) is str else value
