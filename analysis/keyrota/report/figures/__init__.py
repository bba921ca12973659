"""Figures of pools, plans and usable rates: the same for the report page, for files and for notebooks."""

from __future__ import annotations

from keyrota.planning.share_curve import ShareCurve
from keyrota.report.figures.curve import draw_share_curve, share_curve_figure
from keyrota.report.figures.days import draw_days
from keyrota.report.figures.figure import ReportFigure
from keyrota.report.figures.files import as_png, as_svg, write_figures
from keyrota.report.figures.of_report import NAMES, pool_figures
from keyrota.report.figures.onset import draw_onset, onset_figure
from keyrota.report.figures.options import draw_options
from keyrota.report.figures.positions import draw_positions
from keyrota.report.figures.prediction import draw_prediction
from keyrota.report.figures.rejections import draw_day_so_far, draw_peaks, draw_rejections
from keyrota.report.figures.shares import draw_shares
from keyrota.report.figures.style import style
from keyrota.report.figures.use import draw_use

__all__ = [
    "NAMES",
    "ReportFigure",
    "ShareCurve",
    "as_png",
    "as_svg",
    "draw_day_so_far",
    "draw_days",
    "draw_onset",
    "draw_options",
    "draw_peaks",
    "draw_positions",
    "draw_prediction",
    "draw_rejections",
    "draw_share_curve",
    "draw_shares",
    "draw_use",
    "onset_figure",
    "pool_figures",
    "share_curve_figure",
    "style",
    "write_figures",
]
