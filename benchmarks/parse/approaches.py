"""Every way of reading that is measured, by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

Read = Callable[[list[Path], int], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """One way of reading.

    `engine` is what it is counted under when the best form of an engine is asked for. A mark returns no
    table. A slow one is measured on a smaller file, because its rate does not depend on the size.
    """

    name: str
    engine: str
    module: str
    function: str
    shapes: tuple[str, ...] = ("text", "ndjson", "csv")
    threads: tuple[int, ...] = (1,)  # ours says itself how many it takes
    is_mark: bool = False
    is_slow: bool = False
    takes_threads: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    program: str = ""  # what must be installed beside Python

    @property
    def is_possible(self) -> bool:
        """Whether its program is installed."""
        return not self.program or shutil.which(self.program) is not None

    def load(self, shape: str) -> Read:
        """Import what is needed and return a function of paths and threads."""
        module = __import__(self.module)
        function = getattr(module, self.function.format(shape=shape))
        if self.module == "ours":
            return function
        function = partial(function, **dict(self.options))
        if self.takes_threads:
            return lambda paths, threads: function(paths[0], threads)
        return lambda paths, _: function(paths[0])


_mark: Final = partial(Approach, module="marks", is_mark=True)
_polars: Final = partial(Approach, engine="polars", module="with_polars", threads=(1, 2))
_duckdb: Final = partial(Approach, engine="duckdb", module="with_duckdb", threads=(1, 2), takes_threads=True)
_pandas: Final = partial(Approach, module="with_pandas", function="{shape}", is_slow=True)

_every: Final = (
    _mark(name="`read()` into one buffer", engine="read", function="read_buffer"),
    _mark(name="`wc -l`", engine="wc", function="count_lines", program="wc"),
    _mark(name="`rg --count`, the words only", engine="count", function="count_matches", program="rg"),
    Approach(name="keyrota", engine="scan", module="ours", function="scan"),
    Approach(name="keyrota, end to end", engine="ours", module="ours", function="read"),
    _polars(name="Polars, words first, then groups", function="{shape}"),
    _polars(name="Polars, `scan_ndjson`", function="ndjson_scan", shapes=("ndjson",)),
    Approach(name="ripgrep, then `re`", engine="rg", module="with_re", function="rg_{shape}", program="rg"),
    _duckdb(name="DuckDB", function="{shape}"),
    _duckdb(name="DuckDB, lines first", function="ndjson_lines", shapes=("ndjson",)),
    Approach(
        name="`re`, line by line", engine="lines", module="with_re", function="lines_{shape}", is_slow=True
    ),
    _pandas(name="pandas, words first", engine="pandas-filtered", options=(("is_filtered", True),)),
    _pandas(name="pandas, plain", engine="pandas"),
    _mark(name="ISA-L, decompression alone", engine="gz", function="isal"),
    _mark(name="zlib, decompression alone", engine="zlib", function="zlib_alone"),
    _mark(name="zstandard, decompression alone", engine="zst", function="zstd"),
)

APPROACHES: Final = {approach.name: approach for approach in _every}
"""Every approach by its name, in the order of the tables."""

DECOMPRESSORS: Final = {"gz": ("gz", "zlib"), "zst": ("zst",)}
"""The marks of each compression, by engine."""
