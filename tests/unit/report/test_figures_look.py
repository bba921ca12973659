"""The look of the figures: nothing overlaps or leaves the page, text of a log is text, in any amount."""

import datetime as dt
import itertools
import warnings
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from keyrota.planning.share_curve import ShareCurve
from keyrota.quota.days import PACIFIC
from keyrota.report import figures
from keyrota.report.model import PoolModel
from keyrota.report.onset import PoolOnsetReport, SizeReport
from keyrota.report.plan import DemandReport, OptionReport, PoolPlanReport, RecommendationReport
from keyrota.report.schema import (
    DayReport,
    FairnessReport,
    InputReport,
    KeyReport,
    LimitReport,
    LimitsReport,
    OverTimeReport,
    PoolReport,
    RejectionsReport,
    Report,
    RotationReport,
    RunReport,
    SpanReport,
    UsageReport,
    UseReport,
)
from keyrota.simulation.estimates import Quantity

BEGIN = dt.datetime(2025, 11, 10, 8, tzinfo=dt.UTC)  # midnight in Los Angeles
HOSTILE = "$\\frac{1}$ <b>&\ud800\x1b[31m\ufffe\u202e " + "long " * 40


def iso(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000000000Z"


def use(start, keys, factor, rng):
    """An hour or day with some picks of every key, and 429s of every cause."""
    picks = {str(key): int(rng.integers(0, 9 * factor)) for key in range(1, keys + 1)}
    causes = {"per-day": 3 * factor, "per-minute": 2 * factor, "tokens-per-minute": 1, "unknown": 1}
    total = sum(causes.values())
    return UseReport(
        iso(start),
        sum(picks.values()),
        picks,
        total,
        0.2,
        causes,
        int(rng.integers(1, 6)),
        max(picks.values()) * (1 + start.hour % 8),
    )


def pool_report(name="CHAT", *, keys=4, hours=24, limit=2, run=20):
    """A pool with everything that a figure can show."""
    rng = np.random.default_rng(20251110)
    by_hour = [use(BEGIN + dt.timedelta(hours=hour), keys, 1, rng) for hour in range(hours)]
    midnights = [
        (BEGIN + dt.timedelta(hours=24 * day)).astimezone(PACIFIC).replace(hour=0).astimezone(dt.UTC)
        for day in range(-(-hours // 24))
    ]
    days = [
        DayReport(
            str(midnight.astimezone(PACIFIC).date()), int(rng.integers(50, 400)), 50 * keys,
            iso(midnight + dt.timedelta(hours=9)) if place % 2 == 0 else None, place > 0,
            {"1": iso(midnight + dt.timedelta(hours=9))} if place % 2 == 0 else {},
        )
        for place, midnight in enumerate(midnights)
    ]  # fmt: skip
    share = 1 / keys
    return PoolReport(
        name=name, model=None, functions=[], declared=True, picks=1204,
        keys=[
            KeyReport(key, key, 1204 // keys, share * (1.6 if key == 2 else 1), share, share * 0.8 * (
                1.5 if key == 2 else 1), share * (1.8 if key == 2 else 1.3))
            for key in range(1, keys + 1)
        ],
        fairness=FairnessReport("fair", 0.5, "null", None),
        rotation=RotationReport(9, True, 0.1, 9.0, 0, {}, None, None),
        rejections=RejectionsReport(7, 0.1, {}, None, None),
        usage=UsageReport(9, 5, days),
        limits=LimitsReport(
            LimitReport(limit, 3, 3, 3, 3, 3), LimitReport(50, 50, None, None, None, 50), "fixed", 0, 0
        ),
        over_time=OverTimeReport(by_hour, [use(midnight, keys, 20, rng) for midnight in midnights], []),
        runs=[
            RunReport(iso(BEGIN), keys, run + 5, [
                *((place + start) % keys + 1 for place in range(run - 1)), 1])
            for start in range(6)
        ],
    )  # fmt: skip


def report(*pools):
    nothing = InputReport([], 0, 0, 0, 0, 0, 0, [], {})
    return Report("keyrota.report/1", "0", nothing, SpanReport(None, None), 1e-3, list(pools), [])


def quantity(value):
    return Quantity(
        estimate=value, standard_error=0.1 * value, ci_low=0.8 * value, ci_high=1.2 * value, replications=20
    )


def model(name, *, explains=True):
    return PoolModel(name, "p", "fail", 1, "fixed", 500, 0.3, 0.2, 0.1, 0.28, explains, [], [])


def plan(name, *, keys=7):
    words = ["as it rotates today", "the next key on a 429", "one shared counter", "back off and try again"]
    options = [
        OptionReport("p", "fail", window, text, None if place == 3 else keys + place, quantity(0.008), None,
                     True, None, 0.5, quantity(0.612), False)
        for place, text in enumerate(words) for window in ("fixed", "sliding")
    ]  # fmt: skip
    advice = RecommendationReport("keys", None, None, keys, "", [], "", [], "")
    return PoolPlanReport(name, 4, "compiled", {}, ["fixed", "sliding"], DemandReport(1, 1440, "log"), None,
                          None, None, options, advice, None, None, None)  # fmt: skip


def onset(name, sizes):
    rows = [
        SizeReport(n, 2.0 * n, quantity(0.26 * n), 0.262 * n, None, None, None, None, True, None, None, True)
        for n in sizes
    ]
    return PoolOnsetReport(name, 4, "compiled", {}, rows)


def curve(rates, *, simulated=True):
    share = np.minimum(1.0, rates / 10)
    columns = (share, 0.9 * share, np.minimum(1.0, 1.1 * share)) if simulated else (None, None, None)
    return ShareCurve(rates, share, *columns, 0.01, 0.26, 2.0, "2 keys")


def everything(name, **size):
    """Every figure that there is, of a pool of some size."""
    from keyrota.report.figures.options import options_figure

    pool = pool_report(name, **size)
    return [
        *figures.pool_figures(report(pool), [model(name), model("B", explains=False)]),
        options_figure(plan(name)),
        figures.onset_figure(onset(name, range(1, 13))),
        figures.share_curve_figure(curve(np.linspace(0.1, 5, 40))),
    ]


def drawn(figure):
    """The figure as matplotlib lays it out, with its canvas."""
    with figures.style():
        page = Figure(figsize=figure.size, layout="constrained")
        figure.draw(page.add_subplot())
        FigureCanvasAgg(page).draw()
    return page


def overlaps(one, other, slack=1.0):
    return (
        min(one.x1, other.x1) - max(one.x0, other.x0) > slack
        and min(one.y1, other.y1) - max(one.y0, other.y0) > slack
    )


def outside(axis):
    """Labels of ticks beyond an axis' span: matplotlib keeps them, and does not draw them."""
    low, high = sorted(axis.get_view_interval())
    return {
        id(text)
        for tick in axis.get_major_ticks()
        if not low - 1e-9 <= tick.get_loc() <= high + 1e-9
        for text in (tick.label1, tick.label2)
    }


def shown_texts(page):
    """Every text that a reader sees, with its box."""
    hidden = set()
    for axes in page.findobj(mpl.axes.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            hidden |= outside(axis) if axes.axison else {id(text) for text in axis.findobj(Text)}
    return [
        (text.get_text(), text.get_window_extent())
        for text in page.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


SIZES = [(2, 1, 2), (4, 24, 1000), (10, 60 * 24, 2), (50, 72, 5), (65, 200 * 24, 2)]


@pytest.mark.parametrize(("keys", "hours", "limit"), SIZES)
def test_no_text_overlaps_or_is_cut(keys, hours, limit):
    """For few keys and many, an hour and a year: no two texts overlap, and none leaves the figure."""
    bad = []
    for figure in everything("A long name of a pool " * 4, keys=keys, hours=hours, limit=limit, run=40):
        page = drawn(figure)
        texts = shown_texts(page)
        assert texts, figure.name
        for (one, box), (other, second) in itertools.combinations(texts, 2):
            if overlaps(box, second):
                bad.append((figure.name, "overlap", one, other))
        bad += [
            (figure.name, "cut", text, box)
            for text, box in texts
            if box.x0 < -1 or box.y0 < -1 or box.x1 > page.bbox.x1 + 1 or box.y1 > page.bbox.y1 + 1
        ]
    assert not bad


def test_text_of_a_log_is_shown_and_never_read():
    """Dollar signs, markup, control characters, surrogates and long names end up as plain, valid text."""
    for figure in everything(HOSTILE, hours=2):
        svg = figures.as_svg(figure)
        svg.encode("utf-8")
        words = "".join(ET.fromstring(svg).itertext())
        assert "\x1b" not in words + figure.alt
        assert "\ud800" not in words + figure.alt
        assert figure.name != "prediction" or r"$\frac{1}$" in words
        assert figure.name != "prediction" or figures.as_png(figure).startswith(b"\x89PNG")


def test_a_name_is_text_in_a_readers_own_style():
    """Drawn into a figure of a notebook, with math on, a name is still text, and the settings come back."""
    with mpl.rc_context({"text.parse_math": True, "axes.edgecolor": "red", "font.size": 30.0}):
        before = dict(mpl.rcParams)
        page = Figure()
        axes = page.add_subplot()
        figures.draw_prediction(axes, [model("$\\frac{1}{0$")])
        assert dict(mpl.rcParams) == before
        FigureCanvasAgg(page).draw()
        assert [label.get_text() for label in axes.get_yticklabels()] == ["$\\frac{1}{0$"]
        assert not axes.get_yticklabels()[0].get_parse_math()
        assert axes.xaxis.label.get_size() == 9.0


def test_a_script_that_the_font_lacks_is_no_error():
    """A name in Chinese is in the SVG as it is; the PNG is drawn without a warning."""
    figure = figures.pool_figures(report(), [model("金鑰池")])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "金鑰池" in figures.as_svg(figure)
        assert figures.as_png(figure)


def test_one_moment_and_one_key():
    """A single pick of a single key, and a curve of a single rate, are drawn."""
    small = everything("ONE", keys=1, hours=1, run=2)
    lonely = figures.share_curve_figure(curve(np.array([1.0]), simulated=False))
    single = figures.onset_figure(onset("ONE", [1]))
    for figure in [*small, lonely, single]:
        assert figures.as_svg(figure).startswith("<?xml")


@pytest.mark.parametrize("draw", ["use", "rejections", "peaks", "day_so_far", "days", "shares", "positions"])
def test_nothing_to_draw_is_no_error(draw):
    """A pool without picks, times or isolates leaves the axes empty."""
    from keyrota.events import make_events
    from keyrota.report.content import judge

    axes = Figure().add_subplot()
    getattr(figures, f"draw_{draw}")(axes, judge(make_events({"kind": []})).pools[0])
    FigureCanvasAgg(axes.figure).draw()


def test_an_svg_is_see_through_alone_and_asks_for_nothing():
    """No background, no date, no address to fetch: text is text, in a generic family."""
    for figure in everything("CHAT"):
        svg = figures.as_svg(figure)
        root = ET.fromstring(svg)
        assert "<text" in svg
        assert "sans-serif" in svg
        assert "dc:date" not in svg
        assert "<!DOCTYPE" not in svg
        assert "Matplotlib" not in svg
        for node in root.iter():
            for name, value in node.attrib.items():
                if name.endswith("href"):
                    assert value.startswith(("#", "data:image/png;base64,"))
        background = root.find(".//*[@id='patch_1']/*")
        assert "fill: none" in background.get("style")


def test_every_name_is_in_the_list_and_sizes_fit_a_phone():
    """Names are from the fixed vocabulary, figures are as wide as the house's, titles and texts are there."""
    found = everything("CHAT")
    assert {figure.name for figure in found} == set(figures.NAMES)
    for figure in found:
        assert figure.size[0] == 4.2
        assert figure.title
        assert figure.alt.endswith(".")
        assert 0 < len(figure.rows) <= 200
        assert {len(row) for row in figure.rows} == {len(figure.columns)}


def test_tables_are_bounded():
    """Many days and keys have at most 200 rows, and little SVG."""
    for figure in everything("CHAT", keys=80, hours=210 * 24):
        assert len(figure.rows) <= 200
        assert len(figures.as_svg(figure)) < 150_000
