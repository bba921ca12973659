"""Figures as SVG and PNG: the same bytes for the same figure, and files that stay in their folder."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from keyrota.display import shown
from keyrota.errors import OutputError
from keyrota.report.atomic import refuse_to_replace, write_bytes
from keyrota.report.atomic_folder import make_folder
from keyrota.report.figures.figure import ReportFigure
from keyrota.report.figures.marks import clean
from keyrota.report.figures.style import style

LONGEST_NAME: Final = 40
"""Letters of a pool in a file's name."""


def as_svg(figure: ReportFigure) -> str:
    """Return a figure as SVG: transparent, its text as text, with its title.

    Returns
    -------
    str
        An SVG document that asks for no other file.
    """
    with _drawn(figure) as drawn:
        buffer = io.StringIO()
        drawn.savefig(
            buffer,
            format="svg",
            metadata={"Title": clean(figure.title, 200), "Date": None, "Creator": None, "Type": None},
        )
    # The declaration of a document type names a server that nobody shall ask.
    return re.sub(r"<!DOCTYPE.*?>\s*", "", buffer.getvalue(), count=1, flags=re.DOTALL)


def as_png(figure: ReportFigure) -> bytes:
    """Return a figure as PNG of 200 dots an inch, on white: it is looked at where no page inverts it."""
    with _drawn(figure) as drawn:
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _drawn(figure: ReportFigure) -> Iterator[Figure]:
    with style(), warnings.catch_warnings():
        # A name in a script that the font lacks is a row of boxes in a PNG, and right in a browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        drawn = Figure(figsize=figure.size, layout="constrained")
        figure.draw(drawn.add_subplot())
        yield drawn


def file_names(figures: Sequence[ReportFigure]) -> list[str]:
    """Return a name without its ending for each figure: of ``a`` to ``z``, digits and hyphens, each once.

    Examples
    --------
    >>> from keyrota.report.figures.figure import ReportFigure
    >>> of = lambda pool: ReportFigure("shares", pool, "", "", (), (), lambda ax: None, (1, 1))
    >>> file_names([of("CHAT"), of("chat"), of("../../etc"), of(None)])
    ['chat-shares', 'chat-2-shares', 'etc-shares', 'shares']
    """
    of_pool: dict[str, str] = {}
    for figure in figures:
        if figure.pool is None or figure.pool in of_pool:
            continue
        safe = re.sub(r"[^a-z0-9]+", "-", figure.pool.lower())[:LONGEST_NAME].strip("-") or "pool"
        taken, name, number = set(of_pool.values()), safe, 1
        while name in taken:
            number += 1
            name = f"{safe}-{number}"
        of_pool[figure.pool] = name
    names: list[str] = []
    for figure in figures:
        stem = figure.name if figure.pool is None else f"{of_pool[figure.pool]}-{figure.name}"
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return names


def write_figures(figures: Sequence[ReportFigure], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write each figure as SVG and as PNG into a folder, which is made if it is missing.

    Parameters
    ----------
    figures
        Of `pool_figures`.
    folder
        Where they go; nothing is written outside of it, and no link in it is followed.
    overwrite
        Whether files of these names that are there are replaced; no other file is touched.

    Returns
    -------
    list
        The files, in the order of the figures.

    Raises
    ------
    OutputError
        If the folder is none or cannot be made, or a file cannot be written or is there already.
    """
    _make(folder)
    targets = [folder / f"{name}.{kind}" for name in file_names(figures) for kind in ("svg", "png")]
    for target in targets:
        if target.is_symlink():
            raise OutputError(f"{shown(str(target))} is a link; remove it, or name another folder")
        refuse_to_replace(target, overwrite=overwrite)
    for figure, svg, png in zip(figures, targets[::2], targets[1::2], strict=True):
        write_bytes(svg, as_svg(figure).encode("utf-8"), overwrite=overwrite)
        write_bytes(png, as_png(figure), overwrite=overwrite)
    return targets


def _make(folder: Path) -> None:
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise OutputError(f"{shown(str(folder))} is not a folder; name a folder for the figures")
    make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{shown(str(folder))}: files cannot be written there; name another folder")
