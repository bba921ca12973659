"""What notebooks show: tables, figures, sentences; nothing of a log becomes markup."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import keyrota
from keyrota.planning.against_theory import compare, theory_cases
from keyrota.planning.cold_starts import cold_starts
from keyrota.report import notebook_tables as tables
from keyrota.report.console import UNBROKEN
from keyrota.report.figures import as_svg, pool_figures
from keyrota.report.figures.against_theory import against_theory_figure
from keyrota.report.figures.cold_starts import unevenness_figure, usable_by_cold_starts_figure
from keyrota.report.figures.figure import ReportFigure
from keyrota.report.figures.p_values import p_values_figure
from keyrota.report.notebook import FigureView, TextView, Together, figure_as_html, say, show, table
from keyrota.rotation.textbook import logs_under_test
from keyrota.simulation.simple import simple_scenario

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
HOSTILE = '<img src=x onerror="alert(1)"> $\\href{javascript:alert(1)}{x}$ AIzaSyA1234567890'


def drawn(ax):
    ax.plot([0, 1], [0, 1])


def figure(**changes):
    given = {"name": "shares", "pool": None, "title": "Shares", "alt": "Two shares", "columns": ("a",),
             "rows": (("1",),), "draw": drawn, "size": (2.0, 1.0), **changes}  # fmt: skip
    return ReportFigure(**given)


@pytest.mark.parametrize(
    "view",
    [
        table((HOSTILE,), [(HOSTILE,)], title=HOSTILE),
        TextView(((HOSTILE, (HOSTILE,)),), ((HOSTILE, HOSTILE),)),
        say(HOSTILE),
        show(figure(title=HOSTILE, alt=HOSTILE, pool=HOSTILE, columns=(HOSTILE,), rows=((HOSTILE,),))),
    ],
    ids=["table", "text", "say", "figure"],
)
def test_nothing_of_a_log_becomes_markup(view):
    """Markup is escaped, keys are masked, and MathJax keeps out; in text as well."""
    html = view._repr_html_()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
    assert "AIza" not in html + repr(view)
    assert html.count("mathjax_ignore") >= 1


def test_a_table_shows_itself():
    """Headings, cells and title; text that must not be broken has its blank again."""
    own = table(["pool", "share"], [("CHAT", f"1{UNBROKEN}%")], title="Pools")
    assert repr(own) == "Pools\npool  share\nCHAT  1\u00a0%"
    assert re.findall(r"<t[dh][^>]*>([^<]*)</", own._repr_html_()) == ["pool", "share", "CHAT", "1\u00a0%"]
    assert "<strong>Pools</strong>" in own._repr_html_()


def test_a_figure_has_its_text_and_its_numbers():
    """The picture carries the text alternative, the table below its numbers; without rows there is none."""
    html = show(figure(pool="CHAT"), None)._repr_html_()
    assert html.count("<img") == 1
    assert 'alt="Two shares"' in html
    assert "<strong>CHAT: Shares</strong>" in html
    assert "<details" in html
    assert "<details" not in figure_as_html(figure(), with_numbers=False)
    assert "http" not in html
    assert repr(show(figure())) == "Shares: Two shares"


def test_views_stand_together():
    """Several views give the HTML and the text of each."""
    both = Together((table(["a"], []), say("done")))
    assert both._repr_html_() == "".join(view._repr_html_() for view in both.views)
    assert repr(both) == "a\n\ndone"


@pytest.fixture(scope="module")
def report():
    return keyrota.judge(keyrota.read(SAMPLES / "start_at_first.csv"))


def test_verdicts_and_findings_are_the_reports(report):
    """A row for each pool and each finding."""
    verdicts = tables.verdict_table(report)
    assert [row[:2] for row in verdicts.rows] == [
        ("CHAT", "unfair"), ("ARTIFACT", "no picks"), ("IMAGE", "no picks"),
    ]  # fmt: skip
    assert [row[1] for row in tables.findings_table(report).rows] == [own.code for own in report.findings]
    assert isinstance(show(*pool_figures(report)), FigureView)


def test_tables_of_a_plan():
    """Usable rates, options, days, growth and advice tell one and the same plan."""
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, policy="random")
    plan = keyrota.make_plan(scenario, pool="POOL", windows=["fixed"], growth_per_day=0.01)
    onset = keyrota.find_onset(scenario, pool="POOL", sizes=[2, 4])
    (row,) = tables.usable_table([onset], [plan]).rows
    assert row[:4] == ("POOL", "2", "1", "4")
    assert float(row[4].split(UNBROKEN)[0]) == pytest.approx(0.5225, rel=0.06)
    assert row[5:7] == ("no limit", "-")
    assert len(tables.option_tables([plan]).views[0].rows) == len(plan.options)
    assert tables.day_table([plan]).rows[0][1:3] == ("1,440", "no limit")
    assert tables.growth_table([plan]).rows[0][4] == "exceeds the target already"
    still = keyrota.make_plan(scenario, pool="POOL", windows=["fixed"])
    assert "No growth was asked for" in repr(tables.growth_table([still]))
    config = keyrota.PoolConfig(pools=scenario.pools, source="test")
    told = tables.advice([plan], config)
    assert told.paragraphs[0][0] == "POOL, 2 keys of 2 requests a minute"
    assert [title for title, _ in told.pieces] == ["The next key on a 429"]
    assert [own.name for own in tables.onset_figures([onset])] == ["onset"]
    assert [own.name for own in tables.options_figures([plan], config)] == ["options"]


def test_figures_of_the_notebooks_are_drawn():
    """Each is valid SVG with an alternative that states its numbers, and a row for each case."""
    tests = logs_under_test(size=2, run_length=3, runs=50, logs=200, draws=500)
    faulty = logs_under_test(size=2, run_length=3, runs=50, first_share=0.7, logs=200, draws=500)
    found = cold_starts(keys=2, per_minute=2, slots=[1, 2], lives_s=[75.0], precision=0.3, replications=3)
    comparisons = [compare(case, engine="compiled", requests=2_000) for case in theory_cases()[:3]]
    own = [
        p_values_figure(tests), p_values_figure(faulty), usable_by_cold_starts_figure(found),
        unevenness_figure(found), against_theory_figure(comparisons),
    ]  # fmt: skip
    for each, rows in zip(own, (3, 3, 2, 2, 3), strict=True):
        assert ET.fromstring(as_svg(each)).tag.endswith("svg")
        assert len(each.rows) == rows
        assert all(len(row) == len(each.columns) for row in each.rows)
        assert re.search(r"\d", each.alt)
    assert "fair logs called unfair" in as_svg(own[0])
    assert "faulty logs found" in as_svg(own[1])
    assert "1 slot" in as_svg(own[2])
