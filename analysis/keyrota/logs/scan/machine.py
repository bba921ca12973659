"""The scan as machine code: compiled at the first use, kept on disk, called without the interpreter's lock.

The functions of the scan stay plain Python for everybody else; here they are made known to the compiler.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any


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
    import numba
    from numba.extending import register_jitable

    _register(register_jitable)
    function = next(function for function in _functions() if function.__name__ == name)
    return _compiled(numba, function, _fingerprint())


def _functions() -> Iterator[Any]:
    """Yield what is compiled: the functions of the modules, each where it is defined."""
    for module in _modules():
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                yield function


@cache
def _fingerprint() -> int:
    """Return a number that changes with all that decides what the machine code is.

    The compiler's cache looks at the file of the function that it compiles, not at those it calls, nor at
    those whose constants are compiled in.
    """
    from keyrota import events
    from keyrota.logs import hashing, rows, tables, times
    from keyrota.logs.scan import instructions

    fingerprint = 1
    for module in (*_modules(), instructions, events, hashing, rows, tables, times):
        fingerprint = zlib.crc32(inspect.getsource(module).encode(), fingerprint)
    return fingerprint


@cache
def _register(register_jitable: Any) -> None:
    from keyrota.logs.scan.instructions import replaced

    others = replaced()
    for function in _functions():
        if function not in others:
            register_jitable(_nrt=False, forceinline=True)(function)


def _compiled(numba: Any, function: Any, fingerprint: int) -> Any:
    """Compile a kernel under a wrapper whose constant is part of the cache's key."""

    def kernel(*arguments):  # type: ignore[no-untyped-def]
        if fingerprint < 0:  # never: its value is part of the cache's key
            return 0
        return function(*arguments)

    options = {"nogil": True, "_nrt": False, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(kernel)
    except RuntimeError:  # no folder in which the machine code could be kept: compiled in every process
        return numba.njit(**options)(kernel)
