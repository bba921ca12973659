"""The scan as machine code: which functions it consists of, and how they are made known to the compiler."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from keyrota.compiling import compiled, fingerprint_of, functions_of


def has_compiler() -> bool:
    """Say whether this platform has the compiler; without it the general decoder reads everything."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def _modules() -> list[ModuleType]:
    from keyrota.logs.scan import (
        alphabet,
        csv_columns,
        csv_cut,
        csv_look,
        csv_rows,
        csv_walk,
        failures,
        found,
        isolates,
        json_fields,
        json_layout,
        json_place,
        json_rows,
        json_syntax,
        json_walk,
        libc,
        line_walk,
        marks,
        message,
        names,
        picks,
        prefix,
        refused,
        requests,
        sink,
        stamps,
        text,
        usual,
        wide,
        words,
    )

    return [
        alphabet, libc, words, wide, prefix, refused, found, picks, isolates, failures, requests, message,
        names, stamps, usual, sink, line_walk, marks, text, csv_columns, csv_cut, csv_look, csv_rows,
        csv_walk, json_syntax, json_layout, json_fields, json_walk, json_place, json_rows,
    ]  # fmt: skip


@cache
def machine_code(name: str) -> Any:
    """Return a kernel by its name: from the cache on disk, or compiled now, which takes some seconds.

    Raises
    ------
    ImportError
        If the platform has no compiler.
    """
    from numba.extending import register_jitable

    _register(register_jitable)
    function = next(function for function in functions_of(_modules()) if function.__name__ == name)
    return compiled(function, _fingerprint(), error_model="numpy")


@cache
def _fingerprint() -> int:
    from keyrota import events
    from keyrota.logs import hashing, rows, tables, times
    from keyrota.logs.scan import instructions

    return fingerprint_of((*_modules(), instructions, events, hashing, rows, tables, times))


@cache
def _register(register_jitable: Any) -> None:
    from keyrota.logs.scan.instructions import replaced

    others = replaced()
    for function in functions_of(_modules()):
        if function not in others:
            register_jitable(_nrt=False, forceinline=True)(function)
