"""Blocks of rows that a kernel wrote, put together to `Rows`, and what the words of an error say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.logs.columns import Growing, expected_rows, is_constant
from keyrota.logs.encoding import decoded_text
from keyrota.logs.json_stream import decode_json
from keyrota.logs.rows import CAUSE_CODES, DTYPES, KIND_CODES, MISSING, Rows
from keyrota.logs.rules import RuleTable
from keyrota.logs.scan.csv_odd import cell_text
from keyrota.logs.scan.errors import Errors
from keyrota.logs.scan.names import Names, texts_of
from keyrota.logs.scan.sink import Sink

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLUMNS: Final = tuple(name for name in Sink._fields if name in DTYPES)
_REJECTION: Final = KIND_CODES["rejection"]


def _json_text(data: bytes) -> str:
    return str(decode_json('"' + decoded_text(data) + '"'))


TEXTS: Final[dict[str, Callable[[bytes], str]]] = {"json": _json_text, "csv": cell_text, "text": decoded_text}
"""What makes the bytes of a message its text."""


class Columns:
    """The rows of one scan so far.

    Parameters
    ----------
    rules
        The grammar, which reads the words of rejections.
    text_of
        Makes the bytes of a message its text.
    """

    def __init__(self, rules: RuleTable, text_of: Callable[[bytes], str]) -> None:
        self._read = Errors(rules, text_of)
        self._columns = {name: Growing(DTYPES[name]) for name in _COLUMNS}
        self._number = 0
        self._errors: list[int] = []
        self._said: list[int] = []
        self._texts: dict[int, str] = {}
        self._refused: list[int] = []

    def take(self, sink: Sink, rows: int, share: float) -> None:
        """Take the rows of a block; such a share of the log is done with."""
        if not rows:
            return
        self._read_texts(sink, rows)
        self._number += rows
        expected = expected_rows(self._number, share)
        for name, column in self._columns.items():
            column.add(getattr(sink, name)[:rows], expected)

    def _read_texts(self, sink: Sink, rows: int) -> None:
        """Read the errors among the rows of a block, and the lines of their bodies."""
        places = np.flatnonzero(sink.text_start[:rows] >= 0)
        is_error = sink.kind[places] == _REJECTION
        bodies, errors = places[~is_error], places[is_error]
        told = map(self._read.fragments.__getitem__, _words(sink, bodies))
        self._texts.update(zip((bodies + self._number).tolist(), told, strict=True))
        for place, message in zip((errors + self._number).tolist(), _words(sink, errors), strict=True):
            text, said = self._read.rejection(message)
            if said < 0:
                self._refused.append(place)
            else:
                self._errors.append(place)
                self._said.append(said)
            if text:
                self._texts[place] = text

    def done(self, names: Names) -> Rows:
        """Return the rows; nothing is left here."""
        columns = {name: column.done() for name, column in self._columns.items()}
        texts = texts_of(names)
        if self._errors:
            columns.update(self._told_by_errors(columns, texts))
        rows = Rows.made(self._number, texts, columns, self._texts)
        if not self._refused:
            return rows
        is_kept = np.ones(self._number, dtype=bool)
        is_kept[self._refused] = False
        return rows.take(is_kept)

    def _told_by_errors(self, columns: dict[str, NDArray[Any]], names: list[str]) -> dict[str, NDArray[Any]]:
        said = self._read.said
        models = {one.model for one in said if one.model is not None}
        # There are few models and many names: these are gone through once, and no index of them is made.
        codes = {name: code for code, name in enumerate(names) if name in models}
        for model in sorted(models - codes.keys()):
            codes[model] = len(names)
            names.append(model)
        causes = np.array([CAUSE_CODES[one.cause] for one in said])
        limits = np.array([MISSING if one.limit is None else one.limit for one in said])
        models_said = np.array([MISSING if one.model is None else codes[one.model] for one in said])
        delays = np.array([np.nan if one.retry_after_s is None else one.retry_after_s for one in said])
        told: dict[str, NDArray[Any]] = {
            "limit": np.full(self._number, MISSING, dtype=np.int64),
            "model": np.full(self._number, MISSING, dtype=np.int32),
            "retry_after_s": _writable(columns["retry_after_s"]),
            "cause": _writable(columns["cause"]),
        }
        places, which = np.array(self._errors), np.array(self._said)
        told["cause"][places] = causes[which]
        told["limit"][places] = limits[which]
        told["model"][places] = models_said[which]
        is_delayed = ~np.isnan(delays)[which]
        told["retry_after_s"][places[is_delayed]] = delays[which[is_delayed]]
        return told


def _words(sink: Sink, places: NDArray[np.intp]) -> list[bytes]:
    """Return the texts of some rows of a block."""
    starts, ends = sink.text_start[places].tolist(), sink.text_end[places].tolist()
    whole = sink.texts[: max(ends, default=0)].tobytes()
    return [whole[start:end] for start, end in zip(starts, ends, strict=True)]


def _writable(column: NDArray[Any]) -> NDArray[Any]:
    return column.copy() if is_constant(column) else column
